"""The rows of ``survival.tsv`` as primary results, each with what was tried of it, and the words for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cytotrial.report.numbers import MINUS, is_hit, show_p
from cytotrial.report.trial import Trial
from cytotrial.report.views import Row
from cytotrial.statistics_columns import (
    ALL,
    ANALYSIS_SETS,
    DENOMINATORS,
    FAILS,
    FRAGILE,
    GATE,
    GATES_APART,
    GATES_NOT_TRIED,
    HOLDS,
    REPORTING_LIMITS,
    SURVIVAL_TESTS,
    VERDICTS,
)

CHANGE, BETWEEN, ANCOVA = SURVIVAL_TESTS
SEVERITY = tuple(reversed(VERDICTS))
# Kinds of analyses that are not about gates, as columns and as what a result is lost with.
CHOICES = {
    DENOMINATORS: "other denominators",
    ANALYSIS_SETS: "other analysis sets",
    REPORTING_LIMITS: "low counts left out",
}
LEFT_OUT = {
    "without below_lloq": "values below the limit of quantification left out",
}
MOST_GATES = 2  # gate limits that a sentence names
CSS = {HOLDS: "stands", FRAGILE: "fragile", FAILS: "fails"}


@dataclass(frozen=True)
class Result:
    """One primary result: its row ``all`` and the rows of what was tried of it."""

    row: Row
    tried: Sequence[Row]

    @property
    def verdict(self) -> str | None:
        """``holds``, ``fragile``, ``fails``; None where nothing could be tried."""
        return self.row["verdict"]

    @property
    def is_significant(self) -> bool:
        """Whether its nominal p is below 0.05."""
        return self.row["is_significant"] == "Y"

    @property
    def is_tested(self) -> bool:
        """Whether it has a p-value."""
        return self.row["is_significant"] is not None

    @property
    def are_gates_tried(self) -> bool:
        """Whether it was judged with any gate limit moved; where not, that it holds says nothing of the gates."""
        return any(row["variation"] == GATE and row["verdict"] is not None for row in self.tried)

    @property
    def why_gates_stay(self) -> str:
        """Why no gate limit was judged, as its note says; nothing where one was."""
        note = str(self.row["note"] or "")
        return "" if self.are_gates_tried else note.removeprefix(f"{GATES_NOT_TRIED}: ")

    @property
    def hangs_on_denominator(self) -> bool:
        """Whether it is lost under another denominator and with nothing else."""
        return {row["variation"] for row in self.lost_in} == {DENOMINATORS}

    @property
    def lost_in(self) -> list[Row]:
        """The rows of what it does not hold in, the worst first; otherwise in their order."""
        lost = [row for row in self.tried if row["verdict"] in (FAILS, FRAGILE)]
        return sorted(lost, key=lambda row: SEVERITY.index(str(row["verdict"])))


def primary_results(rows: Sequence[Row], trial: Trial, lineage: Mapping[str, tuple[str, ...]]) -> list[Result]:
    """Every primary result, by subset, visit and test; its gates from the first of the strategy to the last.

    Parameters
    ----------
    rows : rows of ``survival.tsv``
    lineage : mapping
        A population's ancestors and itself; what is not in it comes last, by its name.
    """
    by_result: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        if trial.is_primary(row):
            by_result.setdefault(_order(row, trial), []).append(row)
    kinds = [*CHOICES, GATE, GATES_APART]

    def place(row: Row) -> tuple[int, bool, int, str]:
        population = str(row["gate"] or "").rpartition(":")[0] and gate_parts(row)[0]
        path = lineage.get(population, ())
        return (kinds.index(str(row["variation"])), not path, len(path), str(row["gate"]))

    results = []
    for key in sorted(by_result):
        together = [row for row in by_result[key] if row["variation"] == ALL]
        tried = [row for row in by_result[key] if row["variation"] in kinds]
        results += [Result(row, sorted(tried, key=place)) for row in together]
    return results


def tests(trial: Trial) -> dict[tuple[str, str | None], str]:
    """Every kind of primary result, a test and its arm, with its words."""
    within: dict[tuple[str, str | None], str] = {
        (CHANGE, arm.id): f"Change from baseline, {arm.label}" for arm in trial.study.arms
    }
    return within | {(BETWEEN, None): "Change between arms", (ANCOVA, None): "Between arms, ANCOVA"}


def of_test(results: Sequence[Result], test: tuple[str, str | None]) -> list[Result]:
    """The results of one kind."""
    return [one for one in results if (one.row["test"], one.row["arm"]) == test]


def gate_parts(row: Row) -> list[str]:
    """Population, marker and bound of the row's gate, without its panel."""
    return str(row["gate"]).split(":", 1)[-1].split("/")


def limit_words(limit: str) -> str:
    """A gate limit in words.

    Examples
    --------
    >>> limit_words("treg/CD25/min"), limit_words("lymphocytes/FSC-A:SSC-A/shape")
    ('CD25 min of treg', 'shape of lymphocytes')
    """
    population, *rest = limit.split("/")
    if not rest:
        return limit
    return f"{'shape' if rest[-1] == 'shape' else ' '.join(rest)} of {population}"


