"""Gate pictures: each panel's words, lines and bands, worked out by hand; text that stays text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.figures.gates import HEAD, LEFT, PLOT, TITLE, draw_gates
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.gating.grids import BINS, GateGrid
from cytotrial.gating.landmarks import Bound

SVG = "{http://www.w3.org/2000/svg}"
TOP = 262144.0
CD3 = Axis("CD3", "APC-A", 0, TOP, "logicle", 1.0, 4.5)
CD4 = Axis("CD4", "PE-A", 1, TOP, "logicle", 1.0, 4.5)
FSC = Axis("FSC-A", "FSC-A", 2, TOP)
SSC = Axis("SSC-A", "SSC-A", 3, TOP)
TIME = Axis("Time", "Time", 4, 100.0)
SPANS = {"CD3": (0.0, 1.0), "CD4": (0.0, 1.0), "FSC-A": (0.0, 200_000.0), "SSC-A": (0.0, 200_000.0)}
SPANS["Time"] = (-1.0, 51.0)
NUMBER = r"-?[\d.]+"


def grid(name: str, x: Axis, y: Axis, *, n: int = 4000, n_inside: int = 1000, bounds: Any = ()) -> GateGrid:
    """Everybody in one bin, or nobody."""
    parent, inside = (np.zeros((BINS, BINS), dtype=np.uint32) for _ in range(2))
    parent[40, 30], inside[40, 30] = n, n_inside
    return GateGrid(name, x, y, SPANS[x.marker], SPANS[y.marker], parent, inside, n, n_inside, bounds)


def row(population: str, marker: str, bound: str, where: Any, **changes: Any) -> dict[str, Any]:
    """A row of the ledger."""
    shape = bound == "shape"
    words = {"population": population, "marker": marker, "bound": bound, "source": "found"}
    words |= {"threshold_linear": None if shape else where, "coordinates": json.dumps(where) if shape else None}
    return words | changes


def drawn(grids: list[GateGrid], rows: list[dict[str, Any]], *, synthetic: bool = False) -> ElementTree.Element:
    """The picture as a browser reads it."""
    return ElementTree.fromstring(draw_gates(grids, rows, title="the file", synthetic=synthetic))


def panels(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [group for group in root.findall(f"{SVG}g") if "translate" in group.get("transform", "")]


def words(element: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in element.iter(f"{SVG}text")]


def paths(panel: ElementTree.Element) -> list[ElementTree.Element]:
    """The gate's lines: those within the plot."""
    return panel.findall(f"{SVG}svg/{SVG}path")


def points(path: ElementTree.Element) -> list[tuple[float, float]]:
    """Ends of lines and corners, in the path's order."""
    found: list[tuple[float, float]] = []
    for letter, numbers in re.findall(rf"([MLHV])\s*({NUMBER}(?: {NUMBER})?)", path.get("d", "")):
        values = [float(one) for one in numbers.split()]
        if letter in "ML":
            found.append((values[0], values[1]))
        else:
            found.append((values[0], found[-1][1]) if letter == "H" else (found[-1][0], values[0]))
    return found


def at(axis: Axis, linear: float, *, level: bool = False) -> float:
    """Pixel of a linear value: from the left, or with `level` from the top."""
    low, high = SPANS[axis.marker]
    share = (float(axis.to_scale(linear)) - low) / (high - low)
    return PLOT * (1 - share if level else share)


# --- words


def test_words_of_a_panel() -> None:
    """Share of the parent, and the parent's events."""
    (panel,) = panels(drawn([grid("cd3", CD3, SSC, n=1250, n_inside=500)], []))
    assert words(panel)[0] == "cd3: 40.0 % of 1,250"
    assert {"CD3", "SSC-A"} <= set(words(panel))
    assert "104" in words(panel)  # 10 and its power, raised
    assert "50k" in words(panel)


