"""The pictures of what stood: of every test a map of subsets and visits, of every subset what its results hang on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cytotrial.figures.survival import (
    GATES_UNTRIED,
    NOT_SIGNIFICANT,
    UNTRIED,
    VerdictCell,
    VerdictGrid,
    draw_verdicts,
)
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.report.numbers import show_p
from cytotrial.report.survival_results import (
    CHOICES,
    Result,
    analysis_words,
    gates_words,
    held_words,
    lost_words,
    of_test,
    result_words,
    test_words,
    tests,
    tried_words,
)
from cytotrial.report.trial import Trial
from cytotrial.report.views import Row, plural
from cytotrial.statistics_columns import FAILS, FRAGILE, GATE, GATES_APART, HOLDS

MOST_COUNTED = 99  # analyses: more are shown as a percentage
WIDE, MOST_IN_NARROW = 1.4, 4  # relative width of a column with cells of more than so many letters


@dataclass(frozen=True)
class VerdictPicture:
    """One picture; `svg` is markup made by :mod:`cytotrial.figures`."""

    svg: str
    caption: str


def maps(results: Sequence[Result], trial: Trial) -> list[VerdictPicture]:
    """One per test that has a significant result: subsets by visits, the verdict of all analyses together."""
    pictures = []
    for number, (test, title) in enumerate(tests(trial).items(), 1):
        own = of_test(results, test)
        if any(one.is_significant for one in own):
            pictures.append(_drawn(_map(own, f"stands-{number}", title, trial), _counted(own)))
    return pictures


def causes(results: Sequence[Result], trial: Trial) -> list[VerdictPicture]:
    """One per subset with a significant result that does not hold: these by what was tried of them."""
    pictures = []
    for number, readout in enumerate(trial.study.readouts, 1):
        lost = [one for one in results if one.row["subset"] == readout.id and is_lost(one)]
        if lost:
            title = trial.percentage(readout.id, readout.denominators[0])
            significant = sum(one.row["subset"] == readout.id and one.is_significant for one in results)
            caption = f"{len(lost)} of {plural(significant, 'significant result')} of this subset."
            untried = sum(not one.are_gates_tried for one in lost)
            caption += f" Of {untried} of them gates were not tried." if untried else ""
            pictures.append(_drawn(_matrix(lost, f"hangs-{number}", title, trial), caption))
    return pictures


def is_lost(result: Result) -> bool:
    """Whether a significant result does not hold in all that was tried."""
    return result.is_significant and result.verdict in (FAILS, FRAGILE)


def _drawn(grid: VerdictGrid, caption: str) -> VerdictPicture:
    label = f"{grid.title}: verdicts. {caption}"
    if grid.synthetic:
        label = f"{SYNTHETIC_MARK}. {label}"
    return VerdictPicture(draw_verdicts(grid, label=label), caption)


def _map(results: Sequence[Result], name: str, title: str, trial: Trial) -> VerdictGrid:
    readouts = [one for one in trial.study.readouts if any(found.row["subset"] == one.id for found in results)]
    visits = [visit.id for visit in trial.study.visits if any(found.row["visit"] == visit.id for found in results)]
    by_place = {(one.row["subset"], one.row["visit"]): one for one in results}
    cells = [[_map_cell(by_place.get((readout.id, visit)), trial) for visit in visits] for readout in readouts]
    labels = [readout.label for readout in readouts]
    return VerdictGrid(name, title, labels, visits, cells, synthetic=trial.study.synthetic)


def _map_cell(result: Result | None, trial: Trial) -> VerdictCell:
    if result is None or not result.is_tested:
        note = "" if result is None else str(result.row["note"] or "")
        return VerdictCell(UNTRIED, "", note)
    row = result.row
    words = f"{result_words(result, trial)}, p {show_p(row['p_value'])}"
    if not result.is_significant:
        return VerdictCell(NOT_SIGNIFICANT, "n.s.", f"{words}: not significant; so in {held_words(row)} analyses")
    if result.verdict is None:
        return VerdictCell(UNTRIED, "", f"{words}: no other analysis could be tried")
    lost = f"lost with {lost_words(result)}" if is_lost(result) else f"weakest: {_weakest(row)}"
    about = "; ".join(filter(None, [f"{words}: holds in {held_words(row)} analyses", lost, gates_words(result)]))
    is_plain = result.verdict == HOLDS and not result.are_gates_tried
    return VerdictCell(GATES_UNTRIED if is_plain else result.verdict, _share(row), about)


def _matrix(results: Sequence[Result], name: str, title: str, trial: Trial) -> VerdictGrid:
    columns: dict[tuple[str | None, str | None], str] = {}
    for result in results:
        columns |= {(row["variation"], row["gate"]): tried_words(row) for row in result.tried}
    order = [*CHOICES, GATE, GATES_APART]
    columns = dict(sorted(columns.items(), key=lambda item: order.index(str(item[0][0]))))
    kinds = [kind for kind, _ in columns]
    gaps = [place for place in range(1, len(kinds)) if kinds[place] != kinds[place - 1] and kinds[place] not in CHOICES]
    cells = []
    for result in results:
        rows = {(row["variation"], row["gate"]): row for row in result.tried}
        cells.append([_matrix_cell(rows.get(column)) for column in columns])
    labels = [f"{one.row['visit']}, {test_words(one.row)}" for one in results]
    widths = [
        WIDE if any(len(line[place].text) > MOST_IN_NARROW for line in cells) else 1.0 for place in range(len(kinds))
    ]
    return VerdictGrid(name, title, labels, list(columns.values()), cells, gaps, widths, trial.study.synthetic)


def _matrix_cell(row: Row | None) -> VerdictCell:
    if row is None:
        return VerdictCell(UNTRIED)
    words = tried_words(row)
    if row["verdict"] is None:
        return VerdictCell(UNTRIED, "", f"{words}: {row['note'] or 'not tried'}")
    notes = [f"{words}: holds in {held_words(row)}", f"weakest: {_weakest(row)}", row["note"] or ""]
    return VerdictCell(str(row["verdict"]), _share(row), "; ".join(filter(None, notes)))


def _weakest(row: Row) -> str:
    low, high = show_p(row["p_low"]), show_p(row["p_high"])
    return f"{analysis_words(row['weakest']) or 'none'}; p {low if low == high else f'{low} to {high}'}"


def _share(row: Row) -> str:
    """Held of tried; of many analyses the percentage, rounded down: 100 % are all of them."""
    held, tried = int(row["n_held"] or 0), int(row["n_analyses"] or 0)
    return f"{held}/{tried}" if tried <= MOST_COUNTED else f"{math.floor(100 * held / tried)} %"


def _counted(results: Sequence[Result]) -> str:
    significant = [one for one in results if one.is_significant]
    words = {HOLDS: "in all that was tried", FRAGILE: "fragile", FAILS: "lost"}
    numbers = {verdict: sum(one.verdict == verdict for one in significant) for verdict in (HOLDS, FRAGILE, FAILS)}
    n_untried = len(significant) - sum(numbers.values())
    n_without = sum(one.verdict == HOLDS and not one.are_gates_tried for one in significant)
    numbers[HOLDS] -= n_without
    parts = [f"{n_without} in all but the gates, which were not tried"] if n_without else []
    parts = [f"{number} {words[verdict]}" for verdict, number in numbers.items() if number] + parts
    parts += [f"{n_untried} not tried"] if n_untried else []
    return f"{len(significant)} of {len(results)} significant: {', '.join(parts)}."
