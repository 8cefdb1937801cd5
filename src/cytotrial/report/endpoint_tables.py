"""The tables of clinical endpoints as the page shows them: binary ones, numbers, and their hierarchy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cytotrial.report.cells import p_cell, value_cell
from cytotrial.report.numbers import MISSING, Cell, number, show, show_count, show_interval, show_p
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Group, Row, TableView, flat

_BINARY_COLUMNS = (
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
_CONTINUOUS_COLUMNS = (
    Column("endpoint", numeric=False),
    Column("visit", numeric=False),
    Column("n active", "values that are known"),
    Column("n control", "values that are known"),
    Column("missing", "subjects of the endpoint's population without a value"),
    Column("mean active", "in the endpoint's own unit"),
    Column("SD"),
    Column("mean control", "in the endpoint's own unit"),
    Column("SD"),
    Column("difference", "of the means, active minus control"),
    Column("95 % interval", "Welch"),
    Column("p", "Welch's t test"),
    Column("shift", "Hodges-Lehmann shift, active minus control"),
    Column("95 % interval", "of the shift"),
    Column("Mann-Whitney p"),
    Column("note", numeric=False, wide=True),
)
_HIERARCHY_COLUMNS = (
    Column("order"),
    Column("endpoint", numeric=False),
    Column("visit", numeric=False),
    Column("difference", "active minus control: of rates in percentage points, of means in the endpoint's own unit"),
    Column("95 % interval", "Newcombe's of rates, Welch's of means; not adjusted"),
    Column("test", numeric=False),
    Column("p"),
    Column("tested", "only while all before it were significant", numeric=False),
    Column("significant", "at 0.05; NA where it was not tested", numeric=False),
    Column("note", numeric=False, wide=True),
)
_TESTS = {"n_minus_1": "(N \u2212 1)/N chi-square", "fisher": "Fisher's exact", "welch_t": "Welch's t"}


def binary_table(rows: Sequence[Row], trial: Trial, *, source: str) -> TableView:
    """``categorical.tsv``: a group for each analysis set, sensitivity sets among them."""
    groups = [Group(name, [_binary_line(row, trial) for row in own]) for name, own in _by_set(rows, trial)]
    return TableView("Clinical endpoints, binary", source, _BINARY_COLUMNS, groups)


def continuous_table(rows: Sequence[Row], trial: Trial, *, source: str) -> TableView:
    """``continuous.tsv``: a group for each analysis set."""
    groups = [Group(name, [_continuous_line(row, trial) for row in own]) for name, own in _by_set(rows, trial)]
    return TableView("Clinical endpoints, continuous", source, _CONTINUOUS_COLUMNS, groups)


def hierarchy_table(tables: Mapping[str, Sequence[Row]], analysis_set: str, trial: Trial, *, source: str) -> TableView:
    """``gatekeeping.tsv``, one analysis set: the endpoints in their order.

    Parameters
    ----------
    tables : mapping
        Rows by the table's name: ``gatekeeping``, and ``categorical`` and ``continuous``, whose the differences are.
    """
    differences = _differences(tables)
    own = [row for row in tables.get("gatekeeping", ()) if row["analysis_set"] == analysis_set]
    own.sort(key=lambda row: number(row["order"]) or 0.0)
    lines = [_hierarchy_line(row, differences, trial) for row in own]
    return TableView(f"Hierarchy of endpoints, {analysis_set}", source, _HIERARCHY_COLUMNS, flat(lines))


def _by_set(rows: Sequence[Row], trial: Trial) -> list[tuple[str, list[Row]]]:
    """A heading and the rows of every analysis set that has some: the trial's own order first, visits in theirs."""
    found = []
    for name in dict.fromkeys([*trial.study.analysis_sets, *(str(row["analysis_set"]) for row in rows)]):
        own = [row for row in rows if row["analysis_set"] == name]
        own.sort(key=lambda row: (str(row["endpoint"]), trial.visit_rank(row["visit"])))
        if own:
            found.append((f"{name}: a missing value counts as no response" if name.endswith("_nri") else name, own))
    return found


