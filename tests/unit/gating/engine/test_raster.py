"""The grid over an outline: a cell that says inside or outside says so of all its points."""

from __future__ import annotations

import numpy as np
import pytest
from flowutils.gating import points_in_polygon

from cytotrial.gating.engine.raster import CELLS, EDGE, IN, OUT, Raster


def raster_of(vertices: np.ndarray, low: tuple[float, float], high: tuple[float, float]) -> Raster:
    return Raster(vertices, np.array(low), np.array(high), lambda points: points_in_polygon(vertices, points))


def classes_and_truth(vertices: np.ndarray, low, high, seed: int) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(seed).uniform(low, high, (20_000, 2))
    return raster_of(vertices, low, high).classes(*points.T), points_in_polygon(vertices, points)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("reach", [1.0, 30.0, 1e5])
def test_no_cell_contradicts_the_polygon(seed: int, reach: float) -> None:
    """Corners in any order, within the rectangle and far beyond it."""
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-reach, reach, (rng.integers(3, 9), 2))
    classes, inside = classes_and_truth(vertices, (-1.0, -1.0), (1.0, 1.0), seed)
    assert inside[classes == IN].all() and not inside[classes == OUT].any()


def test_most_cells_need_no_more() -> None:
    vertices = np.array([[0.2, 0.2], [0.8, 0.25], [0.7, 0.8], [0.25, 0.75]])
    classes, inside = classes_and_truth(vertices, (0.0, 0.0), (1.0, 1.0), 1)
    assert (classes == EDGE).mean() < 0.1
    assert (classes == IN).sum() > 0.8 * inside.sum()


def test_a_point_given_to_the_neighbouring_cell_does_no_harm() -> None:
    """Float32 coordinates, and a scale read from a table, are a little off."""
    rng = np.random.default_rng(2)
    vertices = rng.uniform(-1.0, 1.0, (6, 2))
    points = rng.uniform(-1.0, 1.0, (20_000, 2))
    inside = points_in_polygon(vertices, points)
    raster = raster_of(vertices, (-1.0, -1.0), (1.0, 1.0))
    for shift in ((0.99, 0.0), (0.0, -0.99), (0.99, 0.99), (-0.99, 0.99)):
        classes = raster.classes(*(points + np.array(shift) * raster.cell).T)
        assert inside[classes == IN].all() and not inside[classes == OUT].any()


def test_what_lies_outside_the_rectangle_must_be_asked() -> None:
    vertices = np.array([[-9.0, -9.0], [9.0, -9.0], [9.0, 9.0], [-9.0, 9.0]])
    raster = raster_of(vertices, (-1.0, -1.0), (1.0, 1.0))
    points = np.array([[0.0, 0.0], [1.1, 0.0], [0.0, -1.001], [1e30, 0.0], [-1e300, 1e300]])
    assert raster.classes(*points.T).tolist() == [IN, EDGE, EDGE, EDGE, EDGE]
    assert np.allclose(raster.cell, 2.0 / CELLS) and raster.low.tolist() == [-1.0, -1.0]
