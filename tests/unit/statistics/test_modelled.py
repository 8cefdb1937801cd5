"""What a model is made of: who is in it, in which order, and why a visit is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cytotrial.statistics.cells import Cells
from cytotrial.statistics.modelled import Modelled


def modelled(rows, subjects, plan, scale="percent") -> Modelled:
    table = pd.DataFrame(rows, columns=["subject_id", "visit", "percent", "logit"])
    table = table.assign(subset="nk", denominator="lymphocytes")
    return Modelled.of(Cells.of(table, subjects, plan, scale=scale), "mitt", "nk", "lymphocytes")


def everybody(subjects, visits, *, seed=1):
    random = np.random.default_rng(seed)
    return [
        (name, visit, 10.0 + random.random(), random.random()) for name in subjects["subject_id"] for visit in visits
    ]


def test_active_subjects_come_first_and_changes_are_from_the_baseline(subjects, plan):
    rows = everybody(subjects, plan.visits)
    data = modelled(rows, subjects, plan)
    values = {(name, visit): percent for name, visit, percent, _ in rows}
    names = sorted(subjects["subject_id"])
    assert list(data.is_active) == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert list(data.baseline) == [values[name, "W0"] for name in names]
    assert data.changes[2, 1] == values["A3", "W4"] - values["A3", "W0"]
    assert data.percents.shape == (6, 3)


def test_without_a_baseline_or_anything_later_a_subject_is_left_out(subjects, plan):
    rows = [row for row in everybody(subjects, plan.visits) if row[:2] != ("A1", "W0")]
    rows = [row for row in rows if row[0] != "B2" or row[1] == "W0"]
    data = modelled([row for row in rows if row[:2] != ("B1", "W4")], subjects, plan)
    assert len(data.baseline) == 4
    changes, covariates = data.at(("W4",))
    assert changes.shape == (3, 1) and covariates.shape == (3, 3)
    assert list(covariates[:, 2]) == [1.0, 1.0, 0.0]
    assert covariates[:, 1].sum() == pytest.approx(0.0, abs=1e-12)


def test_values_without_counts_are_named_where_they_leave_an_arm_without_a_logit(subjects, plan):
    rows = [
        (name, visit, percent, np.nan if name.startswith("B") else logit)
        for name, visit, percent, logit in everybody(subjects, plan.visits)
    ]
    reason = modelled(rows, subjects, plan, scale="logit").refused("W2")
    assert reason == (
        "3 subjects of the active and 0 of the control arm have a change, others have no counts and so no logit"
    )
    assert modelled(rows, subjects, plan).refused("W2") == ""


def test_no_event_is_a_reason_on_the_logit_scale_and_no_variance_on_the_percentages(subjects, plan):
    rows = [(name, visit, 0.0, logit) for name, visit, _, logit in everybody(subjects, plan.visits)]
    assert modelled(rows, subjects, plan, scale="logit").refused("W2").startswith("no event in any sample")
    assert modelled(rows, subjects, plan).refused("W2") == "baselines are all equal, or tell the arms apart"


def test_two_sets_that_differ_in_who_was_never_measured_are_one_model(subjects, plan):
    wider = pd.concat(
        [
            subjects.assign(itt=True),
            pd.DataFrame([{"subject_id": "A9", "arm": "IL2", "mitt": False, "pp": False, "itt": True}]),
        ]
    )
    plan = replace(plan, analysis_sets=("mitt", "itt"))
    table = pd.DataFrame(everybody(subjects, plan.visits), columns=["subject_id", "visit", "percent", "logit"])
    cells = Cells.of(table.assign(subset="nk", denominator="lymphocytes"), wider, plan)
    one, other = (Modelled.of(cells, name, "nk", "lymphocytes") for name in ("mitt", "itt"))
    assert one.identity == other.identity
