"""Arms compared: hand-worked ranks and shifts, trials without a control arm or with several arms."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cytotrial.statistics.tables.between import between_arms, hodges_lehmann, mann_whitney
from cytotrial.statistics_columns import BETWEEN_ARMS


def two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))


def brute_u(active, control) -> float:
    return sum((a > c) + 0.5 * (a == c) for a in active for c in control)


def test_separated_small_samples_are_exact():
    row = mann_whitney([3.0, 4.0, 5.0], [1.0, 2.0])

    assert (row["u"], row["auc"]) == (6.0, 1.0)
    assert row["p_value"] == pytest.approx(2 / math.comb(5, 2), rel=1e-12)
    assert (row["median_active"], row["median_control"]) == (4.0, 1.5)


def test_u_is_that_of_the_active_arm():
    low, high = mann_whitney([1.0, 2.0, 3.5], [3.0, 4.0]), mann_whitney([3.0, 4.0], [1.0, 2.0, 3.5])

    assert (low["u"], high["u"]) == (1.0, 5.0)
    assert low["auc"] + high["auc"] == pytest.approx(1.0)
    assert low["hl_shift"] == -high["hl_shift"]


def test_ties_in_small_samples_by_hand():
    row = mann_whitney([1.0, 2.0, 2.0], [2.0, 3.0])

    # Of the six pairs two are ties: U = 1. Mean 3; variance 6/12 (6 - (27-3)/(5 x 4)) = 2.4.
    assert row["u"] == 1.0
    assert row["p_value"] == pytest.approx(two_sided((1 - 3) / math.sqrt(2.4)), rel=1e-12)
    assert "ties: asymptotic p instead of exact" in row["note"]


@pytest.mark.parametrize(("n_active", "n_control", "is_exact"), [(20, 20, True), (21, 20, False)])
def test_exact_up_to_forty_values(n_active, n_control, is_exact):
    row = mann_whitney(np.arange(n_active) + 100.0, np.arange(n_control))

    u, n = n_active * n_control, n_active + n_control
    z = (u - u / 2) / math.sqrt(u * (n + 1) / 12)
    expected = 2 / math.comb(n, n_active) if is_exact else two_sided(z)
    assert row["p_value"] == pytest.approx(expected, rel=1e-10)
    assert row["note"] == ""


def test_equal_values_have_no_test():
    row = mann_whitney([2.0, 2.0, 2.0], [2.0, 2.0])

    assert (row["u"], row["auc"], row["hl_shift"]) == (3.0, 0.5, 0.0)
    assert all(math.isnan(row[c]) for c in ("p_value", "hl_low", "hl_high"))
    assert "no variance" in row["note"]


@pytest.mark.parametrize(("active", "control"), [([], [1.0, 2.0]), ([1.0, 2.0], []), ([], [])])
def test_an_empty_arm_has_no_test(active, control):
    row = mann_whitney(active, control)

    assert (row["n_active"], row["n_control"]) == (len(active), len(control))
    assert all(math.isnan(row[c]) for c in ("u", "p_value", "hl_shift", "hl_low", "hl_high", "auc"))
    assert row["note"]


def test_shift_is_the_median_of_all_differences():
    shift, low, high, note = hodges_lehmann([3.0, 4.0, 8.0], [1.0, 2.0])  # 1 2 2 3 6 7

    assert shift == 2.5
    assert math.isnan(low) and math.isnan(high)
    assert "too few" in note  # smallest to largest covers 1 - 2/10


def test_interval_by_order_statistics_by_hand():
    # C = 25/2 - 1.959964 sqrt(25 x 11 / 12) = 12.5 - 9.3826 = 3.117, so k = 4: the fourth smallest and
    # the fourth largest of 6 7 8 9 10 16 ... 46 47 48 49 50.
    shift, low, high, note = hodges_lehmann([10, 20, 30, 40, 50], [0, 1, 2, 3, 4])

    assert (shift, low, high, note) == (28.0, 9.0, 47.0, "")


@pytest.mark.parametrize(("m", "n", "is_given"), [(3, 3, False), (3, 4, False), (4, 4, True), (1, 60, False)])
def test_no_interval_where_the_widest_one_covers_too_little(m, n, is_given):
    # 3 v 3: 1 - 2/20 = .90; 3 v 4: 1 - 2/35 = .943; 4 v 4: 1 - 2/70 = .971.
    # 1 v 60: 1 - 2/61 = .967, but C = 30 - 1.96 sqrt(60 x 62 / 12) = -4.5: no such order statistic.
    _, low, high, note = hodges_lehmann(np.arange(m) * 7.3, np.arange(n) * 1.1)

    assert math.isfinite(low) == math.isfinite(high) == is_given
    assert bool(note) != is_given


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
