"""A real file and a simulated one side by side, on the same axes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from benchmarks.realism.cells import GATE, Cells, NotComparableError, read_cells
from benchmarks.realism.compare import fcs_files
from benchmarks.realism.measures import WINDOWS, Channels, find_channels
from benchmarks.realism.spread import pairs, spread_between
from cytotrial.figures.svg import COLOURS, drawing_style

REAL, SIMULATED, BAND = COLOURS["arm-1"], COLOURS["arm-2"], COLOURS["shade"]
PALETTE = 96  # colours of a PNG: density, lines and text need no more
BINS = 110  # cells of a density, each way
BEND = 150.0  # of the asinh axes, 18-bit units
TICKS = (-1000, 0, 1000, 10_000, 100_000)
TICK_NAMES = ("-10³", "0", "10³", "10⁴", "10⁵")
FLUORESCENCE = (float(np.arcsinh(-12)), float(np.arcsinh(700)))  # ends of the asinh axes
SCATTER = (0.0, 262144.0)
FROM, TO = -600.0, 1500.0  # of the negatives
ROWS = 6  # negative channels of a picture
RUN_WINDOWS = 25


@dataclass(frozen=True)
class Side:
    """One column of the pictures: a file, its peaks, and how its title begins."""

    cells: Cells
    channels: Channels
    word: str
    colour: str

    @property
    def title(self) -> str:
        """Which file, and that it is simulated where it is."""
        return f"{self.word}: {self.cells.path.name}"

    def by_label(self, marker: str) -> int | None:
        """The detector whose ``$PnS`` names a marker as a word of its own, CD8a as well as CD8."""
        words = [label.upper().replace("-", " ").replace("+", " ").split() for label in self.cells.labels]
        return next((n for n, own in enumerate(words) if {marker, f"{marker}A"} & set(own)), None)


def draw_all(real: Sequence[Path], simulated: Sequence[Path], folder: Path) -> list[Path]:
    """Write every picture of the most telling file of each side.

    Parameters
    ----------
    real, simulated : sequence of Path
        Folders or FCS files.
    folder : Path
        Gets ``simulated_and_real_*.png``; made if it is not there.

    Returns
    -------
    list of Path
        The pictures.

    Raises
    ------
    NotComparableError
        One side has no file that can be drawn.
    """
    sides = (most_telling(real, "REAL", REAL), most_telling(simulated, "SYNTHETIC", SIMULATED))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    pictures: dict[str, Callable[[tuple[Side, Side]], Figure]] = {
        "scatter": draw_scatter,
        "negatives": draw_negatives,
        "spread": draw_spread,
        "time": draw_time,
        "markers": draw_markers,
    }
    for name, draw in pictures.items():
        with drawing_style():
            path = folder / f"simulated_and_real_{name}.png"
            path.write_bytes(_png(draw(sides)))
        written.append(path)
    return written


def most_telling(places: Sequence[Path], word: str, colour: str) -> Side:
    """The first of the files that have CD4, CD8, FSC-H and Time, and of these the most bright populations."""
    found = []
    for path in (path for place in places for path in fcs_files(place)):
        try:
            cells = read_cells(path)
        except NotComparableError:
            continue
        side = Side(cells, find_channels(cells), word, colour)
        has = cells.has("FSC-H") + cells.has("Time") + sum(side.by_label(one) is not None for one in ("CD4", "CD8"))
        found.append((has, sum(peak is not None for peak in side.channels.bright), side))
    if not found:
        raise NotComparableError(f"no {word.lower()} file to draw")
    return max(found, key=lambda one: one[:2])[2]


def draw_scatter(sides: tuple[Side, Side]) -> Figure:
    """FSC-A x SSC-A with the lymphocytes' gate, FSC-A x FSC-H, as many events of either file."""
    figure, grid = _figure(2, "Scatter, linear; inside the line: lymphocytes")
    most = min(len(side.cells.lymphocytes) for side in sides)
    for axes, side in zip(grid[0], sides, strict=True):
        _density(axes, side.cells.column("FSC-A"), side.cells.column("SSC-A"), SCATTER, SCATTER, most)
        angle = np.linspace(0, 2 * np.pi, 200)
        ring = np.linalg.cholesky(side.cells.scatter.covariance) @ np.array([np.cos(angle), np.sin(angle)])
        for colour, width in (("white", 2.4), (COLOURS["ink"], 0.9)):
            axes.plot(*10 ** (side.cells.scatter.centre[:, None] + np.sqrt(GATE) * ring), color=colour, lw=width)
        _label(axes, side.title, "FSC-A", "SSC-A")
    for axes, side in zip(grid[1], sides, strict=True):
        if side.cells.has("FSC-H"):
            _density(axes, side.cells.column("FSC-A"), side.cells.column("FSC-H"), SCATTER, SCATTER, most)
        _label(axes, "", "FSC-A", "FSC-H")
    for axes in grid.flat:
        axes.set_xticks([0, 100_000, 200_000], ["0", "100k", "200k"])
        axes.set_yticks([0, 100_000, 200_000], ["0", "100k", "200k"])
    return figure


