"""One file gated by the engine: its counts are FlowKit's to the event, its grids those of FlowKit's events."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import open_events
from cytotrial.cytometry.linear_events import LinearEvents
from cytotrial.cytometry.scale import Scale
from cytotrial.cytometry.tube import Tube
from cytotrial.gating import gated_file
from cytotrial.gating.engine.errors import AmbiguousEventError
from cytotrial.gating.gated_file import GatedFile, Population, gate_file, gate_whole
from cytotrial.gating.strategy import Strategy

Row = dict[str, Any]
Gate = Callable[..., GatedFile]
AT_A_BORDER = 4  # events of a grid that the engine's last digits may put into the bin beside


@pytest.fixture
def both(ledger_of: Callable[..., list[Row]]) -> Gate:
    """Engine and FlowKit on the same gates: the engine's result, where they agree."""

    def gate(tube: Tube, strategy: Strategy, gates: list[Row] | None = None) -> GatedFile:
        gates = ledger_of(tube, strategy) if gates is None else gates
        engine = gate_file(open_events(path_of(tube)), strategy, gates, tube.axes, tube.spillover)
        flowkit = gate_whole(tube, strategy, gates)
        for ours, theirs in zip(engine.populations, flowkit.populations, strict=True):
            print(f"{ours.id} of {ours.parent}: engine {ours.n_events}, FlowKit {theirs.n_events}")
        assert engine.populations == flowkit.populations
        assert_same_grids(engine, flowkit)
        return engine

    return gate


def path_of(tube: Tube) -> Path:
    assert tube.file.path is not None
    return tube.file.path


def assert_same_grids(engine: GatedFile, flowkit: GatedFile) -> None:
    """Same gates, axes, ranges and numbers; in bins, the same but for events on the border of two."""
    assert len(engine.grids) == len(flowkit.grids)
    for ours, theirs in zip(engine.grids, flowkit.grids, strict=True):
        for field in ("population", "x", "y", "x_range", "y_range", "n_parent", "n_inside"):
            assert getattr(ours, field) == getattr(theirs, field), (ours.population, field)
        for one, other in ((ours.parent, theirs.parent), (ours.inside, theirs.inside)):
            moved = int(np.abs(one.astype(int) - other.astype(int)).sum()) / 2
            assert one.sum() > 0 or ours.n_inside == 0
            assert moved <= AT_A_BORDER, f"{ours.population}: {moved:g} events in another bin"


def counts(found: GatedFile) -> dict[str, int]:
    return {one.id: one.n_events for one in found.populations}


def replaced(gates: list[Row], population: str, **changes: Any) -> list[Row]:
    """The ledger with one population's rows changed."""
    return [{**row, **changes} if row["population"] == population else row for row in gates]


def lacking(tube: Tube, *markers: str) -> Tube:
    """The tube without some channels."""
    return dataclasses.replace(tube, axes={name: axis for name, axis in tube.axes.items() if name not in markers})


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_both_panels(simulated_file: Callable, both: Gate, panel: str) -> None:
    made = simulated_file(panel)
    found = both(made.tube, made.strategy)
    assert list(counts(found)) == list(made.strategy.population_ids)
    assert found.populations[0] == Population("root", "root", 15_000)
    assert all(0 < n <= 15_000 for n in counts(found).values())
    assert [grid.population for grid in found.grids] == [rule.id for rule in made.strategy.rules]


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_a_file_of_several_blocks(simulated_file: Callable, both: Gate, panel: str) -> None:
    made = simulated_file(panel, 40_000)
    assert counts(both(made.tube, made.strategy))["root"] == 40_000


