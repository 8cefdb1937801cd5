"""What is measured in one file: negatives, bright populations, scatter, time, and what goes with cell size."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.realism.cells import NEAR_TOP, Cells
from benchmarks.realism.peaks import Lobe, Peak, bright_population, left_sd, lowest_lobe, mode_of

# A dye that every cell takes up says nothing of a marker's negatives.
VIABILITY = re.compile(r"viab|live|dead|\bl/d\b|vivid|zombie|7-?aad|dapi|syto", flags=re.IGNORECASE)
LEAST_NEGATIVE = 0.60  # share of the lymphocytes in the lowest lobe of a negative channel
LEAST_BELOW = 0.30  # of these below its mode; fewer, and a dim population is on its right
FARTHEST_SD, FARTHEST = 2.0, 500.0  # from zero, in SDs and in 18-bit units, stands the mode of a negative
DOUBLET = 1.15  # FSC-A / FSC-H, or FSC-W, over the mode of the lymphocytes'
WINDOWS, DRIFT_WINDOWS = 50, 10
NO_SPILL = 0.01
LEAST_TOGETHER = 200  # events for a correlation


@dataclass(frozen=True)
class Channels:
    """Per detector its lowest lobe and its bright population, None where there is none, and which are negative."""

    lobes: tuple[Lobe | None, ...]
    bright: tuple[Peak | None, ...]
    negative: tuple[int, ...]

    def without_bright(self) -> Channels:
        """The same, but no bright populations."""
        return replace(self, bright=(None,) * len(self.bright))


def find_channels(cells: Cells) -> Channels:
    """Peaks of every detector among the lymphocytes."""
    columns = cells.fluorescence.T
    lobes = tuple(lowest_lobe(values, unit=cells.unit) for values in columns)
    bright = tuple(bright_population(values, unit=cells.unit) for values in columns)
    negative = [n for n, lobe in enumerate(lobes) if lobe and is_negative(lobe, cells.labels[n], cells.unit)]
    return Channels(lobes, bright, tuple(negative))


def is_negative(lobe: Lobe, label: str, unit: float = 1.0) -> bool:
    """Whether most lymphocytes lack the channel's marker: a heavy lowest lobe around zero; no viability dye."""
    return lobe.share >= LEAST_NEGATIVE and is_around_zero(lobe, unit) and not VIABILITY.search(label)


def is_around_zero(lobe: Lobe, unit: float = 1.0) -> bool:
    """Whether a lobe is one peak of cells without the marker: its mode near zero, no second peak on its flank."""
    near = abs(lobe.mode) <= min(FARTHEST_SD * lobe.left_sd, FARTHEST * unit)
    return near and lobe.below >= LEAST_BELOW


def negatives(cells: Cells, channels: Channels) -> pd.DataFrame:
    """One row per negative channel.

    Returns
    -------
    DataFrame
        ``below_zero_%`` of the lymphocytes, ``lobe_below_zero_%`` of those in the lobe; ``mode`` and ``left_sd`` of
        the lobe in 18-bit units.
    """
    rows = {}
    for n in channels.negative:
        lobe, values = channels.lobes[n], cells.fluorescence[:, n]
        assert lobe is not None
        rows[cells.named(n)] = {
            "below_zero_%": 100 * np.mean(values < 0),
            "lobe_below_zero_%": 100 * np.mean(values[values < lobe.valley] < 0),
            "mode": lobe.mode / cells.unit,
            "left_sd": lobe.left_sd / cells.unit,
        }
    return _table(rows, ["below_zero_%", "lobe_below_zero_%", "mode", "left_sd"])


def bright(cells: Cells, channels: Channels) -> pd.DataFrame:
    """One row per bright population: ``cv_%``, ``level`` (18-bit units), ``share_%`` of the lymphocytes."""
    rows = {
        cells.named(n): {"cv_%": 100 * peak.cv, "level": peak.level / cells.unit, "share_%": 100 * peak.share}
        for n, peak in enumerate(channels.bright)
        if peak
    }
    return _table(rows, ["cv_%", "level", "share_%"])


def scatter(cells: Cells) -> pd.DataFrame:
    """One row: the lymphocytes' form in scatter, and events at the top of scale and doublets among all.

    Returns
    -------
    DataFrame
        ``sd_log_fsc``, ``sd_log_ssc`` and ``correlation`` of the log10 areas; ``area_to_height`` its mode and
        ``area_to_height_sd`` its left SD over that mode; ``width_slope``, of log10 of the pulse's width (area over
        height, or FSC-W) on log10 of its area among single lymphocytes; ``fsc_top_%``, ``ssc_top_%`` of all events;
        ``doublets_%``, wider than 1.15 modes, of the events no smaller than lymphocytes, below the top and below twice
        their SSC-A. NaN where the channel is not there.
    """
    fit, area = cells.scatter, cells.column("FSC-A")
    row = {"sd_log_fsc": fit.sd[0], "sd_log_ssc": fit.sd[1], "correlation": fit.correlation}
    row |= {f"{name[:3].lower()}_top_%": _at_top(cells, name) for name in ("FSC-A", "SSC-A")}
    row |= dict.fromkeys(["area_to_height", "area_to_height_sd", "width_slope", "doublets_%"], float("nan"))
    if cells.has("FSC-H") or cells.has("FSC-W"):
        width = area / np.maximum(cells.column("FSC-H"), 1.0) if cells.has("FSC-H") else cells.column("FSC-W")
        one = width[cells.lymphocytes]
        mode = mode_of(one)
        if cells.has("FSC-H"):
            row |= {"area_to_height": mode, "area_to_height_sd": left_sd(one, mode) / mode}
        single = cells.lymphocytes & (width > 0) & (width < DOUBLET * mode)
        row["width_slope"] = np.polyfit(np.log10(area[single]), np.log10(width[single]), 1)[0]
        whole = (area >= area[cells.lymphocytes].min()) & (area < NEAR_TOP * cells.top("FSC-A"))
        whole &= cells.column("SSC-A") < 2 * 10 ** fit.centre[1]
        row["doublets_%"] = 100 * np.mean(width[whole] > DOUBLET * mode)
    return pd.DataFrame([row], index=["lymphocytes"])


