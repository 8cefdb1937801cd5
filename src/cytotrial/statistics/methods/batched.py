"""The tests of one trial for many data sets at once: simulated trials, moved gates. Arrays in, arrays out.

Subjects are on the last axis, data sets on the axes before it, in any shape (``...`` below). NaN is no value: its pair
or its value is left out, of each data set by itself. What cannot be computed is NaN, as in the functions for one data
set, which every function here equals: `paired.paired_t`, `two_samples.rank_sum_test`, `two_samples.hodges_lehmann`,
`two_samples.welch`, `ancova.ancova` and `multiplicity.adjusted`. Nothing says why a number is missing: they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from cytotrial.statistics.methods.ancova import PERFECT, SMALLEST_SHARE
from cytotrial.statistics.methods.students_t import CONFIDENCE, ROUNDING
from cytotrial.statistics.methods.two_samples import MOST_EXACT

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
MOST_DIFFERENCES = 4_000_000  # held at a time, 32 MB


@dataclass(frozen=True)
class PairedT:
    """What `paired_t` returns; all of shape (...), changes in the values' unit."""

    n_pairs: Counts
    mean_change: Array
    sd_change: Array
    ci_low: Array
    ci_high: Array
    t: Array
    p_value: Array


@dataclass(frozen=True)
class MannWhitney:
    """What `mann_whitney` returns; all of shape (...). `auc` is U over the number of pairs."""

    n_active: Counts
    n_control: Counts
    u: Array
    auc: Array
    p_value: Array


@dataclass(frozen=True)
class Ancova:
    """What `ancova` returns; all of shape (...). `estimate` is active minus control, in the values' unit."""

    n_active: Counts
    n_control: Counts
    estimate: Array
    se: Array
    df: Array
    ci_low: Array
    ci_high: Array
    p_value: Array


@dataclass(frozen=True)
class Welch:
    """What `welch` returns; all of shape (...). Active minus control, in the values' unit."""

    n_active: Counts
    n_control: Counts
    mean_difference: Array
    df: Array
    ci_low: Array
    ci_high: Array
    p_value: Array


def paired_t(before: ArrayLike, after: ArrayLike) -> PairedT:
    """Mean change, its 95 % interval and paired t test, as `paired.paired_t`.

    Parameters
    ----------
    before, after : array-like, shape (..., n)
        Values of the same subjects in the same order, on any scale; they broadcast.

    References
    ----------
    Student. Biometrika 1908;6:1-25. doi:10.1093/biomet/6.1.1

    Examples
    --------
    >>> result = paired_t([[10.0, 20.0, 30.0], [10.0, 20.0, float("nan")]], [11.0, 22.0, 33.0])
    >>> result.n_pairs, result.mean_change, np.round(result.p_value, 4)
    (array([3, 2]), array([2. , 1.5]), array([0.0742, 0.2048]))
    """
    first, second = np.broadcast_arrays(np.asarray(before, dtype=float), np.asarray(after, dtype=float))
    changes = second - first
    is_there = ~np.isnan(changes)
    n_pairs = is_there.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = _mean(changes, is_there)
        spread = np.sqrt(_squares(changes, mean, is_there) / _above(n_pairs - 1, 0))
        error = spread / np.sqrt(n_pairs)
        size = np.maximum(np.abs(_mean(first, is_there)), np.abs(_mean(second, is_there)))
        t, low, high, p_value = _inference(mean, _above(error, ROUNDING * size), _above(n_pairs - 1, 0))
    return PairedT(n_pairs, mean, spread, low, high, t, p_value)


def mann_whitney(active: ArrayLike, control: ArrayLike) -> MannWhitney:
    """Mann-Whitney's U of the active sample and its two-sided p, as `two_samples.rank_sum_test`.

    Parameters
    ----------
    active, control : array-like, shape (..., m), (..., n)
        Values on any scale; the leading shapes broadcast.

    Returns
    -------
    MannWhitney
        p is exact where 40 or fewer values have no ties, else the normal approximation, tie-corrected, without
        continuity correction.

    References
    ----------
    Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60. doi:10.1214/aoms/1177730491

    Examples
    --------
    >>> result = mann_whitney([[3.0, 4.0, 5.0], [3.0, 4.0, 1.5]], [1.0, 2.0])
    >>> result.u, np.round(result.p_value, 4)
    (array([6., 5.]), array([0.2, 0.4]))
    """
    first, second = _two_samples(active, control)
    n_active, n_control = ((~np.isnan(sample)).sum(axis=-1) for sample in (first, second))
    rank_sum, tied = _rank_sum(first, second)
    u = np.where((n_active > 0) & (n_control > 0), rank_sum - n_active * (n_active + 1) / 2, np.nan)
    n_pairs, total = n_active * n_control, n_active + n_control
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = u / n_pairs
        variance = n_pairs / 12.0 * (total + 1 - tied / (total * (total - 1.0)))
        # Of equal values U has no variance; the term of the ties is then exactly n cubed less n.
        varies = (n_pairs > 0) & (tied < total.astype(float) ** 3 - total)
        z = np.maximum(u, n_pairs - u) - n_pairs / 2.0
        z /= np.sqrt(np.where(varies, variance, np.nan))
        p_value = np.minimum(2.0 * special.ndtr(-z), 1.0)
    is_exact = varies & (total <= MOST_EXACT) & (tied == 0.0)
    p_value = np.where(is_exact, _exact_p(u, n_active, n_control, is_exact), p_value)
    return MannWhitney(n_active, n_control, u, auc, p_value)


