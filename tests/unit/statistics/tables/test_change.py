"""Change from baseline: who is paired with whom, and why there is nothing to test."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.statistics.tables.change import change_from_baseline
from cytotrial.statistics_columns import CHANGE_FROM_BASELINE


def assert_missing(row, columns):
    assert {c: row[c] for c in columns if not math.isnan(row[c])} == {}


VALUES = {
    ("A1", "W0"): 10.0, ("A1", "W2"): 11.0,
    ("A2", "W0"): 20.0, ("A2", "W2"): 22.0,
    ("A3", "W0"): 30.0, ("A3", "W2"): 33.0,
    ("B1", "W0"): 10.0,
    ("B2", "W2"): 12.0,
}  # fmt: skip


def test_a_row_for_every_set_arm_percentage_and_post_baseline_visit(plan, subjects, observe):
    rows = change_from_baseline(observe(VALUES), subjects, plan)

    assert len(rows) == 2 * 2 * 3 * 2
    assert len({tuple(row[k] for k in CHANGE_FROM_BASELINE.key) for row in rows}) == len(rows)
    assert all(set(row) == set(CHANGE_FROM_BASELINE.columns) for row in rows)
    assert {row["visit"] for row in rows} == {"W2", "W4"}


def test_pairs_are_of_the_arm_and_the_analysis_set(plan, subjects, observe, find):
    rows = change_from_baseline(observe(VALUES), subjects, plan)

    mitt = find(rows, analysis_set="mitt", arm="IL2", subset="nk", visit="W2")
    assert (mitt["n_pairs"], mitt["mean_change"]) == (3, 2.0)
    pp = find(rows, analysis_set="pp", arm="IL2", subset="nk", visit="W2")
    assert (pp["n_pairs"], pp["mean_change"]) == (2, 1.5)


def test_the_reason_for_no_pairs_is_the_one_that_holds(plan, subjects, observe, find):
    rows = change_from_baseline(observe(VALUES), subjects, plan)
    key = {"analysis_set": "mitt", "subset": "nk"}

    assert find(rows, **key, arm="PBO", visit="W2")["note"] == "no subject has usable values at both W0 and W2"
    assert find(rows, **key, arm="PBO", visit="W4")["note"] == "no usable value at W4"
    never = find(rows, analysis_set="mitt", arm="IL2", subset="treg", denominator="cd4", visit="W2")
    assert (never["n_pairs"], never["note"]) == (0, "no usable value at W0")
    nobody = change_from_baseline(observe(VALUES), subjects[subjects["arm"] == "IL2"], plan)
    assert find(nobody, **key, arm="PBO", visit="W2")["note"] == "no subject of this arm in the analysis set"


def test_another_visit_never_stands_in_for_the_baseline(plan, subjects, observe, find):
    screened = replace(plan, visits=("SCR", *plan.visits))
    values = {("A1", "SCR"): 1.0, ("A1", "W2"): 5.0, ("A2", "W0"): 2.0, ("A2", "W2"): 5.0}

    rows = change_from_baseline(observe(values), subjects, screened)

    assert {row["visit"] for row in rows} == {"W2", "W4"}
    row = find(rows, analysis_set="mitt", arm="IL2", subset="nk", visit="W2")
    assert (row["n_pairs"], row["mean_baseline"]) == (1, 2.0)


def test_a_family_is_the_primary_denominators_of_one_set_and_arm(plan, subjects, observe, find):
    treg = {key: value**1.5 for key, value in VALUES.items()}
    observations = pd.concat([observe(VALUES), observe(treg, "treg", "cd4"), observe(VALUES, "treg", "lymphocytes")])

    rows = change_from_baseline(observations, subjects, plan)

    key = {"analysis_set": "mitt", "arm": "IL2", "visit": "W2"}
    nk, treg_row = find(rows, **key, subset="nk"), find(rows, **key, subset="treg", denominator="cd4")
    # Two tests in the family (W4 has no values, lymphocytes is not treg's primary denominator).
    low, high = sorted((nk, treg_row), key=lambda row: row["p_value"])
    assert low["p_holm"] == pytest.approx(max(2 * low["p_value"], 0), rel=1e-14)
    assert high["p_holm"] == pytest.approx(max(high["p_value"], 2 * low["p_value"]), rel=1e-14)
    assert high["p_bh"] == pytest.approx(high["p_value"], rel=1e-14)
    assert_missing(find(rows, **key, subset="treg", denominator="lymphocytes"), ("p_holm", "p_bh"))
    assert find(rows, **key, subset="treg", denominator="lymphocytes")["p_value"] == nk["p_value"]


def test_ranks_of_rounding_are_said_to_be(plan, subjects, observe, find):
    values = {("A1", "W0"): 0.3, ("A1", "W2"): 0.1 + 0.2, ("A2", "W0"): 0.1 + 0.2, ("A2", "W2"): 0.3}

    row = find(
        change_from_baseline(observe(values), subjects, plan), analysis_set="mitt", arm="IL2", subset="nk", visit="W2"
    )

    assert row["wilcoxon_p"] == 1.0 and math.isnan(row["p_value"])
    assert "no variance" in row["note"] and "the ranks are of rounding" in row["note"]


def test_one_arm_alone_is_enough(plan, subjects, observe):
    single = replace(plan, arms=("IL2",), control=())

    rows = change_from_baseline(observe(VALUES), subjects, single)

    assert {row["arm"] for row in rows} == {"IL2"}
    assert len(rows) == 2 * 3 * 2
