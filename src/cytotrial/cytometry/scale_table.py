"""Linear to gate scale from a table: for densities, where a millionth of the scale is nothing and speed is all."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from cytotrial.cytometry.axis import Axis

# What `nearly` may be off by, in units of the gate's scale (0 to 1): chords of 1/128 octave under a logarithm of
# 4.5 decades miss it by 7e-7.
LARGEST_ERROR = 2e-6
PER_OCTAVE = 128  # the seven bits of a float32's mantissa that lie in its upper half
OCTAVES_ABOVE = 4  # of the axis' top
SPARE_OCTAVES = 7  # below its M decades: from there on, a logicle or asinh scale is straight through zero


class ScaleTable:
    """An axis as chords between neighbouring numbers of seven binary digits.

    The upper sixteen bits of a float32 are its sign, its exponent and seven digits: they are the index into the table
    without a comparison or a logarithm. The true scale costs some 85 ns a value, this one some 6.
    """

    def __init__(self, axis: Axis) -> None:
        highest = int(np.ceil(np.log2(axis.top))) + OCTAVES_ABOVE
        lowest = highest - OCTAVES_ABOVE - SPARE_OCTAVES - int(np.ceil(axis.m * np.log2(10.0)))
        positive = np.ldexp(np.linspace(1.0, 2.0, PER_OCTAVE, endpoint=False), np.arange(lowest, highest)[:, None])
        nodes = np.append(positive.ravel(), 2.0**highest)
        first = int(nodes[:1].astype(np.float32).view(np.uint32)[0] >> 16)
        self._offset, self._slope = np.empty(2**16), np.empty(2**16)
        for sign, start in ((1.0, 0), (-1.0, 2**15)):
            offset, slope = _chords(axis, sign * nodes)
            half = slice(start, start + 2**15)
            for table, values in ((self._offset, offset), (self._slope, slope)):
                # Smaller numbers lie on the first chord, larger ones (and NaN) on the last.
                values = np.concatenate([np.full(first, values[0]), values[1:]])
                table[half] = np.concatenate([values, np.full(2**15 - len(values), values[-1])])

    def nearly(self, linear: np.ndarray) -> np.ndarray:
        """Values on the gate's scale, within `LARGEST_ERROR` of `Axis.to_scale` where they are below 16 times the top.

        Parameters
        ----------
        linear : ndarray, any shape
            Linear, compensated.
        """
        linear = np.asarray(linear)
        single = np.ascontiguousarray(linear, dtype=np.float32)
        index = (single.view(np.uint32) >> 16).astype(np.intp)
        return self._offset.take(index) + self._slope.take(index) * linear


def _chords(axis: Axis, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset and slope of the chord from zero to the first node, then of those between neighbours."""
    x = np.insert(nodes, 0, 0.0)
    y = axis.to_scale(x)
    slope = np.diff(y) / np.diff(x)
    return y[:-1] - x[:-1] * slope, slope


def scale_table(axis: Axis) -> ScaleTable:
    """The axis' table, made once for all channels of the same scale."""
    return _table(replace(axis, marker="", channel="", index=0))


@lru_cache(maxsize=12)  # of a megabyte each: those of one file
def _table(scale: Axis) -> ScaleTable:
    return ScaleTable(scale)
