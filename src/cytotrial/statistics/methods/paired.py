"""Paired comparisons: the t test, Wilcoxon's signed-rank test and the Hodges-Lehmann estimate of changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cytotrial.statistics.methods.signed_rank import hodges_lehmann_change, signed_rank_p
from cytotrial.statistics.methods.students_t import ROUNDING, t_inference

NAN = float("nan")


def paired_change(baseline: ArrayLike, visit: ArrayLike) -> dict[str, Any]:
    """Mean change, its 95 % interval and paired t test; Wilcoxon's p and the Hodges-Lehmann estimate with its interval.

    Parameters
    ----------
    baseline, visit : array-like, shape (n_pairs,)
        Percentages of the same subjects in the same order, none missing.

    Returns
    -------
    dict
        The columns of `cytotrial.statistics_columns.CHANGE_FROM_BASELINE` from ``n_pairs``, without the adjusted
        p-values. What cannot be computed is NaN, and the note says why.

    Examples
    --------
    >>> row = paired_change([10.0, 20.0, 30.0], [11.0, 22.0, 33.0])  # changes 1, 2, 3
    >>> row["mean_change"], row["wilcoxon_p"], row["hl_change"], row["dz"]
    (2.0, 0.25, 2.0, 2.0)
    """
    row = paired_t(baseline, visit)
    before, after = np.asarray(baseline, dtype=float), np.asarray(visit, dtype=float)
    changes = after - before
    wilcoxon_p, rank_note = signed_rank_p(changes, magnitude=np.abs([before, after]).max(initial=0.0))
    estimate, low, high, estimate_note = hodges_lehmann_change(changes)
    notes = [row["note"], rank_note]
    if np.isnan(row["t"]):  # equal but for rounding: an interval would have the width of the rounding
        low = high = NAN
    if changes.size and (np.isfinite(row["t"]) or np.isnan(estimate)):  # else the first note has said it
        notes.append(estimate_note)
    row |= {"wilcoxon_p": wilcoxon_p, "hl_change": estimate, "hl_low": low, "hl_high": high}
    return row | {"note": "; ".join(filter(None, notes))}


def paired_t(before: ArrayLike, after: ArrayLike) -> dict[str, Any]:
    """Mean change, its 95 % interval and paired t test of complete pairs.

    Parameters
    ----------
    before, after : array-like, shape (n_pairs,)
        Values of the same subjects in the same order, on any scale, none missing.

    Returns
    -------
    dict
        ``n_pairs mean_baseline mean_visit mean_change sd_change ci_low ci_high t df p_value dz note``.
        ``sd_change`` has n - 1 below the line; ``dz`` is the mean change over it (Cohen's d of paired
        differences). What cannot be computed is NaN, and the note says why.

    References
    ----------
    Student. Biometrika 1908;6:1-25. doi:10.1093/biomet/6.1.1
    Lakens D. Front Psychol 2013;4:863. doi:10.3389/fpsyg.2013.00863 (dz)

    Examples
    --------
    >>> row = paired_t([10.0, 20.0, 30.0], [11.0, 22.0, 33.0])  # changes 1, 2, 3
    >>> row["mean_change"], row["sd_change"], round(row["t"], 4), row["df"], round(row["p_value"], 4)
    (2.0, 1.0, 3.4641, 2, 0.0742)
    """
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    changes = second - first
    n_pairs = changes.size
    row: dict[str, Any] = {"n_pairs": n_pairs}
    row |= dict.fromkeys(("mean_baseline", "mean_visit", "mean_change", "sd_change"), NAN)
    row |= dict.fromkeys(("ci_low", "ci_high", "t", "df", "p_value", "dz"), NAN)
    if n_pairs == 0:
        return row | {"note": "no pairs"}
    mean = float(changes.mean())
    row |= {"mean_baseline": float(first.mean()), "mean_visit": float(second.mean()), "mean_change": mean}
    if n_pairs == 1:
        return row | {"note": "one pair: no spread, no t test"}
    spread = float(changes.std(ddof=1))
    row["sd_change"] = spread
    error = spread / np.sqrt(n_pairs)
    # On the scale of the values: their rounding, not the change's, is what remains in a difference of equal changes.
    if error <= ROUNDING * max(abs(row["mean_baseline"]), abs(row["mean_visit"])):
        return row | {"note": "all changes are equal: no variance, no t test, no interval"}
    t, low, high, p_value = t_inference(mean, error, n_pairs - 1)
    row |= {"ci_low": low, "ci_high": high, "t": t, "df": n_pairs - 1, "p_value": p_value}
    return row | {"dz": mean / spread, "note": ""}