def _named(row: Row, trial: Trial) -> list[Cell]:
    endpoint, visit = str(row["endpoint"]), str(row["visit"])
    return [Cell(trial.endpoint_label(endpoint, visit), endpoint), Cell(visit)]


def _points(row: Row) -> list[float | None]:
    """The difference of two rates and its limits in percentage points."""
    fractions = [number(row[name]) for name in ("risk_difference", "rd_low", "rd_high")]
    return [None if one is None else 100.0 * one for one in fractions]


def _binary_line(row: Row, trial: Trial) -> list[Cell]:
    note = row["note"] or ""
    difference, low, high = _points(row)
    return [
        *_named(row, trial),
        *(Cell(f"{show_count(row[f'x_{arm}'])} of {show_count(row[f'n_{arm}'])}") for arm in ("active", "control")),
        Cell(show_count(row["n_missing"])),
        value_cell(show(difference, decimals=1, signed=True), note),
        value_cell(show_interval(low, high, decimals=1, signed=True), note),
        value_cell(show(row["odds_ratio"]), note),
        value_cell(show_interval(row["or_low"], row["or_high"]), note),
        p_cell(row["preferred_p"], note),
        *(value_cell(show_p(row[name]), note) for name in ("pearson_p", "yates_p", "likelihood_ratio_p", "fisher_p")),
        Cell(note),
    ]


def _continuous_line(row: Row, trial: Trial) -> list[Cell]:
    note = row["note"] or ""
    return [
        *_named(row, trial),
        *(Cell(show_count(row[name])) for name in ("n_active", "n_control", "n_missing")),
        *(value_cell(show(row[f"{name}_{arm}"]), note) for arm in ("active", "control") for name in ("mean", "sd")),
        value_cell(show(row["mean_difference"], signed=True), note),
        value_cell(show_interval(row["ci_low"], row["ci_high"], signed=True), note),
        p_cell(row["welch_p"], note),
        value_cell(show(row["hl_shift"], signed=True), note),
        value_cell(show_interval(row["hl_low"], row["hl_high"], signed=True), note),
        p_cell(row["mann_whitney_p"], note),
        Cell(note),
    ]


def _differences(tables: Mapping[str, Sequence[Row]]) -> dict[tuple[str | None, ...], tuple[str, str]]:
    """By analysis set, endpoint and visit: the difference of the arms and its interval, as the page writes them."""
    found: dict[tuple[str | None, ...], tuple[str, str]] = {}
    for row in tables.get("categorical", ()):
        points, low, high = _points(row)
        shown = show(points, decimals=1, signed=True), show_interval(low, high, decimals=1, signed=True)
        found[row["analysis_set"], row["endpoint"], row["visit"]] = shown
    for row in tables.get("continuous", ()):
        shown = show(row["mean_difference"], signed=True), show_interval(row["ci_low"], row["ci_high"], signed=True)
        found[row["analysis_set"], row["endpoint"], row["visit"]] = shown
    return found


def _hierarchy_line(
    row: Row, differences: Mapping[tuple[str | None, ...], tuple[str, str]], trial: Trial
) -> list[Cell]:
    note = row["note"] or ""
    missing = (MISSING, MISSING)
    difference, interval = differences.get((row["analysis_set"], row["endpoint"], row["visit"]), missing)
    words = {"Y": "yes", "N": "no", None: MISSING}
    return [
        Cell(show_count(row["order"])),
        *_named(row, trial),
        value_cell(difference, note),
        value_cell(interval, note),
        value_cell(_TESTS.get(str(row["test"]), row["test"] or MISSING), note),
        value_cell(show_p(row["p_value"]), note),
        Cell(words[row["is_tested"]]),
        Cell(words[row["is_significant"]], css="hit" if row["is_significant"] == "Y" else ""),
        Cell(note),
    ]
