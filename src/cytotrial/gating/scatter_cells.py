"""Events in the plane of two scatters, on log10: counted in small cells, which are then taken for the events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cytotrial.cytometry.quantiles import outermost, picked

CELL = 0.005  # decades: a third of the narrowest cluster's SD, a tenth of a usual one's
COARSE = 4  # cells, along either side, in a bin of the histogram in which the densest place is looked for
MARGIN = 0.1  # decades beyond all but the outermost events
LN_10 = float(np.log(10.0))


@dataclass(frozen=True)
class Cells:
    """Cells that hold events: their middles in log10 units and how many events, each of shape (n_cells,)."""

    x: np.ndarray
    y: np.ndarray
    events: np.ndarray

    @property
    def n_events(self) -> float:
        """Events in all cells; no whole number where cells count in part."""
        return float(self.events.sum())

    def within(self, centre: np.ndarray, covariance: np.ndarray, squared: float) -> Cells:
        """The cells less than a squared Mahalanobis distance from a place; a cell that the rim cuts counts in part.

        Were it in or out as a whole, a fit that is repeated would come to rest wherever no cell changes sides.

        Raises
        ------
        numpy.linalg.LinAlgError
            The covariance is that of no cluster in two dimensions.
        """
        if not is_covariance(covariance):
            raise np.linalg.LinAlgError("no spread")
        (yy, xy), (_, xx) = covariance
        xx, xy, yy = np.array([xx, -xy, yy]) / (xx * yy - xy * xy)  # the inverse
        x, y = self.x - centre[0], self.y - centre[1]
        distance = x * (xx * x + 2.0 * xy * y) + yy * y * y
        # By how much it changes over a cell at the rim, on average over all directions.
        across = 2.0 * CELL * np.sqrt(squared) * (xx * yy - xy * xy) ** 0.25
        part = (squared - distance) / across + 0.5
        touched = np.flatnonzero(part > 0.0)
        events = self.events[touched] * np.minimum(part[touched], 1.0)
        return Cells(self.x[touched], self.y[touched], events)

    def median(self) -> np.ndarray:
        """The middle event's place along either axis, shape (2,)."""
        found = []
        for values in (self.x, self.y):
            order = np.argsort(values, kind="stable")
            below = np.cumsum(self.events[order])
            found.append(values[order[np.searchsorted(below, below[-1] / 2.0)]])
        return np.array(found)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean, shape (2,), and covariance, shape (2, 2), less what the cells' own width adds to it.

        Sheppard 1898, doi:10.1112/plms/s1-29.1.353.
        """
        n = self.n_events
        x_mean, y_mean = (self.events * self.x).sum() / n, (self.events * self.y).sum() / n
        x, y = self.x - x_mean, self.y - y_mean
        weighted = self.events * x
        xx, xy, yy = (weighted * x).sum(), (weighted * y).sum(), (self.events * y * y).sum()
        covariance = np.array([[xx, xy], [xy, yy]]) / max(n - 1.0, 1.0) - np.eye(2) * CELL**2 / 12.0
        return np.array([x_mean, y_mean]), covariance


def is_covariance(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix, shape (2, 2), is that of a spread in two dimensions."""
    (xx, xy), (_, yy) = matrix
    return bool(xx > 0.0 and xx * yy - xy * xy > 0.0)


class ScatterPlane:
    """Events by the cell they lie in; the few outermost are in none.

    Parameters
    ----------
    x, y : ndarray, shape (n_events,)
        Linear, above zero.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self._low, self._size, place = [], [], []
        for values in (x, y):
            # Six digits are enough for a cell, and numpy has them several times faster than fifteen.
            logarithm = np.log(values.astype(np.float32)) / np.float32(LN_10)
            low, high = outermost(logarithm, 0.001)
            first = np.floor((low - MARGIN) / CELL)
            size = COARSE * int(np.ceil(((high + MARGIN) / CELL - first) / COARSE))
            # What lies beyond falls into a row more at either end, which is cut off.
            place.append(np.clip(logarithm / CELL - (first - 1), 0, size + 1).astype(np.int32))
            self._low.append(float(first * CELL))
            self._size.append(size)
        self._place = place[0] * (self._size[1] + 2) + place[1]

    def counted(self, chosen: np.ndarray | None = None) -> CellCounts:
        """Events per cell, of all or of some (bool, shape (n_events,))."""
        n, m = (size + 2 for size in self._size)
        place = self._place if chosen is None else picked(self._place, chosen)
        counts = np.bincount(place, minlength=n * m).reshape(n, m)
        return CellCounts(counts[1:-1, 1:-1], self._low)


@dataclass(frozen=True)
class CellCounts:
    """Events per cell, shape (n, m), and where the first cell begins along either axis."""

    counts: np.ndarray
    low: Sequence[float]

    def near(self, x: float, y: float, distance: float) -> Cells:
        """The cells around a place that hold events."""
        starts = [max(0, int((at - distance - low) / CELL)) for at, low in zip((x, y), self.low, strict=True)]
        width = int(2.0 * distance / CELL) + 2
        part = self.counts[starts[0] : starts[0] + width, starts[1] : starts[1] + width]
        i, j = np.divmod(np.flatnonzero(part), part.shape[1])
        cells = [low + CELL * (start + k + 0.5) for low, start, k in zip(self.low, starts, (i, j), strict=True)]
        chosen = np.square(cells[0] - x) + np.square(cells[1] - y) < distance**2
        i, j = i[chosen], j[chosen]
        return Cells(cells[0][chosen], cells[1][chosen], part[i, j].astype(float))

    def histogram(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Events in bins of `COARSE` cells by as many, and the bins' middles along either axis."""
        along = sum(self.counts[:, k::COARSE] for k in range(COARSE))
        bins = sum(along[k::COARSE] for k in range(COARSE))
        wide = COARSE * CELL
        x, y = (low + wide * (np.arange(size) + 0.5) for low, size in zip(self.low, bins.shape, strict=True))
        return bins.astype(float), x, y
