"""Gates as values: what is the same gate is equal, and can be a key; a tree is itself alone."""

from __future__ import annotations

import dataclasses

import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.gate_tree import (
    ROOT_KEY,
    Combination,
    Dimension,
    Ellipsoid,
    Gate,
    GateTree,
    Interval,
    Polygon,
    Rectangle,
    Stretches,
)

SCALE = Axis("CD4", "B1-A", 3, 262144.0, "logicle", 1.0, 4.5, 0.0)


def shapes(scale: Axis | None = SCALE) -> list:
    one, other = Dimension(3, "m", scale), Dimension(0)
    return [
        Rectangle((Interval(one, 0.1, None), Interval(other, None, 5.0))),
        Rectangle((Interval(one, 0.1, None), Interval(other, None, 5.0)), outside=True),
        Stretches(other, ((0.0, 1.0), (2.0, 3.0))),
        Polygon((one, other), ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))),
        Ellipsoid((one, other), (0.5, 100.0), ((1.0, 0.0), (0.0, 1.0)), 2.0),
        Combination("and", ((("a",), False), (("b",), True))),
    ]


def test_equal_shapes_are_one_key_and_different_ones_are_not() -> None:
    assert len({*shapes(), *shapes()}) == len(shapes())
    assert set(shapes(None)) & set(shapes()) == {shapes()[2], shapes()[5]}  # those on no scale


def test_gates_cannot_be_changed() -> None:
    gate = Gate(("cd4",), ROOT_KEY, shapes()[0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        gate.parent = ("cd3",)


def test_a_tree_is_itself_alone() -> None:
    """What is compiled from it is kept by it: another file's matrices are another tree, whatever its gates."""
    gates = (Gate(("cd4",), ROOT_KEY, shapes()[0]),)
    assert GateTree(gates) != GateTree(gates) and len({GateTree(gates), GateTree(gates)}) == 2
    assert GateTree(gates).matrices == {}


def test_an_axis_is_a_scale() -> None:
    assert abs(float(SCALE.to_scale(262144.0)) - 1.0) < 1e-12
