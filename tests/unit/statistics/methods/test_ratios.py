"""Ratios of logarithms: what is no number stays none, what is too large is infinite."""

from __future__ import annotations

import math
import warnings

import pytest

from cytotrial.statistics.methods.ratios import ratios


def test_the_base_brings_the_logarithm_back():
    assert ratios(math.log(3.0), math.log(0.2)) == pytest.approx((3.0, 0.2), rel=1e-15)
    assert ratios(10.0, -1.0, base=2.0) == (1024.0, 0.5)


def test_neither_missing_nor_huge_values_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high, none = ratios(-5000.0, 5000.0, float("nan"))

    assert (low, high) == (0.0, math.inf)
    assert math.isnan(none)
