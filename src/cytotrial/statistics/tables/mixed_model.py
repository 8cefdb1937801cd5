"""``mixed_model.tsv`` and ``mixed_model_fit.tsv``: how the arms differ at every visit, from one model of all visits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from scipy import stats

from cytotrial.statistics.arm_models import ArmModel, ArmModels
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.students_t import t_inference
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan

NAN = float("nan")
NUMBERS = ("estimate", "se", "df", "ci_low", "ci_high", "p_value", "odds_ratio", "or_low", "or_high")

METHOD = Method(
    title="Mixed model for repeated measures",
    text="""Changes from baseline at all post-baseline visits were modelled together, for each subset and denominator,
    with fixed effects of visit, baseline by visit and arm by visit and an unstructured covariance of the visits,
    by restricted maximum likelihood; values are assumed missing at random. Where the data did not determine an
    unstructured covariance a Toeplitz one was taken, and where not that one either compound symmetry; the table says
    which. Standard errors are the model's own (not inflated for the estimated covariance); degrees of freedom are
    Satterthwaite's, from the observed information. The model was fitted to percentages and to their logits, where the
    differences between the arms are given as odds ratios too. All arm effects together were tested by Wald's
    chi-square.""",
    references=(
        "Mallinckrodt CH, Clark WS, David SR. Accounting for dropout bias using mixed-effects models. J Biopharm Stat "
        "2001;11:9-21. doi:10.1081/BIP-100104194",
        "Giesbrecht FG, Burns JC. Two-stage analysis based on a mixed model. Biometrics 1985;41:477-486. "
        "doi:10.2307/2530872",
    ),
    libraries=("numpy", "scipy"),
)


def mixed_model(models: ArmModels, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every model and post-baseline visit.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.MIXED_MODEL`: active minus control, in percentage points or on the
        logit scale; adjusted within the post-baseline visits and primary denominators of an analysis set and scale.
    """
    rows = []
    for key in (*models.fitted, *models.refused):
        named = dict(zip(("analysis_set", "subset", "denominator", "scale"), key, strict=True))
        model = models.fitted.get(key)
        for visit in plan.post_baseline:
            row = (
                named | {"visit": visit} | dict.fromkeys(("estimate", "se", "df", "ci_low", "ci_high", "p_value"), NAN)
            )
            row |= dict.fromkeys(("odds_ratio", "or_low", "or_high"), NAN)
            row |= {"method": None, "n_subjects": 0, "n_observations": 0, "note": models.left_out[key].get(visit, "")}
            if model is None:
                row["note"] = row["note"] or f"no model: {models.refused[key]}"
            elif visit in model.visits:
                row |= _numbers(model, visit, key[-1])
            rows.append(row)
    return adjust_families(rows, family=lambda row: _family(row, plan))


def _numbers(model: ArmModel, visit: str, scale: str) -> dict[str, Any]:
    effect = model.effect({visit: 1.0})
    tested = t_inference(effect.estimate, effect.se, effect.df)
    values = (effect.estimate, tested.low, tested.high)
    odds = [float(np.exp(value)) if scale == "logit" else NAN for value in values]
    return {
        "estimate": effect.estimate,
        "se": effect.se,
        "df": effect.df,
        "ci_low": tested.low,
        "ci_high": tested.high,
        "p_value": tested.p_value,
        "odds_ratio": odds[0],
        "or_low": odds[1],
        "or_high": odds[2],
        "method": f"REML, {model.covariance} covariance, Satterthwaite df",
        "n_subjects": model.n_subjects,
        "n_observations": model.fit.n_observations,
        "note": "; ".join(model.tried),
    }


def _family(row: dict[str, Any], plan: AnalysisPlan) -> tuple[str, str] | None:
    if not plan.is_primary(row["subset"], row["denominator"]):
        return None
    return row["analysis_set"], row["scale"]


def mixed_model_fit(models: ArmModels, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every model: the covariance, the likelihood, and the test that the arms differ at no visit.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.MIXED_MODEL_FIT`; the covariance matrix is JSON, visits and rows.
    """
    rows = []
    for key in (*models.fitted, *models.refused):
        row: dict[str, Any] = dict(zip(("analysis_set", "subset", "denominator", "scale"), key, strict=True))
        model = models.fitted.get(key)
        notes = [f"{visit} {reason}" for visit, reason in models.left_out[key].items()]
        if model is None:
            row |= dict.fromkeys(("covariance", "tried", "covariance_matrix"))
            row |= dict.fromkeys(("reml_log_likelihood", "wald_chi2", "wald_p"), NAN)
            row |= dict.fromkeys(("n_subjects", "n_observations", "n_fixed", "n_covariance", "wald_df"), 0)
            rows.append(row | {"note": "; ".join([models.refused[key], *notes])})
            continue
        chi2, df = model.wald()
        matrix = {"visits": list(model.visits), "rows": model.fit.covariance.tolist()}
        rows.append(
            row
            | {
                "covariance": model.covariance,
                "tried": "; ".join(model.tried),
                "reml_log_likelihood": model.fit.log_likelihood,
                "n_subjects": model.n_subjects,
                "n_observations": model.fit.n_observations,
                "n_fixed": model.fit.coefficients.size,
                "n_covariance": model.fit.n_covariance,
                "wald_chi2": chi2,
                "wald_df": df,
                "wald_p": float(stats.chi2.sf(chi2, df)),
                "covariance_matrix": json.dumps(matrix),
                "note": "; ".join(notes),
            }
        )
    return rows
