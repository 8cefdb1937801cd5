"""A file's rows of the ledger as gates: where each hangs, on which values it is, and that no number is made anew."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.scale import Scale
from cytotrial.gating.gate_tree import ROOT_KEY, Dimension, GateTree, Interval, Polygon, Rectangle, Stretches
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.gating.tree_from_ledger import MATRIX, ledger_tree

Row = dict[str, Any]
TOP = 262144.0
SCATTER = {name: Axis(name, name, index, TOP) for index, name in enumerate(("FSC-A", "SSC-A", "Time"))}
STAINED = {
    name: Axis(name, f"{name} detector", index, TOP, "logicle", 1.0, 4.5)
    for index, name in enumerate(("CD3", "CD4", "CD8"), start=3)
}
AXES = SCATTER | STAINED
SPILLOVER = Spillover(("CD4 detector", "CD3 detector"), np.array([[1.0, 0.1], [0.2, 1.0]]), "SPILL")


def rule(name: str, parent: str = "root", *, step: str = "lineage") -> Rule:
    """A population; how it was found does not matter here."""
    return Rule(name, parent, (), "valley", None, "trial", None, step)


def threshold(population: str, marker: str, bound: str, place: float) -> Row:
    """A row of the ledger; its linear place is another number, so that taking the wrong one shows."""
    row = {"population": population, "marker": marker, "bound": bound, "coordinates": None}
    return row | {"threshold": place, "threshold_linear": 1000.0 * place}


def shape(population: str, marker: str, points: list[list[float]]) -> Row:
    """A row of a shape."""
    place = {"threshold": None, "threshold_linear": None, "coordinates": json.dumps(points)}
    return {"population": population, "marker": marker, "bound": "shape"} | place


def tree(rules: list[Rule], *rows: Row, spillover: Spillover | None = SPILLOVER) -> GateTree:
    """The tree under test."""
    return ledger_tree(Strategy("made", Scale(), tuple(rules)), rows, AXES, spillover)


def parents(found: GateTree) -> dict[str, str]:
    """Population -> where it hangs, in order."""
    return {gate.key[-1]: gate.parent[-1] if gate.parent else "root" for gate in found.gates}


def only_shape(*rows: Row, spillover: Spillover | None = SPILLOVER) -> Any:
    """The shape of the only gate."""
    (gate,) = tree([rule("cd3")], *rows, spillover=spillover).gates
    assert (gate.key, gate.parent) == (("cd3",), ROOT_KEY)
    return gate.shape


def test_a_threshold_is_taken_from_the_gates_own_scale() -> None:
    cd3 = Dimension(3, MATRIX, AXES["CD3"])
    assert only_shape(threshold("cd3", "CD3", "min", 0.4)) == Rectangle((Interval(cd3, 0.4, None),))
    assert only_shape(threshold("cd3", "CD3", "max", 0.7)) == Rectangle((Interval(cd3, None, 0.7),))
    both = [threshold("cd3", "CD3", "max", 0.7), threshold("cd3", "CD3", "min", 0.4)]
    assert only_shape(*both) == Rectangle((Interval(cd3, 0.4, 0.7),))


def test_bounds_on_several_markers_are_one_gate() -> None:
    found = only_shape(threshold("cd3", "CD8", "max", 0.3), threshold("cd3", "CD4", "min", 0.5))
    assert {one.dimension.index: (one.low, one.high) for one in found.intervals} == {5: (None, 0.3), 4: (0.5, None)}
    assert not found.outside


def test_what_is_compensated_and_what_is_scaled() -> None:
    """Scatter and time are gated as they are; a detector that the matrix does not name, uncompensated on its scale."""
    rows = [threshold("cd3", marker, "min", 0.4) for marker in AXES]
    of = {one.dimension.index: one.dimension for one in only_shape(*rows).intervals}
    assert of == {
        **{index: Dimension(index) for index in range(3)},
        3: Dimension(3, MATRIX, AXES["CD3"]),
        4: Dimension(4, MATRIX, AXES["CD4"]),
        5: Dimension(5, None, AXES["CD8"]),
    }
    without = only_shape(*rows, spillover=None)
    assert {one.dimension.matrix for one in without.intervals} == {None}
    assert [one.dimension.scale for one in without.intervals] == [one.scale for one in of.values()]


def test_the_matrix_goes_along_where_there_is_one() -> None:
    row = threshold("cd3", "FSC-A", "max", 9.0)
    assert tree([rule("cd3")], row).matrices == {MATRIX: SPILLOVER}
    assert tree([rule("cd3")], row, spillover=None).matrices == {}


def test_a_polygon_has_its_corners_on_the_gates_scale() -> None:
    """Linear in the ledger, straight on the scale: each coordinate by its own axis, and in the marker's order."""
    corners = [[100.0, 5.0], [90e3, 200.0], [300.0, 70e3]]
    found = only_shape(shape("cd3", "SSC-A:CD4", corners))
    assert isinstance(found, Polygon)
    assert found.dimensions == (Dimension(1), Dimension(4, MATRIX, AXES["CD4"]))
    assert [x for x, _ in found.vertices] == [100.0, 90e3, 300.0]
    assert [y for _, y in found.vertices] == AXES["CD4"].to_scale(np.array([5.0, 200.0, 70e3])).tolist()


