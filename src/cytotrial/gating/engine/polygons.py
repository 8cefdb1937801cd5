"""Polygons and ellipsoids: a box in linear units, then a raster, and the shape itself for what lies on its edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from flowutils.gating import points_in_ellipsoid, points_in_polygon

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.scale_table import LARGEST_ERROR, scale_table
from cytotrial.gating.engine.bounds import WAVER, Limit, limit_on
from cytotrial.gating.engine.errors import AmbiguousEventError, UncompilableError
from cytotrial.gating.engine.frames import Frame
from cytotrial.gating.engine.raster import CELLS, EDGE, IN, Raster
from cytotrial.gating.engine.rectangles import on_scale
from cytotrial.gating.gate_tree import Dimension, Ellipsoid, Polygon

FEW = 1_500  # events for which a shape is asked directly
CORNERS = 256  # of the line that stands for an ellipse in its raster
# Of an ellipse's box, what a raster must span at least: those corners are then within a twentieth of a cell of it.
LEAST_SHARE = 0.125
TABLED = 15.0  # times the top of a scale: as far as its table reaches
# A raster's cell is at least this much, so that no point is given to one further than its neighbour: relative to the
# largest coordinate, for float32 has 24 bits; in units of a scale that is read from its table.
LEAST_CELL, LEAST_TABLED_CELL = 1e-6, 4.0 * LARGEST_ERROR
SMALLEST_CELL = 1e-30  # where all coordinates are nought
FARTHEST = 1e9  # cells from nought to the furthest corner: beyond, rounding would blur the outline
PAIRS = 2**15  # of points and edges that are looked at together
ROUNDING = 1e-14  # of a polygon's products: what their last digits may be off, and more
NEAR = 1e-9  # of an ellipsoid's squared distance: a product's last digits depend on how many events it is given


class ShapeTest:
    """Which events of a frame are inside a shape of several channels.

    Parameters
    ----------
    low, high : sequences of float
        The box around the shape, on the gate's scales.
    outline : ndarray of shape (n, 2), or None
        For the raster; None for a shape of more than two channels, which has none.
    inside : function of points, shape (n, n_dimensions)
        Membership, as FlowKit computes it.
    unsure : function of points and of their rooms
        Those whose membership may be another somewhere within their rooms; rooms, shape (n, n_dimensions), are half
        the widths of a box around each point.
    least_share : float
        Of the box, what a raster must span.
    """

    def __init__(
        self,
        dimensions: Sequence[Dimension],
        low: Sequence[float],
        high: Sequence[float],
        *,
        outline: np.ndarray | None,
        inside: Callable[[np.ndarray], np.ndarray],
        unsure: Callable[[np.ndarray, np.ndarray], np.ndarray],
        outside: bool = False,
        least_share: float = 0.0,
    ) -> None:
        self._dimensions, self._outline, self._inside, self._unsure = tuple(dimensions), outline, inside, unsure
        self._outside = outside
        ends = [(one.scale, float(end)) for one, *pair in zip(dimensions, low, high, strict=True) for end in pair]
        limits = [limit_on(*end) for end in ends]
        # None where a scale cannot be told: every event is asked.
        self._box = None if None in limits else list(zip(limits[::2], limits[1::2], strict=True))
        self._low, self._high = np.array(low, dtype=float), np.array(high, dtype=float)
        self._least_share = least_share
        self._raster: Raster | None = None
        self._reach = None if outline is None else np.abs(outline).max(axis=0)

    def mask(self, frame: Frame) -> np.ndarray:
        """Membership, shape (len(frame),), bool."""
        mask = np.zeros(len(frame), dtype=bool)
        mask[self.rows(frame)] = True
        return mask

    def rows(self, frame: Frame) -> np.ndarray:
        """The numbers of the frame's events that are inside, rising."""
        columns = [frame.values(one) for one in self._dimensions]
        margins = [frame.margin(one) for one in self._dimensions]
        if self._box is None or not all(map(frame.is_tame, self._dimensions)):
            for one in self._dimensions:
                frame.demand_flowkits_digits(one)
            rows = np.flatnonzero(self._asked(columns, margins))
        else:
            boxed = np.flatnonzero(self._in_box(columns, margins))
            near = columns if len(boxed) == len(frame) else [column.take(boxed) for column in columns]
            rows = boxed.compress(self._members(near, margins))
        if not self._outside:
            return rows
        others = np.ones(len(frame), dtype=bool)
        others[rows] = False
        return np.flatnonzero(others)

    def _in_box(self, columns: Sequence[np.ndarray], margins: Sequence[float]) -> np.ndarray:
        boxed = np.ones(len(columns[0]), dtype=bool)
        for values, margin, (low, high) in zip(columns, margins, self._box, strict=True):
            boxed &= values >= _below(low, margin)
            boxed &= values <= _above(high, margin)
        return boxed

    def _members(self, columns: Sequence[np.ndarray], margins: Sequence[float]) -> np.ndarray:
        if len(columns[0]) <= FEW or self._outline is None:
            return self._asked(columns, margins)
        points = [self._nearly(i, values) for i, values in enumerate(columns)]
        if self._raster is None:
            self._raster = self._raster_around(points)
        spreads = np.array([self._spread(i, margin) for i, margin in enumerate(margins)])
        if (self._raster.cell < 4.0 * spreads).any():
            return self._asked(columns, margins)
        classes = self._raster.classes(*points)
        members = classes == IN
        edge = np.flatnonzero(classes == EDGE)
        members[edge] = self._asked([column.take(edge) for column in columns], margins)
        return members

    def _raster_around(self, points: Sequence[np.ndarray]) -> Raster:
        """A raster of the box as far as the first events reach: a gate may be open to far beyond them."""
        least, most = np.array([one.min() for one in points], dtype=float), np.array([one.max() for one in points])
        room = 0.02 * (most - least)
        low, high = np.maximum(self._low, least - room), np.minimum(self._high, most + room)
        cell = np.maximum(LEAST_CELL * np.maximum(np.abs(least), np.abs(most)), SMALLEST_CELL)
        cell = np.maximum(cell, [0.0 if one.scale is None else LEAST_TABLED_CELL for one in self._dimensions])
        cell = np.maximum(cell, self._reach / FARTHEST)
        width = np.maximum.reduce([high - low, CELLS * cell, self._least_share * (self._high - self._low)])
        centre = (low + high) / 2.0
        return Raster(self._outline, centre - width / 2.0, centre + width / 2.0, self._inside)

    def _spread(self, i: int, margin: float) -> float:
        """What a margin in linear units is on the scale of dimension `i`, at most."""
        scale = self._dimensions[i].scale
        if margin == 0.0 or scale is None:
            return margin
        if not isinstance(scale, Axis):
            return np.inf  # a logarithm has no steepest place
        return float(np.diff(scale.to_scale(np.array([0.0, margin])))[0])  # logicle and asinh are steepest at zero

    def _nearly(self, i: int, values: np.ndarray) -> np.ndarray:
        """Values on the gate's scale, near enough for a cell of the raster."""
        scale = self._dimensions[i].scale
        if scale is None:
            return values
        if isinstance(scale, Axis) and not scale.is_linear:
            ends = scale.to_scale(TABLED * np.array([-scale.top, scale.top]))
            if ends[0] < self._low[i] and self._high[i] < ends[1]:
                return scale_table(scale).nearly(values)
        return on_scale(scale, values)

    def _asked(self, columns: Sequence[np.ndarray], margins: Sequence[float]) -> np.ndarray:
        """Membership by the shape itself."""
        if len(columns[0]) == 0:
            return np.zeros(0, dtype=bool)
        points = self._points(columns)
        rooms = self._rooms(points, columns, margins)
        if self._unsure(points, rooms).any():
            raise AmbiguousEventError("an event on the edge of a polygon or an ellipsoid")
        return self._inside(points)

    def _rooms(self, points: np.ndarray, columns: Sequence[np.ndarray], margins: Sequence[float]) -> np.ndarray:
        """How far each point may be from FlowKit's: moved by as much, it must stay on its side."""
        rooms = np.zeros_like(points)
        if not any(margins):
            return rooms
        rooms += 2.0 * np.array([self._spread(i, margin) for i, margin in enumerate(margins)])
        if not np.isfinite(rooms).all():
            rooms[:] = 0.0
            for sign in (-1.0, 1.0):
                moved = [values + sign * margin for values, margin in zip(columns, margins, strict=True)]
                rooms = np.maximum(rooms, 2.0 * np.abs(self._points(moved) - points))
        # Values that differ by less may still be given last digits of their own by a scale.
        wavers = [0.0 if one.scale is None else WAVER for one in self._dimensions]
        rooms += np.array(wavers) * np.maximum(np.abs(points), 1.0)
        rooms[np.isnan(rooms)] = np.inf
        return rooms

    def _points(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        scaled = [on_scale(one.scale, values) for one, values in zip(self._dimensions, columns, strict=True)]
        return np.ascontiguousarray(np.column_stack(scaled))


def polygon_test(shape: Polygon) -> ShapeTest:
    """The test of a polygon."""
    vertices = np.array(shape.vertices, dtype=np.float64)

    def unsure(points: np.ndarray, rooms: np.ndarray) -> np.ndarray:
        return _touching(vertices, points, rooms) if rooms.any() else np.zeros(len(points), dtype=bool)

    return ShapeTest(
        shape.dimensions,
        vertices.min(axis=0).tolist(),
        vertices.max(axis=0).tolist(),
        outline=vertices,
        inside=lambda points: np.asarray(points_in_polygon(vertices, points), dtype=bool),
        unsure=unsure,
        outside=shape.outside,
    )


def _touching(vertices: np.ndarray, points: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """Points in whose boxes some edge of the polygon lies, or whose rounding may say so."""
    touching = ~np.isfinite(rooms).all(axis=1)
    (ax, ay), (bx, by) = vertices.T, np.roll(vertices, -1, axis=0).T
    few = max(1, PAIRS // len(vertices))
    for start in range(0, len(points), few):
        (x, y), (width, height) = (one[start : start + few].T[:, :, None] for one in (points, rooms))
        near = (x + width >= np.minimum(ax, bx)) & (x - width <= np.maximum(ax, bx))
        near &= (y + height >= np.minimum(ay, by)) & (y - height <= np.maximum(ay, by))
        terms = (bx - ax) * (y - ay), (x - ax) * (by - ay)
        room = np.abs(bx - ax) * height + width * np.abs(by - ay) + ROUNDING * (np.abs(terms[0]) + np.abs(terms[1]))
        touching[start : start + few] |= (near & ~(np.abs(terms[0] - terms[1]) > room)).any(axis=1)
    return touching


def ellipsoid_test(shape: Ellipsoid) -> ShapeTest:
    """The test of an ellipsoid; its box needs a covariance that is one, else everything is asked.

    Raises
    ------
    UncompilableError
        The covariance has no inverse.
    """
    mean, covariance = np.array(shape.mean, dtype=float), np.array(shape.covariance, dtype=float)
    square = shape.distance_square
    try:
        inverse = np.linalg.inv(covariance)
    except np.linalg.LinAlgError as error:
        raise UncompilableError(f"an ellipsoid's covariance has no inverse ({error})") from error
    is_ellipsoid = square >= 0 and np.allclose(covariance, covariance.T) and np.linalg.eigvalsh(covariance).min() > 0
    reach = np.sqrt(square * np.diag(covariance)) * (1.0 + 1e-9) if is_ellipsoid else np.full(len(mean), np.inf)
    outline = None
    if is_ellipsoid and len(mean) == 2 and square > 0:
        angles = np.linspace(0.0, 2.0 * np.pi, CORNERS, endpoint=False)
        circle = np.column_stack([np.cos(angles), np.sin(angles)])
        outline = mean + np.sqrt(square) * circle @ np.linalg.cholesky(covariance).T

    def unsure(points: np.ndarray, rooms: np.ndarray) -> np.ndarray:
        away, steep = points - mean, np.abs(inverse)
        terms = (np.abs(away) @ steep * np.abs(away)).sum(axis=1)
        moves = (((np.abs(away) + rooms) @ steep * (np.abs(away) + rooms)).sum(axis=1) - terms) if rooms.any() else 0.0
        distance = ((away @ inverse) * away).sum(axis=1)
        close = np.abs(distance - square) <= NEAR * (terms + abs(square)) + moves
        if is_ellipsoid:  # an infinite distance, or none, is outside, whatever the order of the sum
            close &= np.isfinite(distance)
        return close | ~np.isfinite(rooms).all(axis=1)

    return ShapeTest(
        shape.dimensions,
        (mean - reach).tolist(),
        (mean + reach).tolist(),
        outline=outline,
        inside=lambda points: np.asarray(points_in_ellipsoid(covariance, mean, square, points), dtype=bool),
        unsure=unsure,
        least_share=LEAST_SHARE,
    )


def _below(limit: Limit, margin: float) -> float:
    return limit.linear - _room(limit, margin)


def _above(limit: Limit, margin: float) -> float:
    return limit.linear + _room(limit, margin)


def _room(limit: Limit, margin: float) -> float:
    """A little more than may be needed: what is let in is asked all the same, and a float32 limit is rounded."""
    return limit.margin + margin + 1e-6 * max(abs(limit.linear), 1e-3) if np.isfinite(limit.linear) else 0.0
