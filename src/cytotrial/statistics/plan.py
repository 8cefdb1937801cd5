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
    """

    id: str
    denominators: tuple[str, ...]
    condition: str | None = None


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
    """

    baseline: str
    visits: tuple[str, ...]
    arms: tuple[str, ...]
    active: tuple[str, ...]
    control: tuple[str, ...]
    analysis_sets: tuple[str, ...]
    subsets: tuple[PlannedSubset, ...]

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