@pytest.mark.parametrize("ranges", [[[0.0, 9.5]], [[0.0, 3.0], [4.0, 9.5]]])
def test_time_is_stretches(ranges: list[list[float]]) -> None:
    found = only_shape(shape("cd3", "Time", ranges))
    assert found == Stretches(Dimension(2), tuple((low, high) for low, high in ranges))


def test_children_hang_from_the_nearest_ancestor_with_a_gate() -> None:
    """Steps that were NOT DONE are passed over, one behind the other too."""
    rules = [
        rule("in_range", step="quality"),
        rule("live", "in_range", step="quality"),
        rule("lymphocytes", "live", step="optional"),
        rule("cd3", "lymphocytes"),
        rule("cd4", "cd3"),
    ]
    rows = {one.id: threshold(one.id, "CD3", "min", 0.4) for one in rules}
    assert parents(tree(rules, *rows.values())) == {
        "in_range": "root",
        "live": "in_range",
        "lymphocytes": "live",
        "cd3": "lymphocytes",
        "cd4": "cd3",
    }
    assert parents(tree(rules, rows["in_range"], rows["cd3"], rows["cd4"])) == {
        "in_range": "root",
        "cd3": "in_range",
        "cd4": "cd3",
    }
    assert parents(tree(rules, rows["cd4"], rows["cd3"])) == {"cd3": "root", "cd4": "cd3"}


def test_a_lineage_without_a_gate_takes_its_children_with_it() -> None:
    """Whatever rows they have: CD4 of all events would be another population under the same name."""
    rules = [rule("cd3"), rule("step", "cd3", step="quality"), rule("cd4", "step"), rule("cd8", "cd4"), rule("nk")]
    rows = [threshold(name, "CD3", "min", 0.4) for name in ("step", "cd4", "cd8", "nk")]
    assert parents(tree(rules, *rows)) == {"nk": "root"}


def test_gates_stand_in_the_strategys_order_whatever_the_rows() -> None:
    rules = [rule("b"), rule("a", "b"), rule("c", "b")]
    rows = [threshold(name, marker, "min", 0.4) for name in "cab" for marker in ("CD4", "CD3")]
    assert list(parents(tree(rules, *rows))) == ["b", "a", "c"]


def test_rows_of_no_population_of_the_strategy_are_no_gates() -> None:
    assert tree([rule("cd3")], threshold("old", "CD3", "min", 0.4)).gates == ()


def test_a_file_without_the_channel_cannot_pass_unnoticed() -> None:
    """The agreement gives no file a gate on a channel that it lacks; if it did, nothing is counted in its place."""
    gone = dataclasses.replace(AXES["CD3"], marker="CD19")
    with pytest.raises(KeyError, match="CD19"):
        only_shape(threshold("cd3", gone.marker, "min", 0.4))
