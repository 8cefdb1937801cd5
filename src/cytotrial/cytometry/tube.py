"""One sample's tube, ready for gating: its file, its axes by marker, its compensated events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError, read_fcs
from cytotrial.cytometry.linear_events import LinearEvents
from cytotrial.cytometry.panel import Panel, resolve_channels
from cytotrial.cytometry.panel_spillover import panel_spillover
from cytotrial.cytometry.quantiles import low_quantile, picked
from cytotrial.cytometry.scale import Scale
from cytotrial.errors import CytotrialError

# An instrument with a wider range than 18 bits has more decades, not coarser ones: M grows with log10 T, so that the
# linear part of the scale around zero stays as wide in linear units as on a FACSDiva file.
REFERENCE_TOP = 2.0**18
# flowutils' logicle, and FlowKit with it, gives some events of wider ones the place of no other: -1.
WIDEST = 2.25
LEAST_NEGATIVES = 100  # fewer show no spread
LINEAR_MARKERS = ("FSC-A", "FSC-H", "FSC-W", "SSC-A", "SSC-H", "SSC-W", "Time")


@dataclass(frozen=True)
class Tube:
    """A file whose markers are known.

    Attributes
    ----------
    axes : mapping of str to Axis
        Every marker, scatter and time channel that the panel maps and the file has.
    spillover : Spillover or None
        The matrix used; None where the panel says ``compensation: none``.
    events : LinearEvents
        Linear; compensated in the matrix's detectors.
    """

    sample_id: str
    file: FcsFile
    axes: Mapping[str, Axis]
    spillover: Spillover | None
    events: LinearEvents = field(repr=False)

    def linear(self, marker: str) -> np.ndarray:
        """One marker's values, shape (n_events,), linear, compensated."""
        return self.events.column(self.axes[marker].index)

    @property
    def seen(self) -> Tube:
        """The tube with the events that gates are placed on; itself unless it has very many (`linear_events`)."""
        return self if self.events.seen is self.events else replace(self, events=self.events.seen)


def open_tube(path: Path, panel: Panel, scale: Scale, *, sample_id: str) -> Tube:
    """Read, compensate and name a file's channels.

    Raises
    ------
    UnreadableFcsError
        The file cannot be used, or its markers cannot be told; the text says why.
    """
    return tube_of(read_fcs(path), panel, scale, sample_id=sample_id, shown=path.name)


def tube_of(file: FcsFile, panel: Panel, scale: Scale, *, sample_id: str, shown: str) -> Tube:
    """As `open_tube`, for a file already read."""
    try:
        resolved = resolve_channels(panel, [(c.name, c.label) for c in file.channels], file=shown)
    except CytotrialError as error:
        raise UnreadableFcsError("; ".join(error.problems)) from error
    indices = resolved.channels
    axes = {marker: _axis(marker, file, index, scale) for marker, index in indices.items()}
    twice = sorted({axis.channel for axis in axes.values() if file.names.count(axis.channel) > 1})
    if twice:  # FlowKit knows channels by name alone, and would take the first
        raise UnreadableFcsError(f"$PnN {', '.join(twice)} stands for several channels, one of them the panel's")
    spillover = panel_spillover(file, panel)
    events = LinearEvents(file.stored, spillover, file.names, used=list(indices.values()))
    if not events.seen.finite:
        raise UnreadableFcsError("events that are not finite numbers in the panel's channels")
    axes = {marker: _wide_enough(axis, events.seen.column(axis.index)) for marker, axis in axes.items()}
    return Tube(sample_id, file, axes, spillover, events)


def _axis(marker: str, file: FcsFile, index: int, scale: Scale) -> Axis:
    channel = file.channels[index]
    if marker in LINEAR_MARKERS:
        return Axis(marker, channel.name, index, channel.top)
    if not 0 < channel.top < math.inf:
        raise UnreadableFcsError(f"{channel.name} ({marker}) has a range ($PnR) of {channel.top:g}, not above 0")
    width = scale.w if scale.method == "logicle" else 0.0
    decades = scale.m + max(0.0, math.log10(channel.top / REFERENCE_TOP))
    return Axis(marker, channel.name, index, channel.top, scale.method, width, decades, scale.a)


def _wide_enough(axis: Axis, values: np.ndarray) -> Axis:
    """The axis with a width that keeps this file's negatives in the linear part of the scale.

    Parks 2006, doi:10.1002/cyto.a.20258: W = (M - log10(T / r)) / 2, r the fifth percentile of the negative
    values; the strategy's width is the least. A narrower one splits the noise around zero into two peaks,
    which happens on instruments of wide range and much noise.
    """
    negative = picked(values, values < 0)
    if axis.method != "logicle" or len(negative) < LEAST_NEGATIVES:
        return axis
    reach = -low_quantile(negative, 0.05)
    width = (axis.m - math.log10(axis.top / reach)) / 2 if reach > 0 else axis.w
    return replace(axis, w=round(max(axis.w, min(width, axis.m / 2, WIDEST)), 3))
