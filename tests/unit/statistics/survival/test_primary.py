"""Which results are primary, and where the published tables have them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytotrial.statistics.survival.primary import Question, compared_arms, primary_questions, published_answers

KEY = {"analysis_set": "mitt", "subset": "nk", "denominator": "lymphocytes", "visit": "W2", "note": "n"}
TABLES = {
    "change_from_baseline": [KEY | {"arm": "IL2", "mean_change": -2.0, "p_value": 0.01}],
    "between_arms": [
        KEY | {"measure": "level", "hl_shift": 9.0, "auc": 1.0, "p_value": 0.9},
        KEY | {"measure": "change", "hl_shift": 0.0, "auc": 0.7, "p_value": 0.04},
    ],
    "ancova": [
        KEY | {"scale": "percent", "estimate": 9.0, "p_value": 0.9},
        KEY | {"scale": "logit", "estimate": 0.3, "p_value": float("nan")},
    ],
}


def test_answers_are_the_change_and_the_logit():
    answers = published_answers(TABLES)
    assert [question.test for question in answers] == ["change_from_baseline", "between_arms", "ancova"]
    change, between, ancova = answers.values()
    assert (change.estimate, change.direction, change.p_value, change.is_significant) == (-2.0, -2.0, 0.01, True)
    assert (between.estimate, between.p_value, between.note) == (0.0, 0.04, "n")
    assert between.direction == pytest.approx(0.2)  # of the ranks: the shift is 0
    assert (ancova.estimate, ancova.is_significant) == (0.3, None)


def test_every_primary_question_of_the_plan_once(plan):
    questions = list(primary_questions(plan))
    assert len(set(questions)) == len(questions) == 2 * (2 + 1 + 1) * 2
    assert {(one.subset, one.denominator) for one in questions} == {("treg", "cd4"), ("nk", "lymphocytes")}
    assert {one.analysis_set for one in questions} == {"mitt"} and {one.visit for one in questions} == {"W2", "W4"}
    assert Question("ancova", "mitt", None, "treg", "cd4", "W4") in questions


def test_without_two_arms_only_the_changes_are_asked(plan):
    alone = replace(plan, control=(), active=("IL2", "PBO"))
    assert {one.test for one in primary_questions(alone)} == {"change_from_baseline"}


def test_the_arms_that_an_answer_is_made_of(plan):
    change, between = (Question(test, "mitt", arm, "nk", "x", "W2") for test, arm in (("c", "PBO"), ("b", None)))
    assert compared_arms(change, plan) == ("PBO",)
    assert compared_arms(between, plan) == ("IL2", "PBO")
