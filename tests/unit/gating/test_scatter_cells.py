"""What is done with cells comes out as if it were done with their events."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.gating.scatter_cells import CELL, COARSE, Cells, ScatterPlane

MIDDLE, SDS, LEAN = np.array([4.9, 4.4]), np.array([0.06, 0.11]), 0.3


def events(n: int = 40_000, *, scale: float = 1.0) -> np.ndarray:
    """log10 scatter of one Gaussian cluster, shape (n, 2)."""
    free = np.random.default_rng(5).normal(0.0, 1.0, (n, 2))
    free[:, 1] = LEAN * free[:, 0] + np.sqrt(1 - LEAN**2) * free[:, 1]
    return MIDDLE + scale * SDS * free


def plane(points: np.ndarray) -> ScatterPlane:
    """These events, linear."""
    return ScatterPlane(*(10.0**points.T))


def everything(points: np.ndarray) -> Cells:
    """All cells that hold events."""
    return plane(points).counted().near(*MIDDLE, 9.0)


def test_every_event_is_counted_once() -> None:
    points = events()
    counted = plane(points).counted()
    assert counted.counts.sum() >= 0.999 * len(points)
    chosen = points[:, 1] > MIDDLE[1]
    upper, lower = (plane(points).counted(some) for some in (chosen, ~chosen))
    assert np.array_equal(upper.counts + lower.counts, counted.counts)


@pytest.mark.parametrize("distance", [0.12, 0.5])
def test_near(distance: float) -> None:
    points = events()
    near = plane(points).counted().near(*MIDDLE, distance)
    wanted = np.count_nonzero(np.hypot(*(points - MIDDLE).T) < distance)
    assert near.n_events == pytest.approx(wanted, rel=0.01)
    assert (np.hypot(near.x - MIDDLE[0], near.y - MIDDLE[1]) < distance).all()


def test_near_what_lies_at_the_rim_or_beyond() -> None:
    counted = plane(events()).counted()
    assert counted.near(*(MIDDLE - 0.5), 0.12).n_events < 50
    assert counted.near(*(MIDDLE - 9.0), 0.12).n_events == 0
    assert counted.near(*(MIDDLE + 9.0), 0.12).n_events == 0


@pytest.mark.parametrize("scale", [1.0, 0.15])
def test_moments_are_those_of_the_events(scale: float) -> None:
    """Also of a cluster hardly wider than a cell."""
    points = events(scale=scale)
    centre, covariance = everything(points).moments()
    assert centre == pytest.approx(points.mean(axis=0), abs=0.02 * CELL)
    assert covariance == pytest.approx(np.cov(points.T), rel=0.02, abs=0.01 * CELL**2)


def test_median_is_that_of_the_events() -> None:
    points = events()
    assert everything(points).median() == pytest.approx(np.median(points, axis=0), abs=CELL)


@pytest.mark.parametrize("squared", [1.0, 3.2, 9.2])
def test_within_an_ellipse_lie_as_many_events(squared: float) -> None:
    points = events()
    covariance = np.cov(points.T)
    away = points - MIDDLE
    wanted = np.count_nonzero(np.einsum("ij,ij->i", away @ np.linalg.inv(covariance), away) < squared)
    assert everything(points).within(MIDDLE, covariance, squared).n_events == pytest.approx(wanted, rel=0.003)


def test_the_number_within_follows_the_ellipse_smoothly() -> None:
    """In steps much smaller than whole cells: a fit that is repeated must not come to rest between two of them."""
    points = events()
    cells, covariance = everything(points), np.cov(points.T)
    sizes = 3.2 * (1.0 + 0.0005 * np.arange(40))
    counts = np.array([cells.within(MIDDLE, covariance, size).n_events for size in sizes])
    steps = np.diff(counts)
    assert (steps > 0).all()
    assert steps.max() < 2.0 * np.median(steps)


@pytest.mark.parametrize("covariance", [np.zeros((2, 2)), -np.eye(2), np.ones((2, 2)), np.full((2, 2), np.nan)])
def test_no_spread(covariance: np.ndarray) -> None:
    """Minus the unit matrix has a determinant above zero, and is no covariance all the same."""
    with pytest.raises(np.linalg.LinAlgError):
        everything(events(1000)).within(MIDDLE, covariance, 3.2)


def test_histogram() -> None:
    points = events()
    counts, x, y = plane(points).counted().histogram()
    assert counts.shape == (len(x), len(y))
    assert np.allclose(np.diff(x), COARSE * CELL) and np.allclose(np.diff(y), COARSE * CELL)
    wanted, *_ = np.histogram2d(
        *points.T, bins=[np.append(v, v[-1] + COARSE * CELL) - COARSE * CELL / 2 for v in (x, y)]
    )
    assert np.abs(counts - wanted).sum() < 0.002 * len(points)  # six digits put an event on an edge to either side


def test_far_outliers_do_not_stretch_it() -> None:
    points = np.vstack([events(20_000), [[-3.0, 9.0], [9.0, -3.0]]])
    assert max(plane(points).counted().counts.shape) < 500
