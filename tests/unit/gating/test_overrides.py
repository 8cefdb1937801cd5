"""Gates moved by hand: what is counted afterwards, what stands beside it, and what cannot be done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytotrial.columns import AGREED_GATES, GATES, OVERRIDE_COLUMNS
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.flowkit_model import gate_tube
from cytotrial.gating.membership import agreed_steps
from cytotrial.gating.overrides import Settled, settle_gates
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.overrides import Override
from cytotrial.study.samples import Sample

STRATEGY = """\
populations:
  - {id: singlets, parent: root, markers: [FSC-A, FSC-H, FSC-W], method: singlet_band, step: quality}
  - {id: live, parent: singlets, markers: [viability], method: valley, args: {keep: below}, step: quality}
  - {id: cd3, parent: live, markers: [CD3], method: valley}
  - {id: cd3_negative, parent: live, markers: [CD3], method: opposite, args: {of: cd3}}
  - {id: cd4, parent: cd3, markers: [CD4, CD8], method: quadrant}
  - {id: treg, parent: cd4, markers: [CD25, CD127], method: reference_population}
"""
SAMPLE = Sample("A0", "A0.fcs", "S1", "W0", "treg", None, None, None, None, 2)
CHANNELS = ("FSC-A", "FSC-H", "viability", "CD3", "CD4", "CD8", "CD25", "CD127")
Row = dict[str, Any]


@pytest.fixture
def strategy(tmp_path: Path) -> Strategy:
    """Six populations, one of them another's opposite."""
    (tmp_path / "s.yaml").write_text(STRATEGY, encoding="utf-8")
    return load_strategy(tmp_path / "s.yaml")


@pytest.fixture
def tube(make_tube: Callable[..., Tube]) -> Tube:
    """Every channel but FSC-W, all events at 500."""
    return make_tube({name: np.full(10, 500.0) for name in CHANNELS})


def gate(tube: Tube, population: str, marker: str, bound: str, linear: float | None, **changes: Any) -> Row:
    """An agreed gate's row."""
    axis = tube.axes[marker.split(":")[0]]
    return {
        **dict.fromkeys(AGREED_GATES.columns),
        "sample_id": "A0",
        "population": population,
        "marker": marker,
        "bound": bound,
        "threshold": None if linear is None else float(axis.to_scale(linear)),
        "threshold_linear": linear,
        "source": "found",
        "pool": "none",
        "reason": f"seen in {marker}",
        "panel": "treg",
        "channel": axis.channel,
        "scale": axis.name,
        "method": "valley",
        "n_parent": "4000",
        **changes,
    }


@pytest.fixture
def agreed(tube: Tube) -> list[Row]:
    """A gate for every population."""
    triangle = json.dumps([[0.0, 0.0], [1e5, 8e4], [0.0, 9e4]])
    return [
        gate(tube, "singlets", "FSC-A:FSC-H", "shape", None, coordinates=triangle, method="singlet_band"),
        gate(tube, "live", "viability", "max", 3000.0),
        gate(tube, "cd3", "CD3", "min", 1000.0, source="pooled", pool="trial"),
        gate(tube, "cd3_negative", "CD3", "max", 1000.0, source="pooled", pool="trial", method="opposite"),
        gate(tube, "cd4", "CD4", "min", 400.0),
        gate(tube, "cd4", "CD8", "max", 300.0),
        gate(tube, "treg", "CD25", "min", 800.0, method="reference_population"),
        gate(tube, "treg", "CD127", "max", 900.0, method="reference_population"),
    ]


def override(population: str, marker: str, bound: str, **place: Any) -> Override:
    """One of sample A0, in force."""
    about = {"population": population, "marker": marker, "bound": bound}
    who = {"sample_id": "A0", "reviewer": "A. Bee", "date": "2026-01-05", "reason": "cuts through them", "row": 2}
    return Override(**(dict.fromkeys(OVERRIDE_COLUMNS) | who | about | place))


@pytest.fixture
def settle(strategy: Strategy, tube: Tube) -> Callable[..., Settled]:
    """``settle(gates, *overrides, missing=())``."""

    def run(gates: list[Row], *overrides: Override, missing: tuple[Row, ...] = (), tube: Tube = tube) -> Settled:
        return settle_gates(gates, missing, overrides, sample=SAMPLE, strategy=strategy, axes=tube.axes)

    return run


def only(settled: Settled, population: str) -> Row:
    """A population's one gate."""
    (row,) = [row for row in settled.gates if row["population"] == population]
    return row


