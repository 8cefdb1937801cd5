"""Limits on a scale as limits in linear units: where the scale rises, and only there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.engine.bounds import LARGEST, is_regular, limit_on


def axis(method: str, *, top: float = 262144.0, w: float = 0.5, m: float = 4.5, a: float = 0.0) -> Axis:
    return Axis("CD4", "B1-A", 3, top, method, w, m, a)


REGULAR = [
    axis("logicle"),
    axis("logicle", w=1.0),
    axis("logicle", w=2.25),
    axis("logicle", w=0.01),
    axis("logicle", w=1.0, a=1.0),
    axis("logicle", top=4294967296.0, w=1.0, m=8.7),
    axis("logicle", top=1000.0, w=0.5, m=3.0),
    axis("asinh", w=0.0),
    axis("asinh", top=10.0, w=0.0, m=3.0, a=1.0),
]
IRREGULAR = [
    axis("logicle", w=0.0),
    axis("logicle", w=3.0, m=6.0),
    axis("logicle", w=1.0, a=-1.0),
    axis("logicle", w=3.0, m=4.5),  # no scale at all
    axis("asinh", w=0.0, m=1.0, a=-2.0),
]


class Clamped:
    """A scale without an inverse that stays within 0 and 1."""

    is_regular = True

    def to_scale(self, linear: np.ndarray) -> np.ndarray:
        return np.clip(np.asarray(linear) / 1000.0, 0.0, 1.0)


class Plain:
    """A logicle without its inverse."""

    is_regular = True

    def to_scale(self, linear: np.ndarray) -> np.ndarray:
        return REGULAR[0].to_scale(linear)


@pytest.mark.parametrize("scale", REGULAR, ids=lambda one: f"{one.name}")
def test_a_limit_brackets_its_value(scale: Axis) -> None:
    for value in np.random.default_rng(1).uniform(-0.5, 1.3, 200):
        limit = limit_on(scale, float(value))
        assert limit is not None and limit.on_scale == value
        below, above = scale.to_scale(np.array([limit.linear - limit.margin, limit.linear + limit.margin]))
        assert below < value < above
        assert limit.margin <= 1e-6 * max(abs(limit.linear), scale.top * 10**-scale.m)


@pytest.mark.parametrize("scale", REGULAR, ids=lambda one: f"{one.name}")
def test_a_regular_scale_rises(scale: Axis) -> None:
    """Over all magnitudes; an iteration that ends early would say -1 somewhere."""
    assert is_regular(scale)
    rng = np.random.default_rng(2)
    magnitudes = np.concatenate([10 ** rng.uniform(-30, np.log10(LARGEST), 20_000), rng.uniform(0, scale.top, 20_000)])
    on_scale = scale.to_scale(np.sort(np.concatenate([-magnitudes, [0.0], magnitudes])))
    assert np.isfinite(on_scale).all() and (np.diff(on_scale) >= 0).all()


@pytest.mark.parametrize("scale", IRREGULAR, ids=lambda one: f"{one.name}")
def test_an_irregular_scale_has_no_limits(scale: Axis) -> None:
    assert not is_regular(scale)
    assert limit_on(scale, 0.5) is None


def test_a_scale_that_says_nothing_of_itself_has_no_limits() -> None:
    class Silent:
        def to_scale(self, linear: np.ndarray) -> np.ndarray:
            return np.asarray(linear)

    assert limit_on(Silent(), 0.5) is None


def test_without_a_scale_a_limit_is_itself() -> None:
    limit = limit_on(None, 12.5)
    assert limit is not None and (limit.linear, limit.margin) == (12.5, 0.0)


@pytest.mark.parametrize("value", [-0.2, -0.01, 0.1, 0.1111, 0.5, 0.999, 1.2])
def test_without_an_inverse_the_place_is_sought(value: float) -> None:
    sought, known = limit_on(Plain(), value), limit_on(REGULAR[0], value)
    assert sought is not None and known is not None
    assert abs(sought.linear - known.linear) <= sought.margin + known.margin


def test_a_scale_may_waver_in_its_last_digits() -> None:
    """Where it hardly rises, the margin must be wide enough for that."""

    class Wavering:
        is_regular = True

        def to_scale(self, linear: np.ndarray) -> np.ndarray:
            return 1e-3 * np.asarray(linear) + 1e-14 * np.sin(1e15 * np.asarray(linear))

    scale = Wavering()
    for value in np.linspace(-1e-12, 1e-12, 41):
        limit = limit_on(scale, float(value))
        assert limit is not None and limit.margin < 1e-8
        away = limit.margin * np.random.default_rng(3).uniform(1.0, 100.0, 1000)
        assert (scale.to_scale(limit.linear + away) >= value).all()
        assert (scale.to_scale(limit.linear - away) < value).all()


def test_values_that_no_event_reaches_or_all_do() -> None:
    scale = Clamped()
    assert limit_on(scale, 1.5).linear == math.inf
    assert limit_on(scale, -0.5).linear == -math.inf
    assert abs(limit_on(scale, 0.25).linear - 250.0) < 1e-6
    assert limit_on(REGULAR[0], math.inf).linear == math.inf


def test_no_limit_where_a_plateau_begins_or_at_no_number() -> None:
    """Rounding decides which events are on the plateau: the scale must be asked."""
    assert limit_on(Clamped(), 1.0) is None
    assert limit_on(REGULAR[0], math.nan) is None
