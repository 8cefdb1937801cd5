"""Pictures of what stood: a grid of verdicts, one cell per result and visit, or per result and kind of analysis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from cytotrial.figures.layout import RIGHT, TITLE, WIDTH
from cytotrial.figures.svg import COLOURS, drawing_style, inline_svg
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.statistics_columns import FAILS, FRAGILE, HOLDS

NOT_SIGNIFICANT, UNTRIED = "not_significant", "untried"
GATES_UNTRIED = "gates_untried"  # holds in what was tried, and no gate was moved
CELL, WIDEST_CELL, GAP, LEGEND, SLOPE = 0.25, 0.62, 0.09, 0.3, 50  # inches; degrees
LETTER = 0.06  # inches that a letter of a label takes, in a wide font
LONGEST_LABEL, LONGEST_TITLE = 30, 46  # letters
EDGE = 0.009  # inches left free at every side of a cell
NARROWEST_TEXT = 0.24  # inches: a narrower cell shows its symbol alone

# A verdict is a tint and a symbol, so that no colour has to be seen.
FILLS = {HOLDS: "stands", FRAGILE: "fragile", FAILS: "fails", NOT_SIGNIFICANT: "shade"}
FILLS |= {GATES_UNTRIED: "paper", UNTRIED: "paper"}
HATCHES = {GATES_UNTRIED: ("stands", "\\\\\\\\\\"), UNTRIED: ("rule", "/////")}  # colour and pattern
SYMBOLS: dict[str, Any] = {
    HOLDS: MarkerStyle(Path([(-0.9, 0.0), (-0.25, -0.65), (0.95, 0.75)]), fillstyle="none"),
    FRAGILE: "^",
    FAILS: "X",
    GATES_UNTRIED: MarkerStyle("o", fillstyle="none"),
}
SIZES = {HOLDS: 4.6, FRAGILE: 4.4, FAILS: 5.0, GATES_UNTRIED: 4.2}  # points
LEGEND_WORDS = {
    HOLDS: "holds",
    FRAGILE: "fragile",
    FAILS: "fails",
    GATES_UNTRIED: "holds, gates not tried",
    NOT_SIGNIFICANT: "n.s.: not significant",
    UNTRIED: "not tried",
}


@dataclass(frozen=True)
class VerdictCell:
    """One cell: a key of `FILLS`, its text, and words shown on pointing."""

    verdict: str
    text: str = ""
    title: str = ""


@dataclass(frozen=True)
class VerdictGrid:
    """All that one picture shows.

    Attributes
    ----------
    name : str
        Prefix of the picture's ids.
    rows, columns : sequence of str
        Labels.
    cells : sequence of sequences of VerdictCell
        Row by row, a cell per column.
    gaps : collection of int
        Columns, from 0, that stand a little apart from the one before.
    widths : sequence of float
        Of the columns, relative to each other; empty where all are alike.
    synthetic : bool
        Simulated data: the picture itself says so.
    """

    name: str
    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[VerdictCell]]
    gaps: Sequence[int] = ()
    widths: Sequence[float] = ()
    synthetic: bool = False


def draw_verdicts(grid: VerdictGrid, *, label: str) -> str:
    """The picture as an inline ``<svg>``, 5.6 inches wide at its own scale.

    Parameters
    ----------
    grid : VerdictGrid
    label : str
        The picture in words, for readers who do not see it.
    """
    left = LETTER * max((len(_short(row)) for row in grid.rows), default=0) + 0.2
    spans = _spans(grid, left)
    longest = LETTER * max((len(_short(column)) for column in grid.columns), default=0)
    is_sloped = longest > min((end - start for start, end in spans), default=longest)
    labels = longest * math.sin(math.radians(SLOPE)) + 0.16 if is_sloped else 0.22
    height = TITLE + len(grid.rows) * CELL + labels + LEGEND
    with drawing_style():
        figure = Figure(figsize=(WIDTH, height), facecolor="none")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
        axes.axis("off")
        _head(axes, grid, height)
        _row_labels(axes, grid, left, top=height - TITLE)
        _column_labels(axes, grid, spans, top=labels + LEGEND, is_sloped=is_sloped)
        symbols = _Symbols()
        titles = _cells(axes, grid, spans, symbols, top=height - TITLE)
        _legend(axes, grid, symbols)
        symbols.draw(axes)
        return inline_svg(figure, name=grid.name, label=label, titles=titles)


class _Symbols:
    """Where each verdict's symbol stands, so that all of a kind are drawn at once."""

    def __init__(self) -> None:
        self._places: dict[str, list[tuple[float, float]]] = {verdict: [] for verdict in SYMBOLS}

    def add(self, verdict: str, x: float, y: float) -> None:
        """One more, at a place in inches; nothing for a verdict without a symbol."""
        if verdict in SYMBOLS:
            self._places[verdict].append((x, y))

    def draw(self, axes: Axes) -> None:
        """Draw them all."""
        for verdict, places in self._places.items():
            if places:
                style = {"linestyle": "none", "color": COLOURS["ink"], "clip_on": False, "markersize": SIZES[verdict]}
                style |= (
                    {"markeredgewidth": 1.1, "markerfacecolor": "none"}
                    if verdict in (HOLDS, GATES_UNTRIED)
                    else {"mew": 0}
                )
                axes.plot(*zip(*places, strict=True), marker=SYMBOLS[verdict], **style)


