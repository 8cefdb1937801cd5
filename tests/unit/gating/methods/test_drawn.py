"""Methods `flowjo` and `gatingml`: a gate that a person drew, found again on this file's own scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cytotrial.cytometry.panel import MarkerRule, Panel
from cytotrial.cytometry.scale import Scale
from cytotrial.cytometry.tube import Tube, open_tube
from cytotrial.gating.arguments import METHODS
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.placing import members

NAMESPACE = "http://www.isac-net.org/std/Gating-ML/v2.0/"
HEAD = (
    f'xmlns:gating="{NAMESPACE}gating" xmlns:transforms="{NAMESPACE}transformations" '
    f'xmlns:data-type="{NAMESPACE}datatypes"'
)
CHANNEL = '<data-type:fcs-dimension data-type:name="{}"/>'
WORKSPACE = """<Workspace version="20.0" flowJoVersion="10.8.1" {head}><Groups/>
<SampleList>{samples}</SampleList></Workspace>"""
SAMPLE = """<Sample><DataSet sampleID="1"/><Transformations/><Keywords/>
<SampleNode name="{name}" sampleID="1"><Subpopulations>{gates}</Subpopulations></SampleNode></Sample>"""
POPULATION = """<Population name="{name}" owningGroup="" count="-1"><Gate><gating:RectangleGate eventsInside="{inside}">
<gating:dimension gating:min="{low}">{channel}</gating:dimension></gating:RectangleGate></Gate>
<Subpopulations>{below}</Subpopulations></Population>"""
ELLIPSE = """<gating:Gating-ML {head}><gating:EllipsoidGate gating:id="{gate}" gating:parent_id="Parent">
<gating:dimension gating:compensation-ref="FCS">{x}</gating:dimension>
<gating:dimension gating:compensation-ref="FCS">{y}</gating:dimension>
<gating:mean><gating:coordinate data-type:value="3000"/><gating:coordinate data-type:value="500"/></gating:mean>
<gating:covarianceMatrix><gating:row><gating:entry data-type:value="4000000"/><gating:entry data-type:value="100000"/>
</gating:row><gating:row><gating:entry data-type:value="100000"/><gating:entry data-type:value="160000"/></gating:row>
</gating:covarianceMatrix><gating:distanceSquare data-type:value="2.25"/></gating:EllipsoidGate>
<gating:RectangleGate gating:id="Parent"><gating:dimension gating:compensation-ref="FCS" gating:min="1e9">{x}
</gating:dimension></gating:RectangleGate><gating:BooleanGate gating:id="None"><gating:not>
<gating:gateReference gating:ref="Parent"/></gating:not></gating:BooleanGate></gating:Gating-ML>"""


@pytest.fixture
def tube(make_fcs: Callable[..., Path]) -> Tube:
    """4,000 events on two colours without spill; CD25 in PE-A, CD127 in APC-A."""
    rng = np.random.default_rng(5)
    colours = np.where(
        rng.random((4000, 2)) < 0.5, 10 ** rng.normal(3.5, 0.3, (4000, 2)), rng.normal(0, 300, (4000, 2))
    )
    path = make_fcs(colours, ("PE-A", "APC-A"), name="tube.fcs", keywords={"$FIL": "written.fcs"})
    rules = {"CD25": MarkerRule("PE-A", None, False), "CD127": MarkerRule("APC-A", None, False)}
    return open_tube(path, Panel(rules, {}, None, "none"), Scale(), sample_id="S1")


@pytest.fixture
def ask(tube: Tube) -> Callable[..., Landmark]:
    """Method and its arguments -> the landmark on all events."""

    def make(method: str, markers: tuple[str, ...] = ("CD25", "CD127"), **args: str) -> Landmark:
        events = ParentEvents(tube, np.ones(len(tube.events), dtype=bool), markers)
        return place(method, events, args=METHODS[method](**args))

    return make


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    """Two samples: in the file's own CD25 from 700 up, in the other from 2,000 up; with a gate above it."""

    def gate(name: str, low: float, below: str = "", *, channel: str = "PE-A", inside: int = 1) -> str:
        written = CHANNEL.format(channel)
        return POPULATION.format(name=name, low=low, channel=written, inside=inside, below=below)

    own = (
        gate("T cells", 1e9, gate("Treg", 700.0)) + gate("outside", 700.0, inside=0) + gate("far", 1, channel="FITC-A")
    )
    samples = SAMPLE.format(name="written.fcs", gates=own)
    samples += SAMPLE.format(name="template.fcs", gates=gate("T cells", 1e9, gate("Treg", 2000.0)))
    path = tmp_path / "w.wsp"
    path.write_text(WORKSPACE.format(head=HEAD, samples=samples), encoding="utf-8")
    return str(path)


