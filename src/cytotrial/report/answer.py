"""The answer box: the primary analysis, and how many hits chance alone would give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cytotrial.figures.series import Dynamics
from cytotrial.report.numbers import ALPHA, Cell, is_hit, show, show_count, show_interval, show_p
from cytotrial.report.result_tables import change_note
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Row, TableView, flat, plural
from cytotrial.study.config import Readout


@dataclass(frozen=True)
class Estimate:
    """One cell of the answer: estimate, how many values stand behind it, interval, nominal p and adjusted p."""

    estimate: str
    n: str = ""
    interval: str = ""
    p: str = ""
    adjusted: str = ""
    title: str = ""
    css: str = ""


@dataclass(frozen=True)
class AnswerRow:
    """One line of a subset's block: what is estimated, and a cell per visit (the baseline first)."""

    label: str
    kind: str
    cells: Sequence[Estimate]


@dataclass(frozen=True)
class AnswerBlock:
    """One subset."""

    heading: str
    rows: Sequence[AnswerRow]


@dataclass(frozen=True)
class Answer:
    """All that the box shows."""

    visits: Sequence[str]
    blocks: Sequence[AnswerBlock]
    hits: TableView
    multiplicity: str
    baseline: str


def answer(
    change: Sequence[Row], between: Sequence[Row], dynamics: Sequence[Dynamics], trial: Trial, *, source: str
) -> Answer:
    """The box from the rows of ``change_from_baseline.tsv`` and ``between_arms.tsv``."""
    change = [row for row in change if trial.is_primary(row)]
    between = [row for row in between if trial.is_primary(row)]
    visits = [trial.study.baseline, *trial.plan.post_baseline]
    blocks = [
        _block(readout, change, between, picture, visits, trial)
        for readout, picture in zip(trial.study.readouts, dynamics, strict=True)
    ]
    hits = _hits(change, between, trial, source=source)
    return Answer(visits, blocks, hits, multiplicity_sentence([*change, *between]), baseline_sentence(between, trial))


def baseline_sentence(between: Sequence[Row], trial: Trial) -> str:
    """What a nominal hit between the arms at baseline means; nothing where there is none."""
    found = {row["subset"] for row in between if row["visit"] == trial.study.baseline and is_hit(row["p_value"])}
    labels = [readout.label for readout in trial.study.readouts if readout.id in found]
    if not labels:
        return ""
    return (
        f"At baseline the arms differ with a nominal p below 0.05 in {', '.join(labels)}: in a randomised trial a "
        "difference before treatment can only be chance."
    )


def multiplicity_sentence(rows: Sequence[Row]) -> str:
    """How many tests were made, how many are below 0.05, and how many chance alone would give."""
    tested = [row for row in rows if row["p_value"] is not None]
    adjusted = [row for row in tested if row["p_holm"] is not None or row["p_bh"] is not None]
    nominal, holm, bh = (sum(is_hit(row[name]) for row in tested) for name in ("p_value", "p_holm", "p_bh"))
    m = len(tested)
    expected = show(ALPHA * m)
    return (
        f"{plural(m, 'test')} at the 5 % level stand behind this box. If nothing differed anywhere, "
        f"about {expected} of them ({m} × {ALPHA}) would fall below 0.05 by chance alone; {nominal} "
        f"did. Of the {plural(len(adjusted), 'test')} after the baseline, corrected over all subsets and visits of "
        f"each kind of test, {holm} stay below 0.05 after Holm's correction and {bh} after Benjamini and Hochberg's. "
        "Tests of the same subjects at several visits are related, so hits come in clusters."
    )


def _block(
    readout: Readout,
    change: Sequence[Row],
    between: Sequence[Row],
    picture: Dynamics,
    visits: Sequence[str],
    trial: Trial,
) -> AnswerBlock:
    rows = []
    for arm in picture.arms:
        own = {row["visit"]: row for row in change if row["subset"] == readout.id and row["arm"] == arm.id}
        start = arm.at(trial.study.baseline)
        title = f"mean of all usable values at baseline, n {start.n}"
        first = Estimate(show(start.mean), f"n {start.n}", title=title)
        cells = [first, *(_change_cell(own.get(visit)) for visit in visits[1:])]
        rows.append(AnswerRow(arm.label, "change from baseline", cells))
    for measure, words in (("level", "level at the visit"), ("change", "change from baseline")):
        own = {row["visit"]: row for row in between if row["subset"] == readout.id and row["measure"] == measure}
        if own:
            pair = f"{trial.plan.active[0]} minus {trial.plan.control[0]}"
            cells = [_between_cell(own.get(visit)) for visit in visits]
            rows.append(AnswerRow("Between arms", f"{pair}, {words}", cells))
    return AnswerBlock(trial.percentage(readout.id, readout.denominators[0]), rows)


