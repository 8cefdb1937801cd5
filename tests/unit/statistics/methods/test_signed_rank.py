"""Wilcoxon's signed-rank test against hand counts, full enumeration and SciPy where SciPy is exact."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cytotrial.statistics.methods.signed_rank import MOST_EXACT, hodges_lehmann_change, signed_rank_p


def enumerated_p(changes: list[float]) -> float:
    """All 2^n sign patterns one by one: slow and obviously right."""
    sizes = [abs(c) for c in changes if c != 0]
    ranks = [sum(b < a for b in sizes) + (sum(b == a for b in sizes) + 1) / 2 for a in sizes]
    observed = sum(r for r, c in zip(ranks, [c for c in changes if c != 0], strict=True) if c > 0)
    middle = sum(ranks) / 2
    sums = [
        sum(r for r, up in zip(ranks, signs, strict=True) if up)
        for signs in itertools.product((0, 1), repeat=len(ranks))
    ]
    return sum(abs(s - middle) >= abs(observed - middle) for s in sums) / len(sums)


def test_three_changes_up_are_as_far_out_as_two_of_eight_sign_patterns():
    assert signed_rank_p([1.0, 2.0, 3.0]) == (0.25, "")


def test_tied_changes_known_from_r():
    # exactRankTests::wilcox.exact and scipy's permutation method give 40/1024 for these; scipy's
    # method="exact", which takes the ranks as untied, gives .0371.
    p_value, note = signed_rank_p([1, 1, 2, -1, 3, 3, -2, 4, 5, 2])

    assert p_value == pytest.approx(40 / 1024, abs=1e-15)
    assert note == "Wilcoxon exact given tied changes (mid-ranks)"


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_full_enumeration_with_ties_and_zeros(seed):
    changes = np.random.default_rng(seed).integers(-3, 5, size=11).astype(float)

    assert signed_rank_p(changes)[0] == pytest.approx(enumerated_p(list(changes)), abs=1e-14)


@pytest.mark.parametrize("n", [5, 30, 60, 150])
def test_equals_scipy_exact_without_ties(n):
    changes = np.random.default_rng(n).normal(0.2, 1.0, size=n)

    p_value, note = signed_rank_p(changes)

    assert p_value == pytest.approx(stats.wilcoxon(changes, method="exact").pvalue, rel=1e-10)
    assert note == ""


def test_zero_changes_are_left_out_and_said_so():
    assert signed_rank_p([0.0, 1.0, 2.0, 3.0]) == (0.25, "Wilcoxon without 1 zero change(s)")


def test_changes_of_rounding_are_said_to_be():
    told = "all changes are equal but for rounding: the ranks are of rounding"

    assert signed_rank_p([2e-15, -1e-15, 3e-15], magnitude=50.0) == (0.5, told)
    assert signed_rank_p([2e-15, -1e-15, 3e-15]) == (0.5, "")
    assert signed_rank_p([2e-15, -1e-3, 3e-15], magnitude=50.0)[1] == ""


def test_only_zero_changes_have_no_test():
    p_value, note = signed_rank_p([0.0, 0.0, 0.0])

    assert math.isnan(p_value)
    assert note == "every change is zero, no Wilcoxon test"


def test_no_change_has_no_test_and_one_tells_nothing():
    assert math.isnan(signed_rank_p([])[0])
    assert signed_rank_p([1.5]) == (1.0, "")  # R: wilcox.test(1.5)
    assert math.isnan(signed_rank_p([0.0])[0])


def test_many_changes_use_the_normal_approximation_and_say_so():
    n = MOST_EXACT + 1
    changes = np.arange(1, n + 1) * np.where(np.arange(n) % 3 == 0, -1.0, 1.0)

    p_value, note = signed_rank_p(changes)

    # By hand: W+ less its mean over its standard deviation, no ties, no continuity correction.
    w = changes[changes > 0].sum()
    z = (w - n * (n + 1) / 4) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    assert p_value == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-10)
    assert "normal approximation" in note


def walsh_averages(changes) -> list[float]:
    moved = [c for c in changes if c != 0]
    return sorted((a + b) / 2 for i, a in enumerate(moved) for b in moved[i:])


def test_the_estimate_is_the_median_of_all_averages():
    estimate, low, high, note = hodges_lehmann_change([1.0, 0.0, 2.0, 6.0])  # 1 1.5 2 3.5 4 6: the zero is left out

    assert estimate == 2.75
    assert math.isnan(low) and math.isnan(high)
    assert note == "too few changes for a 95 % interval of the Hodges-Lehmann estimate (3 that are not zero)"


def test_limits_known_from_r():
    # wilcox.test(x, exact = TRUE, conf.int = TRUE) of R's own example (depression scale, Hollander and Wolfe 1973).
    first = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    second = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]

    estimate, low, high, note = hodges_lehmann_change(np.subtract(first, second))

    assert (estimate, low, high) == pytest.approx((0.46, 0.01, 0.786), abs=1e-12)
    assert note == ""


@pytest.mark.parametrize(("n", "rank"), [(5, None), (6, 1), (7, 3), (10, 9), (20, 53)])
def test_limits_by_the_table_of_critical_values(n, rank):
    # Hollander and Wolfe, table A.4: the largest sum with at most 2.5 % below it, and one more. No number of five
    # changes reaches 95 %: 1 - 2/32.
    changes = np.random.default_rng(n).normal(0.3, 1.0, size=n)

    _, low, high, note = hodges_lehmann_change(changes)

    averages = walsh_averages(changes)
    if rank is None:
        assert math.isnan(low) and math.isnan(high) and "too few" in note
    else:
        assert (low, high, note) == (averages[rank - 1], averages[-rank], "")


@pytest.mark.parametrize("kind", ["tied", "with zeros", "many"])
def test_limits_by_the_normal_approximation(kind):
    rng = np.random.default_rng(8)
    n = 250 if kind == "many" else 21
    changes = rng.normal(0.2, 1.0, size=n)
    if kind == "tied":
        changes[1] = -changes[0]
    elif kind == "with zeros":
        changes[:2] = 0.0

    estimate, low, high, note = hodges_lehmann_change(changes)

    averages, n = walsh_averages(changes), int(np.count_nonzero(changes))
    k = int(n * (n + 1) / 4 - stats.norm.ppf(0.975) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)) + 1
    assert (estimate, low, high, note) == (np.median(averages), averages[k - 1], averages[-k], "")


def test_without_a_change_there_is_nothing_to_estimate():
    assert np.isnan(hodges_lehmann_change([0.0, 0.0])[:3]).all()
    assert np.isnan(hodges_lehmann_change([])[:3]).all()


def test_equal_changes_have_an_estimate_and_no_interval():
    estimate, low, high, note = hodges_lehmann_change([0.0, *[1.5] * 7])

    assert estimate == 1.5
    assert math.isnan(low) and math.isnan(high)
    assert "equal" in note
