"""Ticks of a gate picture's axes: decades on a logicle or asinh scale, round numbers on a linear one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cytotrial.cytometry.axis import Axis

APART = 0.1  # of the axis, between two labels
MOST_TICKS = 6
DECADES = 6  # from the top down
FROM_EDGE = 0.06  # of the axis: a negative value nearer to its lower end has no label
THOUSANDS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Tick:
    """A tick: where on the axis (0 to 1), what stands beside it, and its power of ten where it has one."""

    at: float
    text: str
    power: str = ""


@lru_cache(maxsize=256)
def ticks(axis: Axis, low: float, high: float) -> tuple[Tick, ...]:
    """The ticks of an axis that shows the scale from `low` to `high`, from left to right."""
    if axis.is_linear:
        return tuple(Tick((value - low) / (high - low), _short(value)) for value in _round_values(low, high))
    top = math.floor(math.log10(axis.top))
    named = [(0.0, "0", "")]
    for sign, mark in ((1, "10"), (-1, "−10")):  # the largest first: those near zero have no room
        named += [(sign * 10.0**power, mark, _minus(str(power))) for power in range(top, top - DECADES, -1)]
    places = (axis.to_scale(np.array([value for value, _, _ in named])) - low) / (high - low)
    found: list[Tick] = []
    for at, (value, text, power) in zip(places.tolist(), named, strict=True):
        lowest = FROM_EDGE if value < 0 else 0.0
        if lowest <= at <= 1.0 and all(abs(at - tick.at) >= APART for tick in found):
            found.append(Tick(at, text, power))
    return tuple(sorted(found, key=lambda tick: tick.at))


def _round_values(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within the range, at most `MOST_TICKS`."""
    coarse = 10.0 ** math.floor(math.log10((high - low) / MOST_TICKS))
    for step in (coarse, 2 * coarse, 5 * coarse, 10 * coarse):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < MOST_TICKS:
            break
    return [float(step * number) for number in np.arange(first, last + 1)]


def _short(value: float) -> str:
    """A number as an axis has it: 150k, 2.5M, 0.2."""
    for unit, letter in THOUSANDS:
        if abs(value) >= unit:
            return _minus(f"{value / unit:g}{letter}")
    return _minus(f"{value:g}")


def _minus(text: str) -> str:
    return text.replace("-", "−")
