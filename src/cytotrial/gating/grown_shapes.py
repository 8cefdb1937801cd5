"""Shapes a little larger or smaller: how far a shape reaches, and the same shape reaching further."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cytotrial.gating.landmarks import Bound

Points = Sequence[tuple[float, float]]
SHAPED = ("scatter_cluster", "singlet_band", "corner")  # methods whose gate is a shape with an extent


def grown(method: str, coordinates: Points, by: float) -> tuple[tuple[float, float], ...]:
    """A method's shape with its extent changed by a share; linear vertices in and out.

    Parameters
    ----------
    by : float
        0.01: one per cent further. A cluster's ellipse grows from its centre, on log10; an upper limit of area for each
        height, and the corner that is left out, move along the first axis.
    """
    points = np.asarray(coordinates, dtype=float)
    if method == "scatter_cluster":
        logs = np.log10(points)
        centre = logs.mean(axis=0)
        points = 10.0 ** (centre + (1.0 + by) * (logs - centre))
    else:
        points = points * np.array([1.0 + by, 1.0])
    return tuple((float(x), float(y)) for x, y in points)


def extent_spread(method: str, shape: Bound, others: Sequence[Bound]) -> float:
    """SD between shapes of how far they reach, as a share of how far `shape` does: root mean square around its rim.

    Parameters
    ----------
    others : sequence of Bound
        At least two, of the same method on the same markers.
    """
    own = np.asarray(shape.coordinates, dtype=float)
    ratios = np.array([_reach(method, np.asarray(other.coordinates, dtype=float), own) for other in others])
    return float(np.sqrt(np.mean(ratios.var(axis=0, ddof=1))))


def _reach(method: str, other: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How far a shape reaches where another has its vertices, as a share of how far that one does."""
    if method == "scatter_cluster":
        centre = np.log10(own).mean(axis=0)
        far, near = (np.hypot(*(np.log10(one) - centre).T) for one in (other, own))
        return far / near
    if method == "corner":
        return other[3:4, 0] / own[3:4, 0]  # the vertex inside the plane
    # The first knot is the origin and the last closes the shape; in between area over height is a line in height.
    line = np.polynomial.Polynomial.fit(other[1:-1, 1], other[1:-1, 0] / other[1:-1, 1], 1)
    heights, limits = own[1:-1, 1], own[1:-1, 0]
    return line(heights) * heights / limits