def missing(population: str, reason: str, outcome: str = "not_found") -> Row:
    """A population that nobody could lend a gate to."""
    return {"sample_id": "A0", "population": population, "outcome": outcome, "reason": reason}


def test_what_nobody_moved_stays_as_it_was(settle: Callable, agreed: list[Row]) -> None:
    gone = missing("live", "no viability valley")
    settled = settle([row for row in agreed if row["population"] != "live"], missing=(gone,))
    new = dict.fromkeys(name for name in GATES.columns if name not in AGREED_GATES.columns)
    assert settled.gates == [row | new for row in agreed if row["population"] != "live"]
    assert settled.missing == [gone]


def test_a_threshold_on_the_gates_own_scale(settle: Callable, agreed: list[Row], tube: Tube) -> None:
    """Beside the linear one: GatingML's logicle inverse, by FlowKit."""
    import flowkit as fk

    row = only(settle(agreed, override("live", "viability", "max", threshold=0.5)), "live")
    logicle = fk.transforms.LogicleTransform(262144, 1.0, 4.5, 0.0)
    assert row["threshold"] == 0.5
    assert row["threshold_linear"] == pytest.approx(float(logicle.inverse(np.array([[0.5]]))[0, 0]), rel=1e-12)
    assert set(row) == set(GATES.columns)
    assert (row["source"], row["pool"], row["reason"]) == ("manual", "none", "cuts through them")
    assert (row["reviewer"], row["reviewed"], row["n_parent"]) == ("A. Bee", "2026-01-05", "4000")
    assert (row["channel"], row["scale"]) == ("viability detector-A", "logicle(T=262144,W=1,M=4.5,A=0)")
    assert row["automatic_threshold"] == float(tube.axes["viability"].to_scale(3000.0))
    assert (row["automatic_threshold_linear"], row["automatic_source"]) == (3000.0, "found")
    assert (row["automatic_reason"], row["automatic_coordinates"]) == ("seen in viability", None)


def test_a_linear_threshold(settle: Callable, agreed: list[Row]) -> None:
    import flowkit as fk

    row = only(settle(agreed, override("live", "viability", "max", threshold_linear=1500.0)), "live")
    theirs = float(fk.transforms.LogicleTransform(262144, 1.0, 4.5, 0.0).apply(np.array([[1500.0]]))[0, 0])
    assert (row["threshold_linear"], row["threshold"]) == (1500.0, theirs)


def test_the_opposite_follows(settle: Callable, agreed: list[Row]) -> None:
    settled = settle(agreed, override("cd3", "CD3", "min", threshold_linear=700.0))
    above, below = only(settled, "cd3"), only(settled, "cd3_negative")
    assert (below["bound"], below["source"], below["method"]) == ("max", "manual", "opposite")
    assert (below["threshold"], below["threshold_linear"]) == (above["threshold"], 700.0)
    assert (below["automatic_threshold_linear"], below["automatic_source"]) == (1000.0, "pooled")
    assert below["reason"] == "the other side of cd3" and below["reviewer"] == "A. Bee"


def test_one_of_two_bounds(settle: Callable, agreed: list[Row]) -> None:
    settled = settle(agreed, override("cd4", "CD8", "max", threshold_linear=250.0))
    low, high = [row for row in settled.gates if row["population"] == "cd4"]
    assert (low["source"], low["threshold_linear"], low["reviewer"]) == ("found", 400.0, None)
    assert (high["source"], high["threshold_linear"], high["automatic_threshold_linear"]) == ("manual", 250.0, 300.0)


def test_a_shape_in_place_of_a_shape(settle: Callable, agreed: list[Row]) -> None:
    corners = ((1.0, 0.0), (9.0, 0.5), (1.0, 7.0))
    row = only(settle(agreed, override("singlets", "FSC-A:FSC-H", "shape", coordinates=corners)), "singlets")
    assert json.loads(row["coordinates"]) == [list(corner) for corner in corners]
    assert (row["threshold"], row["threshold_linear"], row["channel"]) == (None, None, "FSC-A:FSC-H")
    assert json.loads(row["automatic_coordinates"])[1] == [1e5, 8e4]


def test_a_shape_in_place_of_thresholds_says_what_they_were(settle: Callable, agreed: list[Row]) -> None:
    corners = ((800.0, -100.0), (9000.0, 0.5), (800.0, 900.0))
    row = only(settle(agreed, override("treg", "CD25:CD127", "shape", coordinates=corners)), "treg")
    assert row["channel"] == "CD25 detector-A:CD127 detector-A"
    assert row["automatic_reason"] == "min of CD25 800, max of CD127 900: seen in CD25"
    assert (row["automatic_source"], row["automatic_threshold"]) == ("found", None)


