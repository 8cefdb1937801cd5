"""Every number of categorical.tsv and mcnemar.tsv against R, on a synthetic trial whose tests were computed in R alone.

The oracle (../shared/oracle beside the checkout) was made with R 4.2.2: chisq.test, fisher.test, mcnemar.test,
binom.test, t.test and formulas written out; its README.md says which call made which row. Closed forms agree to 1e-9
relative, exact tests and their intervals to 1e-6. What R cannot compute, or says is infinite, must be NA or inf in
our row, with a note.
"""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from cytotrial.statistics.endpoints import endpoint_values
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.tables.categorical import categorical
from cytotrial.statistics.tables.paired_endpoints import paired_endpoints

ORACLE = Path(__file__).parents[2] / ".." / "shared" / "oracle"
CLOSED, EXACT = 1e-9, 1e-6
PLAN = AnalysisPlan(
    baseline="W0",
    visits=("W0", "W2", "W4", "W6", "W8", "W10", "W12", "W16", "W20", "W24"),
    arms=("IL2", "PBO"),
    active=("IL2",),
    control=("PBO",),
    analysis_sets=("mitt", "itt", "pp"),
    subsets=(),
)
# R's test -> our column by R's column, and how near; R's loosely solved odds ratio has a stricter twin.
COLUMNS = {
    "pearson": ({"p": "pearson_p"}, CLOSED),
    "yates": ({"p": "yates_p"}, CLOSED),
    "lr": ({"p": "likelihood_ratio_p"}, CLOSED),
    "n1": ({"p": "n_minus_1_p"}, CLOSED),
    "fisher_two_sided": ({"p": "fisher_p"}, EXACT),
    "fisher_one_sided_greater": ({"p": "fisher_greater_p"}, EXACT),
    "fisher_one_sided_less": ({"p": "fisher_less_p"}, EXACT),
    "student_t_on_01": ({"p": "student_t_p", "estimate": "risk_difference"}, CLOSED),
    "welch_t_on_01": ({"p": "welch_t_p", "estimate": "risk_difference"}, CLOSED),
    "rate_il2_wilson": (
        {"estimate": "rate_active", "ci_low": "rate_active_low", "ci_high": "rate_active_high"},
        CLOSED,
    ),
    "rate_pbo_wilson": (
        {"estimate": "rate_control", "ci_low": "rate_control_low", "ci_high": "rate_control_high"},
        CLOSED,
    ),
    "rd_newcombe": ({"estimate": "risk_difference", "ci_low": "rd_low", "ci_high": "rd_high"}, CLOSED),
    "rd_wald": ({"estimate": "risk_difference", "ci_low": "rd_wald_low", "ci_high": "rd_wald_high"}, CLOSED),
    "or_wald": ({"estimate": "odds_ratio", "ci_low": "or_low", "ci_high": "or_high"}, CLOSED),
    "or_wald_haldane": (
        {"estimate": "or_haldane", "ci_low": "or_haldane_low", "ci_high": "or_haldane_high"},
        CLOSED,
    ),
    "or_fisher_cmle_tight": (
        {"estimate": "or_conditional", "ci_low": "or_conditional_low", "ci_high": "or_conditional_high"},
        EXACT,
    ),
    "or_fisher_cmle": ({}, EXACT),
}
COUNTS = {
    **{"x_il2": "x_active", "n_il2": "n_active", "x_pbo": "x_control", "n_pbo": "n_control"},
    **{"n_missing": "n_missing", "min_expected": "min_expected"},
}
MCNEMAR = {
    "mcnemar_asymp": ({"statistic": "chi2", "p": "p_value"}, CLOSED),
    "mcnemar_asymp_cc": ({"statistic": "chi2_corrected", "p": "p_corrected"}, CLOSED),
    "mcnemar_exact": ({"p": "p_exact"}, EXACT),
}
PAIRS = {"n_pairs": "n_pairs", "n00": "n_neither", "n01_gain": "n_gained", "n10_loss": "n_lost", "n11": "n_both"}

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="the statistics oracle is not beside the checkout")


def r_table(name: str) -> pd.DataFrame:
    return pd.read_csv(ORACLE / f"{name}.tsv", sep="\t", float_precision="round_trip")


@pytest.fixture(scope="module")
def subjects() -> pd.DataFrame:
    table = r_table("subjects")
    sets = ["itt", "mitt", "pp", "safety"]
    return table.assign(**{name: table[name] == "Y" for name in sets})


@pytest.fixture(scope="module")
def endpoints(subjects):
    return endpoint_values(r_table("outcomes"), subjects, PLAN)


