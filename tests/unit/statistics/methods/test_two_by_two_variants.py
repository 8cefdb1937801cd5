"""The tests that are only recomputed: against SciPy where it has them, by hand where it has not."""

from __future__ import annotations

import itertools
import logging
import math

import pytest
from scipy import stats

from cytotrial.statistics.methods import two_by_two_variants as variants
from cytotrial.statistics.methods.two_by_two import TwoByTwo, chi_square_tests, fisher_tests

pytestmark = pytest.mark.filterwarnings("error")
TABLES = [(7, 13, 2, 12), (16, 29, 9, 30), (2, 29, 6, 30), (20, 24, 15, 29), (3, 5, 1, 4)]


@pytest.mark.parametrize("counts", TABLES)
def test_boschloo_equals_scipy_with_an_arm_in_each_column(counts) -> None:
    x, n, y, m = counts
    logging.disable(logging.INFO)  # SciPy's optimiser writes to the root's log
    wanted = stats.boschloo_exact([[x, y], [n - x, m - y]], n=256).pvalue
    logging.disable(logging.NOTSET)
    assert variants.boschloo_p(TwoByTwo(*counts)) == pytest.approx(wanted, rel=1e-6)


def test_barnard_equals_scipy_where_no_two_tables_are_equally_extreme() -> None:
    logging.disable(logging.INFO)
    wanted = stats.barnard_exact([[7, 2], [6, 10]], n=256).pvalue
    logging.disable(logging.NOTSET)
    assert variants.barnard_p(TwoByTwo(7, 13, 2, 12)) == pytest.approx(wanted, rel=1e-6)


def test_barnard_counts_the_mirror_of_the_observed_table() -> None:
    """19/29 v 11/30 and 10/29 v 19/30 have the same |z|: events and none exchanged. SciPy's floats lose the second."""
    first, second = (variants.barnard_p(TwoByTwo(*counts)) for counts in ((19, 29, 11, 30), (10, 29, 19, 30)))
    assert first == pytest.approx(second, rel=1e-9)
    assert first == pytest.approx(0.0302718, abs=1e-6)


def test_barnard_by_hand() -> None:
    """2/2 v 0/2: z is as large in 0/2 v 2/2 alone; p = 2 q^2 (1 - q)^2, largest at q = 1/2."""
    assert variants.barnard_p(TwoByTwo(2, 2, 0, 2)) == pytest.approx(2 / 16, rel=1e-9)


def test_by_hand() -> None:
    table = TwoByTwo(8, 10, 4, 10)  # expected counts 6 and 4
    half = chi_square_tests(table)["pearson_p"] / 2
    assert variants.pearson_one_sided_p(table) == half
    assert variants.pearson_one_sided_p(TwoByTwo(4, 10, 8, 10)) == 1 - half
    observed = math.comb(10, 8) * math.comb(10, 4) / math.comb(20, 12)
    assert variants.fisher_mid_p(table) == pytest.approx(fisher_tests(table)["fisher_p"] - observed / 2, rel=1e-12)
    z = {
        variants.wald_difference_p: 0.4 / math.sqrt(0.8 * 0.2 / 10 + 0.4 * 0.6 / 10),
        variants.wald_log_odds_ratio_p: math.log(6) / math.sqrt(1 / 8 + 1 / 2 + 1 / 4 + 1 / 6),
        variants.arcsine_p: 2 * (math.asin(math.sqrt(0.8)) - math.asin(math.sqrt(0.4))) / math.sqrt(0.2),
        variants.freeman_tukey_p: 2
        * math.sqrt(sum((o**0.5 - e**0.5) ** 2 for o, e in ((8, 6), (2, 4), (4, 6), (6, 4)))),
        variants.neyman_p: math.sqrt(4 / 8 + 4 / 2 + 4 / 4 + 4 / 6),
    }
    for test, value in z.items():
        assert test(table) == pytest.approx(math.erfc(value / math.sqrt(2)), rel=1e-12), test.__name__


def test_power_divergences_equal_scipy() -> None:
    for x, n, y, m in TABLES:
        counts, table = [[x, n - x], [y, m - y]], TwoByTwo(x, n, y, m)
        for ours, name in ((variants.freeman_tukey_p, "freeman-tukey"), (variants.cressie_read_p, "cressie-read")):
            wanted = stats.chi2_contingency(counts, correction=False, lambda_=name).pvalue
            assert ours(table) == pytest.approx(wanted, rel=1e-9)


def test_every_small_table() -> None:
    """A p, or NaN; no crash and no warning."""
    for n, m in itertools.product(range(1, 4), repeat=2):
        for x, y in itertools.product(range(n + 1), range(m + 1)):
            table = TwoByTwo(x, n, y, m)
            for name in dir(variants):
                if name.endswith("_p") and not name.startswith("_"):
                    p = getattr(variants, name)(table)
                    assert math.isnan(p) or -1e-12 <= p <= 1 + 1e-12, (name, table)
            assert math.isnan(variants.barnard_p(table)) == (not table.is_testable)
