"""Rows of the mixed model's two tables: columns, notes, odds ratios, families."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cytotrial.statistics.arm_models import fit_models
from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset
from cytotrial.statistics.tables.mixed_model import METHOD, mixed_model, mixed_model_fit
from cytotrial.statistics_columns import MIXED_MODEL, MIXED_MODEL_FIT

PLAN = AnalysisPlan(
    baseline="W0",
    visits=("W0", "W2", "W4"),
    arms=("IL2", "PBO"),
    active=("IL2",),
    control=("PBO",),
    analysis_sets=("mitt",),
    subsets=(PlannedSubset("treg", ("cd4", "lymphocytes")), PlannedSubset("nk", ("lymphocytes",))),
)
SUBJECTS = pd.DataFrame(
    {"subject_id": [f"S{n:02d}" for n in range(20)], "arm": ["IL2", "PBO"] * 10, "mitt": [True] * 20}
)


@pytest.fixture(scope="module")
def observations() -> pd.DataFrame:
    random = np.random.default_rng(2)
    rows = []
    for subset, denominator in PLAN.percentages():
        for subject, arm in zip(SUBJECTS["subject_id"], SUBJECTS["arm"], strict=True):
            for visit in PLAN.visits:
                logit = -2.5 + random.normal() * 0.3 + (0.8 if arm == "IL2" and visit == "W4" else 0.0)
                percent = 100.0 / (1.0 + np.exp(-logit))
                rows.append((subject, visit, subset, denominator, percent, logit))
    return pd.DataFrame(rows, columns=["subject_id", "visit", "subset", "denominator", "percent", "logit"])


def test_a_row_for_every_model_and_visit_with_the_tables_columns(observations):
    models = fit_models(observations, SUBJECTS, PLAN)
    rows, fits = mixed_model(models, PLAN), mixed_model_fit(models, PLAN)
    assert (len(rows), len(fits)) == (3 * 2 * 2, 3 * 2)
    assert all(set(row) == set(MIXED_MODEL.columns) for row in rows)
    assert all(set(row) == set(MIXED_MODEL_FIT.columns) for row in fits)
    for row in rows:
        t = row["estimate"] / row["se"]
        assert row["p_value"] == pytest.approx(2.0 * stats.t.sf(abs(t), row["df"]))
        assert row["ci_high"] - row["estimate"] == pytest.approx(row["estimate"] - row["ci_low"])
        if row["scale"] == "logit":
            assert np.log([row["odds_ratio"], row["or_low"], row["or_high"]]) == pytest.approx(
                [row["estimate"], row["ci_low"], row["ci_high"]]
            )
        else:
            assert np.isnan([row["odds_ratio"], row["or_low"], row["or_high"]]).all()
    for row in fits:
        matrix = json.loads(row["covariance_matrix"])
        assert matrix["visits"] == ["W2", "W4"] and np.shape(matrix["rows"]) == (2, 2)
        assert (row["n_fixed"], row["n_covariance"], row["wald_df"]) == (6, 3, 2)
        assert row["f_df"] == pytest.approx(16.0) and row["f_p"] > row["wald_p"]


def test_only_primary_denominators_are_adjusted_and_in_one_family_per_scale(observations):
    rows = mixed_model(fit_models(observations, SUBJECTS, PLAN), PLAN)
    for scale in ("percent", "logit"):
        family = [row for row in rows if row["scale"] == scale and PLAN.is_primary(row["subset"], row["denominator"])]
        assert len(family) == 4
        smallest = min(family, key=lambda row: row["p_value"])
        assert smallest["p_holm"] == pytest.approx(min(1.0, 4.0 * smallest["p_value"]))
    others = [row for row in rows if not PLAN.is_primary(row["subset"], row["denominator"])]
    assert others and all(np.isnan(row["p_holm"]) for row in others)


def test_what_is_not_there_is_na_with_its_reason(observations):
    gone = (observations["visit"] == "W2") & observations["subject_id"].isin(SUBJECTS["subject_id"][::2])
    unmeasured = observations["subset"] == "nk"
    models = fit_models(observations[~(gone | unmeasured)], SUBJECTS, PLAN)
    for row in mixed_model(models, PLAN):
        if row["subset"] == "nk":
            assert np.isnan(row["estimate"]) and row["n_subjects"] is None and "0 subjects" in row["note"]
        elif row["visit"] == "W2":
            assert np.isnan(row["p_value"]) and row["method"] is None
            assert row["note"].startswith("not in the model: 0 subjects of the active")
        else:
            assert row["note"] == "" and np.isfinite(row["p_value"])
    refused = [row for row in mixed_model_fit(models, PLAN) if row["subset"] == "nk"]
    assert len(refused) == 2 and all("no visit" in row["note"] for row in refused)


def test_one_arm_has_no_rows(observations):
    alone = replace(PLAN, arms=("IL2",), control=())
    models = fit_models(observations, SUBJECTS, alone)
    assert mixed_model(models, alone) == [] and mixed_model_fit(models, alone) == []


def test_the_methods_text_says_what_the_degrees_of_freedom_are():
    assert "Satterthwaite" in METHOD.text and all("doi:" in reference for reference in METHOD.references)


def test_with_several_arms_every_row_names_the_two(observations):
    three = replace(PLAN, arms=("IL2", "HIGH", "PBO"), active=("IL2", "HIGH"))
    models = fit_models(observations, SUBJECTS, three)
    rows = [*mixed_model(models, three), *mixed_model_fit(models, three)]
    assert rows and all("IL2 compared with PBO" in row["note"] for row in rows)
