"""The gate map: populations in their hierarchy, and every mistake of map and workspace in one go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.strategy_file import load_strategy

SIDE = {"FITC-A": (1.0, None)}
Load = Callable[..., DrawnStrategy]


@pytest.fixture
def load(wsp, written: Callable[[str, str], Path]) -> Load:
    """A map's text -> the strategy of a workspace of one sample: live, in it T cells, in these CD4, in these Treg."""

    def make(text: str, **changes: str) -> DrawnStrategy:
        treg = wsp.rectangle(changes.get("treg", "Treg"), SIDE)
        cd4 = wsp.rectangle(changes.get("cd4", "CD4+"), SIDE, treg)
        tree = wsp.rectangle("Live cells", SIDE, wsp.rectangle("T cells", SIDE, cd4, wsp.rectangle("CD8", SIDE)))
        path = written("w.wsp", wsp.file(wsp.sample("one.fcs", tree), wsp.sample("two.fcs")))
        return load_strategy(path, written("map.yaml", text))

    return make


def test_hierarchy_is_that_of_the_mapped_gates(load: Load) -> None:
    strategy = load(
        """
        populations:
          treg: "Live cells/T cells/CD4+/Treg"
          live: Live cells
          cd8: root/Live cells/T cells/CD8
        """
    )
    assert strategy.population_ids == ("root", "live", "treg", "cd8")
    assert strategy.ancestors("treg") == ("live", "root") and strategy.ancestors("cd8") == ("live", "root")
    assert [(rule.id, rule.parent, rule.step) for rule in strategy.rules] == [
        ("live", "root", "quality"),
        ("root/Live cells/T cells", "live", "lineage"),
        ("root/Live cells/T cells/CD4+", "root/Live cells/T cells", "lineage"),
        ("treg", "root/Live cells/T cells/CD4+", "lineage"),
        ("cd8", "root/Live cells/T cells", "lineage"),
    ]
    assert {rule.method for rule in strategy.rules} == {"flowjo"}
    assert strategy.rules[3].args.gate == "Live cells/T cells/CD4+/Treg"
    assert strategy.markers == frozenset()
    assert strategy.undrawn_steps == ("in_range", "steady_time", "singlets")


