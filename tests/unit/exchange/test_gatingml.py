"""GatingML of one file: valid by the standard's own schema, and with the FCS file alone the same events again."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flowkit as fk
import numpy as np
import pytest
from lxml import etree

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.fcs import read_fcs
from cytotrial.cytometry.linear_events import LinearEvents
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.tube import Tube, open_tube
from cytotrial.exchange.gatingml import gatingml
from cytotrial.gating.flowkit_model import flowkit_strategy, gate_tube
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.tree_from_ledger import ledger_tree

Row = dict[str, Any]
SCHEMA = Path(fk.__file__).parent / "_resources" / "Gating-ML.v2.0.xsd"
NAMES = ("FSC-A", "FSC-H", "SSC-A", "Time", "FL1/A", "FL 2-A", "FL3-A")
MARKERS = """\
markers: {CD3: {channel: FL1/A}, CD4: {channel: FL 2-A}, CD8: {channel: FL3-A}}
scatter: {fsc_area: FSC-A, fsc_height: FSC-H, ssc_area: SSC-A}
time: Time
compensation: COMPENSATION
"""
STRATEGY = """\
scale: SCALE
populations:
  - {id: in_range, parent: root, markers: [FSC-A, SSC-A], method: below_range, step: quality}
  - {id: steady_time, parent: in_range, markers: [Time], method: steady_signal, step: quality}
  - {id: singlets, parent: steady_time, markers: [FSC-A, FSC-H], method: singlet_band, step: quality}
  - {id: steady_time_1, parent: singlets, markers: [CD3], method: valley}
  - {id: spillover, parent: singlets, markers: [CD3], method: opposite, args: {of: steady_time_1}}
  - {id: cd4, parent: steady_time_1, markers: [CD4, CD8], method: quadrant}
"""
LOGICLE, ASINH = "{method: logicle, w: 1.0, m: 4.5, a: 0.0}", "{method: asinh, m: 4.0, a: 1.0}"
SPILL = "3,FL1/A,FL 2-A,FL3-A,1,0.1,0.02,0.05,1,0,0,0.2,1"


@dataclasses.dataclass(frozen=True)
class Made:
    """An FCS file of its own, its tube, and its gates."""

    path: Path
    tube: Tube
    strategy: Strategy
    gates: list[Row]


@pytest.fixture
def make(make_fcs: Callable[..., Path], tmp_path: Path) -> Callable[..., Made]:
    """Population ids that FlowKit's own names might meet, channels with a slash and a space, 4,000 events."""

    def build(*, scale: str = LOGICLE, compensation: str = "fcs", lacking: tuple[str, ...] = ()) -> Made:
        rng = np.random.default_rng(5)
        scatter = rng.normal((60e3, 50e3, 30e3), (15e3, 12e3, 9e3), size=(4000, 3))
        time = np.sort(rng.uniform(0, 3000, size=(4000, 1)), axis=0)
        stained = rng.lognormal(7, 1.5, size=(4000, 3)) - 300
        keywords = {"SPILL": SPILL, "$TIMESTEP": "0.01"}
        path = make_fcs(np.hstack([scatter, time, stained]), NAMES, keywords=keywords)
        (tmp_path / "p.yaml").write_text(MARKERS.replace("COMPENSATION", compensation), encoding="utf-8")
        (tmp_path / "s.yaml").write_text(STRATEGY.replace("SCALE", scale), encoding="utf-8")
        strategy = load_strategy(tmp_path / "s.yaml")
        tube = open_tube(path, load_panel(tmp_path / "p.yaml"), strategy.scale, sample_id="x")
        axes = {name: axis for name, axis in tube.axes.items() if name not in lacking}
        tube = dataclasses.replace(tube, axes=axes)
        return Made(path, tube, strategy, [row for row in all_gates(tube) if row is not None])

    return build