def draw_negatives(sides: tuple[Side, Side]) -> Figure:
    """Compensated values of the negative channels, one histogram above the other, the part below zero filled."""
    figure, grid = _figure(1, "Negative channels after compensation: lymphocytes, share below zero", height=3.6)
    edges = np.linspace(FROM, TO, 211)
    middles = (edges[1:] + edges[:-1]) / 2
    for axes, side in zip(grid[0], sides, strict=True):
        for row, n in enumerate(_shown_negatives(side)):
            values = side.cells.fluorescence[:, n] / side.cells.unit
            height = gaussian_filter1d(np.histogram(values, edges)[0].astype(float), 1.5)
            height = 0.9 * height / height.max() - row
            axes.fill_between(middles, -row, height, where=middles < 0, color=side.colour, alpha=0.55, lw=0)
            axes.plot(middles, height, color=COLOURS["ink"], lw=0.9)
            words = f"{_short_name(side, n)}\n{100 * np.mean(values < 0):.0f} % < 0"
            axes.text(TO - 20, 0.35 - row, words, ha="right", fontsize=6.5, linespacing=1.3)
        axes.axvline(0, color=COLOURS["muted"], lw=0.7)
        axes.set(xlim=(FROM, TO), ylim=(-ROWS + 0.9, 1.1), yticks=[])
        _label(axes, side.title, "compensated, linear", "events, each to its own height")
    return figure


def _shown_negatives(side: Side) -> list[int]:
    """At most `ROWS` negative channels, evenly from the least to the most below zero."""
    shares = {n: float(np.mean(side.cells.fluorescence[:, n] < 0)) for n in side.channels.negative}
    order = sorted(shares, key=lambda n: shares[n])
    return [order[round(place)] for place in np.linspace(0, len(order) - 1, min(ROWS, len(order)))]


def draw_spread(sides: tuple[Side, Side]) -> Figure:
    """A channel against a dye that spills into it: the pair of each side whose spillovers are most alike."""
    figure, grid = _figure(1, "Spread after compensation; lines: mode of the negatives and one SD below it", height=3.6)
    most = min(len(side.cells.fluorescence) for side in sides)
    for axes, side, pair in zip(grid[0], sides, _most_alike(*(_told_pairs(side) for side in sides)), strict=True):
        if pair is None:
            axes.text(0.5, 0.5, "no pair can be told", ha="center", transform=axes.transAxes)
            _label(axes, side.title, "", "")
            continue
        i, j, spill, coefficient = pair
        light, values = (side.cells.fluorescence[:, n] / side.cells.unit for n in (i, j))
        _density(axes, np.arcsinh(light / BEND), values, FLUORESCENCE, (-2000, 3000), most)
        spread = spread_between(side.cells, side.channels, i, j)
        if spread is not None:
            _bands(
                axes, spread.modes, spread.sds, [np.arcsinh(light[one] / BEND) for one in (spread.dim, spread.bright)]
            )
        axes.axhline(0, color=COLOURS["muted"], lw=0.7)
        _asinh_ticks(axes.set_xticks)
        title = f"{side.title}\nspillover {spill:.2f}, spread coefficient {coefficient:.1f}"
        _label(axes, title, f"{_short_name(side, i)}, asinh", f"{_short_name(side, j)}, linear")
    return figure


def _bands(axes: Axes, modes: Sequence[float], sds: Sequence[float], lights: Sequence[np.ndarray]) -> None:
    """Mode and left SD of the dim and of the bright cells, where they lie."""
    for mode, sd, light in zip(modes, sds, lights, strict=True):
        low, high = np.quantile(light, [0.05, 0.95])
        for level, width in ((mode, 2.0), (mode - sd, 1.2)):
            axes.plot([low, high], [level, level], color="white", lw=width + 1.6)
            axes.plot([low, high], [level, level], color=SIMULATED, lw=width)


def _told_pairs(side: Side) -> pd.DataFrame:
    table = pairs(side.cells, side.channels)
    return table[table["ss"] > 0]


def _most_alike(real: pd.DataFrame, simulated: pd.DataFrame) -> list[tuple[int, int, float, float] | None]:
    def row(table: pd.DataFrame, name: str | None) -> tuple[int, int, float, float] | None:
        if name is None:
            return None
        one = table.loc[name]
        return int(one["from"]), int(one["into"]), float(one["spill"]), float(one["ss"])

    if real.empty or simulated.empty:
        first = [None if table.empty else str(table["ss"].idxmax()) for table in (real, simulated)]
        return [row(table, name) for table, name in zip((real, simulated), first, strict=True)]
    apart = np.abs(np.log(real["spill"].to_numpy()[:, None] / simulated["spill"].to_numpy()))
    a, b = np.unravel_index(int(np.argmin(apart)), apart.shape)
    return [row(real, str(real.index[a])), row(simulated, str(simulated.index[b]))]


def draw_time(sides: tuple[Side, Side]) -> Figure:
    """The rate over the run, and a bright population's running median, both over their means."""
    figure, grid = _figure(2, "The run; grey: two SDs of Poisson's counts; bars: one standard error", height=4.6)
    for column, side in enumerate(sides):
        if side.cells.has("Time"):
            _rate(grid[0, column], side)
            _running_median(grid[1, column], side)
    return figure


