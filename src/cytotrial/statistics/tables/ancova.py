"""Active against control at every post-baseline visit, adjusted for the baseline: analysis of covariance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cytotrial.statistics.cells import Cells, without_events
from cytotrial.statistics.methods import ancova as covariance_analysis
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.ratios import ratios
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import HALDANE
from cytotrial.statistics.tables.arm_pair import comparison_family, pair_note

SCALES = ("percent", "logit")

METHOD = Method(
    title="Analysis of covariance",
    text="""At every post-baseline visit the changes from baseline of the active and the control arm were compared by
    analysis of covariance: ordinary least squares with the arm and the baseline value as covariates and without their
    interaction, over the subjects with usable values at both visits. The arm's effect, active minus control, was
    given with its 95 % confidence interval and t test; in percentage points, and on the logit scale (log(q / (1 -
    q)), q = (x + 0.5) / (n + 1) for x events among n), where it was given as an odds ratio too. Where no sample of
    the two arms had an event, or every sample nothing but events, q measures the denominators alone, and nothing was
    estimated from it. The p-values were adjusted by Holm's and by Benjamini and Hochberg's method over all subsets
    and post-baseline visits of an analysis set and scale, primary denominators only.""",
    references=(
        "Vickers AJ, Altman DG. Analysing controlled trials with baseline and follow up measurements. BMJ "
        "2001;323:1123-1124. doi:10.1136/bmj.323.7321.1123",
        HALDANE,
    ),
    libraries=("numpy", "scipy", "statsmodels"),
)


def ancova(observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, subset, denominator, post-baseline visit and scale; none without two arms.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.ANCOVA`: active minus control, in percentage points (``percent``)
        or as natural logarithms of odds (``logit``, with the odds ratio and its limits; on the other scale NaN).

    Notes
    -----
    ``p_holm`` and ``p_bh`` count all subsets and visits of one analysis set and scale, primary
    denominators only; other rows have none.
    """
    chosen_pair = pair_note(plan, "analysis of covariance")
    if chosen_pair is None:
        return []
    rows = []
    for scale in SCALES:
        cells = Cells.of(observations, subjects, plan, scale=scale)
        for analysis_set in plan.analysis_sets:
            for subset, denominator in plan.percentages():
                for visit in plan.post_baseline:
                    row = _row(cells, analysis_set, subset, denominator, visit)
                    wanted = [row[name] if scale == "logit" else np.nan for name in ("estimate", "ci_low", "ci_high")]
                    row |= dict(zip(("odds_ratio", "or_low", "or_high"), ratios(*wanted), strict=True))
                    row |= {"analysis_set": analysis_set, "subset": subset, "denominator": denominator, "visit": visit}
                    note = "; ".join(filter(None, (row["note"], chosen_pair)))
                    rows.append(row | {"scale": scale, "note": note})
    return adjust_families(rows, family=lambda row: comparison_family(row, plan, "scale"))


def _row(cells: Cells, analysis_set: str, subset: str, denominator: str, visit: str) -> dict[str, Any]:
    assert cells.plan.pair is not None
    arms = cells.plan.pair
    active, control = (cells.pairs(analysis_set, arm, subset, denominator, visit) for arm in arms)
    row = covariance_analysis.ancova(
        np.concatenate([active.before, control.before]),
        np.concatenate([active.after, control.after]),
        np.repeat([True, False], [active.before.size, control.before.size]),
    )
    notes = [f"{arm}: {pairs.reason}" for arm, pairs in zip(arms, (active, control), strict=True) if pairs.reason]
    denominators_alone = without_events(active.percents, control.percents) if cells.scale == "logit" else ""
    if denominators_alone:
        row |= dict.fromkeys(row.keys() - {"n_active", "n_control", "note"}, np.nan)
        notes.append(denominators_alone)
    return row | ({"note": "; ".join(notes)} if notes else {})
