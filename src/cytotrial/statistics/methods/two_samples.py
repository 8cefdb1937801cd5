"""Two independent samples: Mann-Whitney's test, the Hodges-Lehmann shift, Welch's t test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import comb

NAN = float("nan")
CONFIDENCE = 0.95
# SPSS's rule, which the paper's analysis follows: the exact distribution with 40 or fewer values.
MOST_EXACT = 40


def mann_whitney(active: ArrayLike, control: ArrayLike) -> dict[str, Any]:
    """Mann-Whitney test of two samples with its effect sizes: shift with 95 % interval, and AUC.

    Parameters
    ----------
    active, control : array-like, shape (n_active,), (n_control,)
        None missing.

    Returns
    -------
    dict
        ``n_active`` to ``note`` of `cytotrial.statistics_columns.BETWEEN_ARMS`, without the adjusted p-values.
        ``u`` is the U of `active`: pairs in which its value is the higher, ties counted one half;
        ``auc = u / (n_active n_control)``. What cannot be computed is NaN, and the note says why.

    Notes
    -----
    ``p_value`` is two-sided: exact where 40 or fewer values have no ties, else the normal
    approximation, tie-corrected, without continuity correction (SPSS's rule and formula).

    References
    ----------
    Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60. doi:10.1214/aoms/1177730491

    Examples
    --------
    >>> row = mann_whitney([3.0, 4.0, 5.0], [1.0, 2.0])  # all higher: 2 of the 10 orders are as far out
    >>> row["u"], round(row["p_value"], 12), row["auc"], row["hl_shift"]
    (6.0, 0.2, 1.0, 2.5)
    """
    first, second = np.asarray(active, dtype=float), np.asarray(control, dtype=float)
    row: dict[str, Any] = {
        "n_active": first.size,
        "n_control": second.size,
        "median_active": float(np.median(first)) if first.size else NAN,
        "median_control": float(np.median(second)) if second.size else NAN,
    } | dict.fromkeys(("u", "p_value", "hl_shift", "hl_low", "hl_high", "auc"), NAN)
    if not (first.size and second.size):
        return row | {"note": "no usable value in an arm"}
    pooled = np.concatenate([first, second])
    n_distinct = np.unique(pooled).size
    is_exact = pooled.size <= MOST_EXACT and n_distinct == pooled.size
    shift, low, high, note = hodges_lehmann(first, second)
    row |= {"hl_shift": shift, "hl_low": low, "hl_high": high, "note": note}
    if n_distinct == 1:  # U has no variance: the normal approximation would divide by zero
        even = first.size * second.size / 2
        return row | {"u": even, "auc": 0.5, "note": "all values are equal: no variance, no test"}
    method = "exact" if is_exact else "asymptotic"
    test = stats.mannwhitneyu(first, second, use_continuity=False, method=method)
    if pooled.size <= MOST_EXACT and not is_exact:
        row["note"] = "; ".join(filter(None, ("ties: asymptotic p instead of exact", note)))
    u = float(test.statistic)
    return row | {"u": u, "p_value": float(test.pvalue), "auc": u / (first.size * second.size)}


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
    5 %. Below about ten values per arm the coverage can fall a little short of 95 %; where even the
    widest interval (smallest to largest difference) covers less, none is given.

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
    first, second = np.asarray(active, dtype=float), np.asarray(control, dtype=float)
    m, n = first.size, second.size
    differences = np.sort(np.subtract.outer(first, second), axis=None)
    shift = float(np.median(differences))
    if differences[0] == differences[-1]:
        return shift, NAN, NAN, "all differences are equal: no interval"
    z = stats.norm.ppf(0.5 + CONFIDENCE / 2)
    k = int(np.floor(m * n / 2 - z * np.sqrt(m * n * (m + n + 1) / 12))) + 1
    widest = 1 - 2 / comb(m + n, m)
    if k < 1 or widest < CONFIDENCE:
        return shift, NAN, NAN, f"too few values for a 95 % interval of the shift ({m} and {n})"
    return shift, float(differences[k - 1]), float(differences[m * n - k]), ""
