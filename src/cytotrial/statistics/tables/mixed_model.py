"""``mixed_model.tsv`` and ``mixed_model_fit.tsv``: how the arms differ at every visit, from one model of all visits."""

from __future__ import annotations

import json
from typing import Any

from scipy import stats

from cytotrial.statistics.arm_models import ArmModel, ArmModels, Key
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.ratios import ratios
from cytotrial.statistics.methods.students_t import t_inference
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.tables.arm_pair import comparison_family, pair_note
from cytotrial.statistics_columns import MIXED_MODEL_FIT

NAN = float("nan")
NUMBERS = ("estimate", "se", "df", "ci_low", "ci_high", "p_value", "odds_ratio", "or_low", "or_high")
FIT_NUMBERS = tuple(name for name in MIXED_MODEL_FIT.columns if name not in (*MIXED_MODEL_FIT.key, "note"))

METHOD = Method(
    title="Mixed model for repeated measures",
    text="""Changes from baseline at all post-baseline visits were modelled together, for each subset and denominator,
    with fixed effects of visit, baseline by visit and arm by visit and an unstructured covariance of the visits,
    by restricted maximum likelihood; values are assumed missing at random. Where the data did not determine an
    unstructured covariance, a heterogeneous Toeplitz, heterogeneous compound symmetric (every visit its own variance),
    Toeplitz or compound symmetric one (one variance for all visits) was taken, in this order; the table says which.
    Standard errors are the model's own (not inflated for the estimated covariance); degrees of freedom are
    Satterthwaite's, from the observed information. The model was fitted to percentages and to their logits, where the
    differences between the arms are given as odds ratios too. That the arms differ at no visit was tested by F, as
    Hotelling's T squared with the smallest of these degrees of freedom, and by Wald's chi-square, which in small
    trials rejects far too often.""",
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
    arms = pair_note(plan, "mixed_model") or ""
    rows = []
    for key in (*models.fitted, *models.refused):
        model = models.fitted.get(key)
        for visit in plan.post_baseline:
            row: dict[str, Any] = _named(key) | {"visit": visit} | dict.fromkeys(NUMBERS, NAN)
            row |= dict.fromkeys(("method", "n_subjects", "n_observations"))
            note = models.left_out[key].get(visit, "")
            if model is None:
                note = note or f"no model: {models.refused[key]}"
            elif visit in model.visits:
                row |= _numbers(model, visit, key[-1])
                note = "; ".join(model.tried)
            rows.append(row | {"note": "; ".join(filter(None, (arms, note)))})
    return adjust_families(rows, family=lambda row: comparison_family(row, plan, "scale"))


def _named(key: Key) -> dict[str, Any]:
    return dict(zip(("analysis_set", "subset", "denominator", "scale"), key, strict=True))


def _numbers(model: ArmModel, visit: str, scale: str) -> dict[str, Any]:
    effect = model.effect({visit: 1.0})
    tested = t_inference(effect.estimate, effect.se, effect.df)
    odds = ratios(effect.estimate, tested.low, tested.high) if scale == "logit" else (NAN, NAN, NAN)
    values = (effect.estimate, effect.se, effect.df, tested.low, tested.high, tested.p_value, *odds)
    return dict(zip(NUMBERS, values, strict=True)) | {
        "method": f"REML, {model.covariance} covariance, Satterthwaite df",
        "n_subjects": model.n_subjects,
        "n_observations": model.fit.n_observations,
    }


def mixed_model_fit(models: ArmModels, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every model: the covariance, the likelihood, and the test that the arms differ at no visit.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.MIXED_MODEL_FIT`; the covariance matrix is JSON, visits and rows.
    """
    arms = pair_note(plan, "mixed_model_fit") or ""
    rows = []
    for key in (*models.fitted, *models.refused):
        notes = [arms, *(f"{visit} {reason}" for visit, reason in models.left_out[key].items())]
        row: dict[str, Any] = _named(key) | dict.fromkeys(FIT_NUMBERS)
        if key in models.fitted:
            row |= _fitted(models.fitted[key])
        else:
            notes.insert(1, models.refused[key])
        rows.append(row | {"note": "; ".join(filter(None, notes))})
    return rows


def _fitted(model: ArmModel) -> dict[str, Any]:
    chi2, k = model.wald()
    f_value, within = model.global_f()
    return {
        "covariance": model.covariance,
        "tried": "; ".join(model.tried),
        "reml_log_likelihood": model.fit.log_likelihood,
        "n_subjects": model.n_subjects,
        "n_observations": model.fit.n_observations,
        "n_fixed": model.fit.coefficients.size,
        "n_covariance": model.fit.n_covariance,
        "wald_chi2": chi2,
        "wald_df": k,
        "wald_p": float(stats.chi2.sf(chi2, k)),
        "f_value": f_value,
        "f_df": within,
        "f_p": float(stats.f.sf(f_value, k, within)) if within > 0.0 else NAN,
        "covariance_matrix": json.dumps({"visits": list(model.visits), "rows": model.fit.covariance.tolist()}),
    }
