"""Two samples: ranks, shifts and means worked out on paper, and every way in which there is nothing to compare."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from cytotrial.statistics.methods.two_samples import hodges_lehmann, mann_whitney, rank_sum_test, welch


def two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))


def test_separated_small_samples_are_exact():
    row = mann_whitney([3.0, 4.0, 5.0], [1.0, 2.0])

    assert (row["u"], row["auc"], row["cliffs_delta"]) == (6.0, 1.0, 1.0)
    assert row["p_value"] == pytest.approx(2 / math.comb(5, 2), rel=1e-12)
    assert (row["median_active"], row["median_control"]) == (4.0, 1.5)


def test_u_is_that_of_the_active_arm():
    low, high = mann_whitney([1.0, 2.0, 3.5], [3.0, 4.0]), mann_whitney([3.0, 4.0], [1.0, 2.0, 3.5])

    assert (low["u"], high["u"]) == (1.0, 5.0)
    assert low["auc"] + high["auc"] == pytest.approx(1.0)
    assert low["hl_shift"] == -high["hl_shift"]


def test_ties_in_small_samples_by_hand():
    row = mann_whitney([1.0, 2.0, 2.0], [2.0, 3.0])

    # Of the six pairs two are ties: U = 1. Mean 3; variance 6/12 (6 - (27-3)/(5 x 4)) = 2.4.
    assert row["u"] == 1.0
    assert row["p_value"] == pytest.approx(two_sided((1 - 3) / math.sqrt(2.4)), rel=1e-12)
    assert "ties: asymptotic p instead of exact" in row["note"]


@pytest.mark.parametrize(("n_active", "n_control", "is_exact"), [(20, 20, True), (21, 20, False)])
def test_exact_up_to_forty_values(n_active, n_control, is_exact):
    row = mann_whitney(np.arange(n_active) + 100.0, np.arange(n_control))

    u, n = n_active * n_control, n_active + n_control
    z = (u - u / 2) / math.sqrt(u * (n + 1) / 12)
    expected = 2 / math.comb(n, n_active) if is_exact else two_sided(z)
    assert row["p_value"] == pytest.approx(expected, rel=1e-10)
    assert row["note"] == ""


def test_equal_values_have_no_test():
    row = mann_whitney([2.0, 2.0, 2.0], [2.0, 2.0])

    assert (row["u"], row["auc"], row["hl_shift"]) == (3.0, 0.5, 0.0)
    assert all(math.isnan(row[c]) for c in ("p_value", "hl_low", "hl_high"))
    assert "no variance" in row["note"]


@pytest.mark.parametrize(("active", "control"), [([], [1.0, 2.0]), ([1.0, 2.0], []), ([], [])])
def test_an_empty_arm_has_no_test(active, control):
    row = mann_whitney(active, control)

    assert (row["n_active"], row["n_control"]) == (len(active), len(control))
    assert all(math.isnan(row[c]) for c in ("u", "p_value", "hl_shift", "hl_low", "hl_high", "auc", "cliffs_delta"))
    assert row["note"]


def test_shift_is_the_median_of_all_differences():
    shift, low, high, note = hodges_lehmann([3.0, 4.0, 8.0], [1.0, 2.0])  # 1 2 2 3 6 7

    assert shift == 2.5
    assert math.isnan(low) and math.isnan(high)
    assert "too few" in note  # smallest to largest covers 1 - 2/10


def test_interval_by_order_statistics_by_hand():
    # C = 25/2 - 1.959964 sqrt(25 x 11 / 12) = 12.5 - 9.3826 = 3.117, so k = 4: the fourth smallest and
    # the fourth largest of 6 7 8 9 10 16 ... 46 47 48 49 50.
    shift, low, high, note = hodges_lehmann([10, 20, 30, 40, 50], [0, 1, 2, 3, 4])

    assert (shift, low, high, note) == (28.0, 9.0, 47.0, "")


@pytest.mark.parametrize(("m", "n", "is_given"), [(3, 3, False), (3, 4, False), (4, 4, True), (1, 60, False)])
def test_no_interval_where_the_widest_one_covers_too_little(m, n, is_given):
    # 3 v 3: 1 - 2/20 = .90; 3 v 4: 1 - 2/35 = .943; 4 v 4: 1 - 2/70 = .971.
    # 1 v 60: 1 - 2/61 = .967, but C = 30 - 1.96 sqrt(60 x 62 / 12) = -4.5: no such order statistic.
    _, low, high, note = hodges_lehmann(np.arange(m) * 7.3, np.arange(n) * 1.1)

    assert math.isfinite(low) == math.isfinite(high) == is_given
    assert bool(note) != is_given


def test_the_shift_of_large_samples_is_to_the_bit_that_of_all_differences_sorted():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=310).round(2), rng.lognormal(size=290)

    shift, low, high, note = hodges_lehmann(first, second)

    every, m, n = np.sort(np.subtract.outer(first, second), axis=None), first.size, second.size
    k = int(m * n / 2 - stats.norm.ppf(0.975) * math.sqrt(m * n * (m + n + 1) / 12)) + 1
    assert (shift, low, high, note) == (np.median(every), every[k - 1], every[m * n - k], "")


def test_rank_sums_are_those_of_the_whole_row():
    active, control = [1.0, 2.0, 2.0], [2.0, 3.0]
    row = mann_whitney(active, control)

    assert rank_sum_test(active, control)[:2] == (row["u"], row["p_value"])


def test_welch_by_hand():
    row = welch([3.0, 4.0, 5.0], [1.0, 2.0])

    # Variances 1 and 1/2, of the means 1/3 and 1/4: t = 2.5 / sqrt(7/12); df = (7/12)^2 / (1/18 + 1/16) = 2.8824.
    assert (row["mean_active"], row["mean_control"], row["mean_difference"]) == (4.0, 1.5, 2.5)
    assert row["welch_t"] == pytest.approx(2.5 / math.sqrt(7 / 12), rel=1e-14)
    assert row["welch_df"] == pytest.approx((7 / 12) ** 2 / (1 / 18 + 1 / 16), rel=1e-14)
    test = stats.ttest_ind([3.0, 4.0, 5.0], [1.0, 2.0], equal_var=False)
    assert row["welch_p"] == pytest.approx(test.pvalue, rel=1e-12)
    assert (row["welch_low"], row["welch_high"]) == pytest.approx(test.confidence_interval(), rel=1e-12)
    assert row["note"] == ""


def test_welch_with_one_arm_that_does_not_vary_has_the_other_arms_degrees_of_freedom():
    assert welch([2.0, 2.0, 2.0], [1.0, 3.0, 4.0, 5.0])["welch_df"] == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("active", "control", "told"),
    [([], [], "fewer than two"), ([1.0], [2.0, 3.0], "fewer than two"), ([2.0, 2.0], [3.0, 3.0], "no variance")],
)
def test_welch_without_spread_has_no_test(active, control, told):
    row = welch(active, control)

    assert all(math.isnan(row[f"welch_{name}"]) for name in ("low", "high", "t", "df", "p"))
    assert math.isnan(row["mean_active"]) == (not active)
    assert told in row["note"]


def test_ranks_of_rounding_are_kept_and_said_to_be():
    percents = 100.0 * np.arange(20, 900) / 1000.0
    changes = 100.0 * (np.arange(20, 900) + 10) / 1000.0 - percents  # 1, above or below it by the rounding
    active, control = changes[changes > 1.0][:10], changes[changes < 1.0][:10]

    row = mann_whitney(active, control, magnitude=91.0)
    assert (row["u"], row["auc"]) == (100.0, 1.0) and row["p_value"] < 0.001
    assert row["note"].endswith("all changes are equal but for rounding: the ranks are of rounding")
    assert "rounding" not in rank_sum_test(active, control + 1e-9, magnitude=91.0)[2]
    of_levels = rank_sum_test([0.3, 0.3], [0.1 + 0.2])[2]
    assert of_levels.endswith("all values are equal but for rounding: the ranks are of rounding")


def test_one_value_in_each_arm_is_too_few_for_an_interval():
    row = mann_whitney([2.0], [1.0])

    assert (row["p_value"], row["hl_shift"]) == (1.0, 1.0)
    assert row["note"] == "too few values for a 95 % interval of the shift (1 and 1)"
    assert hodges_lehmann([3.0] * 4, [1.0] * 4)[3] == "all differences are equal: no interval"


def test_rounding_of_the_values_behind_a_change_is_no_variance():
    active, control = np.array([50.2, 20.4, 1.8]) - [50.1, 20.3, 1.7], np.array([60.3, 4.2]) - [60.1, 4.0]
    assert np.unique(active).size > 1, "0.1 in several roundings"

    assert math.isfinite(welch(active, control)["welch_t"])
    assert "no variance" in welch(active, control, magnitude=50.0)["note"]