def _rate(axes: Axes, side: Side) -> None:
    taken = side.cells.column("Time")
    counts, edges = np.histogram(taken, bins=WINDOWS)
    mean = counts.mean()
    axes.axhspan(1 - 2 / np.sqrt(mean), 1 + 2 / np.sqrt(mean), color=COLOURS["rule"], lw=0)
    axes.plot(_percent(edges[1:] + edges[:-1], taken, 2), counts / mean, color=side.colour, lw=1.0, marker=".", ms=3)
    axes.set(xlim=(0, 100), ylim=(0.4, 1.6))
    seconds = np.ptp(taken)
    _label(axes, f"{side.title}\n{len(taken)} events, {len(taken) / seconds:.0f} per second", "", "rate / mean rate")


def _running_median(axes: Axes, side: Side) -> None:
    """Of the narrowest bright population, where a drift shows best."""
    found = [(peak.cv, n, peak) for n, peak in enumerate(side.channels.bright) if peak]
    if not found:
        return
    _, n, peak = min(found, key=lambda one: one[:2])
    there = side.cells.fluorescence[:, n] > peak.lower
    values, taken = side.cells.fluorescence[there, n], side.cells.column("Time")[side.cells.lymphocytes][there]
    order = np.array_split(np.argsort(taken, kind="stable"), RUN_WINDOWS)
    medians = np.array([np.median(values[one]) for one in order])
    widths = np.array([np.ptp(np.quantile(values[one], [0.25, 0.75])) for one in order]) / 1.349
    errors = 1.253 * widths / np.sqrt([len(one) for one in order])  # of a median
    middles = np.array([np.median(taken[one]) for one in order])
    whole, all_taken = np.median(values), side.cells.column("Time")
    style = {"color": side.colour, "lw": 1.0, "marker": ".", "ms": 4, "elinewidth": 0.8}
    axes.errorbar(_percent(middles, all_taken), medians / whole, yerr=errors / whole, **style)
    axes.axhline(1, color=COLOURS["muted"], lw=0.7)
    axes.set(xlim=(0, 100), ylim=(0.75, 1.25))
    _label(axes, "", "% of the run", f"{_short_name(side, n)}, median / whole")


def _percent(when: np.ndarray, taken: np.ndarray, summed: int = 1) -> np.ndarray:
    """Times, or sums of so many times, as percent of the run."""
    return 100 * (when / summed - taken.min()) / np.ptp(taken)


def draw_markers(sides: tuple[Side, Side]) -> Figure:
    """CD4 x CD8 of as many lymphocytes of either file, on asinh axes."""
    figure, grid = _figure(1, "CD4 x CD8, lymphocytes, compensated, asinh", height=3.8)
    most = min(len(side.cells.fluorescence) for side in sides)
    for axes, side in zip(grid[0], sides, strict=True):
        found = [side.by_label(marker) for marker in ("CD4", "CD8")]
        if None in found:
            axes.text(0.5, 0.5, "no CD4 and CD8", ha="center", transform=axes.transAxes)
        else:
            x, y = (np.arcsinh(side.cells.fluorescence[:, n] / side.cells.unit / BEND) for n in found)
            _density(axes, x, y, FLUORESCENCE, FLUORESCENCE, most)
            _asinh_ticks(axes.set_xticks)
            _asinh_ticks(axes.set_yticks)
        names = [_short_name(side, n) if n is not None else "" for n in found]
        _label(axes, side.title, *names)
    return figure


def _figure(rows: int, title: str, *, height: float | None = None) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(8.0, height or 3.6 * rows + 0.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9.5)
    return figure, figure.subplots(rows, 2, squeeze=False)


def _density(
    axes: Axes,
    x: np.ndarray,
    y: np.ndarray,
    x_limits: tuple[float, float],
    y_limits: tuple[float, float],
    most: int,
) -> None:
    """Events per cell of a grid, of `most` events evenly over the run, so that both files look as dense."""
    kept = np.linspace(0, len(x) - 1, min(most, len(x))).astype(int)
    counts, x_edges, y_edges = np.histogram2d(x[kept], y[kept], bins=BINS, range=(x_limits, y_limits))
    share = np.ma.masked_equal(counts.T / len(kept), 0)
    axes.pcolormesh(x_edges, y_edges, share, cmap="viridis", norm=LogNorm(1e-4, 1e-2), rasterized=True)
    axes.set_facecolor(BAND)
    axes.set(xlim=x_limits, ylim=y_limits)


def _asinh_ticks(place: Callable[[list[float], Sequence[str]], object]) -> None:
    place([float(np.arcsinh(tick / BEND)) for tick in TICKS], TICK_NAMES)


def _short_name(side: Side, n: int) -> str:
    return side.cells.labels[n] or side.cells.detectors[n]


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=8)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _png(figure: Figure) -> bytes:
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    with Image.open(raw) as image:
        image.convert("RGB").quantize(PALETTE).save(small, format="png", optimize=True)
    return small.getvalue()
