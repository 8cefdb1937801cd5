"""Ticks: where the scale puts round linear values, as many as have room."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.figures.gate_axes import APART, ticks

TOP = 262144.0
LOGICLE = Axis("CD3", "APC-A", 0, TOP, "logicle", 1.0, 4.5)


def written(axis: Axis, low: float = 0.0, high: float = 1.0) -> list[str]:
    """Labels as they are read."""
    return [tick.text + (f"^{tick.power}" if tick.power else "") for tick in ticks(axis, low, high)]


def test_decades_of_the_usual_logicle_scale() -> None:
    assert written(LOGICLE) == ["0", "10^3", "10^4", "10^5"]
    places = [tick.at for tick in ticks(LOGICLE, 0.0, 1.0)]
    assert places == pytest.approx(LOGICLE.to_scale(np.array([0.0, 1e3, 1e4, 1e5])).tolist())


def test_places_are_shares_of_the_range_that_is_shown() -> None:
    (zero,) = (tick for tick in ticks(LOGICLE, -0.25, 1.0) if tick.text == "0")
    assert zero.at == pytest.approx((float(LOGICLE.to_scale(0.0)) + 0.25) / 1.25)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"w": 1.3}, ["0", "10^4", "10^5"]),
        ({"w": 2.0}, ["−10^4", "0", "10^4", "10^5"]),
        ({"w": 2.25}, ["−10^5", "0", "10^5"]),
        ({"top": 2.0**24, "m": 6.3}, ["0", "10^3", "10^4", "10^5", "10^6", "10^7"]),
        ({"top": 1024.0}, ["0", "10^1", "10^2", "10^3"]),
        ({"top": 1.0}, ["0", "10^−2", "10^−1", "10^0"]),
        ({"method": "asinh", "w": 0.0, "m": 4.0}, ["0", "10^2", "10^3", "10^4", "10^5"]),
    ],
)
def test_decades_of_other_scales(changes: dict[str, float], expected: list[str]) -> None:
    """Negative ones where there is room for them, none on top of another."""
    axis = dataclasses.replace(LOGICLE, **changes)
    assert written(axis) == expected
    places = [tick.at for tick in ticks(axis, 0.0, 1.0)]
    assert min(np.diff(places)) >= APART - 1e-9
    assert 0.0 <= places[0] <= places[-1] <= 1.0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.02 * TOP, ["0", "50k", "100k", "150k", "200k", "250k"]),
        (0.0, 1.02 * TOP / 8, ["0", "10k", "20k", "30k"]),
        (0.0, 1.02 * 2**24, ["0", "5M", "10M", "15M"]),
        (0.0, 1.02 * 1024, ["0", "200", "400", "600", "800", "1k"]),
        (-2.0, 102.0, ["0", "20", "40", "60", "80", "100"]),
        (3.9, 5.1, ["4", "4.2", "4.4", "4.6", "4.8", "5"]),
        (-1.0, 1.0, ["−1", "−0.5", "0", "0.5", "1"]),
        (0.0, 0.02, ["0", "0.005", "0.01", "0.015", "0.02"]),
    ],
)
def test_round_values_of_a_linear_axis(low: float, high: float, expected: list[str]) -> None:
    axis = Axis("SSC-A", "SSC-A", 0, high)
    assert written(axis, low, high) == expected
    for tick in ticks(axis, low, high):
        value = float(tick.text.replace("−", "-").replace("k", "e3").replace("M", "e6"))
        assert tick.at == pytest.approx((value - low) / (high - low))
