"""The statistical analysis plan: which visits, arms, analysis sets and subsets the tables have rows for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedSubset:
    """A reported subset, its denominators (the first is the primary one) and the tube it is read from.

    Parameters
    ----------
    condition : str or None
        The only sample condition that counts, as in ``unstimulated``; None where the trial has one.
    population : str or None
        The gated population whose events are counted; None where it has the subset's name.
    panel : str or None
        The panel of the tubes that it is read from; None where nobody said.
    """

    id: str
    denominators: tuple[str, ...]
    condition: str | None = None
    population: str | None = None
    panel: str | None = None


@dataclass(frozen=True)
class Schedule:
    """Which visits show what of a drug that is given in blocks.

    Parameters
    ----------
    peak : tuple of str
        Visits at the end of a dosing block.
    trough : tuple of str
        Visits at the end of the break after one.
    exposure : tuple of str
        The visits from the baseline to the last trough or peak: what an area under the curve is made of.
    carry_over : tuple of str
        Visits after these.
    """

    peak: tuple[str, ...] = ()
    trough: tuple[str, ...] = ()
    exposure: tuple[str, ...] = ()
    carry_over: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedEndpoint:
    """A clinical endpoint as the configuration declares it.

    Parameters
    ----------
    kind : str
        ``binary`` (values 0 and 1) or ``continuous``.
    role : str
        ``efficacy``, where a missing value may count as no response, or ``safety``, where it never does.
    visit, order : str and int, or None
        Of an endpoint of the hierarchy: the visit at which it is tested, and its place, 1 the first.
    """

    id: str
    kind: str
    role: str
    visit: str | None = None
    order: int | None = None


@dataclass(frozen=True)
class Family:
    """Tests that were declared to belong together, and how their p-values are adjusted (``holm`` or ``bh``).

    Parameters
    ----------
    test : str
        One of `cytotrial.statistics.tables.families.SOURCES`.
    subsets, visits : tuple of str
        Under their primary denominators; empty: all of them, all post-baseline visits.
    """

    id: str
    test: str
    subsets: tuple[str, ...]
    visits: tuple[str, ...]
    method: str


@dataclass(frozen=True)
class AnalysisPlan:
    """What is compared with what; plain words only, so that the tables can be made without a trial's folder.

    Parameters
    ----------
    baseline : str
        The visit that changes are counted from; one of `visits`.
    visits : tuple of str
        Every visit, in order.
    active, control : tuple of str
        Arms by role, in the order of the configuration.
    arms : tuple of str
        All arms, in the order of the configuration.
    analysis_sets : tuple of str
        The first is the primary one.
    weeks : tuple of float
        When the visits are, in their order; empty where nobody said.
    is_locf_asked : bool
        Whether last observations are carried forward, as a sensitivity analysis of its own.
    """

    baseline: str
    visits: tuple[str, ...]
    arms: tuple[str, ...]
    active: tuple[str, ...]
    control: tuple[str, ...]
    analysis_sets: tuple[str, ...]
    subsets: tuple[PlannedSubset, ...]
    weeks: tuple[float, ...] = ()
    schedule: Schedule = Schedule()
    endpoints: tuple[PlannedEndpoint, ...] = ()
    families: tuple[Family, ...] = ()
    is_locf_asked: bool = False

    @property
    def pair(self) -> tuple[str, str] | None:
        """The arms that are compared: the first active and the first control one; None without either."""
        return (self.active[0], self.control[0]) if self.active and self.control else None

    @property
    def post_baseline(self) -> tuple[str, ...]:
        """The visits that come after the baseline (a screening visit before it is not one)."""
        return self.visits[self.visits.index(self.baseline) + 1 :]

    def percentages(self) -> Iterator[tuple[str, str]]:
        """Every (subset, denominator) the tables have rows for."""
        for subset in self.subsets:
            for denominator in subset.denominators:
                yield subset.id, denominator

    def is_primary(self, subset: str, denominator: str) -> bool:
        """Whether `denominator` is the subset's primary one: only those enter a family of tests."""
        return any(planned.id == subset and planned.denominators[0] == denominator for planned in self.subsets)
