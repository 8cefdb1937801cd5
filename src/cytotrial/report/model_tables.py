"""The tables of models, clinical endpoints and declared families as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence

from cytotrial.report.numbers import MISSING, Cell, is_hit, show, show_count, show_interval, show_p
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Group, Row, TableView

_ADJUSTED = (
    Column("p", "nominal p-value"),
    Column("Holm", "p adjusted by Holm within its family; NA outside a family"),
    Column("BH", "p adjusted by Benjamini and Hochberg within its family; NA outside a family"),
)
_MODEL_COLUMNS = (
    Column("visit", numeric=False),
    Column("subjects", "with a baseline and a later value: all visits are in one model"),
    Column("difference", "change of the active arm minus that of the control arm, percentage points"),
    Column("95 % interval"),
    *_ADJUSTED,
    Column("odds ratio", "active to control, from the model on the logit scale"),
    Column("95 % interval"),
    *_ADJUSTED,
    Column("note", "which covariance was tried first where the visits' was not unstructured", numeric=False, wide=True),
)
_ENDPOINT_COLUMNS = (
    Column("endpoint", numeric=False),
    Column("visit", numeric=False),
    Column("active", "with the event, of those whose value is known"),
    Column("control", "with the event, of those whose value is known"),
    Column("missing", "subjects of the endpoint's population without a value"),
    Column("difference", "of the rates, percentage points"),
    Column("95 % interval", "Newcombe"),
    Column("odds ratio", "of the sample"),
    Column("95 % interval", "Wald"),
    Column("p", "(N - 1)/N chi-square where every expected count is 1 or more, else Fisher"),
    Column("Pearson"),
    Column("Yates"),
    Column("likelihood ratio"),
    Column("Fisher"),
    Column("note", numeric=False, wide=True),
)
_FAMILY_COLUMNS = (
    Column("analysis set", numeric=False),
    Column("arm", numeric=False),
    Column("subset", numeric=False),
    Column("visit", numeric=False),
    Column("p", "nominal"),
    Column("adjusted p", "by the method that the configuration declares for the family"),
    Column("method", numeric=False),
    Column("tests", "of the family: made, of those planned"),
)


def mixed_model_table(rows: Sequence[Row], analysis_set: str, trial: Trial, *, source: str) -> TableView:
    """``mixed_model.tsv``, one analysis set: both scales in a line per visit."""
    by_key = {
        (row["subset"], row["denominator"], row["visit"], row["scale"]): row
        for row in rows
        if row["analysis_set"] == analysis_set
    }
    groups = []
    for readout, denominator in trial.percentages():
        lines = []
        for visit in trial.study.visits:
            scales = [by_key.get((readout.id, denominator, visit.id, scale)) for scale in ("percent", "logit")]
            if scales[0] is not None and scales[1] is not None:
                lines.append(_model_line(visit.id, scales[0], scales[1]))
        if lines:
            mark = " (primary)" if denominator == readout.denominators[0] else ""
            groups.append(Group(trial.percentage(readout.id, denominator) + mark, lines))
    return TableView(f"Mixed model of all visits, {analysis_set}", source, _MODEL_COLUMNS, groups)


def _model_line(visit: str, percent: Row, logit: Row) -> list[Cell]:
    note = percent["note"] or logit["note"] or ""
    return [
        Cell(visit),
        _value(show_count(percent["n_subjects"]), note),
        _value(show(percent["estimate"], signed=True), note),
        _value(show_interval(percent["ci_low"], percent["ci_high"], signed=True), note),
        *_p_values(percent, note),
        _value(show(logit["odds_ratio"]), note),
        _value(show_interval(logit["or_low"], logit["or_high"]), note),
        *_p_values(logit, note),
        Cell(note),
    ]


def endpoint_table(rows: Sequence[Row], trial: Trial, *, source: str) -> TableView:
    """``categorical.tsv``: a group for each analysis set, sensitivity sets among them."""
    sets = dict.fromkeys([*trial.study.analysis_sets, *(str(row["analysis_set"]) for row in rows)])
    groups = []
    for name in sets:
        own = [row for row in rows if row["analysis_set"] == name]
        own.sort(key=lambda row: (str(row["endpoint"]), trial.visit_rank(row["visit"])))
        if own:
            heading = f"{name}: a missing value counts as no response" if name.endswith("_nri") else name
            groups.append(Group(heading, [_endpoint_line(row) for row in own]))
    return TableView("Clinical endpoints", source, _ENDPOINT_COLUMNS, groups)


def _endpoint_line(row: Row) -> list[Cell]:
    note = row["note"] or ""
    points = [
        None if row[name] is None else 100.0 * float(row[name] or 0.0)
        for name in ("risk_difference", "rd_low", "rd_high")
    ]
    return [
        Cell(str(row["endpoint"])),
        Cell(str(row["visit"])),
        *(Cell(f"{show_count(row[f'x_{arm}'])} of {show_count(row[f'n_{arm}'])}") for arm in ("active", "control")),
        Cell(show_count(row["n_missing"])),
        _value(show(points[0], decimals=1, signed=True), note),
        _value(show_interval(points[1], points[2], decimals=1, signed=True), note),
        _value(show(row["odds_ratio"]), note),
        _value(show_interval(row["or_low"], row["or_high"]), note),
        _p_value(row["preferred_p"], note),
        *(_value(show_p(row[name]), note) for name in ("pearson_p", "yates_p", "likelihood_ratio_p", "fisher_p")),
        Cell(note),
    ]


def family_table(rows: Sequence[Row], trial: Trial, *, source: str) -> TableView:
    """``families.tsv``: the families that the configuration declares, a group for each."""
    groups = []
    for family in trial.study.analysis.families:
        own = [row for row in rows if row["family"] == family.id]
        own.sort(key=lambda row: trial.study.analysis_sets.index(str(row["analysis_set"])))
        groups.append(Group(f"{family.id}: {family.test.replace('_', ' ')}", [_family_line(row) for row in own]))
    return TableView("Declared families of tests", source, _FAMILY_COLUMNS, [group for group in groups if group.rows])


def _family_line(row: Row) -> list[Cell]:
    return [
        *(Cell(row[name] or "") for name in ("analysis_set", "arm", "subset", "visit")),
        _value(show_p(row["p_value"]), "the test could not be made"),
        _p_value(row["p_adjusted"], "the test could not be made"),
        Cell({"holm": "Holm", "bh": "Benjamini-Hochberg"}.get(str(row["method"]), str(row["method"]))),
        Cell(f"{show_count(row['n_tested'])} of {show_count(row['n_planned'])}"),
    ]


def _p_values(row: Row, note: str) -> list[Cell]:
    outside = "not in a family of tests" if row["p_value"] is not None else note
    return [_p_value(row["p_value"], note), *(_p_value(row[name], outside) for name in ("p_holm", "p_bh"))]


def _p_value(value: str | None, why: str) -> Cell:
    cell = _value(show_p(value), why)
    return Cell(cell.text, cell.title, "hit") if is_hit(value) else cell


def _value(text: str, why: str) -> Cell:
    """A value; where it is missing, the reason shows on hovering."""
    return Cell(text, why, "na") if text == MISSING else Cell(text)
