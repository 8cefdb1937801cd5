"""Each routine against SciPy's, which the package itself does not import to place gates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage, optimize, stats

from cytotrial.gating.numerics import (
    chi_squared_of_four,
    crossing,
    highest_around,
    log_normal_below,
    robust_line,
    smoothed,
    smoothed_in_two,
    with_neighbours,
    within_ellipse,
)

EXACT = {"rel": 1e-12, "abs": 1e-12}


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Random numbers of order one."""
    return np.random.default_rng(seed).normal(1.0, 1.0, shape)


@pytest.mark.parametrize(
    ("n", "sd"), [(1024, 0.3), (1024, 13.0), (1024, 128.0), (1024, 200.0), (10, 0.7), (5, 3.0), (1, 1.0)]
)
def test_smoothed(n: int, sd: float) -> None:
    """Also where the smoother is wider than the histogram."""
    counts = numbers(n)
    wanted = ndimage.gaussian_filter1d(counts, sd, mode="constant")
    assert smoothed(counts, sd) == pytest.approx(wanted, **EXACT)


@pytest.mark.parametrize("shape", [(92, 122), (7, 5), (3, 40), (2, 1)])
@pytest.mark.parametrize("sd", [0.5, 1.5, 4.0])
def test_smoothed_in_two(shape: tuple[int, int], sd: float) -> None:
    counts = numbers(*shape)
    assert smoothed_in_two(counts, sd) == pytest.approx(ndimage.gaussian_filter(counts, sd), **EXACT)


@pytest.mark.parametrize("shape", [(40, 60), (6, 3), (1, 9)])
@pytest.mark.parametrize("size", [3, 7])
def test_highest_around(shape: tuple[int, int], size: int) -> None:
    values = numbers(*shape)
    assert np.array_equal(highest_around(values, size), ndimage.maximum_filter(values, size=size))


@pytest.mark.parametrize("n", [1, 2, 3, 50])
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_with_neighbours(n: int, share: float) -> None:
    chosen = np.random.default_rng(1).random(n) < share
    before = chosen.copy()
    assert np.array_equal(with_neighbours(chosen), ndimage.binary_dilation(chosen))
    assert np.array_equal(chosen, before)


@pytest.mark.parametrize("n", [2, 5, 11, 12])
def test_robust_line(n: int) -> None:
    """Ties in x included."""
    x, y = np.round(numbers(n, seed=2), 1), numbers(n, seed=3)
    x[-1] = x[0] + 1.0
    slope, intercept = stats.theilslopes(y, x)[:2]
    assert robust_line(y, x) == (pytest.approx(slope, **EXACT), pytest.approx(intercept, **EXACT))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.99, 0.9999])
def test_chi_squared(share: float) -> None:
    limit = float(stats.chi2.ppf(share, 2))
    assert within_ellipse(share) == pytest.approx(limit, **EXACT)
    assert chi_squared_of_four(limit) == pytest.approx(float(stats.chi2.cdf(limit, 4)), **EXACT)


@pytest.mark.parametrize("sds", [-1e3, -200.0, -38.0, -20.1, -20.0, -19.9, -8.0, -1.0, -0.0, 0.0, 0.5, 3.0, 8.0, 40.0])
def test_log_normal_below(sds: float) -> None:
    assert log_normal_below(sds) == pytest.approx(float(stats.norm.logcdf(sds)), rel=1e-12, abs=1e-16)


@pytest.mark.parametrize(("low", "high"), [(0.0, 2.0), (-3.0, 1.6), (1e-9, 1e9)])
def test_crossing(low: float, high: float) -> None:
    def falls(x: float) -> float:
        return math.exp(-x) - 0.25

    found = crossing(falls, low, high)
    assert found == pytest.approx(math.log(4.0), rel=1e-15)
    assert found == pytest.approx(optimize.brentq(falls, low, high), rel=1e-9)


def test_crossing_of_what_rises_from_right_to_left() -> None:
    """Above zero at the first end, whichever side that is."""
    assert crossing(lambda x: x - 1.0, 5.0, 0.0) == pytest.approx(1.0, rel=1e-15)
