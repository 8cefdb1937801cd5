"""One pass over a file: counts, membership, variants, onlookers, and what happens on an edge."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from flowutils.compensate import compensate

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.engine.frames import Frame
from cytotrial.gating.engine.run import gate_events
from cytotrial.gating.gate_tree import (
    ROOT_KEY,
    Combination,
    Dimension,
    Ellipsoid,
    Gate,
    GateTree,
    Interval,
    Key,
    Polygon,
    Rectangle,
)

NAMES = ("FSC-A", "Time", "A", "B", "C")
SPILL = Spillover(("C", "A", "B"), np.array([[1.0, 0.13, 0.07], [0.051, 1.0, 0.2], [0.03, 0.11, 1.0]]), "test")
EVENTS = np.random.default_rng(1).uniform(0.0, 1000.0, (1000, 5))
COMPENSATED = compensate(EVENTS, SPILL.matrix, [4, 2, 3])
ROWS = [1, 7, 64, 999, 1000, 16_384]


def above(index: int, low: float, matrix: str | None = None) -> Rectangle:
    return Rectangle((Interval(Dimension(index, matrix), low),))


def tree(threshold: float = 301.3) -> GateTree:
    triangle = ((10.0, 10.0), (900.0, 50.0), (400.0, 950.0))
    return GateTree(
        (
            Gate(("scatter",), ROOT_KEY, Polygon((Dimension(0), Dimension(1)), triangle)),
            Gate(("a",), ("scatter",), above(2, threshold, "m")),
            Gate(("b",), ("a",), above(3, 202.2, "m")),
            Gate(("raw",), ROOT_KEY, above(3, 500.0)),
            Gate(("not_b",), ("a",), Combination("not", ((("b",), False),))),
            Gate(("either",), ("scatter",), Combination("or", ((("raw",), True), (("a",), False)))),
        ),
        {"m": SPILL},
    )


class Tally:
    """An onlooker that counts how often each event is seen, in each gate and its parent."""

    def __init__(self) -> None:
        self.forgotten = -1
        self.forget()

    def forget(self) -> None:
        self.forgotten += 1
        self.parents: dict[Key, np.ndarray] = {}
        self.inside: dict[Key, np.ndarray] = {}

    def see(self, key: Key, parent: Frame, inside: Frame) -> None:
        for seen, frame in ((self.parents, parent), (self.inside, inside)):
            seen.setdefault(key, np.zeros(len(EVENTS), dtype=int))
            seen[key][frame.block.start + np.flatnonzero(frame.inside())] += 1


@pytest.mark.parametrize("rows", ROWS)
def test_counts_and_membership_whatever_the_blocks(rows: int) -> None:
    found = gate_events(EventsInMemory(EVENTS), NAMES, tree(), membership=True, rows=rows)
    inside = found.membership
    a = inside[("scatter",)] & (COMPENSATED[:, 2] >= 301.3)
    b = a & (COMPENSATED[:, 3] >= 202.2)
    raw = EVENTS[:, 3] >= 500.0
    expected = {("a",): a, ("b",): b, ("raw",): raw, ("not_b",): a & ~b, ("either",): inside[("scatter",)] & (~raw | a)}
    for key, mask in expected.items():
        assert 0 < mask.sum() < 1000 and np.array_equal(inside[key], mask), key
    assert found.counts[0] == {key: int(mask.sum()) for key, mask in inside.items()}
    assert not found.exact_compensation


def test_without_membership_the_counts_are_the_same() -> None:
    kept = gate_events(EventsInMemory(EVENTS), NAMES, tree(), membership=True)
    bare = gate_events(EventsInMemory(EVENTS), NAMES, tree())
    assert bare.counts == kept.counts and bare.membership == {}


@pytest.mark.parametrize("rows", ROWS)
def test_variants_count_as_each_does_alone(rows: int) -> None:
    trees = [tree(threshold) for threshold in (301.3, 100.1, 700.7, 301.3)]
    together = gate_events(EventsInMemory(EVENTS), NAMES, *trees, rows=rows).counts
    alone = [gate_events(EventsInMemory(EVENTS), NAMES, one, rows=rows).counts[0] for one in trees]
    assert list(together) == alone
    assert len({one[("a",)] for one in alone}) == 3


@pytest.mark.parametrize("rows", ROWS[1:])
def test_an_onlooker_sees_every_event_of_a_gate_once(rows: int) -> None:
    tally = Tally()
    found = gate_events(EventsInMemory(EVENTS), NAMES, tree(), tree(9.9), membership=True, onlookers=[tally], rows=rows)
    everything = np.ones(len(EVENTS), dtype=int)
    for gate in tree().gates:
        assert np.array_equal(tally.inside[gate.key], found.membership[gate.key])
        above_it = everything if gate.parent == ROOT_KEY else found.membership[gate.parent]
        assert np.array_equal(tally.parents[gate.key], above_it)
    assert tally.forgotten == 0


@pytest.mark.parametrize("rows", ROWS[1:])
def test_an_event_on_an_edge_is_compensated_as_flowkit_does(rows: int) -> None:
    """Three neighbouring thresholds, one of them the very value of an event; and onlookers begin again."""
    at = COMPENSATED[503, 2]
    for threshold in (np.nextafter(at, 0), at, np.nextafter(at, np.inf)):
        tally = Tally()
        one = GateTree((Gate(("a",), ROOT_KEY, above(2, float(threshold), "m")),), {"m": SPILL})
        found = gate_events(EventsInMemory(EVENTS), NAMES, one, membership=True, onlookers=[tally], rows=rows)
        assert found.exact_compensation and tally.forgotten == 1
        assert np.array_equal(found.membership[("a",)], COMPENSATED[:, 2] >= threshold)
        assert np.array_equal(tally.inside[("a",)], found.membership[("a",)])
    assert not found.membership[("a",)][503]


def test_an_event_on_a_rim_is_left_to_flowkit() -> None:
    events = EVENTS.copy()
    events[503, :2] = (800.0, 400.0)
    rim = Ellipsoid((Dimension(0), Dimension(1)), (500.0, 400.0), ((9e4, 0.0), (0.0, 6e4)), 1.0)
    with pytest.raises(UncompilableError, match="edge of"):
        gate_events(EventsInMemory(events), NAMES, GateTree((Gate(("e",), ROOT_KEY, rim),)))


def test_a_file_without_events() -> None:
    found = gate_events(EventsInMemory(np.empty((0, 5), dtype=np.float32)), NAMES, tree(), membership=True)
    assert set(found.counts[0].values()) == {0} and found.membership[("a",)].shape == (0,)


def test_a_tree_without_gates() -> None:
    assert list(gate_events(EventsInMemory(EVENTS), NAMES, GateTree(())).counts) == [{}]


def test_events_that_are_no_numbers_make_no_noise() -> None:
    events = EVENTS.copy()
    events[5:9] = np.array([[np.nan], [np.inf], [-np.inf], [1e300]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gate_events(EventsInMemory(events), NAMES, tree(), membership=True)
    assert found.exact_compensation and not found.membership[("scatter",)][5:9].any()
