"""Densities in one dimension: smoothed histogram, mode, lower-half spread, and the valley between two peaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cytotrial.cytometry.quantiles import median, outermost, picked
from cytotrial.gating.numerics import smoothed

BINS = 1024
# Smoothing on a 0-to-1 gate scale: a stained population's SD is 0.025 or more there (0.11 decades), so
# 0.012 keeps two populations apart. Fewer events than REFERENCE_EVENTS are smoothed more (n^-1/5).
BANDWIDTH = 0.012
REFERENCE_EVENTS = 2000
LEAST_EVENTS = 50


@dataclass(frozen=True)
class Density:
    """A smoothed histogram.

    Attributes
    ----------
    grid, height : ndarray, shape (BINS,)
        Bin centres on the gate's scale; events per bin after smoothing.
    counts : ndarray, shape (BINS,)
        Events per bin before smoothing.
    """

    grid: np.ndarray
    height: np.ndarray
    counts: np.ndarray

    @property
    def mode(self) -> float:
        """Where it is highest."""
        return float(self.grid[np.argmax(self.height)])


@dataclass(frozen=True)
class ValleyFound:
    """The valley's place, the peaks beside it, its depth (0 to 1) and the share of events below it."""

    at: float
    left: float
    right: float
    depth: float
    share_below: float


def density(values: np.ndarray, *, bandwidth: float | None = None) -> Density:
    """Smoothed histogram of `values` (shape (n,), gate scale), without the outermost 0.05 % on each side."""
    low, high = outermost(values, 0.0005)
    if bandwidth is None:
        bandwidth = _bandwidth(len(values))
    if not np.isfinite(high - low):  # of what is no number there is no density
        return Density(*np.zeros((3, BINS)))
    low, high = low - 4 * bandwidth, high + 4 * bandwidth
    step = (high - low) / BINS
    # What lies outside falls into a bin more at either end, which is cut off.
    bins = np.clip((values - (low - step)) / step, 0, BINS + 1).astype(np.int32)
    counts = np.bincount(bins, minlength=BINS + 2)[1:-1]
    return Density(low + step * (np.arange(BINS) + 0.5), smoothed(counts, bandwidth / step), counts)


def _bandwidth(n_events: int) -> float:
    return BANDWIDTH * max(1.0, (REFERENCE_EVENTS / n_events) ** 0.2)


def clear_density(values: np.ndarray, *, n_events: int | None = None) -> Density | None:
    """The density in which a valley may be looked for; None where `values` are too few or all one.

    Parameters
    ----------
    n_events : int, optional
        Smoothed as if they were so many: an aliquot like the file that it is of.
    """
    if len(values) < LEAST_EVENTS or np.ptp(values) == 0:
        return None
    return density(values, bandwidth=_bandwidth(n_events or len(values)))


def mode(values: np.ndarray, *, bandwidth: float | None = None) -> float:
    """Where the smoothed density is highest."""
    return density(values, bandwidth=bandwidth).mode


def lowest_mode(values: np.ndarray, *, bandwidth: float, least_height: float, prominence: float) -> float:
    """The lowest peak that is a population of its own.

    It has at least `least_height` of the highest peak's height, and the density between the two falls at
    least the share `prominence` below it; where there is none, the highest peak.
    """
    smooth = density(values, bandwidth=bandwidth)
    height, top = smooth.height, int(np.argmax(smooth.height))
    for i in np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] > height[2:])) + 1:
        is_tall = i < top and height[i] >= least_height * height[top]
        if is_tall and height[i:top].min() <= (1.0 - prominence) * height[i]:
            return float(smooth.grid[i])
    return float(smooth.grid[top])


def bright_mode(
    values: np.ndarray, *, dim: float, at_least: float, bandwidth: float, prominence: float
) -> float | None:
    """The highest peak `at_least` above the peak `dim`, parted from it by a valley; None where there is none.

    Parameters
    ----------
    prominence : float
        The density between the two falls at least this share below the smaller of them.
    """
    smooth = density(values, bandwidth=bandwidth)
    height, grid = smooth.height, smooth.grid
    start = int(np.searchsorted(grid, dim))
    peaks = np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] > height[2:])) + 1
    found = [
        i
        for i in peaks
        if grid[i] > dim + at_least and height[start:i].min() <= (1.0 - prominence) * min(height[i], height[start])
    ]
    return float(grid[max(found, key=lambda i: height[i])]) if found else None


def spread_below(values: np.ndarray, centre: float) -> float:
    """Robust SD of the side below `centre`: 1.4826 times the median distance of the values below it."""
    below = centre - picked(values, values < centre)
    return float(1.4826 * median(below)) if len(below) else 0.0


def valley(values: np.ndarray, *, prominence: float, least_share: float) -> ValleyFound | None:
    """`valley_in` the density of values on the gate's scale, shape (n,)."""
    return valley_in(clear_density(values), prominence=prominence, least_share=least_share)


def valley_in(
    smooth: Density | None,
    *,
    prominence: float,
    least_share: float,
    far_apart: Callable[[float, float], bool] = lambda left, right: True,
    deepest: bool = False,
) -> ValleyFound | None:
    """The local minimum that parts the values of a density best, or None where none is deep enough.

    Parameters
    ----------
    smooth : Density or None
        As `clear_density` has it.
    prominence : float
        The minimum lies at least this share of the smaller peak below it.
    least_share : float
        Each side holds at least this share of the events.
    far_apart : function of two peaks
        Whether two peaks (gate scale) are two populations.
    deepest : bool
        Take the deepest minimum in place of the one that parts the values best.

    Notes
    -----
    Of several minima that qualify, the one with the largest between-class variance is taken (the criterion
    of Otsu 1979, doi:10.1109/TSMC.1979.4310076): a shoulder of the negative peak never wins over the gap
    to the stained cells.
    """
    if smooth is None:
        return None
    height, grid = smooth.height, smooth.grid
    inner = np.flatnonzero((height[1:-1] <= height[:-2]) & (height[1:-1] < height[2:])) + 1
    share = np.cumsum(smooth.counts) / max(smooth.counts.sum(), 1)
    mass = np.cumsum(smooth.counts * grid) / max(smooth.counts.sum(), 1)
    best, best_score = None, 0.0
    for i in inner:
        left, right = int(np.argmax(height[:i])), i + int(np.argmax(height[i:]))
        smaller = min(height[left], height[right])
        depth = 1.0 - height[i] / smaller if smaller > 0 else 0.0
        if depth < prominence or not least_share <= share[i] <= 1.0 - least_share:
            continue
        if not far_apart(float(grid[left]), float(grid[right])):
            continue
        below, above = mass[i] / share[i], (mass[-1] - mass[i]) / (1.0 - share[i])
        score = depth if deepest else share[i] * (1.0 - share[i]) * (above - below) ** 2
        if score > best_score:
            at = _floor_middle(height, i, smaller)
            best = ValleyFound(float(grid[at]), float(grid[left]), float(grid[right]), float(depth), float(share[i]))
            best_score = score
    return best


def _floor_middle(height: np.ndarray, i: int, smaller_peak: float) -> int:
    """The middle of a flat valley floor: in an empty gap the lowest bin is anywhere."""
    floor = height <= height[i] + 0.01 * smaller_peak
    walls = np.concatenate([[-1], np.flatnonzero(~floor), [len(height)]])
    right = int(np.searchsorted(walls, i))
    return int(walls[right - 1] + walls[right]) // 2
