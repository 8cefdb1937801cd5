"""The plan's own words: which visits are post-baseline, which denominators primary."""

from __future__ import annotations

from dataclasses import replace


def test_screening_is_neither_baseline_nor_post_baseline(plan):
    with_screening = replace(plan, visits=("SCR", "W0", "W2", "W4"))

    assert with_screening.post_baseline == ("W2", "W4")


def test_the_first_denominator_is_the_primary_one(plan):
    assert list(plan.percentages()) == [("treg", "cd4"), ("treg", "lymphocytes"), ("nk", "lymphocytes")]
    assert [plan.is_primary(*p) for p in plan.percentages()] == [True, False, True]


def test_the_first_arms_of_either_role_are_compared(plan):
    several = replace(plan, arms=("A", "B", "P", "Q"), active=("A", "B"), control=("P", "Q"))

    assert several.pair == ("A", "P")
    assert replace(several, control=()).pair is None and replace(several, active=()).pair is None


def test_a_trial_that_ends_at_its_baseline_has_no_post_baseline_visit(plan):
    assert replace(plan, visits=("SCR", "W0")).post_baseline == ()