@pytest.mark.parametrize(
    ("n", "n_inside", "share"),
    [
        (0, 0, "NA of 0"),
        (4567, 0, "0.0 % of 4,567"),
        (4567, 4567, "100.0 % of 4,567"),
        (1_234_567, 12, "0.00097 % of 1,234,567"),
        (10_000, 3, "0.03 % of 10,000"),
        (1000, 1, "0.1 % of 1,000"),
    ],
)
def test_shares(n: int, n_inside: int, share: str) -> None:
    """No share of nothing, and few is not none."""
    (panel,) = panels(drawn([grid("nk", CD3, SSC, n=n, n_inside=n_inside)], []))
    assert words(panel)[0] == f"nk: {share}"


@pytest.mark.parametrize("synthetic", [False, True])
def test_title_says_when_data_are_simulated(synthetic: bool) -> None:
    root = drawn([grid("cd3", CD3, SSC)], [], synthetic=synthetic)
    assert words(root)[0] == "the file" + (SYNTHETIC_MARK if synthetic else "")
    assert (SYNTHETIC_MARK in (root.findtext(f"{SVG}title") or "")) is synthetic


def test_what_is_told_to_who_does_not_see() -> None:
    root = drawn([grid("cd3", CD3, SSC), grid("cd4", CD4, CD3, n=1000, n_inside=600)], [])
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "Gates of the file"
    assert root.findtext(f"{SVG}desc") == "cd3: 25.0 % of 4,000; cd4: 60.0 % of 1,000"
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]


def test_time_has_its_unit() -> None:
    (panel,) = panels(drawn([grid("steady_time", TIME, FSC)], []))
    assert "Time (s)" in words(panel)
    assert words(panel)[1:7] == ["0", "10", "20", "30", "40", "50"]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\"b'c&d", "]]><b>", "nul\x00bell\x07\ufffe", "ΔCD4 µ"])
def test_text_of_files_stays_text(name: str) -> None:
    """Channel names, ids and titles come from files of others."""
    axis = Axis(name, name, 0, TOP, "logicle", 1.0, 4.5)
    counts = grid("x", CD3, SSC)
    one = GateGrid(name, axis, axis, (0.0, 1.0), (0.0, 1.0), counts.parent, counts.inside, 10, 5)
    picture = draw_gates([one], [row(name, name, "min", 1000.0, source=name)], title=name, synthetic=True)
    root = ElementTree.fromstring(picture)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "desc", "rect", "text", "tspan", "g", "image", "path"}
    shown = re.sub("[\x00-\x08\ufffe]", "\ufffd", name)
    assert root.findtext(f"{SVG}title") == f"Gates of {shown} ({SYNTHETIC_MARK})"
    assert words(root)[0] == shown + SYNTHETIC_MARK


def test_long_names_lose_their_middle_and_the_description_has_them_whole() -> None:
    name = "root/lymphocytes/not B cells/T cells/CD4"
    root = drawn([grid(name, CD3, SSC)], [])
    (panel,) = panels(root)
    assert words(panel)[0] == "root/lymp…ells/CD4: 25.0 % of 4,000".replace(
        "root/lymp…ells/CD4", name[:9] + "…" + name[-10:]
    )
    assert name in (root.findtext(f"{SVG}desc") or "")


# --- layout


