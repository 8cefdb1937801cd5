"""Method `steady_signal`: the time ranges in which rate and signals are those of the rest of the run."""

from __future__ import annotations

import numpy as np

from cytotrial.cytometry.quantiles import median, quantiles
from cytotrial.gating.arguments import SteadySignal
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.numerics import with_neighbours
from cytotrial.gating.parent_events import ParentEvents

LEAST_BINS = 12
MOST_BINS = 400
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
# Beyond this many events a bin's shares are taken as no better known: no cytometer is steadier than that.
MOST_EXACT = 500
# The bins' own scatter counts as noise up to this many times that of counting: were it unbounded, a change that
# covers half the run would be its own excuse.
MOST_NOISE = 2.0
# Where exactly the file's quantiles lie is of no matter, for every bin is held against the same places: of many events
# one in so many tells them.
ENOUGH = 10_000


def place(events: ParentEvents, *, args: SteadySignal) -> Landmark:
    """The kept intervals of Time, in seconds.

    Notes
    -----
    Bins of equal event number. Per bin and signal, the shares of events below the whole file's quantiles are
    held against the median bin's: binomial noise, whatever the shape of the distribution, where a bin's own
    quantiles jump whenever one falls between two populations. Bins over time follow PeacoQC (Emmaneel 2022,
    doi:10.1002/cyto.a.24501); no code of it is used.
    """
    (marker,) = events.markers
    time = events.linear(marker)
    per_bin = int(np.clip(len(time) // 100, 80, args.bin_events))
    per_bin = max(per_bin, len(time) // MOST_BINS)
    n_bins = len(time) // per_bin
    if n_bins < LEAST_BINS:
        return not_found(f"{len(time)} events make {n_bins} time bins, fewer than {LEAST_BINS}")
    if not np.ptp(time) > 0:
        return not_found(f"{marker} has one value")
    order = None if (time[1:] >= time[:-1]).all() else np.argsort(time, kind="stable")
    time = _ordered(time, order)
    starts, ends = time[: n_bins * per_bin : per_bin], time[per_bin - 1 : n_bins * per_bin : per_bin]
    bad = _shifted(events, order, n_bins, per_bin, args) | _burst(time, starts, ends, args)
    bad = with_neighbours(bad)
    edges = np.append(starts, np.nextafter(time[-1], np.inf))
    kept = _intervals(edges, ~bad)
    if not kept:
        return not_found("no steady stretch of time")
    n_bad = int(bad.sum())
    reason = f"{n_bad} of {n_bins} time bins left out" if n_bad else f"steady over all {n_bins} time bins"
    return Landmark((Bound(marker, "shape", None, kept),), reason)


def _ordered(values: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    return values if order is None else values.take(order)


def _shifted(
    events: ParentEvents, order: np.ndarray | None, n_bins: int, per_bin: int, args: SteadySignal
) -> np.ndarray:
    """Bins in which some signal's distribution is not the median bin's."""
    below = [
        _below(_ordered(events.linear(marker), order), n_bins, per_bin)
        for marker in [m for m in ("FSC-A", "SSC-A") if m in events.tube.axes] + list(events.fluorescence())
    ]
    if not below:
        return np.zeros(n_bins, dtype=bool)
    # The arcsine root makes the noise of a share the same wherever the share lies.
    share = np.arcsin(np.sqrt(np.arange(per_bin + 1) / per_bin))[np.concatenate(below)]
    # The median bin, not the whole file, is the norm: a long incident shifts the file's own shares.
    distance = np.abs(share - median(share)[:, None])
    counting = 0.5 / np.sqrt(min(per_bin, MOST_EXACT))
    noise = np.clip(1.4826 * median(distance)[:, None], counting, MOST_NOISE * counting)
    return (distance > args.deviations * noise).any(axis=0)


def _below(signal: np.ndarray, n_bins: int, per_bin: int) -> np.ndarray:
    """Events of each bin below each of the file's quantiles, shape (len(QUANTILES), n_bins); `signal` in time."""
    places = quantiles(signal[:: -(-len(signal) // ENOUGH)], QUANTILES)
    bins = signal[: n_bins * per_bin].reshape(n_bins, per_bin)
    return np.array([np.bitwise_count(np.packbits(bins < place, axis=1)).sum(axis=1, dtype=int) for place in places])


def _burst(time: np.ndarray, starts: np.ndarray, ends: np.ndarray, args: SteadySignal) -> np.ndarray:
    """Bins whose events came far faster than the run's median rate: an air bubble, a shaken line; `time` in order."""
    steps = np.diff(time)
    tick = steps[steps > 0].min()  # a bin within one tick is as long as that, not of no length
    duration = np.maximum(ends - starts, tick)
    return median(duration) / duration > args.burst_rate


def _intervals(edges: np.ndarray, good: np.ndarray) -> tuple[tuple[float, float], ...]:
    kept: list[tuple[float, float]] = []
    for i in np.flatnonzero(good):
        start, stop = float(edges[i]), float(edges[i + 1])
        if kept and kept[-1][1] == start:
            kept[-1] = (kept[-1][0], stop)
        elif stop > start:
            kept.append((start, stop))
    return tuple(kept)
