"""Gate trees compiled: what variants share is gated once, and every population knows which columns are wanted below."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cytotrial.cytometry.compensation import Spillover
from cytotrial.gating.engine.plan import Plan
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


def above(index: int, low: float, matrix: str | None = None) -> Rectangle:
    return Rectangle((Interval(Dimension(index, matrix), low),))


def tree(threshold: float = 5.0) -> GateTree:
    return GateTree(
        (
            Gate(("time",), ROOT_KEY, Stretches(Dimension(1), ((0.0, 1.0), (2.0, 3.0)))),
            Gate(("live",), ("time",), above(0, 1.0)),
            Gate(("cd3",), ("live",), above(2, threshold, "m")),
            Gate(("cd4",), ("cd3",), above(3, 2.0, "m")),
            Gate(("dump",), ("live",), above(4, 9.0, "m")),
            Gate(("both",), ("live",), Combination("and", ((("cd3",), False), (("dump",), True)))),
        )
    )


def test_variants_share_all_but_what_is_below_the_moved_gate() -> None:
    plan = Plan((tree(), tree(6.0), tree()))
    assert len(plan.nodes) == 6 + 3  # cd3 moved; cd4 and both with it
    first, moved, same = plan.trees
    assert {key for key in first if first[key] is not moved[key]} == {("cd3",), ("cd4",), ("both",)}
    assert all(first[key] is same[key] for key in first)


def test_parents_and_members_stand_before_those_that_need_them() -> None:
    plan = Plan((tree(), tree(6.0)))
    for node in plan.nodes:
        needed = [*node.members, *([node.parent] if node.parent else [])]
        assert all(one.number < node.number and one.is_needed for one in needed)
    assert not plan.trees[0][("cd4",)].is_needed


def test_every_population_knows_what_is_wanted_below_it() -> None:
    plan = Plan((tree(),))
    nodes = plan.trees[0]
    assert plan.wanted == {"m": (2, 3, 4)} == nodes[("live",)].wanted
    assert nodes[("cd3",)].wanted == {"m": (3,)} and nodes[("cd4",)].wanted == {}


def test_every_shape_is_told_its_dimensions() -> None:
    dimensions = (Dimension(2, "m"), Dimension(3, "n"))
    shapes = (
        Polygon(dimensions, ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))),
        Ellipsoid(dimensions, (0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)), 1.0),
        Rectangle(tuple(Interval(one, 0.0) for one in dimensions)),
    )
    for shape in shapes:
        assert Plan((GateTree((Gate(("a",), ROOT_KEY, shape),)),)).wanted == {"m": (2,), "n": (3,)}


def test_one_name_for_two_matrices_is_refused() -> None:
    one = Spillover(("A", "B"), np.array([[1.0, 0.1], [0.0, 1.0]]), "file")
    other = replace(one, matrix=np.eye(2))
    first, second = replace(tree(), matrices={"m": one}), replace(tree(6.0), matrices={"m": other})
    with pytest.raises(ValueError, match="two matrices m"):
        Plan((first, second))
    assert Plan((first, first, tree())).matrices == {"m": one}


def test_a_gate_below_one_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Plan((GateTree((Gate(("a",), ("b",), above(0, 1.0)),)),))