def gate_words(row: Row) -> str:
    """The row's gate in words, without its panel."""
    return limit_words("/".join(gate_parts(row)))


def analysis_words(label: str | None) -> str:
    """An analysis in words; its gate as `limit_words` has it.

    Examples
    --------
    >>> analysis_words("treg/CD25/min +2 SD"), analysis_words("analysis set itt")
    ('CD25 min of treg +2 SD', 'analysis set itt')
    """
    if label is None:
        return ""
    if label == GATES_APART:
        return "all gates at random"
    if not label.endswith(" SD"):
        return LEFT_OUT.get(label, label)
    limit, move, _ = label.rsplit(" ", 2)
    return f"{limit_words(limit)} {move.replace('-', MINUS)} SD"


def test_words(row: Row) -> str:
    """What was tested, as a row's label."""
    if row["test"] == CHANGE:
        return f"change in {row['arm']}"
    return "between arms" if row["test"] == BETWEEN else "ANCOVA"


def result_words(result: Result, trial: Trial) -> str:
    """A primary result as it is named in a sentence."""
    row = result.row
    label = next((one.label for one in trial.study.readouts if one.id == row["subset"]), row["subset"])
    return f"{label} at {row['visit']}, {test_words(row)}"


def tried_words(row: Row) -> str:
    """What was tried, in a word or two: the gate, or the kind of choice."""
    if row["variation"] == GATE:
        return gate_words(row)
    return "all gates at random" if row["variation"] == GATES_APART else CHOICES[str(row["variation"])]


def gates_words(result: Result) -> str:
    """How far the gates were tried, for who points at a verdict."""
    if result.are_gates_tried:
        return str(result.row["note"] or "")
    return ": ".join(filter(None, [GATES_NOT_TRIED, result.why_gates_stay]))


def held_words(row: Row) -> str:
    """In how many of the analyses of a row the result holds.

    Examples
    --------
    >>> held_words({"n_held": "3", "n_analyses": "4"})
    '3 of 4'
    """
    return f"{row['n_held'] or 0} of {row['n_analyses'] or 0}"


def lost_words(result: Result) -> str:
    """With what a significant result is lost: every row of it that does not hold, the worst first."""
    return "; ".join(_lost_with(row) for row in result.lost_in)


def lost_briefly(result: Result) -> str:
    """The same for a sentence: without p-values, and of many gate limits their number and the first."""
    lost = result.lost_in
    gates = [row for row in lost if row["variation"] == GATE]
    parts = [_choice_words(row) for row in lost if row["variation"] in CHOICES]
    for move in ("1", "2"):
        named = [gate_words(row) for row in gates if row["smallest_move"] == move]
        if len(named) > MOST_GATES:
            parts.append(f"any of {len(named)} gate limits moved by {move} SD ({named[0]}, {named[1]}, ...)")
        elif named:
            parts.append(f"{' or '.join(named)} moved by {move} SD")
    parts += [_lost_with(row) for row in lost if row["variation"] == GATES_APART]
    return "; ".join(parts)


def _lost_with(row: Row) -> str:
    if row["variation"] == GATE:
        worst = analysis_words(row["weakest"]).removeprefix(f"{gate_words(row)} ")
        return f"{gate_words(row)} moved by {row['smallest_move']} SD (worst: {worst}, {_worst_p(row)})"
    if row["variation"] == GATES_APART:
        return f"all gates moved at random (holds in {held_words(row)})"
    if _n_lost(row) == 1:
        return f"{_choice_words(row)} ({_worst_p(row)})"
    return f"{_choice_words(row)} (worst: {analysis_words(row['weakest'])}, {_worst_p(row)})"


def _choice_words(row: Row) -> str:
    """The choice that a result is lost with; of several their number."""
    if _n_lost(row) == 1:
        return analysis_words(row["weakest"])
    return f"{_n_lost(row)} of {row['n_analyses']} {CHOICES[str(row['variation'])]}"


def _n_lost(row: Row) -> int:
    return int(row["n_analyses"] or 0) - int(row["n_held"] or 0)


def _worst_p(row: Row) -> str:
    """The largest p over a row's analyses; where none is 0.05 or more, a result is lost by its sign."""
    return f"p {show_p(row['p_high'])}" if not is_hit(row["p_high"]) else "the other sign"


def _order(row: Row, trial: Trial) -> tuple[int, ...]:
    subsets = [readout.id for readout in trial.study.readouts]
    arms = [arm.id for arm in trial.study.arms]
    test, arm = str(row["test"]), row["arm"]
    return (
        subsets.index(str(row["subset"])),
        trial.visit_rank(row["visit"]),
        SURVIVAL_TESTS.index(test) if test in SURVIVAL_TESTS else len(SURVIVAL_TESTS),
        arms.index(arm) if arm in arms else len(arms),
    )
