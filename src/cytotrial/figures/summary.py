"""The mean of one arm at one visit, with its 95 % t-interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import t as student_t


@dataclass(frozen=True)
class MeanInterval:
    """A mean and its interval; ``None`` where the values do not allow one.

    Attributes
    ----------
    n : int
        Number of values.
    mean, low, high : float or None
        In the unit of the values. No value: no mean. Fewer than two values, or no variance: no interval.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None


def mean_interval(values: Sequence[float], *, confidence: float = 0.95) -> MeanInterval:
    """Mean and two-sided Student t-interval of `values`.

    Parameters
    ----------
    values : sequence of float
        One per subject, no NaN.
    confidence : float
        Between 0 and 1.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0]).mean
    2.0
    >>> mean_interval([4.0])
    MeanInterval(n=1, mean=4.0, low=None, high=None)
    """
    n = len(values)
    if n == 0:
        return MeanInterval(0, None, None, None)
    mean = math.fsum(values) / n
    deviation = statistics.stdev(values) if n > 1 else 0.0
    if deviation == 0.0:
        return MeanInterval(n, mean, None, None)
    half = float(student_t.ppf((1 + confidence) / 2, n - 1)) * deviation / math.sqrt(n)
    return MeanInterval(n, mean, mean - half, mean + half)
