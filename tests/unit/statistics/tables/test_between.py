"""Arms compared: who is in which sample, trials without a control arm or with several arms."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.statistics.tables.between import between_arms
from cytotrial.statistics_columns import BETWEEN_ARMS


def brute_u(active, control) -> float:
    return sum((a > c) + 0.5 * (a == c) for a in active for c in control)


VALUES = {
    ("A1", "W0"): 10.0, ("A1", "W2"): 11.0,
    ("A2", "W0"): 20.0, ("A2", "W2"): 22.0,
    ("A3", "W2"): 33.0,
    ("B1", "W0"): 12.0, ("B1", "W2"): 12.5,
    ("B2", "W0"): 15.0, ("B2", "W2"): 14.0,
    ("B3", "W0"): 16.0,
}  # fmt: skip


def test_level_at_every_visit_and_change_after_the_baseline(plan, subjects, observe):
    rows = between_arms(observe(VALUES), subjects, plan)

    assert len(rows) == 2 * 3 * (3 + 2)
    assert all(set(row) == set(BETWEEN_ARMS.columns) for row in rows)
    assert len({tuple(row[k] for k in BETWEEN_ARMS.key) for row in rows}) == len(rows)
    assert {row["visit"] for row in rows if row["measure"] == "level"} == {"W0", "W2", "W4"}
    assert {row["visit"] for row in rows if row["measure"] == "change"} == {"W2", "W4"}


def test_level_needs_no_baseline_and_change_does(plan, subjects, observe, find):
    rows = between_arms(observe(VALUES), subjects, plan)

    level = find(rows, analysis_set="mitt", subset="nk", visit="W2", measure="level")
    assert (level["n_active"], level["n_control"]) == (3, 2)
    assert level["u"] == brute_u([11, 22, 33], [12.5, 14]) == 4.0
    change = find(rows, analysis_set="mitt", subset="nk", visit="W2", measure="change")
    assert (change["n_active"], change["n_control"], change["u"]) == (2, 2, 4.0)  # 1 2 v .5 -1
    assert (change["median_active"], change["median_control"]) == (1.5, -0.25)
    assert change["p_value"] == pytest.approx(2 / 6, rel=1e-12)
    pp = find(rows, analysis_set="pp", subset="nk", visit="W2", measure="level")
    assert pp["n_active"] == 2


def test_the_arm_without_values_is_named(plan, subjects, observe, find):
    values = {key: value for key, value in VALUES.items() if key != ("B1", "W2") and key != ("B2", "W2")}
    key = {"analysis_set": "mitt", "subset": "nk", "visit": "W2", "measure": "level"}

    row = find(between_arms(observe(values), subjects, plan), **key)
    assert (row["n_active"], row["n_control"], row["median_active"]) == (3, 0, 22.0)
    assert row["note"] == "no usable value in PBO"
    nobody = subjects[subjects["arm"] == "IL2"]
    row = find(between_arms(observe(values), nobody, plan), **key)
    assert row["note"] == "no subject of PBO in the analysis set"


def test_changes_that_are_equal_but_for_rounding_are_said_to_be(plan, subjects, observe, find):
    counts = {"A1": 34, "A2": 39, "A3": 73, "B1": 31, "B2": 36, "B3": 72}
    values = {
        (subject, visit): 100 * (x + more) / 1000
        for subject, x in counts.items()
        for visit, more in (("W0", 0), ("W2", 10))
    }

    rows = between_arms(observe(values), subjects, plan)

    row = find(rows, analysis_set="mitt", subset="nk", visit="W2", measure="change")
    assert (row["u"], row["auc"]) == (9.0, 1.0), "all above 1 in A, all below it in B"
    assert math.isfinite(row["p_value"]) and math.isnan(row["welch_p"])
    assert "all changes are equal but for rounding: the ranks are of rounding" in row["note"]
    level = find(rows, analysis_set="mitt", subset="nk", visit="W2", measure="level")
    assert "rounding" not in level["note"]


def test_the_family_leaves_out_baseline_and_secondary_denominators(plan, subjects, observe, find):
    observations = pd.concat([observe(VALUES), observe(VALUES, "treg", "lymphocytes")])

    rows = between_arms(observations, subjects, plan)

    key = {"analysis_set": "mitt", "measure": "level"}
    tested = find(rows, **key, subset="nk", visit="W2")
    assert tested["p_holm"] == tested["p_bh"] == tested["p_value"]  # the only test of its family
    baseline = find(rows, **key, subset="nk", visit="W0")
    assert math.isfinite(baseline["p_value"]) and math.isnan(baseline["p_holm"])
    secondary = find(rows, **key, subset="treg", denominator="lymphocytes", visit="W2")
    assert math.isfinite(secondary["p_value"]) and math.isnan(secondary["p_bh"])


def test_without_a_control_arm_there_are_no_rows_and_the_log_says_so(plan, subjects, observe, caplog):
    single = replace(plan, arms=("IL2",), control=())

    with caplog.at_level(logging.INFO):
        assert between_arms(observe(VALUES), subjects, single) == []

    assert "no control arm" in caplog.text


def test_without_an_active_arm_there_are_no_rows(plan, subjects, observe, caplog):
    with caplog.at_level(logging.INFO):
        assert between_arms(observe(VALUES), subjects, replace(plan, active=())) == []

    assert "no active arm" in caplog.text


def test_of_several_active_arms_the_first_is_compared_and_every_row_says_so(plan, subjects, observe, find):
    three = replace(plan, arms=("HIGH", "IL2", "PBO"), active=("HIGH", "IL2"))
    subjects.loc[subjects["subject_id"] == "A3", "arm"] = "HIGH"

    rows = between_arms(observe(VALUES), subjects, three)

    assert all("several arms: HIGH compared with PBO" in row["note"] for row in rows)
    assert find(rows, analysis_set="mitt", subset="nk", visit="W2", measure="level")["n_active"] == 1
