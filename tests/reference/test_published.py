"""The published p-values: what their counts give by each test, to four digits, and which test gives what is printed.

Golden: our own numbers and verdicts, never the printed ones. They were worked out with SciPy before the code here was
written, but for two. Barnard's and Boschloo's p of complete remission at week 24 had been taken as .070 and .071, from
SciPy with an arm in each row; it wants an arm in each column, and then they are .0591 and .0637 (checked below by
summing over all tables).
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy import stats

from cytotrial.statistics.published import VARIANTS, Recomputed, read_printed, recompute

SHEET = Path(__file__).parents[2] / "resources" / "published" / "printed.tsv"
SIX = ("pearson", "yates", "likelihood_ratio", "fisher", "fisher_one_sided", "n_minus_1")
EXPECTED = {
    "he2020_sri4_w12": ".0504 .0905 .0492 .0673 .0449 .0524",
    "he2020_sri4_w24": ".0267 .0505 .0256 .0379 .0248 .0280",
    "he2020_cr_w12": ".0148 .0446 .0107 .0302 .0202 .0169",
    "he2020_cr_w24": ".0530 .1290 .0479 .0968 .0633 .0580",
    "he2020_infection": ".1416 .2760 .1334 .2542 .1380 .1451",
    "he2020_injection_site": ".0163 .0386 .0132 .0211 .0178 .0172",
    "he2020_fever": ".0351 .112 .0144 .0522 .0522 .0367",
    "he2020_prednisone_w24": ".365 .523 .365 .430 .262 .370",  # .36546 and .52345: not .366 and .524
    "he2020_sri4_w12_nri": ".0668 .116 .0654 .115 .058 .0691",
    "lupil2_sri4_w12_itt": ".3004 .4074 .2998 .4076 .2038 .3028",
    "lupil2_sri4_w12_pp": ".0156 .0334 .0133 .0209 .0155 .0166",
}
T_TESTS = {  # Student's and Welch's on 0 and 1
    "he2020_sri4_w12": ".0516 .0520",
    "he2020_sri4_w24": ".0267 .0267",
    "he2020_cr_w12": ".01345 .0131",
    "he2020_cr_w24": ".0560 .0539",
    "lupil2_sri4_w12_itt": ".3052 .3052",
    "lupil2_sri4_w12_pp": ".0151 .0127",
}
MIN_EXPECTED = {
    **{"he2020_sri4_w12": 12.3, "he2020_sri4_w24": 14.3, "he2020_cr_w12": 3.8, "he2020_cr_w24": 4.3},
    **{"he2020_infection": 3.9, "he2020_injection_site": 5.4, "he2020_fever": 2.0, "he2020_prednisone_w24": 11.3},
    **{"he2020_sri4_w12_nri": 12.5, "lupil2_sri4_w12_itt": 18.5, "lupil2_sri4_w12_pp": 8.2},
}
FURTHER = {  # complete remission at week 24
    **{"fisher_mid_p": ".069", "wald_difference": ".034", "pearson_one_sided": ".027", "wald_log_odds_ratio": ".064"},
    **{"arcsine": ".044", "barnard": ".0591", "boschloo": ".0637"},
}
REPRODUCING = {
    "he2020_sri4_w12": ["n_minus_1", "student_t", "welch_t"],
    "he2020_sri4_w24": ["pearson", "student_t", "welch_t"],
    "he2020_cr_w12": ["student_t", "welch_t"],
    "he2020_cr_w24": [],
    "he2020_infection": [variant.id for variant in VARIANTS],
    "lupil2_sri4_w12_itt": [],
    "lupil2_sri4_w12_pp": ["boschloo"],
}
DECIDED_BY_THE_TEST = {"he2020_sri4_w12", "he2020_sri4_w24", "he2020_cr_w24", "he2020_fever"}


@pytest.fixture(scope="module")
def found() -> dict[str, Recomputed]:
    return {result.id: recompute(result) for result in read_printed(SHEET)}


def p_of(one: Recomputed, variant_id: str) -> float:
    if variant_id == "fisher_one_sided":
        return min(p_of(one, "fisher_greater"), p_of(one, "fisher_less"))
    return dict(zip((variant.id for variant in VARIANTS), one.p_values, strict=True))[variant_id]


def rounded_like(p: float, text: str) -> str:
    """A p with as many decimals as `text`, without the leading zero."""
    return f"{p:.{len(text) - 1}f}".removeprefix("0")


def test_every_p_value_to_its_digits(found):
    wanted = [(name, *pair) for name, texts in EXPECTED.items() for pair in zip(SIX, texts.split(), strict=True)]
    for name, texts in T_TESTS.items():
        wanted += [(name, *pair) for pair in zip(("student_t", "welch_t"), texts.split(), strict=True)]
    wanted += [("he2020_cr_w24", variant, text) for variant, text in FURTHER.items()]
    ours = [(name, variant, rounded_like(p_of(found[name], variant), text)) for name, variant, text in wanted]
    print(f"{len(wanted)} p-values compared")
    assert ours == wanted
    assert len(wanted) == 11 * 6 + 6 * 2 + 7


def test_smallest_expected_counts(found):
    ours = {name: round(one.result.table.min_expected, 1) for name, one in found.items() if one.result.table}
    assert ours == MIN_EXPECTED


def test_which_tests_give_the_printed_p(found):
    printed = {name: one for name, one in found.items() if one.result.printed is not None}
    assert {name: [variant.id for variant in one.reproducing] for name, one in printed.items()} == REPRODUCING


def test_no_chi_square_test_gives_both_sri4_values(found):
    both = set(found["he2020_sri4_w12"].reproducing) & set(found["he2020_sri4_w24"].reproducing)
    assert {variant.id for variant in both} == {"student_t", "welch_t"}


def test_the_test_decides_about_the_primary_endpoint(found):
    assert {name for name, one in found.items() if one.depends_on_variant} == DECIDED_BY_THE_TEST
    primary = found["he2020_sri4_w12"]
    shown = [f"{p_of(primary, name):.3f}" for name in ("likelihood_ratio", "pearson", "n_minus_1", "fisher")]
    assert shown == ["0.049", "0.050", "0.052", "0.067"]
    below = [variant.id for variant in primary.below_alpha]
    assert below == ["likelihood_ratio", "wald_difference", "arcsine", "freeman_tukey", "neyman"]


def test_what_cannot_be_recomputed(found):
    assert [name for name, one in found.items() if one.result.table is None] == ["he2020_pr_w12"]
    not_computed = [
        (name, variant.id)
        for name, one in found.items()
        for variant, p in zip(VARIANTS, one.p_values, strict=False)
        if math.isnan(p)
    ]
    assert not_computed == [("he2020_fever", "wald_log_odds_ratio"), ("he2020_fever", "neyman")]  # the zero cell


def test_nineteen_tests():
    assert len(VARIANTS) == len({variant.id for variant in VARIANTS}) == len({one.label for one in VARIANTS}) == 19
    assert sum(variant.is_two_sided for variant in VARIANTS) == 16


def test_effect_sizes(found):
    """Newcombe's interval of the risk difference, in percentage points."""
    from cytotrial.statistics.methods.two_by_two import risk_difference

    expected = {
        "he2020_sri4_w12": (25.2, 0.1, 46.3),
        "he2020_sri4_w24": (28.9, 3.4, 49.6),
        "he2020_cr_w12": (45.5, 8.9, 69.5),
        "he2020_cr_w24": (37.2, -0.3, 63.1),
        "he2020_infection": (-13.1, -31.1, 5.3),
        "he2020_injection_site": (24.4, 4.3, 43.2),
    }
    for name, values in expected.items():
        row = risk_difference(found[name].result.table)
        assert tuple(round(100 * row[key], 1) for key in ("risk_difference", "rd_low", "rd_high")) == values, name