class Comparison:
    """Counts the cells that were held against R, and keeps the largest deviation of each test and the failures."""

    def __init__(self) -> None:
        self.cells, self.without_a_number, self.worst, self.failures = 0, 0, {}, []

    def number(self, test: str, ours: float, r: float, near: float, where: object) -> None:
        self.cells += 1
        away = abs(ours - r) if r == 0 else abs(ours - r) / abs(r)
        self.worst[test] = max(self.worst.get(test, 0.0), math.inf if math.isnan(away) else away)
        if not away <= near:  # NaN of ours fails too
            self.failures.append((where, test, ours, r))

    def no_number(self, test: str, ours: float, note: str, where: object) -> None:
        """What R calls undefined or infinite."""
        self.without_a_number += 1
        if math.isfinite(ours) or not note:
            self.failures.append((where, test, ours, "no number, and a note"))

    def row(self, mine: dict, theirs: dict, columns: dict[str, str], near: float, where: object) -> None:
        for their_name, our_name in columns.items():
            value, ours = float(theirs[their_name]), float(mine[our_name])
            if math.isfinite(value):
                # With a zero cell R's sample odds ratio can be 0 without limits: ours is NA, and says why.
                if theirs["status"] != "ok" and math.isnan(ours) and mine["note"]:
                    self.without_a_number += 1
                else:
                    self.number(theirs["test"], ours, value, near, where)
            else:
                assert theirs["status"] != "ok", where
                self.no_number(theirs["test"], ours, mine["note"], where)

    def report(self, name: str) -> None:
        print(f"{name}: {self.cells} numbers and {self.without_a_number} that are none")
        for test, away in self.worst.items():
            print(f"  {test:26} max |ours-R|/|R| {away:.1e}")


def test_categorical_equals_r(endpoints, subjects):
    ours = {(r["analysis_set"], r["endpoint"], r["visit"]): r for r in categorical(endpoints, subjects, PLAN)}
    r, comparison = r_table("r_categorical"), Comparison()
    assert set(r["test"]) == set(COLUMNS)
    keys = set()
    left_out = {
        (endpoint, visit): n
        for endpoint, visit, n in r.loc[r["analysis_set"] == "itt", ["endpoint", "visit", "n_missing"]].to_numpy()
    }
    for theirs in r.to_dict("records"):
        key = (theirs["analysis_set"], theirs["endpoint"], theirs["visit"])
        keys.add(key)
        if key[0] == "itt_nri":  # R says how many are still missing, none; ours how many were counted as no response
            assert theirs["n_missing"] == 0
            theirs["n_missing"] = left_out[key[1:]]
        columns, near = COLUMNS[theirs["test"]]
        comparison.row(ours[key], theirs, columns, near, key)
        for their_name, our_name in COUNTS.items():
            comparison.number("counts", ours[key][our_name], theirs[their_name], CLOSED, key)
    comparison.report("categorical.tsv")
    assert comparison.failures == []
    # 30 tables of 32 numbers each, of which 10 are none, and the six counts of all 510 rows
    assert (comparison.cells, comparison.without_a_number) == (30 * 32 - 10 + 510 * 6, 10)
    # Safety endpoints are in mITT and PP too, which R was not asked for; no safety endpoint is ever imputed.
    more = set(ours) - keys
    assert {key[0] for key in more} == {"mitt", "pp"} and {key[2] for key in more} == {"ANY"}
    assert keys <= set(ours)


def test_note_is_there_where_something_is_missing(endpoints, subjects):
    for row in categorical(endpoints, subjects, PLAN):
        lacks = any(isinstance(value, float) and not math.isfinite(value) for value in row.values())
        assert bool(row["note"]) == lacks or row["analysis_set"] == "itt_nri"


def test_mcnemar_equals_r(endpoints, subjects):
    key_columns = ["analysis_set", "arm", "endpoint", "visit_from", "visit_to"]
    ours = {tuple(row[name] for name in key_columns): row for row in paired_endpoints(endpoints, subjects, PLAN)}
    r, comparison = r_table("r_mcnemar"), Comparison()
    assert set(r["test"]) == set(MCNEMAR)
    keys = set()
    for theirs in r.to_dict("records"):
        key = tuple(theirs[name] for name in key_columns)
        keys.add(key)
        columns, near = MCNEMAR[theirs["test"]]
        comparison.row(ours[key], theirs, columns, near, key)
        for their_name, our_name in PAIRS.items():
            comparison.number("counts", ours[key][our_name], theirs[their_name], CLOSED, key)
    comparison.report("mcnemar.tsv")
    assert comparison.failures == []
    assert keys == set(ours)
    assert (comparison.cells, comparison.without_a_number) == (640, 0)
