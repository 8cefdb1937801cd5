"""McNemar's test: by hand, and where nobody changed or as many gained as lost."""

from __future__ import annotations

import itertools
import math

import pytest

from cytotrial.statistics.methods.mcnemar import mcnemar
from cytotrial.statistics_columns import MCNEMAR

pytestmark = pytest.mark.filterwarnings("error")


def test_by_hand() -> None:
    row = mcnemar(n_neither=5, n_gained=8, n_lost=2, n_both=3)
    assert set(row) == set(MCNEMAR.columns) - set(MCNEMAR.key)
    assert (row["n_pairs"], row["chi2"], row["chi2_corrected"]) == (18, pytest.approx(3.6), pytest.approx(2.5))
    assert row["p_value"] == pytest.approx(math.erfc(math.sqrt(1.8)), rel=1e-12)
    assert row["p_corrected"] == pytest.approx(math.erfc(math.sqrt(1.25)), rel=1e-12)
    assert row["p_exact"] == pytest.approx(2 * (1 + 10 + 45) / 1024, rel=1e-12)
    assert row["note"] == ""


def test_as_many_gained_as_lost_is_not_corrected() -> None:
    row = mcnemar(n_neither=0, n_gained=3, n_lost=3, n_both=0)
    assert (row["chi2"], row["chi2_corrected"]) == (0.0, 0.0)
    assert row["p_value"] == row["p_corrected"] == row["p_exact"] == 1.0


def test_nobody_changed() -> None:
    row = mcnemar(n_neither=4, n_gained=0, n_lost=0, n_both=2)
    assert all(math.isnan(row[name]) for name in ("chi2", "p_value", "chi2_corrected", "p_corrected", "p_exact"))
    assert row["note"] == "nobody changed: no test"
    assert mcnemar(n_neither=0, n_gained=0, n_lost=0, n_both=0)["note"] == "no pairs"


def test_exact_p_of_every_small_table() -> None:
    for gained, lost in itertools.product(range(8), repeat=2):
        if gained + lost:
            n = gained + lost
            fewer = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
            row = mcnemar(n_neither=1, n_gained=gained, n_lost=lost, n_both=1)
            assert row["p_exact"] == pytest.approx(min(1.0, 2 * fewer / 2**n), rel=1e-12)
