"""What a method says of one gate of one file: where its bounds lie, or that they were not found, because."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FLIPPED = {"min": "max", "max": "min"}  # the side of a threshold that the opposite population keeps


@dataclass(frozen=True)
class Bound:
    """One side of a gate.

    Attributes
    ----------
    marker : str
        As the strategy calls it; for a shape the pair joined by ``:``.
    side : str
        ``min`` (kept from here up), ``max`` (kept below here) or ``shape``.
    linear : float or None
        The threshold in linear units (compensated for fluorescence); None for a shape.
    coordinates : tuple of pairs, or None
        A shape's vertices in linear units; for Time, the kept intervals ``(from, to)`` in seconds.
    """

    marker: str
    side: str
    linear: float | None = None
    coordinates: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True)
class Landmark:
    """A gate's bounds and how they were found; no bounds means not found, and `reason` says why.

    Attributes
    ----------
    measures : mapping of str to float
        What the method read from the events, by name, all positive and none an average of files: what files of a pool
        are compared by, and what a method whose gate rests on several numbers rebuilds it from. Empty where the bounds
        themselves are all there is.
    doubt : str
        What the events showed that makes the number inside uncertain though the gate was found; empty where nothing.
    """

    bounds: tuple[Bound, ...]
    reason: str
    measures: Mapping[str, float] = field(default_factory=dict)
    doubt: str = ""

    @property
    def found(self) -> bool:
        """Whether the file's own data showed where the gate belongs."""
        return bool(self.bounds)


def not_found(reason: str) -> Landmark:
    """A landmark that is not there, because."""
    return Landmark((), reason)


def bounds_of(rows: Sequence[Mapping[str, Any]], column: str = "") -> tuple[Bound, ...]:
    """A gate's bounds from its rows of the ledger: those that are used, or those in the columns that begin so.

    Parameters
    ----------
    column : str
        ``automatic_`` for where a gate that was moved by hand had been.
    """
    bounds = []
    for row in rows:
        threshold, coordinates = row.get(f"{column}threshold_linear"), row.get(f"{column}coordinates")
        if coordinates:
            corners = tuple((float(x), float(y)) for x, y in json.loads(coordinates))
            bounds.append(Bound(row["marker"], "shape", None, corners))
        elif threshold is not None:
            bounds.append(Bound(row["marker"], row["bound"], float(threshold)))
    return tuple(bounds)


def above_or_below(marker: str, keep: str, linear: float) -> Bound:
    """The bound that keeps the events above (or below) a threshold."""
    return Bound(marker, "min" if keep == "above" else "max", float(linear))
