"""Peaks of a channel: where they stand and how wide they are, measured on the side that has no neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

NOISE = 150.0  # the asinh's first bend, 18-bit units: about the width of an unstained population
BRIGHT = 2000.0  # 18-bit units: a dimmer peak's width is noise and spillover as much as staining
GRID = 2048
LEAST_HEIGHT = 0.10  # a maximum lower than this share of the highest is no peak of its own
LEAST_DIP = 0.25  # between two peaks the density falls by at least this share of the lower one's height
DEEP_VALLEY = 0.25  # below a bright population the density falls to at most this share of its height
LEAST_SHARE, LEAST_EVENTS = 0.05, 150  # of a bright population
SYMMETRY = 2.0  # one population's half widths differ by less than this factor
ONE_SD = 0.682689  # share of a normal distribution within one SD of its mode
LOBE_KERNEL, BRIGHT_KERNEL = 0.12, 0.09  # asinh units


@dataclass(frozen=True)
class Lobe:
    """The lowest-lying peak of a channel, in channel units.

    Attributes
    ----------
    mode, left_sd : float
        Where it stands, and the SD of its half below the mode.
    valley : float
        Where it ends; inf where nothing lies above.
    share : float
        Of all values, those below the valley.
    below : float
        Of these, those below the mode: 0.5 for one symmetric peak, little where a second one hides on its right.
    """

    mode: float
    left_sd: float
    valley: float
    share: float
    below: float


@dataclass(frozen=True)
class Peak:
    """A bright population: one log-normal peak, clear of what lies below it.

    Attributes
    ----------
    level : float
        Its mode, channel units.
    cv : float
        Of the log-normal whose SD is that of the half above the mode, as a fraction.
    lower : float
        The valley below it, channel units; it has no neighbour above.
    share : float
        Of all values, those above the valley.
    """

    level: float
    cv: float
    lower: float
    share: float


@dataclass(frozen=True)
class _Density:
    grid: np.ndarray
    height: np.ndarray

    def half_width(self, top: int, step: int) -> float:
        """From a top to where the density first falls to half, to the right (`step` 1) or the left (-1)."""
        fallen = np.flatnonzero(self.height[top::step] < self.height[top] / 2)
        return float(abs(self.grid[top + step * fallen[0]] - self.grid[top]))

    def tops(self) -> list[tuple[int, int, int]]:
        """Grid positions of lower valley, top and upper valley of every peak, lowest first."""
        places, about = find_peaks(self.height, height=LEAST_HEIGHT * self.height.max(), prominence=0.0)
        kept = [int(n) for n in places[about["prominences"] >= LEAST_DIP * about["peak_heights"]]]
        between = [a + int(np.argmin(self.height[a:b])) for a, b in pairwise(kept)]
        return list(zip([0, *between], kept, [*between, len(self.grid) - 1], strict=False))


def _density(values: np.ndarray, kernel: float) -> _Density:
    """A Gaussian kernel's estimate on an even grid that reaches five kernels beyond the values; not normalised."""
    counts, edges = np.histogram(values, bins=GRID, range=(values.min() - 5 * kernel, values.max() + 5 * kernel))
    smooth = gaussian_filter1d(counts.astype(float), kernel / (edges[1] - edges[0]), mode="constant")
    return _Density((edges[1:] + edges[:-1]) / 2, smooth)


def mode_of(values: np.ndarray) -> float:
    """The mode of one peak, whatever its tails.

    The kernel follows the middle half of the values and their number n, as n^(-1/7): a mode wants a wider one than a
    density does.
    """
    low, high = np.quantile(values, [0.25, 0.75])
    if high <= low:
        return float(np.median(values))
    width = (high - low) / 1.349
    near = values[(values > low - 3 * width) & (values < high + 3 * width)]
    found = _density(near, 0.9 * width * len(near) ** (-1 / 7))
    return float(found.grid[np.argmax(found.height)])


def left_sd(values: np.ndarray, mode: float) -> float:
    """SD of the half below the mode as if it were half a normal distribution; NaN for fewer than 30 values there.

    Whatever lies above the mode (dim positives, a second peak) has no part in it.
    """
    below = values[values < mode]
    return float(mode - np.quantile(below, 1 - ONE_SD)) if len(below) >= 30 else float("nan")


def lognormal_cv(sd: float) -> float:
    """Coefficient of variation, as a fraction, of a log-normal with this SD of its natural logarithm."""
    return float(np.sqrt(np.expm1(sd**2)))


def lowest_lobe(values: np.ndarray, *, unit: float = 1.0) -> Lobe | None:
    """The lowest-lying peak of compensated values; None where there is none that can be measured.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Compensated, linear.
    unit : float
        Channel units per 18-bit unit: 1 where the top of scale is 262144.

    Notes
    -----
    Peaks are sought on an asinh whose bend is three SDs of the lobe itself: with a sharper bend one peak around zero
    looks like two. Mode and SD are then measured on the linear scale.
    """
    bend, lobe = NOISE * unit, None
    for _ in range(4):
        found = _density(np.arcsinh(values / bend), LOBE_KERNEL)
        tops = found.tops()
        if not tops:
            return None
        valley = float(bend * np.sinh(found.grid[tops[0][2]])) if len(tops) > 1 else float("inf")
        inside = values[values < valley]
        mode = mode_of(inside)
        sd = left_sd(inside, mode)
        if not sd > 0:
            return None
        lobe = Lobe(mode, sd, valley, len(inside) / len(values), float(np.mean(inside < mode)))
        bend = max(NOISE * unit, 3 * sd)
    return lobe


def bright_population(values: np.ndarray, *, unit: float = 1.0) -> Peak | None:
    """The brightest peak of compensated values where it is plausibly one population, else None.

    Notes
    -----
    It is asked for a peak below it and a deep valley between them, a level of `BRIGHT`, enough events, and half widths
    left and right that agree within `SYMMETRY`. Its SD is that of the half above the mode, away from its dimmer
    neighbours. So far above the asinh's bend its unit is that of the natural logarithm.
    """
    bend = 3 * NOISE * unit
    scaled = np.arcsinh(values / bend)
    found = _density(scaled, BRIGHT_KERNEL)
    tops = found.tops()
    if len(tops) < 2:
        return None
    lower, top, _ = tops[-1]
    edge, mode = found.grid[lower], found.grid[top]
    inside = scaled[scaled > edge]
    wide = found.half_width(top, 1), found.half_width(top, -1)
    level = float(bend * np.sinh(mode))
    # A valley below zero is none: then the peak is one broad lobe with a tail, not a population above the negatives.
    apart = found.height[lower] <= DEEP_VALLEY * found.height[top] and bend * np.sinh(edge) > NOISE * unit
    enough = len(inside) >= max(LEAST_EVENTS, LEAST_SHARE * len(values))
    if not (level >= BRIGHT * unit and apart and enough and max(wide) <= SYMMETRY * min(wide)):
        return None
    sd = float(np.quantile(inside[inside > mode], ONE_SD) - mode)
    return Peak(level, lognormal_cv(sd), float(bend * np.sinh(edge)), len(inside) / len(values))
