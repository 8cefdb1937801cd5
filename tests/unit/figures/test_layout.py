"""Where labels stand."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.figures.layout import LEFT, RIGHT, WIDTH, label_levels, short_name, span


def test_ten_visits_of_the_published_trial_fit_in_one_row() -> None:
    weeks = [0, 2, 4, 6, 8, 10, 12, 16, 20, 24]
    assert set(label_levels(weeks, [f"W{week}" for week in weeks])) == {0}


@given(st.lists(st.floats(0, 52), min_size=1, max_size=15).map(sorted))
def test_labels_in_one_row_never_touch(weeks: list[float]) -> None:
    levels = label_levels(weeks, ["W10"] * len(weeks))
    low, high = span(weeks)
    per_week = (WIDTH - LEFT - RIGHT) / (high - low)
    for (week, level), (other, its_level) in combinations(zip(weeks, levels, strict=True), 2):
        if level == its_level:
            assert (other - week) * per_week >= 0.2  # inches: three characters at 7.5 points are 0.18 wide


@pytest.mark.parametrize(("weeks", "expected"), [([], (-1.0, 1.0)), ([4.0], (3.0, 5.0))])
def test_span_of_no_visit_and_of_one(weeks: list[float], expected: tuple[float, float]) -> None:
    assert span(weeks) == expected


def test_long_ids_are_cut() -> None:
    assert len(short_name("a-very-long-arm")) == 9
