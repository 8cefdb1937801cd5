"""One FCS file as it is compared: compensated with its own matrix, its lymphocytes found in scatter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.stats import chi2

from cytotrial.cytometry.compensation import compensate
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError, read_fcs

LEAST_DETECTORS, LEAST_LYMPHOCYTES, LEAST_CORE = 5, 1000, 100
LEAST_SIGNAL = 1000.0  # a file whose brightest event is dimmer was transformed or rescaled
BITS18 = 262144.0
NEAR_TOP = 0.995
CELL, SMOOTH = 0.02, 2.5  # log10 units per cell of the scatter density; its kernel in cells
LEAST_DENSITY, LEAST_MASS = 0.2, 0.3  # of a maximum that may be the lymphocytes, against the greatest
AROUND = 0.15  # log10 units: events this near to a maximum are its mass
CORE, GATE = 2.0, float(chi2.ppf(0.95, 2))  # squared Mahalanobis distances: what is fitted, what is kept


class NotComparableError(Exception):
    """The file is no raw, stained sample that could be compared; the text says why."""


@dataclass(frozen=True)
class ScatterFit:
    """A normal distribution fitted to the core of the lymphocytes in log10 FSC-A and log10 SSC-A.

    Attributes
    ----------
    centre : ndarray, shape (2,)
    covariance : ndarray, shape (2, 2)
    """

    centre: np.ndarray
    covariance: np.ndarray

    @property
    def sd(self) -> np.ndarray:
        """SDs of both logs."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def correlation(self) -> float:
        """Of the two logs."""
        return float(self.covariance[0, 1] / self.sd.prod())

    def distance(self, logs: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distances."""
        away = logs - self.centre
        return np.einsum("ij,jk,ik->i", away, np.linalg.inv(self.covariance), away)


@dataclass(frozen=True)
class Cells:
    """One file.

    Attributes
    ----------
    fluorescence : ndarray, shape (n_lymphocytes, d)
        Compensated, linear.
    lymphocytes : ndarray of bool, shape (n_events,)
    detectors, labels : tuple of str, d of each
        ``$PnN`` and ``$PnS``.
    matrix : ndarray, shape (d, d)
        The file's own spillover; row spills into column.
    unit : float
        Channel units per 18-bit unit.
    """

    path: Path
    fcs: FcsFile
    scatter: ScatterFit
    lymphocytes: np.ndarray
    fluorescence: np.ndarray
    detectors: tuple[str, ...]
    labels: tuple[str, ...]
    matrix: np.ndarray
    unit: float

    @property
    def compensated(self) -> bool:
        """Whether the matrix is more than an identity."""
        return bool((self.matrix != np.eye(len(self.matrix))).any())

    def column(self, name: str) -> np.ndarray:
        """All events' values of a channel, linear and uncompensated."""
        return self.fcs.events[:, self.fcs.names.index(name)]

    def top(self, name: str) -> float:
        """The top of a channel's scale."""
        return self.fcs.channels[self.fcs.names.index(name)].top

    def has(self, name: str) -> bool:
        """Whether the file has this channel."""
        return name in self.fcs.names

    def named(self, detector: int) -> str:
        """``$PnN`` with what is on it."""
        label = self.labels[detector]
        name = self.detectors[detector]
        return f"{name} ({label})" if label and label != name else name


def read_cells(path: Path) -> Cells:
    """Read, compensate and find the lymphocytes.

    Raises
    ------
    NotComparableError
        Unreadable; no FSC-A, SSC-A or spillover of enough detectors; not linear; too few lymphocytes.
    """
    try:
        fcs = read_fcs(path)
    except UnreadableFcsError as error:
        raise NotComparableError(f"not readable: {error}") from error
    if fcs.spillover is None or len(fcs.spillover.detectors) < LEAST_DETECTORS:
        raise NotComparableError(f"no spillover of {LEAST_DETECTORS} detectors or more")
    names, detectors = fcs.names, fcs.spillover.detectors
    if not {"FSC-A", "SSC-A"} <= set(names):
        raise NotComparableError("no FSC-A and SSC-A")
    columns = [names.index(name) for name in detectors]
    if not all(name.endswith("-A") for name in detectors):
        raise NotComparableError("its spillover mixes areas with heights or widths")
    tops = [fcs.channels[names.index(name)].top for name in ("FSC-A", "SSC-A")]
    scatter = fcs.events[:, [names.index("FSC-A"), names.index("SSC-A")]]
    if fcs.events[:, columns].max() < LEAST_SIGNAL * fcs.channels[columns[0]].top / BITS18:
        raise NotComparableError("transformed or rescaled values, not an instrument's own")
    fit = fit_lymphocytes(scatter, tops)
    kept = inside(scatter, tops)
    kept[kept] = fit.distance(np.log10(scatter[kept])) < GATE
    if kept.sum() < LEAST_LYMPHOCYTES:
        raise NotComparableError(f"{kept.sum()} lymphocytes in scatter, at least {LEAST_LYMPHOCYTES} are needed")
    matrix = fcs.spillover.matrix
    values = compensate(fcs.events[kept], fcs.spillover, names)[:, columns]
    labels = tuple(fcs.channels[column].label for column in columns)
    unit = fcs.channels[columns[0]].top / BITS18
    return Cells(path, fcs, fit, kept, values, detectors, labels, matrix, unit)


def inside(scatter: np.ndarray, tops: list[float]) -> np.ndarray:
    """Which events have both scatters above zero and below the top of scale: (n_events, 2) -> (n_events,) of bool."""
    return (scatter > 0).all(axis=1) & (scatter < NEAR_TOP * np.array(tops)).all(axis=1)


def fit_lymphocytes(scatter: np.ndarray, tops: list[float]) -> ScatterFit:
    """The lymphocytes among all events, whatever the voltages.

    Parameters
    ----------
    scatter : ndarray, shape (n_events, 2)
        FSC-A and SSC-A, linear.
    tops : list of float
        The tops of the two scales.

    Notes
    -----
    Of the maxima of the density of log10 FSC-A and log10 SSC-A that hold enough events, the one of lowest SSC-A:
    monocytes and granulocytes scatter more, and debris, spread over a decade and more, makes no dense maximum. The
    SDs are those of the core, corrected for what the core's edge cuts off, so that what lies around has little part
    in them.

    Raises
    ------
    NotComparableError
        There is nothing to find.
    """
    kept = inside(scatter, tops)
    if kept.sum() < LEAST_LYMPHOCYTES:
        raise NotComparableError(f"{kept.sum()} events within the scatters' scales")
    logs = np.log10(scatter[kept])
    centre = _lowest_maximum(logs)
    covariance = np.diag([0.08**2, 0.12**2])
    lost = chi2.cdf(CORE, 2) / chi2.cdf(CORE, 4)  # a normal's variance over that of its core
    for _ in range(40):
        core = logs[ScatterFit(centre, covariance).distance(logs) < CORE]
        if len(core) < LEAST_CORE:
            raise NotComparableError("no dense cloud in scatter")
        centre, covariance = core.mean(axis=0), np.cov(core.T) * lost
    return ScatterFit(centre, covariance)


def _lowest_maximum(logs: np.ndarray) -> np.ndarray:
    low = logs.min(axis=0) - 5 * CELL
    shape = np.ceil((logs.max(axis=0) + 5 * CELL - low) / CELL).astype(int)
    counts, _, _ = np.histogram2d(*logs.T, bins=shape, range=list(zip(low, low + shape * CELL, strict=True)))
    dense = gaussian_filter(counts, SMOOTH)
    peaks = np.argwhere((dense == maximum_filter(dense, 9)) & (dense >= LEAST_DENSITY * dense.max()))
    places = low + (peaks + 0.5) * CELL
    mass = np.array([(np.hypot(*(logs - place).T) < AROUND).sum() for place in places])
    heavy = places[mass >= LEAST_MASS * mass.max()]
    return heavy[np.argmin(heavy[:, 1])]
