"""What the dosing schedule asks: the change at its peaks and troughs, their difference, its average, what stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.statistics.arm_models import SCALES, ArmModel, Key
from cytotrial.statistics.members import members
from cytotrial.statistics.methods.one_sample import one_sample_t
from cytotrial.statistics.methods.reml import Effect
from cytotrial.statistics.methods.students_t import t_inference
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.observations import values_by_cell
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.schedule import Contrast, contrasts_of

NAN = float("nan")
NUMBERS = ("estimate", "se", "df", "ci_low", "ci_high", "p_value")
COMPLETE_SUBJECTS = "one-sample t, complete subjects"

METHOD = Method(
    title="Contrasts of the dosing schedule",
    text="""The changes from baseline were averaged over the visits at the end of the dosing blocks (peak), over
    those at the end of the breaks after them (trough) and over those after the last break (carry-over), each visit
    weighing the same; peak minus trough is the difference of the first two. The area under the change, by
    trapezoids over the weeks from the baseline to the last peak or trough, was divided by its length, which gives
    the change averaged over time. Within an arm each was computed for every subject with all the visits it needs
    and tested against zero by Student's one-sample t test; subjects who miss one of these visits were left out.
    Between the arms each was estimated as the same weighted sum of the mixed model's arm effects, with
    Satterthwaite's degrees of freedom, from all subjects in the model. No p-value of this table was adjusted.""",
    references=(
        "Matthews JNS, Altman DG, Campbell MJ, Royston P. Analysis of serial measurements in medical research. BMJ "
        "1990;300:230-235. doi:10.1136/bmj.300.6719.230",
    ),
    libraries=("scipy",),
)


def schedule_contrasts(
    observations: pd.DataFrame,
    subjects: pd.DataFrame,
    plan: AnalysisPlan,
    fits: Mapping[Key, ArmModel],
) -> list[dict[str, Any]]:
    """A row for every analysis set, comparison, subset, denominator, scale and contrast of the schedule.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.
    fits : mapping
        (analysis set, subset, denominator, scale) -> model; a comparison of arms without one is NaN and says so.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.SCHEDULE_CONTRASTS`; none without a schedule. ``comparison`` is an
        arm, or ``ACTIVE-CONTROL`` with the arms' ids. Percentage points, or logits with their exponentials as odds
        ratios: to the baseline within an arm, of the active to the control arm between them.
    """
    weeks = dict(zip(plan.visits, plan.weeks or [NAN] * len(plan.visits), strict=True))
    contrasts = contrasts_of(plan.schedule, weeks, baseline=plan.baseline)
    rows = []
    for scale in SCALES if contrasts else ():
        levels = _levels(observations, scale, plan)
        for analysis_set in plan.analysis_sets:
            chosen = {arm: members(subjects, analysis_set=analysis_set, arm=arm) for arm in plan.arms}
            for subset, denominator in plan.percentages():
                key = {"analysis_set": analysis_set, "subset": subset, "denominator": denominator, "scale": scale}
                level = levels[subset, denominator]
                numbers = [*_within_arms(level, chosen, contrasts, plan)]
                if plan.pair is not None:
                    fit = fits.get((analysis_set, subset, denominator, scale))
                    numbers += _between_arms(fit, "-".join(plan.pair), contrasts)
                rows += [_with_odds_ratios(key | found) for found in numbers]
    return rows


def _levels(observations: pd.DataFrame, scale: str, plan: AnalysisPlan) -> dict[tuple[str, str], pd.DataFrame]:
    """(subset, denominator) -> values, subjects by visits of the plan, NaN where missing."""
    cells = values_by_cell(observations, scale=scale)
    nothing = pd.Series(dtype=float)
    return {
        pair: pd.DataFrame({visit: cells.get((*pair, visit), nothing) for visit in plan.visits})
        for pair in plan.percentages()
    }


def _within_arms(
    levels: pd.DataFrame, chosen: Mapping[str, list[str]], contrasts: tuple[Contrast, ...], plan: AnalysisPlan
) -> Iterator[dict[str, Any]]:
    for arm, names in chosen.items():
        for contrast in contrasts:
            needed = levels.reindex(names)[[plan.baseline, *contrast.visits]].dropna()
            row = {"comparison": arm, "contrast": contrast.id, "visits": " ".join(contrast.visits)}
            row |= {"n_subjects": len(needed), "method": COMPLETE_SUBJECTS}
            if contrast.note:
                yield row | dict.fromkeys(NUMBERS, NAN) | {"note": contrast.note}
                continue
            changes = needed[list(contrast.visits)].sub(needed[plan.baseline], axis=0)
            values = changes.to_numpy() @ np.array([contrast.weights[visit] for visit in contrast.visits])
            size = float(needed.abs().to_numpy().max()) if len(needed) else 0.0
            row |= one_sample_t(values, size=size)
            if needed.empty:
                row["note"] = (
                    f"no subject with a usable value at {plan.baseline} and at every visit of the contrast"
                    if names
                    else "no subject of this arm in the analysis set"
                )
            yield row


def _between_arms(fit: ArmModel | None, comparison: str, contrasts: tuple[Contrast, ...]) -> Iterator[dict[str, Any]]:
    for contrast in contrasts:
        row = {"comparison": comparison, "contrast": contrast.id, "visits": " ".join(contrast.visits)}
        row |= {"n_subjects": 0, "method": None} | dict.fromkeys(NUMBERS, NAN)
        if fit is None:
            yield row | {"note": contrast.note or "no mixed model, see mixed_model_fit.tsv"}
            continue
        row |= {"n_subjects": fit.n_subjects, "method": f"mixed model, {fit.covariance}"}
        absent = [visit for visit in contrast.visits if visit not in fit.visits]
        if contrast.note or absent:
            yield row | {"note": contrast.note or f"not in the mixed model: {' '.join(absent)}"}
            continue
        yield row | _tested(fit.effect(contrast.weights))


def _tested(effect: Effect) -> dict[str, Any]:
    row = {"estimate": effect.estimate, "se": effect.se, "df": effect.df}
    if not (effect.se > 0.0 and effect.df > 0.0):
        return row | {"note": "no standard error, or no degrees of freedom: no test"}
    found = t_inference(effect.estimate, effect.se, effect.df)
    return row | {"ci_low": found.low, "ci_high": found.high, "p_value": found.p_value, "note": ""}


def _with_odds_ratios(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its exponentials on the logit scale; percentage points have no odds ratio."""
    ratios = {"odds_ratio": "estimate", "or_low": "ci_low", "or_high": "ci_high"}
    is_logit = row["scale"] == "logit"
    return row | {name: float(np.exp(row[column])) if is_logit else NAN for name, column in ratios.items()}
