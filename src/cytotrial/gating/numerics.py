"""The few smoothers and distributions that gate methods need, in numpy alone.

Not SciPy's: importing it takes longer than placing the gates of a subject's files. The tests hold each against SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cytotrial.cytometry.quantiles import median

TRUNCATED = 4.0  # SDs at which a Gaussian smoother ends
ROOT_OF_TWO, LOG_ROOT_OF_TWO_PI = math.sqrt(2.0), 0.5 * math.log(2.0 * math.pi)
FAR_TAIL = -20.0  # SDs: below, the error function nears the smallest number there is, and its expansion is exact


def smoothed(counts: np.ndarray, sd: float) -> np.ndarray:
    """A histogram of shape (n,) convolved with a Gaussian of `sd` bins; nothing lies beyond its ends."""
    weights = _gaussian(sd)
    radius = len(weights) // 2
    return np.convolve(counts, weights)[radius : radius + len(counts)]


def smoothed_in_two(counts: np.ndarray, sd: float) -> np.ndarray:
    """A histogram of shape (n, m) convolved with a Gaussian of `sd` bins along both axes, mirrored at its rims."""
    weights = _gaussian(sd)
    radius = len(weights) // 2
    for axis in (0, 1):
        width = [(radius, radius) if one == axis else (0, 0) for one in (0, 1)]
        padded = np.pad(counts, width, mode="symmetric")
        counts = np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis=axis) @ weights
    return counts


def _gaussian(sd: float) -> np.ndarray:
    radius = int(TRUNCATED * sd + 0.5)
    weights = np.exp(-0.5 * np.square(np.arange(-radius, radius + 1) / sd))
    return weights / weights.sum()


def highest_around(values: np.ndarray, size: int) -> np.ndarray:
    """The largest value in the square of `size` (odd) bins around each place of an array of shape (n, m)."""
    for axis in (0, 1):
        width = [(size // 2, size // 2) if one == axis else (0, 0) for one in (0, 1)]
        padded = np.pad(values, width, constant_values=-np.inf)
        values = np.lib.stride_tricks.sliding_window_view(padded, size, axis=axis).max(axis=-1)
    return values


def with_neighbours(chosen: np.ndarray) -> np.ndarray:
    """The chosen places of a row, shape (n,), bool, and those beside them."""
    wider = chosen.copy()
    wider[1:] |= chosen[:-1]
    wider[:-1] |= chosen[1:]
    return wider


def robust_line(y: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Slope and intercept after Theil and Sen: the median slope between pairs of points, through the medians.

    Sen 1968, doi:10.1080/01621459.1968.10480934.
    """
    apart = x[:, None] - x
    rise = y[:, None] - y
    slope = float(median(rise[apart > 0] / apart[apart > 0]))
    return slope, float(median(y) - slope * median(x))


def within_ellipse(share: float) -> float:
    """The squared distance, in SDs, within which `share` of a Gaussian of two dimensions lies (chi-squared)."""
    return -2.0 * math.log1p(-share)


def chi_squared_of_four(value: float) -> float:
    """The share of a chi-squared distribution of 4 degrees below `value`."""
    return 1.0 - math.exp(-value / 2.0) * (1.0 + value / 2.0)


def log_normal_below(sds: float) -> float:
    """The logarithm of the share of a Gaussian below `sds` standard deviations, also where that is next to nothing.

    Below `FAR_TAIL` the expansion of Mills' ratio, Abramowitz and Stegun 1964, 26.2.12.
    """
    if sds > 0.0:
        return math.log1p(-0.5 * math.erfc(sds / ROOT_OF_TWO))
    if sds > FAR_TAIL:
        return math.log(0.5 * math.erfc(-sds / ROOT_OF_TWO))
    terms, term = 1.0, 1.0
    for odd in range(1, 15, 2):
        term *= -odd / sds**2
        terms += term
    return -0.5 * sds**2 - LOG_ROOT_OF_TWO_PI - math.log(-sds) + math.log(terms)


def crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is above zero at `low` and below it at `high` passes zero, by halving."""
    while True:
        middle = 0.5 * (low + high)
        if not min(low, high) < middle < max(low, high):
            return middle
        low, high = (middle, high) if function(middle) > 0.0 else (low, middle)
