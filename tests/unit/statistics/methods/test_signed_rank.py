"""Wilcoxon's signed-rank test against hand counts, full enumeration and SciPy where SciPy is exact."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cytotrial.statistics.methods.signed_rank import MOST_EXACT, signed_rank_p


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


def test_only_zero_changes_have_no_test():
    p_value, note = signed_rank_p([0.0, 0.0, 0.0])

    assert math.isnan(p_value)
    assert note == "every change is zero, no Wilcoxon test"


@pytest.mark.parametrize("changes", [[], [1.5]])
def test_fewer_than_two_changes_have_no_test(changes):
    assert math.isnan(signed_rank_p(changes)[0])


def test_many_changes_use_the_normal_approximation_and_say_so():
    n = MOST_EXACT + 1
    changes = np.arange(1, n + 1) * np.where(np.arange(n) % 3 == 0, -1.0, 1.0)

    p_value, note = signed_rank_p(changes)

    # By hand: W+ less its mean over its standard deviation, no ties, no continuity correction.
    w = changes[changes > 0].sum()
    z = (w - n * (n + 1) / 4) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    assert p_value == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-10)
    assert "normal approximation" in note
