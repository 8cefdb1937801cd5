"""Ten gates of three shapes, the same for every file of this benchmark: polygons, rectangles and an ellipse."""

from __future__ import annotations

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover
from cytotrial.gating.gate_tree import (
    ROOT_KEY,
    Dimension,
    Ellipsoid,
    Gate,
    GateTree,
    Interval,
    Key,
    Polygon,
    Rectangle,
    Shape,
)

SCATTER = ("FSC-A", "FSC-H", "SSC-A")
# Detector -> the marker that its dye is on: eight of a FACSAria's, and two violet ones more.
MARKERS = {
    "FITC-A": "CD45RA",
    "PE-A": "FoxP3",
    "PerCP-Cy5-5-A": "CD8",
    "PE-Cy7-A": "CD25",
    "APC-A": "CD127",
    "APC-Cy7-A": "CD3",
    "Pacific Blue-A": "CD4",
    "AmCyan-A": "viability",
    "BV605-A": "CD56",
    "BV711-A": "CD16",
}
CHANNELS = (*SCATTER, *MARKERS, "Time")
SPILLOVER = {  # row spills into column
    "FITC-A": {"PE-A": 0.163, "PerCP-Cy5-5-A": 0.018, "Pacific Blue-A": 0.078, "AmCyan-A": 0.167},
    "PE-A": {"FITC-A": 0.010, "PerCP-Cy5-5-A": 0.154, "PE-Cy7-A": 0.010, "BV605-A": 0.05},
    "PerCP-Cy5-5-A": {"PE-Cy7-A": 0.210, "APC-Cy7-A": 0.047, "BV711-A": 0.15},
    "PE-Cy7-A": {"PE-A": 0.023, "PerCP-Cy5-5-A": 0.060, "APC-Cy7-A": 0.088},
    "APC-A": {"PerCP-Cy5-5-A": 0.007, "APC-Cy7-A": 0.034},
    "APC-Cy7-A": {"PE-Cy7-A": 0.024, "APC-A": 0.019},
    "Pacific Blue-A": {"AmCyan-A": 0.281, "BV605-A": 0.02},
    "AmCyan-A": {"Pacific Blue-A": 0.121, "BV605-A": 0.24, "BV711-A": 0.04},
    "BV605-A": {"BV711-A": 0.12, "PE-A": 0.03},
    "BV711-A": {"APC-Cy7-A": 0.08, "BV605-A": 0.02},
}
LOGICLE = Axis("", "", 0, 262144.0, "logicle", 0.5, 4.5, 0.0)
MATRIX = "spillover-matrix"


def matrix() -> np.ndarray:
    """The spillover matrix of every file, shape (10, 10), in the order of `MARKERS`."""
    return np.array(
        [[1.0 if row == column else SPILLOVER[row].get(column, 0.0) for column in MARKERS] for row in MARKERS]
    )


def gate_tree() -> GateTree:
    """The gates; scatter in linear units, fluorescence on the logicle scale."""
    shapes: list[tuple[str, str, Shape]] = [
        (
            "lymphocytes",
            "",
            _polygon(
                "FSC-A", "SSC-A", (55e3, 8e3), (80e3, 6e3), (125e3, 20e3), (130e3, 45e3), (95e3, 60e3), (60e3, 40e3)
            ),
        ),
        (
            "singlets",
            "lymphocytes",
            _polygon("FSC-A", "FSC-H", (50e3, 42e3), (135e3, 114e3), (135e3, 132e3), (50e3, 50e3)),
        ),
        ("live", "singlets", _rectangle(viability=(None, 0.45))),
        ("cd3", "live", _rectangle(CD3=(0.42, None))),
        ("cd4", "cd3", _rectangle(CD4=(0.42, None), CD8=(None, 0.50))),
        ("cd8", "cd3", _rectangle(CD8=(0.50, None), CD4=(None, 0.42))),
        (
            "treg",
            "cd4",
            _polygon("CD25", "CD127", (0.45, 0.05), (0.90, 0.05), (0.90, 0.45), (0.50, 0.45), (0.42, 0.35)),
        ),
        ("foxp3", "treg", _rectangle(FoxP3=(0.38, None))),
        ("naive_cd4", "cd4", _ellipse("CD45RA", "CD127", (0.64, 0.55), ((0.0025, 0.0003), (0.0003, 0.0030)), 6.0)),
        ("nk", "live", _rectangle(CD3=(None, 0.42), CD56=(0.42, None))),
    ]
    keys: dict[str, Key] = {"": ROOT_KEY}
    gates = []
    for name, parent, shape in shapes:
        keys[name] = (*keys[parent], name)
        gates.append(Gate(keys[name], keys[parent], shape))
    return GateTree(tuple(gates), {MATRIX: Spillover(tuple(MARKERS), matrix(), MATRIX)})


def _dimension(name: str) -> Dimension:
    if name in SCATTER:
        return Dimension(CHANNELS.index(name))
    detector = next(detector for detector, marker in MARKERS.items() if marker == name)
    return Dimension(CHANNELS.index(detector), MATRIX, LOGICLE)


def _rectangle(**limits: tuple[float | None, float | None]) -> Rectangle:
    return Rectangle(tuple(Interval(_dimension(name), low, high) for name, (low, high) in limits.items()))


def _polygon(x: str, y: str, *vertices: tuple[float, float]) -> Polygon:
    return Polygon((_dimension(x), _dimension(y)), vertices)


def _ellipse(
    x: str, y: str, mean: tuple[float, float], covariance: tuple[tuple[float, ...], ...], square: float
) -> Ellipsoid:
    return Ellipsoid((_dimension(x), _dimension(y)), mean, covariance, square)
