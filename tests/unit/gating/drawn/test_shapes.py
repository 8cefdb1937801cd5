"""Bounds in linear units select the events that the gate selects on its own scale."""

from __future__ import annotations

import flowkit as fk
import numpy as np
import pytest
from flowutils.gating import points_in_polygon

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.drawn.model import Side
from cytotrial.gating.drawn.shapes import InexpressibleError, boolean_words, drawn_bounds

TOP = 262144.0
SCALES = {
    "biex": fk.transforms.WSPBiexTransform(negative=0, width=-100, positive=4.418539922, max_value=TOP),
    "logicle": fk.transforms.LogicleTransform(TOP, 0.5, 4.5, 0.0),
    "asinh": fk.transforms.AsinhTransform(TOP, 4.0, 1.0),
    "hyperlog": fk.transforms.HyperlogTransform(TOP, 0.5, 4.5, 0.0),
    "flowjo log": fk.transforms.WSPLogTransform(1.0, 5.0),
    "linear": fk.transforms.LinearTransform(TOP, 0.0),
    "none": None,
}
OURS = [Axis(name, name, index, TOP, "logicle", 1.0, 4.5, 0.0) for index, name in enumerate(("CD4", "CD8"))]


def on_scale(transform, values: np.ndarray) -> np.ndarray:
    return values if transform is None else np.asarray(transform.apply(values.reshape(-1, 1))).reshape(-1)


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    """20,000 events on two channels, linear, a third of them below zero."""
    rng = np.random.default_rng(3)
    bright, dim = 10.0 ** rng.uniform(2, 5.3, (20_000, 2)), rng.normal(0, 300, (20_000, 2))
    return np.where(rng.random((20_000, 2)) < 0.4, bright, dim)


def dimensions(low: tuple | None = None) -> list[fk.Dimension]:
    limits = low or ((None, None), (None, None))
    return [fk.Dimension(name, range_min=a, range_max=b) for name, (a, b) in zip(("x", "y"), limits, strict=True)]


def frame(scales: tuple, values: np.ndarray):
    import pandas as pd

    return pd.DataFrame(
        {name: on_scale(scale, values[:, i]) for i, (name, scale) in enumerate(zip("xy", scales, strict=True))}
    )


@pytest.mark.parametrize("name", SCALES)
def test_rectangle(name: str, values: np.ndarray) -> None:
    scale = SCALES[name]
    low, high = on_scale(scale, np.array([500.0, 20_000.0]))
    gate = fk.gates.RectangleGate("R", dimensions(((low, high), (None, high))))
    sides = [Side(0, scale, low, high), Side(1, scale, None, high)]
    bounds = drawn_bounds(gate, sides, ["CD4", "CD8"])
    assert [(one.marker, one.side) for one in bounds] == [("CD4", "min"), ("CD4", "max"), ("CD8", "max")]
    mine = np.ones(len(values), dtype=bool)
    for one in bounds:
        column = values[:, 0 if one.marker == "CD4" else 1]
        mine &= column >= one.linear if one.side == "min" else column < one.linear
    assert np.array_equal(mine, gate.apply(frame((scale, scale), values)))


POLYGONS = [(x, y) for x in ("biex", "logicle", "asinh", "hyperlog") for y in (x, "none")]


@pytest.mark.parametrize(("x", "y"), POLYGONS)
def test_polygon_with_its_edges_where_they_were_drawn(x: str, y: str, values: np.ndarray) -> None:
    scales = (SCALES[x], SCALES[y])
    corners = np.array([[200.0, 300.0], [60_000.0, 1_000.0], [30_000.0, 90_000.0], [-200.0, 20_000.0]])
    drawn = np.column_stack([on_scale(scale, corners[:, i]) for i, scale in enumerate(scales)])
    gate = fk.gates.PolygonGate("P", dimensions(), drawn.tolist())
    truth = gate.apply(frame(scales, values))
    sides = [Side(i, scale) for i, scale in enumerate(scales)]
    (fine,) = drawn_bounds(gate, sides, ["CD4", "CD8"], fine=OURS)
    ours = np.column_stack([axis.to_scale(values[:, i]) for i, axis in enumerate(OURS)])
    rim = np.column_stack([axis.to_scale(np.array(fine.coordinates)[:, i]) for i, axis in enumerate(OURS)])
    differ = int((points_in_polygon(rim, ours) != truth).sum())
    (plain,) = drawn_bounds(gate, sides, ["CD4", "CD8"])
    assert np.allclose(plain.coordinates, corners, rtol=1e-3, atol=1.0)
    coarse = np.column_stack([axis.to_scale(np.array(plain.coordinates)[:, i]) for i, axis in enumerate(OURS)])
    by_corners = int((points_in_polygon(coarse, ours) != truth).sum())
    print(f"{x} by {y}: {truth.sum()} events, {differ} differ along the edges, {by_corners} by the corners alone")
    assert differ <= 0.002 * truth.sum()  # the chords between 32 points of an edge
    assert by_corners > 2 * differ or by_corners == 0


