"""Mixed models on the page: order, both scales in a line, NA with its reason."""

from __future__ import annotations

from cytotrial.report.model_tables import mixed_model_fit_table, mixed_model_table
from cytotrial.statistics_columns import MIXED_MODEL, MIXED_MODEL_FIT


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
    assert (first[0], first[2], first[-1]) == ("W2", "NA", "percent: not in the model: 2 subjects")
    assert view.groups[0].rows[0][2].title == "not in the model: 2 subjects"
    assert second[:5] == ["W10", "20", "+2.50", "+1.00 to +4.00", "0.001"]
    assert second[7:10] == ["1.40", "1.10 to 1.80", "0.200"]
    assert view.groups[0].rows[1][5].css == "hit"
    assert all(len(line) == len(view.columns) for line in texts(view))


def test_the_notes_of_both_scales_are_shown_and_are_their_own_cells_reasons(trial):
    rows = [model_row(note="no variance"), model_row(scale="logit", note="2 subjects")]
    (row,) = mixed_model_table(rows, "mitt", trial, source="x").groups[0].rows
    assert row[-1].text == "percent: no variance; logit: 2 subjects"
    assert (row[2].title, row[7].title) == ("no variance", "2 subjects")
    same = [model_row(note="2 subjects"), model_row(scale="logit", note="2 subjects")]
    assert texts(mixed_model_table(same, "mitt", trial, source="x"))[0][-1] == "2 subjects"


def test_all_visits_at_once_are_tested_by_f_with_wald_beside_it(trial):
    usual = {"analysis_set": "mitt", "subset": "nk", "denominator": "lymphocytes", "n_subjects": "8"}
    numbers = {"f_value": "4.2", "wald_df": "3", "f_df": "5.25", "f_p": "0.04", "wald_p": "0.0001"}
    rows = [
        row_of(MIXED_MODEL_FIT, **usual, scale="logit", note="no model"),
        row_of(MIXED_MODEL_FIT, **usual, scale="percent", covariance="unstructured", n_observations="30", **numbers),
    ]
    view = mixed_model_fit_table(rows, "mitt", trial, source="x")
    percent, logit = view.groups[0].rows
    expected = ["percent", "unstructured", "8", "30", "4.20", "3, 5.2", "0.040", "<0.001", ""]
    assert [cell.text for cell in percent] == expected
    assert (percent[6].css, percent[7].css) == ("hit", "")
    assert [cell.text for cell in logit[4:]] == ["NA", "NA", "NA", "NA", "no model"]
    assert logit[5].title == "no model"
