"""The primary results, and what the published tables say of the same question under other choices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics_columns import SURVIVAL_TESTS

CHANGE, BETWEEN, ANCOVA = SURVIVAL_TESTS
ALPHA = 0.05
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Answer:
    """One test's answer.

    Attributes
    ----------
    estimate : float
        `CHANGE`: mean change, percentage points. `BETWEEN`: Hodges-Lehmann shift of the changes, active minus control,
        percentage points. `ANCOVA`: the arm's effect, active minus control, logit.
    direction : float
        Its sign is the sign of what the test tests: the estimate's, but of `BETWEEN` that of U over the number of
        pairs, less one half; with many ties the shift can be 0 where U is far from its mean.
    p_value : float
        Nominal, two-sided; NaN where the note says why.
    """

    estimate: float
    direction: float
    p_value: float
    note: str = ""

    @property
    def is_significant(self) -> bool | None:
        """Whether p is below 0.05; None without one."""
        return None if math.isnan(self.p_value) else self.p_value < ALPHA


class Question(NamedTuple):
    """What one test of the published tables asks; `arm` is None between the arms."""

    test: str
    analysis_set: str
    arm: str | None
    subset: str
    denominator: str
    visit: str


def published_answers(tables: Mapping[str, Rows]) -> dict[Question, Answer]:
    """The answers of the tables ``change_from_baseline``, ``between_arms`` (changes) and ``ancova`` (logit scale)."""
    answers = {}
    for row in tables[CHANGE]:
        answers[_question(CHANGE, row)] = _answer(row, "mean_change", row["mean_change"])
    for row in tables[BETWEEN]:
        if row["measure"] == "change":
            answers[_question(BETWEEN, row)] = _answer(row, "hl_shift", row["auc"] - 0.5)
    for row in tables[ANCOVA]:
        if row["scale"] == "logit":
            answers[_question(ANCOVA, row)] = _answer(row, "estimate", row["estimate"])
    return answers


def primary_questions(plan: AnalysisPlan) -> Iterator[Question]:
    """Every test and post-baseline visit of every subset's primary denominator, in the primary analysis set."""
    tests: list[tuple[str, str | None]] = [(CHANGE, arm) for arm in plan.arms]
    if plan.pair is not None:
        tests += [(BETWEEN, None), (ANCOVA, None)]
    for subset in plan.subsets:
        for test, arm in tests:
            for visit in plan.post_baseline:
                yield Question(test, plan.analysis_sets[0], arm, subset.id, subset.denominators[0], visit)


def compared_arms(question: Question, plan: AnalysisPlan) -> tuple[str, ...]:
    """The arms whose values the answer is made of."""
    if question.arm is not None:
        return (question.arm,)
    assert plan.pair is not None
    return plan.pair


def _question(test: str, row: Mapping[str, Any]) -> Question:
    keys = (row["analysis_set"], row.get("arm"), row["subset"], row["denominator"], row["visit"])
    return Question(test, *keys)


def _answer(row: Mapping[str, Any], estimate: str, direction: float) -> Answer:
    return Answer(float(row[estimate]), float(direction), float(row["p_value"]), row["note"])
