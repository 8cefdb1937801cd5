"""Drawn gates counted, written down and drawn: numpy on compensated values is the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flowkit as fk
import numpy as np
import pytest
from matplotlib.path import Path as Outline

from cytotrial.columns import GATES
from cytotrial.figures.gates import draw_gates
from cytotrial.gating.counting import population_rows, step_rows
from cytotrial.gating.drawn.landmarks import gatingml_of
from cytotrial.gating.flowkit_model import gate_tube
from cytotrial.gating.gated_file import gate_whole
from cytotrial.gating.landmarks import Bound, Landmark
from cytotrial.gating.membership import agreed_steps
from cytotrial.gating.opening import doubts_about, open_for
from cytotrial.gating.placing import place_gates
from cytotrial.gating.strategy_file import load_strategy

CORNERS = ((60_000.0, 20_000.0), (120_000.0, 25_000.0), (100_000.0, 45_000.0), (50_000.0, 40_000.0))
MAP = """
populations:
  singlets: Scatter
  cd3: Scatter/T cells
  cd4: Scatter/T cells/CD4
  none: Scatter/T cells/not CD4
  either: Scatter/T cells/either
  rest: Scatter/rest
"""


@pytest.fixture
def opened(wsp, panel, fcs: Callable[..., Path], written: Callable[[str, str], Path]) -> tuple:
    """Strategy and tube: a polygon on scatter, in it a range and the events outside that, in these more."""
    cd4 = wsp.rectangle("CD4", {"Comp-FITC-A": (900.0, 60_000.0), "Comp-PE-A": (None, 700.0)})
    nots = wsp.boolean("NotNode", "not CD4", "Scatter/T cells/CD4")
    either = wsp.boolean("OrNode", "either", "Scatter/T cells/CD4", "Scatter/rest")
    unmapped = wsp.rectangle("APC high", {"Comp-APC-A": (500.0, None)})
    inner = wsp.rectangle("T cells", {"Comp-FITC-A": (300.0, None)}, cd4, unmapped, nots, either)
    rest = wsp.rectangle("rest", {"Comp-FITC-A": (300.0, None)}, outside=True, count=77)
    scatter = wsp.polygon("Scatter", ("FSC-A", "SSC-A"), CORNERS, inner, rest)
    text = wsp.file(wsp.sample("tube.fcs", scatter, matrix=np.array([[1, 0.2, 0], [0.05, 1, 0.1], [0, 0, 1.0]])))
    strategy = load_strategy(written("w.wsp", text), written("map.yaml", MAP))
    return strategy, open_for(strategy, fcs(), panel, sample_id="S1")


@pytest.fixture
def expected(compensated: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Who is inside, by hand."""
    fitc, pe = compensated["FITC-A"], compensated["PE-A"]
    scatter = Outline(CORNERS).contains_points(np.column_stack([compensated["FSC-A"], compensated["SSC-A"]]))
    cd3 = scatter & (fitc >= 300)
    cd4 = cd3 & (fitc >= 900) & (fitc < 60_000) & (pe < 700)
    rest = scatter & (fitc < 300)
    either = cd3 & (cd4 | rest)
    return {"singlets": scatter, "cd3": cd3, "cd4": cd4, "none": cd3 & ~cd4, "either": either, "rest": rest}


def test_counts_event_for_event(opened: tuple, expected: dict[str, np.ndarray]) -> None:
    strategy, tube = opened
    populations = {one.id: one for one in gate_tube(tube, strategy, [])}
    assert list(populations) == list(strategy.population_ids)
    for name, inside in expected.items():
        assert 20 < inside.sum() < 2900, name
        assert np.array_equal(populations[name].inside, inside), name
    parents = {name: one.parent for name, one in populations.items()}
    assert parents == {
        "root": "root",
        "singlets": "root",
        "cd3": "singlets",
        "cd4": "cd3",
        "none": "cd3",
        "either": "cd3",
        "rest": "singlets",
    }


def test_rows_of_populations_and_steps(opened: tuple, expected: dict[str, np.ndarray]) -> None:
    strategy, tube = opened
    populations = gate_tube(tube, strategy, [])
    rows = {row["population"]: row for row in population_rows("S1", strategy, populations, {})}
    assert (rows["cd4"]["n_parent"], rows["cd4"]["reason"]) == (int(expected["cd3"].sum()), None)
    steps = {row["step"]: row for row in step_rows("S1", strategy, populations, {"singlets": "drawn"})}
    assert list(steps) == ["singlets", "in_range", "steady_time", "live"]
    done = steps["singlets"]
    assert (done["kind"], done["done"], done["n_in"], done["n_out"]) == (
        "doublets",
        True,
        3000,
        expected["singlets"].sum(),
    )
    for name, kind in (("in_range", "margins"), ("steady_time", "time"), ("live", "dead")):
        assert (steps[name]["kind"], steps[name]["done"], steps[name]["n_in"]) == (kind, False, None)
        assert steps[name]["reason"] == "NOT DONE: the gate map names no gate for it"
    assert sorted(row["order"] for row in steps.values()) == [1, 2, 3, 4]