@pytest.mark.parametrize("name", ["he2020_cr_w24", "lupil2_sri4_w12_pp"])
def test_unconditional_tests_by_summing_over_all_tables(found, name):
    """Barnard's and Boschloo's p at 999 common rates, table by table: no code of the package, no SciPy shortcut."""
    table = found[name].result.table
    n, m = table.n_active, table.n_control
    cells = [(x, y) for x in range(n + 1) for y in range(m + 1)]

    def z(x, y):
        pooled = (x + y) / (n + m)
        return 0.0 if pooled in (0, 1) else (x / n - y / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))

    def fisher(x, y):
        return stats.hypergeom.sf(x - 1, n + m, x + y, n)

    def largest(is_in):
        region = [cell for cell in cells if is_in(*cell)]
        rates = [k / 1000 for k in range(1, 1000)]
        active, control = stats.binom(n, rates), stats.binom(m, rates)
        return max(sum(active.pmf(x) * control.pmf(y) for x, y in region))

    observed = table.x_active, table.x_control
    barnard = largest(lambda x, y: abs(z(x, y)) >= abs(z(*observed)) - 1e-9)
    boschloo = 2 * largest(lambda x, y: fisher(x, y) <= fisher(*observed) + 1e-12)
    assert p_of(found[name], "barnard") == pytest.approx(barnard, rel=1e-4)
    assert p_of(found[name], "boschloo") == pytest.approx(boschloo, rel=1e-4)
