"""The plan's own words: which visits are post-baseline, which denominators primary."""

from __future__ import annotations

from dataclasses import replace


def test_screening_is_neither_baseline_nor_post_baseline(plan):
    with_screening = replace(plan, visits=("SCR", "W0", "W2", "W4"))

    assert with_screening.post_baseline == ("W2", "W4")


def test_the_first_denominator_is_the_primary_one(plan):
    assert list(plan.percentages()) == [("treg", "cd4"), ("treg", "lymphocytes"), ("nk", "lymphocytes")]
    assert [plan.is_primary(*p) for p in plan.percentages()] == [True, False, True]
