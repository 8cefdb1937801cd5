"""Student's t against closed forms and SciPy's distribution."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from cytotrial.statistics.methods.students_t import t_inference


def test_two_degrees_of_freedom_have_a_closed_form():
    found = t_inference(3.0, 1.5, 2)

    assert found.t == 2.0
    assert found.p_value == pytest.approx(1 - 2 / math.sqrt(6), rel=1e-13)  # 1 - t / sqrt(t^2 + 2)
    half = 1.5 * 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))  # (2p - 1) sqrt(2 / 4p(1-p))
    assert (found.low, found.high) == pytest.approx((3.0 - half, 3.0 + half), rel=1e-12)


@pytest.mark.parametrize("df", [1, 7.3, 58, 1998.5])
@pytest.mark.parametrize("estimate", [-12.0, 0.0, 0.4])
def test_equals_the_distribution(estimate, df):
    found = t_inference(estimate, 0.5, df)

    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(estimate) / 0.5, df), rel=1e-12)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, df, estimate, 0.5), rel=1e-12)
