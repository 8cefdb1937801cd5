"""What the dosing schedule asks: the change at its peaks and troughs, their difference, its average, what stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cytotrial.statistics.arm_models import LEAST_DF, SCALES, ArmModel, Key
from cytotrial.statistics.cells import Cells, without_events
from cytotrial.statistics.methods.one_sample import one_sample_t
from cytotrial.statistics.methods.ratios import ratios
from cytotrial.statistics.methods.reml import Effect
from cytotrial.statistics.methods.students_t import t_inference
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.schedule import Contrast, contrasts_of

NAN = float("nan")
NUMBERS = ("estimate", "se", "df", "ci_low", "ci_high", "p_value")
COMPLETE_SUBJECTS = "one-sample t, complete subjects"

METHOD = Method(
    title="Contrasts of the dosing schedule",
    text="""The changes from baseline were averaged over the visits at the end of the dosing blocks (peak), over those
    at the end of the breaks after them (trough) and over those after the last break (carry-over), each visit weighing
    the same; peak minus trough is the difference of the first two. The area under the change, by trapezoids over the
    weeks from the baseline to the last peak or trough, was divided by its length, which gives the change averaged
    over time. Within an arm each was computed for every subject with all the visits it needs and tested against zero
    by Student's one-sample t test; subjects who miss one of these visits were left out. On the logit scale, log(q /
    (1 - q)) with q = (x + 0.5) / (n + 1) for x events among n, nothing was estimated where none of these samples had
    an event, or all had nothing but events: q then measures the denominators alone. Between the arms each was
    estimated as the same weighted sum of the mixed model's arm effects, with Satterthwaite's degrees of freedom, from
    all subjects in the model. No p-value of this table was adjusted.""",
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
        cells = Cells.of(observations, subjects, plan, scale=scale)
        for analysis_set in plan.analysis_sets:
            for subset, denominator in plan.percentages():
                key = {"analysis_set": analysis_set, "subset": subset, "denominator": denominator, "scale": scale}
                numbers: list[dict[str, Any]] = []
                for arm in plan.arms:
                    numbers += _within_arm(cells, analysis_set, arm, subset, denominator, contrasts)
                if plan.pair is not None:
                    fit = fits.get((analysis_set, subset, denominator, scale))
                    numbers += _between_arms(fit, "-".join(plan.pair), contrasts)
                rows += [_with_odds_ratios(key | found) for found in numbers]
    return rows


def _within_arm(
    cells: Cells, analysis_set: str, arm: str, subset: str, denominator: str, contrasts: tuple[Contrast, ...]
) -> Iterator[dict[str, Any]]:
    baseline = cells.plan.baseline
    for contrast in contrasts:
        found = cells.complete(analysis_set, arm, subset, denominator, (baseline, *contrast.visits))
        row = {"comparison": arm, "contrast": contrast.id, "visits": " ".join(contrast.visits)}
        row |= {"n_subjects": len(found.values), "method": COMPLETE_SUBJECTS}
        denominators_alone = without_events(found.percents) if cells.scale == "logit" else ""
        if contrast.note or denominators_alone:
            yield row | dict.fromkeys(NUMBERS, NAN) | {"note": contrast.note or denominators_alone}
            continue
        changes = found.values[:, 1:] - found.values[:, :1]
        values = changes @ np.array([contrast.weights[visit] for visit in contrast.visits])
        row |= one_sample_t(values, size=float(np.abs(found.values).max(initial=0.0)))
        yield row | ({"note": found.reason} if found.reason else {})


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
    if not effect.se > 0.0:
        return row | {"note": "no standard error: no test"}
    if not effect.df >= LEAST_DF:  # each visit alone has them, or the model would have been refused
        df = "no" if np.isnan(effect.df) else f"{effect.df:.2g}"
        return dict.fromkeys(NUMBERS, NAN) | {"note": f"{df} degrees of freedom in the mixed model, too few for a test"}
    found = t_inference(effect.estimate, effect.se, effect.df)
    return row | {"ci_low": found.low, "ci_high": found.high, "p_value": found.p_value, "note": ""}


def _with_odds_ratios(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its exponentials on the logit scale; percentage points have no odds ratio."""
    wanted = [row[name] if row["scale"] == "logit" else NAN for name in ("estimate", "ci_low", "ci_high")]
    return row | dict(zip(("odds_ratio", "or_low", "or_high"), ratios(*wanted), strict=True))
