"""Rectangles and stretches as comparisons of linear values."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from cytotrial.gating.engine.bounds import Limit, limit_on
from cytotrial.gating.engine.errors import AmbiguousEventError
from cytotrial.gating.engine.frames import Frame
from cytotrial.gating.gate_tree import Dimension, GateScale, Interval, Rectangle, Stretches

NOUGHT = 1e-250  # below, a quotient may be -0.0, of which a logarithm has a value


class RectangleTest:
    """Which events of a frame are within every interval."""

    def __init__(self, shape: Rectangle) -> None:
        self._intervals = [IntervalTest(one) for one in shape.intervals]
        self._outside = shape.outside

    def mask(self, frame: Frame) -> np.ndarray:
        """Membership, shape (len(frame),), bool."""
        mask = np.ones(len(frame), dtype=bool) if not self._intervals else self._intervals[0].mask(frame)
        for one in self._intervals[1:]:
            mask &= one.mask(frame)
        return ~mask if self._outside else mask


class StretchesTest:
    """Which events of a frame are within one of several ranges."""

    def __init__(self, shape: Stretches) -> None:
        self._ranges = [IntervalTest(Interval(shape.dimension, low, high)) for low, high in shape.ranges]

    def mask(self, frame: Frame) -> np.ndarray:
        """Membership, shape (len(frame),), bool."""
        mask = np.zeros(len(frame), dtype=bool)
        for one in self._ranges:
            mask |= one.mask(frame)
        return mask


class IntervalTest:
    """Two limits on one channel, each moved to linear units."""

    def __init__(self, interval: Interval) -> None:
        self._dimension, self._interval = interval.dimension, interval
        scale = interval.dimension.scale
        self._low = None if interval.low is None else limit_on(scale, interval.low)
        self._high = None if interval.high is None else limit_on(scale, interval.high)
        self._is_told = [self._low is None, self._high is None] == [interval.low is None, interval.high is None]
        # A logarithm gives no number below zero, and no comparison with that is true.
        least = getattr(scale, "least", None)
        self._least = None if least is None else Limit(-math.inf, least, NOUGHT)

    def mask(self, frame: Frame) -> np.ndarray:
        """Membership, shape (len(frame),), bool."""
        values, margin = frame.values(self._dimension), frame.margin(self._dimension)
        if not (self._is_told and frame.is_tame(self._dimension)):
            return self._asked(values, frame)
        mask = None
        if self._low is not None:
            mask = self._reaches(values, self._low, margin, frame)
        if self._high is not None:
            below = ~self._reaches(values, self._high, margin, frame)
            mask = below if mask is None else mask & below
        if mask is None:
            return np.ones(len(values), dtype=bool)
        return mask if self._least is None else mask & self._reaches(values, self._least, margin, frame)

    def _reaches(self, values: np.ndarray, limit: Limit, margin: float, frame: Frame) -> np.ndarray:
        """Events on or above a limit."""
        return reaches(values, limit, margin, self._dimension, exact=frame.block.compensation.exact)

    def _asked(self, values: np.ndarray, frame: Frame) -> np.ndarray:
        """Membership by the scale itself."""
        frame.demand_flowkits_digits(self._dimension)
        scaled = on_scale(self._dimension.scale, values)
        mask = np.ones(len(values), dtype=bool)
        if self._interval.low is not None:
            mask &= scaled >= self._interval.low
        if self._interval.high is not None:
            mask &= scaled < self._interval.high
        return mask


def reaches(values: np.ndarray, limit: Limit, margin: float, dimension: Dimension, *, exact: bool) -> np.ndarray:
    """Events on or above a limit of a gate's scale.

    Raises
    ------
    AmbiguousEventError
        The values are compensated quickly, and one lies so near that FlowKit's digits may be on the other side.
    """
    room = limit.margin + margin
    if room == 0.0:
        return values >= _comparable(limit.linear, values)
    mask = values >= _comparable(limit.linear + room, values)
    near = values >= _comparable(limit.linear - room, values)
    if np.count_nonzero(near) != np.count_nonzero(mask):
        if dimension.matrix is not None and not exact:
            raise AmbiguousEventError(f"an event within {room:g} of {limit.linear:g}")
        near &= ~mask
        mask[near] = on_scale(dimension.scale, values[near]) >= limit.on_scale
    return mask


def on_scale(scale: GateScale | None, values: np.ndarray) -> np.ndarray:
    """Values on a gate's scale as FlowKit computes them, float64."""
    values = values.astype(np.float64, copy=False)
    return values if scale is None else scale.to_scale(values)


def _comparable(limit: float, values: np.ndarray) -> float | np.float32:
    """For float32 the least one that is not below `limit`, which numpy would round: values reach both or neither."""
    return limit if values.dtype != np.float32 else _single_above(limit)


@lru_cache(maxsize=4096)
def _single_above(limit: float) -> np.float32:
    with np.errstate(over="ignore"):
        single = np.float32(limit)
    return single if math.isinf(limit) or float(single) >= limit else np.nextafter(single, np.float32(np.inf))
