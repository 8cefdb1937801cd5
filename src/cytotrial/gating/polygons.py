"""Polygons: written in linear units, straight on the gate's scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cytotrial.cytometry.axis import Axis


def on_scale(vertices: Sequence[Sequence[float]], axes: Sequence[Axis]) -> np.ndarray:
    """Vertices of shape (n, 2) on the gate's own scale, each coordinate by its axis; linear for scatter."""
    linear = np.asarray(vertices, dtype=float).reshape(-1, 2)
    return np.column_stack([axis.to_scale(linear[:, i]) for i, axis in enumerate(axes)])
