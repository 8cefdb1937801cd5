"""One file's gates as values: what the engine counts, what FlowKit is given, and what is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from cytotrial.cytometry.compensation import Spillover

Key = tuple[str, ...]
ROOT_KEY: Key = ()


class GateScale(Protocol):
    """From linear values to those of a gate: `cytometry.axis.Axis`, or one of FlowKit's transforms."""

    def to_scale(self, linear: np.ndarray) -> np.ndarray:
        """Values on the gate's scale, shape as given; never falling as `linear` rises."""
        ...


@dataclass(frozen=True)
class Dimension:
    """One channel of a gate.

    Attributes
    ----------
    index : int
        Column in the file's events.
    matrix : str or None
        Which of the tree's spillover matrices is undone; None where the gate is on values as they were measured.
    scale : GateScale or None
        None where the gate is in linear units.
    """

    index: int
    matrix: str | None = None
    scale: GateScale | None = None


@dataclass(frozen=True)
class Interval:
    """Events from `low` up and below `high`, on the gate's scale; None: no limit."""

    dimension: Dimension
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Rectangle:
    """Events within every interval; `outside`: all others."""

    intervals: tuple[Interval, ...]
    outside: bool = False


@dataclass(frozen=True)
class Stretches:
    """Events within one of several ranges ``(from, to)`` of one channel, on its scale: the kept stretches of time."""

    dimension: Dimension
    ranges: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Polygon:
    """Events inside a polygon of two channels; `vertices` on the gate's scale; `outside`: all others."""

    dimensions: tuple[Dimension, Dimension]
    vertices: tuple[tuple[float, float], ...]
    outside: bool = False


@dataclass(frozen=True)
class Ellipsoid:
    """Events whose squared Mahalanobis distance from `mean` is at most `distance_square`, on the gate's scale."""

    dimensions: tuple[Dimension, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    distance_square: float


@dataclass(frozen=True)
class Combination:
    """Events of other gates joined by ``and``, ``or`` or ``not``; a member is a key, and whether it is inverted."""

    operation: str
    members: tuple[tuple[Key, bool], ...]


Shape = Rectangle | Stretches | Polygon | Ellipsoid | Combination


@dataclass(frozen=True)
class Gate:
    """A gate below another (`parent`, a key of the same tree, or `ROOT_KEY`)."""

    key: Key
    parent: Key
    shape: Shape


@dataclass(frozen=True, eq=False)  # the same tree is the same object: what is compiled from it is kept
class GateTree:
    """The gates of one file; parents, and the members of combinations, stand before those that need them."""

    gates: tuple[Gate, ...]
    matrices: Mapping[str, Spillover] = field(default_factory=dict)