@pytest.mark.parametrize(
    "without", [{"viability"}, {"FSC-H"}, {"FSC-H", "FSC-W"}, {"Time", "viability"}, {"dump"}, {"CD3"}, {"CD56"}]
)
def test_channels_missing(simulated_file: Callable, both: Gate, without: set[str]) -> None:
    """Parents too: a step that was NOT DONE is passed over, a lineage that was not gated takes its children along."""
    made = simulated_file("nk")
    found = both(lacking(made.tube, *without), made.strategy)
    parents = {one.id: one.parent for one in found.populations}
    if without == {"Time", "viability"}:
        assert (parents["singlets"], parents["without_monocytes"]) == ("in_range", "singlets")
    if without == {"CD3"}:
        assert set(parents) == {"root", "in_range", "steady_time", "singlets", "live", "lymphocytes"}


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_without_spillover(simulated_file: Callable, both: Gate, panel: str) -> None:
    made = simulated_file(panel)
    tube = dataclasses.replace(made.tube, spillover=None, events=LinearEvents(made.tube.file.stored))
    assert counts(both(tube, made.strategy)) != counts(both(made.tube, made.strategy))


def test_spillover_of_some_detectors(simulated_file: Callable, both: Gate) -> None:
    """Two of the five, in another order than the file's: the others' gates see them as they were measured."""
    made = simulated_file("nk")
    spillover = Spillover(("PE-Cy7-A", "APC-Cy7-A"), np.array([[1.0, 0.088], [0.024, 1.0]]), "m.csv")
    events = LinearEvents(made.tube.file.stored, spillover, made.tube.file.names)
    tube = dataclasses.replace(made.tube, spillover=spillover, events=events)
    assert counts(both(tube, made.strategy)) != counts(both(made.tube, made.strategy))


@pytest.mark.parametrize(
    "intervals", [[[0.0, 1.0]], [[0.5, 1.0], [2.0, 2.5]], [[0.0, 0.3], [0.3, 0.7], [1.5, 9.0]], [[90.0, 99.0]]]
)
def test_stretches_of_time(simulated_file: Callable, both: Gate, intervals: list[list[float]], ledger_of: Any) -> None:
    made = simulated_file("nk")
    gates = replaced(ledger_of(made.tube, made.strategy), "steady_time", coordinates=json.dumps(intervals))
    found = counts(both(made.tube, made.strategy, gates))
    time = made.tube.linear("Time")
    expected = sum(np.count_nonzero((time >= low) & (time < high)) for low, high in intervals)
    margins = 15_000 - found["in_range"]
    assert expected - margins <= found["steady_time"] <= expected


@pytest.mark.parametrize("scale", [Scale("asinh", 0.0, 4.0, 1.0), Scale("logicle", 0.5, 4.5, 0.5)])
def test_other_scales(simulated_file: Callable, both: Gate, scale: Scale) -> None:
    made = simulated_file("treg")
    told = {"method": scale.method, "w": scale.w, "m": scale.m, "a": scale.a}
    axes = {
        name: axis if axis.is_linear else dataclasses.replace(axis, **told) for name, axis in made.tube.axes.items()
    }
    both(dataclasses.replace(made.tube, axes=axes), dataclasses.replace(made.strategy, scale=scale))


def test_a_polygon_on_stained_channels(simulated_file: Callable, both: Gate, ledger_of: Any) -> None:
    """As a gate moved by hand may be: straight on the scale, one corner below zero."""
    made = simulated_file("treg")
    gates = [row for row in ledger_of(made.tube, made.strategy) if row["population"] != "cd4"]
    shape = {"marker": "CD4:CD8", "bound": "shape", "threshold": None, "threshold_linear": None}
    corners = [[900.0, -300.0], [2e5, -50.0], [1.5e5, 900.0], [2e3, 400.0]]
    gates.append({**gates[-1], "population": "cd4", **shape, "coordinates": json.dumps(corners)})
    found = counts(both(made.tube, made.strategy, gates))
    assert 500 < found["cd4"] < found["cd3"] and found["treg"] > 0


