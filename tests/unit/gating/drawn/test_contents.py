"""Gate paths as a workspace or GatingML file has them, and files that are neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.gating.drawn.contents import EVERY_SAMPLE, needed, read_contents
from cytotrial.gating.drawn.schema import schema_problems

RANGE = '<gating:RectangleGate gating:id="{}"{}><gating:dimension gating:compensation-ref="{}" gating:min="1"{}>'
CHANNEL = '<data-type:fcs-dimension data-type:name="FITC-A"/></gating:dimension></gating:RectangleGate>'


def ranged(name: str, *, parent: str = "", matrix: str = "uncompensated", scale: str = "") -> str:
    """A GatingML range on FITC-A."""
    above = f' gating:parent_id="{parent}"' if parent else ""
    on = f' gating:transformation-ref="{scale}"' if scale else ""
    return RANGE.format(name, above, matrix, on) + CHANNEL


def boolean(name: str, *of: str) -> str:
    """A GatingML union."""
    parts = "".join(f'<gating:gateReference gating:ref="{one}"/>' for one in of)
    return f'<gating:BooleanGate gating:id="{name}"><gating:or>{parts}</gating:or></gating:BooleanGate>'


@pytest.fixture
def workspace(wsp, written: Callable[[str, str], Path]) -> Path:
    """Two samples with unlike trees."""
    side = {"FITC-A": (1.0, None)}
    cd4 = wsp.rectangle("CD4", side, wsp.rectangle("Treg", side), count=12)
    tree = wsp.rectangle("T cells", side, cd4, wsp.rectangle("CD8", side))
    both = wsp.boolean("OrNode", "CD4 or CD8", "T cells/CD4", "T cells/CD8")
    other = wsp.sample("two.fcs", wsp.rectangle("B cells", side))
    return written("w.wsp", wsp.file(wsp.sample("one.fcs", tree, both), other))


def test_paths_of_a_workspace(workspace: Path) -> None:
    contents = read_contents(workspace)
    assert contents.samples == ("one.fcs", "two.fcs")
    assert ["/".join(path) for path in contents.paths()] == [
        "T cells",
        "T cells/CD4",
        "T cells/CD4/Treg",
        "T cells/CD8",
        "CD4 or CD8",
        "B cells",
    ]
    assert list(contents.tree("two.fcs")) == [("B cells",)]
    assert contents.entry(("T cells", "CD4")).count == 12
    assert contents.entry(("T cells",)).count is None  # FlowJo writes -1 where it has not counted


def test_what_a_gate_stands_on(workspace: Path) -> None:
    tree = read_contents(workspace).tree("one.fcs")
    assert set(needed(tree, ("T cells", "CD4", "Treg"))) == {
        ("T cells", "CD4", "Treg"),
        ("T cells", "CD4"),
        ("T cells",),
    }
    assert set(needed(tree, ("CD4 or CD8",))) == {
        ("CD4 or CD8",),
        ("T cells", "CD4"),
        ("T cells", "CD8"),
        ("T cells",),
    }


def test_paths_are_found_as_people_write_them(workspace: Path) -> None:
    contents = read_contents(workspace)
    for written in ("T cells/CD4", "root/T cells/CD4", " root/T cells/CD4 ", " T cells/CD4/ "):
        assert contents.find(written) == ("T cells", "CD4")
    assert contents.find("CD4") is None  # a name alone may stand for several gates of a workspace
    assert contents.near("cd4") == " (did you mean 'T cells/CD4'?)"
    assert contents.near("T cels/CD8") == " (did you mean 'T cells/CD8'?)"
    assert contents.near("monocytes") == ""


def test_paths_of_a_gatingml_file(gatingml, written: Callable[[str, str], Path]) -> None:
    quadrant = (
        '<gating:QuadrantGate gating:id="Q" gating:parent_id="T"><gating:divider gating:id="d" '
        'gating:compensation-ref="uncompensated"><data-type:fcs-dimension data-type:name="PE-A"/>'
        "<gating:value>5</gating:value></gating:divider>"
        '<gating:Quadrant gating:id="Qlow"><gating:position gating:divider_ref="d" gating:location="1"/>'
        '</gating:Quadrant><gating:Quadrant gating:id="Qhigh"><gating:position gating:divider_ref="d" '
        'gating:location="9"/></gating:Quadrant></gating:QuadrantGate>'
    )
    text = gatingml(ranged("T"), quadrant, ranged("deep", parent="Qhigh"), boolean("B", "T", "Qlow"))
    contents = read_contents(written("g.xml", text))
    assert schema_problems(contents) == []
    assert ["/".join(path) for path in contents.paths()] == ["T", "T/Q", "T/Q/Qlow", "T/Q/Qhigh", "T/Q/Qhigh/deep", "B"]
    assert contents.find("deep") == ("T", "Q", "Qhigh", "deep")
    assert not contents.entry(("T", "Q")).holds_events and contents.entry(("T", "Q", "Qlow")).holds_events
    assert ("T", "Q", "Qlow") in needed(contents.tree(EVERY_SAMPLE), ("B",))


WRONG_GATINGML = {
    "parent": (
        [ranged("T"), ranged("child", parent="Tcell")],
        "gate child: found a reference to 'Tcell', expected a gate",
    ),
    "part": ([ranged("T"), boolean("B", "T", "U")], "gate B: found a reference to 'U', expected a gate of this file"),
    "circle": ([ranged("A", parent="B"), ranged("B", parent="A")], "a gate that is its own ancestor"),
    "scale": ([ranged("T", scale="logicle")], "a reference to 'logicle', expected a scale of this file"),
    "matrix": ([ranged("T", matrix="M")], "a reference to 'M', expected a matrix of this file"),
}


@pytest.mark.parametrize("case", WRONG_GATINGML)
def test_references_that_lead_nowhere(case: str, gatingml, written: Callable[[str, str], Path]) -> None:
    elements, expected = WRONG_GATINGML[case]
    with pytest.raises(CytotrialError) as raised:
        read_contents(written("g.xml", gatingml(*elements)))
    assert all(expected in line or case == "circle" for line in raised.value.problems)
    assert expected in raised.value.problems[0]


def test_gatingml_that_its_schema_does_not_allow(gatingml, written: Callable[[str, str], Path]) -> None:
    contents = read_contents(written("g.xml", gatingml(ranged("T"), "<gates/>")))
    (line,) = schema_problems(contents)
    assert line.startswith(f"{contents.file}, line 1: found Element 'gates': This element is not expected")
    assert line.endswith("expected GatingML 2.0; export it again from the program that made it")


def test_files_that_are_something_else(wsp, written: Callable[[str, str], Path]) -> None:
    one = wsp.sample("one.fcs", wsp.rectangle("T", {"FITC-A": (1.0, None)}))
    wrong = {
        "found a workspace of FlowJo 9.9.6, expected a FlowJo 10 workspace": wsp.file(one, version="9.9.6"),
        "found no sample, expected a workspace with samples": wsp.file(),
        "the root element 'Workspace' without a FlowJo version": wsp.file(one).replace("flowJoVersion", "other"),
        "the root element 'html' without a FlowJo version": "<html/>",
    }
    for expected, text in wrong.items():
        with pytest.raises(CytotrialError) as raised:
            read_contents(written("w.wsp", text))
        assert len(raised.value.problems) == 1 and expected in raised.value.problems[0], raised.value.problems
