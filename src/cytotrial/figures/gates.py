"""A file's gates as one picture: each gate on the events of its parent, in gating order; an SVG with small PNGs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from cytotrial.cytometry.axis import Axis
from cytotrial.figures.gate_axes import Tick, ticks
from cytotrial.figures.gate_density import density_image
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.gating.grids import GateGrid
from cytotrial.gating.landmarks import Bound, bounds_of
from cytotrial.gating.polygons import on_scale

COLUMNS = 5
WIDTH, HEAD = 1000, 30  # of the picture, in units that are pixels at full size
LEFT, PLOT, RIGHT = 42, 146, 12  # of a panel: labels, the plot's side, room
TITLE, FOOT = 18, 38
LONGEST_NAME, LONGEST_MARKER, LONGEST_REMARK, LONGEST_TITLE = 20, 26, 30, 48  # letters; a longer one loses its middle
ORIGINS = {"pooled": "borrowed", "fallback": "fallback", "manual": "moved by hand", "fmo": "from a control"}
TIME = "Time"
# What XML 1.0 cannot hold, escaped or not; a channel's name may have it.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Panel:
    """One gate's plot, as the template draws it; places in pixels from its upper left corner.

    Attributes
    ----------
    lines, before : str
        Paths of thresholds and polygons: those that were used, and those that a person moved away from.
    bands : sequence of (x, y, width, height)
        Stretches of time that are kept.
    remark : str
        What the eye cannot tell: a further marker of the gate, or that it is not from this file's own data.
    """

    left: float
    top: float
    name: str
    share: str
    remark: str
    image: str
    lines: str
    before: str
    bands: Sequence[tuple[float, float, float, float]]
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]


def draw_gates(grids: Sequence[GateGrid], gates_rows: Sequence[Row], *, title: str, synthetic: bool) -> bytes:
    """An SVG: one panel per gate, the parent's density in grey, those inside in blue, the gate in colour, the share.

    Parameters
    ----------
    grids : sequence of GateGrid
        Of one file, in gating order.
    gates_rows : sequence of rows
        Its rows of the ledger (columns.GATES, numbers as numbers): where the gates are.
    synthetic : bool
        Whether the picture must say that its data are simulated.

    Returns
    -------
    bytes
        UTF-8; the same for the same gates. Nothing is fetched from elsewhere.
    """
    panels = [_panel(number, grid, gates_rows) for number, grid in enumerate(grids)]
    n_rows = max(1, math.ceil(len(panels) / COLUMNS))
    drawn = _template().render(
        width=WIDTH,
        height=HEAD + n_rows * (TITLE + PLOT + FOOT),
        plot=PLOT,
        title=_text(title, LONGEST_TITLE),
        whole_title=_text(title),
        mark=SYNTHETIC_MARK if synthetic else "",
        panels=panels,
        described="; ".join(f"{_text(grid.population)}: {_share(grid)}" for grid in grids),
    )
    return drawn.encode("utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cytotrial.figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["px"] = _px
    return environment.get_template("gates.svg.j2")


def _panel(number: int, grid: GateGrid, gates_rows: Sequence[Row]) -> Panel:
    row, column = divmod(number, COLUMNS)
    own = [one for one in gates_rows if one["population"] == grid.population]
    bounds = grid.bounds or bounds_of(own)
    before = _outline(grid, bounds_of(own, "automatic_"))
    remarks = [*_beyond(grid, bounds), *_origin(own), *(["before: dashed"] if before else [])]
    return Panel(
        left=column * (LEFT + PLOT + RIGHT) + LEFT,
        top=HEAD + row * (TITLE + PLOT + FOOT) + TITLE,
        name=_text(grid.population, LONGEST_NAME),
        share=_share(grid),
        remark=_text("; ".join(remarks), LONGEST_REMARK),
        image=density_image(grid),
        lines=_outline(grid, bounds),
        before=before,
        bands=[band for bound in bounds for band in _bands(grid, bound)],
        x_label=_label(grid.x),
        y_label=_label(grid.y),
        x_ticks=ticks(grid.x, *grid.x_range),
        y_ticks=ticks(grid.y, *grid.y_range),
    )


def _beyond(grid: GateGrid, bounds: Sequence[Bound]) -> list[str]:
    """The gate's markers that have no axis here, in words."""
    others = dict.fromkeys(marker for bound in bounds for marker in bound.marker.split(":"))
    unseen = [marker for marker in others if marker not in (grid.x.marker, grid.y.marker)]
    return [f"also on {', '.join(unseen)}"] if unseen else []


