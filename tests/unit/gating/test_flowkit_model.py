"""FlowKit's membership of every population equals what numpy makes of the same gates, on simulated and real files."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flowkit as fk
import numpy as np
import pytest

from cytotrial.cytometry.compensation import Spillover, compensate
from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.cytometry.linear_events import LinearEvents
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.scale import Scale
from cytotrial.cytometry.tube import Tube, open_tube
from cytotrial.gating.flowkit_model import Population, flowkit_counts, flowkit_strategy, gate_tube
from cytotrial.gating.ledger import gate_rows, landmark_rows, read_gates, read_landmarks
from cytotrial.gating.membership import agreed_steps
from cytotrial.gating.placing import place_gates
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.tree_from_ledger import ledger_tree
from cytotrial.tables import format_cell

CHECKOUT = Path(__file__).resolve().parents[3]
Row = dict[str, Any]


def modelled(tube: Tube, strategy: Strategy, gates: list[Row]) -> fk.GatingStrategy:
    """The ledger's gates as FlowKit's."""
    return flowkit_strategy(ledger_tree(strategy, gates, tube.axes, tube.spillover), tube.file.names)


def as_text(rows: list[Row]) -> list[Row]:
    """Rows as they come back from a table."""
    return [{k: None if format_cell(v) == "NA" else format_cell(v) for k, v in row.items()} for row in rows]


def ledger(tube: Tube, strategy: Strategy) -> list[Row]:
    """The file's gates through both tables, as the workflow makes them."""
    sample = {
        "sample_id": tube.sample_id,
        "panel": "p",
        "subject_id": "s",
        "batch": None,
        "condition": None,
        "is_control": False,
    }
    landmarks = read_landmarks(as_text(landmark_rows(tube, place_gates(tube, strategy), sample=sample)))
    used, _ = agree(landmarks, {rule.id: rule for rule in strategy.rules})
    return read_gates(as_text(gate_rows(used)))


def by_numpy(tube: Tube, strategy: Strategy, gates: list[Row]) -> dict[str, np.ndarray]:
    """Membership from the ledger's linear thresholds alone: parents and bounds, worked out here."""
    found: dict[str, np.ndarray | None] = {"root": np.ones(len(tube.events), dtype=bool)}
    counted = dict(found)
    for rule in strategy.rules:
        parent, own = found[rule.parent], [row for row in gates if row["population"] == rule.id]
        if parent is None or not own:
            found[rule.id] = parent if rule.step != "lineage" else None
            continue
        inside = parent.copy()
        for row in own:
            if row["bound"] != "shape":
                values = tube.linear(row["marker"])
                inside &= (
                    values >= row["threshold_linear"] if row["bound"] == "min" else values < row["threshold_linear"]
                )
            elif ":" in row["marker"]:
                inside &= in_polygon(tube, row["marker"].split(":"), json.loads(row["coordinates"]))
            else:
                values = tube.linear(row["marker"])
                inside &= sum((values >= a) & (values < b) for a, b in json.loads(row["coordinates"])).astype(bool)
        found[rule.id] = counted[rule.id] = inside
    return counted


def in_polygon(tube: Tube, markers: list[str], points: list[list[float]]) -> np.ndarray:
    """Even-odd rule, by crossings: matplotlib's, not FlowKit's."""
    from matplotlib.path import Path as Polygon

    pair = np.column_stack([tube.linear(marker) for marker in markers])
    return Polygon([*points, points[0]], closed=True).contains_points(pair)


def assert_same(populations: list[Population], expected: dict[str, np.ndarray], tag: str) -> None:
    """Every population event by event."""
    got = {one.id: one.inside for one in populations}
    assert set(got) == set(expected)
    for name, inside in expected.items():
        print(f"{tag} {name}: FlowKit {got[name].sum()}, numpy {inside.sum()}, differ {(got[name] != inside).sum()}")
    assert all(np.array_equal(got[name], inside) for name, inside in expected.items())


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_simulated(simulated_file: Callable, panel: str) -> None:
    made = simulated_file(panel)
    gates = ledger(made.tube, made.strategy)
    populations = gate_tube(made.tube, made.strategy, gates)
    assert_same(populations, by_numpy(made.tube, made.strategy, gates), panel)
    assert [one.id for one in populations] == list(made.strategy.population_ids)
    for step in agreed_steps(made.tube, made.strategy, gates):  # what the pictures draw
        counted = next(one for one in populations if one.id == step.rule.id)
        assert np.array_equal(step.inside, counted.inside), step.rule.id


@pytest.mark.parametrize("scale", [Scale("asinh", 0.0, 4.0, 1.0), Scale("logicle", 0.5, 4.5, 0.5)])
def test_other_scales(simulated_file: Callable, scale: Scale) -> None:
    made = simulated_file("nk")
    strategy = dataclasses.replace(made.strategy, scale=scale)
    axes = {
        name: axis
        if axis.is_linear
        else dataclasses.replace(axis, method=scale.method, w=scale.w, m=scale.m, a=scale.a)
        for name, axis in made.tube.axes.items()
    }
    tube = dataclasses.replace(made.tube, axes=axes)
    gates = ledger(tube, strategy)
    assert_same(gate_tube(tube, strategy, gates), by_numpy(tube, strategy, gates), scale.method)


