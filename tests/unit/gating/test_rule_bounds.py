"""Which bounds a gate has, said without a file: equal to what the methods place, and what is refused by it."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytotrial.columns import OVERRIDE_COLUMNS
from cytotrial.cytometry.scale import Scale
from cytotrial.gating import rule_bounds
from cytotrial.gating.arguments import MARKERS_OF, METHODS, FlowJo
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.placing import place_gates
from cytotrial.gating.rule_bounds import bound_problems, gate_forms, markers_of
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.overrides import Override

STRATEGY = """\
populations:
  - {id: in_range, parent: root, markers: [FSC-A, SSC-A], method: below_range, step: quality}
  - {id: steady_time, parent: in_range, markers: [Time], method: steady_signal, step: quality}
  - {id: singlets, parent: steady_time, markers: [FSC-A, FSC-H, FSC-W], method: singlet_band, step: quality}
  - {id: live, parent: singlets, markers: [viability], method: valley, args: {keep: below}, step: quality}
  - {id: lymphocytes, parent: live, markers: [FSC-A, SSC-A], method: scatter_cluster}
  - {id: without, parent: live, markers: [SSC-A, dump], method: corner, step: optional}
  - {id: cd3, parent: lymphocytes, markers: [CD3], method: valley}
  - {id: cd3_negative, parent: lymphocytes, markers: [CD3], method: opposite, args: {of: cd3}}
  - {id: cd4, parent: cd3, markers: [CD4, CD8], method: quadrant}
  - {id: treg, parent: cd4, markers: [CD25, CD127], method: reference_population}
  - {id: bright, parent: cd3_negative, markers: [CD56], method: relative_threshold}
  - {id: dim, parent: cd3_negative, markers: [CD56], method: fixed, args: {threshold: 900, keep: below}}
"""
FORMS: dict[str, Any] = {
    "in_range": [{("FSC-A", "max"), ("SSC-A", "max")}],
    "steady_time": [{("Time", "shape")}],
    "singlets": [{("FSC-A:FSC-H", "shape")}, {("FSC-W", "max")}],
    "live": [{("viability", "max")}],
    "lymphocytes": [{("FSC-A:SSC-A", "shape")}],
    "without": [{("SSC-A:dump", "shape")}],
    "cd3": [{("CD3", "min")}],
    "cd3_negative": [],
    "cd4": [{("CD4", "min"), ("CD8", "max")}],
    "treg": [{("CD25", "min"), ("CD127", "max")}, {("CD25:CD127", "shape")}],
    "bright": [{("CD56", "min")}],
    "dim": [{("CD56", "max")}],
}


@pytest.fixture
def strategy(tmp_path: Path) -> Any:
    """A population of every method that places its gate itself."""
    (tmp_path / "s.yaml").write_text(STRATEGY, encoding="utf-8")
    return load_strategy(tmp_path / "s.yaml")


def test_forms(strategy: Any) -> None:
    assert {rule.id: [set(form) for form in gate_forms(rule)] for rule in strategy.rules} == FORMS
    assert set(METHODS) - {rule.method for rule in strategy.rules} == {"flowjo", "gatingml"}, (
        "a method without its forms"
    )


@pytest.mark.parametrize("method", ["opposite", "flowjo", "gatingml"])
def test_no_form_where_the_gate_is_placed_elsewhere(method: str) -> None:
    markers = tuple("ABCD"[: MARKERS_OF[method][0]])
    assert gate_forms(Rule("x", "root", markers, method, None, "none", None, "lineage")) == ()


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_forms_are_what_the_methods_place(simulated_file: Callable, panel: str) -> None:
    """Every gate that was found in a file has just the bounds of one of its forms."""
    made = simulated_file(panel)
    found = [one for one in place_gates(made.tube, made.strategy) if one.outcome == "found"]
    seen = 0
    for one in found:
        forms = [set(form) for form in gate_forms(one.rule)]
        bounds = {(bound.marker, bound.side) for bound in one.landmark.bounds}
        if forms:
            assert bounds in forms, (one.rule.id, bounds, forms)
            seen += 1
    print(f"{panel}: {seen} gates as foretold")
    assert seen >= 8


def test_markers_of_a_form() -> None:
    assert markers_of((("FSC-A:FSC-H", "shape"), ("FSC-W", "max"))) == {"FSC-A", "FSC-H", "FSC-W"}


def test_examples() -> None:
    assert doctest.testmod(rule_bounds).failed == 0


def override(**changes: Any) -> Override:
    """CD3's threshold of one sample."""
    good = {"sample_id": "A0", "population": "cd3", "marker": "CD3", "bound": "min", "threshold": 0.4}
    who = {"reviewer": "AB", "date": "2026-01-05", "reason": "too low", "row": 7}
    return Override(**(dict.fromkeys(OVERRIDE_COLUMNS) | good | who | changes))