@pytest.mark.parametrize(("n_gates", "n_rows"), [(0, 1), (1, 1), (5, 1), (6, 2), (13, 3)])
def test_five_gates_a_row(n_gates: int, n_rows: int) -> None:
    """One gate only, or none, is a picture too."""
    root = drawn([grid(f"gate{number}", CD3, SSC) for number in range(n_gates)], [])
    places = [tuple(float(one) for one in re.findall(NUMBER, panel.get("transform", ""))) for panel in panels(root)]
    height = float(root.get("height", "0"))
    a_row = (height - HEAD) / n_rows
    assert a_row == pytest.approx(202)
    assert places == [(200 * (n % 5) + LEFT, HEAD + a_row * (n // 5) + TITLE) for n in range(n_gates)]
    assert root.get("viewBox") == f"0 0 1000 {height:g}"
    assert len(words(root)) >= 2


def test_ticks_stand_where_the_scale_has_them() -> None:
    (panel,) = panels(drawn([grid("cd3", CD3, SSC)], []))
    (upright, level) = panel.findall(f"{SVG}g")
    at_x = {"".join(text.itertext()): float(text.get("x", "nan")) for text in upright if not text.get("transform")}
    at_y = {"".join(text.itertext()): float(text.get("y", "nan")) for text in level}
    assert at_x["103"] == pytest.approx(at(CD3, 1000.0), abs=0.06)
    assert at_x["0"] == pytest.approx(at(CD3, 0.0), abs=0.06)
    assert at_y["150k"] == pytest.approx(at(SSC, 150_000.0, level=True) + 3, abs=0.06)


def test_density_lies_in_the_whole_plot() -> None:
    (panel,) = panels(drawn([grid("cd3", CD3, SSC)], []))
    (image,) = panel.findall(f"{SVG}svg/{SVG}image")
    assert (image.get("x"), image.get("y"), image.get("width"), image.get("height")) == (
        None,
        None,
        str(PLOT),
        str(PLOT),
    )
    assert base64.b64decode(str(image.get("href")).split(",")[1]).startswith(b"\x89PNG")
    assert "pixelated" in str(image.get("style"))


# --- gates


def test_a_single_threshold_crosses_the_plot() -> None:
    rows = [row("cd3", "CD3", "min", 1000.0), row("cd4", "CD4", "min", 5.0)]
    (panel,) = panels(drawn([grid("cd3", CD3, SSC)], rows))
    (line,) = paths(panel)
    assert points(line) == [(pytest.approx(at(CD3, 1000.0), abs=0.06), PLOT), (points(line)[0][0], 0)]
    assert line.get("stroke") == "#d55e00"
    (panel,) = panels(drawn([grid("low", CD3, SSC)], [row("low", "SSC-A", "max", 50_000.0)]))
    (line,) = paths(panel)
    assert points(line) == [(0, 0.75 * PLOT), (PLOT, 0.75 * PLOT)]


def test_two_thresholds_are_the_corner_that_is_kept() -> None:
    """CD4+ CD3low: from the threshold of x to the right end, up to the threshold of y."""
    rows = [row("cd4", "CD3", "max", 2000.0), row("cd4", "CD4", "min", 3000.0)]
    (panel,) = panels(drawn([grid("cd4", CD4, CD3)], rows))
    x, y = (round(one, 1) for one in (at(CD4, 3000.0), at(CD3, 2000.0, level=True)))
    (line,) = paths(panel)
    assert points(line) == [(x, PLOT), (x, y), (x, y), (PLOT, y)]


def test_four_thresholds_are_a_rectangle() -> None:
    rows = [row("box", "FSC-A", "min", 50_000), row("box", "FSC-A", "max", 100_000)]
    rows += [row("box", "SSC-A", "min", 20_000), row("box", "SSC-A", "max", 150_000)]
    (panel,) = panels(drawn([grid("box", FSC, SSC)], rows))
    left, right, bottom, top = (round(share * PLOT, 1) for share in (0.25, 0.5, 0.9, 0.25))
    (line,) = paths(panel)
    upright = [(left, bottom), (left, top), (right, bottom), (right, top)]
    assert points(line) == [*upright, (left, bottom), (right, bottom), (left, top), (right, top)]


def test_polygon_is_closed_and_straight_on_the_gates_scale() -> None:
    corners = [[-300.0, 20_000.0], [50_000.0, 10_000.0], [5000.0, 150_000.0]]
    (panel,) = panels(drawn([grid("gate", CD3, SSC)], [row("gate", "CD3:SSC-A", "shape", corners)]))
    (line,) = paths(panel)
    expected = [(at(CD3, x), at(SSC, y, level=True)) for x, y in corners]
    assert np.allclose(points(line), expected, atol=0.051)
    assert str(line.get("d")).endswith("Z")


def test_polygon_whose_markers_are_the_other_way_round() -> None:
    corners = [[20_000.0, -300.0], [10_000.0, 50_000.0], [150_000.0, 5000.0]]
    (panel,) = panels(drawn([grid("gate", CD3, SSC)], [row("gate", "SSC-A:CD3", "shape", corners)]))
    (line,) = paths(panel)
    assert np.allclose(points(line), [(at(CD3, x), at(SSC, y, level=True)) for y, x in corners], atol=0.051)


@pytest.mark.parametrize("upright", [True, False])
def test_every_stretch_of_time_is_a_band(upright: bool) -> None:
    kept = [[0.0, 10.0], [20.0, 25.0], [40.0, 50.0]]
    pair = (TIME, FSC) if upright else (FSC, TIME)
    (panel,) = panels(drawn([grid("steady_time", *pair)], [row("steady_time", "Time", "shape", kept)]))
    bands = panel.findall(f"{SVG}svg/{SVG}rect")
    got = [[float(band.get(key, "nan")) for key in ("x", "y", "width", "height")] for band in bands]
    place = PLOT / 52
    if upright:
        expected = [[(a + 1) * place, 0, (b - a) * place, PLOT] for a, b in kept]
    else:
        expected = [[0, PLOT - (b + 1) * place, PLOT, (b - a) * place] for a, b in kept]
    assert np.allclose(got, expected, atol=0.051)
    assert paths(panel) == []


def test_bounds_on_a_third_marker_are_said_and_not_drawn() -> None:
    rows = [row("gate", marker, "max", value) for marker, value in (("FSC-A", 9e4), ("SSC-A", 5e4), ("CD4", 9.0))]
    (panel,) = panels(drawn([grid("gate", FSC, SSC)], rows))
    assert "also on CD4" in words(panel)
    (line,) = paths(panel)
    right, top = (round(share * PLOT, 1) for share in (0.45, 0.75))
    assert points(line) == [(right, PLOT), (right, top), (0, top), (right, top)]


def test_file_of_one_channel_has_its_threshold_once() -> None:
    (panel,) = panels(drawn([grid("cd3", CD3, CD3)], [row("cd3", "CD3", "min", 1000.0)]))
    (line,) = paths(panel)
    assert [x for x, _ in points(line)] == [pytest.approx(at(CD3, 1000.0), abs=0.06)] * 2


def test_gate_that_is_nowhere_has_its_panel() -> None:
    """A drawn gate whose bounds could not be written down."""
    (panel,) = panels(drawn([grid("gate", CD3, SSC)], [row("gate", None, "shape", None, coordinates=None)]))  # type: ignore[arg-type]
    assert paths(panel) == []
    assert words(panel)[0] == "gate: 25.0 % of 4,000"


def test_finer_bounds_of_the_grid_go_before_the_ledgers() -> None:
    """Of gates that were drawn on another scale the grid has more points."""
    fine = (Bound("CD3", "min", 3000.0),)
    (panel,) = panels(drawn([grid("cd3", CD3, SSC, bounds=fine)], [row("cd3", "CD3", "min", 1000.0)]))
    (line,) = paths(panel)
    assert points(line)[0][0] == pytest.approx(at(CD3, 3000.0), abs=0.06)


@pytest.mark.parametrize(
    ("source", "said"), [("found", []), ("fixed", []), ("pooled", ["borrowed"]), ("fmo", ["from a control"])]
)
def test_gate_that_is_not_from_the_files_own_data_says_so(source: str, said: list[str]) -> None:
    rows = [row("cd3", "CD3", "min", 1000.0, source=source)]
    (panel,) = panels(drawn([grid("cd3", CD3, SSC)], rows))
    assert [text.text for text in panel.findall(f"{SVG}svg/{SVG}text")] == said


def test_moved_gate_shows_where_it_was() -> None:
    """The ledger's columns as text, as a table gives them."""
    moved = {"source": "manual", "automatic_threshold_linear": "500.0", "automatic_coordinates": None}
    rows = [row("cd3", "CD3", "min", "1000.0", **moved)]
    (panel,) = panels(drawn([grid("cd3", CD3, SSC)], rows))
    before, now = paths(panel)
    assert points(before)[0][0] == pytest.approx(at(CD3, 500.0), abs=0.06)
    assert points(now)[0][0] == pytest.approx(at(CD3, 1000.0), abs=0.06)
    assert (before.get("stroke-dasharray"), now.get("stroke-dasharray")) == ("3 2.5", None)
    assert "moved by hand; before: dashed" in words(panel)


def test_moved_shape_shows_where_it_was() -> None:
    was, now = [[1e4, 1e4], [5e4, 1e4], [2e4, 6e4]], [[2e4, 1e4], [6e4, 1e4], [3e4, 6e4]]
    changes = {"source": "manual", "automatic_threshold_linear": None, "automatic_coordinates": json.dumps(was)}
    (panel,) = panels(drawn([grid("gate", FSC, SSC)], [row("gate", "FSC-A:SSC-A", "shape", now, **changes)]))
    for path, corners in zip(paths(panel), (was, now), strict=True):
        assert np.allclose(points(path), [(at(FSC, x), at(SSC, y, level=True)) for x, y in corners], atol=0.051)


# --- the file


def busy(number: int) -> GateGrid:
    """A cloud as wide as that of all lymphocytes in scatter, half of it inside."""
    rng = np.random.default_rng(number)
    cloud = np.clip(rng.normal(45, 7, (2, 50_000)), 0, BINS - 1).astype(int)
    parent = np.zeros((BINS, BINS), dtype=np.uint32)
    np.add.at(parent, tuple(cloud), 1)
    inside = np.where(np.add.outer(np.arange(BINS), np.arange(BINS)) > BINS, parent, 0).astype(np.uint32)
    span = (0.0, 1.0)
    return GateGrid(f"gate{number}", CD3, CD4, span, span, parent, inside, int(parent.sum()), int(inside.sum()))


def test_same_input_same_bytes_and_a_small_file() -> None:
    grids = [busy(number) for number in range(13)]
    ring = [[1000 + 500 * np.cos(angle), 1000 + 500 * np.sin(angle)] for angle in np.linspace(0, 6, 40)]
    rows = [row(one.population, "CD3:CD4", "shape", ring) for one in grids]
    one, two = (draw_gates(grids, rows, title="the file", synthetic=True) for _ in range(2))
    print(f"13 gates of 50,000 events: {len(one)} bytes")
    assert one == two
    assert len(one) < 45_000


def test_nothing_is_fetched_from_elsewhere() -> None:
    text = draw_gates([grid("cd3", CD3, SSC)], [row("cd3", "CD3", "min", 1000.0)], title="t", synthetic=True).decode()
    assert re.findall(r'(?:href|src)="(?!data:image/png;base64,)', text) == []
    assert [one for one in re.findall(r"https?://[^\"' ]+", text) if one != "http://www.w3.org/2000/svg"] == []
    assert "url(" not in text


def test_pictures_need_little(run_python: Callable[..., Any]) -> None:
    """A job's start is most of its time."""
    program = (
        "import sys\nimport cytotrial.commands.draw_gates\n"
        "print([name for name in ('flowkit', 'flowio', 'pandas', 'scipy', 'matplotlib', 'lxml', "
        "'cytotrial.gating.placing') if name in sys.modules])"
    )
    done = run_python(program)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
