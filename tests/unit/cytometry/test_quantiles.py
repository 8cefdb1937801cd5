"""Quantiles against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cytotrial.cytometry.quantiles import low_quantile, median, outermost, picked, quantiles

SHARES = (0.0, 0.0005, 0.05, 0.1, 0.25, 0.5, 0.77, 0.998, 1.0)
SOME = arrays.arrays(float, st.integers(2, 60), elements=st.floats(-1e6, 1e6))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(values=SOME)
def test_any_few_values(values: np.ndarray) -> None:
    near = pytest.approx(np.quantile(values, SHARES), rel=1e-12, abs=1e-6)
    assert quantiles(values, SHARES) == near
    assert median(values) == pytest.approx(np.median(values), rel=1e-12)
    assert low_quantile(values, 0.3) == pytest.approx(np.quantile(values, 0.3), rel=1e-12, abs=1e-6)


@pytest.mark.parametrize("n", [9_999, 10_000, 10_001, 100_000])
@pytest.mark.parametrize("share", [0.0005, 0.001, 0.05, 0.4, 0.9])
@pytest.mark.parametrize("kind", ["normal", "ties", "ascending", "descending", "rare at every sixteenth place"])
def test_outermost_of_many(kind: str, share: float, n: int) -> None:
    """The part that tells where the ends lie may be unlike the rest: then all values are put in order."""
    rng = np.random.default_rng(1)
    values = {
        "normal": lambda: rng.normal(0.0, 1.0, n),
        "ties": lambda: rng.integers(0, 5, n).astype(float),
        "ascending": lambda: np.arange(n, dtype=float),
        "descending": lambda: -np.arange(n, dtype=float),
        "rare at every sixteenth place": lambda: np.where(np.arange(n) % 16 == 0, -9.0, rng.random(n)),
    }[kind]()
    assert outermost(values, share) == pytest.approx(np.quantile(values, [share, 1 - share]), rel=1e-12, abs=1e-12)


def test_median_along_the_last_axis() -> None:
    values = np.random.default_rng(0).normal(0.0, 1.0, (7, 12))
    assert median(values) == pytest.approx(np.median(values, axis=1), rel=1e-15)
    assert median(values[:, :11]) == pytest.approx(np.median(values[:, :11], axis=1), rel=1e-15)


def test_one_value() -> None:
    assert quantiles(np.array([3.0]), (0.1, 0.9)).tolist() == [3.0, 3.0]
    assert float(median(np.array([3.0]))) == 3.0


def test_picked() -> None:
    values, chosen = np.arange(6.0), np.array([True, False, False, True, True, False])
    assert np.array_equal(picked(values, chosen), values[chosen])
    assert len(picked(values, np.zeros(6, dtype=bool))) == 0