def _at_top(cells: Cells, name: str) -> float:
    return float(100 * np.mean(cells.column(name) >= 0.999 * cells.top(name)))


def time(cells: Cells) -> pd.DataFrame:
    """One row, of all events, where there is a Time.

    Returns
    -------
    DataFrame
        ``seconds``, ``per_second``; ``sd_over_poisson`` of the counts in 50 windows, which grows with the number of
        events; ``cv_beyond_%``, the rate's CV when Poisson's part is taken off: a thinned file keeps it.
    """
    columns = ["seconds", "per_second", "sd_over_poisson", "cv_beyond_%"]
    if not cells.has("Time") or not np.ptp(cells.column("Time")) > 0:
        return pd.DataFrame(columns=columns, dtype=float)
    taken = cells.column("Time")
    seconds = float(np.ptp(taken))
    over, beyond = unsteadiness(np.histogram(taken, bins=WINDOWS)[0])
    return pd.DataFrame([[seconds, len(taken) / seconds, over, 100 * beyond]], index=["all events"], columns=columns)


def unsteadiness(counts: np.ndarray) -> tuple[float, float]:
    """SD of the counts over Poisson's, and the CV of the rate beyond Poisson's (0 where there is nothing beyond)."""
    mean, variance = counts.mean(), counts.var(ddof=1)
    return float(np.sqrt(variance / mean)), float(np.sqrt(max(variance - mean, 0.0)) / mean)


def drift(cells: Cells, channels: Channels) -> pd.DataFrame:
    """One row per bright population: ``drift_%``, how much its median changes over the run, unsigned."""
    rows = {}
    if cells.has("Time") and np.ptp(cells.column("Time")) > 0:
        taken = cells.column("Time")[cells.lymphocytes]
        for n, peak in enumerate(channels.bright):
            if peak:
                there = cells.fluorescence[:, n] > peak.lower
                rows[cells.named(n)] = {"drift_%": 100 * drift_of(taken[there], cells.fluorescence[there, n])}
    return _table(rows, ["drift_%"])


def drift_of(taken: np.ndarray, values: np.ndarray) -> float:
    """Change of the median from the run's begin to its end over the median, unsigned: a line through 10 windows."""
    order = np.array_split(np.argsort(taken, kind="stable"), DRIFT_WINDOWS)
    middles = np.array([np.median(taken[window]) for window in order])
    slope = np.polyfit(middles, [np.median(values[window]) for window in order], 1)[0]
    return float(abs(slope * np.ptp(taken) / np.median(values)))


def size(cells: Cells, channels: Channels) -> pd.DataFrame:
    """One row per bright population: ``size_bright``, the correlation of log FSC-A with its log level."""
    area = np.log10(cells.column("FSC-A")[cells.lymphocytes])
    rows = {}
    for n, peak in enumerate(channels.bright):
        if peak:
            there = cells.fluorescence[:, n] > peak.lower
            pair = area[there], np.log10(cells.fluorescence[there, n])
            rows[cells.named(n)] = {"size_bright": float(np.corrcoef(*pair)[0, 1])}
    return _table(rows, ["size_bright"])


def autofluorescence(cells: Cells, channels: Channels) -> pd.DataFrame:
    """What negatives have in common, as rank correlations of compensated values.

    Returns
    -------
    DataFrame
        ``size_negative``: per negative channel, with FSC-A. ``negative_pair``: per pair of negative channels neither of
        which spills into the other (compensation itself ties those that do). Cells of the lobes only.
    """
    area = cells.column("FSC-A")[cells.lymphocytes]
    rows: dict[str, dict[str, float]] = {}
    for order, n in enumerate(channels.negative):
        here = _in_lobe(cells, channels, n)
        found = spearmanr(area[here], cells.fluorescence[here, n]).statistic
        rows[cells.named(n)] = {"size_negative": float(found), "negative_pair": float("nan")}
        for m in channels.negative[order + 1 :]:
            both = here & _in_lobe(cells, channels, m)
            if max(cells.matrix[n, m], cells.matrix[m, n]) < NO_SPILL and both.sum() >= LEAST_TOGETHER:
                found = spearmanr(cells.fluorescence[both, n], cells.fluorescence[both, m]).statistic
                name = f"{cells.named(n)} x {cells.named(m)}"
                rows[name] = {"size_negative": float("nan"), "negative_pair": float(found)}
    return _table(rows, ["size_negative", "negative_pair"])


def _in_lobe(cells: Cells, channels: Channels, n: int) -> np.ndarray:
    lobe = channels.lobes[n]
    return cells.fluorescence[:, n] < (lobe.valley if lobe else -np.inf)


def _table(rows: dict[str, dict[str, float]], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)
