"""How compensation widens a negative: spillover spread per pair of dyes, and the photoelectrons behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.realism.cells import Cells
from benchmarks.realism.measures import Channels, is_around_zero
from benchmarks.realism.peaks import Lobe, left_sd, mode_of

LEAST_SPILL = 0.01
LEAST_CELLS, LEAST_SHARE = 100, 0.05  # on either side of a pair; of the lymphocytes, the bright: a fringe is no dye
BRIGHT_IN = 1500.0  # 18-bit units: at least so bright are the cells that spill
CLEAR_SD = 6.0  # and so many SDs above their negatives
FARTHEST_SD, FARTHEST_SHIFT = 2.0, 0.75  # SDs of the widened lobe that its mode lies from zero, and from the dim's
LEAST_STILL_NEGATIVE = 0.30  # of the cells bright in the one dye, those negative for the other
OWN_PART = (0.6, 1.5)  # of all the light that the bright cells have beyond the dim, the dye's own
UNITS_PER_PHOTOELECTRON = 20.0  # only to tell which pairs have light enough to be measured at all
LEAST_LIGHT = 500.0  # 18-bit units between the dimmest and the brightest bin of a fit
LEAST_BIN, BINS = 250, (3, 10)


@dataclass(frozen=True)
class Spread:
    """Two groups of cells negative for a dye, dim and bright in another, seen in the first one's channel."""

    dim: np.ndarray
    bright: np.ndarray
    modes: tuple[float, float]
    sds: tuple[float, float]
    step: float

    @property
    def squared(self) -> float:
        """Square of the spillover-spread coefficient; below zero where the bright are the narrower."""
        return (self.sds[1] ** 2 - self.sds[0] ** 2) / self.step


def leverage(matrix: np.ndarray) -> np.ndarray:
    """What one unit of dye i adds to the variance of compensated channel j, in units per photoelectron.

    Parameters
    ----------
    matrix : ndarray, shape (d, d)
        Spillover, row spills into column.

    Returns
    -------
    ndarray, shape (d, d)
        ``sum over k of M[i, k] * inverse[k, j] ** 2``: dye i's light in every detector k, whose counting noise
        compensation carries into j. For a single small spill it is M[i, j].
    """
    return matrix @ np.linalg.inv(matrix) ** 2


def spread_of(values: np.ndarray, light: np.ndarray, dim: np.ndarray, bright: np.ndarray) -> Spread:
    """Compare the left halves of two groups of negatives.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Compensated values of the channel that is spilled into.
    light : ndarray, shape (n,)
        Compensated values of the dye that spills.
    dim, bright : ndarray of bool, shape (n,)

    Notes
    -----
    The coefficient is that of Nguyen et al. 2013, doi:10.1002/cyto.a.22251: the root of the growth of the variance per
    unit of the spilling dye. Only the half below the mode is measured: above it lie cells that do carry the marker.
    """
    modes = mode_of(values[dim]), mode_of(values[bright])
    sds = left_sd(values[dim], modes[0]), left_sd(values[bright], modes[1])
    return Spread(dim, bright, modes, sds, float(np.median(light[bright]) - np.median(light[dim])))


def pairs(cells: Cells, channels: Channels) -> pd.DataFrame:
    """One row per pair of dyes whose spread can be told from the biology of many stains.

    Returns
    -------
    DataFrame
        ``ss``, the spillover-spread coefficient (root of 18-bit units, 0 where nothing widens); ``spill``;
        ``pe_simple`` = spill / ss^2 and ``pe`` = leverage / ss^2, photoelectrons per 18-bit unit (inf where nothing
        widens); ``residual_%``: the shift of the mode per unit of the spilling dye, left by an inexact matrix;
        ``from`` and ``into``: the two detectors' places.
    """
    lever, rows = leverage(cells.matrix), {}
    for j, lobe in enumerate(channels.lobes):
        if lobe is None or not is_around_zero(lobe, cells.unit):
            continue
        others = _spilled_light(cells, lever, j)
        for i in np.flatnonzero(cells.matrix[:, j] >= LEAST_SPILL):
            spread = spread_between(cells, channels, int(i), j) if i != j else None
            if spread is None:
                continue
            # All dyes of the bright cells widen; this one's part is its part of the light.
            part = own_part(spread, others, lever[i, j])
            if not _can_be_told(spread, part, lever[i, j], cells.unit):
                continue
            ss2 = part * max(spread.squared, 0.0) / cells.unit
            rows[f"{cells.named(int(i))} -> {cells.named(j)}"] = {
                "ss": np.sqrt(ss2),
                "spill": cells.matrix[i, j],
                "pe_simple": cells.matrix[i, j] / ss2 if ss2 else np.inf,
                "pe": lever[i, j] / ss2 if ss2 else np.inf,
                "residual_%": 100 * (spread.modes[1] - spread.modes[0]) / spread.step,
                "from": i,
                "into": j,
            }
    columns = ["ss", "spill", "pe_simple", "pe", "residual_%", "from", "into"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)


