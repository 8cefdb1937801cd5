"""Student's one-sample t test, by hand and where it cannot be made."""

from __future__ import annotations

import math

import pytest

from cytotrial.statistics.methods.one_sample import one_sample_t


def test_by_hand():
    row = one_sample_t([1.0, 3.0], size=10.0)  # mean 2, se 1, one degree of freedom: Cauchy

    assert (row["estimate"], row["se"], row["df"], row["note"]) == (2.0, 1.0, 1, "")
    assert row["p_value"] == pytest.approx(1 - 2 * math.atan(2.0) / math.pi, rel=1e-12)
    assert row["ci_high"] == pytest.approx(2.0 + math.tan(0.475 * math.pi), rel=1e-10)
    assert row["ci_low"] == pytest.approx(2.0 - math.tan(0.475 * math.pi), rel=1e-10)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "estimate", "note"),
    [
        ([], math.nan, "no subject"),
        ([2.5], 2.5, "one subject: no spread, no test"),
        ([0.0, 0.0, 0.0], 0.0, "all values are equal: no variance, no test"),
        ([50.1 - 50.0, 60.1 - 60.0, 70.1 - 70.0], 0.1, "all values are equal: no variance, no test"),
    ],
)
def test_no_test_without_spread(values, estimate, note):
    row = one_sample_t(values, size=max([*map(abs, values), 0.0]) and 70.1)

    assert row["note"] == note
    assert row["estimate"] == pytest.approx(estimate, nan_ok=True)
    assert all(math.isnan(row[name]) for name in ("se", "df", "ci_low", "ci_high", "p_value"))
