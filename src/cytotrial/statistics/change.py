"""Change from baseline within each arm: paired t test and Wilcoxon's signed-rank test at every visit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cytotrial.statistics.members import members
from cytotrial.statistics.multiplicity import adjust_families
from cytotrial.statistics.observations import values_by_cell
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.signed_rank import signed_rank_p

NAN = float("nan")
CONFIDENCE = 0.95


def change_from_baseline(
    observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan
) -> list[dict[str, Any]]:
    """A row for every analysis set, arm, subset, denominator and post-baseline visit of the plan.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.columns.CHANGE_FROM_BASELINE`; percentages and percentage points.

    Notes
    -----
    A pair is a subject with a usable value at the baseline visit and at the visit; no other visit
    stands in for the baseline. ``p_holm`` and ``p_bh`` count all subsets and visits of one analysis
    set and arm, primary denominators only; other rows have none.
    """
    cells = values_by_cell(observations)
    nothing = pd.Series(dtype=float)
    rows = []
    for analysis_set in plan.analysis_sets:
        for arm in plan.arms:
            chosen = members(subjects, analysis_set=analysis_set, arm=arm)
            for subset, denominator in plan.percentages():
                before = cells.get((subset, denominator, plan.baseline), nothing)
                before = before[before.index.isin(chosen)]
                for visit in plan.post_baseline:
                    after = cells.get((subset, denominator, visit), nothing)
                    after = after[after.index.isin(chosen)]
                    key = {
                        "analysis_set": analysis_set,
                        "arm": arm,
                        "subset": subset,
                        "denominator": denominator,
                        "visit": visit,
                    }
                    rows.append(key | _row(before, after, chosen, baseline=plan.baseline, visit=visit))
    return adjust_families(rows, family=lambda row: _family(row, plan))


def paired_change(baseline: ArrayLike, visit: ArrayLike) -> dict[str, Any]:
    """Mean change, its 95 % interval, paired t test and Wilcoxon p of complete pairs.

    Parameters
    ----------
    baseline, visit : array-like, shape (n_pairs,)
        Percentages of the same subjects in the same order, none missing.

    Returns
    -------
    dict
        ``n_pairs`` to ``wilcoxon_p`` and ``note`` of `cytotrial.columns.CHANGE_FROM_BASELINE`, without
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


def _row(before: pd.Series, after: pd.Series, chosen: list[str], *, baseline: str, visit: str) -> dict[str, Any]:
    pairs = before.index.intersection(after.index, sort=False)
    row = paired_change(before.reindex(pairs), after.reindex(pairs))
    if not chosen:
        row["note"] = "no subject of this arm in the analysis set"
    elif before.empty:
        row["note"] = f"no usable value at {baseline}"
    elif after.empty:
        row["note"] = f"no usable value at {visit}"
    elif pairs.empty:
        row["note"] = f"no subject has usable values at both {baseline} and {visit}"
    return row


def _family(row: dict[str, Any], plan: AnalysisPlan) -> tuple[str, str] | None:
    if not plan.is_primary(row["subset"], row["denominator"]):
        return None
    return row["analysis_set"], row["arm"]
