"""Which events lie in a polygon, as flowutils (FlowKit's arithmetic) says: asked event by event only near its edges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from flowutils.gating import points_in_polygon

from cytotrial.cytometry.scale_table import LARGEST_ERROR
from cytotrial.gating.engine.raster import CELLS, EDGE, IN, Raster

FEW, LITTLE = 10_000, 300_000  # events, and events times corners, that are asked faster than a raster is made
ROOM = 4.0 * LARGEST_ERROR  # a cell is wider than this: no event is given to one further than its neighbour


def in_polygon(
    corners: np.ndarray, x: np.ndarray, y: np.ndarray, exact: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Membership by the even-odd rule, edges included, shape (n_events,).

    Parameters
    ----------
    corners : ndarray, shape (n_corners, 2)
        On the gate's scale.
    x, y : ndarray, shape (n_events,)
        On the gate's scale, known to within `LARGEST_ERROR`.
    exact : function
        Event numbers -> their exact places on the gate's scale, shape (n, 2).
    """
    if len(x) < FEW and len(x) * len(corners) < LITTLE:
        return _asked(corners, exact(np.arange(len(x))))
    (x_low, y_low), (x_high, y_high) = corners.min(axis=0) - ROOM, corners.max(axis=0) + ROOM
    boxed = np.flatnonzero((x >= x_low) & (x <= x_high) & (y >= y_low) & (y <= y_high))
    members = np.zeros(len(x), dtype=bool)
    if len(boxed) == 0:
        return members
    near = x.take(boxed), y.take(boxed)
    low, high = np.array([one.min() for one in near]), np.array([one.max() for one in near])
    room = np.maximum(CELLS * ROOM - (high - low), 0.0) / 2.0
    classes = Raster(corners, low - room, high + room, lambda points: _asked(corners, points)).classes(*near)
    members[boxed] = classes == IN
    edge = boxed[classes == EDGE]
    members[edge] = _asked(corners, exact(edge))
    return members


def _asked(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.asarray(points_in_polygon(corners, np.ascontiguousarray(points)), dtype=bool)
