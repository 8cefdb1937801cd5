"""One sample's tube, ready for gating: its file, its axes by marker, its compensated events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover, checked, compensate, read_matrix
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError, read_fcs
from cytotrial.cytometry.panel import Panel, resolve_channels
from cytotrial.cytometry.scale import Scale
from cytotrial.errors import CytotrialError

# An instrument with a wider range than 18 bits has more decades, not coarser ones: M grows with log10 T, so that the
# linear part of the scale around zero stays as wide in linear units as on a FACSDiva file.
REFERENCE_TOP = 2.0**18
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
    events : ndarray, shape (n_events, n_channels)
        Linear; compensated in the matrix's detectors.
    """

    sample_id: str
    file: FcsFile
    axes: Mapping[str, Axis]
    spillover: Spillover | None
    events: np.ndarray = field(repr=False)

    def linear(self, marker: str) -> np.ndarray:
        """One marker's values, shape (n_events,), linear, compensated."""
        return self.events[:, self.axes[marker].index]


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
    spillover = _spillover(file, panel)
    events = compensate(file.events, spillover, file.names)
    used = [axis.index for axis in axes.values()]
    if not np.isfinite(events[:, used]).all():
        raise UnreadableFcsError("events that are not finite numbers in the panel's channels")
    axes = {marker: _wide_enough(axis, events[:, axis.index]) for marker, axis in axes.items()}
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
    negative = values[values < 0]
    if axis.method != "logicle" or len(negative) < LEAST_NEGATIVES:
        return axis
    reach = -float(np.quantile(negative, 0.05))
    width = (axis.m - math.log10(axis.top / reach)) / 2 if reach > 0 else axis.w
    return replace(axis, w=round(min(max(axis.w, width), axis.m / 2), 3))


def _spillover(file: FcsFile, panel: Panel) -> Spillover | None:
    if panel.compensation == "none":
        return None
    if panel.compensation != "fcs":
        try:
            return checked(read_matrix(Path(panel.compensation)), file.names)
        except ValueError as error:
            raise UnreadableFcsError(f"compensation matrix: {error}") from error
        except CytotrialError as error:
            raise UnreadableFcsError("; ".join(error.problems)) from error
    if file.spillover_problem:
        raise UnreadableFcsError(f"spillover: {file.spillover_problem}")
    if file.spillover is None:
        raise UnreadableFcsError(
            "no spillover matrix in the file (SPILL, SPILLOVER or $SPILLOVER); if its data are compensated "
            "already say 'compensation: none' in the panel file, else name a CSV matrix there"
        )
    return file.spillover
