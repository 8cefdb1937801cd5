"""Continuous endpoints: Welch's and the Mann-Whitney test of the arms, and every way in which there is none."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from scipy import stats

from cytotrial.statistics.endpoints import endpoint_values
from cytotrial.statistics.plan import PlannedEndpoint
from cytotrial.statistics.tables.continuous import METHOD, continuous
from cytotrial.statistics_columns import CONTINUOUS

pytestmark = pytest.mark.filterwarnings("error")
VALUES = {"A1": 3.0, "A2": 4.5, "A3": 5.0, "B1": 1.0, "B2": 2.0, "B3": None}


@pytest.fixture
def rows_of(subjects, plan):
    """The table of subject -> value at W2."""

    def make(values, *, planned=plan):
        rows = [(subject, "W2", "SLEDAI", value) for subject, value in values.items()]
        table = pd.DataFrame(rows, columns=["subject_id", "visit", "endpoint", "value"])
        return continuous(endpoint_values(table, subjects, planned), subjects, planned)

    return make


def test_equals_scipy(rows_of, find) -> None:
    rows = rows_of(VALUES)
    assert [row["analysis_set"] for row in rows] == ["mitt", "pp"]  # no imputation of a number
    row = find(rows, analysis_set="mitt")
    assert set(row) == set(CONTINUOUS.columns)
    test = stats.ttest_ind([3.0, 4.5, 5.0], [1.0, 2.0], equal_var=False)
    low, high = test.confidence_interval(0.95)
    assert (row["t"], row["df"], row["welch_p"]) == pytest.approx((test.statistic, test.df, test.pvalue), rel=1e-12)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), rel=1e-12)
    assert (row["n_active"], row["n_control"], row["n_missing"]) == (3, 2, 1)
    assert (row["mean_difference"], row["sd_control"]) == pytest.approx((12.5 / 3 - 1.5, math.sqrt(0.5)))
    assert (row["mann_whitney_p"], row["hl_shift"]) == pytest.approx((0.2, 2.75))


def test_what_cannot_be_computed(rows_of, find) -> None:
    row = find(rows_of({"A1": 3.0, "A2": 3.0, "B1": 3.0, "B2": 3.0}), analysis_set="mitt")
    assert math.isnan(row["welch_p"]) and math.isnan(row["mann_whitney_p"]) and row["mean_difference"] == 0.0
    assert row["note"]
    row = find(rows_of({"A1": 3.0, "B1": 2.0, "B2": 4.0}), analysis_set="mitt")
    assert math.isnan(row["welch_p"]) and math.isnan(row["sd_active"]) and row["mean_active"] == 3.0 and row["note"]
    row = find(rows_of({"A1": 3.0, "A2": 5.0}), analysis_set="mitt")
    assert row["note"] == "no subject of PBO in the endpoint's population" and math.isnan(row["mean_difference"])


def test_all_missing_one_arm_and_several(rows_of, plan) -> None:
    declared = replace(plan, endpoints=(PlannedEndpoint("SLEDAI", "continuous", "efficacy"),))
    rows = rows_of({"A1": None, "B1": None}, planned=declared)
    assert [row["note"] for row in rows] == ["all values of IL2 are missing; all values of PBO are missing"] * 2
    assert rows_of(VALUES, planned=replace(plan, active=())) == []
    several = replace(plan, control=("PBO", "CARE"))
    assert all("several arms: IL2 compared with PBO" in row["note"] for row in rows_of(VALUES, planned=several))
    assert "Welch" in METHOD.text
