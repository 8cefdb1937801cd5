"""A scale from its table: within the error that is stated, everywhere it is used."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.scale_table import LARGEST_ERROR, scale_table


def axis(method: str, top: float, m: float, w: float, a: float) -> Axis:
    return Axis("CD4", "B1-A", 3, top, method, w, m, a)


USUAL = [
    axis(method, top, m, w, a)
    for method, widths in (("logicle", (0.3, 0.5, 1.0, 1.5)), ("asinh", (0.0,)))
    for top in (1.0, 1000.0, 262144.0, 1e7)
    for m in (4.0, 4.5, 5.5)
    for w in widths
    for a in (0.0, 0.5)
]
# A range above 18 bits has that many more decades (`cytometry.scale.Scale`): 2**32 has 8.71.
WIDE = [axis("logicle", 4294967296.0, 8.71, 1.0, 0.0), axis("asinh", 4294967296.0, 8.71, 0.0, 0.0)]


def values_of(one: Axis, seed: int) -> np.ndarray:
    """Of both signs and all magnitudes up to 16 times the top, and zero."""
    rng = np.random.default_rng(seed)
    most = 15.99 * one.top
    positive = np.concatenate([10 ** rng.uniform(-12, np.log10(most), 3000), rng.uniform(0, most, 3000)])
    return np.concatenate([-positive, [0.0, -0.0, most, -most], positive])


def largest_error(one: Axis, dtype: type) -> float:
    values = values_of(one, 1).astype(dtype)
    return float(np.abs(scale_table(one).nearly(values) - one.to_scale(values.astype(np.float64))).max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_within_the_stated_error(dtype: type) -> None:
    errors = {one.name: largest_error(one, dtype) for one in USUAL}
    print(f"largest error {max(errors.values()):.2g} of {len(errors)} scales")
    assert [name for name, error in errors.items() if error > LARGEST_ERROR] == []


@pytest.mark.parametrize("one", WIDE, ids=lambda one: one.method)
def test_within_the_stated_error_on_a_wide_range(one: Axis) -> None:
    assert largest_error(one, np.float64) <= LARGEST_ERROR


def test_it_rises() -> None:
    for one in USUAL:
        values = np.sort(values_of(one, 2))
        assert np.diff(scale_table(one).nearly(values)).min() >= -1e-12


def test_no_numbers_and_infinities_are_only_nonsense_and_spoil_no_others() -> None:
    one = USUAL[0]
    values = np.array([np.nan, np.inf, -np.inf, 1e300, 0.5])
    with np.errstate(all="ignore"):
        nearly = scale_table(one).nearly(values)
    assert abs(nearly[-1] - one.to_scale(np.array([0.5]))[0]) <= LARGEST_ERROR
    assert np.isnan(nearly[0]) and not (nearly[1:4] == nearly[-1]).any()


def test_any_shape_and_none() -> None:
    table = scale_table(USUAL[0])
    assert table.nearly(np.ones((2, 3))).shape == (2, 3) and table.nearly(np.empty(0)).shape == (0,)
    assert np.array_equal(table.nearly(np.ones((4, 6))[:, ::2]), table.nearly(np.ones((4, 3))))


def test_a_table_is_made_once() -> None:
    assert scale_table(USUAL[0]) is scale_table(axis("logicle", 1.0, 4.0, 0.3, 0.0))
