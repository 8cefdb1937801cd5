"""FMO and unstained tubes: what their cells show, and whose lower bounds they move."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytotrial.cytometry.tube import Tube
from cytotrial.errors import CytotrialError
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.placing import place_gates
from cytotrial.gating.reconcile import agree
from cytotrial.gating.staining_controls import control_landmark
from cytotrial.gating.strategy_file import load_strategy

Make = Callable[..., Any]
Row = dict[str, Any]
NK = "id: nk, markers: [CD56], method: valley, pool: trial, control: 0.998"
TREG = "id: treg, markers: [CD25, CD127], method: reference_population, pool: trial, control: 0.998"
MEASURES = {"reference_bulk": 400.0, "reference_mode": 2000.0, "tail_over_bulk": 1.0, "clear_per_between": 1.0}
TREG_CD25 = 400.0 * 1.45  # where these measures put the bound

# What a control's cells show.


def events(make: Make, n: int) -> ParentEvents:
    """n events, CD56 from 1 to n in no order."""
    cd56 = np.random.default_rng(0).permutation(np.arange(1.0, n + 1.0))
    return make({"CD56": cd56, "CD25": np.full(n, 7.0)}, ("CD56",))


@pytest.mark.parametrize(("control", "edge"), [(0.998, 998.002), (0.5, 500.5), (0.95, 950.05)])
def test_a_quantile_of_the_controls_cells(rules: Make, parent_events: Make, control: float, edge: float) -> None:
    rule = rules(NK.replace("0.998", str(control)))["nk"]
    found = control_landmark(events(parent_events, 1000), rule, "FMO-CD56")
    assert found is not None
    assert not found.found  # its own cells have no such gate
    assert found.bounds == ()
    assert found.measures["negative_CD56"] == pytest.approx(edge, abs=0.01)
    percent = {0.998: "99.8", 0.5: "50", 0.95: "95"}[control]
    assert found.reason == f"{percent} % of 1000 root cells of FMO-CD56 lie below {edge:.0f}"


@pytest.mark.parametrize("condition", [None, "CEF", "FMO-CD25", "single-stain-PE", "FMO-CD5"])
def test_no_control_of_this_marker(rules: Make, parent_events: Make, condition: str | None) -> None:
    assert control_landmark(events(parent_events, 1000), rules(NK)["nk"], condition) is None


@pytest.mark.parametrize("condition", ["FMO-CD56", "FMO CD56 detector", "fmo-cd56-detector-a", "Unstained"])
def test_controls_by_marker_by_dye_and_unstained(rules: Make, parent_events: Make, condition: str) -> None:
    """The channel of these tubes is called 'CD56 detector-A'."""
    found = control_landmark(events(parent_events, 1000), rules(NK)["nk"], condition)
    assert found is not None
    assert set(found.measures) == {"negative_CD56"}


def test_a_strategy_without_controls(rules: Make, parent_events: Make) -> None:
    rule = rules(NK.replace(", control: 0.998", ""))["nk"]
    assert control_landmark(events(parent_events, 1000), rule, "FMO-CD56") is None


@pytest.mark.parametrize(("n", "shows"), [(0, False), (199, False), (200, True)])
def test_too_few_cells_show_no_edge(rules: Make, parent_events: Make, n: int, shows: bool) -> None:
    found = control_landmark(events(parent_events, n), rules(NK)["nk"], "FMO-CD56")
    assert found is not None
    assert bool(found.measures) is shows
    if not shows:
        assert found.reason == f"{n} parent events in the control FMO-CD56, fewer than 200"


def test_through_the_strategy(make_tube: Callable[..., Tube], tmp_path: Path) -> None:
    """An FMO tube has no NK gate of its own, and its parents are gated as in any other file."""
    text = """\
populations:
  - {id: cd3, parent: root, markers: [CD3], method: valley}
  - {id: cd3_negative, parent: root, markers: [CD3], method: opposite, args: {of: cd3}}
  - {id: nk, parent: cd3_negative, markers: [CD56], method: valley, control: 0.998}
  - {id: bright, parent: nk, markers: [CD56], method: relative_threshold}
"""
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    strategy = load_strategy(tmp_path / "s.yaml")
    rng = np.random.default_rng(0)
    is_t = np.arange(6000) < 4000
    cd3 = np.where(is_t, 4000 * 10 ** rng.normal(0, 0.13, 6000), rng.normal(60, 110, 6000))
    noise = np.where(is_t, 2000.0, rng.normal(0, 150, 6000))  # the dye that is left spills into T cells
    stained = np.where(np.arange(6000) >= 5000, 8000 * 10 ** rng.normal(0, 0.15, 6000), noise)
    tubes = {"FMO-CD56": make_tube({"CD3": cd3, "CD56": noise}), None: make_tube({"CD3": cd3, "CD56": stained})}
    found = {
        condition: {one.rule.id: one for one in place_gates(tube, strategy, condition=condition)}
        for condition, tube in tubes.items()
    }
    control = found["FMO-CD56"]["nk"]
    assert (control.outcome, control.n_parent) == ("not_found", pytest.approx(2000, abs=5))
    assert control.landmark.measures["negative_CD56"] == pytest.approx(np.quantile(noise[~is_t], 0.998), rel=0.03)
    assert found["FMO-CD56"]["cd3"].outcome == found[None]["nk"].outcome == found[None]["bright"].outcome == "found"
    assert found["FMO-CD56"]["bright"].landmark.reason == "its parent nk was not found"


# Whose bound a control moves.


@pytest.fixture
def nk(row: Make) -> Make:
    """A file's NK gate."""

    def make(sample: str, threshold: float | None, **changes: Any) -> Row:
        return row(sample, threshold, **{"population": "nk", "marker": "CD56", **changes})

    return make


