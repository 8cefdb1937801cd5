"""What a method says of one gate of one file: where its bounds lie, or that they were not found, because."""

from __future__ import annotations

from dataclasses import dataclass

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
    """A gate's bounds and how they were found; no bounds means not found, and `reason` says why."""

    bounds: tuple[Bound, ...]
    reason: str

    @property
    def found(self) -> bool:
        """Whether the file's own data showed where the gate belongs."""
        return bool(self.bounds)


def not_found(reason: str) -> Landmark:
    """A landmark that is not there, because."""
    return Landmark((), reason)


def above_or_below(marker: str, keep: str, linear: float) -> Bound:
    """The bound that keeps the events above (or below) a threshold."""
    return Bound(marker, "min" if keep == "above" else "max", float(linear))
