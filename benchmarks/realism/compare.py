"""Real files against simulated ones: which files count, their ranges, and whether the simulated lie inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.realism.cells import Cells, NotComparableError, read_cells
from benchmarks.realism.measures import autofluorescence, bright, drift, find_channels, negatives, scatter, size, time
from benchmarks.realism.spread import pairs, photoelectrons

Tables = dict[str, pd.DataFrame]
# Table -> what is in it, and each of its measures in words.
MEASURES: dict[str, tuple[str, dict[str, str]]] = {
    "negatives": (
        "compensated values of negative channels, one value per channel",
        {
            "below_zero_%": "share of the lymphocytes below zero",
            "lobe_below_zero_%": "share below zero of those in the negative peak",
            "mode": "the peak's mode, 18-bit units",
            "left_sd": "SD of its half below the mode",
        },
    ),
    "bright": (
        "bright populations that stand apart, one value per population",
        {
            "cv_%": "robust CV, of the half above the mode",
            "level": "the mode, 18-bit units",
            "share_%": "of the lymphocytes",
        },
    ),
    "spread": (
        "spread after compensation, one value per pair of dyes (doi:10.1002/cyto.a.22251)",
        {
            "ss": "spillover-spread coefficient, root of 18-bit units",
            "spill": "the matrix's entry",
            "pe_simple": "spill / ss^2, photoelectrons per unit if only this spill counted",
            "pe": "the same from all detectors that the dye lights",
            "residual_%": "shift of the negatives per unit of the dye, left by an inexact matrix",
        },
    ),
    "photoelectrons": (
        "the growth of negatives with all other dyes' light, one value per channel",
        {"pe": "photoelectrons per 18-bit unit", "dark_sd": "SD of the negatives without spilled light"},
    ),
    "scatter": (
        "lymphocytes in scatter, one value per file",
        {
            "sd_log_fsc": "SD of log10 FSC-A",
            "sd_log_ssc": "SD of log10 SSC-A",
            "correlation": "of the two logs",
            "area_to_height": "mode of FSC-A / FSC-H",
            "area_to_height_sd": "its left SD over that mode",
            "width_slope": "of log pulse width on log FSC-A, single lymphocytes",
            "doublets_%": "pulses 1.15 times wider than single lymphocytes'",
            "fsc_top_%": "events at the top of FSC-A",
            "ssc_top_%": "events at the top of SSC-A",
        },
    ),
    "time": (
        "the run, one value per file",
        {
            "seconds": "duration",
            "per_second": "events per second",
            "sd_over_poisson": "SD of the counts in 50 windows over Poisson's",
            "cv_beyond_%": "CV of the rate beyond Poisson's",
        },
    ),
    "drift": ("drift, one value per bright population", {"drift_%": "change of the median over the run"}),
    "size": ("staining and cell size", {"size_bright": "correlation of log FSC-A and log level, bright populations"}),
    "autofluorescence": (
        "what negatives have in common, as rank correlations",
        {
            "size_negative": "with FSC-A, per negative channel",
            "negative_pair": "of two negative channels without spillover between them",
        },
    ),
}


def measure(path: Path) -> Tables:
    """All measures of one FCS file.

    Returns
    -------
    dict of str to DataFrame
        The tables of `MEASURES`, each with one row per channel, pair or file and these measures as columns. A table
        has no rows where there is nothing to measure.

    Raises
    ------
    NotComparableError
        The file is no raw, stained sample that could be compared.
    """
    return measure_cells(read_cells(path))


def measure_cells(cells: Cells) -> Tables:
    """`measure` of a file that is read already.

    Raises
    ------
    NotComparableError
        No stained population stands apart among its lymphocytes.
    """
    channels = find_channels(cells)
    if not any(channels.bright):
        raise NotComparableError("no stained population stands apart among its lymphocytes")
    if not cells.compensated:  # a bright peak or a widened negative there may be another dye's light
        channels = channels.without_bright()
    return {
        "negatives": negatives(cells, channels),
        "bright": bright(cells, channels),
        "spread": pairs(cells, channels),
        "photoelectrons": photoelectrons(cells, channels),
        "scatter": scatter(cells),
        "time": time(cells),
        "drift": drift(cells, channels),
        "size": size(cells, channels),
        "autofluorescence": autofluorescence(cells, channels),
    }


def measure_all(paths: Iterable[Path]) -> tuple[dict[str, Tables], dict[str, str]]:
    """File name -> its tables; file name -> why it was passed over. The same bytes count once."""
    measured: dict[str, Tables] = {}
    passed: dict[str, str] = {}
    seen: dict[str, str] = {}
    for path in paths:
        try:
            cells = read_cells(path)
            if cells.fcs.sha256 in seen:
                raise NotComparableError(f"the same file as {seen[cells.fcs.sha256]}")
            measured[_name(path, measured)] = measure_cells(cells)
            seen[cells.fcs.sha256] = path.name
        except NotComparableError as error:
            passed[_name(path, passed)] = str(error)
    return measured, passed


def _name(path: Path, taken: Mapping[str, object]) -> str:
    return path.name if path.name not in taken else f"{path.parent.name}/{path.name}"


def fcs_files(folder: Path) -> list[Path]:
    """Every FCS file in a folder and below, sorted; a file is taken as it is."""
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".fcs")


def ranges(real_files: Iterable[Path]) -> pd.DataFrame:
    """The range of each measure over real files; files that cannot be compared are passed over.

    Returns
    -------
    DataFrame
        Indexed by (table, measure) as in `MEASURES`: ``n`` values (channels, pairs or files) of ``files`` files,
        ``min``, ``q1``, ``median``, ``q3``, ``max``. NaN where nothing was measured.
    """
    return range_of(measure_all(real_files)[0])


def range_of(measured: Mapping[str, Tables]) -> pd.DataFrame:
    """`ranges` of files that are measured already."""
    rows = {}
    for table, (_, words) in MEASURES.items():
        for column in words:
            each = [tables[table][column].dropna().to_numpy(float) for tables in measured.values()]
            values = np.concatenate([*each, np.empty(0)])
            rows[table, column] = [len(values), sum(len(one) > 0 for one in each), *_quantiles(values)]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["n", "files", "min", "q1", "median", "q3", "max"])
    table.index = pd.MultiIndex.from_tuples(table.index, names=["table", "measure"])
    return table.astype({"n": int, "files": int})


def _quantiles(values: np.ndarray) -> np.ndarray:
    """Minimum, quartiles and maximum; between a finite value and an infinite one lies the finite."""
    if not len(values):
        return np.full(5, np.nan)
    steps = [0, 0.25, 0.5, 0.75, 1]
    with np.errstate(invalid="ignore"):
        between = np.quantile(values, steps)
    return np.where(np.isfinite(between), between, np.quantile(values, steps, method="lower"))


def verdicts(real: pd.DataFrame, simulated: pd.DataFrame) -> pd.DataFrame:
    """The median over the simulated values, of one file or many, against the range of the real ones.

    Parameters
    ----------
    real, simulated : DataFrame
        As `ranges` returns them.

    Returns
    -------
    DataFrame
        Real ``min``, ``q1``, ``median``, ``q3``, ``max``; simulated ``sim_q1``, ``sim_median``, ``sim_q3``;
        ``verdict``: ``middle`` (within the real quartiles), ``inside`` (within the real range), ``outside``, or ``-``
        where either was not measured.
    """
    table = real[["n", "min", "q1", "median", "q3", "max"]].copy()
    table["sim_n"] = simulated["n"]
    for column in ("q1", "median", "q3"):
        table[f"sim_{column}"] = simulated[column]
    table["verdict"] = [_verdict(row) for _, row in table.iterrows()]
    return table


def _verdict(row: pd.Series) -> str:
    middle = row["sim_median"]
    if np.isnan(middle) or np.isnan(row["min"]):
        return "-"
    if row["q1"] <= middle <= row["q3"]:
        return "middle"
    return "inside" if row["min"] <= middle <= row["max"] else "outside"
