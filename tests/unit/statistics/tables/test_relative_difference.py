"""Arms compared on the logit scale: odds ratios by hand, the ranks of the other table, trials of one arm."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from scipy import stats

from cytotrial.statistics.tables.between import between_arms
from cytotrial.statistics.tables.relative_difference import relative_difference
from cytotrial.statistics_columns import RELATIVE_DIFFERENCE

LOGITS = {
    ("A1", "W0"): -2.0, ("A1", "W2"): -1.0,
    ("A2", "W0"): -1.0, ("A2", "W2"): 0.5,
    ("A3", "W2"): -0.5,
    ("B1", "W0"): -2.5, ("B1", "W2"): -2.0,
    ("B2", "W0"): -1.5, ("B2", "W2"): -1.7,
}  # fmt: skip
KEY = {"analysis_set": "mitt", "subset": "nk", "visit": "W2"}


@pytest.fixture
def observations(observe):
    table = observe({key: 100 / (1 + math.exp(-logit)) for key, logit in LOGITS.items()})
    return table.assign(logit=list(LOGITS.values()))


def test_a_row_for_every_visit_and_measure(plan, subjects, observations):
    rows = relative_difference(observations, subjects, plan)

    assert len(rows) == 2 * 3 * (3 + 2)
    assert all(set(row) == set(RELATIVE_DIFFERENCE.columns) for row in rows)


def test_the_difference_of_logits_is_an_odds_ratio(plan, subjects, observations, find):
    row = find(relative_difference(observations, subjects, plan), **KEY, measure="change")

    # Changes 1 and 1.5 against .5 and -.2.
    assert (row["n_active"], row["n_control"]) == (2, 2)
    assert row["mean_difference"] == pytest.approx(1.1, rel=1e-14)
    test = stats.ttest_ind([1.0, 1.5], [0.5, -0.2], equal_var=False)
    assert (row["t"], row["df"], row["p_value"]) == pytest.approx((test.statistic, test.df, test.pvalue), rel=1e-10)
    low, high = test.confidence_interval()
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), rel=1e-10)
    expected = (math.exp(1.1), math.exp(low), math.exp(high))
    assert (row["odds_ratio"], row["or_low"], row["or_high"]) == pytest.approx(expected, rel=1e-10)
    assert (row["u"], row["mann_whitney_p"]) == (4.0, pytest.approx(1 / 3, rel=1e-12))
    assert row["note"] == ""


def test_levels_rank_as_percentages_do(plan, subjects, observations, find):
    ours = find(relative_difference(observations, subjects, plan), **KEY, measure="level")
    theirs = find(between_arms(observations, subjects, plan), **KEY, measure="level")

    assert (ours["n_active"], ours["u"], ours["mann_whitney_p"]) == (3, theirs["u"], theirs["p_value"])


def test_the_only_test_of_a_family_stays_as_it_is_and_the_baseline_is_in_none(plan, subjects, observations, find):
    rows = relative_difference(observations, subjects, plan)

    tested = find(rows, **KEY, measure="level")
    assert tested["p_holm"] == tested["p_bh"] == tested["p_value"]
    baseline = find(rows, **KEY | {"visit": "W0"}, measure="level")
    assert math.isfinite(baseline["p_value"]) and math.isnan(baseline["p_holm"])


def test_an_arm_without_values_is_named_and_the_other_keeps_its_mean(plan, subjects, observations, find):
    rows = relative_difference(observations[observations["subject_id"] != "B1"], subjects, plan)

    few = find(rows, **KEY, measure="change")
    assert math.isnan(few["p_value"]) and math.isfinite(few["odds_ratio"])
    assert few["note"] == "no Welch test with fewer than two values in an arm"
    none = find(
        relative_difference(observations[observations["subject_id"] < "B"], subjects, plan), **KEY, measure="level"
    )
    assert none["mean_active"] == pytest.approx(-1 / 3) and math.isnan(none["odds_ratio"])
    assert none["note"] == "no usable value in PBO"


@pytest.mark.parametrize(("percent", "told"), [(0.0, "no event in any sample"), (100.0, "every event in all samples")])
def test_logits_of_the_denominators_alone_are_not_compared(plan, subjects, observations, find, percent, told):
    note = f"{told}: logits would differ by the denominators alone"
    rows = relative_difference(observations.assign(percent=percent), subjects, plan)

    for measure, sizes in (("level", (3, 2)), ("change", (2, 2))):
        row = find(rows, **KEY, measure=measure)
        assert (row["n_active"], row["n_control"], row["note"]) == (*sizes, note)
        numbers = {*RELATIVE_DIFFERENCE.columns[5:]} - {"n_active", "n_control", "note"}
        assert all(math.isnan(row[name]) for name in numbers)
    at_baseline = observations["percent"].where(observations["visit"] == "W0", percent)
    rows = relative_difference(observations.assign(percent=at_baseline), subjects, plan)
    assert find(rows, **KEY, measure="level")["note"] == note
    assert math.isfinite(find(rows, **KEY, measure="change")["p_value"]), "the baselines had events"
    in_one_arm = observations["percent"].where(observations["subject_id"] > "B", percent)
    rows = relative_difference(observations.assign(percent=in_one_arm), subjects, plan)
    assert math.isfinite(find(rows, **KEY, measure="level")["p_value"]), "the control arm had events"
    alone = relative_difference(observations.assign(percent=percent), subjects[subjects["arm"] == "IL2"], plan)
    row = find(alone, **KEY, measure="level")
    assert row["note"] == f"no subject of PBO in the analysis set; {note}" and math.isnan(row["mean_active"])


def test_one_arm_has_no_rows_and_of_several_the_first_is_said(plan, subjects, observations):
    assert relative_difference(observations, subjects, replace(plan, control=())) == []
    several = replace(plan, control=("PBO", "IL2"))
    assert all("several arms" in row["note"] for row in relative_difference(observations, subjects, several))