def _change_cell(row: Row | None) -> Estimate:
    if row is None:
        return Estimate("", title="not in the table")
    title = (
        f"{row['n_pairs']} pairs; mean {show(row['mean_baseline'])} at baseline, "
        f"{show(row['mean_visit'])} at the visit; {change_note(row) or 'paired t-test'}"
    )
    n = f"n {show_count(row['n_pairs'])}"
    return _estimate(row, "mean_change", "ci_low", "ci_high", n=n, title=title, note=change_note(row))


def _between_cell(row: Row | None) -> Estimate:
    if row is None:
        return Estimate("")
    title = (
        f"n {row['n_active']} active, {row['n_control']} control; medians {show(row['median_active'])} and "
        f"{show(row['median_control'])}; {row['note'] or 'Mann-Whitney test'}"
    )
    n = f"n {show_count(row['n_active'])} v {show_count(row['n_control'])}"
    return _estimate(row, "hl_shift", "hl_low", "hl_high", n=n, title=title, note=row["note"] or "")


def _estimate(row: Row, value: str, low: str, high: str, *, n: str, title: str, note: str) -> Estimate:
    css = "holds" if is_hit(row["p_holm"]) else "hit" if is_hit(row["p_value"]) else ""
    if row[value] is None and row["p_value"] is None:
        return Estimate("NA", n, note, title=title, css="na")
    is_adjusted = row["p_holm"] is not None or row["p_bh"] is not None
    return Estimate(
        show(row[value], signed=True),
        n,
        show_interval(row[low], row[high]),
        show_p(row["p_value"]),
        f"{show_p(row['p_holm'])} | {show_p(row['p_bh'])}" if is_adjusted else "",
        title,
        css,
    )


def _hits(change: Sequence[Row], between: Sequence[Row], trial: Trial, *, source: str) -> TableView:
    """Nominal hits of each kind of test, subset by subset, with a total and what chance alone would give."""
    kinds: list[tuple[str, list[Row]]] = [
        (f"change, {trial.arm_label(arm.id)}", [row for row in change if row["arm"] == arm.id])
        for arm in trial.study.arms
    ]
    baseline = trial.study.baseline
    tests: list[tuple[str, Callable[[Row], bool]]] = [
        ("between arms, level", lambda row: row["measure"] == "level" and row["visit"] != baseline),
        ("between arms, change", lambda row: row["measure"] == "change"),
        ("between arms, at baseline", lambda row: row["measure"] == "level" and row["visit"] == baseline),
    ]
    if between:
        kinds += [(label, [row for row in between if chosen(row)]) for label, chosen in tests]
    rows = []
    for readout in trial.study.readouts:
        own = [[row for row in all_rows if row["subset"] == readout.id] for _, all_rows in kinds]
        rows.append([Cell(trial.percentage(readout.id, readout.denominators[0])), *map(_hit_cell, own)])
    rows.append([Cell("All", css="total"), *(_hit_cell(all_rows, css="total") for _, all_rows in kinds)])
    expected = [ALPHA * sum(row["p_value"] is not None for row in all_rows) for _, all_rows in kinds]
    rows.append(
        [
            Cell("expected by chance alone", css="quiet"),
            *(Cell(show(n), css="quiet") for n in expected),
        ]
    )
    columns = (Column("nominal p < 0.05", numeric=False), *(Column(label) for label, _ in kinds))
    return TableView("Tests with a nominal p below 0.05, of the tests made", source, columns, flat(rows))


def _hit_cell(rows: Sequence[Row], css: str = "") -> Cell:
    tested = [row for row in rows if row["p_value"] is not None]
    hits = sum(is_hit(row["p_value"]) for row in tested)
    holm = sum(is_hit(row["p_holm"]) for row in tested)
    missing = len(rows) - len(tested)
    title = f"{holm} after Holm's correction" + (f"; {missing} could not be tested" if missing else "")
    return Cell(f"{hits} of {len(tested)}", title, css)
