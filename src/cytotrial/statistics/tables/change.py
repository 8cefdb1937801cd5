"""Change from baseline within each arm: paired t test and Wilcoxon's signed-rank test at every visit."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cytotrial.statistics.members import members
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.paired import paired_change
from cytotrial.statistics.observations import values_by_cell
from cytotrial.statistics.plan import AnalysisPlan


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
        The columns of `cytotrial.statistics_columns.CHANGE_FROM_BASELINE`; percentages and percentage points.

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
