"""A drawn gate's bounds in linear units: through the inverse of the scale it was drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flowkit as fk
import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.drawn.model import Side
from cytotrial.gating.landmarks import Bound

RIM = 40  # vertices of an ellipse as the ledger writes it
FINE_RIM = 240  # and where events are told by it: the polygon inside an ellipse lacks 0.01 % of its area
PER_EDGE = 32  # points on an edge that is straight on the scale of the drawing and bent on ours
STRAIGHT = 1e-4  # of our scale's length: an edge that bends less is left as it is


class InexpressibleError(Exception):
    """The gate has no bounds on one or two channels; the text says why."""


def drawn_bounds(
    gate: Any, sides: Sequence[Side], markers: Sequence[str], *, fine: Sequence[Axis] | None = None
) -> tuple[Bound, ...]:
    """The bounds of a FlowKit gate.

    Parameters
    ----------
    gate : flowkit gate
    sides : sequence of Side
        Its dimensions in this file.
    markers : sequence of str
        What each dimension is called.
    fine : sequence of Axis, optional
        Each dimension's scale here. Edges that are straight in the drawing get as many points as they need to lie
        where they were drawn when the polygon is straight on these scales; without it a polygon keeps its vertices.

    Raises
    ------
    InexpressibleError
        A Boolean gate, a ratio of channels, an ellipsoid in three channels, or a place without a linear value.
    """
    if isinstance(gate, fk.gates.BooleanGate):
        raise InexpressibleError(boolean_words(gate))
    if any(side.index is None for side in sides):
        raise InexpressibleError("it is on a ratio of channels")
    if isinstance(gate, fk.gates.RectangleGate | fk.gates.QuadrantGate):
        return _limits(sides, markers)
    if len(sides) != 2:
        raise InexpressibleError(f"it is an ellipsoid in {len(sides)} channels")
    ellipse = isinstance(gate, fk.gates.EllipsoidGate)
    corners = _rim(gate, FINE_RIM if fine else RIM) if ellipse else np.asarray(gate.vertices, dtype=float)
    if fine and not ellipse:
        corners = _along_edges(corners, sides, fine)
    linear = np.column_stack([_to_linear(side, corners[:, axis]) for axis, side in enumerate(sides)])
    if not np.isfinite(linear).all():
        raise InexpressibleError("a corner has no linear value on the scale it was drawn on")
    points = tuple((float(x), float(y)) for x, y in linear)
    return (Bound(":".join(markers), "shape", None, points),)


def keeps_outside(gate: Any) -> bool:
    """Whether the gate is of the events outside what was drawn."""
    return bool(getattr(gate, "use_complement", False))


def boolean_words(gate: Any) -> str:
    """A Boolean gate in words: ``the Boolean gate "T cells/CD4" and not "T cells/CD8"``."""
    parts = []
    for reference in gate.gate_refs:
        complement = bool(reference["complement"]) != (gate.type == "not")
        path = "/".join((*reference["path"][1:], reference["ref"]))
        parts.append(f'{"not " if complement else ""}"{path}"')
    return "the Boolean gate " + f" {gate.type} ".join(parts)


def _limits(sides: Sequence[Side], markers: Sequence[str]) -> tuple[Bound, ...]:
    bounds = []
    for side, marker in zip(sides, markers, strict=True):
        floor = _floor(side)
        for name, limit in (("min", side.low), ("max", side.high)):
            if limit is None or (name == "min" and floor is not None and limit <= floor):
                continue  # a scale that gathers all low values at its lower end keeps them all
            linear = float(_to_linear(side, np.array([limit]))[0])
            if not np.isfinite(linear):
                raise InexpressibleError("a limit has no linear value on the scale it was drawn on")
            bounds.append(Bound(marker, name, linear))
    if not bounds:
        raise InexpressibleError("it keeps every event")
    return tuple(bounds)


def _rim(gate: Any, vertices: int) -> np.ndarray:
    """Points on the ellipse of equal Mahalanobis distance, on the gate's own scale; shape (vertices, 2)."""
    angles = np.linspace(0.0, 2 * np.pi, vertices, endpoint=False)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    covariance = np.asarray(gate.covariance_matrix, dtype=float)
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise InexpressibleError("its covariance is that of no ellipse") from error
    return np.asarray(gate.coordinates, dtype=float) + np.sqrt(gate.distance_square) * circle @ root.T


def _along_edges(corners: np.ndarray, sides: Sequence[Side], axes: Sequence[Axis]) -> np.ndarray:
    """The polygon with more points on those edges that are no straight lines on the scales of `axes`."""
    points = []
    steps = np.linspace(0.0, 1.0, PER_EDGE, endpoint=False)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = start + steps[:, None] * (end - start)
        linear = [_to_linear(side, edge[:, number]) for number, side in enumerate(sides)]
        here = [
            axis.to_scale(values) / (axis.top if axis.is_linear else 1.0)
            for axis, values in zip(axes, linear, strict=True)
        ]
        points.append(edge if _bent(np.column_stack(here)) else edge[:1])
    return np.concatenate(points)


def _bent(points: np.ndarray) -> bool:
    """Whether some point lies off the line from the first to the last."""
    away = points - points[0]
    chord = away[-1]
    length = float(np.hypot(*chord))
    off = np.abs(away[:, 0] * chord[1] - away[:, 1] * chord[0]) / length if length else np.hypot(*away.T)
    return bool(off.max() > STRAIGHT)


def _floor(side: Side) -> float | None:
    """The scale value at which FlowJo's scales gather all that is lower; None for scales that go on."""
    return 0.0 if isinstance(side.transform, fk.transforms.WSPLogTransform | fk.transforms.WSPBiexTransform) else None


def _to_linear(side: Side, values: np.ndarray) -> np.ndarray:
    """Values on a gate's scale in linear units.

    A corner at the lower end of a scale that gathers all lower values there is moved below all of them.
    """
    transform = side.transform
    if transform is None:
        return values
    if isinstance(transform, fk.transforms.WSPLogTransform):  # FlowKit gives it no inverse
        linear = transform.offset * 10.0 ** (transform.decades * values)
        top = transform.offset * 10.0**transform.decades
    else:
        linear, top = transform.inverse(values.reshape(-1, 1)).reshape(-1), getattr(transform, "max_value", 0.0)
    floor = _floor(side)
    return np.asarray(linear if floor is None else np.where(values <= floor, -top, linear), dtype=float)
