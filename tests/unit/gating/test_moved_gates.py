"""Gates with one of them elsewhere, counted in the same pass."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.gating.engine.run import gate_events
from cytotrial.gating.gate_tree import ROOT_KEY, Dimension, Gate, GateTree, Interval, Polygon, Rectangle
from cytotrial.gating.moved_gates import with_limits_moved

SCALE = Axis("CD3", "B", 1, 262144.0, "logicle", 0.5, 4.5, 0.0)
SINGLETS = Gate(
    ("singlets",), ROOT_KEY, Polygon((Dimension(0), Dimension(1)), ((0, 0), (9e5, 0), (9e5, 9e5), (0, 9e5)))
)
CD3 = Gate(("cd3",), ("singlets",), Rectangle((Interval(Dimension(1, None, SCALE), 0.5),)))
DIM = Gate(("dim",), ("cd3",), Rectangle((Interval(Dimension(0), 100.0, 300.0),)))
TREE = GateTree((SINGLETS, CD3, DIM))


def test_counts_of_all_variants_come_from_one_pass() -> None:
    events = np.random.default_rng(5).lognormal(5.5, 1.0, (5000, 2))
    steps = (-0.1, -0.05, 0.05, 0.1)
    variants = [with_limits_moved(TREE, ("cd3",), by) for by in steps]
    counted = gate_events(EventsInMemory(events), ("A", "B"), TREE, *variants, rows=700).counts
    scaled = SCALE.to_scale(events[:, 1])
    for by, counts in zip((0.0, *steps), counted, strict=True):
        positive = scaled >= 0.5 + by
        both = positive & (events[:, 0] >= 100) & (events[:, 0] < 300)
        print(f"moved by {by}: {counts}")
        assert counts == {("singlets",): 5000, ("cd3",): positive.sum(), ("dim",): both.sum()}


def test_both_limits_move_and_others_stay() -> None:
    moved = {gate.key: gate for gate in with_limits_moved(TREE, ("dim",), -20.0).gates}
    assert moved["dim",].shape.intervals[0] == Interval(Dimension(0), 80.0, 280.0)
    assert (moved["cd3",], moved["singlets",]) == (CD3, SINGLETS)


def test_what_has_no_limits_is_refused() -> None:
    with pytest.raises(TypeError, match="singlets is no rectangle but a Polygon"):
        with_limits_moved(TREE, ("singlets",), 1.0)
    with pytest.raises(KeyError):
        with_limits_moved(TREE, ("treg",), 1.0)
