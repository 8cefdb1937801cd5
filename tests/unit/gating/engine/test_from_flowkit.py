"""FlowKit's strategies as trees: what each gate becomes, and what is left to FlowKit and why."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import flowkit as fk
import numpy as np
import pytest
from flowkit import Dimension, QuadrantDivider, RatioDimension, gates, transforms

from cytotrial.cytometry.axis import Axis
from cytotrial.gating import gate_tree as values
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.engine.from_flowkit import Channels, FlowKitScale, gate_tree
from cytotrial.gating.engine.run import gate_events

NAMES = ("FSC-A", "Time", "A/x", "B", "C")
CHANNELS = Channels(NAMES, ("", "", "CD3", "CD4", "CD8"), (2, 3, 4))
MATRIX = np.array([[1.0, 0.1], [0.2, 1.0]])


def strategy_of(*below_root: Any, matrix: Any = None) -> fk.GatingStrategy:
    strategy = fk.GatingStrategy()
    strategy.add_transform("logicle", transforms.LogicleTransform(1000, 0.5, 4.0, 0.0))
    strategy.add_transform("asinh", transforms.AsinhTransform(1000, 4.0, 0.5))
    strategy.add_transform("log", transforms.LogTransform(1000, 4.0))
    strategy.add_transform("hyperlog", transforms.HyperlogTransform(1000, 0.5, 4.0, 0.0))
    strategy.add_transform("ratio", transforms.RatioTransform(["B", "C"], 1.0, 0.0, 0.0))
    strategy.add_comp_matrix("m", matrix or fk.Matrix(MATRIX, ["B", "A/x"], ["BV421", "PE"]))
    strategy.add_comp_matrix("n", fk.Matrix(2 * MATRIX, ["B", "C"]))
    for gate in below_root:
        strategy.add_gate(gate, ("root",))
    return strategy


def only(*below_root: Any, channels: Channels = CHANNELS, **options: Any) -> values.Shape:
    tree = gate_tree(strategy_of(*below_root, **options), channels)
    assert len(tree.gates) == 1
    return tree.gates[0].shape


def rectangle(*dimensions: Any) -> gates.RectangleGate:
    return gates.RectangleGate("r", list(dimensions))


def test_a_rectangle_with_its_scales_and_matrix() -> None:
    shape = only(
        rectangle(Dimension("B", "m", "logicle", 0.2, None), Dimension("C", "uncompensated", "asinh", None, 0.7))
    )
    logicle = Axis("", "", 0, 1000, "logicle", 0.5, 4.0, 0.0)
    asinh = Axis("", "", 0, 1000, "asinh", 0.0, 4.0, 0.5)
    assert shape == values.Rectangle(
        (
            values.Interval(values.Dimension(3, "m", logicle), 0.2, None),
            values.Interval(values.Dimension(4, None, asinh), None, 0.7),  # C is no detector of the matrix
        )
    )


def test_a_matrix_holds_for_all_of_a_gates_channels() -> None:
    """FlowKit undoes it in all of them, also where one is called uncompensated."""
    shape = only(rectangle(Dimension("B", "m", None, 1, 2), Dimension("A/x", "uncompensated", None, 1, 2)))
    assert [one.dimension.matrix for one in shape.intervals] == ["m", "m"]


@pytest.mark.parametrize(
    ("name", "index"), [("B", 3), ("CD3", 2), ("A/x", 2), ("A_x", 2), ("BV421", 3), ("PE", 2), ("Time", 1)]
)
def test_a_channel_by_each_of_its_names(name: str, index: int) -> None:
    shape = only(rectangle(Dimension(name, "m", None, 1.0, 2.0)))
    assert shape.intervals[0].dimension.index == index


def test_complements_ellipsoids_and_polygons() -> None:
    dimensions = [Dimension("FSC-A"), Dimension("Time")]
    polygon = gates.PolygonGate("p", dimensions, [(0, 0), (1, 0), (0, 1)], use_complement=True)
    ellipsoid = gates.EllipsoidGate("e", dimensions, [1, 2], [[3, 0], [0, 4]], 5)
    plain = (values.Dimension(0), values.Dimension(1))
    assert only(polygon) == values.Polygon(plain, ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)), outside=True)
    assert only(ellipsoid) == values.Ellipsoid(plain, (1.0, 2.0), ((3.0, 0.0), (0.0, 4.0)), 5.0)


def test_quadrants_are_gates_of_their_own() -> None:
    dividers = [QuadrantDivider("d", "B", "m", [0.5], "logicle"), QuadrantDivider("e", "C", "uncompensated", [7.0])]
    quadrants = [
        gates.Quadrant("low", ["d", "e"], [(None, 0.5), (None, 7.0)]),
        gates.Quadrant("high", ["d"], [(0.5, None)]),
    ]
    strategy = strategy_of(gates.QuadrantGate("q", dividers, quadrants))
    strategy.add_gate(rectangle(Dimension("Time", range_min=1)), ("root", "q", "high"))
    tree = gate_tree(strategy, CHANNELS)
    assert [(one.key, one.parent) for one in tree.gates] == [
        (("q", "low"), ()),
        (("q", "high"), ()),
        (("q", "high", "r"), ("q", "high")),
    ]
    low = tree.gates[0].shape
    assert [(one.dimension.index, one.dimension.matrix, one.low, one.high) for one in low.intervals] == [
        (3, "m", None, 0.5),
        (4, None, None, 7.0),
    ]


def test_members_of_a_combination_come_first() -> None:
    strategy = strategy_of(rectangle(Dimension("Time", range_min=1)))
    strategy.add_gate(gates.RectangleGate("s", [Dimension("Time", range_min=2)]), ("root", "r"))
    members = [{"ref": "s", "path": ("root", "r"), "complement": True}]
    strategy.add_gate(gates.BooleanGate("b", "and", members), ("root",))
    keys = [one.key for one in gate_tree(strategy, CHANNELS).gates]
    assert keys.index(("r", "s")) < keys.index(("b",))
    shape = next(one.shape for one in gate_tree(strategy, CHANNELS).gates if one.key == ("b",))
    assert shape == values.Combination("and", ((("r", "s"), True),))


def test_a_samples_own_gates() -> None:
    strategy = strategy_of(rectangle(Dimension("Time", range_min=1)))
    strategy.add_gate(rectangle(Dimension("Time", range_min=5)), ("root",), sample_id="S1")
    lows = [gate_tree(strategy, CHANNELS, sample_id=one).gates[0].shape.intervals[0].low for one in ("S1", "S2", None)]
    assert lows == [5.0, 1.0, 1.0]


def test_the_files_own_matrix() -> None:
    gate = rectangle(Dimension("B", "FCS", None, 1.0, None))
    text = "3,C,A/x,B,1,0.1,0,0,1,0.2,0,0,1"
    own = gate_tree(strategy_of(gate), Channels(NAMES, NAMES, (2, 3, 4), (), text))
    assert own.matrices["FCS"].detectors == ("A/x", "B", "C")
    assert own.matrices["FCS"].matrix[0].tolist() == [1.0, 0.2, 0.0]  # in the file's order
    without = gate_tree(strategy_of(gate), CHANNELS)
    assert without.matrices == {} and without.gates[0].shape.intervals[0].dimension.matrix is None


def test_transforms_that_a_table_of_parameters_can_say_are_axes() -> None:
    for name, kind in (("logicle", Axis), ("asinh", Axis), ("log", FlowKitScale), ("hyperlog", FlowKitScale)):
        scale = only(rectangle(Dimension("B", "m", name, 0.1))).intervals[0].dimension.scale
        assert isinstance(scale, kind)
        column = np.array([[-3.0], [5.0], [900.0]])
        with np.errstate(all="ignore"):
            theirs = strategy_of().transformations[name].apply(column)[:, 0]
        assert np.array_equal(scale.to_scale(column[:, 0]), theirs, equal_nan=True)


@pytest.mark.parametrize(
    ("transform", "is_regular"),
    [
        (transforms.LinearTransform(1000, 10), True),
        (transforms.LinearTransform(10, -20), False),
        (transforms.LogTransform(1000, 4), True),
        (transforms.LogTransform(1000, -4), False),
        (transforms.HyperlogTransform(1000, 1, 4, 0), False),
        (transforms.WSPLogTransform(1.0, 4.0), True),
        (transforms.WSPLogTransform(1.0, -4.0), False),
        (transforms.WSPBiexTransform(), True),
    ],
    ids=repr,
)
def test_which_other_transforms_rise(transform: Any, is_regular: bool) -> None:
    scale = FlowKitScale(transform)
    assert scale.is_regular == is_regular
    if is_regular:
        positive = scale.to_scale(np.sort(10 ** np.random.default_rng(1).uniform(-5, 8, 10_000)))
        assert (np.diff(positive) >= 0).all()


RATIO = RatioDimension("ratio", "uncompensated", range_min=1, range_max=2)
TWICE = [QuadrantDivider(one, "B", "uncompensated", [0.5], "logicle") for one in ("d", "e")]
LEFT = {
    "on a ratio": (rectangle(RATIO), None),
    "mixes matrices": (rectangle(Dimension("B", "m", range_min=1), Dimension("C", "n", range_min=1)), None),
    "asks for a channel twice": (
        gates.QuadrantGate("r", TWICE, [gates.Quadrant("q", ["d", "e"], [(0.5, None), (0.5, None)])]),
        None,
    ),
    "no channel": (rectangle(Dimension("CD99", "m", range_min=1)), None),
    "is not one of this file": (rectangle(Dimension("B", "m", range_min=1)), fk.Matrix(MATRIX, ["B", "FSC-A"])),
    "m is not one": (
        rectangle(Dimension("B", "m", range_min=1)),
        fk.SpectralMatrix(np.array([[1.0, 0.2, 0.1], [0.1, 1.0, 0.2]]), ["B", "A/x", "C"], ["B", "A/x"]),
    ),
}


@pytest.mark.parametrize("reason", LEFT)
def test_what_is_left_to_flowkit(reason: str) -> None:
    gate, matrix = LEFT[reason]
    with pytest.raises(UncompilableError, match=reason):
        gate_tree(strategy_of(gate, matrix=matrix), CHANNELS)


@pytest.mark.parametrize("text", ["2,B,C,1,0,0,1", "", "2,B,C,1,0,0"])
def test_an_own_matrix_that_flowkit_refuses_is_left_to_it(text: str) -> None:
    gate = rectangle(Dimension("B", "FCS", None, 1.0, None))
    with pytest.raises(UncompilableError, match="own matrix"):
        gate_tree(strategy_of(gate), Channels(NAMES, NAMES, (2, 3, 4), (), text))


def test_a_samples_channels(random_gates: ModuleType) -> None:
    sample = random_gates.sample_of(np.zeros((3, 5)), NAMES)
    sample.metadata["spill"] = "1,B,1"
    sample.null_channels = ["C"]
    channels = Channels.of(sample)
    assert channels.names == NAMES and channels.fluorescence == (2, 3, 4)
    assert (channels.null, channels.spill) == (("C",), "1,B,1")


def test_a_ratio_below_the_root_does_not_stop_the_others_from_being_told() -> None:
    """The text says which gate it was, first."""
    with pytest.raises(UncompilableError, match=r"^r is on a ratio"):
        gate_tree(strategy_of(rectangle(RATIO)), CHANNELS)


def test_a_tree_is_gated_without_flowkits_objects(random_gates: ModuleType) -> None:
    events = np.random.default_rng(1).uniform(0, 1000, (100, 5))
    tree = gate_tree(strategy_of(rectangle(Dimension("B", "m", "logicle", 0.6, 0.9))), CHANNELS)
    found = gate_events(random_gates.EventsInMemory(events), NAMES, tree)
    assert 0 < found.counts[0][("r",)] < 100
