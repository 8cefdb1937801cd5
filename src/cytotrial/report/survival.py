"""The section on whether the conclusion would stand: the headline, the pictures, and the tables behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cytotrial.report.cells import p_cell, value_cell
from cytotrial.report.numbers import MISSING, Cell, is_hit, show
from cytotrial.report.survival_pictures import VerdictPicture, causes, is_lost, maps
from cytotrial.report.survival_results import (
    ANCOVA,
    BETWEEN,
    CHANGE,
    CHOICES,
    CSS,
    SEVERITY,
    Result,
    analysis_words,
    gates_words,
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
from cytotrial.statistics_columns import FAILS, FRAGILE, GATE, GATES_APART, GATES_NOT_TRIED, HOLDS

# Tests of declared families that are primary results; the others are not made again.
DECLARED_TESTS = {"paired_t": CHANGE, "mann_whitney_change": BETWEEN, "ancova_logit": ANCOVA}
_KEY = ("arm", "subset", "denominator", "visit")
MOST_NAMED = 6  # results in the headline; the others are in the table below it
OTHER_QUESTION = (
    "That is another question: a percentage of lymphocytes falls by itself where other lymphocytes become more."
)
_ESTIMATE = Column("estimate", "percentage points; of the ANCOVA logits, active minus control")
_LOST_COLUMNS = (
    Column("visit", numeric=False),
    Column("test", numeric=False),
    _ESTIMATE,
    Column("p", "nominal, of the primary analysis"),
    Column("verdict", numeric=False),
    Column(
        "holds in",
        "of the analyses tried; the simulations count as one; of a gate's four moves two hold by construction",
    ),
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
    Column("limits", "without values below the limit of quantification"),
    Column(
        "gates",
        "every limit, one at a time, by 1 and 2 SD to either side, all samples together; two of four hold anyway",
    ),
    Column("at random", "simulations with every limit of every sample moved by itself"),
    Column("weakest", "the single analysis that speaks most against the result", numeric=False),
)


@dataclass(frozen=True)
class SurvivalSection:
    """All that the section shows.

    Attributes
    ----------
    headline : str
        How many significant results stand, those of declared tests first.
    named : sequence of (verdict, sentence)
        Those that do not, the worst first; the last has no verdict where it says that there are more.
    sentences : sequence of str
        What must be known besides.
    maps, causes : sequence of VerdictPicture
    lost, everything : TableView or None
        ``None`` where they would be empty.
    is_any_gate_tried : bool
        Whether any result was judged with a gate limit moved; `sentences` name those that were not.
    """

    headline: str
    named: Sequence[tuple[str, str]]
    sentences: Sequence[str]
    maps: Sequence[VerdictPicture]
    causes: Sequence[VerdictPicture]
    lost: TableView | None
    everything: TableView | None
    is_any_gate_tried: bool


def survival_section(
    rows: Sequence[Row],
    trial: Trial,
    lineage: Mapping[str, tuple[str, ...]],
    families: Sequence[Row] = (),
    *,
    source: str,
) -> SurvivalSection:
    """The section from the rows of ``survival.tsv``.

    Parameters
    ----------
    lineage : mapping
        A population's ancestors and itself: the gates stand in that order.
    families : rows of ``families.tsv``
        What was declared beforehand is counted first.
    """
    results = primary_results(rows, trial, lineage)
    lost = [one for one in results if is_lost(one)]
    is_tried = any(one.verdict is not None for one in results)
    return SurvivalSection(
        headline=" ".join(filter(None, [_declared(results, families, trial), _headline(results)])),
        named=_named(lost, trial),
        sentences=_sentences(results, trial),
        maps=maps(results, trial) if is_tried else [],
        causes=causes(results, trial),
        lost=_table("Significant results that do not hold", lost, trial, _lost_row, _LOST_COLUMNS, source),
        everything=_table("All primary results", results, trial, _row, _ALL_COLUMNS, source) if is_tried else None,
        is_any_gate_tried=any(one.are_gates_tried for one in results),
    )


def _declared(results: Sequence[Result], families: Sequence[Row], trial: Trial) -> str:
    """How many of the declared tests that are significant stand; nothing where none was declared, or none is."""
    declared = {family.id for family in trial.plan.families}
    found = [
        (DECLARED_TESTS.get(str(row["test"])), row["arm"], row["subset"], row["denominator"], row["visit"])
        for row in families
        if row["family"] in declared and row["analysis_set"] == trial.primary_set and is_hit(row["p_adjusted"])
    ]
    if not found:
        return ""
    by_key = {tuple(one.row[name] for name in ("test", *_KEY)): one for one in results}
    own = [by_key[key] for key in dict.fromkeys(found) if key in by_key]
    n_other = sum(key not in by_key for key in found)
    n_whole = sum(one.verdict == HOLDS and one.are_gates_tried for one in own)
    n_without = sum(one.verdict == HOLDS and not one.are_gates_tried for one in own)
    parts = [f"{n_whole} of {len(own)} in every analysis tried"] if own else []
    parts += [f"{n_without} under the other choices ({GATES_NOT_TRIED})"] if n_without else []
    parts += [f"{plural(n_other, 'test')} of another kind could not be tried"] if n_other else []
    return f"Declared tests that are significant (adjusted p < 0.05) and stand: {', '.join(parts)}."


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
    n_tried = sum(one.verdict == HOLDS and one.are_gates_tried for one in significant)
    whole, without = "in every analysis tried", f"under the other choices ({GATES_NOT_TRIED})"
    words = (
        (n_tried, f"stands {whole}", f"stand {whole}"),
        (counted[HOLDS] - n_tried, f"stands {without}", f"stand {without}"),
        (counted[FRAGILE], "is fragile", "are fragile"),
        (counted[FAILS], "fails", "fail"),
        (n - sum(counted.values()), "could not be tried", "could not be tried"),
    )
    parts = [(number, one if number == 1 else many) for number, one, many in words if number]
    which = "the primary analysis (nominal p < 0.05)"
    if len(parts) == 1:
        what = "The one significant result" if n == 1 else f"All {n} significant results"
        return f"{what} of {which} {parts[0][1]}."
    listed = _listed([f"{number} {what}" for number, what in parts])
    return f"Of the {plural(n, 'significant result')} of {which}, {listed}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _named(lost: Sequence[Result], trial: Trial) -> list[tuple[str, str]]:
    ordered = sorted(lost, key=lambda one: SEVERITY.index(str(one.verdict)))
    named = [
        (
            str(one.verdict),
            f"{result_words(one, trial)}: lost with {lost_briefly(one)}"
            + ("" if one.are_gates_tried else f"; {GATES_NOT_TRIED}"),
        )
        for one in ordered[:MOST_NAMED]
    ]
    more = len(ordered) - len(named)
    return [*named, ("", f"and {more} more, in the table below")] if more else named


def _sentences(results: Sequence[Result], trial: Trial) -> list[str]:
    sentences = []
    if not any(one.verdict is not None for one in results):
        return sentences
    quiet = [one for one in results if one.is_tested and not one.is_significant and one.verdict is not None]
    if quiet:
        sentences.append(_quiet(quiet))
    n_lost = sum(one.is_significant and one.hangs_on_denominator for one in results)
    if n_lost:
        sentences.append(f"Lost under another denominator alone: {plural(n_lost, 'result')}. {OTHER_QUESTION}")
    kinds = tests(trial)
    empty = [kinds[test] for test in kinds if not any(one.is_significant for one in of_test(results, test))]
    if empty and len(empty) < len(kinds):
        sentences.append(f"Without a significant result, and so without a picture: {'; '.join(empty)}.")
    return [*sentences, *_gates_left([one for one in results if one.is_tested], trial)]


def _quiet(results: Sequence[Result]) -> str:
    """What is not significant, and in how many it would be elsewhere."""
    n_held = sum(one.verdict == HOLDS for one in results)
    words = (
        f"Not significant: {plural(len(results), 'result')}, {n_held} of them in every analysis tried too; "
        f"{len(results) - n_held} would be significant in some."
    )
    n_other = sum(one.verdict != HOLDS and one.hangs_on_denominator for one in results)
    if n_other:
        words += f" {n_other} of these would be so under another denominator alone. {OTHER_QUESTION}"
    if n_held + n_other < len(results):
        words += " Among so many analyses some are, by chance."
    return words


def _gates_left(results: Sequence[Result], trial: Trial) -> list[str]:
    """Which results were judged with no gate moved, and why."""
    by_reason: dict[str, list[Result]] = {}
    for one in results:
        if not one.are_gates_tried:
            by_reason.setdefault(one.why_gates_stay, []).append(one)
    sentences = []
    for reason, of_reason in sorted(by_reason.items()):
        subsets = [one.label for one in trial.study.readouts if any(r.row["subset"] == one.id for r in of_reason)]
        which = (
            "" if len(of_reason) == len(results) else f" for {plural(len(of_reason), 'result')} ({', '.join(subsets)})"
        )
        sentences.append(f"Gates not tried{which}{f': {reason}' if reason else ''}.")
    return sentences


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
    return [
        *_first_cells(result),
        _verdict_cell(result),
        Cell(held_words(result.row)),
        Cell(lost_words(result)),
    ]


def _row(result: Result) -> list[Cell]:
    row = result.row
    by_kind = [[one for one in result.tried if one["variation"] == kind] for kind in (*CHOICES, GATE, GATES_APART)]
    counted = [_kind_cell(one, is_tinted=result.is_significant) for one in by_kind]
    return [*_first_cells(result), _verdict_cell(result), *counted, Cell(analysis_words(row["weakest"]) or MISSING)]


def _verdict_cell(result: Result) -> Cell:
    """Never green where no gate was tried."""
    if result.verdict is None:
        return Cell(MISSING, str(result.row["note"] or ""), "na")
    words = result.verdict if result.are_gates_tried else f"{result.verdict}, {GATES_NOT_TRIED}"
    is_tinted = result.is_significant and (result.are_gates_tried or result.verdict != HOLDS)
    return Cell(words, gates_words(result), CSS[result.verdict] if is_tinted else "")


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
