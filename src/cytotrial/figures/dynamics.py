"""The picture of one subset over the trial: mean and 95 % t-interval per arm, as figure 3 of He et al. 2020.

The published figure: doi:10.1136/annrheumdis-2019-215396.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from cytotrial.figures.layout import (
    FOOT,
    GAP,
    LEFT,
    LEGEND,
    PLOT,
    RIGHT,
    ROW,
    TICKS,
    TITLE,
    WIDTH,
    arm_colour,
    arm_line,
    label_levels,
    span,
)
from cytotrial.figures.margins import draw_counts, draw_head, draw_marks, draw_visits
from cytotrial.figures.series import ArmValues, Dynamics
from cytotrial.figures.svg import COLOURS, drawing_style, inline_svg

NAN = float("nan")
DOSING_WORD = 0.42  # inches that the word takes


def draw_dynamics(dynamics: Dynamics, *, label: str) -> str:
    """The picture as an inline ``<svg>``, 5.6 inches wide at its own scale.

    Parameters
    ----------
    dynamics : Dynamics
        Percentages on the linear scale; the vertical axis begins at 0.
    label : str
        The picture in words, for readers who do not see it.
    """
    levels = label_levels([week for _, week in dynamics.visits], [visit for visit, _ in dynamics.visits])
    depth = max(levels, default=0) + 1
    marks = (len(dynamics.arms) + (len(dynamics.arms) > 1)) * ROW
    below = depth * TICKS + GAP + len(dynamics.arms) * depth * ROW + FOOT
    height = TITLE + LEGEND + marks + GAP + PLOT + below
    with drawing_style():
        figure = Figure(figsize=(WIDTH, height), facecolor="none")
        axes = figure.add_axes((LEFT / WIDTH, below / height, (WIDTH - LEFT - RIGHT) / WIDTH, PLOT / height))
        _frame(axes, dynamics)
        _dosing(axes, dynamics)
        if dynamics.has_values:
            _values(axes, dynamics)
        else:
            _nothing(axes, dynamics.empty_reason)
        rows = blended_transform_factory(axes.transData, figure.dpi_scale_trans)
        draw_head(figure, dynamics, height=height)
        draw_marks(axes, dynamics, rows, top=below + PLOT + GAP + marks)
        draw_visits(axes, dynamics, levels, rows, top=below)
        draw_counts(axes, dynamics, levels, rows, top=below - depth * TICKS - GAP)
        return inline_svg(figure, name=dynamics.name, label=label)


def _frame(axes: Axes, dynamics: Dynamics) -> None:
    weeks = [week for _, week in dynamics.visits]
    axes.set_xlim(*span(weeks))
    axes.set_facecolor("none")
    axes.set_xticks(weeks, [""] * len(weeks))
    axes.tick_params(length=2.5, width=0.6, pad=2, labelsize=7.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.4, alpha=0.7)
    axes.set_axisbelow(True)
    middle = blended_transform_factory(axes.get_figure(root=True).dpi_scale_trans, axes.transAxes)
    style: dict[str, Any] = {"ha": "center", "va": "center", "rotation": 90, "rotation_mode": "anchor"}
    axes.text(0.2, 0.5, dynamics.y_label, transform=middle, fontsize=8, parse_math=False, **style)


def _dosing(axes: Axes, dynamics: Dynamics) -> None:
    low, high = axes.get_xlim()
    wide = DOSING_WORD * (high - low) / (WIDTH - LEFT - RIGHT)
    style: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 6.5, "color": COLOURS["muted"]}
    named = False
    for start, end in dynamics.dosing:
        start, end = max(start, low), min(end, high)
        if start >= end:
            continue
        axes.axvspan(start, end, facecolor=COLOURS["shade"], edgecolor="none", zorder=0)
        if not named or end - start >= wide:  # the first always, the others where the word fits
            axes.text((start + end) / 2, 0.985, "dosing", transform=axes.get_xaxis_transform(), **style)
            named = True


def _values(axes: Axes, dynamics: Dynamics) -> None:
    weeks = [week for _, week in dynamics.visits]
    gaps = [after - before for before, after in itertools.pairwise(weeks) if after > before]
    step = min(0.011 * (max(weeks) - min(weeks)), 0.18 * min(gaps)) if gaps else 0.03
    top = 0.0
    for index, arm in enumerate(dynamics.arms):
        dodge = (index - (len(dynamics.arms) - 1) / 2) * step
        _subject_lines(axes, dynamics, arm, dodge=dodge, colour=arm_colour(index))
        top = max(top, _means(axes, dynamics, index, dodge=dodge))
    axes.set_ylim(0, top * 1.09 if top > 0 else 1.0)


def _means(axes: Axes, dynamics: Dynamics, index: int, *, dodge: float) -> float:
    """Draw one arm's means and intervals; the highest of its values and limits."""
    arm = dynamics.arms[index]
    summaries = [arm.at(visit) for visit, _ in dynamics.visits]
    places = [week + dodge for _, week in dynamics.visits]
    bars_x: list[float] = []
    bars_y: list[float] = []
    highest = [value for values in arm.subjects.values() for value in values.values()]
    for place, summary in zip(places, summaries, strict=True):
        if summary.low is not None and summary.high is not None:
            bars_x += [place, place, NAN]
            bars_y += [summary.low, summary.high, NAN]
            highest.append(summary.high)
    axes.plot(bars_x, bars_y, color=arm_colour(index), linewidth=1.3, zorder=4)
    line = arm_line(index)
    line.set_data(places, [NAN if summary.mean is None else summary.mean for summary in summaries])
    line.set_zorder(5)
    axes.add_line(line)
    return max(highest, default=0.0)


def _subject_lines(axes: Axes, dynamics: Dynamics, arm: ArmValues, *, dodge: float, colour: str) -> None:
    """Every subject of an arm in one path: a line breaks at a missing visit, a lone value is a dot."""
    x: list[float] = []
    y: list[float] = []
    places = [week + dodge for _, week in dynamics.visits]
    for subject in sorted(arm.subjects):
        values = [arm.subjects[subject].get(visit, NAN) for visit, _ in dynamics.visits]
        before, after = [NAN, *values[:-1]], [*values[1:], NAN]
        for place, value, *near in zip(places, values, before, after, strict=True):
            alone = all(math.isnan(other) for other in near)
            x += [place, place] if alone else [place]
            y += [value, value] if alone else [value]
        x.append(NAN)
        y.append(NAN)
    axes.plot(x, y, color=colour, linewidth=0.55, alpha=0.28, solid_capstyle="round", zorder=2)


def _nothing(axes: Axes, reason: str) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    style: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "color": COLOURS["muted"]}
    axes.text(0.5, 0.56, "no reportable values", fontsize=10, **style)
    axes.text(0.5, 0.48, reason, va="top", fontsize=7.5, parse_math=False, **style)