@pytest.fixture
def control(nk: Make) -> Make:
    """A control with the upper edge of its CD56 negatives."""

    def make(sample: str, edge: float, *, condition: str = "FMO-CD56", **changes: Any) -> Row:
        said = {"measures": json.dumps({"negative_CD56": edge}), "reason": f"edge at {edge:g}"}
        return nk(sample, None, condition=condition, is_control=True, **said | changes)

    return make


def test_the_bound_is_the_controls(rules: Make, nk: Make, control: Make, told: Make) -> None:
    """Up or down: a density valley knows less of the negatives than they do themselves."""
    used, missing = agree([nk("A0", 500.0), nk("A2", 200.0), control("A9", 300.0)], rules(NK))
    assert told(used) == {"A0": (300.0, "fmo", "subject A"), "A2": (300.0, "fmo", "subject A")}
    assert {one["reason"] for one in used} == {"edge at 300 (A9)"}
    assert [one["sample_id"] for one in missing] == ["A9"]


def test_nearest_control_first(rules: Make, nk: Make, control: Make, told: Make) -> None:
    """Of the same subject and batch, then of the subject, the batch, the site, the trial."""
    here = {"batch": "day1", "site": "Lyon"}
    controls = [
        control("A9", 100.0, **here),
        control("A8", 200.0, batch="day2", site="Lyon"),
        control("B9", 310.0, **here),
        control("C9", 400.0, batch="day3", site="Lyon"),
        control("D9", 500.0, batch="day4", site="Graz"),
    ]
    by_hand = [
        (100.0, "subject A, batch day1"),
        (200.0, "subject A"),
        (310.0, "batch day1"),
        (400.0, "site Lyon"),
        (500.0, "trial"),
    ]
    for taken, (edge, pool) in enumerate(by_hand):
        used, _ = agree([nk("A0", None, **here), *controls[taken:]], rules(NK))
        assert told(used)["A0"] == (edge, "fmo", pool)
        used, _ = agree([nk("A0", 900.0, **here), *controls[taken:]], rules(NK))
        near = taken < 3  # of a file that shows a gate itself: no control of other voltages
        assert told(used)["A0"] == ((edge, "fmo", pool) if near else (900.0, "found", "none"))


def test_controls_of_a_pool_are_their_median(rules: Make, nk: Make, control: Make, told: Make) -> None:
    controls = [control("B9", 100.0), control("C9", 350.0), control("D9", 300.0)]
    used, _ = agree([nk("A0", None), *controls], rules(NK))
    assert told(used)["A0"] == (300.0, "fmo", "trial")
    assert used[0]["reason"] == "median of the controls B9, C9, D9"


def test_any_fmo_before_an_unstained_tube(rules: Make, nk: Make, control: Make, told: Make) -> None:
    """The dyes that spill in are in the FMO tube; unstained cells of the same subject lack them."""
    own = control("A9", 50.0, condition="unstained")
    used, _ = agree([nk("A0", None), own, control("B9", 300.0)], rules(NK))
    assert told(used)["A0"] == (300.0, "fmo", "trial")
    used, _ = agree([nk("A0", None), own], rules(NK))
    assert told(used)["A0"] == (50.0, "fmo", "subject A")
    used, _ = agree([nk("A0", 900.0), nk("A2", 30.0), own], rules(NK))
    assert told(used) == {"A0": (900.0, "found", "none"), "A2": (50.0, "fmo", "subject A")}


@pytest.mark.parametrize(
    "useless",
    [
        {"measures": None, "reason": "150 parent events in the control FMO-CD56, fewer than 200"},
        {"measures": json.dumps({"negative_CD25": 300.0}), "condition": "FMO-CD25"},
        {"top": 4194304.0},
        {"measures": None, "condition": "single-stain-PE-Cy7"},
    ],
    ids=["too few cells", "another marker", "another range", "a single stain"],
)
def test_controls_that_show_nothing(rules: Make, nk: Make, control: Make, told: Make, useless: dict[str, Any]) -> None:
    used, _ = agree([nk("A0", 900.0), control("A9", 300.0, **useless)], rules(NK))
    assert told(used)["A0"] == (900.0, "found", "none")


