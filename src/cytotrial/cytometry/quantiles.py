"""Quantiles of many values, as `numpy.quantile` has them, several times faster and without what that imports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MANY, THINNED = 10_000, 16  # of more values than the one, every so manieth tells where their ends lie


def quantiles(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The quantiles `shares` (0 to 1) of at least one value, shape (n,), in any order."""
    return quantiles_of_sorted(np.sort(values), shares)


def quantiles_of_sorted(values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """As `quantiles`, of values in ascending order."""
    ranks = np.array(shares) * (len(values) - 1)
    below = ranks.astype(np.intp)
    first, second = values[below], values[np.minimum(below + 1, len(values) - 1)]
    return first + (second - first) * (ranks - below)


def median(values: np.ndarray) -> np.ndarray:
    """The median along the last axis, of at least one value."""
    ordered = np.sort(values, axis=-1)
    half = ordered.shape[-1] // 2
    middle = ordered[..., half]
    return middle if ordered.shape[-1] % 2 else (ordered[..., half - 1] + middle) / 2.0


def outermost(values: np.ndarray, share: float) -> tuple[float, float]:
    """The quantiles `share` and 1 - `share` of at least two values; fast where the share is small."""
    return low_quantile(values, share), -low_quantile(-values, share)


def low_quantile(values: np.ndarray, share: float) -> float:
    """The quantile `share` (below 1) of at least two values; fast where the share is small."""
    rank = share * (len(values) - 1)
    below = int(rank)
    if len(values) > MANY:  # only those are ordered that a part of them says lie low
        part = np.sort(values[::THINNED])
        low = picked(values, values <= part[min(4 * below // THINNED + 8, len(part) - 1)])
        values = low if len(low) > below + 1 else values
    first, second = np.partition(values, (below, below + 1))[below : below + 2]
    return float(first + (second - first) * (rank - below))


def picked(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """``values[chosen]`` of a mask, both of shape (n,); numpy itself takes up to five times as long."""
    return values.take(np.flatnonzero(chosen))
