"""The grid of verdicts: what it says, in colour and in symbols, in every shape."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from cytotrial.figures.survival import (
    FAILS,
    FRAGILE,
    GATES_UNTRIED,
    HOLDS,
    NOT_SIGNIFICANT,
    UNTRIED,
    VerdictCell,
    VerdictGrid,
    draw_verdicts,
)
from cytotrial.figures.words import SYNTHETIC_MARK

CELLS = [
    [VerdictCell(HOLDS, "27/27", "weakest: p 0.0496"), VerdictCell(NOT_SIGNIFICANT, "n.s.")],
    [VerdictCell(FAILS, "18/32"), VerdictCell(FRAGILE, "26/27")],
]


def _grid(**changes: object) -> VerdictGrid:
    given = {"name": "stands-1", "title": "Between arms", "rows": ["NK cells", "Treg"], "columns": ["W2", "W10"]}
    return VerdictGrid(**(given | {"cells": CELLS} | changes))  # type: ignore[arg-type]


def _texts(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("text")]


def _fills(svg: str) -> dict[str, str]:
    """Colour of every cell by its place."""
    cells = re.findall(r'id="stands-1-(cell-\d-\d)">(?:<title>[^<]*</title>)?\s*<path[^>]*style="fill: ([^;"]+)', svg)
    return {name: re.sub(r"var\(--([\w-]+).*", r"\1", fill) for name, fill in cells}


def test_says_what_it_shows() -> None:
    texts = _texts(draw_verdicts(_grid(), label="x"))
    for expected in ("Between arms", "NK cells", "Treg", "W2", "W10", "27/27", "n.s.", "18/32", "26/27"):
        assert expected in texts
    assert SYNTHETIC_MARK not in texts
    assert SYNTHETIC_MARK in _texts(draw_verdicts(_grid(synthetic=True), label="x"))


def test_every_verdict_has_its_own_colour() -> None:
    fills = _fills(draw_verdicts(_grid(), label="x"))
    assert fills == {"cell-1-1": "stands", "cell-1-2": "shade", "cell-2-1": "fails", "cell-2-2": "fragile"}


def test_every_verdict_has_its_own_symbol_so_that_no_colour_has_to_be_seen() -> None:
    def symbols(*verdicts: str) -> tuple[int, set[str]]:
        cells = [[VerdictCell(verdict, "1/2") for verdict in verdicts]]
        svg = draw_verdicts(_grid(rows=["a"], columns=["b"] * len(verdicts), cells=cells), label="x")
        used = re.findall(r'<use href="#([^"]+)"', svg)
        outlines = [re.search(rf'id="{name}" d="([^"]+)"', svg)[1] for name in used]  # type: ignore[index]
        return len(used), {"".join(re.findall("[A-Za-z]", outline)) for outline in outlines}

    assert symbols(HOLDS, HOLDS, FAILS)[0] == 5  # the legend has one more of each
    assert len(symbols(HOLDS, FRAGILE, FAILS, GATES_UNTRIED)[1]) == 4
    assert symbols(NOT_SIGNIFICANT, UNTRIED)[0] == 0


def test_what_was_not_tried_is_hatched_and_only_then_in_the_legend() -> None:
    tried = draw_verdicts(_grid(), label="x")
    assert "<pattern" not in tried and "not tried" not in _texts(tried)
    cells = [[VerdictCell(UNTRIED)] * 2] * 2
    untried = draw_verdicts(_grid(cells=cells), label="x")
    assert "<pattern" in untried and "not tried" in _texts(untried) and "holds" not in _texts(untried)


def test_what_holds_with_no_gate_tried_is_no_plain_green() -> None:
    svg = draw_verdicts(_grid(cells=[[VerdictCell(GATES_UNTRIED, "2/2")] * 2] * 2), label="x")
    assert "stands" not in _fills(svg).values()
    grounds = re.findall(r'<pattern[^>]*>\s*<rect[^>]*fill="var\(--(\w+)', svg)
    assert set(grounds) == {"paper"}
    assert "holds, gates not tried" in _texts(svg)


def test_pointing_at_a_cell_tells_every_digit() -> None:
    titles = [node.text for node in ElementTree.fromstring(draw_verdicts(_grid(), label="x")).iter("title")]
    assert titles == ["weakest: p 0.0496"]


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": [], "cells": []},
        {"rows": [], "columns": [], "cells": []},
        {"columns": ["CD25 min of treg", "all gates at random"], "gaps": [1], "widths": [1.0, 1.4]},
        {"columns": [f"limit {n}" for n in range(60)], "cells": [[VerdictCell(HOLDS, "4/4")] * 60] * 2},
        {"rows": ["a" * 90, "$x_1$ & <b>"], "title": "$cost_{1} & <b>" * 9, "synthetic": True},
    ],
    ids=["no rows", "nothing", "gaps and widths", "sixty columns", "odd words"],
)
def test_every_shape_is_drawn_the_same_each_time(changes: dict[str, object]) -> None:
    svg = draw_verdicts(_grid(**changes), label="x")
    root = ElementTree.fromstring(svg)
    assert "nan" not in svg.lower()
    assert svg == draw_verdicts(_grid(**changes), label="x")
    width, height = (float(part) for part in root.get("viewBox", "").split()[2:])
    for node in root.iter("text"):
        assert 0 <= float(node.get("x", 0)) <= width and 0 <= float(node.get("y", 0)) <= height


def test_columns_stand_in_their_order_and_gaps_apart() -> None:
    columns = ["a", "b", "c"]
    cells = [[VerdictCell(HOLDS, "1/1")] * 3]
    svg = draw_verdicts(_grid(rows=["r"], columns=columns, cells=cells, gaps=[2], widths=[1, 2, 1]), label="x")
    edges = []
    for n in (1, 2, 3):
        path = re.search(rf'cell-1-{n}">\s*<path d="([^"]+)"', svg)
        places = [float(x) for x, _ in re.findall(r"([\d.]+) ([\d.]+)", path[1])]  # type: ignore[index]
        edges.append((min(places), max(places)))
    widths = [end - start for start, end in edges]
    assert widths[1] > 1.9 * widths[0] and widths[2] == pytest.approx(widths[0], abs=0.02)
    assert edges[2][0] - edges[1][1] > edges[1][0] - edges[0][1] + 5
