"""The gating strategy as values: rules in gating order, one per population. Light: no numpy here."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from cytotrial.cytometry.scale import Scale

ROOT = "root"


@dataclass(frozen=True)
class Rule:
    """How one population is to be found: intent, not outcome.

    Attributes
    ----------
    pool : str
        The files that the gate is held over, borrowed from and compared with: ``none subject batch site trial``.
    fallback : tuple of float or None
        Thresholds in linear units, one per marker, for when neither the file nor its pool has one.
    step : str
        ``quality``: a step of event quality; ``optional``: a population that not every file can show.
        Where the channel of either is missing it is NOT DONE and its children hang from its parent.
        ``lineage`` (any other): where its channel is missing it is NA, and so are its children.
    align : str
        Of a method that holds some numbers over its pool, what those that follow the instrument are: each ``file``'s
        own, its ``batch``'s, or ``none``: held like the others, which asks for an instrument that never drifts.
    far : float or None
        Robust SDs from files measured alike beyond which a file's own placement is not believed; None: always is.
    control : float or None
        Where the sheet has a staining control of the first marker, the lower bound is this quantile of its cells.
    """

    id: str
    parent: str
    markers: tuple[str, ...]
    method: str
    args: Any
    pool: str
    fallback: tuple[float, ...] | None
    step: str
    align: str = "file"
    far: float | None = 4.0
    control: float | None = None

    @property
    def may_be_skipped(self) -> bool:
        """Whether its children may hang from its parent where it is NOT DONE."""
        return self.step != "lineage"

    def usable_markers(self, available: Container[str]) -> tuple[str, ...]:
        """The markers the method would work on, of those available; empty where it cannot work."""
        have = tuple(marker for marker in self.markers if marker in available)
        if self.method == "singlet_band":  # an area, and the first of height and width
            return have[:2] if len(have) > 1 and have[0] == self.markers[0] else ()
        return have if have == self.markers else ()


@dataclass(frozen=True)
class Strategy:
    """A checked strategy: rules in gating order."""

    name: str
    scale: Scale
    rules: tuple[Rule, ...]

    @property
    def population_ids(self) -> tuple[str, ...]:
        """Every population a readout can name, the root included."""
        return (ROOT, *(rule.id for rule in self.rules))

    def ancestors(self, population: str) -> tuple[str, ...]:
        """The populations above one, the nearest first and the root last."""
        parents = {rule.id: rule.parent for rule in self.rules}
        above = []
        while population in parents:
            population = parents[population]
            above.append(population)
        return tuple(above)

    @property
    def markers(self) -> frozenset[str]:
        """Every marker, scatter or time name that some rule needs."""
        seeds = {rule.args.seed_marker for rule in self.rules if getattr(rule.args, "seed_marker", None)}
        return frozenset(marker for rule in self.rules for marker in rule.markers) | seeds
