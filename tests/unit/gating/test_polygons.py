"""Polygons: corners in linear units, edges straight on the gate's scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flowkit as fk
import numpy as np
import pytest
from matplotlib.path import Path as Drawn

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.placing import members
from cytotrial.gating.polygons import on_scale

TOP = 262144.0
LOGICLE = Axis("CD25", "PE-A", 0, TOP, "logicle", 1.0, 4.5, 0.0)
ASINH = Axis("CD127", "FITC-A", 1, TOP, "asinh", 0.0, 4.5, 0.0)
SCATTER = Axis("SSC-A", "SSC-A", 2, TOP)
Make = Callable[..., Any]


def test_each_coordinate_by_its_own_axis() -> None:
    """By FlowKit's transforms; scatter stays as it is."""
    points = [(-300.0, 0.0), (150.0, 1000.0), (262144.0, 99_000.0)]
    first, second = np.array(points).T
    logicle = fk.transforms.LogicleTransform(TOP, 1.0, 4.5, 0.0).apply(first.reshape(-1, 1)).ravel()
    asinh = fk.transforms.AsinhTransform(TOP, 4.5, 0.0).apply(second.reshape(-1, 1)).ravel()
    assert on_scale(points, (LOGICLE, ASINH)).tolist() == np.column_stack([logicle, asinh]).tolist()
    assert on_scale(points, (LOGICLE, SCATTER)).tolist() == np.column_stack([logicle, second]).tolist()
    assert on_scale(points, (SCATTER, SCATTER)).tolist() == [list(point) for point in points]


def test_no_corner_is_no_point() -> None:
    assert on_scale((), (LOGICLE, SCATTER)).shape == (0, 2)


def test_there_and_back() -> None:
    points = np.array([[-900.0, 5.0], [40.0, 3e4], [2e5, 2e5]])
    scaled = on_scale(points, (LOGICLE, SCATTER))
    again = np.column_stack([LOGICLE.to_linear(scaled[:, 0]), SCATTER.to_linear(scaled[:, 1])])
    assert again == pytest.approx(points, rel=1e-9, abs=1e-6)


def test_edges_are_straight_on_the_scale_and_not_in_linear_units(make_tube: Make) -> None:
    """Its left edge runs through about (300, 3,000); drawn in linear units it would run through (550, 50,000)."""
    corners = ((100.0, 100.0), (100_000.0, 100_000.0), (1000.0, 100_000.0))
    rng = np.random.default_rng(0)
    made = make_tube({name: 10 ** rng.uniform(1.5, 5.2, 5000) for name in ("CD25", "CD127")})
    inside = members(made, (Bound("CD25:CD127", "shape", None, corners),))
    pair = np.column_stack([made.axes[name].to_scale(made.linear(name)) for name in ("CD25", "CD127")])
    drawn = Drawn(on_scale([*corners, corners[0]], list(made.axes.values())), closed=True).contains_points(pair)
    linear = np.column_stack([made.linear(name) for name in ("CD25", "CD127")])
    in_linear = Drawn([*corners, corners[0]], closed=True).contains_points(linear)
    print(f"{inside.sum()} inside, {drawn.sum()} by another program; in linear units {in_linear.sum()}")
    assert np.array_equal(inside, drawn)
    assert np.count_nonzero(inside != in_linear) > 200


def test_scatter_against_a_stain(make_tube: Make) -> None:
    """One axis linear, one logicle, as the corner of side scatter and dump: horizontal and vertical edges stay so."""
    rng = np.random.default_rng(1)
    side, dump = rng.uniform(1e3, 2e5, 4000), rng.normal(500.0, 2000.0, 4000)
    made = make_tube({"SSC-A": side, "dump": dump})
    box = ((5e4, -800.0), (1e5, -800.0), (1e5, 1500.0), (5e4, 1500.0))
    inside = members(made, (Bound("SSC-A:dump", "shape", None, box),))
    by_hand = (side >= 5e4) & (side < 1e5) & (dump >= -800.0) & (dump < 1500.0)
    assert np.array_equal(inside, by_hand)
    assert 0 < inside.sum() < 4000
