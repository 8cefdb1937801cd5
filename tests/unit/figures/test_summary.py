"""Means and t-intervals, against values worked out by hand."""

import math

import pytest

from cytotrial.figures.summary import mean_interval


def test_interval_of_three_values_by_hand() -> None:
    # mean 2, sd 1, t(0.975, df 2) = 4.302653 (printed tables: 4.303), half = 4.302653 / sqrt(3) = 2.484138
    got = mean_interval([1.0, 2.0, 3.0])
    assert got.n == 3
    assert got.mean == 2.0
    assert got.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-6)
    assert got.high == pytest.approx(4.484138, abs=1e-6)


@pytest.mark.parametrize(("values", "mean"), [([], None), ([7.0], 7.0), ([4.0, 4.0], 4.0)])
def test_no_interval_without_spread(values: list[float], mean: float | None) -> None:
    got = mean_interval(values)
    assert (got.n, got.mean, got.low, got.high) == (len(values), mean, None, None)


def test_a_wider_confidence_is_a_wider_interval() -> None:
    values = [1.0, 2.0, 4.0]
    assert mean_interval(values, confidence=0.99).low < mean_interval(values).low  # type: ignore[operator]
