"""What stands around the plot of a subset: title, legend, marks of tests above, visits and counts below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from cytotrial.figures.layout import (
    LEFT,
    RIGHT,
    ROW,
    TICKS,
    TITLE,
    WIDTH,
    arm_colour,
    arm_line,
    arm_marker,
    short_name,
)
from cytotrial.figures.series import Dynamics
from cytotrial.figures.svg import COLOURS
from cytotrial.figures.words import SYNTHETIC_MARK

SMALL = 6.5
MARK_SIZE = {"*": 6.2}  # a star needs more room than the other marks to look as large


def draw_head(figure: Figure, dynamics: Dynamics, *, height: float) -> None:
    """Title, mark on simulated data, and legend at the top of a figure `height` inches high."""
    style: dict[str, Any] = {"transform": figure.dpi_scale_trans, "va": "top", "fontweight": "bold"}
    figure.text(0.06, height - 0.06, dynamics.title, fontsize=10, parse_math=False, **style)
    if dynamics.synthetic:
        colour = COLOURS["warning"]
        figure.text(WIDTH - RIGHT, height - 0.09, SYNTHETIC_MARK, ha="right", fontsize=SMALL, color=colour, **style)
    legend = figure.legend(
        [arm_line(index) for index, _ in enumerate(dynamics.arms)],
        [arm.label for arm in dynamics.arms],
        loc="upper left",
        ncols=max(1, len(dynamics.arms)),
        frameon=False,
        bbox_to_anchor=(LEFT - 0.05, height - TITLE),
        bbox_transform=figure.dpi_scale_trans,
        borderaxespad=0,
        borderpad=0.2,
        handlelength=2.6,
        handletextpad=0.6,
        columnspacing=1.8,
        fontsize=8,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def draw_visits(axes: Axes, dynamics: Dynamics, levels: Sequence[int], rows: Transform, *, top: float) -> None:
    """Ids of the visits below the plot, whose lower edge is at `top` inches."""
    style: dict[str, Any] = {"transform": rows, "ha": "center", "va": "top", "color": COLOURS["ink"]}
    for (visit, week), level in zip(dynamics.visits, levels, strict=True):
        axes.text(week, top - 0.06 - level * TICKS, visit, fontsize=7.5, parse_math=False, **style)


def draw_marks(axes: Axes, dynamics: Dynamics, rows: Transform, *, top: float) -> None:
    """The rows above the plot: one per arm for its change from baseline, one for the arms compared."""
    weeks = dict(dynamics.visits)
    lines: list[tuple[str | None, str, str, str]] = [
        (arm.id, f"{short_name(arm.id)} change", arm_colour(index), arm_marker(index))
        for index, arm in enumerate(dynamics.arms)
    ]
    if len(dynamics.arms) > 1:
        lines.append((None, "between arms", COLOURS["ink"], "*"))
    for row, (arm_id, words, colour, marker) in enumerate(lines):
        y = top - (row + 0.5) * ROW
        _row_label(axes, y, words, colour)
        for mark in dynamics.marks:
            if mark.arm == arm_id and mark.visit in weeks:
                axes.plot(
                    [weeks[mark.visit]],
                    [y],
                    transform=rows,
                    clip_on=False,
                    marker=marker,
                    markersize=MARK_SIZE.get(marker, 4.2),
                    color=colour,
                    markeredgewidth=0.8,
                    markerfacecolor=colour if mark.holds else "none",
                )


def draw_counts(axes: Axes, dynamics: Dynamics, levels: Sequence[int], rows: Transform, *, top: float) -> None:
    """The rows below the plot: how many subjects of each arm stand behind each mean."""
    depth = max(levels, default=0) + 1
    style: dict[str, Any] = {"transform": rows, "ha": "center", "va": "center_baseline", "fontsize": SMALL}
    for row, arm in enumerate(dynamics.arms):
        y = top - (row * depth + 0.5) * ROW
        _row_label(axes, y, f"n {short_name(arm.id)}", arm_colour(row))
        for (visit, week), level in zip(dynamics.visits, levels, strict=True):
            axes.text(week, y - level * ROW, str(arm.at(visit).n), color=COLOURS["muted"], **style)


def _row_label(axes: Axes, y: float, words: str, colour: str) -> None:
    style: dict[str, Any] = {"ha": "right", "va": "center_baseline", "fontsize": SMALL, "color": colour}
    inches = axes.get_figure(root=True).dpi_scale_trans
    axes.text(LEFT - 0.08, y, words, transform=inches, parse_math=False, **style)