def hodges_lehmann(active: ArrayLike, control: ArrayLike) -> Array:
    """Median of all differences active minus control, as `two_samples.hodges_lehmann`; shape (...).

    Not among the results of `mann_whitney`, because it takes longer than the test.

    Parameters
    ----------
    active, control : array-like, shape (..., m), (..., n)
        On any scale; the leading shapes broadcast. NaN without a value in either.

    References
    ----------
    Hodges JL, Lehmann EL. Ann Math Stat 1963;34:598-611. doi:10.1214/aoms/1177704172

    Examples
    --------
    >>> hodges_lehmann([3.0, 4.0, 8.0], [[1.0, 2.0], [1.0, float("nan")]])  # differences 1 2 2 3 6 7 and 2 3 7
    array([2.5, 3. ])
    """
    first, second = _two_samples(active, control)
    shape = first.shape[:-1]
    first, second = (sample.reshape(-1, sample.shape[-1]) for sample in (first, second))
    n_pairs = (~np.isnan(first)).sum(axis=-1) * (~np.isnan(second)).sum(axis=-1)
    shift = np.full(len(first), np.nan)
    step = max(1, MOST_DIFFERENCES // max(1, first.shape[-1] * second.shape[-1]))
    for count in np.unique(n_pairs[n_pairs > 0]):
        rows = np.flatnonzero(n_pairs == count)
        for part in np.split(rows, range(step, rows.size, step)):
            differences = (first[part, :, None] - second[part, None, :]).reshape(len(part), -1)
            middle = [(count - 1) // 2, count // 2]  # NaN is sorted to the end
            shift[part] = np.partition(differences, middle, axis=-1)[:, middle].sum(axis=-1) / 2.0
    return shift.reshape(shape)


def ancova(baseline: ArrayLike, visit: ArrayLike, is_active: ArrayLike) -> Ancova:
    """Least squares of change on baseline and arm, as `ancova.ancova`: the arm's effect, active minus control.

    Parameters
    ----------
    baseline, visit : array-like, shape (..., n)
        Values of the same subjects in the same order, on any scale; they broadcast.
    is_active : array-like of bool, shape (n,)
        Whether the subject is in the active arm; the others are in the control arm.

    References
    ----------
    Vickers AJ, Altman DG. BMJ 2001;323:1123-1124. doi:10.1136/bmj.323.7321.1123

    Examples
    --------
    >>> result = ancova([1.0, 2.0, 3.0] * 2, [[3.0, 4.0, 6.0, 1.0, 2.0, 3.0]], [1, 1, 1, 0, 0, 0])
    >>> np.round(result.estimate, 4), result.df
    (array([2.3333]), array([3.]))
    """
    before, after = np.broadcast_arrays(np.asarray(baseline, dtype=float), np.asarray(visit, dtype=float))
    active = np.asarray(is_active, dtype=bool)
    is_there = ~np.isnan(before) & ~np.isnan(after)
    arms = is_there & active, is_there & ~active
    n_active, n_control = (arm.sum(axis=-1) for arm in arms)
    changes = after - before
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = _within(before, arms), _within(changes, arms)
        gaps = [_mean(values, arms[0]) - _mean(values, arms[1]) for values in (before, changes)]
        n_subjects = n_active + n_control
        x_squares = (x**2).sum(axis=-1)
        is_determined = (n_subjects >= 4) & _varies_within_arms(before, is_there, x_squares)
        slope = np.where(is_determined, (x * y).sum(axis=-1) / x_squares, np.nan)
        estimate = gaps[1] - slope * gaps[0]
        df = _above(n_subjects - 3, 0)
        spread = np.sqrt(((y - slope[..., None] * x) ** 2).sum(axis=-1) / df)
        size = np.where(is_there, np.maximum(np.abs(before), np.abs(after)), 0.0).max(axis=-1, initial=0.0)
        spread = _above(spread, PERFECT * size)
        error = spread * np.sqrt(1.0 / n_active + 1.0 / n_control + gaps[0] ** 2 / x_squares)
        _, low, high, p_value = _inference(estimate, error, df)
    df = np.where(np.isnan(error), np.nan, df)
    return Ancova(n_active, n_control, estimate, error, df, low, high, p_value)


def welch(active: ArrayLike, control: ArrayLike) -> Welch:
    """Difference of two means, its 95 % interval and Welch's t test, as `two_samples.welch`.

    Parameters
    ----------
    active, control : array-like, shape (..., m), (..., n)
        Values on any scale; the leading shapes broadcast.

    References
    ----------
    Welch BL. Biometrika 1947;34:28-35. doi:10.1093/biomet/34.1-2.28

    Examples
    --------
    >>> result = welch([3.0, 4.0, 5.0], [[1.0, 2.0], [1.0, float("nan")]])
    >>> result.mean_difference, np.round(result.p_value, 4)
    (array([2.5, 3. ]), array([0.0494,    nan]))
    """
    samples = _two_samples(active, control)
    there = [~np.isnan(sample) for sample in samples]
    sizes = [is_there.sum(axis=-1) for is_there in there]
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [_mean(sample, is_there) for sample, is_there in zip(samples, there, strict=True)]
        first, second = (  # variances of the means
            _squares(sample, mean, is_there) / _above(size - 1, 0) / size
            for sample, mean, is_there, size in zip(samples, means, there, sizes, strict=True)
        )
        difference = means[0] - means[1]
        magnitude = np.maximum(np.abs(means[0]), np.abs(means[1]))
        error = _above(np.sqrt(first + second), ROUNDING * magnitude)
        df = error**4 / (first**2 / (sizes[0] - 1) + second**2 / (sizes[1] - 1))
        _, low, high, p_value = _inference(difference, error, df)
    return Welch(sizes[0], sizes[1], difference, df, low, high, p_value)


def holm(p_values: ArrayLike) -> Array:
    """Holm's adjusted p along the last axis, as `multiplicity.adjusted`; NaN is no test and stays NaN.

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70. https://www.jstor.org/stable/4615733

    Examples
    --------
    >>> np.round(holm([[0.01, float("nan"), 0.04, 0.03], [0.5, 0.9, 0.2, 0.001]]), 3)
    array([[0.03 ,   nan, 0.06 , 0.06 ],
           [1.   , 1.   , 0.6  , 0.004]])
    """
    ordered, order, n_tests = _ordered(p_values)
    stepped = ordered * (n_tests - np.arange(ordered.shape[-1]))
    return _in_place(np.minimum(np.maximum.accumulate(stepped, axis=-1), 1.0), order)


def benjamini_hochberg(p_values: ArrayLike) -> Array:
    """Benjamini and Hochberg's adjusted p along the last axis, as `multiplicity.adjusted`; NaN stays NaN.

    References
    ----------
    Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> np.round(benjamini_hochberg([0.01, float("nan"), 0.04, 0.03]), 3)
    array([0.03,  nan, 0.04, 0.04])
    """
    ordered, order, n_tests = _ordered(p_values)
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = ordered / (np.arange(1, ordered.shape[-1] + 1) / n_tests)
    # fmin: the NaN at the end are passed over on the way down.
    stepped = np.fmin.accumulate(raw[..., ::-1], axis=-1)[..., ::-1]
    return _in_place(np.where(np.isnan(ordered), np.nan, np.minimum(stepped, 1.0)), order)


def _mean(values: Array, is_there: NDArray[np.bool_]) -> Array:
    return np.where(is_there, values, 0.0).sum(axis=-1) / is_there.sum(axis=-1)


def _squares(values: Array, mean: Array, is_there: NDArray[np.bool_]) -> Array:
    """Sum of the squares around the mean."""
    return (np.where(is_there, values - mean[..., None], 0.0) ** 2).sum(axis=-1)


def _above(values: ArrayLike, limit: ArrayLike) -> Array:
    """The values that are above a limit; NaN for the others."""
    numbers = np.asarray(values, dtype=float)
    return np.where(numbers > limit, numbers, np.nan)


def _inference(estimate: Array, error: Array, df: Array) -> tuple[Array, Array, Array, Array]:
    """t, 95 % limits and two-sided p; NaN where any of the three is."""
    t = estimate / error
    different, place = np.unique(df, return_inverse=True)  # few, and the quantile is the slow part
    half = special.stdtrit(different, 0.5 + CONFIDENCE / 2.0)[place].reshape(df.shape) * error
    return t, estimate - half, estimate + half, 2.0 * special.stdtr(df, -np.abs(t))


def _two_samples(active: ArrayLike, control: ArrayLike) -> tuple[Array, Array]:
    """Both with the same leading shape."""
    first, second = np.asarray(active, dtype=float), np.asarray(control, dtype=float)
    shape = np.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    return np.broadcast_to(first, (*shape, first.shape[-1])), np.broadcast_to(second, (*shape, second.shape[-1]))


def _rank_sum(first: Array, second: Array) -> tuple[Array, Array]:
    """Sum of the first sample's mid-ranks among all values, and the sum of t cubed less t over groups of t ties."""
    pooled = np.concatenate([first, second], axis=-1)
    total = pooled.shape[-1]
    if total == 0:
        return np.zeros(pooled.shape[:-1]), np.zeros(pooled.shape[:-1])
    order = np.argsort(pooled, axis=-1)  # NaN last, where each is a group of its own
    ordered = np.take_along_axis(pooled, order, axis=-1)
    is_new = np.ones(pooled.shape, dtype=bool)
    is_new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    is_last = np.ones(pooled.shape, dtype=bool)
    is_last[..., :-1] = is_new[..., 1:]
    place = np.arange(total)
    lowest = np.maximum.accumulate(np.where(is_new, place, 0), axis=-1)
    highest = np.minimum.accumulate(np.where(is_last, place, total)[..., ::-1], axis=-1)[..., ::-1]
    is_first = (order < first.shape[-1]) & ~np.isnan(ordered)
    rank_sum = np.where(is_first, (lowest + highest) / 2.0 + 1.0, 0.0).sum(axis=-1)
    return rank_sum, ((highest - lowest + 1.0) ** 2 - 1.0).sum(axis=-1)


def _exact_p(u: Array, n_active: Counts, n_control: Counts, is_exact: NDArray[np.bool_]) -> Array:
    """Two-sided exact p where it is asked for, else NaN."""
    p_value = np.full(u.shape, np.nan)
    sizes = np.stack([n_active[is_exact], n_control[is_exact]], axis=-1)
    for m, n in np.unique(sizes, axis=0):
        rows = is_exact & (n_active == m) & (n_control == n)
        p_value[rows] = _exact_table(int(m), int(n))[u[rows].astype(int)]
    return p_value


@lru_cache(maxsize=2 * MOST_EXACT**2)
def _exact_table(m: int, n: int) -> Array:
    """Two-sided exact p of every U from 0 to mn, without ties; shape (m n + 1,).

    SciPy's, for samples made to have each U: the control values are 0 to n - 1, and each active value lies above as
    many of them as it takes.
    """
    u = np.arange(m * n + 1)[:, None]
    active = np.clip(u - n * np.arange(m), 0, n) - 0.5 + 1e-3 * np.arange(m) / m
    control = np.broadcast_to(np.arange(n, dtype=float), (u.size, n))
    return np.asarray(stats.mannwhitneyu(active, control, axis=-1, method="exact").pvalue)


def _within(values: Array, arms: tuple[NDArray[np.bool_], ...]) -> Array:
    """Values less the mean of their arm, 0 where there is none."""
    means = [_mean(values, arm)[..., None] for arm in arms]
    return np.where(arms[0], values - means[0], 0.0) + np.where(arms[1], values - means[1], 0.0)


def _varies_within_arms(before: Array, is_there: NDArray[np.bool_], x_squares: Array) -> NDArray[np.bool_]:
    """Whether the baseline's effect can be told from the intercept's and the arm's: R's rule, as for one data set."""
    size = np.sqrt((np.where(is_there, before, 0.0) ** 2).sum(axis=-1))
    around_mean = np.sqrt(_squares(before, _mean(before, is_there), is_there))
    return (around_mean > SMALLEST_SHARE * size) & (np.sqrt(x_squares) > SMALLEST_SHARE * around_mean)


def _ordered(p_values: ArrayLike) -> tuple[Array, NDArray[Any], Counts]:
    """The p-values in rising order, NaN last; the order; how many tests there are, shape (..., 1)."""
    values = np.asarray(p_values, dtype=float)
    order = np.argsort(values, axis=-1, kind="stable")
    n_tests = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    return np.take_along_axis(values, order, axis=-1), order, n_tests


def _in_place(ordered: Array, order: NDArray[Any]) -> Array:
    placed = np.empty(ordered.shape)
    np.put_along_axis(placed, order, ordered, axis=-1)
    return placed
