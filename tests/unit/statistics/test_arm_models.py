"""Who and which visits are in a model, and what happens where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cytotrial.statistics.arm_models import fit_models
from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset

PLAN = AnalysisPlan(
    baseline="W0",
    visits=("SCR", "W0", "W2", "W4", "W6"),
    arms=("IL2", "PBO"),
    active=("IL2",),
    control=("PBO",),
    analysis_sets=("mitt", "itt"),
    subsets=(PlannedSubset("nk", ("lymphocytes",)),),
)
KEY = ("mitt", "nk", "lymphocytes", "percent")


def people(per_arm: int = 10) -> pd.DataFrame:
    """Subjects of two arms; the last of each is in the ITT alone."""
    names = [f"{arm}{number:02d}" for arm in ("A", "B") for number in range(per_arm)]
    arms = ["IL2"] * per_arm + ["PBO"] * per_arm
    is_last = [name.endswith(f"{per_arm - 1:02d}") for name in names]
    return pd.DataFrame({"subject_id": names, "arm": arms, "mitt": [not last for last in is_last], "itt": True})


def measured(subjects: pd.DataFrame, *, seed: int = 3) -> pd.DataFrame:
    """A value of everybody at every visit, 2 points higher on IL2 after the baseline."""
    random = np.random.default_rng(seed)
    rows = []
    for subject, arm in zip(subjects["subject_id"], subjects["arm"], strict=True):
        own = random.normal(10.0, 2.0)
        for number, visit in enumerate(PLAN.visits):
            percent = own + random.normal() + (2.0 if arm == "IL2" and number > 1 else 0.0)
            logit = float(np.log(percent / (100.0 - percent)))
            rows.append((subject, visit, "nk", "lymphocytes", percent, logit))
    return pd.DataFrame(rows, columns=["subject_id", "visit", "subset", "denominator", "percent", "logit"])


def test_the_difference_is_active_minus_control_at_visits_after_the_baseline():
    subjects = people()
    models = fit_models(measured(subjects), subjects, PLAN)
    model = models.fitted[KEY]
    assert model.visits == ("W2", "W4", "W6")
    assert (model.covariance, model.n_subjects, model.fit.n_observations) == ("unstructured", 18, 54)
    for visit in model.visits:
        found = model.effect({visit: 1.0})
        assert abs(found.estimate - 2.0) < 4.0 * found.se
    mean = model.effect({"W2": 0.5, "W4": 0.5})
    assert mean.estimate == pytest.approx((model.effect({"W2": 1.0}).estimate + model.effect({"W4": 1.0}).estimate) / 2)
    with pytest.raises(KeyError):
        model.effect({"W0": 1.0})
    assert models.fitted[("itt", *KEY[1:])].n_subjects == 20
    assert set(models.fitted) == {
        (which, "nk", "lymphocytes", scale) for which in ("mitt", "itt") for scale in ("percent", "logit")
    }


def test_without_a_baseline_or_a_later_value_a_subject_is_not_in_the_model():
    subjects = people()
    values = measured(subjects)
    no_baseline = (values["subject_id"] == "A00") & (values["visit"] == "W0")
    nothing_later = (values["subject_id"] == "B00") & values["visit"].isin(["W2", "W4", "W6"])
    once = (values["subject_id"] == "B01") & values["visit"].isin(["W2", "W4"])
    model = fit_models(values[~(no_baseline | nothing_later | once)], subjects, PLAN).fitted[KEY]
    assert (model.n_subjects, model.fit.n_observations) == (16, 16 * 3 - 2)


def test_a_visit_without_one_arm_is_left_out_and_says_so():
    subjects = people()
    values = measured(subjects)
    gone = values["subject_id"].str.startswith("B") & (values["visit"] == "W4")
    models = fit_models(values[~gone], subjects, PLAN)
    assert models.fitted[KEY].visits == ("W2", "W6")
    assert models.left_out[KEY] == {
        "W4": "not in the model: 9 subjects of the active and 0 of the control arm have a change"
    }


def test_a_visit_without_variance_is_left_out():
    subjects = people()
    values = measured(subjects)
    baseline = values[values["visit"] == "W0"].set_index("subject_id")["percent"]
    at_visit = values["visit"] == "W4"
    values.loc[at_visit, "percent"] = values.loc[at_visit, "subject_id"].map(baseline) + 1.5
    models = fit_models(values, subjects, PLAN)
    assert models.fitted[KEY].visits == ("W2", "W6")
    assert "no variance" in models.left_out[KEY]["W4"]


def test_few_subjects_have_a_simpler_covariance_and_the_model_says_which_was_tried():
    subjects = people(3)  # two of each arm in the mITT: one degree of freedom, three visits
    model = fit_models(measured(subjects), subjects, PLAN).fitted[KEY]
    assert model.covariance != "unstructured"
    assert model.tried[0].startswith("unstructured: ")


@pytest.mark.parametrize("per_arm", [1, 2])
def test_one_subject_per_arm_has_no_model(per_arm):
    subjects = people(per_arm).assign(mitt=True)
    models = fit_models(measured(subjects).query("visit in ['W0', 'W2']"), subjects, replace(PLAN, visits=("W0", "W2")))
    if per_arm == 1:
        assert models.refused[KEY] == "no visit at which the arms can be compared"
        assert models.left_out[KEY] == {"W2": "not in the model: 2 subjects, too few for a variance"}
    else:
        assert models.fitted[KEY].effect({"W2": 1.0}).df == pytest.approx(1.0)


def test_nothing_measured_has_no_model_and_one_arm_none_at_all():
    subjects = people()
    models = fit_models(measured(subjects).iloc[:0], subjects, PLAN)
    assert set(models.refused) and not models.fitted
    alone = replace(PLAN, arms=("IL2",), control=())
    assert fit_models(measured(subjects), subjects, alone).refused == {}


def test_equal_baselines_leave_the_visit_out():
    subjects = people()
    values = measured(subjects)
    values.loc[values["visit"] == "W0", "percent"] = 10.0
    models = fit_models(values, subjects, PLAN)
    assert "baselines are all equal" in models.left_out[KEY]["W2"]
    assert ("mitt", "nk", "lymphocytes", "logit") in models.fitted


def test_a_subset_without_any_event_has_no_logit_model():
    subjects = people()
    values = measured(subjects)
    random = np.random.default_rng(4)
    values["percent"] = 0.0
    values["logit"] = -7.0 - random.random(len(values))  # of denominators alone
    values.loc[(values["visit"] == "W4") & (values["subject_id"] == "A00"), "percent"] = 0.1
    models = fit_models(values, subjects, PLAN)
    logit = ("mitt", "nk", "lymphocytes", "logit")
    assert models.fitted[logit].visits == ("W4",)
    assert "no event in any sample" in models.left_out[logit]["W2"]


def test_less_than_one_degree_of_freedom_is_passed_over():
    subjects = people(4).assign(mitt=True)
    for seed in range(6):
        values = measured(subjects, seed=seed).sample(frac=0.75, random_state=seed)
        for model in fit_models(values, subjects, PLAN).fitted.values():
            assert model.least_df >= 0.999


def test_the_global_f_is_hotellings_where_nothing_is_missing():
    subjects = people()
    model = fit_models(measured(subjects), subjects, PLAN).fitted[KEY]
    chi2, k = model.wald()
    f_value, within = model.global_f()
    assert (k, within) == (3, pytest.approx(15.0 - 3 + 1))  # 18 subjects, three coefficients: 15
    assert f_value == pytest.approx(chi2 * 13.0 / (15.0 * 3.0))
