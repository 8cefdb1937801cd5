"""A grid over a gate's outline: most events lie in a cell that is wholly inside or wholly outside, and need no more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CELLS = 128
OUT, IN, EDGE = 0, 1, 2
LEAST_STEPS = 3
MARGIN = 3.0  # cells around the raster in which an outline is followed


class Raster:
    """Cells of a rectangle, each ``OUT``, ``IN`` or ``EDGE``.

    Parameters
    ----------
    outline : ndarray, shape (n, 2)
        Corners of a closed line that every place where membership changes lies on, or within a tenth of a cell.
    low, high : ndarray, shape (2,)
        The rectangle that is divided; what lies outside it counts as ``EDGE``.
    inside : function of points, shape (n, 2)
        Membership of points that do not lie on the outline.

    Attributes
    ----------
    low, cell : ndarray, shape (2,)
        The rectangle's lower left corner, and the width and height of a cell.

    Notes
    -----
    A cell is ``EDGE`` where it or a neighbour holds a point of the outline, so a place may be given to a neighbouring
    cell without harm: two float32 coordinates, or a scale read from a table, are enough to ask.
    """

    def __init__(
        self, outline: np.ndarray, low: np.ndarray, high: np.ndarray, inside: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        self.low, self.cell = low.astype(float), (high - low) / CELLS
        self._per_unit = (CELLS - 1e-6) / (high - low)
        edge = self._touched(outline)
        filled = _filled(edge, lambda cells: inside(self.low + (cells + 0.5) / self._per_unit))
        cells = np.full((CELLS + 2, CELLS + 2), EDGE, dtype=np.uint8)
        cells[1:-1, 1:-1] = np.where(edge, EDGE, np.where(filled, IN, OUT))
        self._cells = cells.ravel()

    def classes(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """``OUT``, ``IN`` or ``EDGE`` of points, shape (n,)."""
        cell = self._numbers(x, 0)
        cell *= CELLS + 2
        cell += self._numbers(y, 1)
        return self._cells.take(cell)

    def _numbers(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Which slice of the rectangle, from 1; 0 and CELLS + 1 are outside."""
        shifted = values * float(self._per_unit[axis])
        shifted += float(1.0 - self.low[axis] * self._per_unit[axis])
        np.clip(shifted, 0.0, CELLS + 1.0, out=shifted)
        return shifted.astype(np.int32)

    def _touched(self, outline: np.ndarray) -> np.ndarray:
        """Cells that hold a point of the outline, and all their neighbours."""
        corners = (outline - self.low) * self._per_unit
        starts, ends = _clipped(corners, np.roll(corners, -1, axis=0))
        steps = np.maximum(np.ceil(2.0 * np.abs(ends - starts).max(axis=1)), LEAST_STEPS).astype(int)
        number = np.repeat(np.arange(len(starts)), steps)
        share = (np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)) / (steps[number] - 1)
        points = starts[number] + share[:, None] * (ends - starts)[number]
        touched = np.zeros((CELLS + 4, CELLS + 4), dtype=bool)
        cells = np.floor(points).astype(int) + 2
        near = ((cells >= 1) & (cells < CELLS + 3)).all(axis=1)
        touched[cells[near, 0], cells[near, 1]] = True
        wide = touched.copy()
        for x in (-1, 0, 1):
            for y in (-1, 0, 1):
                wide |= np.roll(touched, (x, y), axis=(0, 1))
        return wide[2:-2, 2:-2]


def _clipped(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts of lines that lie in the raster or a few cells around it, in cells.

    Liang and Barsky 1984, doi:10.1145/357332.357333: lines may begin and end far away, and only steps within count.
    """
    along = ends - starts
    first, last = np.zeros(len(starts)), np.ones(len(starts))
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in (0, 1):
            reached = (np.array([[-MARGIN], [CELLS + MARGIN]]) - starts[:, axis]) / along[:, axis]
            still = along[:, axis] == 0
            within = (starts[:, axis] >= -MARGIN) & (starts[:, axis] <= CELLS + MARGIN)
            enter = np.where(still, np.where(within, 0.0, 2.0), reached.min(axis=0))
            leave = np.where(still, np.where(within, 1.0, -1.0), reached.max(axis=0))
            first, last = np.maximum(first, enter), np.minimum(last, leave)
    seen = first <= last
    starts, along, first, last = starts[seen], along[seen], first[seen], last[seen]
    return starts + first[:, None] * along, starts + last[:, None] * along


def _filled(edge: np.ndarray, inside: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Membership of the cells between edges: the first of each run is asked, the others are like it."""
    starts = ~edge
    starts[:, 1:] &= edge[:, :-1]
    flat = starts.ravel()
    first = np.flatnonzero(flat)
    answers = np.zeros(len(flat), dtype=bool)
    if len(first):
        answers[first] = inside(np.column_stack(np.unravel_index(first, edge.shape)).astype(float))
    last = np.maximum.accumulate(np.where(flat, np.arange(len(flat)), 0))
    return answers[last].reshape(edge.shape)
