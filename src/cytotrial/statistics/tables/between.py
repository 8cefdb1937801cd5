"""Active against control at every visit, level and change: Mann-Whitney test, Hodges-Lehmann shift."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from cytotrial.statistics.members import members
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.two_samples import mann_whitney
from cytotrial.statistics.observations import values_by_cell
from cytotrial.statistics.plan import AnalysisPlan

logger = logging.getLogger(__name__)


def between_arms(observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, subset, denominator, visit and measure of the plan.

    ``level`` is the percentage at the visit (every visit); ``change`` is visit minus baseline of the
    subjects that have both (post-baseline visits). Where arms of one role are several, the first
    active is compared with the first control arm and every row's note says so; without an active or
    a control arm there are no rows.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.BETWEEN_ARMS`; percentages and percentage points.

    Notes
    -----
    ``p_holm`` and ``p_bh`` count all subsets and post-baseline visits of one analysis set and measure,
    primary denominators only; other rows, and the level at the baseline, have none.
    """
    if not (plan.active and plan.control):
        logger.info("no comparison between arms: the trial has no %s arm", "active" if plan.control else "control")
        return []
    arms = plan.active[0], plan.control[0]
    chosen_pair = ""
    if len(plan.active) > 1 or len(plan.control) > 1:
        chosen_pair = f"several arms: {arms[0]} compared with {arms[1]}"
        logger.info("between arms: %s", chosen_pair)
    cells = values_by_cell(observations)
    rows = []
    for analysis_set in plan.analysis_sets:
        groups = tuple((arm, members(subjects, analysis_set=analysis_set, arm=arm)) for arm in arms)
        for subset, denominator in plan.percentages():
            for visit, measure in _visits_and_measures(plan):
                values = _measured(cells, subset, denominator, visit, measure=measure, baseline=plan.baseline)
                key = {"analysis_set": analysis_set, "subset": subset, "denominator": denominator}
                row = key | {"visit": visit, "measure": measure} | _row(values, groups)
                row["note"] = "; ".join(filter(None, (row["note"], chosen_pair)))
                rows.append(row)
    return adjust_families(rows, family=lambda row: _family(row, plan))


def _visits_and_measures(plan: AnalysisPlan) -> list[tuple[str, str]]:
    return [(visit, "level") for visit in plan.visits] + [(visit, "change") for visit in plan.post_baseline]


def _measured(
    cells: dict[tuple[str, str, str], pd.Series],
    subset: str,
    denominator: str,
    visit: str,
    *,
    measure: str,
    baseline: str,
) -> pd.Series:
    nothing = pd.Series(dtype=float)
    level = cells.get((subset, denominator, visit), nothing)
    if measure == "level":
        return level
    before = cells.get((subset, denominator, baseline), nothing)
    pairs = level.index.intersection(before.index, sort=False)
    return level.reindex(pairs) - before.reindex(pairs)


def _row(values: pd.Series, groups: tuple[tuple[str, list[str]], ...]) -> dict[str, Any]:
    samples = [values[values.index.isin(chosen)] for _, chosen in groups]
    row = mann_whitney(*samples)
    reasons = [
        f"no usable value in {arm}" if chosen else f"no subject of {arm} in the analysis set"
        for (arm, chosen), sample in zip(groups, samples, strict=True)
        if sample.empty
    ]
    if reasons:
        row["note"] = "; ".join(reasons)
    return row


def _family(row: dict[str, Any], plan: AnalysisPlan) -> tuple[str, str] | None:
    if row["visit"] not in plan.post_baseline or not plan.is_primary(row["subset"], row["denominator"]):
        return None
    return row["analysis_set"], row["measure"]