def replaced(gates: list[Row], population: str, **changes: Any) -> list[Row]:
    """The ledger with one population's rows changed."""
    return [{**row, **changes} if row["population"] == population else row for row in gates]


@pytest.mark.parametrize(
    "intervals", [[[0.0, 1.0]], [[0.5, 1.0], [2.0, 2.5]], [[0.0, 0.3], [0.3, 0.7], [1.5, 9.0]], [[90.0, 99.0]]]
)
def test_time_intervals(simulated_file: Callable, intervals: list[list[float]]) -> None:
    """Several are rectangles joined by a Boolean gate that has the step's id."""
    made = simulated_file("nk")
    gates = replaced(ledger(made.tube, made.strategy), "steady_time", coordinates=json.dumps(intervals))
    assert_same(gate_tube(made.tube, made.strategy, gates), by_numpy(made.tube, made.strategy, gates), str(intervals))


def test_two_incidents_are_left_out_through_flowkit(simulated_file: Callable) -> None:
    made = simulated_file("nk")
    gates = replaced(ledger(made.tube, made.strategy), "steady_time", coordinates="[[0.0, 1.0], [2.0, 3.0]]")
    time = made.tube.linear("Time")
    steady = next(one for one in gate_tube(made.tube, made.strategy, gates) if one.id == "steady_time").inside
    assert steady.any()
    assert ((time[steady] < 1.0) | ((time[steady] >= 2.0) & (time[steady] < 3.0))).all()


@pytest.mark.parametrize(
    "lacking", [{"viability"}, {"FSC-H"}, {"FSC-H", "FSC-W"}, {"Time", "viability"}, {"dump"}, {"CD3"}, {"CD56"}]
)
def test_channels_missing(simulated_file: Callable, lacking: set[str]) -> None:
    """Children of a step that is not done hang from its parent; those of a lineage gate are not counted."""
    made = simulated_file("nk")
    axes = {name: axis for name, axis in made.tube.axes.items() if name not in lacking}
    tube = dataclasses.replace(made.tube, axes=axes)
    gates = ledger(tube, made.strategy)
    populations = gate_tube(tube, made.strategy, gates)
    assert_same(populations, by_numpy(tube, made.strategy, gates), f"without {sorted(lacking)}")
    parents = {one.id: one.parent for one in populations}
    if lacking == {"viability"}:
        assert "live" not in parents
        assert parents["without_monocytes"] == "singlets"
    if lacking == {"Time", "viability"}:
        assert (parents["singlets"], parents["without_monocytes"]) == ("in_range", "singlets")
    if lacking == {"dump"}:
        assert parents["lymphocytes"] == "live"
    if lacking == {"CD3"}:  # which also shows the corner method the cells without the dump
        assert set(parents) == {"root", "in_range", "steady_time", "singlets", "live", "lymphocytes"}


def test_child_with_a_gate_of_a_parent_without_one_is_not_counted(simulated_file: Callable) -> None:
    """CD56bright among all lymphocytes would be another population under the same name."""
    made = simulated_file("nk")
    gates = [row for row in ledger(made.tube, made.strategy) if row["population"] != "nk"]
    assert any(row["population"] == "cd56bright_nk" for row in gates)
    populations = {one.id: one for one in gate_tube(made.tube, made.strategy, gates)}
    assert not {"nk", "cd56bright_nk"} & set(populations)
    without_live = [row for row in gates if row["population"] != "live"]
    parents = {one.id: one.parent for one in gate_tube(made.tube, made.strategy, without_live)}
    assert parents["without_monocytes"] == "singlets"


def test_counts_are_those_of_the_membership(simulated_file: Callable) -> None:
    """What the sampled check compares with, by population, the root's first."""
    made = simulated_file("nk")
    gates = [row for row in ledger(made.tube, made.strategy) if row["population"] != "singlets"]
    tree = ledger_tree(made.strategy, gates, made.tube.axes, made.tube.spillover)
    counted = {one.id: one.n_events for one in gate_tube(made.tube, made.strategy, gates)}
    assert list(flowkit_counts(made.tube.file, tree).items()) == list(counted.items())
    assert counted["root"] == 15_000 and "singlets" not in counted and len(counted) > 8


def test_no_gates_at_all(simulated_file: Callable) -> None:
    made = simulated_file("nk")
    (root,) = gate_tube(made.tube, made.strategy, [])
    assert (root.id, root.n_events) == ("root", len(made.tube.events))


def test_nobody_inside(simulated_file: Callable) -> None:
    made = simulated_file("nk")
    gates = replaced(ledger(made.tube, made.strategy), "cd3", threshold=5.0, threshold_linear=1e9)
    counts = {one.id: one.n_events for one in gate_tube(made.tube, made.strategy, gates)}
    assert counts["cd3"] == 0


