"""The tables of the mixed models as the page shows them: each visit's difference, and all visits tested at once."""

from __future__ import annotations

from collections.abc import Sequence

from cytotrial.report.cells import P_COLUMNS, p_cell, p_cells, value_cell
from cytotrial.report.numbers import Cell, show, show_count, show_interval, show_p
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Group, Row, TableView

SCALES = ("percent", "logit")
_VISIT_COLUMNS = (
    Column("visit", numeric=False),
    Column("subjects", "with a baseline and a later value: all visits are in one model"),
    Column("difference", "change of the active arm minus that of the control arm, percentage points"),
    Column("95 % interval"),
    *P_COLUMNS,
    Column("odds ratio", "active to control, from the model on the logit scale"),
    Column("95 % interval"),
    *P_COLUMNS,
    Column("note", "which covariance was tried first where the visits' was not unstructured", numeric=False, wide=True),
)
_GLOBAL_COLUMNS = (
    Column("scale", numeric=False),
    Column("covariance", "of the visits", numeric=False),
    Column("subjects"),
    Column("values", "subjects' changes in the model"),
    Column("F", "that the arms differ at no visit"),
    Column("df", "of the numerator, of the denominator"),
    Column("p", "nominal, of F"),
    Column("Wald p", "of the chi-square, which in small trials rejects far too often"),
    Column("note", numeric=False, wide=True),
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
            percent, logit = (by_key.get((readout.id, denominator, visit.id, scale)) for scale in SCALES)
            if percent is not None and logit is not None:
                lines.append(_visit_line(visit.id, percent, logit))
        if lines:
            groups.append(Group(trial.marked_percentage(readout, denominator), lines))
    return TableView(f"Mixed model of all visits, {analysis_set}", source, _VISIT_COLUMNS, groups)


def mixed_model_fit_table(rows: Sequence[Row], analysis_set: str, trial: Trial, *, source: str) -> TableView:
    """``mixed_model_fit.tsv``, one analysis set: whether the arms differ at any visit, a line per model."""
    groups = []
    for readout, denominator in trial.percentages():
        own = [
            row
            for row in rows
            if (row["analysis_set"], row["subset"], row["denominator"]) == (analysis_set, readout.id, denominator)
        ]
        own.sort(key=lambda row: SCALES.index(str(row["scale"])))
        if own:
            groups.append(Group(trial.marked_percentage(readout, denominator), [_global_line(row) for row in own]))
    return TableView(f"Do the arms differ at any visit? Mixed models, {analysis_set}", source, _GLOBAL_COLUMNS, groups)


def both_notes(percent: str | None, logit: str | None) -> str:
    """The notes of the two scales' models; said of which scale, unless they are the same.

    Examples
    --------
    >>> both_notes("no variance", "no variance"), both_notes(None, "2 subjects"), both_notes(None, None)
    ('no variance', 'logit: 2 subjects', '')
    >>> both_notes("3 subjects", "2 subjects")
    'percent: 3 subjects; logit: 2 subjects'
    """
    if percent == logit:
        return percent or ""
    return "; ".join(f"{scale}: {note}" for scale, note in zip(SCALES, (percent, logit), strict=True) if note)


def _visit_line(visit: str, percent: Row, logit: Row) -> list[Cell]:
    why, why_logit = percent["note"] or "", logit["note"] or ""
    return [
        Cell(visit),
        value_cell(show_count(percent["n_subjects"]), why),
        value_cell(show(percent["estimate"], signed=True), why),
        value_cell(show_interval(percent["ci_low"], percent["ci_high"], signed=True), why),
        *p_cells(percent, why),
        value_cell(show(logit["odds_ratio"]), why_logit),
        value_cell(show_interval(logit["or_low"], logit["or_high"]), why_logit),
        *p_cells(logit, why_logit),
        Cell(both_notes(percent["note"], logit["note"])),
    ]


def _global_line(row: Row) -> list[Cell]:
    note = row["note"] or ""
    tested = row["f_value"] is not None
    df = f"{show_count(row['wald_df'])}, {show(row['f_df'], decimals=1)}" if tested else show(None)
    return [
        Cell(str(row["scale"])),
        value_cell(row["covariance"] or show(None), note),
        *(value_cell(show_count(row[name]), note) for name in ("n_subjects", "n_observations")),
        value_cell(show(row["f_value"]), note),
        value_cell(df, note),
        p_cell(row["f_p"], note),
        value_cell(show_p(row["wald_p"]), note),
        Cell(note),
    ]