MISTAKES = {
    "path": (
        'populations: {treg: "T cells/CD4+/Treg"}',
        "map.yaml, populations, treg: found 'T cells/CD4+/Treg' (did you mean 'Live cells/T cells/CD4+/Treg'?), "
        "expected a gate of w.wsp; write the names from the first gate down, joined by /",
    ),
    "id": (
        'populations: {"CD4+": Live cells}',
        "populations, CD4+: found the id 'CD4+', expected letters, digits and _",
    ),
    "root": ("populations: {root: Live cells}", "populations, root: found the id 'root', expected"),
    "no path": ("populations: {live: }", "populations, live: found nothing, expected a gate path in quotes"),
    "list": (
        "populations: {live: [Live cells]}",
        "populations, live: found a list of 1, expected a gate path in quotes",
    ),
    "nothing": ("populations:", "populations: found nothing, expected {population id: gate path}, at least one"),
    "no map": ("- live", "map.yaml: found a list of 1, expected populations: {population id: gate path} and"),
    "key": (
        "population: {live: Live cells}",
        "map.yaml, population: found the unknown key 'population' (did you mean ",
    ),
    "twice": (
        "populations: {live: Live cells, alive: root/Live cells}",
        "populations, alive: found the gate of live again, expected each gate once",
    ),
    "sample": (
        "populations: {live: Live cells}\nsamples: {S1: on.fcs}",
        "map.yaml, samples, S1: found 'on.fcs' (did you mean 'one.fcs'?), expected a sample of w.wsp; correct it",
    ),
    "samples": (
        "populations: {live: Live cells}\nsamples: one.fcs",
        "samples: found 'one.fcs', expected {sample id: name",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_have_their_sentences(case: str, load: Load) -> None:
    text, expected = MISTAKES[case]
    with pytest.raises(CytotrialError) as raised:
        load(text)
    assert any(expected in line for line in raised.value.problems), raised.value.problems


def test_every_mistake_at_once(load: Load) -> None:
    with pytest.raises(CytotrialError) as raised:
        load("populations: {1st: Live cells, cd4: CD5, cd8: CD9}\nsamples: {S1: x}\nother: 1\n")
    assert len(raised.value.problems) == 5


def test_mistakes_of_both_files_at_once(written: Callable[[str, str], Path]) -> None:
    with pytest.raises(CytotrialError) as raised:
        load_strategy(written("w.wsp", "no workspace"), written("map.yaml", "populations: [a"))
    assert [line.partition(":")[0].rpartition("/")[2] for line in raised.value.problems] == [
        "map.yaml, line 1",
        "w.wsp",
    ]


def test_slash_in_a_name_that_flowkit_would_step_down_at(load: Load) -> None:
    with pytest.raises(CytotrialError) as raised:
        load('populations: {treg: "Live cells/T cells/CD4+/CD8-/Treg"}', cd4="CD4+/CD8-")
    (line,) = raised.value.problems
    assert "found the gate 'CD4+/CD8-' on its way" in line and "rename it in FlowJo" in line
    last = load('populations: {treg: "Live cells/T cells/CD4+/CD25+/CD127-"}', treg="CD25+/CD127-")
    assert last.paths["treg"][-1] == "CD25+/CD127-"  # the last name may have one


def test_map_and_strategy_belong_together(load: Load, written: Callable[[str, str], Path]) -> None:
    load("populations: {live: Live cells}")
    with pytest.raises(CytotrialError, match="found no gate map, expected a gate map that says which gate"):
        load_strategy(written("w.wsp", "<Workspace/>"))
    with pytest.raises(CytotrialError, match="expected none: a YAML strategy names its populations itself"):
        load_strategy(written("s.yaml", "strategy: s"), written("map.yaml", "populations: {a: b}"))


def test_gatingml_has_no_samples_and_its_ids_stand_alone(gatingml, written: Callable[[str, str], Path]) -> None:
    side = '<data-type:fcs-dimension data-type:name="FITC-A"/></gating:dimension></gating:RectangleGate>'
    head = '<gating:RectangleGate gating:id="{}"{}><gating:dimension gating:compensation-ref="FCS" gating:min="1">'
    text = gatingml(head.format("T", "") + side, head.format("CD4", ' gating:parent_id="T"') + side)
    path = written("g.xml", text)
    strategy = load_strategy(path, written("map.yaml", "populations: {cd4: CD4}"))
    assert strategy.paths == {"root/T": ("T",), "cd4": ("T", "CD4")}
    with pytest.raises(CytotrialError, match="expected none: a GatingML file has the same gates for every sample"):
        load_strategy(path, written("map.yaml", "populations: {cd4: CD4}\nsamples: {S1: a.fcs}"))


def test_quadrant_gate_as_such_is_no_population(gatingml, written: Callable[[str, str], Path]) -> None:
    divider = (
        '<gating:divider gating:id="d" gating:compensation-ref="FCS"><data-type:fcs-dimension data-type:name="PE-A"/>'
        "<gating:value>5</gating:value></gating:divider>"
    )
    quadrants = "".join(
        f'<gating:Quadrant gating:id="{name}"><gating:position gating:divider_ref="d" gating:location="{at}"/>'
        "</gating:Quadrant>"
        for name, at in (("low", 1), ("high", 9))
    )
    path = written("g.xml", gatingml(f'<gating:QuadrantGate gating:id="Q">{divider}{quadrants}</gating:QuadrantGate>'))
    with pytest.raises(CytotrialError, match=r"found the quadrant gate 'Q'.*name one of its quadrants: 'low', 'high'"):
        load_strategy(path, written("map.yaml", "populations: {q: Q}"))
    strategy = load_strategy(path, written("map.yaml", "populations: {high: Q/high}"))
    assert [(rule.id, rule.parent) for rule in strategy.rules] == [("high", "root")]
