"""Where things stand in the picture of a subset (inches), and how an arm looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D

from cytotrial.figures.svg import COLOURS

WIDTH, LEFT, RIGHT = 5.6, 0.86, 0.12
TITLE, LEGEND, ROW, PLOT = 0.27, 0.24, 0.16, 2.25
TICKS, GAP, FOOT = 0.17, 0.06, 0.06

# Arms differ in colour, marker and line, so that none of the three has to be seen.
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[Any, ...] = ("-", (0, (4, 1.6)), (0, (1, 1.4)), (0, (6, 1.5, 1, 1.5)), (0, (2, 1)), (0, (8, 2)))


def label_levels(weeks: Sequence[float], labels: Sequence[str]) -> list[int]:
    """Row (0, 1, ...) of each visit's label, so that labels of near visits do not overlap.

    Examples
    --------
    >>> label_levels([0, 2, 4], ["W0", "W2", "W4"])
    [0, 0, 0]
    >>> label_levels([0, 0.1, 0.2, 24], ["W0", "D1", "D2", "W24"])
    [0, 1, 2, 0]
    """
    low, high = span(weeks)
    inches_per_week = (WIDTH - LEFT - RIGHT) / (high - low)
    ends: list[float] = []
    levels = []
    for week, label in zip(weeks, labels, strict=True):
        half = 0.035 * max(len(label), 2) + 0.02
        centre = week * inches_per_week
        level = next((i for i, end in enumerate(ends) if centre - half >= end), len(ends))
        ends[level : level + 1] = [centre + half]
        levels.append(level)
    return levels


def span(weeks: Sequence[float]) -> tuple[float, float]:
    """First and last week of the horizontal axis, with a margin so that no point lies on the frame."""
    low, high = (min(weeks), max(weeks)) if weeks else (0.0, 0.0)
    pad = 0.045 * (high - low) or 1.0
    return low - pad, high + pad


def arm_colour(index: int) -> str:
    """Colour of the arm at a place in the order of the configuration."""
    return COLOURS[f"arm-{index % 6 + 1}"]


def arm_marker(index: int) -> str:
    """Marker of the arm at a place in the order of the configuration."""
    return MARKERS[index % len(MARKERS)]


def arm_line(index: int) -> Line2D:
    """An empty line that looks as the arm does; for the legend, or to be given data."""
    return Line2D(
        [],
        [],
        color=arm_colour(index),
        linestyle=LINES[index % len(LINES)],
        marker=arm_marker(index),
        markersize=4.6,
        linewidth=1.5,
        markeredgecolor=COLOURS["paper"],
        markeredgewidth=0.6,
    )


def short_name(name: str) -> str:
    """An id that fits left of the plot.

    Examples
    --------
    >>> short_name("IL2"), short_name("low-dose-il2-every-day")
    ('IL2', 'low-dose…')
    """
    return name if len(name) <= 9 else f"{name[:8]}…"
