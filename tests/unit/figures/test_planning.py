"""The picture of a plan: everything asked is in it, and the same rows are the same bytes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import product

import pytest

from cytotrial.figures.planning import draw_plan
from cytotrial.planning.assumptions import PRIMARY
from cytotrial.planning.power import NO_EFFECT, Grid
from cytotrial.planning.text import LABELS
from cytotrial.planning.trial_tests import TESTS

NAN = float("nan")


def rows(grid: Grid, *, width: float = 3.0) -> list[dict]:
    found = []
    for subset, visit, test, patients, events in product(PRIMARY, grid.visits, TESTS, grid.patients, grid.events):
        row = {"subset": subset, "denominator": PRIMARY[subset], "visit": visit, "test": test}
        row |= {"patients_per_arm": patients, "events": events, "power": min(1.0, patients / 60), "effect": 1.5}
        row |= {"ci_width": width / patients, "note": NO_EFFECT if subset in ("cd4", "cd8") else ""}
        found.append(row)
    return found


def words(svg: str) -> list[str]:
    return [" ".join(text.itertext()).strip() for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_everything_asked_is_there():
    grid = Grid(("W10", "W12"), (8, 20, 60), (5_000, 100_000), trials=1000)
    svg = draw_plan(rows(grid), grid)
    said = words(svg)
    assert {*LABELS.values(), "at W10", "at W12", "5 000", "100 000", "80 %", "90 %", "8", "60"} <= set(said)
    assert "Power and interval width by 1 000 simulated (SYNTHETIC) trials" in said
    assert sum(word == "no effect assumed:" for word in said) == 4
    order = [word for word in said if word in LABELS.values()]
    assert order[-2:] == [LABELS["cd4"], LABELS["cd8"]]  # those that move come first
    assert draw_plan(rows(grid), grid) == svg
    root = ET.fromstring(svg)
    assert (
        root.get("width").replace(".", "").isdigit() and "Date" not in svg and "matplotlib" not in svg.casefold()[:600]
    )


@pytest.mark.parametrize(
    ("grid", "width"),
    [
        (Grid(("W10",), (8,), (5_000,), trials=1), 3.0),
        (Grid(("a<b", "$x$", "c"), (2, 3), (100, 200, 300), trials=2), NAN),
    ],
)
def test_little_or_nothing_to_draw(grid, width, recwarn):
    said = words(draw_plan(rows(grid, width=width), grid))
    assert f"at {grid.visits[0]}" in said and "at c" not in said
    assert [str(one.message) for one in recwarn] == []