def test_no_gates_at_all(simulated_file: Callable, both: Gate) -> None:
    made = simulated_file("nk")
    found = both(made.tube, made.strategy, [])
    assert found == GatedFile((Population("root", "root", 15_000),), ())


def test_nobody_inside(simulated_file: Callable, both: Gate, ledger_of: Any) -> None:
    """Children of nobody are counted, 0; a gate whose parent is empty has an empty grid."""
    made = simulated_file("nk")
    gates = replaced(ledger_of(made.tube, made.strategy), "cd3_negative", threshold=-5.0, threshold_linear=-1e9)
    found = both(made.tube, made.strategy, gates)
    assert {name: counts(found)[name] for name in ("cd3_negative", "nk", "cd56bright_nk")} == {
        "cd3_negative": 0,
        "nk": 0,
        "cd56bright_nk": 0,
    }
    empty = next(grid for grid in found.grids if grid.population == "nk")
    assert (empty.n_parent, int(empty.parent.sum())) == (0, 0)


def test_time_is_seen_as_long_as_it_was_acquired(simulated_file: Callable, both: Gate, ledger_of: Any) -> None:
    """What the gate left out at either end is in the picture."""
    made = simulated_file("nk")
    time = made.tube.linear("Time")
    gates = replaced(ledger_of(made.tube, made.strategy), "steady_time", coordinates="[[1.0, 1.5]]")
    (grid,) = [one for one in both(made.tube, made.strategy, gates).grids if one.population == "steady_time"]
    low, high = grid.x_range if grid.x.marker == "Time" else grid.y_range
    assert low < time.min() < 1.0 and 1.5 < time.max() < high


def test_an_event_on_the_edge_is_counted_as_flowkit_does(
    simulated_file: Callable, both: Gate, ledger_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A threshold at an event's own value, to FlowKit's last digit; the grids begin again."""
    from flowutils.compensate import compensate

    caplog.set_level("INFO")
    made = simulated_file("nk")
    tube = made.tube
    indices = [tube.file.names.index(name) for name in tube.spillover.detectors]
    values = compensate(tube.file.events, tube.spillover.matrix, indices)[:, tube.axes["CD3"].index]
    linear = float(np.sort(values)[-4000])
    place = float(tube.axes["CD3"].to_scale(linear))
    gates = replaced(ledger_of(tube, made.strategy), "cd3", threshold=place, threshold_linear=linear)
    both(tube, made.strategy, gates)
    assert "an event lies on the edge of a gate: compensated with FlowKit's own arithmetic" in caplog.messages


def test_what_the_engine_cannot_is_told(
    simulated_file: Callable, ledger_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No count is made up: whoever asked hands the file to FlowKit."""
    from cytotrial.gating.engine import run
    from cytotrial.gating.engine.errors import UncompilableError

    def ambiguous(*_: Any, **__: Any) -> None:
        raise AmbiguousEventError("an event within 1e-12 of 500")

    made = simulated_file("nk")
    gates = ledger_of(made.tube, made.strategy)
    monkeypatch.setattr(run, "_pass", ambiguous)
    with pytest.raises(UncompilableError, match="an event within 1e-12 of 500"):
        gate_file(open_events(path_of(made.tube)), made.strategy, gates, made.tube.axes, made.tube.spillover)


def test_grids_are_counted_in_the_same_pass(simulated_file: Callable, ledger_of: Any, monkeypatch: Any) -> None:
    """Reading a file twice would take as long again."""
    made, passes = simulated_file("nk"), []
    gate_events = gated_file.gate_events
    monkeypatch.setattr(gated_file, "gate_events", lambda *a, **k: passes.append(k) or gate_events(*a, **k))
    gates = ledger_of(made.tube, made.strategy)
    found = gate_file(open_events(path_of(made.tube)), made.strategy, gates, made.tube.axes, made.tube.spillover)
    assert len(passes) == 1 and len(passes[0]["onlookers"]) == 1 and len(found.grids) > 7
