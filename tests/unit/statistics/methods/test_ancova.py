"""Analysis of covariance by hand and by the formulas of textbooks, and every way in which it is not determined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from cytotrial.statistics.methods.ancova import ancova

NUMBERS = ("estimate", "se", "df", "ci_low", "ci_high", "t", "p_value", "slope_baseline", "residual_sd")


def assert_missing(row, columns=NUMBERS):
    assert {c: row[c] for c in columns if not math.isnan(row[c])} == {}


def test_equal_baselines_give_the_difference_of_mean_changes():
    # Both arms have the baselines 1 2 3. Changes 2 2 3 and 0 0 0: the slope within the arms is
    # ((-1)(2) + (1)(3)) / 4 = 1/4, the estimate is 7/3.
    row = ancova([1.0, 2.0, 3.0] * 2, [3.0, 4.0, 6.0, 1.0, 2.0, 3.0], [True] * 3 + [False] * 3)

    assert (row["n_active"], row["n_control"], row["df"]) == (3, 3, 3)
    assert row["estimate"] == pytest.approx(7 / 3, rel=1e-13)
    assert row["slope_baseline"] == pytest.approx(1 / 4, rel=1e-13)
    # Within the arms the changes' sum of squares is 2/3, less slope x 1 = 1/4: 5/12 over 3 degrees of freedom.
    assert row["residual_sd"] == pytest.approx(math.sqrt(5 / 36), rel=1e-13)
    assert row["se"] == pytest.approx(math.sqrt(5 / 36 * 2 / 3), rel=1e-13)
    assert row["note"] == ""


def test_equals_the_adjusted_means_of_a_textbook():
    rng = np.random.default_rng(2)
    before, active = rng.normal(40.0, 9.0, size=57), np.arange(57) % 3 != 0
    after = 10.0 + 0.7 * before + 2.0 * active + rng.normal(0.0, 3.0, size=57)

    row = ancova(before, after, active)

    change = after - before
    centred = [np.where(active, v[active].mean(), v[~active].mean()) for v in (before, change)]
    x, y = before - centred[0], change - centred[1]
    slope = (x @ y) / (x @ x)
    gap = before[active].mean() - before[~active].mean()
    estimate = change[active].mean() - change[~active].mean() - slope * gap
    variance = ((y - slope * x) ** 2).sum() / (57 - 3)
    se = math.sqrt(variance * (1 / active.sum() + 1 / (~active).sum() + gap**2 / (x @ x)))
    low, high = stats.t.interval(0.95, 54, estimate, se)
    found = [row[name] for name in ("estimate", "slope_baseline", "residual_sd", "se", "ci_low", "ci_high", "t")]
    expected = [estimate, slope, math.sqrt(variance), se, low, high, estimate / se]
    assert found == pytest.approx(expected, rel=1e-11)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(estimate / se), 54), rel=1e-11)


@pytest.mark.parametrize(
    ("before", "after", "active", "told"),
    [
        ([], [], [], "no complete pair in an arm"),
        ([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 5.0, 4.0], [True] * 4, "no complete pair in an arm"),
        ([1.0, 2.0, 3.0], [2.0, 3.0, 5.0], [True, True, False], "too few subjects"),
        ([2.0] * 5, [2.0, 3.0, 5.0, 4.0, 1.0], [True, True, False, False, False], "the baseline has no variance"),
        ([0.1 + 0.2, 0.3, 0.3, 0.3], [2.0, 3.0, 5.0, 4.0], [True, True, False, False], "the baseline has no variance"),
        ([1.0, 1.0, 3.0, 3.0, 3.0], [2.0, 3.0, 5.0, 4.0, 1.0], [True, True, False, False, False], "told apart"),
    ],
)
def test_what_the_data_do_not_determine_is_missing_and_says_why(before, after, active, told):
    row = ancova(before, after, active)

    assert_missing(row)
    assert told in row["note"]


@pytest.mark.parametrize("after", [[2.0, 3.0, 4.0, 1.0, 2.0], [1.5, 2.0, 2.5, 0.5, 1.0], [1.0, 2.0, 3.0, 1.0, 2.0]])
def test_a_perfect_fit_has_an_estimate_and_no_test(after):
    row = ancova([1.0, 2.0, 3.0, 1.0, 2.0], after, [True, True, True, False, False])

    assert_missing(row, ("se", "df", "ci_low", "ci_high", "t", "p_value"))
    assert math.isfinite(row["estimate"])
    assert "no residual variance" in row["note"]


def test_one_subject_in_an_arm_is_enough():
    row = ancova([1.0, 2.0, 3.0, 2.5], [1.5, 2.0, 4.0, 5.0], [False, False, False, True])

    assert row["df"] == 1 and math.isfinite(row["p_value"])
