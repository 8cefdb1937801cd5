"""The tables of results as the page shows them: rounded, in the schedule's order, ``NA`` with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cytotrial.figures.words import percent_label
from cytotrial.report.cells import P_COLUMNS, p_cells, value_cell
from cytotrial.report.numbers import MISSING, Cell, is_hit, show, show_count, show_interval, show_p
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Group, Row, TableView
from cytotrial.study.config import Readout

_CHANGE_COLUMNS = (
    Column("arm", numeric=False),
    Column("visit", numeric=False),
    Column("pairs", "subjects with a usable value at baseline and at the visit"),
    Column("baseline", "mean of the pairs at baseline, %"),
    Column("visit mean", "mean of the pairs at the visit, %"),
    Column("change", "mean change, percentage points"),
    Column("95 % interval", "t-interval of the mean change"),
    Column("SD", "standard deviation of the changes"),
    Column("t"),
    Column("df"),
    *P_COLUMNS,
    Column("Wilcoxon p", "signed-rank test"),
    Column("note", numeric=False, wide=True),
)
_BETWEEN_COLUMNS = (
    Column("measure", numeric=False),
    Column("visit", numeric=False),
    Column("n active"),
    Column("n control"),
    Column("median active", "%, or percentage points of change"),
    Column("median control", "%, or percentage points of change"),
    Column("shift", "Hodges-Lehmann shift, active minus control"),
    Column("95 % interval", "of the shift"),
    Column("AUC", "probability that a value of the active arm is the higher one"),
    Column("U"),
    *P_COLUMNS,
    Column("note", numeric=False, wide=True),
)


def change_table(rows: Sequence[Row], analysis_set: str, trial: Trial, *, source: str) -> TableView:
    """``change_from_baseline.tsv``, one analysis set."""
    arms = [arm.id for arm in trial.study.arms]

    def order(row: Row) -> tuple[int, int]:
        arm = str(row["arm"])
        return (arms.index(arm) if arm in arms else len(arms), trial.visit_rank(row["visit"]))

    groups = _groups(rows, analysis_set, trial, order=order, cells=lambda row: _change_row(row, trial))
    return TableView(f"Change from baseline, {analysis_set}", source, _CHANGE_COLUMNS, groups)


def between_table(rows: Sequence[Row], analysis_set: str, trial: Trial, *, source: str) -> TableView:
    """``between_arms.tsv``, one analysis set."""

    def order(row: Row) -> tuple[int, int]:
        return (int(row["measure"] != "level"), trial.visit_rank(row["visit"]))

    groups = _groups(rows, analysis_set, trial, order=order, cells=lambda row: _between_row(row, trial))
    return TableView(f"Between arms, {analysis_set}", source, _BETWEEN_COLUMNS, groups)


def subset_table(rows: Sequence[Row], readout: Readout, trial: Trial, *, source: str) -> TableView:
    """``subsets.tsv``, one subset: a line per sample, the denominators side by side; conditions where there are any."""
    by_sample: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["subset"] == readout.id:
            by_sample.setdefault(str(row["sample_id"]), {})[str(row["denominator"])] = row

    def order(sample: str) -> tuple[str, int, str]:
        any_row = next(iter(by_sample[sample].values()))
        return (str(any_row["subject_id"]), trial.visit_rank(any_row["visit"]), sample)

    stained = any(row["condition"] for own in by_sample.values() for row in own.values())
    named = ("subject_id", "visit", *(["condition"] if stained else []))
    lines = [_sample_row(sample, by_sample[sample], readout, named) for sample in sorted(by_sample, key=order)]
    columns = [Column(name.removesuffix("_id"), numeric=False) for name in (*named, "sample_id")]
    columns.append(Column("events", "events of the subset"))
    for name in readout.denominators:
        columns += [
            Column(percent_label(name)),
            Column("95 % interval", "Wilson interval"),
            Column("of", "events"),
        ]
    columns += [Column("flag", numeric=False), Column("why", numeric=False, wide=True)]
    return TableView(readout.label, source, columns, [Group("", lines)])


def _groups(
    rows: Sequence[Row],
    analysis_set: str,
    trial: Trial,
    *,
    order: Callable[[Row], tuple[int, int]],
    cells: Callable[[Row], list[Cell]],
) -> list[Group]:
    groups = []
    for readout, denominator in trial.percentages():
        own = [
            row
            for row in rows
            if (row["analysis_set"], row["subset"], row["denominator"]) == (analysis_set, readout.id, denominator)
        ]
        if own:
            lines = [cells(row) for row in sorted(own, key=order)]
            groups.append(Group(trial.marked_percentage(readout, denominator), lines))
    return groups


def change_note(row: Row) -> str:
    """The note of a row of ``change_from_baseline.tsv``, without what it says of numbers that the page does not show.

    The Hodges-Lehmann estimate of the change is in the table alone. With two to five pairs it has no interval, which
    the table's note says in every row; a reader of the page would look for it in vain.

    Examples
    --------
    >>> change_note({"note": "one pair; too few changes for a 95 % interval of the Hodges-Lehmann estimate (1)"})
    'one pair'
    """
    return "; ".join(part for part in (row["note"] or "").split("; ") if "Hodges-Lehmann" not in part)


def chance_note(row: Row, trial: Trial) -> str:
    """What a nominal hit between the arms before treatment means; nothing of other rows of ``between_arms.tsv``."""
    if row["visit"] in trial.plan.post_baseline or not is_hit(row["p_value"]):
        return ""
    return "before treatment: in a randomised trial this difference can only be chance"


def _change_row(row: Row, trial: Trial) -> list[Cell]:
    note = change_note(row)
    cells = [
        Cell(str(row["arm"]), trial.arm_label(str(row["arm"]))),
        Cell(str(row["visit"])),
        value_cell(show_count(row["n_pairs"]), note),
        *(value_cell(show(row[name]), note) for name in ("mean_baseline", "mean_visit")),
        value_cell(show(row["mean_change"], signed=True), note),
        value_cell(show_interval(row["ci_low"], row["ci_high"]), note),
        value_cell(show(row["sd_change"]), note),
        value_cell(show(row["t"]), note),
        value_cell(show(row["df"], decimals=0), note),
    ]
    return [*cells, *p_cells(row, note), value_cell(show_p(row["wilcoxon_p"]), note), Cell(note)]


def _between_row(row: Row, trial: Trial) -> list[Cell]:
    note = row["note"] or ""
    cells = [
        Cell(str(row["measure"])),
        Cell(str(row["visit"])),
        *(value_cell(show_count(row[name]), note) for name in ("n_active", "n_control")),
        *(value_cell(show(row[name]), note) for name in ("median_active", "median_control")),
        value_cell(show(row["hl_shift"], signed=True), note),
        value_cell(show_interval(row["hl_low"], row["hl_high"]), note),
        value_cell(show(row["auc"]), note),
        value_cell(show(row["u"], decimals=1), note),
    ]
    return [*cells, *p_cells(row, note), Cell("; ".join(filter(None, (note, chance_note(row, trial)))))]


def _sample_row(sample: str, rows: dict[str, Row], readout: Readout, named: Sequence[str]) -> list[Cell]:
    first = next(iter(rows.values()))
    cells = [
        *(Cell(first[name] or MISSING) for name in named),
        Cell(sample),
        Cell(show_count(first["numerator_n"])),
    ]
    flags: dict[str, None] = {}
    reasons: dict[str, None] = {}
    for name in readout.denominators:
        row = rows.get(name)
        why = "not in the table" if row is None else row["qc_reason"] or ""
        cells += [
            value_cell(show(row and row["percent"]), why),
            value_cell(show_interval(row and row["ci_low"], row and row["ci_high"]), why),
            Cell(show_count(row and row["denominator_n"])),
        ]
        if row is not None and row["qc_flag"] != "ok":
            flags[str(row["qc_flag"]).replace("_", " ")] = None
            reasons[why] = None
    return [*cells, Cell(", ".join(flags) or "ok"), Cell("; ".join(filter(None, reasons)))]
