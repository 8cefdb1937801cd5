"""Two rates: numbers worked by hand, every degenerate table, and Fisher's test against whole-number arithmetic."""

from __future__ import annotations

import itertools
import math

import pytest

from cytotrial.statistics.methods.two_by_two import ESTIMATES, TESTS, TwoByTwo, fisher_tests, t_tests, two_by_two
from cytotrial.statistics_columns import CATEGORICAL

pytestmark = pytest.mark.filterwarnings("error")


def missing(row: dict) -> set[str]:
    return {name for name, value in row.items() if isinstance(value, float) and math.isnan(value)}


def test_columns_are_those_of_the_table() -> None:
    counted = {"analysis_set", "endpoint", "visit", "x_active", "n_active", "x_control", "n_control", "n_missing"}
    for counts in ((3, 10, 1, 12), (0, 10, 0, 12), (0, 0, 3, 7), (0, 0, 0, 0)):
        assert set(two_by_two(*counts)) == set(CATEGORICAL.columns) - counted


def test_by_hand() -> None:
    """8/10 v 4/10: expected 6 and 4; Pearson (2^2/6 + 2^2/4) 2 = 10/3; Yates 1.5^2 instead of 2^2."""
    row = two_by_two(8, 10, 4, 10)
    upper_tail = [math.erfc(math.sqrt(chi2 / 2)) for chi2 in (10 / 3, 10 / 3 * 1.5**2 / 4, 10 / 3 * 19 / 20)]
    assert [row["pearson_p"], row["yates_p"], row["n_minus_1_p"]] == pytest.approx(upper_tail, rel=1e-12)
    g = 2 * (8 * math.log(8 / 6) + 4 * math.log(4 / 6) + 2 * math.log(2 / 4) + 6 * math.log(6 / 4))
    assert row["likelihood_ratio_p"] == pytest.approx(math.erfc(math.sqrt(g / 2)), rel=1e-12)
    # Hypergeometric: C(10,x) C(10,12-x) / C(20,12), x from 8; both sides mirror each other.
    tail = sum(math.comb(10, x) * math.comb(10, 12 - x) for x in (8, 9, 10)) / math.comb(20, 12)
    assert row["fisher_greater_p"] == pytest.approx(tail, rel=1e-12)
    assert row["fisher_p"] == pytest.approx(2 * tail, rel=1e-12)
    assert row["odds_ratio"] == pytest.approx(6.0)  # 8 x 6 / (2 x 4)
    half = 1.959963984540054 * math.sqrt(1 / 8 + 1 / 2 + 1 / 4 + 1 / 6)
    assert (row["or_low"], row["or_high"]) == pytest.approx((6 * math.exp(-half), 6 * math.exp(half)), rel=1e-12)
    assert row["or_haldane"] == pytest.approx(8.5 * 6.5 / (2.5 * 4.5))
    assert row["risk_difference"] == pytest.approx(0.4)
    half = 1.959963984540054 * math.sqrt(0.8 * 0.2 / 10 + 0.4 * 0.6 / 10)
    assert (row["rd_wald_low"], row["rd_wald_high"]) == pytest.approx((0.4 - half, 0.4 + half), rel=1e-12)
    # Student: pooled variance (10 .16 + 10 .24) / 18
    t = 0.4 / math.sqrt((1.6 + 2.4) / 18 * 0.2)
    assert t_tests(TwoByTwo(8, 10, 4, 10))["student_t_p"] == row["student_t_p"]
    assert t == pytest.approx(1.8973665961)
    assert (row["min_expected"], row["preferred"], row["preferred_p"]) == (4.0, "n_minus_1", row["n_minus_1_p"])
    assert row["note"] == "" and not missing(row)


def test_fisher_equals_whole_number_arithmetic() -> None:
    """Equal probabilities are equal there, where floats may differ in the last bit and lose half the p."""
    n_tables = 0
    for n, m in ((7, 7), (8, 5), (12, 12), (13, 12)):
        for x, y in itertools.product(range(n + 1), range(m + 1)):
            ways = {k: math.comb(n, k) * math.comb(m, x + y - k) for k in range(max(0, x + y - m), min(n, x + y) + 1)}
            total = sum(ways.values())
            wanted = {
                "fisher_p": sum(way for way in ways.values() if way <= ways[x]) / total,
                "fisher_greater_p": sum(way for k, way in ways.items() if k >= x) / total,
                "fisher_less_p": sum(way for k, way in ways.items() if k <= x) / total,
            }
            assert fisher_tests(TwoByTwo(x, n, y, m)) == pytest.approx(wanted, rel=1e-12)
            n_tables += 1
    assert n_tables == 64 + 54 + 169 + 182


def test_yates_corrects_by_no_more_than_there_is() -> None:
    row = two_by_two(5, 10, 6, 12)  # the same rate: nothing is left
    assert row["pearson_p"] == row["yates_p"] == 1.0
    row = two_by_two(3, 7, 4, 9)  # |O - E| = 1/16, less than 1/2: corrected to nothing
    assert row["yates_p"] == 1.0 and row["pearson_p"] < 1.0


