"""What the speed is meant to reach, and whether it does. A target that is missed is shown, never a reason to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]
OK, SHORT, UNKNOWN = "ok", "SHORT", "not measured"
GATING_VERBS = ("place-gates", "apply-gates")
SMALL, LARGE, WHOLE = 100_000, 10_000_000, 600


@dataclass(frozen=True)
class Target:
    """A bound on one figure; `found` tells it, or None where it was not measured."""

    words: str
    unit: str
    bound: float
    found: Callable[[Figures], float | None]
    at_least: bool = False

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g}{self.unit}"

    def verdict(self, value: float | None) -> str:
        """``ok``, or by how much it is short of the bound."""
        if value is None:
            return UNKNOWN
        if value >= self.bound if self.at_least else value <= self.bound:
            return OK
        if self.bound == 0:
            return f"**{SHORT}**"
        missing = 1.0 - value / self.bound if self.at_least else value / self.bound - 1.0
        return f"**{SHORT}** by {100 * missing:.0f} %"


def rows_of(figures: Figures, part: str) -> list[Mapping[str, Any]]:
    """What a part measured; empty where it did not run."""
    return list(figures.get(part, {}).get("rows", ()))


def row_of(figures: Figures, part: str, key: str, value: int) -> Mapping[str, Any] | None:
    """The row of a part whose `key` is `value`."""
    return next((row for row in rows_of(figures, part) if row[key] == value), None)


def _of_size(column: str, n_events: int) -> Callable[[Figures], float | None]:
    def found(figures: Figures) -> float | None:
        row = row_of(figures, "gating", "n_events", n_events)
        return row[column][0] if row else None

    return found


def peaks(figures: Figures) -> dict[str, dict[int, float]]:
    """Engine, or verb of a gating job -> events of the file -> peak memory in MiB."""
    found: dict[str, dict[int, float]] = {"engine": {}, **{verb: {} for verb in GATING_VERBS}}
    for row in rows_of(figures, "memory"):
        found["engine"][row["n_events"]] = row["peak_mib"]["engine"]
    for row in rows_of(figures, "job_memory"):
        for verb in GATING_VERBS:
            found[verb][row["n_events"]] = row["verbs"][verb]["peak_mib"]
    return {name: sizes for name, sizes in found.items() if sizes}


def _largest_peak(figures: Figures) -> float | None:
    every = [peak for name, sizes in peaks(figures).items() if name in GATING_VERBS for peak in sizes.values()]
    whole = row_of(figures, "whole", "n_files", WHOLE)
    every += [whole["verbs"][verb]["peak_mib"] for verb in GATING_VERBS] if whole else []
    return max(every, default=None)


def _growth(figures: Figures) -> float | None:
    found = [sizes[LARGE] / sizes[SMALL] for sizes in peaks(figures).values() if {SMALL, LARGE} <= sizes.keys()]
    return max(found, default=None)


def _wall_ratio(figures: Figures) -> float | None:
    row = row_of(figures, "whole", "n_files", WHOLE)
    return row["workflow"]["wall"] / row["flowkit"]["wall"] if row else None


def _placing_ratio(figures: Figures) -> float | None:
    row = row_of(figures, "whole", "n_files", WHOLE)
    if row is None:
        return None
    cpu = {verb: one["cpu"] for verb, one in row["verbs"].items()}
    return (cpu["place-gates"] + cpu["agree-gates"]) / cpu["apply-gates"]


def _differing(figures: Figures) -> float | None:
    found = list(_all_differing(figures))
    return float(sum(found)) if found else None


def _all_differing(figures: Figures) -> Iterator[int]:
    for part in ("gating", "memory", "whole"):
        for row in rows_of(figures, part):
            yield row["differing_counts"] + row.get("differing_events", 0)


TARGETS = (
    Target("CPU under FlowKit's, 100k events a file", " x", 25, _of_size("under_flowkit", SMALL), at_least=True),
    Target("CPU under FlowKit's, 1M events a file", " x", 35, _of_size("under_flowkit", 1_000_000), at_least=True),
    Target("CPU over the floor's, 100k events a file", " x", 5, _of_size("over_floor", SMALL)),
    Target("CPU over the floor's, 1M events a file", " x", 5, _of_size("over_floor", 1_000_000)),
    Target("peak memory of a gating job", " MiB", 96, _largest_peak),
    Target("peak memory, 10M events over 100k", " x", 2, _growth),
    Target("whole workflow of 600 files over FlowKit alone, wall time", " x", 1, _wall_ratio),
    Target("placing and agreeing over applying, CPU", " x", 2, _placing_ratio),
    Target("differing events and counts", "", 0, _differing),
)
