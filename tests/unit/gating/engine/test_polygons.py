"""Polygons and ellipsoids: membership as flowutils computes it, few events asked, and doubt where digits decide."""

from __future__ import annotations

import numpy as np
import pytest
from flowutils.gating import points_in_ellipsoid, points_in_polygon

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.engine.errors import AmbiguousEventError, UncompilableError
from cytotrial.gating.engine.polygons import ShapeTest, ellipsoid_test, polygon_test
from cytotrial.gating.gate_tree import Dimension, Ellipsoid, Polygon

PLAIN = (Dimension(0), Dimension(1))
LOGICLE = Axis("CD4", "A", 2, 262144.0, "logicle", 1.0, 4.5, 0.0)
ASINH = Axis("CD8", "B", 3, 262144.0, "asinh", 0.0, 4.5, 0.0)
WIDE = Axis("CD8", "B", 3, 4294967296.0, "logicle", 1.0, 8.7, 0.0)
SCALED = (Dimension(2, None, LOGICLE), Dimension(3, None, ASINH))
SQUARE = ((100.0, 100.0), (800.0, 150.0), (700.0, 900.0), (150.0, 600.0))


def events_of(seed: int, n: int = 5000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    events = rng.uniform(0.0, 1000.0, (n, 5))
    events[:, 2:] = 10 ** rng.normal(2.5, 1.0, (n, 3)) * rng.choice([1.0, 1.0, -0.1], (n, 3))
    return events


def points_of(frame, dimensions) -> np.ndarray:
    columns = [frame.values(one).astype(float) for one in dimensions]
    pairs = zip(dimensions, columns, strict=True)
    scaled = [column if one.scale is None else one.scale.to_scale(column) for one, column in pairs]
    return np.ascontiguousarray(np.column_stack(scaled))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dimensions", [PLAIN, SCALED, (Dimension(0), Dimension(3, None, WIDE))])
def test_every_event_as_flowutils_says(seed: int, dtype: type, dimensions, frame_of) -> None:
    rng = np.random.default_rng(seed)
    frame = frame_of(events_of(seed).astype(dtype))
    points = points_of(frame, dimensions)
    vertices = points[rng.choice(len(points), rng.integers(3, 9))]  # events on corners
    theirs = points_in_polygon(vertices, points)
    for outside in (False, True):
        shape = Polygon(dimensions, tuple(map(tuple, vertices.tolist())), outside)
        assert np.array_equal(polygon_test(shape).mask(frame), theirs != outside)


def asked_events(test: ShapeTest, frame, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many events are compared with the shape itself."""
    asked, original = [], ShapeTest._asked

    def counting(self, columns, margins):
        asked.append(len(columns[0]))
        return original(self, columns, margins)

    monkeypatch.setattr(ShapeTest, "_asked", counting)
    test.mask(frame)
    return sum(asked)


def test_few_events_are_asked(frame_of, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_of(events_of(1, 20_000))
    assert asked_events(polygon_test(Polygon(PLAIN, SQUARE)), frame, monkeypatch) < 0.1 * 20_000
    ellipse = Ellipsoid(PLAIN, (500.0, 400.0), ((9e4, 3e4), (3e4, 6e4)), 1.0)
    assert asked_events(ellipsoid_test(ellipse), frame, monkeypatch) < 0.1 * 20_000


def test_ellipsoids_as_flowutils_says(frame_of) -> None:
    frame = frame_of(events_of(2))
    for dimensions, mean, covariance in (
        (PLAIN, (500.0, 400.0), ((9e4, 3e4), (3e4, 6e4))),
        (SCALED, (0.5, 0.4), ((0.04, -0.01), (-0.01, 0.02))),
        ((*PLAIN, SCALED[0]), (500.0, 400.0, 0.5), ((9e4, 3e4, 0.0), (3e4, 6e4, 0.0), (0.0, 0.0, 0.04))),
    ):
        theirs = points_in_ellipsoid(covariance, mean, 1.3, points_of(frame, dimensions))
        assert 0 < theirs.sum() < len(theirs)
        assert np.array_equal(ellipsoid_test(Ellipsoid(dimensions, mean, covariance, 1.3)).mask(frame), theirs)


def test_a_covariance_that_is_none_is_gated_all_the_same(frame_of) -> None:
    """FlowKit asks for no ellipsoid: a hyperbola's inside, or nothing."""
    frame = frame_of(events_of(3))
    for covariance, square in ((((9e4, 0.0), (0.0, -6e4)), 1.0), (((9e4, 2e4), (0.0, 6e4)), 1.0)):
        theirs = points_in_ellipsoid(covariance, (500.0, 400.0), square, points_of(frame, PLAIN))
        ours = ellipsoid_test(Ellipsoid(PLAIN, (500.0, 400.0), covariance, square)).mask(frame)
        assert theirs.any() and np.array_equal(ours, theirs)
    negative = Ellipsoid(PLAIN, (500.0, 400.0), ((9e4, 0.0), (0.0, 6e4)), -1.0)
    assert not ellipsoid_test(negative).mask(frame).any()


def test_a_covariance_without_inverse_is_left_to_flowkit() -> None:
    with pytest.raises(UncompilableError, match="no inverse"):
        ellipsoid_test(Ellipsoid(PLAIN, (0.0, 0.0), ((1.0, 1.0), (1.0, 1.0)), 1.0))


def test_an_event_on_a_rim_is_ambiguous(frame_of) -> None:
    events = events_of(4, 50)
    events[7, :2] = (500.0 + 300.0, 400.0)
    test = ellipsoid_test(Ellipsoid(PLAIN, (500.0, 400.0), ((9e4, 0.0), (0.0, 6e4)), 1.0))
    for x in (800.0, 800.0 * (1 + 1e-13), 800.0 * (1 - 1e-13)):
        events[7, 0] = x
        with pytest.raises(AmbiguousEventError):
            test.mask(frame_of(events))
    events[7, 0] = 800.001
    assert not test.mask(frame_of(events))[7]


@pytest.mark.parametrize("where", [0.0, 0.5])
def test_an_event_nearer_to_an_edge_than_its_rounding_is_ambiguous(where: float, frame_of, spillover) -> None:
    dimensions = (Dimension(2, "m"), Dimension(3, "m"))
    events = events_of(5, 50)
    frame = frame_of(events, {"m": spillover}, wanted={"m": [2, 3]})
    at = points_of(frame, dimensions)[7]
    edge = np.array([3.0, 50.0])
    triangle = (at - where * edge, at + (1 - where) * edge, at + np.array([50.0, -3.0]))
    exact = frame_of(events, {"m": spillover}, exact=True)
    shape = Polygon(dimensions, tuple(map(tuple, np.array(triangle).tolist())))
    with pytest.raises(AmbiguousEventError):
        polygon_test(shape).mask(frame)
    theirs = points_in_polygon(np.array(triangle), points_of(exact, dimensions))
    assert np.array_equal(polygon_test(shape).mask(exact), theirs)
    moved = tuple((x + 1e-3, y) for x, y in shape.vertices)  # far more than rounding
    polygon_test(Polygon(dimensions, moved)).mask(frame)


def test_a_cell_smaller_than_the_margin_is_not_trusted(frame_of, spillover) -> None:
    """Where one bright event makes the rounding of all others coarse."""
    dimensions = (Dimension(2, "m"), Dimension(3, "m"))
    events = events_of(6, 3000)
    events[:, 2:] = 1.0 + 1e-9 * events[:, :3]
    shape = Polygon(dimensions, ((0.1, 0.1), (1.8, 0.2), (0.3, 1.8)))
    alone = frame_of(events, {"m": spillover}, wanted={"m": [2, 3]})
    assert polygon_test(shape).mask(alone).all()
    events[0, 2:] = 1e14
    beside = frame_of(events, {"m": spillover}, wanted={"m": [2, 3]})
    with pytest.raises(AmbiguousEventError):
        polygon_test(shape).mask(beside)
