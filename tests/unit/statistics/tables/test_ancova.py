"""Analysis of covariance of the trial: who is in it, on which scale, and why there is none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cytotrial.statistics.methods import ancova as methods
from cytotrial.statistics.tables.ancova import ancova
from cytotrial.statistics_columns import ANCOVA

VALUES = {
    ("A1", "W0"): 10.0, ("A1", "W2"): 11.0,
    ("A2", "W0"): 20.0, ("A2", "W2"): 22.5,
    ("A3", "W0"): 15.0, ("A3", "W2"): 18.0,
    ("B1", "W0"): 12.0, ("B1", "W2"): 12.5,
    ("B2", "W0"): 15.0, ("B2", "W2"): 14.0,
    ("B3", "W0"): 16.0,
}  # fmt: skip
KEY = {"analysis_set": "mitt", "subset": "nk", "visit": "W2"}


def with_logits(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(logit=np.log(table["percent"] / (100.0 - table["percent"])))


@pytest.fixture
def observations(observe) -> pd.DataFrame:
    return with_logits(observe(VALUES))


def test_a_row_for_every_post_baseline_visit_and_scale(plan, subjects, observations):
    rows = ancova(observations, subjects, plan)

    assert len(rows) == 2 * 3 * 2 * 2
    assert all(set(row) == set(ANCOVA.columns) for row in rows)


def test_active_minus_control_of_the_complete_pairs(plan, subjects, observations, find):
    rows = ancova(observations, subjects, plan)

    row = find(rows, **KEY, scale="percent")
    before, after, active = [10.0, 20.0, 15.0, 12.0, 15.0], [11.0, 22.5, 18.0, 12.5, 14.0], [1, 1, 1, 0, 0]
    assert {name: row[name] for name in methods.ancova(before, after, active)} == methods.ancova(before, after, active)
    assert row["df"] == 2 and row["estimate"] > 0
    assert math.isnan(row["odds_ratio"]) and math.isnan(row["or_low"])
    logit = find(rows, **KEY, scale="logit")
    assert logit["odds_ratio"] == pytest.approx(math.exp(logit["estimate"]), rel=1e-15)
    assert logit["or_low"] < logit["odds_ratio"] < logit["or_high"]
    pp = find(rows, **KEY | {"analysis_set": "pp"}, scale="percent")
    assert (pp["n_active"], pp["n_control"], pp["df"]) == (2, 2, 1)


def test_a_family_is_one_set_and_scale(plan, subjects, observations, find):
    treg = with_logits(observations.assign(subset="treg", denominator="cd4", percent=observations["percent"] ** 1.3))
    rows = ancova(pd.concat([observations, treg, treg.assign(denominator="lymphocytes")]), subjects, plan)

    nk = find(rows, **KEY, scale="logit")
    other = find(rows, **KEY | {"subset": "treg", "denominator": "cd4"}, scale="logit")
    low, high = sorted((nk, other), key=lambda row: row["p_value"])
    assert low["p_holm"] == pytest.approx(min(1.0, 2 * low["p_value"]), rel=1e-14)
    assert high["p_bh"] == pytest.approx(high["p_value"], rel=1e-14)
    outside = find(rows, **KEY | {"subset": "treg", "denominator": "lymphocytes"}, scale="logit")
    assert math.isfinite(outside["p_value"]) and math.isnan(outside["p_bh"])


def test_the_arm_that_is_missing_is_named(plan, subjects, observations, find):
    rows = ancova(observations, subjects[subjects["arm"] == "IL2"], plan)
    assert find(rows, **KEY, scale="percent")["note"] == "PBO: no subject of this arm in the analysis set"

    rows = ancova(observations[observations["visit"] == "W0"], subjects, plan)
    row = find(rows, **KEY, scale="percent")
    assert row["note"] == "IL2: no usable value at W2; PBO: no usable value at W2"
    assert (row["n_active"], row["n_control"]) == (0, 0) and math.isnan(row["estimate"])


@pytest.mark.parametrize(("percent", "told"), [(0.0, "no event in any sample"), (100.0, "every event in all samples")])
def test_logits_of_the_denominators_alone_are_not_compared(plan, subjects, observations, find, percent, told):
    rows = ancova(observations.assign(percent=percent), subjects, plan)

    row = find(rows, **KEY, scale="logit")
    assert (row["n_active"], row["n_control"]) == (3, 2)
    assert row["note"] == f"{told}: logits would differ by the denominators alone"
    assert all(math.isnan(row[name]) for name in {*ANCOVA.columns[5:]} - {"n_active", "n_control", "note"})
    assert find(rows, **KEY, scale="percent")["note"] == "the baseline has no variance, no adjustment for it"
    one_event = observations["percent"].where(observations["subject_id"] == "B1", percent)
    row = find(ancova(observations.assign(percent=one_event), subjects, plan), **KEY, scale="logit")
    assert math.isfinite(row["p_value"])


def test_percentages_without_counts_say_so(plan, subjects, observations, find):
    logit = observations["logit"].where(observations["visit"] != "W2")

    row = find(ancova(observations.assign(logit=logit), subjects, plan), **KEY, scale="logit")

    assert row["note"] == "IL2: no counts at W2, no logit; PBO: no counts at W2, no logit"


def test_one_arm_has_no_rows_and_of_several_the_first_is_said(plan, subjects, observations):
    assert ancova(observations, subjects, replace(plan, control=())) == []
    several = replace(plan, control=("PBO", "IL2"))
    assert all("several arms: IL2 compared with PBO" in row["note"] for row in ancova(observations, subjects, several))