@pytest.fixture
def gatingml(tmp_path: Path) -> str:
    """An ellipse below a gate that keeps nothing, and a Boolean gate."""
    path = tmp_path / "g.xml"
    x, y = CHANNEL.format("PE-A"), CHANNEL.format("APC-A")
    path.write_text(ELLIPSE.format(head=HEAD, gate="Treg", x=x, y=y), encoding="utf-8")
    return str(path)


def test_flowjo_gate_of_the_files_own_sample(ask: Callable[..., Landmark], workspace: str, tube: Tube) -> None:
    landmark = ask("flowjo", ("CD25",), file=workspace, gate="T cells/Treg")
    (bound,) = landmark.bounds
    assert (bound.marker, bound.side, bound.linear) == ("CD25", "min", 700.0)
    assert landmark.reason == "drawn in w.wsp (written.fcs): T cells/Treg"


def test_flowjo_gate_of_one_sample_for_all(ask: Callable[..., Landmark], workspace: str) -> None:
    (bound,) = ask("flowjo", ("CD25",), file=workspace, gate="T cells/Treg", sample="Template.fcs").bounds
    assert bound.linear == 2000.0


def test_gatingml_ellipse_without_its_parent_there(ask: Callable[..., Landmark], gatingml: str, tube: Tube) -> None:
    landmark = ask("gatingml", file=gatingml, gate="Treg")
    away = np.column_stack([tube.linear("CD25") - 3000, tube.linear("CD127") - 500])
    inverse = np.linalg.inv(np.array([[4e6, 1e5], [1e5, 1.6e5]]))
    truth = np.einsum("ij,jk,ik->i", away, inverse, away) <= 2.25
    assert landmark.bounds[0].marker == "CD25:CD127" and truth.sum() > 300
    assert int((members(tube, landmark.bounds) != truth).sum()) <= 0.002 * truth.sum()
    swapped = ask("gatingml", ("CD127", "CD25"), file=gatingml, gate="Treg")
    assert swapped.bounds == landmark.bounds  # channels are told by their names, never by their order


WRONG = {
    "no file": ("flowjo", {"file": "absent.wsp", "gate": "Treg"}, "absent.wsp: found no readable file"),
    "no gate": ("flowjo", {"gate": "T cells/Tconv"}, "w.wsp has no gate 'T cells/Tconv' for 'written.fcs'"),
    "no sample": ("flowjo", {"gate": "T cells/Treg", "sample": "x.fcs"}, "w.wsp has no sample called 'x.fcs'"),
    "outside": ("flowjo", {"gate": "outside"}, "it keeps the events outside of what was drawn"),
    "channel": ("flowjo", {"gate": "far"}, "w.wsp, far: the file has no FITC-A channel"),
    "Boolean": ("gatingml", {"gate": "None"}, "g.xml, None: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_not_found_because(case: str, ask: Callable[..., Landmark], workspace: str, gatingml: str) -> None:
    method, args, expected = WRONG[case]
    landmark = ask(method, **{"file": workspace if method == "flowjo" else gatingml, **args})
    assert not landmark.found and expected in landmark.reason, landmark.reason


def test_gate_on_other_markers_than_the_rules(ask: Callable[..., Landmark], workspace: str) -> None:
    landmark = ask("flowjo", ("CD127",), file=workspace, gate="T cells/Treg")
    assert not landmark.found and landmark.reason.endswith("it is on PE-A; the panel has CD127 in APC-A")
