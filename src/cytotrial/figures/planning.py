"""The picture of a plan: power and interval width against patients, a line per number of events, a row per subset."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cytotrial.figures.svg import COLOURS, drawing_style
from cytotrial.planning.power import NO_EFFECT, Grid
from cytotrial.planning.text import LABELS, WANTED
from cytotrial.planning.trial_tests import TESTS

PANEL_WIDTH, PANEL_HEIGHT = 1.62, 1.18  # inches
LEFT, RIGHT, TOP, BOTTOM, GAP_X, GAP_Y, GAP_WIDTHS, GAP_VISITS = 0.95, 0.2, 1.05, 0.72, 0.16, 0.3, 0.5, 0.55
# Viridis keeps its order for colour-blind eyes and in print (Nuñez et al. 2018, doi:10.1371/journal.pone.0199239).
COLOUR_MAP, FEWEST, MOST = "viridis", 0.86, 0.05
HEADS = {
    "paired_t": "paired t,\nactive arm",
    "mann_whitney": "Mann-Whitney,\nbetween arms",
    "ancova": "ANCOVA,\nbetween arms",
}
Rows = Sequence[Mapping[str, Any]]


def draw_plan(rows: Rows, grid: Grid) -> str:
    """The picture as a standalone SVG file's text; the same bytes for the same rows.

    Parameters
    ----------
    rows : sequence of mapping
        Of `planning.power.PLAN`.
    grid : Grid
        What was asked; the first two of its visits are drawn.
    """
    subsets = [subset for subset in LABELS if any(row["subset"] == subset for row in rows)]
    subsets.sort(key=lambda subset: _is_null(rows, subset))  # those that move come first
    visits = grid.visits[:2]
    block = 4 * PANEL_WIDTH + 2 * GAP_X + GAP_WIDTHS
    width = LEFT + len(visits) * block + (len(visits) - 1) * GAP_VISITS + RIGHT
    height = TOP + len(subsets) * (PANEL_HEIGHT + GAP_Y) - GAP_Y + BOTTOM
    with drawing_style():
        figure = Figure(figsize=(width, height), facecolor=COLOURS["paper"])
        canvas = _Canvas(figure, width, height)
        for place, visit in enumerate(visits):
            left = LEFT + place * (block + GAP_VISITS)
            canvas.words(left, height - 0.52, f"at {visit}", fontsize=11, fontweight="bold")
            for number, subset in enumerate(subsets):
                bottom = height - TOP - (number + 1) * PANEL_HEIGHT - number * GAP_Y
                is_last = number == len(subsets) - 1
                here = [row for row in rows if (row["subset"], row["visit"]) == (subset, visit)]
                _block(canvas, here, grid, left=left, bottom=bottom, is_first=number == 0, is_last=is_last)
                if place == 0:
                    _name(canvas, subset, here, bottom)
        _head(canvas, grid)
        return _standalone(figure)


class _Canvas:
    """A figure on which places are inches from the lower left."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        self.figure, self.width, self.height = figure, width, height

    def axes(self, left: float, bottom: float, width: float) -> Axes:
        """A panel of the common height."""
        place = (left / self.width, bottom / self.height, width / self.width, PANEL_HEIGHT / self.height)
        return self.figure.add_axes(place, facecolor="none")

    def words(self, left: float, bottom: float, text: str, **style: Any) -> None:
        """Text that begins at a place."""
        self.figure.text(left / self.width, bottom / self.height, text, parse_math=False, **style)


def _is_null(rows: Rows, subset: str) -> bool:
    return all(str(row["note"]).startswith(NO_EFFECT) for row in rows if row["subset"] == subset)


def _block(
    canvas: _Canvas, rows: Rows, grid: Grid, *, left: float, bottom: float, is_first: bool, is_last: bool
) -> None:
    """One subset at one visit: power by each test, and the interval's width."""
    for place, test in enumerate(TESTS):
        axes = canvas.axes(left + place * (PANEL_WIDTH + GAP_X), bottom, PANEL_WIDTH)
        of_test = [row for row in rows if row["test"] == test]
        _frame(axes, grid, is_last=is_last)
        _lines(axes, of_test, grid, "power", factor=100.0)
        _power_scale(axes, is_leftmost=place == 0)
        if of_test and _is_null(of_test, of_test[0]["subset"]) and place == 0:
            axes.text(0.5, 0.42, "no effect assumed:\nfalse positives", transform=axes.transAxes, **_QUIET)
        if is_first:
            axes.set_title(HEADS[test], fontsize=8, pad=5)
    axes = canvas.axes(left + 3 * PANEL_WIDTH + 2 * GAP_X + GAP_WIDTHS, bottom, PANEL_WIDTH)
    _frame(axes, grid, is_last=is_last)
    between = [row for row in rows if row["test"] == "mann_whitney"]
    _lines(axes, between, grid, "ci_width", factor=1.0)
    _width_scale(axes, between, grid)
    if is_first:
        axes.set_title("95 % interval, between\narms: width in points", fontsize=8, pad=5)