def test_ledger_has_every_gate_in_linear_units_and_words(opened: tuple) -> None:
    strategy, tube = opened
    landmarks: dict[str, Landmark] = {one.rule.id: one.landmark for one in place_gates(tube, strategy)}
    assert list(landmarks) == ["singlets", "cd3", "cd4", "none", "either", "rest"]
    (polygon,) = landmarks["singlets"].bounds
    assert (polygon.marker, polygon.side) == ("FSC-A:SSC-A", "shape")
    assert np.allclose(polygon.coordinates, CORNERS)
    assert {(b.marker, b.side, round(b.linear or 0)) for b in landmarks["cd4"].bounds} == {
        ("CD4", "min", 900),
        ("CD4", "max", 60_000),
        ("CD8", "max", 700),
    }
    assert landmarks["cd3"].reason == "drawn in w.wsp: Scatter/T cells"
    assert landmarks["rest"].reason == "drawn in w.wsp: Scatter/rest; the events outside it; FlowJo counted 77"
    nots, either = landmarks["none"], landmarks["either"]
    assert [(b.marker, b.side, b.linear, b.coordinates) for b in nots.bounds] == [("", "shape", None, None)]
    assert nots.reason.endswith('the Boolean gate not "Scatter/T cells/CD4"')
    assert either.reason.endswith('the Boolean gate "Scatter/T cells/CD4" or "Scatter/rest"')


def test_pictures_show_flowkits_events_and_leave_out_what_has_no_outline(opened: tuple, expected: dict) -> None:
    strategy, tube = opened
    steps = {step.rule.id: step for step in agreed_steps(tube, strategy, [])}
    for name, inside in expected.items():
        assert np.array_equal(steps[name].inside, inside)
    assert not steps["none"].bounds and not steps["either"].bounds and steps["cd4"].bounds
    rows = [ledger_row(one.rule.id, bound) for one in place_gates(tube, strategy) for bound in one.landmark.bounds]
    grids = {grid.population: grid for grid in gate_whole(tube, strategy, rows).grids}
    assert list(grids) == [name for name, step in steps.items() if step.bounds] == ["singlets", "cd3", "cd4", "rest"]
    for name, grid in grids.items():
        assert grid.n_inside == grid.inside.sum() == expected[name].sum()
        assert grid.bounds == steps[name].bounds
    picture = draw_gates(list(grids.values()), rows, title="S1", synthetic=False)
    assert picture == draw_gates(list(grids.values()), rows, title="S1", synthetic=False)
    assert all(f">{name}:<".encode() in picture for name in grids)
    assert b"none:<" not in picture and b"either:<" not in picture


def ledger_row(population: str, bound: Bound) -> dict[str, Any]:
    """As the ledger has a drawn gate: nothing was moved, and one without an outline has no coordinates."""
    row = dict.fromkeys(GATES.columns) | {"population": population, "marker": bound.marker, "bound": bound.side}
    corners = None if bound.coordinates is None else json.dumps(bound.coordinates)
    return row | {"threshold_linear": bound.linear, "coordinates": corners, "source": "fixed"}


def test_workspace_has_no_gatingml(opened: tuple) -> None:
    strategy, tube = opened
    assert gatingml_of(tube, strategy) is None


def test_gatingml_is_handed_on_with_the_populations_names(
    gatingml, panel, fcs: Callable[..., Path], written: Callable[[str, str], Path], tmp_path: Path
) -> None:
    side = '<data-type:fcs-dimension data-type:name="{}"/></gating:dimension></gating:RectangleGate>'
    head = '<gating:RectangleGate gating:id="{}"{}><gating:dimension gating:compensation-ref="FCS"{} gating:min="{}">'
    scale = (
        '<transforms:transformation transforms:id="cd4"><transforms:logicle transforms:T="262144" transforms:W="0.5" '
    )
    scale += 'transforms:M="4.5" transforms:A="0"/></transforms:transformation>'
    on = ' gating:transformation-ref="cd4"'
    text = gatingml(
        scale,
        head.format("T", "", "", "300") + side.format("FITC-A"),
        head.format("Helper", ' gating:parent_id="T"', on, "0.5") + side.format("FITC-A"),
        head.format("unused", "", "", "1") + side.format("APC-A"),
        '<gating:BooleanGate gating:id="noHelper"><gating:not><gating:gateReference gating:ref="Helper"/></gating:not>'
        "</gating:BooleanGate>",
    )
    drawing = written("g.xml", text)
    strategy = load_strategy(drawing, written("map.yaml", "populations: {cd4: T/Helper, rest: noHelper}"))
    tube = open_for(strategy, fcs(), panel, sample_id="S1")
    document = gatingml_of(tube, strategy)
    out = tmp_path / "S1.xml"
    out.write_bytes(document or b"")
    again = fk.parse_gating_xml(str(out)).gate_sample(fk.Sample(str(fcs()), subsample=1))
    counted = {one.id: one.n_events for one in gate_tube(tube, strategy, []) if one.id != "root"}
    assert set(counted) == {"cd4", "rest"} and all(20 < n < 2990 for n in counted.values())
    assert counted == {name: int(again.get_gate_membership(name).sum()) for name in counted}
    assert b'gating:id="unused"' not in (document or b"")


@pytest.mark.parametrize(("told", "doubted"), [(None, False), (0, False), (30, True), (-20, False), (-21, True)])
def test_counts_that_are_not_flowjos_are_doubted(
    told: int | None, doubted: bool, wsp, panel, fcs: Callable[..., Path], written: Callable[[str, str], Path], events
) -> None:
    """A population of a few hundred: more than 20 events, and 5 %, off what FlowJo wrote beside the gate."""
    low = float(np.sort(events[:, 2])[-300])
    n_inside = int((events[:, 2] >= low).sum())
    count = -1 if told is None else n_inside + told
    text = wsp.file(wsp.sample("tube.fcs", wsp.rectangle("T", {"FITC-A": (low, None)}, count=count)))
    strategy = load_strategy(written("w.wsp", text), written("map.yaml", "populations: {t: T}"))
    tube = open_for(strategy, fcs(), panel, sample_id="S1")
    flag = f"t: {n_inside} events, where FlowJo counted {count} in w.wsp"
    assert doubts_about(strategy, tube) == ([flag] if doubted else [])
    (placed,) = place_gates(tube, strategy)
    assert placed.n_parent == 3000
