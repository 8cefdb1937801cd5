"""A file's gates as one picture: each gate on its parent's events, in gating order."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.tube import Tube
from cytotrial.figures.svg import drawing_style
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.gating.membership import GatedStep

BINS = 90
COLUMNS = 5
COLOURS = 48  # of the palette: density, lines and text need no more, and a picture stays near 30 kB
TICKS = (0, 1_000, 10_000, 100_000)
TICK_NAMES = ("0", "10³", "10⁴", "10⁵")


def draw_gates(tube: Tube, steps: Sequence[GatedStep], *, title: str, synthetic: bool) -> bytes:
    """A PNG: one panel per gate, the parent's density in grey, the gate in colour, the share inside in words.

    Parameters
    ----------
    steps : sequence of GatedStep
        As `agreed_steps` gives them.
    synthetic : bool
        Whether the picture must say that its data are simulated.
    """
    shown = [step for step in steps if step.bounds]
    n_rows = max(1, -(-len(shown) // COLUMNS))
    with drawing_style():
        height = 2.25 * n_rows + 0.3
        figure = Figure(figsize=(10.0, height), dpi=90)
        FigureCanvasAgg(figure)
        figure.suptitle(
            title + (f"   {SYNTHETIC_MARK}" if synthetic else ""), fontsize=8, x=0.01, y=1 - 0.04 / height, ha="left"
        )
        grid = figure.subplots(n_rows, COLUMNS, squeeze=False).ravel()
        # Fixed margins in inches: a constrained layout takes five times as long to find the same.
        figure.subplots_adjust(0.047, 0.36 / height, 0.995, 1 - 0.42 / height, wspace=0.28, hspace=0.36)
        for axes, step in zip(grid, shown, strict=False):
            _panel(axes, tube, step)
        for axes in grid[len(shown) :]:
            axes.set_axis_off()
        return _png(figure)


def _png(figure: Figure) -> bytes:
    """The figure with a small palette and no metadata: same figure, same bytes."""
    raw = io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    packed = io.BytesIO()
    Image.open(raw).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _panel(axes: Axes, tube: Tube, step: GatedStep) -> None:
    x_marker, y_marker = _pair(tube, step)
    x, y = (_scaled(tube, marker) for marker in (x_marker, y_marker))
    _density(axes, x[step.parent], y[step.parent], x[step.inside], y[step.inside])
    for bound in step.bounds:
        if not {x_marker, y_marker}.issuperset(bound.marker.split(":")):
            continue  # a gate on more than two markers: the others have no axis here
        if bound.side != "shape":
            place = float(tube.axes[bound.marker].to_scale(bound.linear))
            (axes.axvline if bound.marker == x_marker else axes.axhline)(place, color="#d55e00", lw=1.1)
        elif ":" in bound.marker:
            corners = np.array([*bound.coordinates, bound.coordinates[0]])
            pair = zip(bound.marker.split(":"), corners.T, strict=True)
            on_scale = {marker: tube.axes[marker].to_scale(values) for marker, values in pair}
            axes.plot(on_scale[x_marker], on_scale[y_marker], color="#d55e00", lw=1.1)
        else:
            for low, high in bound.coordinates:
                axes.axvspan(low, high, color="#009e73", alpha=0.10, lw=0)
    n, total = int(step.inside.sum()), int(step.parent.sum())
    share = f"{100 * n / total:.1f} %" if total else "NA"
    axes.set_title(f"{step.rule.id}: {share} of {total:,}", fontsize=7)
    for side, marker in (("x", x_marker), ("y", y_marker)):
        _ticks(axes, side, tube.axes[marker])


def _pair(tube: Tube, step: GatedStep) -> tuple[str, str]:
    """The gate's own first two markers; for a gate on one, side scatter or what else the file has, at worst itself."""
    own = list(dict.fromkeys(part for bound in step.bounds for part in bound.marker.split(":")))[:2]
    if len(own) == 2:
        return own[0], own[1]
    others = ["FSC-A" if own[0] == "Time" else "SSC-A", *tube.axes]
    return own[0], next((marker for marker in others if marker in tube.axes and marker != own[0]), own[0])


def _scaled(tube: Tube, marker: str) -> np.ndarray:
    return tube.axes[marker].to_scale(tube.linear(marker))


def _density(axes: Axes, x: np.ndarray, y: np.ndarray, x_in: np.ndarray, y_in: np.ndarray) -> None:
    if len(x) == 0:
        return
    edges = [np.linspace(*_limits(values), BINS + 1) for values in (x, y)]
    everything = np.histogram2d(x, y, bins=edges)[0]
    within = np.histogram2d(x_in, y_in, bins=edges)[0]
    for counts, colours in ((everything, "Greys"), (within, "Blues")):
        shade = np.ma.masked_less(counts.T, 1)
        if shade.count():
            extent = (edges[0][0], edges[0][-1], edges[1][0], edges[1][-1])
            norm = LogNorm(vmin=0.3, vmax=max(float(shade.max()), 2.0))
            axes.imshow(
                shade, cmap=colours, norm=norm, extent=extent, origin="lower", aspect="auto", interpolation="none"
            )
    axes.set_xlim(edges[0][0], edges[0][-1])
    axes.set_ylim(edges[1][0], edges[1][-1])


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    room = 0.06 * (high - low) or 1.0
    return float(low - room), float(high + room)


def _ticks(axes: Axes, side: str, axis: Axis) -> None:
    (axes.set_xlabel if side == "x" else axes.set_ylabel)(axis.marker, fontsize=7, labelpad=1)
    axes.tick_params(labelsize=6, length=2, pad=1)
    target = axes.xaxis if side == "x" else axes.yaxis
    if not axis.is_linear:
        target.set_ticks(axis.to_scale(np.array(TICKS, dtype=float)), TICK_NAMES)
        low, high = (axes.get_xlim if side == "x" else axes.get_ylim)()
        (axes.set_xlim if side == "x" else axes.set_ylim)(low, high)
    elif axis.marker != "Time":
        target.set_major_formatter(lambda value, _: f"{value / 1000:g}k")