def _origin(rows: Sequence[Row]) -> list[str]:
    """Where the gate comes from, unless the file's own data or the strategy say it all."""
    sources = dict.fromkeys(row["source"] for row in rows if row["source"] not in ("found", "fixed"))
    return [ORIGINS.get(source, source) for source in sources]


def _share(grid: GateGrid) -> str:
    """``12.3 % of 4,567``; a share that would round to nothing keeps its first two digits."""
    if grid.n_parent == 0:
        return "NA of 0"
    percent = 100 * grid.n_inside / grid.n_parent
    digits = f"{percent:.2g}" if 0 < percent < 0.1 else f"{percent:.1f}"
    return f"{digits} % of {grid.n_parent:,}"


def _label(axis: Axis) -> str:
    return "Time (s)" if axis.marker == TIME else _text(axis.marker, LONGEST_MARKER)


def _x(grid: GateGrid, scaled: float) -> float:
    low, high = grid.x_range
    return PLOT * (scaled - low) / (high - low)


def _y(grid: GateGrid, scaled: float) -> float:
    low, high = grid.y_range
    return PLOT * (high - scaled) / (high - low)


def _outline(grid: GateGrid, bounds: Sequence[Bound]) -> str:
    shown = {grid.x.marker, grid.y.marker}
    seen = [bound for bound in bounds if shown.issuperset(bound.marker.split(":"))]
    return _box(grid, seen) + "".join(_polygon(grid, bound) for bound in seen if ":" in bound.marker)


def _box(grid: GateGrid, bounds: Sequence[Bound]) -> str:
    """Thresholds as the sides of what they keep: a single one across the plot, four as a rectangle."""
    at: dict[tuple[str, str], float] = {}
    for bound in bounds:
        if bound.linear is not None:
            axis, place = (grid.x, _x) if bound.marker == grid.x.marker else (grid.y, _y)
            at[axis.marker, bound.side] = place(grid, float(axis.to_scale(bound.linear)))
    left, right = (at.get((grid.x.marker, side)) for side in ("min", "max"))
    two = grid.x.marker != grid.y.marker  # a file of one channel has the same on both axes
    bottom, top = (at.get((grid.y.marker, side)) if two else None for side in ("min", "max"))
    across = f"{_px(0 if left is None else left)} {{}}H{_px(PLOT if right is None else right)}"
    upward = f"{{}} {_px(PLOT if bottom is None else bottom)}V{_px(0 if top is None else top)}"
    sides = [upward.format(_px(x)) for x in (left, right) if x is not None]
    sides += [across.format(_px(y)) for y in (bottom, top) if y is not None]
    return "".join(f"M{side}" for side in sides)


def _polygon(grid: GateGrid, bound: Bound) -> str:
    """A closed path: its edges are straight on the gate's scale, and so they are here."""
    markers = bound.marker.split(":")
    axes = {grid.x.marker: grid.x, grid.y.marker: grid.y}
    corners = on_scale(bound.coordinates or (), [axes[marker] for marker in markers])
    x, y = (corners[:, markers.index(axis.marker)] for axis in (grid.x, grid.y))
    points = [f"{_px(_x(grid, a))} {_px(_y(grid, b))}" for a, b in zip(x, y, strict=True)]
    return f"M{'L'.join(points)}Z" if points else ""


def _bands(grid: GateGrid, bound: Bound) -> list[tuple[float, float, float, float]]:
    """The stretches that a gate on one marker keeps, across the plot: x, y, width, height."""
    if bound.side != "shape" or ":" in bound.marker:
        return []
    upright = bound.marker == grid.x.marker
    axis, place = (grid.x, _x) if upright else (grid.y, _y)
    ends = [sorted(place(grid, float(axis.to_scale(one))) for one in pair) for pair in bound.coordinates or ()]
    return [(a, 0.0, b - a, float(PLOT)) if upright else (0.0, a, float(PLOT), b - a) for a, b in ends]


def _px(value: float) -> str:
    """A place to a tenth of a pixel, as short as it goes."""
    return f"{value:.1f}".removesuffix(".0")


def _text(words: str, most: int | None = None) -> str:
    """Words that XML can hold; the template escapes them. Too many letters lose those in the middle."""
    clean = _NO_XML.sub("\ufffd", words)
    if most is None or len(clean) <= most:
        return clean
    keep = most - 1
    return f"{clean[: keep // 2]}…{clean[-(keep - keep // 2) :]}"