def test_thresholds_in_place_of_a_shape(settle: Callable, agreed: list[Row], tube: Tube) -> None:
    shape = gate(tube, "treg", "CD25:CD127", "shape", None, coordinates="[[0.0,0.0],[1.0,1.0],[0.0,2.0]]")
    gates = [row for row in agreed if row["population"] != "treg"] + [shape]
    by_hand = [override("treg", "CD25", "min", threshold_linear=5.0), override("treg", "CD127", "max", threshold=0.4)]
    settled = settle(gates, *by_hand)
    assert [(row["marker"], row["bound"]) for row in settled.gates if row["population"] == "treg"] == [
        ("CD25", "min"),
        ("CD127", "max"),
    ]
    # One of the two alone would be another gate: the automatic one stays, and says so.
    row = only(settle(gates, by_hand[0]), "treg")
    assert (row["bound"], row["source"], row["reviewer"]) == ("shape", "found", "A. Bee")
    assert row["reason"] == (
        "seen in CD25:CD127, and not moved as A. Bee, 2026-01-05 asked: nothing says where its max of CD127 is"
    )


def test_a_gate_where_there_was_none(settle: Callable, agreed: list[Row]) -> None:
    gates = [row for row in agreed if row["population"] in ("singlets", "live", "cd4")]
    gone = (missing("cd3", "no CD3 valley"), missing("cd3_negative", "no CD3 valley"), missing("treg", "few cells"))
    settled = settle(gates, override("cd3", "CD3", "min", threshold_linear=700.0), missing=gone)
    for name in ("cd3", "cd3_negative"):
        row = only(settled, name)
        assert (row["source"], row["threshold_linear"]) == ("manual", 700.0)
        assert (row["automatic_threshold"], row["automatic_source"]) == (None, None)
        assert (row["automatic_reason"], row["n_parent"]) == ("no CD3 valley", None)
    assert settled.missing == [missing("treg", "few cells")]


def test_half_a_gate_is_none(settle: Callable, agreed: list[Row]) -> None:
    gates = [row for row in agreed if row["population"] != "cd4"]
    settled = settle(gates, override("cd4", "CD4", "min", threshold=0.5), missing=(missing("cd4", "no CD4 valley"),))
    assert not [row for row in settled.gates if row["population"] == "cd4"]
    (gone,) = settled.missing
    assert gone == missing(
        "cd4", "no CD4 valley, and not moved as A. Bee, 2026-01-05 asked: nothing says where its max of CD8 is"
    )


def test_a_channel_that_the_file_lacks(settle: Callable, agreed: list[Row]) -> None:
    """The automatic gate stays; where there is none, the step stays NOT DONE; both say what was asked."""
    settled = settle(agreed, override("singlets", "FSC-W", "max", threshold_linear=9e4))
    row = only(settled, "singlets")
    assert (row["source"], row["bound"], row["reviewer"]) == ("found", "shape", "A. Bee")
    assert row["reason"].endswith("and not moved as A. Bee, 2026-01-05 asked: the file has no FSC-W channel")
    gates = [row for row in agreed if row["population"] != "singlets"]
    gone = missing("singlets", "no FSC-H channel", "not_done")
    settled = settle(gates, override("singlets", "FSC-W", "max", threshold=9e4), missing=(gone,))
    (left,) = settled.missing
    assert left["outcome"] == "not_done" and "FSC-W" in left["reason"] and ";" not in left["reason"]


def test_a_pool_is_named(settle: Callable, agreed: list[Row]) -> None:
    pool = override("live", "viability", "max", threshold_linear=1500.0, sample_id=None, pool="batch lot 1")
    assert only(settle(agreed, pool), "live")["pool"] == "batch lot 1"


def test_of_two_bounds_by_hand_each_has_its_reviewer(settle: Callable, agreed: list[Row]) -> None:
    first = override("cd4", "CD4", "min", threshold_linear=350.0)
    second = override("cd4", "CD8", "max", threshold_linear=250.0, reviewer="C. Dee")
    rows = [row for row in settle(agreed, first, second).gates if row["population"] == "cd4"]
    assert [row["reviewer"] for row in rows] == ["A. Bee", "C. Dee"]


def test_the_same_again(settle: Callable, agreed: list[Row]) -> None:
    by_hand = override("cd3", "CD3", "min", threshold=0.45)
    assert settle(agreed, by_hand) == settle(list(agreed), by_hand)