_QUIET: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7, "color": COLOURS["muted"]}


def _frame(axes: Axes, grid: Grid, *, is_last: bool) -> None:
    axes.set_xscale("log")
    axes.set_xlim(grid.patients[0] / 1.08, grid.patients[-1] * 1.08)
    axes.set_xticks(grid.patients, [str(n) for n in grid.patients] if is_last else [""] * len(grid.patients))
    axes.minorticks_off()
    axes.tick_params(length=2.5, width=0.6, pad=2, labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    if is_last:
        axes.set_xlabel("patients per arm", fontsize=7.5, labelpad=2)


def _power_scale(axes: Axes, *, is_leftmost: bool) -> None:
    axes.set_ylim(0, 103)
    ticks = [0, 50, *(round(100 * power) for power in WANTED)]
    axes.set_yticks(ticks, [f"{tick} %" if is_leftmost else "" for tick in ticks])
    for power, style in zip(WANTED, ("-", (0, (4, 2))), strict=True):
        axes.axhline(100 * power, color=COLOURS["muted"], linewidth=0.6, linestyle=style, zorder=1)


def _width_scale(axes: Axes, rows: Rows, grid: Grid) -> None:
    """From 0; the dotted line is twice the effect, above which the interval of an average trial holds 0."""
    known = [row["ci_width"] for row in rows if row["ci_width"] == row["ci_width"]]
    effects = [row["effect"] for row in rows if row["events"] == max(grid.events)]
    twice = 2 * abs(effects[-1]) if effects and not str(rows[0]["note"]).startswith(NO_EFFECT) else 0.0
    # One starved line must not flatten the others.
    usual = sorted(known)[int(0.9 * (len(known) - 1))] if known else 1.0
    axes.set_ylim(0, 1.12 * max(usual, min(twice, 1.5 * usual)))
    axes.locator_params(axis="y", nbins=4)
    axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.4, alpha=0.7)
    axes.set_axisbelow(True)
    if twice:
        axes.axhline(twice, color=COLOURS["muted"], linewidth=1.0, linestyle=(0, (1, 1.6)), zorder=1)


def _lines(axes: Axes, rows: Rows, grid: Grid, column: str, *, factor: float) -> None:
    for events in grid.events:
        values = {row["patients_per_arm"]: factor * row[column] for row in rows if row["events"] == events}
        y = [values.get(patients, float("nan")) for patients in grid.patients]
        style: dict[str, Any] = {"color": _colour(events, grid), "linewidth": 1.3, "markersize": 2.6}
        axes.plot(grid.patients, y, marker="o", markeredgewidth=0, **style)


def _colour(events: int, grid: Grid) -> tuple[float, ...]:
    """From light (fewest) to dark by rank."""
    rank = grid.events.index(events) / max(len(grid.events) - 1, 1) if len(grid.events) > 1 else 1.0
    return colormaps[COLOUR_MAP](FEWEST + rank * (MOST - FEWEST))


def _name(canvas: _Canvas, subset: str, rows: Rows, bottom: float) -> None:
    """The subset beside its row, and of what it is a share."""
    style: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center", "rotation_mode": "anchor"}
    middle = bottom + PANEL_HEIGHT / 2
    canvas.words(0.2, middle, LABELS[subset], fontsize=8.5, fontweight="bold", **style)
    of = f"of {rows[0]['denominator']}" if rows else ""
    canvas.words(0.36, middle, of, fontsize=7.5, color=COLOURS["muted"], **style)


def _head(canvas: _Canvas, grid: Grid) -> None:
    words = f"Power and interval width by {grid.trials:,} simulated (SYNTHETIC) trials".replace(",", " ")
    canvas.words(LEFT, canvas.height - 0.27, words, fontsize=11, fontweight="bold")
    lines = [Line2D([], [], color=_colour(n, grid), linewidth=2, marker="o", markersize=3) for n in grid.events]
    labels = [f"{n:,}".replace(",", " ") for n in grid.events]
    lines.append(Line2D([], [], color=COLOURS["muted"], linewidth=1.0, linestyle=(0, (1, 1.6))))
    labels.append("twice the effect: above it, an average interval holds 0")
    canvas.figure.legend(
        lines,
        labels,
        loc="lower left",
        bbox_to_anchor=((LEFT + 0.05) / canvas.width, 0.02 / canvas.height),
        ncols=len(lines),
        frameon=False,
        fontsize=8,
        title=None,
        handlelength=1.6,
        columnspacing=1.6,
    )
    canvas.words(0.08, 0.125, "events per tube:", fontsize=8)


def _standalone(figure: Figure) -> str:
    stream = io.StringIO()
    FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    # One point as one pixel: a picture as wide as a screen, not a third wider.
    return re.sub(
        r'(<svg [^>]*?)width="([\d.]+)pt" height="([\d.]+)pt"', r'\1width="\2" height="\3"', stream.getvalue()
    )