SHAPE = {"bound": "shape", "threshold": None, "coordinates": ((0.0, 1.0), (1.0, 2.0), (2.0, 0.0))}
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "population": (
        {"population": "cd33"},
        "row 7, population: found 'cd33' (did you mean 'cd3'?), expected a population of g.yaml: in_range, ",
    ),
    "root": ({"population": "root"}, "row 7, population: found 'root', expected a population"),
    "opposite": (
        {"population": "cd3_negative", "bound": "max"},
        "row 7, population: found cd3_negative, the other side of cd3, expected a gate that can be moved; "
        "move cd3: cd3_negative follows it",
    ),
    "marker": (
        {"marker": "CD33"},
        "row 7: found min of CD33 (did you mean 'CD3'?), expected a bound of the gate cd3 in g.yaml: min of CD3; name",
    ),
    "bound": (
        {"bound": "max"},
        "row 7: found max of CD3, expected a bound of the gate cd3 in g.yaml: min of CD3; name",
    ),
    "shape of a threshold": (SHAPE, "row 7: found shape of CD3, expected a bound of the gate cd3"),
    "pair the wrong way round": (
        {**SHAPE, "population": "lymphocytes", "marker": "SSC-A:FSC-A"},
        "row 7: found shape of SSC-A:FSC-A, expected a bound of the gate lymphocytes",
    ),
    "linear units as own scale": (
        {"threshold": 1500.0},
        "row 7, threshold: found 1500, expected a value on the logicle scale of gates.tsv's threshold, about 0 to 1; "
        "write linear units as threshold_linear",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_the_strategy_does_not_have(strategy: Any, mistake: str) -> None:
    changes, said = MISTAKES[mistake]
    (line,) = bound_problems([override(**changes)], {"treg": ("g.yaml", strategy)}, {"A0": "treg"}, "o.tsv")
    assert line.startswith(f"o.tsv, {said}"), line


GOOD: list[dict[str, Any]] = [
    {},
    {"threshold": -0.2},
    {"threshold": None, "threshold_linear": 1500.0},
    {"population": "in_range", "marker": "SSC-A", "bound": "max", "threshold": 250000.0},
    {"population": "singlets", "marker": "FSC-W", "bound": "max", "threshold": 9e4},
    {**SHAPE, "population": "singlets", "marker": "FSC-A:FSC-H"},
    {**SHAPE, "population": "steady_time", "marker": "Time", "coordinates": ((0.0, 1.0),)},
    {**SHAPE, "population": "treg", "marker": "CD25:CD127"},
    {"sample_id": None, "pool": "trial", "panel": "treg", "threshold": None, "threshold_linear": 3.0},
    {"sample_id": "who knows", "population": "nonsense"},  # told elsewhere
]


def test_what_it_has(strategy: Any) -> None:
    overrides = [override(**changes) for changes in GOOD]
    assert list(bound_problems(overrides, {"treg": ("g.yaml", strategy)}, {"A0": "treg"}, "o.tsv")) == []


def test_a_panel_whose_strategy_could_not_be_read_is_not_judged(strategy: Any) -> None:
    assert list(bound_problems([override(population="x")], {"nk": ("g", strategy)}, {"A0": "treg"}, "o")) == []


def test_a_panel_that_people_drew_is_moved_where_it_was_drawn() -> None:
    drawn = DrawnStrategy("x", Scale(), (), None, {}, {})  # type: ignore[arg-type]
    (line,) = bound_problems([override()], {"treg": ("gates.wsp", drawn)}, {"A0": "treg"}, "o.tsv")
    assert line == (
        "o.tsv, row 7: found an override of gates that are drawn in gates.wsp, expected a panel whose gates a strategy "
        "places; move the gate there, and remove the row"
    )


def test_a_single_drawn_gate_is_moved_where_it_was_drawn() -> None:
    rule = Rule("cd3", "root", ("CD3",), "flowjo", FlowJo("config/gates.wsp", "CD3+"), "none", None, "lineage")
    strategy = Strategy("x", Scale(), (rule,))
    (line,) = bound_problems([override()], {"treg": ("g.yaml", strategy)}, {"A0": "treg"}, "o.tsv")
    assert line.startswith(
        "o.tsv, row 7, population: found cd3, which a person drew, expected a gate that can be moved"
    )
    assert "config/gates.wsp" in line
