"""A file with its drawn gates: found by name, compensated as drawn, and what cannot be applied said gate by gate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cytotrial.cytometry.fcs import UnreadableFcsError
from cytotrial.cytometry.panel import Panel
from cytotrial.gating.drawn.tube import DrawnTube
from cytotrial.gating.flowkit_model import gate_tube
from cytotrial.gating.opening import open_for
from cytotrial.gating.placing import place_gates
from cytotrial.gating.strategy_file import load_strategy

BRIGHT = {"FITC-A": (1000.0, None)}
EDITED = np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # no file's own: edited in FlowJo


@pytest.fixture
def open_with(panel: Panel, fcs: Callable[..., Path], written: Callable[[str, str], Path]) -> Callable[..., tuple]:
    """A workspace's or GatingML file's text and a map -> strategy and tube."""

    def make(text: str, populations: str, *, samples: str = "{}", sample_id: str = "S1", path: Path | None = None):
        drawing = written("g.xml" if "Gating-ML " in text[:80] else "w.wsp", text)
        kept = "" if samples == "{}" else f"\nsamples: {samples}"
        strategy = load_strategy(drawing, written("map.yaml", f"populations: {populations}{kept}"))
        return strategy, open_for(strategy, path or fcs(), panel, sample_id=sample_id)

    return make


def counts(strategy, tube) -> dict[str, int]:
    return {one.id: one.n_events for one in gate_tube(tube, strategy, [])}


NAMES = {
    "its own name": ("tube.fcs", "{}"),
    "its own name in another case": ("Tube.FCS", "{}"),
    "what its instrument called it": ("written.fcs", "{}"),
    "what the map says": ("Specimen_001_A1.fcs", "{S1: specimen_001_a1.FCS}"),
}


@pytest.mark.parametrize("case", NAMES)
def test_file_is_found_by(case: str, wsp, open_with: Callable[..., tuple]) -> None:
    name, samples = NAMES[case]
    other = wsp.sample("other.fcs", wsp.rectangle("T", {"FITC-A": (1e6, None)}))
    text = wsp.file(other, wsp.sample(name, wsp.rectangle("T", BRIGHT)))
    strategy, tube = open_with(text, "{t: T}", samples=samples)
    assert tube.name == name and counts(strategy, tube)["t"] > 500


def test_name_on_the_disk_goes_before_the_instruments(wsp, open_with: Callable[..., tuple]) -> None:
    both = (wsp.sample("written.fcs", wsp.rectangle("T", BRIGHT)), wsp.sample("tube.fcs", wsp.rectangle("T", BRIGHT)))
    assert open_with(wsp.file(*both), "{t: T}")[1].name == "tube.fcs"


def test_file_that_the_workspace_does_not_know(wsp, open_with: Callable[..., tuple]) -> None:
    text = wsp.file(wsp.sample("tube_1.fcs", wsp.rectangle("T", BRIGHT)))
    with pytest.raises(UnreadableFcsError) as raised:
        open_with(text, "{t: T}")
    assert str(raised.value) == (
        "w.wsp has no sample called neither 'tube.fcs' nor 'written.fcs' (did you mean 'tube_1.fcs'?); "
        "say in the gate map what it is called there, as in samples: {S1: NAME}"
    )


def test_name_that_two_samples_have(wsp, open_with: Callable[..., tuple]) -> None:
    twice = [wsp.sample("tube.fcs", wsp.rectangle("T", {"FITC-A": (low, None)})) for low in (1.0, 1000.0)]
    with pytest.raises(UnreadableFcsError, match=r"w.wsp has 2 samples called 'tube.fcs': rename one in FlowJo"):
        open_with(wsp.file(*twice), "{t: T}")


def test_the_workspaces_matrix_and_not_the_panels(
    wsp, open_with: Callable[..., tuple], events: np.ndarray, fcs: Callable[..., Path]
) -> None:
    gate = wsp.rectangle("T", {"Comp-PE-A": (300.0, None)})
    strategy, tube = open_with(wsp.file(wsp.sample("tube.fcs", gate, matrix=EDITED)), "{t: T}")
    wanted = events[:, 2:5].astype(float) @ np.linalg.inv(EDITED)
    compensated = np.column_stack([tube.events.column(index) for index in (2, 3, 4)])
    assert np.allclose(compensated, wanted, rtol=1e-6, atol=1e-3)
    assert counts(strategy, tube)["t"] == int((wanted[:, 1] >= 300).sum())
    assert tube.spillover.source == "w.wsp"
    bare = fcs("bare.fcs", fil="tube.fcs", **{"$SPILLOVER": None})  # no matrix of its own, and needs none
    assert counts(*open_with(wsp.file(wsp.sample("tube.fcs", gate, matrix=EDITED)), "{t: T}", path=bare))["t"] > 100


def test_axes_have_the_panels_names_where_it_has_any(wsp, open_with: Callable[..., tuple]) -> None:
    gates = wsp.rectangle("T", {"FITC-A": (1.0, None), "APC-A": (1.0, None), "FSC-A": (1.0, None)})
    _, tube = open_with(wsp.file(wsp.sample("tube.fcs", gates)), "{t: T}")
    assert isinstance(tube, DrawnTube)
    assert {marker: axis.channel for marker, axis in tube.axes.items()} == {
        "CD4": "FITC-A",
        "CD8": "PE-A",
        "APC-A": "APC-A",
        "FSC-A": "FSC-A",
    }
    assert [marker for marker, axis in tube.axes.items() if axis.is_linear] == ["FSC-A"]


def test_gates_of_this_sample_that_are_not_there(wsp, open_with: Callable[..., tuple]) -> None:
    whole = wsp.sample("other.fcs", wsp.rectangle("T", BRIGHT, wsp.rectangle("CD4", BRIGHT)))
    strategy, tube = open_with(
        wsp.file(whole, wsp.sample("tube.fcs", wsp.rectangle("T", BRIGHT))), "{t: T, cd4: T/CD4}"
    )
    assert set(counts(strategy, tube)) == {"root", "t"}
    outcomes = {one.rule.id: (one.outcome, one.landmark.reason) for one in place_gates(tube, strategy)}
    assert outcomes["cd4"] == ("not_found", "w.wsp has no gate 'T/CD4' for 'tube.fcs'")


def test_gate_on_a_channel_that_the_file_lacks_stops_its_children_alone(wsp, open_with: Callable[..., tuple]) -> None:
    child = wsp.rectangle("child", BRIGHT)
    foreign = wsp.rectangle("foreign", {"BV421-A": (1.0, None)}, child)
    text = wsp.file(wsp.sample("tube.fcs", foreign, wsp.rectangle("T", BRIGHT)))
    strategy, tube = open_with(text, "{foreign: foreign, child: foreign/child, t: T}")
    assert set(counts(strategy, tube)) == {"root", "t"}
    outcomes = {one.rule.id: (one.outcome, one.landmark.reason) for one in place_gates(tube, strategy)}
    assert outcomes["foreign"] == outcomes["child"] == ("not_done", "no BV421-A channel")
    assert outcomes["t"][0] == "found"


def test_gate_that_flowkit_does_not_read_stops_nothing_else(wsp, open_with: Callable[..., tuple]) -> None:
    curly = wsp.gate("curly", "<gating:CurlyQuad/>", wsp.rectangle("below", BRIGHT))
    text = wsp.file(wsp.sample("tube.fcs", curly, wsp.rectangle("T", BRIGHT)))
    _, asked = open_with(text, "{below: curly/below, t: T}")
    assert set(asked.absent) == {"root/curly", "below"}
    assert asked.absent["below"][1].startswith("FlowKit does not read the CurlyQuad curly: ")
    strategy, tube = open_with(text, "{t: T}")
    assert tube.absent == {} and counts(strategy, tube)["t"] > 500


def test_scale_that_flowkit_does_not_read_matters_only_where_a_gate_is(wsp, open_with: Callable[..., tuple]) -> None:
    odd = {"PE-A": "<transforms:miltenyi>{}</transforms:miltenyi>"}
    gates = (wsp.rectangle("T", BRIGHT), wsp.rectangle("P", {"PE-A": (1.0, None)}))
    text = wsp.file(wsp.sample("tube.fcs", *gates, scales=odd))
    assert open_with(text, "{t: T}")[1].absent == {}
    absent = open_with(text, "{t: T, p: P}")[1].absent
    assert set(absent) == {"p"} and "miltenyi" in absent["p"][1]


def test_circle_that_flowkit_does_not_read_is_not_counted_as_empty(wsp, open_with: Callable[..., tuple]) -> None:
    circle = wsp.ellipse("round", ("FSC-A", "SSC-A"), [(100, 50)] * 2, [(110, 50), (90, 50), (100, 60), (100, 40)])
    _, tube = open_with(wsp.file(wsp.sample("tube.fcs", circle, wsp.rectangle("T", BRIGHT))), "{round: round, t: T}")
    assert set(tube.absent) == {"round"} and "FlowKit does not read the EllipsoidGate" in tube.absent["round"][1]


def test_gate_without_numbers_is_not_counted_as_empty(wsp, open_with: Callable[..., tuple]) -> None:
    corners = ((1.0, 1.0), (9e4, 1.0), (9e4, float("nan")))
    gates = [wsp.rectangle("T", BRIGHT), wsp.rectangle("R", {"FITC-A": (float("nan"), None)})]
    text = wsp.file(wsp.sample("tube.fcs", *gates, wsp.polygon("P", ("FSC-A", "SSC-A"), corners)))
    _, tube = open_with(text, "{t: T, r: R, p: P}")
    assert set(tube.absent) == {"r", "p"}
    assert tube.absent["r"] == ("not_found", "R has a limit or a corner that is not a number")


def test_boolean_gate_of_a_gate_that_is_gone(wsp, open_with: Callable[..., tuple]) -> None:
    text = wsp.file(wsp.sample("tube.fcs", wsp.rectangle("T", BRIGHT), wsp.boolean("NotNode", "not B", "B cells")))
    _, tube = open_with(text, "{t: T, not_b: not B}")
    assert tube.absent == {"not_b": ("not_found", "not B refers to B cells, which is no gate")}


BAD_MATRICES = {
    "is for PE-A, which the file has not": ('data-type:name="PE-A"/><data-type', 'data-type:name="PE-B"/><data-type'),
    "is not 3 by 3 numbers": ('transforms:value="0.3"', 'transforms:value="nan"'),
    "has no inverse": ('transforms:value="1.0"', 'transforms:value="0.0"'),
}


@pytest.mark.parametrize("why", BAD_MATRICES)
def test_matrix_that_cannot_be_undone(why: str, wsp, open_with: Callable[..., tuple]) -> None:
    gate = wsp.rectangle("T", {"Comp-FITC-A": (300.0, None)})
    text = wsp.file(wsp.sample("tube.fcs", gate, matrix=EDITED))
    old, new = BAD_MATRICES[why]
    assert old in text
    with pytest.raises(UnreadableFcsError, match=f"the matrix edited of w.wsp {why.replace('PE-A', 'PE-B')}"):
        open_with(text.replace(old, new), "{t: T}")


def gatingml_range(compensation: str) -> str:
    return (
        f'<gating:RectangleGate gating:id="T"><gating:dimension gating:compensation-ref="{compensation}" '
        'gating:min="300"><data-type:fcs-dimension data-type:name="PE-A"/></gating:dimension></gating:RectangleGate>'
    )


def test_gatingml_with_the_files_own_matrix(
    gatingml, open_with: Callable[..., tuple], compensated: dict, events: np.ndarray, fcs: Callable[..., Path]
) -> None:
    text = gatingml(gatingml_range("FCS"))
    strategy, tube = open_with(text, "{t: T}")
    assert counts(strategy, tube)["t"] == int((compensated["PE-A"] >= 300).sum())
    assert not tube.file.flags
    bare = open_with(text, "{t: T}", path=fcs("bare.fcs", **{"$SPILLOVER": None}))
    raw = int((events[:, 3] >= 300).sum())
    assert counts(*bare)["t"] == raw != counts(strategy, tube)["t"]
    assert bare[1].file.flags[-1].startswith("g.xml asks for the file's own spillover matrix and it has none")


def test_gatingml_with_a_matrix_of_which_nothing_can_be_made(
    gatingml, open_with: Callable[..., tuple], fcs: Callable[..., Path]
) -> None:
    broken = fcs("broken.fcs", **{"$SPILLOVER": "2,FITC-A,PE-A,1,x,0,1"})
    with pytest.raises(UnreadableFcsError, match=r"g.xml asks for the file's own spillover matrix: \$SPILLOVER is not"):
        open_with(gatingml(gatingml_range("FCS")), "{t: T}", path=broken)
    strategy, tube = open_with(gatingml(gatingml_range("uncompensated")), "{t: T}", path=broken)
    assert counts(strategy, tube)["t"] > 100


def test_channel_names_with_a_slash_as_flowjo_writes_them(
    wsp, open_with: Callable[..., tuple], make_fcs: Callable[..., Path], events: np.ndarray
) -> None:
    names = ("FSC-A", "SSC-A", "670/30Violet-A", "PE-A", "APC-A", "Time")
    path = make_fcs(events, names, name="tube.fcs")
    gate = wsp.rectangle("T", {"670_30Violet-A": (1000.0, None)})
    strategy, tube = open_with(wsp.file(wsp.sample("tube.fcs", gate)), "{t: T}", path=path)
    assert counts(strategy, tube)["t"] == int((events[:, 2] >= 1000).sum())
    assert "670/30Violet-A" in tube.axes