def test_edges_that_are_straight_here_too_get_no_points(values: np.ndarray) -> None:
    corners = [[1e4, 2e4], [9e4, 2e4], [9e4, 8e4], [1e4, 8e4]]
    gate = fk.gates.PolygonGate("P", dimensions(), corners)
    linear = [Axis(name, name, index, TOP) for index, name in enumerate(("FSC-A", "SSC-A"))]
    (slanted,) = drawn_bounds(gate, [Side(0, None), Side(1, None)], ["FSC-A", "SSC-A"], fine=linear)
    assert len(slanted.coordinates) == 4
    (upright,) = drawn_bounds(gate, [Side(0, None), Side(1, None)], ["CD4", "CD8"], fine=OURS)
    assert len(upright.coordinates) == 4  # parallel to the axes: straight on every scale


@pytest.mark.parametrize("fine", [None, OURS], ids=["ledger", "fine"])
def test_ellipse_lies_on_its_distance(fine: list | None, values: np.ndarray) -> None:
    scale = SCALES["logicle"]
    centre, covariance, squared = np.array([0.6, 0.5]), np.array([[0.02, 0.008], [0.008, 0.01]]), 1.5
    gate = fk.gates.EllipsoidGate("E", dimensions(), centre.tolist(), covariance.tolist(), squared)
    (bound,) = drawn_bounds(gate, [Side(0, scale), Side(1, scale)], ["CD4", "CD8"], fine=fine)
    rim = np.column_stack([on_scale(scale, column) for column in np.array(bound.coordinates).T]) - centre
    assert np.allclose(np.einsum("ij,jk,ik->i", rim, np.linalg.inv(covariance), rim), squared, rtol=1e-6)
    assert len(bound.coordinates) == (240 if fine else 40)


@pytest.mark.parametrize("name", ["biex", "flowjo log"])
def test_what_a_scale_gathers_at_its_lower_end_is_inside(name: str, values: np.ndarray) -> None:
    scale, far_down = SCALES[name], values.copy()
    far_down[::7] = -60_000.0  # below all that the scale shows
    top = on_scale(scale, np.array([4_000.0]))[0]
    gate = fk.gates.RectangleGate("R", dimensions(((0.0, top), (None, None))))
    (bound,) = drawn_bounds(gate, [Side(0, scale, 0.0, top)], ["CD4"])
    inside = gate.apply(frame((scale, scale), far_down))
    assert bound.side == "max" and np.array_equal(far_down[:, 0] < bound.linear, inside) and inside[::7].all()
    corners = [[0.0, 0.0], [top, 0.0], [top, top], [0.0, top]]
    polygon = fk.gates.PolygonGate("P", dimensions(), corners)
    (shape,) = drawn_bounds(polygon, [Side(0, scale), Side(1, scale)], ["CD4", "CD8"], fine=OURS)
    rim = np.column_stack([axis.to_scale(np.array(shape.coordinates)[:, i]) for i, axis in enumerate(OURS)])
    ours = np.column_stack([axis.to_scale(far_down[:, i]) for i, axis in enumerate(OURS)])
    assert np.array_equal(points_in_polygon(rim, ours), polygon.apply(frame((scale, scale), far_down)))


def test_gates_that_cannot_be_written_as_bounds() -> None:
    both = [
        {"ref": "CD4", "path": ("root", "T"), "complement": False},
        {"ref": "B", "path": ("root",), "complement": True},
    ]
    boolean = fk.gates.BooleanGate("X", "and", both)
    assert boolean_words(boolean) == 'the Boolean gate "T/CD4" and not "B"'
    range_gate = fk.gates.RectangleGate("R", dimensions())
    three = fk.gates.EllipsoidGate("E", dimensions(), [0, 0, 0], np.eye(3).tolist(), 1.0)
    wrong = {
        "Boolean": (boolean, []),
        "on a ratio of channels": (range_gate, [Side(None, None, 0.0, 1.0)]),
        "an ellipsoid in 3 channels": (three, [Side(i, None) for i in range(3)]),
        "keeps every event": (range_gate, [Side(0, None)]),
    }
    for words, (gate, sides) in wrong.items():
        with pytest.raises(InexpressibleError, match=words):
            drawn_bounds(gate, sides, ["CD4", "CD8", "CD3"][: len(sides)])
