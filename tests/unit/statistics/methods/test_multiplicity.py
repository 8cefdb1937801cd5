"""Holm and Benjamini-Hochberg worked out on paper, and who is in which family."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cytotrial.statistics.methods.multiplicity import adjust_families, adjusted


def test_three_p_values_by_hand():
    # Sorted .01 .03 .04. Holm: 3 x .01, 2 x .03, 1 x .04 raised to .06.
    # BH from the top: .04 x 3/3 = .04; .03 x 3/2 = .045, lowered to .04; .01 x 3/1 = .03.
    p_holm, p_bh = adjusted([0.01, 0.04, 0.03])

    assert p_holm == pytest.approx([0.03, 0.06, 0.06], abs=1e-15)
    assert p_bh == pytest.approx([0.03, 0.04, 0.04], abs=1e-15)


def test_an_undefined_p_does_not_count_as_a_test():
    p_holm, p_bh = adjusted([0.01, float("nan"), 0.04])

    assert p_holm == pytest.approx([0.02, float("nan"), 0.04], nan_ok=True, abs=1e-15)
    assert p_bh == pytest.approx([0.02, float("nan"), 0.04], nan_ok=True, abs=1e-15)


def test_adjusted_p_never_exceeds_one():
    p_holm, p_bh = adjusted([0.9, 0.8, 0.7])

    assert list(p_holm) == [1.0, 1.0, 1.0]
    assert p_bh == pytest.approx([0.9, 0.9, 0.9])


@pytest.mark.parametrize("nothing", [[], [float("nan")]])
def test_no_test_at_all(nothing):
    p_holm, p_bh = adjusted(nothing)

    assert p_holm.size == p_bh.size == len(nothing)
    assert np.isnan(p_holm).all() and np.isnan(p_bh).all()


def test_families_do_not_mix_and_rows_without_a_family_stay_out():
    rows = [
        {"id": "a", "of": "IL2", "p_value": 0.01},
        {"id": "b", "of": "PBO", "p_value": 0.02},
        {"id": "c", "of": "IL2", "p_value": 0.5},
        {"id": "d", "of": None, "p_value": 0.001},
    ]

    found = {row["id"]: row["p_holm"] for row in adjust_families(rows, family=lambda row: row["of"])}

    assert found["a"] == pytest.approx(0.02)
    assert found["b"] == pytest.approx(0.02)
    assert found["c"] == pytest.approx(0.5)
    assert math.isnan(found["d"])
    assert "p_holm" not in rows[0], "the caller's rows are not changed"
