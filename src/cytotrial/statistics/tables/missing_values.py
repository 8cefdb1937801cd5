"""Every planned percentage that is not there, and why: a table of its own, so that no gap passes in silence."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.observations import KEYS, counting_rows, is_usable
from cytotrial.statistics.plan import AnalysisPlan

NOT_COLLECTED, FAILED, NOT_REPORTED = "not_collected", "failed", "not_reported"
KINDS = (NOT_COLLECTED, FAILED, NOT_REPORTED)
FILE_FAILED = "file failed"  # how `cytotrial.subsets` begins the reason where counts stand that nobody may use

METHOD = Method(
    title="Missing data",
    text="""Percentages of samples that were not collected, of files that failed quality control and of populations
    with too few events to report were missing; none was imputed, except where a section below says so. Tests of
    a visit used all subjects with a usable percentage there, tests of a change those with a usable percentage at
    the baseline and at the visit. Every missing percentage was listed with its reason, samples that were not
    collected apart from those that failed.""",
    libraries=("pandas",),
)


def missing_values(subsets: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every subject, visit and subset, under its primary denominator, without a usable percentage.

    Parameters
    ----------
    subsets : DataFrame
        The columns of ``subsets.tsv``, of which `usable_values` has found nothing to refuse.
    subjects : DataFrame
        ``subject_id`` and ``arm``.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.MISSING_VALUES`. ``kind`` is

        - ``not_collected``: no sample of that subject and visit measures the subset, under the condition that the plan
          has chosen; staining controls are none;
        - ``failed``: a sample, but no counts to use: its file failed, or the population could not be measured;
        - ``not_reported``: counts, but too few events for a percentage.

        Where there are several samples (replicates) the value is missing only if none is usable; ``not_reported`` then
        goes before ``failed``, and the different reasons are joined by ``; `` in the order of the sample ids.

    Raises
    ------
    CytotrialError
        A subset measured under several conditions with none chosen.
    """
    primary = {planned.id: planned.denominators[0] for planned in plan.subsets}
    rows = counting_rows(subsets, plan)
    rows = rows[rows["denominator"].astype(object) == rows["subset"].astype(object).map(primary)]
    usable = is_usable(rows)
    there = set(rows.loc[usable, KEYS[:3]].itertuples(index=False, name=None))
    unusable = rows[~usable].sort_values("sample_id")
    reasons: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in unusable.to_dict("records"):
        reasons.setdefault(tuple(row[name] for name in KEYS[:3]), []).append(_kind_and_reason(row))
    arms = dict(zip(subjects["subject_id"], subjects["arm"], strict=True))
    rows_made = []
    for key in product(sorted(arms), plan.visits, primary):
        if key not in there:
            kind, reason = _together(reasons[key]) if key in reasons else (NOT_COLLECTED, "")
            named = dict(zip(KEYS, (*key, primary[key[2]]), strict=True))
            rows_made.append(named | {"arm": arms[key[0]], "kind": kind, "reason": reason})
    return rows_made


def _kind_and_reason(row: dict[str, Any]) -> tuple[str, str]:
    said = "" if pd.isna(row["qc_reason"]) else str(row["qc_reason"])
    if said.startswith(FILE_FAILED) or pd.isna(row["numerator_n"]) or pd.isna(row["denominator_n"]):
        return FAILED, said or "no counts, and no reason given"
    return NOT_REPORTED, said or "no percentage, and no reason given"


def _together(samples: list[tuple[str, str]]) -> tuple[str, str]:
    """Of a visit's unusable samples: the kind of the one that came furthest, and every reason once."""
    kind = NOT_REPORTED if any(kind == NOT_REPORTED for kind, _ in samples) else FAILED
    return kind, "; ".join(dict.fromkeys(reason for _, reason in samples))
