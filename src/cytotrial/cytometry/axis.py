"""One gating axis of one file: which channel, and how linear values become the gate's own scale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """A marker's channel and scale.

    Attributes
    ----------
    marker : str
        As the strategy calls it: ``CD25``, ``FSC-A``, ``Time``.
    channel : str
        ``$PnN``.
    index : int
        Column in the file's events.
    top : float
        T: the largest linear value of the channel's range.
    method : str
        ``linear`` (scatter, time), ``logicle`` or ``asinh`` (fluorescence), parametrised as in GatingML 2.0.
    """

    marker: str
    channel: str
    index: int
    top: float
    method: str = "linear"
    w: float = 0.0
    m: float = 0.0
    a: float = 0.0

    @property
    def is_linear(self) -> bool:
        """Whether gates on this axis live in linear units (scatter, time: never compensated either)."""
        return self.method == "linear"

    @property
    def name(self) -> str:
        """The scale with its parameters, as the ledger writes it."""
        if self.is_linear:
            return "linear"
        width = f",W={_exact(self.w)}" if self.method == "logicle" else ""
        return f"{self.method}(T={_exact(self.top)}{width},M={_exact(self.m)},A={_exact(self.a)})"

    def to_scale(self, linear: np.ndarray | float) -> np.ndarray:
        """Linear to gate scale, through flowutils: FlowKit's own arithmetic, so the same numbers."""
        return self._through(linear, "logicle", "asinh")

    def to_linear(self, scaled: np.ndarray | float) -> np.ndarray:
        """Gate scale to linear."""
        return self._through(scaled, "logicle_inverse", "asinh_inverse")

    def _through(self, values: np.ndarray | float, logicle: str, asinh: str) -> np.ndarray:
        column = np.asarray(values, dtype=float)
        if self.is_linear:
            return column
        from flowutils import transforms

        flat = column.reshape(-1, 1)
        if self.method == "logicle":
            out = getattr(transforms, logicle)(flat, [0], t=self.top, m=self.m, w=self.w, a=self.a)
        else:
            out = getattr(transforms, asinh)(flat, [0], t=self.top, m=self.m, a=self.a)
        return np.asarray(out).reshape(column.shape)


def axes_as_text(axes: Mapping[str, Axis]) -> str:
    """A file's axes as JSON, every digit kept."""
    text = json.dumps([asdict(axis) for axis in axes.values()], separators=(",", ":"))
    return text.replace("  ", " \\u0020")  # tables make one blank of several, and a channel's name may have them


def axes_from_text(text: str) -> dict[str, Axis]:
    """What `axes_as_text` wrote, by marker."""
    return {one["marker"]: Axis(**one) for one in json.loads(text)}


def _exact(value: float) -> str:
    """All digits, as short as they go: six would not tell two large ranges apart."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
