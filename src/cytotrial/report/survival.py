"""The section on whether the conclusion would stand: the headline, the pictures, and the tables behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cytotrial.report.cells import p_cell, value_cell
from cytotrial.report.numbers import MISSING, Cell, show
from cytotrial.report.survival_pictures import VerdictPicture, causes, is_lost, maps
from cytotrial.report.survival_results import (
    CHOICES,
    CSS,
    FAILS,
    FRAGILE,
    GATE,
    GATES_APART,
    HOLDS,
    SEVERITY,
    Result,
    analysis_words,
    held_words,
    lost_briefly,
    lost_words,
    of_test,
    primary_results,
    result_words,
    test_words,
    tests,
    tried_words,
)
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Group, Row, TableView, plural

MOST_NAMED = 6  # results in the headline; the others are in the table below it
_ESTIMATE = Column("estimate", "percentage points; of the ANCOVA logits, active minus control")
_LOST_COLUMNS = (
    Column("visit", numeric=False),
    Column("test", numeric=False),
    _ESTIMATE,
    Column("p", "nominal, of the primary analysis"),
    Column("verdict", numeric=False),
    Column("holds in", "of the analyses tried; the simulations count as one"),
    Column("lost with", "what was tried and ends it, the worst first", numeric=False, wide=True),
)
_ALL_COLUMNS = (
    Column("visit", numeric=False),
    Column("test", numeric=False),
    _ESTIMATE,
    Column("p", "nominal, of the primary analysis"),
    Column("verdict", "significant results: whether they stay so; the others: whether they stay not so", numeric=False),
    Column("denominators", "analyses with another denominator in which the result holds, of those tried"),
    Column("analysis sets", "likewise"),
    Column("limits", "without values below the limit of quantification; without all flagged values"),
    Column("gates", "every limit moved by 1 and 2 SD to either side, all samples together"),
    Column("at random", "simulations with every limit of every sample moved by itself"),
    Column("weakest", "the single analysis that speaks most against the result", numeric=False),
)


@dataclass(frozen=True)
class SurvivalSection:
    """All that the section shows.

    Attributes
    ----------
    headline : str
        How many significant results stand.
    named : sequence of (verdict, sentence)
        Those that do not, the worst first; the last has no verdict where it says that there are more.
    sentences : sequence of str
        What must be known besides.
    maps, causes : sequence of VerdictPicture
    lost, everything : TableView or None
        ``None`` where they would be empty.
    are_gates_moved : bool
        Whether any gate limit was.
    """

    headline: str
    named: Sequence[tuple[str, str]]
    sentences: Sequence[str]
    maps: Sequence[VerdictPicture]
    causes: Sequence[VerdictPicture]
    lost: TableView | None
    everything: TableView | None
    are_gates_moved: bool


def survival_section(
    rows: Sequence[Row], trial: Trial, lineage: Mapping[str, tuple[str, ...]], *, source: str
) -> SurvivalSection:
    """The section from the rows of ``survival.tsv``.

    Parameters
    ----------
    lineage : mapping
        A population's ancestors and itself: the gates stand in that order.
    """
    results = primary_results(rows, trial, lineage)
    lost = [one for one in results if is_lost(one)]
    is_tried = any(one.verdict is not None for one in results)
    return SurvivalSection(
        headline=_headline(results),
        named=_named(lost, trial),
        sentences=_sentences(results, trial),
        maps=maps(results, trial) if is_tried else [],
        causes=causes(results, trial),
        lost=_table("Significant results that do not hold", lost, trial, _lost_row, _LOST_COLUMNS, source),
        everything=_table("All primary results", results, trial, _row, _ALL_COLUMNS, source) if is_tried else None,
        are_gates_moved=any(row["variation"] == GATE and row["verdict"] for one in results for row in one.tried),
    )


def _headline(results: Sequence[Result]) -> str:
    if not any(one.verdict is not None for one in results):
        why = sorted({str(one.row["note"]) for one in results if one.row["note"]})
        return "No other analysis could be tried" + (f": {'; '.join(why)}." if why else ".")
    significant = [one for one in results if one.is_significant]
    n_tested = sum(one.is_tested for one in results)
    if not significant:
        return f"None of the {plural(n_tested, 'primary result')} is significant: there is none that could be lost."
    counted = {verdict: sum(one.verdict == verdict for one in significant) for verdict in SEVERITY}
    n = len(significant)
    which = "the primary analysis (nominal p < 0.05)"
    if counted[HOLDS] == n:
        if n == 1:
            return f"The one significant result of {which} stands in every analysis tried."
        return f"All {n} significant results of {which} stand in every analysis tried."
    words = (
        (counted[HOLDS], "stands in every analysis tried", "stand in every analysis tried"),
        (counted[FRAGILE], "is fragile", "are fragile"),
        (counted[FAILS], "fails", "fail"),
        (n - sum(counted.values()), "could not be tried", "could not be tried"),
    )
    parts = [f"{number} {one if number == 1 else many}" for number, one, many in words if number]
    return f"Of the {plural(n, 'significant result')} of {which}, {_listed(parts)}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _named(lost: Sequence[Result], trial: Trial) -> list[tuple[str, str]]:
    ordered = sorted(lost, key=lambda one: SEVERITY.index(str(one.verdict)))
    named = [
        (str(one.verdict), f"{result_words(one, trial)}: lost with {lost_briefly(one)}") for one in ordered[:MOST_NAMED]
    ]
    more = len(ordered) - len(named)
    return [*named, ("", f"and {more} more, in the table below")] if more else named


def _sentences(results: Sequence[Result], trial: Trial) -> list[str]:
    sentences = []
    if not any(one.verdict is not None for one in results):
        return sentences
    quiet = [one for one in results if one.is_tested and not one.is_significant and one.verdict is not None]
    if quiet:
        n_held = sum(one.verdict == HOLDS for one in quiet)
        sentences.append(
            f"Not significant: {plural(len(quiet), 'result')}, {n_held} of them in every analysis tried too; "
            f"{len(quiet) - n_held} would be significant in some. Among so many analyses some are, by chance."
        )
    kinds = tests(trial)
    empty = [kinds[test] for test in kinds if not any(one.is_significant for one in of_test(results, test))]
    if empty and len(empty) < len(kinds):
        sentences.append(f"Without a significant result, and so without a picture: {'; '.join(empty)}.")
    notes = sorted({str(one.row["note"]) for one in results if one.is_tested and one.row["note"]})
    return [*sentences, *(f"{note[:1].upper()}{note[1:]}." for note in notes)]


def _table(
    caption: str,
    results: Sequence[Result],
    trial: Trial,
    cells: Callable[[Result], list[Cell]],
    columns: Sequence[Column],
    source: str,
) -> TableView | None:
    groups = []
    for readout in trial.study.readouts:
        own = [cells(one) for one in results if one.row["subset"] == readout.id]
        if own:
            groups.append(Group(trial.percentage(readout.id, readout.denominators[0]), own))
    return TableView(caption, source, columns, groups) if groups else None


def _first_cells(result: Result) -> list[Cell]:
    row = result.row
    note = str(row["note"] or "")
    p = p_cell(row["p_value"], note)
    return [
        Cell(str(row["visit"])),
        Cell(test_words(row)),
        value_cell(show(row["estimate"], signed=True), note),
        Cell(p.text, p.title, p.css if p.css == "na" else "strong" if result.is_significant else ""),
    ]


def _lost_row(result: Result) -> list[Cell]:
    verdict = str(result.verdict)
    return [
        *_first_cells(result),
        Cell(verdict, css=CSS[verdict]),
        Cell(held_words(result.row)),
        Cell(lost_words(result)),
    ]


def _row(result: Result) -> list[Cell]:
    row = result.row
    by_kind = [[one for one in result.tried if one["variation"] == kind] for kind in (*CHOICES, GATE, GATES_APART)]
    css = "na" if result.verdict is None else CSS[result.verdict] if result.is_significant else ""
    verdict = Cell(result.verdict or MISSING, str(row["note"] or ""), css)
    counted = [_kind_cell(one, is_tinted=result.is_significant) for one in by_kind]
    return [*_first_cells(result), verdict, *counted, Cell(analysis_words(row["weakest"]) or MISSING)]


def _kind_cell(rows: Sequence[Row], *, is_tinted: bool) -> Cell:
    """Held of tried over all rows of a kind; pointed at, what it does not hold in, and every note."""
    verdicts = [str(row["verdict"]) for row in rows if row["verdict"] is not None]
    lost = [f"not with {tried_words(row)}, {held_words(row)}" for row in rows if row["verdict"] in (FAILS, FRAGILE)]
    notes = dict.fromkeys([*lost, *(str(row["note"]) for row in rows if row["note"])])
    if not verdicts:
        return Cell(MISSING, "; ".join(notes) or "not tried", "na")
    held, tried = (sum(int(row[name] or 0) for row in rows) for name in ("n_held", "n_analyses"))
    worst = min(verdicts, key=SEVERITY.index)
    return Cell(f"{held}/{tried}", "; ".join(notes), CSS[worst] if is_tinted and worst != HOLDS else "")