def _spilled_light(cells: Cells, lever: np.ndarray, j: int) -> np.ndarray:
    """Every cell's leverage-weighted light of all other dyes."""
    weights = lever[:, j].copy()
    weights[j] = 0.0  # its own light carries its own noise, which a choice by it would bend
    return np.maximum(cells.fluorescence, 0.0) @ weights


def spread_between(cells: Cells, channels: Channels, i: int, j: int) -> Spread | None:
    """What dye i does to the negatives of channel j; None where either side has too few cells."""
    light, values = cells.fluorescence[:, i], cells.fluorescence[:, j]
    giver, taker = channels.lobes[i], channels.lobes[j]
    if giver is None or taker is None:
        return None
    negative = values < taker.valley
    is_bright = light > _threshold(giver, cells.unit)
    bright, dim = negative & is_bright, negative & (light < min(giver.valley, giver.mode + 3 * giver.left_sd))
    few = min(bright.sum(), dim.sum()) < LEAST_CELLS or is_bright.mean() < LEAST_SHARE
    if few or bright.sum() < LEAST_STILL_NEGATIVE * is_bright.sum():
        return None
    return spread_of(values, light, dim, bright)


def _threshold(giver: Lobe, unit: float) -> float:
    valley = giver.valley if np.isfinite(giver.valley) else 0.0
    return max(BRIGHT_IN * unit, valley, giver.mode + CLEAR_SD * giver.left_sd)


def own_part(spread: Spread, others: np.ndarray, lever: float) -> float:
    """Of the light by which the bright cells surpass the dim, weighted by leverage, what the spilling dye itself gives.

    Parameters
    ----------
    spread : Spread
    others : ndarray, shape (n,)
        Every cell's leverage-weighted light of all dyes but that of the channel.
    lever : float
        The spilling dye's leverage on the channel.
    """
    return float(lever * spread.step / (others[spread.bright].mean() - others[spread.dim].mean()))


def _can_be_told(spread: Spread, part: float, lever: float, unit: float) -> bool:
    """Near zero, mostly this dye's doing, and with light enough to widen what is there already."""
    dim, bright, sd = *spread.modes, spread.sds[1]
    near = abs(bright) <= FARTHEST_SD * sd and abs(bright - dim) <= FARTHEST_SHIFT * sd
    measurable = lever * spread.step * UNITS_PER_PHOTOELECTRON * unit >= spread.sds[0] ** 2
    return bool(near and OWN_PART[0] <= part <= OWN_PART[1] and measurable)


def photoelectrons(cells: Cells, channels: Channels) -> pd.DataFrame:
    """One row per channel whose negatives receive light enough from all other dyes together.

    Returns
    -------
    DataFrame
        ``pe``, photoelectrons per 18-bit unit (inf where nothing widens), and ``dark_sd``, what is left of the
        negatives' SD without any spilled light (autofluorescence and electronics), 18-bit units.

    Notes
    -----
    Every dye of a cell widens the channel, so all are taken together: the variance of the left half of the negatives
    grows with the leverage-weighted light of all other dyes, and the slope is the number of units per photoelectron.
    It takes the detectors for equally sensitive and the matrix for exact; an inexact one shows up as spread too.
    """
    lever, rows = leverage(cells.matrix), {}
    for j, lobe in enumerate(channels.lobes):
        if lobe is None or not is_around_zero(lobe, cells.unit):
            continue
        here = cells.fluorescence[:, j] < lobe.valley
        fit = variance_per_light(cells.fluorescence[here, j], _spilled_light(cells, lever, j)[here], cells.unit)
        if fit is not None:
            dark, slope = fit
            pe = cells.unit / slope if slope > 0 else np.inf
            rows[cells.named(j)] = {"pe": pe, "dark_sd": np.sqrt(max(dark, 0.0)) / cells.unit}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["pe", "dark_sd"], dtype=float)


def variance_per_light(values: np.ndarray, light: np.ndarray, unit: float = 1.0) -> tuple[float, float] | None:
    """Intercept and slope of the left half's variance against light, over bins of equal numbers of cells.

    None where there are too few cells, too little difference in light, or the mode moves with it. The weights are
    those of a variance's own error, from the fit itself.
    """
    number = int(min(len(values) // LEAST_BIN, BINS[1]))
    if number < BINS[0]:
        return None
    bins = np.array_split(np.argsort(light, kind="stable"), number)
    middles = np.array([np.median(light[one]) for one in bins])
    if np.ptp(middles) < LEAST_LIGHT * unit:
        return None
    modes = np.array([mode_of(values[one]) for one in bins])
    variances = np.array([left_sd(values[one], mode) ** 2 for one, mode in zip(bins, modes, strict=True)])
    if abs(modes[-1] - modes[0]) > FARTHEST_SHIFT * np.sqrt(variances[-1]):  # the brightest do carry the marker
        return None
    fitted = np.full(number, variances.mean())
    for _ in range(20):
        slope, intercept = np.polyfit(middles, variances, 1, w=1 / fitted)
        fitted = np.maximum(intercept + slope * middles, 0.05 * variances.mean())
    return float(intercept), float(slope)