def test_campbells_limit() -> None:
    assert two_by_two(2, 20, 0, 20)["preferred"] == "n_minus_1"  # smallest expected count exactly 1
    row = two_by_two(1, 20, 0, 20)
    assert (row["min_expected"], row["preferred"], row["preferred_p"]) == (0.5, "fisher", row["fisher_p"])


@pytest.mark.parametrize(("x", "whom"), [(0, "nobody"), (10, "everybody")])
def test_one_outcome_only(x: int, whom: str) -> None:
    row = two_by_two(x, 10, x, 10)
    assert missing(row) == {
        *{"pearson_p", "yates_p", "likelihood_ratio_p", "n_minus_1_p", "student_t_p", "welch_t_p"},
        *{"rd_wald_low", "rd_wald_high", "odds_ratio", "or_low", "or_high", "or_conditional"},
    }
    assert row["fisher_p"] == row["fisher_greater_p"] == row["fisher_less_p"] == row["preferred_p"] == 1.0
    assert (row["or_conditional_low"], row["or_conditional_high"]) == (0.0, math.inf)
    assert row["risk_difference"] == 0.0 and row["rd_low"] < 0 < row["rd_high"]
    assert row["note"].startswith(f"{whom} has the event: no chi-square")
    assert "no odds ratio but the one with 0.5 added, and exact limits of 0 and infinity" in row["note"]


def test_opposite_outcomes() -> None:
    row = two_by_two(10, 10, 0, 12)
    lacking = {"student_t_p", "welch_t_p", "rd_wald_low", "rd_wald_high", "odds_ratio", "or_low", "or_high"}
    assert missing(row) == lacking
    assert row["or_conditional"] == row["or_conditional_high"] == math.inf and row["or_conditional_low"] > 1
    assert "no variance, no t test" in row["note"] and "the conditional one is infinite" in row["note"]


@pytest.mark.parametrize(
    ("counts", "ratio"), [((0, 10, 5, 12), 0.0), ((5, 10, 12, 12), 0.0), ((4, 29, 0, 30), math.inf)]
)
def test_zero_cell(counts: tuple[int, int, int, int], ratio: float) -> None:
    row = two_by_two(*counts)
    assert missing(row) == {"odds_ratio", "or_low", "or_high"}
    assert row["or_conditional"] == ratio
    assert row["note"] == f"a zero cell: no sample odds ratio, the conditional one is {'infinite' if ratio else 0}"


def test_one_subject_in_an_arm() -> None:
    row = two_by_two(1, 1, 3, 8)
    assert 0 < row["student_t_p"] < 1 and math.isnan(row["welch_t_p"])
    assert row["note"].startswith("one subject in an arm: no Welch test")


def test_arm_without_subjects() -> None:
    row = two_by_two(0, 0, 3, 7)
    present = {"rate_control", "rate_control_low", "rate_control_high"}
    assert missing(row) == {*TESTS, *ESTIMATES, "preferred_p", "min_expected"} - present
    assert row["preferred"] is None and row["note"] == "no subject in the active arm: no comparison"
    assert two_by_two(0, 0, 0, 0)["note"] == "no subject in the active and the control arm: no comparison"


@pytest.mark.parametrize("counts", [(3, 2, 0, 4), (0, 4, 5, 4), (-1, 4, 0, 4)])
def test_impossible_counts(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="events of"):
        two_by_two(*counts)


def test_arms_exchanged() -> None:
    row, other = two_by_two(3, 11, 7, 9), two_by_two(7, 9, 3, 11)
    for name in ("pearson_p", "yates_p", "likelihood_ratio_p", "fisher_p", "n_minus_1_p", "student_t_p", "welch_t_p"):
        assert row[name] == pytest.approx(other[name], rel=1e-12), name
    assert row["fisher_less_p"] == pytest.approx(other["fisher_greater_p"], rel=1e-12)
    assert (row["rd_low"], row["rd_high"]) == pytest.approx((-other["rd_high"], -other["rd_low"]), rel=1e-12)
    for name in ("or", "or_haldane", "or_conditional"):
        assert row[f"{name}_low"] == pytest.approx(1 / other[f"{name}_high"], rel=1e-9), name


def test_every_small_table() -> None:
    """No crash or warning, limits around the estimate, p from 0 to 1, and a note exactly where something is missing."""
    for n, m in itertools.product(range(5), repeat=2):
        for x, y in itertools.product(range(n + 1), range(m + 1)):
            row = two_by_two(x, n, y, m)
            lacks = missing(row) or any(value == math.inf for value in row.values())
            assert bool(row["note"]) == bool(lacks), row
            for name in TESTS:
                assert math.isnan(row[name]) or 0 <= row[name] <= 1 + 1e-12, (name, row)
            for name, low, high in (
                ("risk_difference", "rd_low", "rd_high"),
                ("odds_ratio", "or_low", "or_high"),
                ("or_haldane", "or_haldane_low", "or_haldane_high"),
                ("or_conditional", "or_conditional_low", "or_conditional_high"),
                ("rate_active", "rate_active_low", "rate_active_high"),
            ):
                if not math.isnan(row[name]):
                    assert row[low] - 1e-9 <= row[name] <= row[high] + 1e-9, (name, row)
