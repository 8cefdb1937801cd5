"""Paired comparisons: the t test, Wilcoxon's signed-rank test and the Hodges-Lehmann estimate of changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cytotrial.statistics.methods.signed_rank import signed_rank_p

NAN = float("nan")
CONFIDENCE = 0.95


def paired_change(baseline: ArrayLike, visit: ArrayLike) -> dict[str, Any]:
    """Mean change, its 95 % interval, paired t test and Wilcoxon p of complete pairs.

    Parameters
    ----------
    baseline, visit : array-like, shape (n_pairs,)
        Percentages of the same subjects in the same order, none missing.

    Returns
    -------
    dict
        ``n_pairs`` to ``wilcoxon_p`` and ``note`` of `cytotrial.statistics_columns.CHANGE_FROM_BASELINE`, without
        the adjusted p-values. ``sd_change`` has n - 1 below the line. What cannot be computed is NaN,
        and the note says why.

    References
    ----------
    Student. Biometrika 1908;6:1-25. doi:10.1093/biomet/6.1.1

    Examples
    --------
    >>> row = paired_change([10.0, 20.0, 30.0], [11.0, 22.0, 33.0])  # changes 1, 2, 3
    >>> row["mean_change"], row["sd_change"], round(row["t"], 4), row["df"], round(row["p_value"], 4)
    (2.0, 1.0, 3.4641, 2, 0.0742)
    """
    before, after = np.asarray(baseline, dtype=float), np.asarray(visit, dtype=float)
    changes = after - before
    n_pairs = changes.size
    row: dict[str, Any] = dict.fromkeys(
        ("mean_baseline", "mean_visit", "mean_change", "sd_change"), NAN
    ) | dict.fromkeys(("ci_low", "ci_high", "t", "df", "p_value", "wilcoxon_p"), NAN)
    row |= {"n_pairs": n_pairs, "note": "no pairs"}
    if n_pairs == 0:
        return row
    row |= {
        "mean_baseline": float(before.mean()),
        "mean_visit": float(after.mean()),
        "mean_change": float(changes.mean()),
    }
    if n_pairs == 1:
        return row | {"note": "one pair: no spread, no test"}
    wilcoxon_p, note = signed_rank_p(changes)
    row |= {"sd_change": float(changes.std(ddof=1)), "wilcoxon_p": wilcoxon_p}
    if _is_constant(before, after):
        notes = ["all changes are equal: no variance, no t test", note]
        return row | {"note": "; ".join(filter(None, notes))}
    test = stats.ttest_rel(after, before)
    low, high = test.confidence_interval(CONFIDENCE)
    return row | {
        "ci_low": float(low),
        "ci_high": float(high),
        "t": float(test.statistic),
        "df": int(test.df),
        "p_value": float(test.pvalue),
        "note": note,
    }


def _is_constant(before: np.ndarray, after: np.ndarray) -> bool:
    # R's rule for "essentially constant", on the scale of the percentages: their rounding, not the
    # change's, is what remains in a difference of equal changes.
    changes = after - before
    standard_error = changes.std(ddof=1) / np.sqrt(changes.size)
    scale = max(abs(before.mean()), abs(after.mean()))
    return bool(standard_error <= 10 * np.finfo(float).eps * scale)
