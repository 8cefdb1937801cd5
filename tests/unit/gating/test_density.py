"""Densities with known answers: two Gaussians at known places, one Gaussian, a shoulder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from cytotrial.gating.density import (
    bright_mode,
    clear_density,
    density,
    lowest_mode,
    mode,
    spread_below,
    valley,
    valley_in,
)


def two_gaussians(
    *, gap: float, left_sd: float, right_sd: float, right_share: float, n: int = 20_000, seed: int = 1
) -> tuple[np.ndarray, float]:
    """Values with peaks at 0.2 and 0.2 + gap, and where their true density is least between."""
    rng = np.random.default_rng(seed)
    n_right = round(n * right_share)
    values = np.concatenate([rng.normal(0.2, left_sd, n - n_right), rng.normal(0.2 + gap, right_sd, n_right)])

    def height(x: float) -> float:
        return (1 - right_share) * norm.pdf(x, 0.2, left_sd) + right_share * norm.pdf(x, 0.2 + gap, right_sd)

    least = minimize_scalar(height, bounds=(0.2, 0.2 + gap), method="bounded")
    return values, float(least.x)


@pytest.mark.parametrize("gap", [0.25, 0.35, 0.5])
@pytest.mark.parametrize(("left_sd", "right_sd"), [(0.03, 0.03), (0.05, 0.03), (0.03, 0.06)])
@pytest.mark.parametrize("right_share", [0.02, 0.1, 0.5, 0.9])
def test_valley_between_two_gaussians(gap: float, left_sd: float, right_sd: float, right_share: float) -> None:
    """Judged by what it is for: the share above it is the share that is truly above."""
    values, least = two_gaussians(gap=gap, left_sd=left_sd, right_sd=right_sd, right_share=right_share)
    found = valley(values, prominence=0.3, least_share=0.01)
    assert found is not None
    above = float(np.mean(values > found.at))
    at_least = float(np.mean(values > least))
    print(f"gap {gap} sds {left_sd} {right_sd} share {right_share}: at {found.at:.3f} (least {least:.3f}), {above:.4f}")
    assert above == pytest.approx(right_share, rel=0.05, abs=0.002)
    assert above == pytest.approx(at_least, rel=0.05, abs=0.002)
    assert found.left == pytest.approx(0.2, abs=0.02)
    assert found.right == pytest.approx(0.2 + gap, abs=0.03)
    assert found.share_below == pytest.approx(1 - above, abs=0.005)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    gap=st.floats(0.25, 0.6),
    left_sd=st.floats(0.025, 0.05),
    right_sd=st.floats(0.025, 0.05),
    right_share=st.floats(0.03, 0.97),
    n=st.sampled_from([500, 3000, 20_000]),
    seed=st.integers(0, 1000),
)
def test_valley_lies_between_the_peaks_for_any_two(
    gap: float, left_sd: float, right_sd: float, right_share: float, n: int, seed: int
) -> None:
    values, _ = two_gaussians(gap=gap, left_sd=left_sd, right_sd=right_sd, right_share=right_share, n=n, seed=seed)
    found = valley(values, prominence=0.3, least_share=0.01)
    assert found is not None
    assert 0.2 + left_sd < found.at < 0.2 + gap - right_sd
    assert 0.3 <= found.depth <= 1.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [60, 300, 2000, 50_000])
def test_one_gaussian_has_no_valley(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.4, 0.06, n)
    assert valley(values, prominence=0.3, least_share=0.01) is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_shoulder_is_no_valley(share: float, seed: int) -> None:
    """Two Gaussians 1.8 SDs apart: their sum has one peak."""
    values, _ = two_gaussians(gap=0.09, left_sd=0.05, right_sd=0.05, right_share=share, seed=seed)
    assert valley(values, prominence=0.3, least_share=0.01) is None


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_the_gap_wins_over_a_shoulder_of_the_negatives(share: float) -> None:
    """A negative peak in two halves, then the stained cells: the gap parts them, not the dip in the negatives."""
    rng = np.random.default_rng(4)
    negatives = np.concatenate([rng.normal(0.18, 0.03, 9000), rng.normal(0.31, 0.03, 9000)])
    stained = rng.normal(0.75, 0.04, round(18_000 * share / (1 - share)))
    found = valley(np.concatenate([negatives, stained]), prominence=0.3, least_share=0.01)
    assert found is not None
    assert 0.42 < found.at < 0.63
    assert found.share_below == pytest.approx(1 - share, abs=0.005)


def test_flat_floor_gives_its_middle() -> None:
    values = np.concatenate([np.linspace(0.1, 0.2, 500), np.linspace(0.6, 0.7, 500)])
    found = valley(values, prominence=0.3, least_share=0.01)
    assert found is not None
    assert found.at == pytest.approx(0.4, abs=0.02)
    assert found.depth == pytest.approx(1.0, abs=0.01)


def test_least_share() -> None:
    values, _ = two_gaussians(gap=0.4, left_sd=0.03, right_sd=0.03, right_share=0.02)
    assert valley(values, prominence=0.3, least_share=0.015) is not None
    assert valley(values, prominence=0.3, least_share=0.03) is None


def test_prominence() -> None:
    values, _ = two_gaussians(gap=0.15, left_sd=0.05, right_sd=0.05, right_share=0.5, n=100_000)
    depth = 1 - 2 * norm.pdf(1.5) / (norm.pdf(0) + norm.pdf(3))  # before smoothing: 0.36
    found = valley(values, prominence=0.1, least_share=0.01)
    assert found is not None
    print(f"depth {found.depth:.3f}, unsmoothed {depth:.3f}")
    assert 0.2 < found.depth < depth
    assert valley(values, prominence=found.depth + 0.02, least_share=0.01) is None


def test_far_apart() -> None:
    values, _ = two_gaussians(gap=0.4, left_sd=0.03, right_sd=0.03, right_share=0.5)
    asked = []

    def never(left: float, right: float) -> bool:
        asked.append((left, right))
        return False

    assert valley_in(clear_density(values), prominence=0.3, least_share=0.01, far_apart=never) is None
    assert asked[0] == pytest.approx((0.2, 0.6), abs=0.02)


@pytest.mark.parametrize(
    "values", [np.zeros(0), np.zeros(49), np.zeros(1000), np.full(1000, 0.7), np.array([0.1, 0.9])]
)
def test_valley_of_too_little(values: np.ndarray) -> None:
    assert valley(values, prominence=0.3, least_share=0.01) is None


def test_density_holds_all_but_the_outermost_values() -> None:
    values = np.random.default_rng(2).normal(0.5, 0.05, 10_000)
    smooth = density(values)
    assert smooth.counts.sum() >= 9990
    assert smooth.height.sum() == pytest.approx(smooth.counts.sum(), rel=1e-3)
    assert np.allclose(np.diff(smooth.grid), np.diff(smooth.grid)[0])


def test_far_outliers_do_not_stretch_the_grid() -> None:
    values = np.append(np.random.default_rng(2).normal(0.5, 0.05, 10_000), [-40.0, 40.0])
    smooth = density(values)
    assert np.ptp(smooth.grid) < 1.0


@pytest.mark.parametrize("seed", range(3))
def test_mode(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(0.3, 0.04, 8000), rng.normal(0.7, 0.08, 4000)])
    assert mode(values) == pytest.approx(0.3, abs=0.015)


def test_spread_below_is_the_lower_halfs_sd() -> None:
    rng = np.random.default_rng(0)
    lower = 0.5 - np.abs(rng.normal(0, 0.1, 20_000))
    upper = 0.5 + np.abs(rng.normal(0, 0.4, 20_000))
    assert spread_below(np.concatenate([lower, upper]), 0.5) == pytest.approx(0.1, rel=0.03)


def test_spread_below_nothing() -> None:
    assert spread_below(np.array([1.0, 2.0]), 1.0) == 0.0
    assert spread_below(np.zeros(0), 1.0) == 0.0


# The dim and the bright of two peaks, or of one.


def peaks(*parts: tuple[float, float, int]) -> np.ndarray:
    """Gaussians: centre, SD, events."""
    rng = np.random.default_rng(6)
    return np.concatenate([rng.normal(centre, sd, n) for centre, sd, n in parts])


def bright_of(values: np.ndarray, *, dim: float = 3.6, at_least: float = 0.55) -> float | None:
    """The bright mode, in decades, as `relative_threshold` asks for it."""
    return bright_mode(values, dim=dim, at_least=at_least, bandwidth=0.05, prominence=0.3)


@pytest.mark.parametrize("n_bright", [200, 800, 5000, 20_000])
def test_bright_mode(n_bright: int) -> None:
    found = bright_of(peaks((3.6, 0.19, 10_000), (4.5, 0.14, n_bright)))
    assert found == pytest.approx(4.5, abs=0.05)


@pytest.mark.parametrize(
    ("parts", "options"),
    [
        ([(3.6, 0.19, 10_000)], {}),
        ([(3.6, 0.19, 10_000), (4.5, 0.14, 800)], {"at_least": 1.0}),  # too near
        ([(3.6, 0.25, 10_000), (4.2, 0.20, 500)], {}),  # a shoulder
        ([(3.6, 0.19, 10_000), (2.6, 0.14, 800)], {}),  # below, not above
    ],
    ids=["one peak", "near", "a shoulder", "below"],
)
def test_no_bright_mode(parts: list[tuple[float, float, int]], options: dict[str, float]) -> None:
    assert bright_of(peaks(*parts), **options) is None


def test_bright_mode_is_the_highest_of_several() -> None:
    values = peaks((3.6, 0.1, 10_000), (4.4, 0.05, 300), (4.9, 0.05, 900), (5.4, 0.05, 200))
    assert bright_of(values) == pytest.approx(4.9, abs=0.03)


@pytest.mark.parametrize(("n_low", "expected"), [(5000, 3.6), (2000, 3.6), (500, 4.5)])
def test_lowest_mode_is_the_lower_peak_where_it_is_tall_enough(n_low: int, expected: float) -> None:
    """A fifth of the other one's height: 500 of 6,000 are less."""
    values = peaks((3.6, 0.15, n_low), (4.5, 0.15, 6000))
    found = lowest_mode(values, bandwidth=0.05, least_height=0.2, prominence=0.3)
    assert found == pytest.approx(expected, abs=0.05)
