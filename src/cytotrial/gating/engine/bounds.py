"""Limits on a gate's scale as limits in linear units, where the scale rises from end to end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.gate_tree import GateScale

# A scale may waver by some last digits: values this near to a limit (relative, and to the smallest magnitude that
# matters; more where the scale does not move by `WAVER` over it) are asked through the scale itself.
NEAR, SMALLEST = 1e-9, 1e-3
WAVER = 1e-13
WIDENINGS = 12
# Beyond, an iteration may fail: larger values, and what is no number at all, are asked through the scale itself.
LARGEST = 1e15
SECTIONS = 1025
MOST_ROUNDS = 40
# flowutils' logicle iterates to three units in the last place and answers -1 where rounding keeps it from that:
# never within these widths and without negative decades (ten million values each), often at W = 0 and at W >= 2.7.
LOGICLE_WIDTHS = (0.01, 2.25)


@dataclass(frozen=True)
class Limit:
    """Where a scale reaches a value: surely not yet below ``linear - margin``, surely from ``linear + margin`` on."""

    on_scale: float
    linear: float
    margin: float


def is_regular(scale: GateScale | None) -> bool:
    """Whether a scale rises over every value up to `LARGEST`."""
    if not isinstance(scale, Axis):
        return scale is None or bool(getattr(scale, "is_regular", False))
    if scale.method == "logicle":
        # Moore 2012, doi:10.1002/cyto.a.22030, on which parameters make a scale at all.
        is_scale = scale.top > 0 and 2 * scale.w <= scale.m and scale.a + scale.w <= scale.m - scale.w
        return is_scale and scale.a >= 0 and LOGICLE_WIDTHS[0] <= scale.w <= LOGICLE_WIDTHS[1]
    return scale.is_linear or (scale.top > 0 and scale.m > 0 and scale.m + scale.a > 0)


@lru_cache(maxsize=4096)
def limit_on(scale: GateScale | None, on_scale: float) -> Limit | None:
    """The linear place of a value of a gate's scale, for linear values up to `LARGEST`.

    Returns
    -------
    Limit or None
        None where the scale does not rise through the value in a way that can be told: it must be asked itself.
    """
    if scale is None:
        return Limit(on_scale, on_scale, 0.0)
    if not is_regular(scale) or math.isnan(on_scale):
        return None
    if math.isinf(on_scale):
        return Limit(on_scale, on_scale, 0.0)
    with np.errstate(all="ignore"):
        linear = _linear_place(scale, on_scale)
        if math.isinf(linear):
            return Limit(on_scale, linear, 0.0)
        margin, waver = NEAR * max(abs(linear), SMALLEST), WAVER * max(abs(on_scale), 1.0)
        for _ in range(WIDENINGS):
            below, above = scale.to_scale(np.array([linear - margin, linear + margin]))
            if below < on_scale - waver and on_scale + waver < above:
                return Limit(on_scale, linear, margin)
            margin *= 10.0
    return None


def _linear_place(scale: GateScale, on_scale: float) -> float:
    """Where the scale reaches a value; infinite where no value up to `LARGEST` does, or all do."""
    lowest, highest = scale.to_scale(np.array([-LARGEST, LARGEST]))
    if highest < on_scale:
        return math.inf
    if lowest >= on_scale:
        return -math.inf
    inverse = getattr(scale, "to_linear", None)
    return float(inverse(np.array([on_scale]))[0]) if inverse else _sought(scale, on_scale)


def _sought(scale: GateScale, on_scale: float) -> float:
    """By sections, for scales without an inverse."""
    magnitudes = np.geomspace(1e-12, LARGEST, SECTIONS)
    grid = np.concatenate([-magnitudes[::-1], [0.0], magnitudes])
    for _ in range(MOST_ROUNDS):
        at = int(np.argmax(scale.to_scale(grid) >= on_scale))  # NaN, below a logarithm's domain, is below
        low, high = grid[max(at - 1, 0)], grid[at]
        if high - low <= 1e-12 * max(abs(low), abs(high)):
            break
        grid = np.linspace(low, high, SECTIONS)
    return float((low + high) / 2.0)