# Counted: FlowKit's events are those beyond the moved threshold, and the children's gates have not moved.


def file_gates(made: Any) -> list[Row]:
    """A simulated file's own gates as agreed rows."""
    rows = []
    for placed in made.placed():
        for bound in placed.landmark.bounds:
            points = None if bound.coordinates is None else json.dumps([list(point) for point in bound.coordinates])
            own = gate(made.tube, placed.rule.id, bound.marker, bound.side, bound.linear, coordinates=points)
            rows.append({**own, "method": placed.rule.method})
    return rows


@pytest.mark.parametrize("own_scale", [True, False])
def test_counts_follow_the_moved_gate(simulated_file: Callable, own_scale: bool) -> None:
    made = simulated_file("nk")
    sample, axis = Sample("A0", "x", "S1", "W0", "nk", None, None, None, None, 2), made.tube.axes["CD56"]
    scaled = float(axis.to_scale(1800.0))
    place = {"threshold": scaled} if own_scale else {"threshold_linear": 1800.0}
    gates = file_gates(made)
    by_hand = override("nk", "CD56", "min", **place)
    settled = settle_gates(gates, [], [by_hand], sample=sample, strategy=made.strategy, axes=made.tube.axes)
    before = {one.id: one.inside for one in gate_tube(made.tube, made.strategy, gates)}
    after = {one.id: one.inside for one in gate_tube(made.tube, made.strategy, settled.gates)}
    expected = before["cd3_negative"] & (axis.to_scale(made.tube.linear("CD56")) >= scaled)
    print(f"nk: {before['nk'].sum()} events before, {after['nk'].sum()} after")
    assert np.array_equal(after["nk"], expected) and not np.array_equal(after["nk"], before["nk"])
    (bright,) = [row for row in gates if row["population"] == "cd56bright_nk"]
    above = made.tube.linear("CD56") >= bright["threshold_linear"]
    assert np.array_equal(after["cd56bright_nk"], expected & above)
    assert all(np.array_equal(after[name], before[name]) for name in before if name not in ("nk", "cd56bright_nk"))
    for step in agreed_steps(made.tube, made.strategy, settled.gates):  # what the pictures draw
        assert np.array_equal(step.inside, after[step.rule.id]), step.rule.id


def test_a_shape_on_stained_markers_is_straight_on_the_gates_scale(simulated_file: Callable) -> None:
    """Corners in linear units; who is inside is matplotlib's answer on the logicle scale."""
    from matplotlib.path import Path as Polygon

    made = simulated_file("treg")
    corners = ((900.0, -500.0), (60000.0, -500.0), (60000.0, 1500.0), (2500.0, 900.0))
    by_hand = override("treg", "CD25:CD127", "shape", coordinates=corners)
    gates = file_gates(made)
    settled = settle_gates(gates, [], [by_hand], sample=SAMPLE, strategy=made.strategy, axes=made.tube.axes)
    counted = {one.id: one.inside for one in gate_tube(made.tube, made.strategy, settled.gates)}
    axes = [made.tube.axes[marker] for marker in ("CD25", "CD127")]
    scaled = np.column_stack([axis.to_scale(made.tube.linear(axis.marker)) for axis in axes])
    outline = np.column_stack([axis.to_scale(np.array(corners)[:, i]) for i, axis in enumerate(axes)])
    expected = counted["cd4"] & Polygon([*outline, outline[0]], closed=True).contains_points(scaled)
    print(f"treg: {counted['treg'].sum()} events in the shape, {expected.sum()} by matplotlib")
    assert np.array_equal(counted["treg"], expected) and expected.sum() > 100
    drawn = {step.rule.id: step.inside for step in agreed_steps(made.tube, made.strategy, settled.gates)}
    assert np.array_equal(drawn["treg"], expected)


def test_a_gate_that_a_person_chose_has_no_uncertainty_of_placement(settle: Callable, agreed: list[Row]) -> None:
    """Nor has its opposite; the other limit of the same gate keeps its own."""
    sure = [{**row, "uncertainty": 0.01} for row in agreed]
    moves = (override("cd3", "CD3", "min", threshold=0.4), override("cd4", "CD4", "min", threshold=0.4))
    found = {(row["population"], row["marker"]): row["uncertainty"] for row in settle(sure, *moves).gates}
    by_hand = {("cd3", "CD3"), ("cd3_negative", "CD3"), ("cd4", "CD4")}
    assert {key for key, uncertainty in found.items() if uncertainty is None} == by_hand
    assert found["cd4", "CD8"] == found["treg", "CD25"] == 0.01