def _spans(grid: VerdictGrid, left: float) -> list[tuple[float, float]]:
    """Left and right edge of every column, in inches."""
    widths = list(grid.widths) or [1.0] * len(grid.columns)
    room = WIDTH - left - RIGHT - GAP * len(grid.gaps)
    unit = min(WIDEST_CELL, room / max(sum(widths), 1.0))
    spans = []
    for column, width in enumerate(widths):
        left += GAP * (column in grid.gaps)
        spans.append((left, left + unit * width))
        left += unit * width
    return spans


def _short(words: str, longest: int = LONGEST_LABEL) -> str:
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def _head(axes: Axes, grid: VerdictGrid, height: float) -> None:
    style: dict[str, Any] = {"va": "top", "fontweight": "bold", "parse_math": False}
    axes.text(0.06, height - 0.06, _short(grid.title, LONGEST_TITLE), fontsize=10, **style)
    if grid.synthetic:
        colour = COLOURS["warning"]
        axes.text(WIDTH - RIGHT, height - 0.09, SYNTHETIC_MARK, ha="right", fontsize=6.5, color=colour, **style)


def _row_labels(axes: Axes, grid: VerdictGrid, left: float, *, top: float) -> None:
    style: dict[str, Any] = {"ha": "right", "va": "center_baseline", "fontsize": 7.5, "parse_math": False}
    for place, words in enumerate(grid.rows):
        axes.text(left - 0.07, top - (place + 0.5) * CELL, _short(words), **style)


def _column_labels(
    axes: Axes, grid: VerdictGrid, spans: Sequence[tuple[float, float]], *, top: float, is_sloped: bool
) -> None:
    """Below the cells; long ones rise towards their column."""
    style: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 7.5, "parse_math": False}
    if is_sloped:
        style |= {"ha": "right", "va": "center", "rotation": SLOPE, "rotation_mode": "anchor"}
    for (start, end), words in zip(spans, grid.columns, strict=True):
        axes.text((start + end) / 2, top - 0.07, _short(words), **style)


def _cells(
    axes: Axes, grid: VerdictGrid, spans: Sequence[tuple[float, float]], symbols: _Symbols, *, top: float
) -> dict[str, str]:
    """Draw them; the words of each by its id in the picture."""
    titles = {}
    for row, line in enumerate(grid.cells):
        y = top - (row + 1) * CELL
        for column, ((start, end), one) in enumerate(zip(spans, line, strict=True)):
            gid = f"cell-{row + 1}-{column + 1}"
            titles[gid] = one.title
            _box(axes, one.verdict, start, y, end - start, CELL, gid=gid)
            has_text = bool(one.text) and end - start >= NARROWEST_TEXT
            symbols.add(one.verdict, start + 0.085 if has_text else (start + end) / 2, y + CELL / 2)
            if has_text:
                is_beside = one.verdict in SYMBOLS
                place = (start + end + 0.13 * is_beside) / 2
                style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": 6.5}
                colour = COLOURS["ink" if is_beside else "muted"]
                axes.text(place, y + CELL / 2, one.text, color=colour, parse_math=False, **style)
    return {gid: words for gid, words in titles.items() if words}


def _box(axes: Axes, verdict: str, x: float, y: float, width: float, tall: float, *, gid: str | None = None) -> None:
    """A tinted cell, a little smaller than its place."""
    style: dict[str, Any] = {"facecolor": COLOURS[FILLS[verdict]], "linewidth": 0, "clip_on": False, "gid": gid}
    if verdict in HATCHES:
        colour, hatch = HATCHES[verdict]
        style |= {"edgecolor": COLOURS[colour], "hatch": hatch}
    axes.add_patch(Rectangle((x + EDGE, y + EDGE), width - 2 * EDGE, tall - 2 * EDGE, **style))


def _legend(axes: Axes, grid: VerdictGrid, symbols: _Symbols) -> None:
    """The verdicts that this picture has, in a line at the bottom."""
    there = {one.verdict for line in grid.cells for one in line}
    x = 0.08
    for verdict, words in LEGEND_WORDS.items():
        if verdict in there:
            _box(axes, verdict, x, 0.06, 0.2, 0.17)
            symbols.add(verdict, x + 0.1, 0.145)
            style: dict[str, Any] = {"va": "center_baseline", "fontsize": 7, "color": COLOURS["muted"]}
            axes.text(x + 0.26, 0.145, words, **style)
            x += 0.42 + 0.058 * len(words)