def all_gates(tube: Tube) -> list[Row | None]:
    """A gate for every population whose channels the file has; two intervals of time."""
    polygon = [[10e3, 0.0], [110e3, 100e3], [20e3, 110e3], [0.0, 40e3]]
    return [
        threshold(tube, "in_range", "FSC-A", "max", 95e3),
        threshold(tube, "in_range", "SSC-A", "max", 55e3),
        shape(tube, "steady_time", "Time", [[1.25, 9.5], [12.0, 29.0]]),
        shape(tube, "singlets", "FSC-A:FSC-H", polygon),
        threshold(tube, "steady_time_1", "CD3", "min", 700.1 / 3),
        threshold(tube, "spillover", "CD3", "max", 700.1 / 3),
        threshold(tube, "cd4", "CD4", "min", -37.5),
        threshold(tube, "cd4", "CD8", "max", 1e4 / 7),
    ]


def threshold(tube: Tube, population: str, marker: str, bound: str, linear: float) -> Row | None:
    axis = tube.axes.get(marker)
    place = {"threshold": float(axis.to_scale(linear)), "threshold_linear": linear} if axis else {}
    row = {"population": population, "marker": marker, "bound": bound, "coordinates": None, **place}
    return row if axis else None


def shape(tube: Tube, population: str, marker: str, points: list[list[float]]) -> Row | None:
    place = {"threshold": None, "threshold_linear": None, "coordinates": json.dumps(points)}
    there = all(part in tube.axes for part in marker.split(":"))
    return {"population": population, "marker": marker, "bound": "shape", **place} if there else None


def written(made: Made, gates: list[Row] | None = None) -> bytes:
    """The document."""
    tree = ledger_tree(made.strategy, made.gates if gates is None else gates, made.tube.axes, made.tube.spillover)
    return gatingml(flowkit_strategy(tree, made.tube.file.names))


def assert_reproduced(made: Made, document: bytes, gates: list[Row] | None = None) -> dict[str, int]:
    """Valid; and applied to the file as FlowKit reads it by itself, every population's events are those counted."""
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    assert schema.validate(etree.fromstring(document)), schema.error_log
    again = fk.parse_gating_xml(io.BytesIO(document))
    results = again.gate_sample(fk.Sample(made.path))
    counted = gate_tube(made.tube, made.strategy, made.gates if gates is None else gates)
    for one in counted[1:]:
        inside = results.get_gate_membership(one.id)
        print(f"{one.id}: counted {one.n_events}, from the document {inside.sum()}")
        assert np.array_equal(inside, one.inside), one.id
    return {one.id: one.n_events for one in counted}


@pytest.mark.parametrize("scale", [LOGICLE, ASINH], ids=["logicle", "asinh"])
@pytest.mark.parametrize("compensation", ["fcs", "none"])
def test_every_population(make: Callable[..., Made], scale: str, compensation: str) -> None:
    made = make(scale=scale, compensation=compensation)
    counts = assert_reproduced(made, written(made))
    assert set(counts) == set(made.strategy.population_ids)
    assert all(20 < counts[name] < counts["root"] for name in counts if name != "root"), counts
    assert (b"spectrumMatrix" in written(made)) == (compensation == "fcs")


def test_a_matrix_of_the_panels_own(make: Callable[..., Made]) -> None:
    """Not the file's: a reader that compensates with the document's matrix needs nothing else."""
    made = make()
    spillover = Spillover(("FL3-A", "FL1/A"), np.array([[1.0, 0.3], [0.1, 1.0]]), "m.csv")
    events = LinearEvents(made.tube.file.stored, spillover, made.tube.file.names)
    made = dataclasses.replace(made, tube=dataclasses.replace(made.tube, spillover=spillover, events=events))
    before, after = (assert_reproduced(one, written(one)) for one in (make(), made))
    assert before["cd4"] != after["cd4"]


@pytest.mark.parametrize("lacking", [("Time",), ("FSC-H", "Time"), ("CD3",), ("FSC-A", "SSC-A", "FSC-H", "Time")])
def test_steps_that_were_not_done(make: Callable[..., Made], lacking: tuple[str, ...]) -> None:
    made = make(lacking=lacking)
    document = written(made)
    counts = assert_reproduced(made, document)
    assert b"steady_time.1" not in document if "Time" in lacking else b"steady_time.1" in document
    assert ("cd4" in counts) == ("CD3" not in lacking)


