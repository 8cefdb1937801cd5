"""When a conclusion holds, how many analyses it needs, and which of them is told as the weakest."""

from __future__ import annotations

import math

import pytest

from cytotrial.statistics.survival.primary import Answer
from cytotrial.statistics.survival.variations import Tried, Variation
from cytotrial.statistics.survival.verdicts import holds, judged, judged_together

NAN = float("nan")
RISE, NOTHING = Answer(2.0, 2.0, 0.01), Answer(0.1, 0.1, 0.6)


def answer(estimate, p_value):
    return Answer(estimate, estimate, p_value)


def variation(name, *answers, moves=None):
    moves = moves or [0] * len(answers)
    gate = "t:treg/CD25/min" if name == "gate" else None
    tried = tuple(Tried(f"{name} {i}", one, move) for i, (one, move) in enumerate(zip(answers, moves, strict=True)))
    return Variation(name, gate, tried)


@pytest.mark.parametrize(
    ("primary", "other", "expected"),
    [
        (RISE, answer(0.5, 0.049), True),
        (RISE, answer(0.5, 0.05), False),
        (RISE, answer(-2.0, 0.01), False),
        (RISE, answer(2.0, NAN), None),
        (NOTHING, answer(-3.0, 0.05), True),
        (NOTHING, answer(0.1, 0.049), False),
        (Answer(NAN, NAN, NAN), answer(1.0, 0.01), None),
        (Answer(0.0, 0.2, 0.01), Answer(0.0, 0.1, 0.01), True),  # the ranks' direction, where the shift is 0
        (Answer(0.0, 0.2, 0.01), Answer(0.0, -0.1, 0.01), False),
    ],
)
def test_sign_and_significance_have_to_hold(primary, other, expected):
    assert holds(primary, other) is expected


YES, NO = answer(1.8, 0.02), answer(1.0, 0.2)


@pytest.mark.parametrize(
    ("name", "n_held", "n", "expected"),
    [
        ("denominators", 2, 2, "holds"),
        ("denominators", 1, 2, "fragile"),
        ("denominators", 0, 1, "fragile"),
        ("denominators", 0, 3, "fragile"),  # another question: at worst fragile
        ("analysis_sets", 1, 3, "fails"),
        ("analysis_sets", 0, 2, "fails"),
        ("analysis_sets", 1, 2, "fragile"),
        ("analysis_sets", 0, 1, "fragile"),  # one alone is too few to fail
        ("reporting_limits", 0, 1, "fragile"),
        ("gates_apart", 0, 1, "fails"),
        ("gates_apart", 95, 100, "holds"),
        ("gates_apart", 94, 100, "fragile"),
        ("gates_apart", 50, 100, "fragile"),
        ("gates_apart", 49, 100, "fails"),
        ("denominators", 0, 0, None),
    ],
)
def test_verdicts_by_share(name, n_held, n, expected):
    row = judged(RISE, variation(name, *([YES] * n_held + [NO] * (n - n_held))))
    assert (row["n_analyses"], row["n_held"], row["verdict"], row["smallest_move"]) == (n, n_held, expected, None)
    assert row["share_held"] == pytest.approx(n_held / n) if n else math.isnan(row["share_held"])


@pytest.mark.parametrize(
    ("answers", "smallest", "expected"),
    [
        ((YES, YES, YES, YES), None, "holds"),
        ((NO, YES, YES, YES), 2, "fragile"),
        ((YES, YES, NO, NO), 1, "fails"),
        ((YES, NO, YES, YES), 1, "fails"),
        ((YES, answer(1.0, NAN), YES, YES), None, "holds"),
    ],
)
def test_a_gate_is_judged_by_how_far_it_has_to_move(answers, smallest, expected):
    row = judged(RISE, variation("gate", *answers, moves=[-2, -1, 1, 2]))
    assert (row["smallest_move"], row["verdict"]) == (smallest, expected)


def test_extremes_are_of_the_analyses_with_a_p_value():
    row = judged(RISE, variation("gate", YES, NO, answer(99.0, NAN), moves=[-1, 1, 2]))
    assert (row["estimate_low"], row["estimate_high"], row["p_low"], row["p_high"]) == (1.0, 1.8, 0.02, 0.2)
    assert row["note"] == "1 of 3 analyses have no p-value" and row["n_analyses"] == 2


def test_the_weakest_speaks_most_against_the_conclusion():
    turned, turned_more = answer(-1.0, 0.3), answer(-1.0, 0.04)
    assert judged(RISE, variation("x", YES, NO))["weakest"] == "x 1"
    assert judged(RISE, variation("x", turned_more, NO, turned))["weakest"] == "x 0"
    assert judged(NOTHING, variation("x", answer(1.0, 0.9), answer(-1.0, 0.06)))["weakest"] == "x 1"
    assert judged(RISE, variation("x"))["weakest"] is None


def test_all_is_the_worst_of_its_rows_and_counts_the_simulations_once():
    parts = [
        variation("denominators", answer(0.01, 0.001)),
        variation("gate", YES, NO, moves=[1, 2]),
        variation("gates_apart", *([YES] * 60 + [NO] * 40)),
    ]
    row = judged_together(RISE, parts, [judged(RISE, part) for part in parts])
    assert (row["n_analyses"], row["n_held"], row["verdict"], row["smallest_move"]) == (4, 2, "fragile", 2)
    assert row["share_held"] == 0.5 and row["weakest"] == "gate 1"
    assert (row["estimate_low"], row["p_low"]) == (1.0, 0.001)  # an estimate of another denominator is no smaller one


def test_all_names_the_simulations_where_they_alone_fail():
    parts = [variation("gate", YES, moves=[1]), variation("gates_apart", NO, NO)]
    row = judged_together(RISE, parts, [judged(RISE, part) for part in parts])
    assert (row["verdict"], row["weakest"], row["n_held"]) == ("fails", "gates_apart", 1)
    nothing = judged_together(RISE, [], [])
    assert (nothing["verdict"], nothing["n_analyses"], nothing["weakest"]) == (None, 0, None)
