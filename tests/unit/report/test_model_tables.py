"""Models, endpoints and declared families on the page: order, both scales in a line, NA with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytotrial.report.model_tables import endpoint_table, family_table, mixed_model_table
from cytotrial.statistics_columns import CATEGORICAL, FAMILIES, MIXED_MODEL
from cytotrial.study.analysis import Analysis, DeclaredFamily


def row_of(table, **cells):
    assert set(cells) <= set(table.columns)
    return dict.fromkeys(table.columns) | cells


def texts(view):
    return [[cell.text for cell in row] for group in view.groups for row in group.rows]


def model_row(**cells):
    usual = {"analysis_set": "mitt", "subset": "nk", "denominator": "lymphocytes", "visit": "W2", "scale": "percent"}
    return row_of(MIXED_MODEL, **(usual | {"n_subjects": "20"} | cells))


def test_both_scales_of_a_visit_are_one_line_in_the_schedules_order(trial):
    rows = [
        model_row(visit="W10", estimate="2.5", ci_low="1.0", ci_high="4.0", p_value="0.001", p_holm="0.04"),
        model_row(visit="W10", scale="logit", odds_ratio="1.4", or_low="1.1", or_high="1.8", p_value="0.2"),
        model_row(note="not in the model: 2 subjects"),
        model_row(scale="logit"),
        model_row(analysis_set="itt"),
    ]
    view = mixed_model_table(rows, "mitt", trial, source="stats/mixed_model.tsv")
    first, second = texts(view)
    assert [group.heading for group in view.groups] == ["NK cells, % of lymphocytes (primary)"]
    assert (first[0], first[2], first[-1]) == ("W2", "NA", "not in the model: 2 subjects")
    assert view.groups[0].rows[0][2].title == "not in the model: 2 subjects"
    assert second[:5] == ["W10", "20", "+2.50", "+1.00 to +4.00", "0.001"]
    assert second[7:10] == ["1.40", "1.10 to 1.80", "0.200"]
    assert view.groups[0].rows[1][5].css == "hit"
    assert all(len(line) == len(view.columns) for line in texts(view))


def test_endpoints_are_grouped_by_set_and_a_rate_difference_is_in_points(trial):
    usual = {
        "endpoint": "sri4",
        "visit": "W10",
        "x_active": "16",
        "n_active": "29",
        "x_control": "9",
        "n_control": "30",
    }
    rows = [
        row_of(CATEGORICAL, analysis_set="itt_nri", **usual),
        row_of(CATEGORICAL, analysis_set="mitt", risk_difference="0.252", rd_low="0.001", rd_high="0.463", **usual),
        row_of(CATEGORICAL, analysis_set="mitt", **usual | {"visit": "ANY", "endpoint": "fever", "note": "no event"}),
    ]
    view = endpoint_table(rows, trial, source="x")
    assert [group.heading for group in view.groups] == ["mitt", "itt_nri: a missing value counts as no response"]
    assert texts(view)[0][:2] == ["fever", "ANY"]
    assert texts(view)[1][2:4] == ["16 of 29", "9 of 30"]
    assert texts(view)[1][5:7] == ["+25.2", "+0.1 to +46.3"]
    assert view.groups[0].rows[0][7].title == "no event"
    assert all(len(line) == len(view.columns) for line in texts(view))


def test_only_declared_families_are_shown(trial):
    declared = (DeclaredFamily("primary", "mixed_model_logit", ("nk",), ("W10",), "holm"),)
    trial = replace(trial, study=replace(trial.study, analysis=Analysis(families=declared)))
    usual = {
        "test": "mixed_model_logit",
        "subset": "nk",
        "visit": "W10",
        "method": "holm",
        "n_tested": "1",
        "n_planned": "3",
    }
    rows = [
        row_of(FAMILIES, family="all_mixed_model_logit", analysis_set="mitt", **usual),
        row_of(FAMILIES, family="primary", analysis_set="itt", **usual),
        row_of(FAMILIES, family="primary", analysis_set="mitt", p_value="0.01", p_adjusted="0.03", **usual),
    ]
    view = family_table(rows, trial, source="x")
    assert [group.heading for group in view.groups] == ["primary: mixed model logit"]
    assert texts(view)[0] == ["mitt", "", "nk", "W10", "0.010", "0.030", "Holm", "1 of 3"]
    assert texts(view)[1][5] == "NA"


@pytest.mark.parametrize("make", [endpoint_table, family_table])
def test_nothing_to_show(trial, make):
    assert make([], trial, source="x").n_rows == 0