def test_a_borrowed_gate_is_moved_too(rules: Make, nk: Make, control: Make, told: Make) -> None:
    used, _ = agree([nk("A0", None), nk("B0", 900.0), control("A9", 300.0)], rules(NK))
    assert told(used)["A0"] == (300.0, "fmo", "subject A")


def test_files_of_every_condition_have_it(rules: Make, nk: Make, control: Make, told: Make) -> None:
    used, _ = agree([nk("A0", 900.0, condition="CEF"), control("A9", 300.0)], rules(NK))
    assert told(used)["A0"] == (300.0, "fmo", "subject A")


def test_a_strategy_that_does_not_ask(rules: Make, nk: Make, control: Make, told: Make) -> None:
    used, _ = agree([nk("A0", 900.0), control("A9", 300.0)], rules(NK.replace(", control: 0.998", "")))
    assert told(used)["A0"] == (900.0, "found", "none")


def test_an_upper_bound_is_not_a_controls_business(rules: Make) -> None:
    with pytest.raises(CytotrialError, match="keeps what lies below"):
        rules(NK.replace("valley,", "valley, args: {keep: below},"))


def test_a_file_that_shows_no_gate_takes_the_controls(rules: Make, nk: Make, control: Make, told: Make) -> None:
    used, missing = agree([nk("A0", None), control("A9", 300.0)], rules(NK))
    assert told(used)["A0"] == (300.0, "fmo", "subject A")
    assert {row["sample_id"] for row in missing} <= {"A9"}


def test_a_gate_fixed_by_a_person(rules: Make, nk: Make, control: Make, told: Make) -> None:
    entry = "id: nk, markers: [CD56], method: fixed, args: {threshold: 900}, control: 0.998"
    used, _ = agree([nk("A0", 900.0), control("A9", 300.0)], rules(entry))
    assert told(used)["A0"] == (300.0, "fmo", "subject A")


def test_the_other_side_follows(rules: Make, nk: Make, control: Make) -> None:
    rest = nk("A0", 900.0, population="rest", bound="max", method="opposite")
    own = rules(NK, "id: rest, markers: [CD56], method: opposite, args: {of: nk}")
    used, _ = agree([nk("A0", 900.0), rest, control("A9", 300.0)], own)
    (found,) = [one for one in used if one["population"] == "rest"]
    assert (found["bound"], found["threshold_linear"], found["source"]) == ("max", 300.0, "fmo")


# A control's own gates.


def test_a_control_lends_to_nobody_and_keeps_its_own_gates(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: trial, control: 0.998")
    fmo = {"condition": "FMO-CD56", "is_control": True}
    used, missing = agree([row("A0", None), row("A9", 400.0, **fmo)], own)
    assert told(used) == {"A9": (400.0, "found", "none")}
    assert [one["sample_id"] for one in missing] == ["A0"]


def test_a_control_is_not_moved_by_a_control(rules: Make, nk: Make, control: Make, told: Make) -> None:
    """An FMO of CD25 has CD56, and its NK gate; nobody counts it."""
    other = nk("A8", 900.0, condition="FMO-CD25", is_control=True)
    used, _ = agree([nk("A0", 900.0), other, control("A9", 300.0)], rules(NK))
    assert told(used) == {"A0": (300.0, "fmo", "subject A"), "A8": (900.0, "found", "none")}


# A gate for bright cells: the control is its floor.


@pytest.fixture
def treg_control(treg: Make) -> Make:
    """The FMO of CD25: not found, with the upper edge of its CD25 negatives."""

    def make(sample: str, edge: float) -> list[Row]:
        said = {"measures": json.dumps({"negative_CD25": edge}), "reason": "edge"}
        return [one | said for one in treg(sample, None, condition="FMO-CD25", is_control=True)]

    return make


@pytest.mark.parametrize(
    ("edge", "cd25", "source"),
    [(TREG_CD25 - 1, TREG_CD25, "found"), (TREG_CD25 + 1, TREG_CD25 + 1, "fmo"), (5000.0, 5000.0, "fmo")],
)
def test_a_floor(
    rules: Make, treg: Make, treg_control: Make, told: Make, edge: float, cd25: float, source: str
) -> None:
    """Treg are CD25hi: the control shows where CD25- ends, and Treg begin there or above."""
    used, _ = agree([*treg("A0", MEASURES), *treg_control("A9", edge)], rules(TREG))
    assert told(used)["A0"][:2] == (pytest.approx(cd25), source)
    (upper,) = [one for one in used if one["bound"] == "max"]  # CD127 is no business of this control
    assert (upper["threshold_linear"], upper["source"]) == (pytest.approx(2000.0 / 2.6), "found")


def test_the_floor_of_a_gate_that_files_hold_in_common(rules: Make, treg: Make, treg_control: Make, told: Make) -> None:
    rows = [*treg("A0", MEASURES), *treg("A2", MEASURES | {"reference_bulk": 4000.0}), *treg_control("A9", 900.0)]
    used, _ = agree(rows, rules(TREG))
    assert told(used)["A0"] == (900.0, "fmo", "subject A")
    assert told(used)["A2"] == (pytest.approx(4000.0 * 1.45), "found", "trial")