def test_threshold_at_an_event(make_fcs: Callable, tmp_path: Path) -> None:
    """On the threshold is above it, on either scale: min is inclusive, max is not."""
    values = np.array([[100.0], [500.0], [500.0], [900.0]])
    (tmp_path / "p.yaml").write_text("markers: {CD3: {channel: A}}\ncompensation: none\n", encoding="utf-8")
    entry = "  - {id: %s, parent: root, markers: [CD3], method: fixed, args: {threshold: 500, keep: %s}}\n"
    text = "populations:\n" + entry % ("up", "above") + entry % ("down", "below")
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    strategy = load_strategy(tmp_path / "s.yaml")
    tube = open_tube(make_fcs(values, ("A",)), load_panel(tmp_path / "p.yaml"), strategy.scale, sample_id="x")
    found = {one.id: one.inside.tolist() for one in gate_tube(tube, strategy, ledger(tube, strategy))}
    assert found["up"] == [False, True, True, True]
    assert found["down"] == [True, False, False, False]


def test_without_spillover(simulated_file: Callable) -> None:
    made = simulated_file("nk")
    tube = dataclasses.replace(made.tube, spillover=None, events=LinearEvents(made.tube.file.stored))
    gates = ledger(tube, made.strategy)
    assert_same(gate_tube(tube, made.strategy, gates), by_numpy(tube, made.strategy, gates), "no spillover")


def test_spillover_of_some_detectors(simulated_file: Callable) -> None:
    """Two of the five: the others' gates see them as they were measured."""
    made = simulated_file("nk")
    spillover = Spillover(("APC-Cy7-A", "PE-Cy7-A"), np.array([[1.0, 0.024], [0.088, 1.0]]), "x")
    events = EventsInMemory(compensate(made.tube.file.events, spillover, made.tube.file.names))
    tube = dataclasses.replace(made.tube, spillover=spillover, events=LinearEvents(events))
    gates = ledger(tube, made.strategy)
    assert_same(gate_tube(tube, made.strategy, gates), by_numpy(tube, made.strategy, gates), "partial spillover")


def test_every_range_has_its_own_transform(simulated_file: Callable) -> None:
    """Also where two ranges agree in their first six digits."""
    made = simulated_file("nk")
    axes = dict(made.tube.axes)
    axes["CD3"] = dataclasses.replace(axes["CD3"], top=4194303.0)
    axes["CD56"] = dataclasses.replace(axes["CD56"], top=4194304.0)
    gates = [row for row in ledger(made.tube, made.strategy) if row["bound"] != "shape"]
    model = modelled(dataclasses.replace(made.tube, axes=axes), made.strategy, gates)
    assert {one.param_t for one in model.transformations.values()} == {262144.0, 4194303.0, 4194304.0}


def assert_gatingml_gives_the_same(tube: Tube, strategy: Strategy, gates: list[Row]) -> None:
    """Exported by FlowKit, read again by FlowKit, gated again: event by event."""
    model = modelled(tube, strategy, gates)
    document = io.BytesIO()
    fk.export_gatingml(model, document)
    again = fk.parse_gating_xml(io.BytesIO(document.getvalue()))
    results = again.gate_sample(fk.Sample(tube.file.data, sample_id="x", subsample=1))
    for one in gate_tube(tube, strategy, gates)[1:]:
        inside = results.get_gate_membership(one.id)
        print(f"GatingML {one.id}: {one.n_events} and {inside.sum()}, differ {(inside != one.inside).sum()}")
        assert np.array_equal(inside, one.inside), one.id


@pytest.mark.parametrize("intervals", ["[[0.0, 9.0]]", "[[0.0, 1.0], [2.0, 3.5]]"])
@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_gatingml(simulated_file: Callable, panel: str, intervals: str) -> None:
    """A Boolean gate over two time intervals among the gates."""
    made = simulated_file(panel)
    gates = replaced(ledger(made.tube, made.strategy), "steady_time", coordinates=intervals)
    assert_gatingml_gives_the_same(made.tube, made.strategy, gates)


def test_gatingml_without_spillover(simulated_file: Callable) -> None:
    made = simulated_file("nk")
    tube = dataclasses.replace(made.tube, spillover=None, events=LinearEvents(made.tube.file.stored))
    assert_gatingml_gives_the_same(tube, made.strategy, ledger(tube, made.strategy))


# Real files.


@pytest.mark.parametrize("donor", ["Donor1", "Donor2"])
def test_real_pbmc(shared: Callable[[str], Path], donor: str) -> None:
    path = shared(f"data/omip021/{donor}.fcs")
    example = CHECKOUT / "resources/real-data/omip021/config"
    strategy = load_strategy(example / "tcell.yaml")
    tube = open_tube(path, load_panel(example / "pbmc.yaml"), strategy.scale, sample_id=donor)
    gates = ledger(tube, strategy)
    assert_same(gate_tube(tube, strategy, gates), by_numpy(tube, strategy, gates), donor)
    assert_gatingml_gives_the_same(tube, strategy, gates)  # detectors with slashes in their names