@pytest.mark.parametrize(
    "intervals", [[[0.5, 20.0]], [[0.0, 3.0], [3.0, 7.0], [9.0, 9.5], [11.0, 40.0]], [[500.0, 501.0]]]
)
def test_intervals_of_time(make: Callable[..., Made], intervals: list[list[float]]) -> None:
    made = make()
    gates = [row for row in made.gates if row["population"] != "steady_time"]
    gates.append(shape(made.tube, "steady_time", "Time", intervals))
    document = written(made, gates)
    assert_reproduced(made, document, gates)
    assert document.count(b'gating:id="steady_time.') == (len(intervals) if len(intervals) > 1 else 0)


def test_gate_ids_are_the_populations(make: Callable[..., Made]) -> None:
    """And nothing else but the parts of the time step, whose names no population can have."""
    root = etree.fromstring(written(make()))
    gating = "{http://www.isac-net.org/std/Gating-ML/v2.0/gating}"
    ids = {element.get(f"{gating}id"): element.get(f"{gating}parent_id") for element in root if gating in element.tag}
    assert ids == {
        "in_range": None,
        "steady_time.1": "in_range",
        "steady_time.2": "in_range",
        "steady_time": "in_range",
        "singlets": "steady_time",
        "steady_time_1": "singlets",
        "spillover": "singlets",
        "cd4": "steady_time_1",
    }


def test_numbers_lose_no_digit(make: Callable[..., Made]) -> None:
    made = make()
    document = written(made).decode()
    for row in made.gates:
        value = row["threshold"]
        assert value is None or f'="{value!r}"' in document, row


PROGRAM = """\
import hashlib, json
from pathlib import Path
from cytotrial.exchange.gatingml import gatingml
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.tube import open_tube
from cytotrial.gating.flowkit_model import flowkit_strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.tree_from_ledger import ledger_tree
strategy = load_strategy(Path("s.yaml"))
tube = open_tube(Path("made.fcs"), load_panel(Path("p.yaml")), strategy.scale, sample_id="x")
gates = json.loads(Path("gates.json").read_text())
tree = ledger_tree(strategy, gates, tube.axes, tube.spillover)
print(hashlib.sha256(gatingml(flowkit_strategy(tree, tube.file.names))).hexdigest())
"""


@pytest.mark.parametrize("seed", ["1", "77"])
def test_same_bytes_whatever_pythons_hashes(
    make: Callable[..., Made], run_python: Callable, monkeypatch: pytest.MonkeyPatch, seed: str
) -> None:
    made = make()
    (made.path.parent / "gates.json").write_text(json.dumps(made.gates), encoding="utf-8")
    monkeypatch.setenv("PYTHONHASHSEED", seed)
    done = run_python(PROGRAM, folder=made.path.parent)
    assert done.stdout.split()[-1] == hashlib.sha256(written(made)).hexdigest(), done.stderr


def small_model() -> fk.GatingStrategy:
    """One rectangle on FSC-A."""
    model = fk.GatingStrategy()
    model.add_gate(fk.gates.RectangleGate("a", [fk.Dimension("FSC-A", range_max=5.0)]), ("root",))
    return model


def test_what_flowkit_would_lose_is_refused() -> None:
    assert b'gating:id="a"' in gatingml(small_model())
    with pytest.raises(ValueError, match="cannot say this: no gate at all"):
        gatingml(fk.GatingStrategy())
    model = small_model()
    model.add_transform("biex", fk.transforms.WSPBiexTransform())
    with pytest.raises(ValueError, match=r"cannot say this: the scale biex \(WSPBiexTransform\)"):
        gatingml(model)
    model = small_model()
    model.add_gate(fk.gates.RectangleGate("b", [fk.Dimension("FSC-A", range_max=4.0)], use_complement=True), ("root",))
    with pytest.raises(ValueError, match="cannot say this: the complement of b"):
        gatingml(model)
    model = small_model()
    model.add_gate(fk.gates.RectangleGate("a", [fk.Dimension("SSC-A", range_max=5.0)]), ("root", "a"))
    with pytest.raises(ValueError, match="cannot say this: 2 gates called a"):
        gatingml(model)


def test_the_reader_is_the_files_own(make: Callable[..., Made]) -> None:
    """The oracle of these tests reads the file without our code: the same events, time in seconds."""
    made = make()
    sample = fk.Sample(made.path)
    events = sample.get_events(source="raw")
    assert np.array_equal(events, read_fcs(made.path).events)
    assert isinstance(made.strategy.rules[0], Rule)
