"""What the pictures draw is what FlowKit counts: membership without FlowKit equals FlowKit's, event for event."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.tube import Tube, open_tube
from cytotrial.gating.flowkit_model import gate_tube
from cytotrial.gating.landmarks import Bound, bounds_of
from cytotrial.gating.ledger import gate_rows, landmark_rows, read_gates, read_landmarks
from cytotrial.gating.membership import agreed_steps
from cytotrial.gating.placing import place_gates
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.tables import format_cell

CHECKOUT = Path(__file__).resolve().parents[3]
FILES = ("S001_W0_treg", "S006_W10_treg", "S001_W0_nk", "S006_W10_nk")
Row = dict[str, Any]


@cache
def demo(name: str) -> tuple[Tube, Strategy]:
    """A file of the demonstration."""
    panel = name.rpartition("_")[2]
    strategy = load_strategy(CHECKOUT / f"config/gating/{panel}.yaml")
    markers = load_panel(CHECKOUT / f"config/panels/{panel}.yaml")
    path = CHECKOUT / f"resources/demo/fcs/{name}.fcs"
    return open_tube(path, markers, strategy.scale, sample_id=name), strategy


def as_text(rows: list[Row]) -> list[Row]:
    """Rows as a table gives them back."""
    return [{k: None if format_cell(v) == "NA" else format_cell(v) for k, v in row.items()} for row in rows]


def ledger(tube: Tube, strategy: Strategy) -> list[Row]:
    """The file's gates as `agree-gates` would write and `draw-gates` read them."""
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


def assert_as_flowkit(tube: Tube, strategy: Strategy, gates: list[Row]) -> None:
    """Same populations, same events inside, same events in the parent."""
    counted = {one.id: one for one in gate_tube(tube, strategy, gates)}
    steps = agreed_steps(tube, strategy, gates)
    assert [step.rule.id for step in steps] == list(counted)[1:]
    for step in steps:
        one = counted[step.rule.id]
        differ = np.count_nonzero(step.inside != one.inside)
        print(f"{tube.sample_id} {one.id}: {step.inside.sum()}, FlowKit {one.n_events}, differ {differ}")
        assert np.array_equal(step.inside, one.inside), one.id
        assert np.array_equal(step.parent, counted[one.parent].inside), one.id


@pytest.mark.parametrize("name", FILES)
def test_demonstration(name: str) -> None:
    tube, strategy = demo(name)
    gates = ledger(tube, strategy)
    assert_as_flowkit(tube, strategy, gates)
    steps = agreed_steps(tube, strategy, gates)
    assert [step.rule.id for step in steps] == [rule.id for rule in strategy.rules if rule.usable_markers(tube.axes)]
    assert all(0 < step.inside.sum() < len(tube.events) for step in steps)


@pytest.mark.parametrize("name", FILES[1:3])
@pytest.mark.parametrize(
    "lacking", [{"viability"}, {"Time"}, {"FSC-H"}, {"FSC-A", "FSC-H", "FSC-W", "SSC-A"}, {"CD3"}, {"CD3", "viability"}]
)
def test_channels_missing(name: str, lacking: set[str]) -> None:
    tube, strategy = demo(name)
    axes = {marker: axis for marker, axis in tube.axes.items() if marker not in lacking}
    fewer = dataclasses.replace(tube, axes=axes)
    assert_as_flowkit(fewer, strategy, ledger(fewer, strategy))


@pytest.mark.parametrize("name", FILES[1:3])
def test_gates_of_another_file(name: str) -> None:
    """Borrowed thresholds and shapes, which this file's own data did not place."""
    tube, strategy = demo(name)
    donor, _ = demo("S001_W0_treg" if name.endswith("treg") else "S006_W10_nk")
    assert_as_flowkit(tube, strategy, ledger(donor, strategy))


@pytest.mark.parametrize(
    "intervals", [[[0.0, 5.0], [7.5, 12.0]], [[0.0, 1.0], [1.0, 2.0], [30.0, 99.0]], [[900.0, 901.0]]]
)
def test_time_intervals(intervals: list[list[float]]) -> None:
    tube, strategy = demo("S001_W0_nk")
    gates = ledger(tube, strategy)
    changed = [
        {**row, "coordinates": json.dumps(intervals)} if row["population"] == "steady_time" else row for row in gates
    ]
    assert_as_flowkit(tube, strategy, changed)


@pytest.mark.parametrize("population", ["live", "cd3", "nk"])
def test_threshold_on_an_event(population: str) -> None:
    """On an event's own value, through the ledger's two scales: both say the same of that event."""
    tube, strategy = demo("S001_W0_nk")
    gates = ledger(tube, strategy)
    rng = np.random.default_rng(1)
    marker = next(row["marker"] for row in gates if row["population"] == population)
    axis, wrong = tube.axes[marker], 0
    for value in rng.choice(tube.linear(marker), 5, replace=False):
        place = {"threshold_linear": float(value), "threshold": float(axis.to_scale(value))}
        changed = [{**row, **place} if row["population"] == population else row for row in gates]
        counted = {one.id: one.inside for one in gate_tube(tube, strategy, changed)}
        step = next(step for step in agreed_steps(tube, strategy, changed) if step.rule.id == population)
        wrong += int(np.count_nonzero(step.inside != counted[population]))
    print(f"{population}: {wrong} of 5 x {len(tube.events)} events differ")
    assert wrong == 0


def test_no_gate_at_all() -> None:
    tube, strategy = demo("S001_W0_nk")
    assert agreed_steps(tube, strategy, []) == []


def test_lineage_without_a_gate_hides_its_children() -> None:
    """A quality step without a gate does not."""
    tube, strategy = demo("S001_W0_treg")
    gates = [row for row in ledger(tube, strategy) if row["population"] not in ("live", "cd4")]
    names = [step.rule.id for step in agreed_steps(tube, strategy, gates)]
    assert names == ["in_range", "steady_time", "singlets", "lymphocytes", "cd3", "cd8"]


def test_bounds_of_a_ledger() -> None:
    common = {"population": "x", "threshold": 0.4}
    rows = [
        {**common, "marker": "CD4", "bound": "min", "threshold_linear": 900.0, "coordinates": None},
        {
            **common,
            "marker": "FSC-A:SSC-A",
            "bound": "shape",
            "threshold_linear": None,
            "coordinates": "[[1, 2], [3, 4.5]]",
        },
    ]
    assert bounds_of(rows) == (
        Bound("CD4", "min", 900.0, None),
        Bound("FSC-A:SSC-A", "shape", None, ((1, 2), (3, 4.5))),
    )
