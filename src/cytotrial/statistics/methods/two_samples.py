"""Two independent samples: Mann-Whitney's test, the Hodges-Lehmann shift, Welch's t test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from cytotrial.statistics.methods.students_t import ROUNDING, t_inference
from cytotrial.statistics.methods.sums import order_statistics

NAN = float("nan")
CONFIDENCE = 0.95
# SPSS's rule, which the paper's analysis follows: the exact distribution with 40 or fewer values.
MOST_EXACT = 40


def mann_whitney(active: ArrayLike, control: ArrayLike, *, magnitude: float = 0.0) -> dict[str, Any]:
    """Mann-Whitney test of two samples with its effect sizes: shift with 95 % interval, AUC and Cliff's delta.

    Parameters
    ----------
    active, control : array-like, shape (n_active,), (n_control,)
        None missing.
    magnitude : float
        As of `rank_sum_test`.

    Returns
    -------
    dict
        ``n_active`` to ``cliffs_delta`` of `cytotrial.statistics_columns.BETWEEN_ARMS` without the adjusted p-values,
        and ``note``. ``u``, ``p_value`` and ``auc`` are those of `rank_sum_test`; ``cliffs_delta = 2 auc - 1``, from -1
        to 1. What cannot be computed is NaN, and the note says why.

    References
    ----------
    Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60. doi:10.1214/aoms/1177730491
    Cliff N. Psychol Bull 1993;114:494-509. doi:10.1037/0033-2909.114.3.494

    Examples
    --------
    >>> row = mann_whitney([3.0, 4.0, 5.0], [1.0, 2.0])  # all higher: 2 of the 10 orders are as far out
    >>> row["u"], round(row["p_value"], 12), row["auc"], row["cliffs_delta"], row["hl_shift"]
    (6.0, 0.2, 1.0, 1.0, 2.5)
    """
    first, second = np.asarray(active, dtype=float), np.asarray(control, dtype=float)
    row: dict[str, Any] = {
        "n_active": first.size,
        "n_control": second.size,
        "median_active": float(np.median(first)) if first.size else NAN,
        "median_control": float(np.median(second)) if second.size else NAN,
    } | dict.fromkeys(("hl_shift", "hl_low", "hl_high", "auc", "cliffs_delta"), NAN)
    u, p_value, note = rank_sum_test(first, second, magnitude=magnitude)
    row |= {"u": u, "p_value": p_value, "note": note}
    if not (first.size and second.size):
        return row
    auc = u / (first.size * second.size)
    shift, low, high, shift_note = hodges_lehmann(first, second)
    row |= {"hl_shift": shift, "hl_low": low, "hl_high": high, "auc": auc, "cliffs_delta": 2.0 * auc - 1.0}
    if not np.isnan(p_value):  # else the test's note says that nothing varies
        row["note"] = "; ".join(filter(None, (note, shift_note)))
    return row


def rank_sum_test(active: ArrayLike, control: ArrayLike, *, magnitude: float = 0.0) -> tuple[float, float, str]:
    """Mann-Whitney's U and its two-sided p.

    Parameters
    ----------
    active, control : array-like, shape (n_active,), (n_control,)
        None missing.
    magnitude : float
        Of changes: the largest of the values that these were computed from, without sign. Where all are equal but for
        the rounding of these values, the ranks are of the rounding, as in R, and the note says so.

    Returns
    -------
    u : float
        Of `active`: pairs in which its value is the higher, ties counted one half. NaN without a value in either.
    p : float
        Exact where 40 or fewer values have no ties, else the normal approximation, tie-corrected, without continuity
        correction (SPSS's rule and formula). NaN where all values are equal.
    note : str
        Why there is no p, why it is not exact, or that nothing but rounding was ranked.

    References
    ----------
    Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60. doi:10.1214/aoms/1177730491
    """
    first, second = np.asarray(active, dtype=float), np.asarray(control, dtype=float)
    if not (first.size and second.size):
        return NAN, NAN, "no usable value in an arm"
    pooled = np.concatenate([first, second])
    n_distinct = np.unique(pooled).size
    if n_distinct == 1:  # U has no variance: the normal approximation would divide by zero
        return first.size * second.size / 2, NAN, "all values are equal: no variance, no test"
    is_small, is_tied = pooled.size <= MOST_EXACT, n_distinct < pooled.size
    method = "exact" if is_small and not is_tied else "asymptotic"
    test = stats.mannwhitneyu(first, second, use_continuity=False, method=method)
    notes = ["ties: asymptotic p instead of exact"] if is_small and is_tied else []
    if np.ptp(pooled) <= ROUNDING * max(magnitude, np.abs(pooled).max()):
        kind = "changes" if magnitude else "values"
        notes.append(f"all {kind} are equal but for rounding: the ranks are of rounding")
    return float(test.statistic), float(test.pvalue), "; ".join(notes)


def hodges_lehmann(active: ArrayLike, control: ArrayLike) -> tuple[float, float, float, str]:
    """Shift between two samples (median of all pairwise differences), and its 95 % interval.

    Parameters
    ----------
    active, control : array-like, shape (m,), (n,)
        At least one value each, none missing.

    Returns
    -------
    shift, low, high : float
        Active minus control, in the unit of the values; the limits are NaN where the values are too
        few for a 95 % interval, or all equal.
    note : str
        Why there are no limits.

    Notes
    -----
    The limits are the k-th smallest and k-th largest difference, k = floor(C) + 1,
    C = mn/2 - z sqrt(mn(m+n+1)/12): the values where the normal approximation without ties crosses
    5 %, also where the test's p is exact, so that the two can disagree at the edge. Below about ten values
    per arm the coverage can fall a little short of 95 %; where even the widest interval (smallest to largest
    difference) covers less, none is given.

    References
    ----------
    Hodges JL, Lehmann EL. Ann Math Stat 1963;34:598-611. doi:10.1214/aoms/1177704172
    Hollander M, Wolfe DA, Chicken E. Nonparametric Statistical Methods, 3rd ed. 2014, section 4.3.
    doi:10.1002/9781119196037

    Examples
    --------
    >>> hodges_lehmann([3.0, 4.0, 8.0], [1.0, 2.0])[0]  # differences 1 2 2 3 6 7
    2.5
    """
    first, less_second = np.sort(np.asarray(active, dtype=float)), np.sort(-np.asarray(control, dtype=float))
    m, n = first.size, less_second.size
    middle = [(m * n - 1) // 2, m * n // 2]
    z = special.ndtri(0.5 + CONFIDENCE / 2)
    k = int(np.floor(m * n / 2 - z * np.sqrt(m * n * (m + n + 1) / 12))) + 1
    widest = 1 - 2 / special.comb(m + n, m)
    note = ""
    if k < 1 or widest < CONFIDENCE:
        note = f"too few values for a 95 % interval of the shift ({m} and {n})"
    elif first[0] + less_second[0] == first[-1] + less_second[-1]:
        note = "all differences are equal: no interval"
    values = order_statistics(first, less_second, middle if note else [*middle, k - 1, m * n - k])
    low, high = (NAN, NAN) if note else values[2:]
    return (values[0] + values[1]) / 2, low, high, note


def welch(active: ArrayLike, control: ArrayLike, *, magnitude: float = 0.0) -> dict[str, Any]:
    """Difference of two means with its 95 % interval, and Welch's t test, which lets the variances differ.

    Parameters
    ----------
    active, control : array-like, shape (n_active,), (n_control,)
        None missing, on any scale.
    magnitude : float
        Of changes: the largest of the values that these were computed from, without sign; their rounding is no
        variance.

    Returns
    -------
    dict
        ``mean_active mean_control mean_difference welch_low welch_high welch_t welch_df welch_p note``, active minus
        control; degrees of freedom by Welch and Satterthwaite. What cannot be computed is NaN, and the note says why.

    References
    ----------
    Welch BL. Biometrika 1947;34:28-35. doi:10.1093/biomet/34.1-2.28

    Examples
    --------
    >>> row = welch([3.0, 4.0, 5.0], [1.0, 2.0])  # variances of the means 1/3 and 1/4
    >>> row["mean_difference"], round(row["welch_t"], 4), round(row["welch_df"], 4), round(row["welch_p"], 4)
    (2.5, 3.2733, 2.8824, 0.0494)
    """
    samples = [np.asarray(sample, dtype=float) for sample in (active, control)]
    means = [float(sample.mean()) if sample.size else NAN for sample in samples]
    row: dict[str, Any] = {"mean_active": means[0], "mean_control": means[1], "mean_difference": means[0] - means[1]}
    row |= dict.fromkeys(("welch_low", "welch_high", "welch_t", "welch_df", "welch_p"), NAN)
    sizes = [sample.size for sample in samples]
    if min(sizes) < 2:
        return row | {"note": "no Welch test with fewer than two values in an arm"}
    first, second = (float(sample.var(ddof=1)) / sample.size for sample in samples)
    error = np.sqrt(first + second)
    if error <= ROUNDING * max(abs(means[0]), abs(means[1]), magnitude):
        return row | {"note": "no variance in either arm, no Welch test"}
    df = float((first + second) ** 2 / (first**2 / (sizes[0] - 1) + second**2 / (sizes[1] - 1)))
    t, low, high, p_value = t_inference(row["mean_difference"], error, df)
    return row | {
        "welch_low": low,
        "welch_high": high,
        "welch_t": t,
        "welch_df": df,
        "welch_p": p_value,
        "note": "",
    }
