"""Clinical endpoints on the page: their labels, sets, units and order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytotrial.report.endpoint_tables import binary_table, continuous_table, hierarchy_table
from cytotrial.statistics_columns import CATEGORICAL, CONTINUOUS, GATEKEEPING
from cytotrial.study.analysis import Endpoint


def row_of(table, **cells):
    assert set(cells) <= set(table.columns)
    return dict.fromkeys(table.columns) | cells


def texts(view):
    return [[cell.text for cell in row] for group in view.groups for row in group.rows]


@pytest.fixture
def named(trial):
    endpoints = (
        Endpoint("sri4", "SRI-4 response", "binary", "efficacy", 2, "W2"),
        Endpoint("sri4", "SRI-4 response at the end", "binary", "efficacy", 1, "W10"),
        Endpoint("score", "SLEDAI, change", "continuous", "efficacy", None, None),
    )
    return replace(trial, study=replace(trial.study, endpoints=endpoints))


def test_binary_ones_are_grouped_by_set_and_a_rate_difference_is_in_points(named):
    counts = {"x_active": "16", "n_active": "29", "x_control": "9", "n_control": "30"}
    usual = {"endpoint": "sri4", "visit": "W10", **counts}
    rows = [
        row_of(CATEGORICAL, analysis_set="itt_nri", **usual),
        row_of(CATEGORICAL, analysis_set="mitt", risk_difference="0.252", rd_low="0.001", rd_high="0.463", **usual),
        row_of(CATEGORICAL, analysis_set="mitt", **usual | {"visit": "ANY", "endpoint": "fever", "note": "no event"}),
    ]
    view = binary_table(rows, named, source="x")
    assert [group.heading for group in view.groups] == ["mitt", "itt_nri: a missing value counts as no response"]
    assert texts(view)[0][:2] == ["fever", "ANY"]  # one without a label keeps its id
    assert texts(view)[1][:4] == ["SRI-4 response at the end", "W10", "16 of 29", "9 of 30"]
    assert texts(view)[1][5:7] == ["+25.2", "+0.1 to +46.3"]
    assert (view.groups[0].rows[0][7].title, view.groups[0].rows[1][0].title) == ("no event", "sri4")
    assert all(len(line) == len(view.columns) for line in texts(view))


def test_continuous_ones_have_means_and_both_tests(named):
    numbers = {
        "n_active": "29", "n_control": "30", "n_missing": "1", "mean_active": "-4", "sd_active": "2",
        "mean_control": "-1.5", "sd_control": "3", "mean_difference": "-2.5", "ci_low": "-4", "ci_high": "-1",
        "welch_p": "0.001", "mann_whitney_p": "0.06", "hl_shift": "-2", "hl_low": "-3", "hl_high": "0.5",
    }  # fmt: skip
    rows = [row_of(CONTINUOUS, analysis_set="mitt", endpoint="score", visit="W10", **numbers)]
    view = continuous_table(rows, named, source="x")
    minus = "\u2212"
    assert texts(view) == [
        ["SLEDAI, change", "W10", "29", "30", "1", f"{minus}4.00", "2.00", f"{minus}1.50", "3.00", f"{minus}2.50",
         f"{minus}4.00 to {minus}1.00", "0.001", f"{minus}2.00", f"{minus}3.00 to +0.50", "0.060", ""]
    ]  # fmt: skip
    assert len(view.columns) == len(texts(view)[0])


def test_the_hierarchy_stands_in_its_order_with_each_endpoints_difference(named):
    usual = {"analysis_set": "mitt", "endpoint": "sri4", "test": "n_minus_1"}
    tables = {
        "gatekeeping": [
            row_of(GATEKEEPING, **usual, order="10", visit="W2", p_value="0.01", is_tested="N", note="not tested: x"),
            row_of(GATEKEEPING, **usual, order="2", visit="W10", p_value="0.03", is_tested="Y", is_significant="Y"),
            row_of(GATEKEEPING, **usual | {"analysis_set": "itt"}, order="1", visit="W10"),
        ],
        "categorical": [row_of(CATEGORICAL, analysis_set="mitt", endpoint="sri4", visit="W10", risk_difference="0.2")],
    }
    first, second = hierarchy_table(tables, "mitt", named, source="x").groups[0].rows
    shown = ["2", "SRI-4 response at the end", "W10", "+20.0", "NA", "(N \u2212 1)/N chi-square", "0.030", "yes", "yes"]
    assert [cell.text for cell in first[:-1]] == shown
    assert first[8].css == "hit"
    # a small p of an endpoint that was not reached is no finding
    assert [(cell.text, cell.css) for cell in second[6:9]] == [("0.010", ""), ("no", ""), ("NA", "")]


@pytest.mark.parametrize("make", [binary_table, continuous_table])
def test_nothing_to_show(trial, make):
    assert make([], trial, source="x").n_rows == 0
