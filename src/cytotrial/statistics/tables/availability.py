"""How many planned percentages there are at each visit, and of what kind those are that are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from cytotrial.statistics.members import members
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.tables.missing_values import KINDS


def availability(
    missing_rows: Iterable[Mapping[str, Any]], subjects: pd.DataFrame, plan: AnalysisPlan
) -> list[dict[str, Any]]:
    """A row for every analysis set, arm, subset under its primary denominator, and visit of the plan.

    Parameters
    ----------
    missing_rows : iterable of mapping
        What `missing_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.AVAILABILITY`: subjects, ``n_planned`` being all of the arm in the
        analysis set, and the sum of the four others.
    """
    missing: dict[tuple[str, str], dict[str, str]] = {}
    for row in missing_rows:
        missing.setdefault((row["subset"], row["visit"]), {})[row["subject_id"]] = row["kind"]
    rows = []
    for analysis_set in plan.analysis_sets:
        for arm in plan.arms:
            chosen = members(subjects, analysis_set=analysis_set, arm=arm)
            for subset in plan.subsets:
                for visit in plan.visits:
                    kinds = missing.get((subset.id, visit), {})
                    counts = Counter(kinds[subject] for subject in chosen if subject in kinds)
                    rows.append(
                        {
                            "analysis_set": analysis_set,
                            "arm": arm,
                            "subset": subset.id,
                            "denominator": subset.denominators[0],
                            "visit": visit,
                            "n_planned": len(chosen),
                            "n_available": len(chosen) - counts.total(),
                            **{f"n_{kind}": counts[kind] for kind in KINDS},
                        }
                    )
    return rows
