"""Densities in one dimension: smoothed histogram, mode, lower-half spread, and the valley between two peaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

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
    low, high = np.quantile(values, [0.0005, 0.9995])
    if bandwidth is None:
        bandwidth = BANDWIDTH * max(1.0, (REFERENCE_EVENTS / len(values)) ** 0.2)
    low, high = low - 4 * bandwidth, high + 4 * bandwidth
    counts, edges = np.histogram(values, bins=BINS, range=(low, high))
    step = edges[1] - edges[0]
    height = gaussian_filter1d(counts.astype(float), bandwidth / step, mode="constant")
    return Density((edges[:-1] + edges[1:]) / 2, height, counts)


def mode(values: np.ndarray, *, bandwidth: float | None = None) -> float:
    """Where the smoothed density is highest."""
    smooth = density(values, bandwidth=bandwidth)
    return float(smooth.grid[np.argmax(smooth.height)])


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
    below = centre - values[values < centre]
    return float(1.4826 * np.median(below)) if len(below) else 0.0


def valley(
    values: np.ndarray,
    *,
    prominence: float,
    least_share: float,
    far_apart: Callable[[float, float], bool] = lambda left, right: True,
    deepest: bool = False,
) -> ValleyFound | None:
    """The local minimum that parts `values` best, or None where none is deep enough.

    Parameters
    ----------
    values : ndarray, shape (n,)
        On the gate's scale.
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
    if len(values) < LEAST_EVENTS or np.ptp(values) == 0:
        return None
    smooth = density(values)
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
    left = i
    while left > 0 and floor[left - 1]:
        left -= 1
    right = i
    while right < len(height) - 1 and floor[right + 1]:
        right += 1
    return (left + right) // 2
