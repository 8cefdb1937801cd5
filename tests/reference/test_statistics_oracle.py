"""Tests within and between arms, relative changes and ANCOVA against R, on a synthetic trial analysed in R alone.

The oracle (../shared/oracle beside the checkout) was made with R 4.2.2: t.test, wilcox.test,
exactRankTests::wilcox.exact, lm and p.adjust; its README.md says which call made which row. Two numbers agree
when |ours - R| <= 1e-9 |R| (and where R has 0, |ours| <= 1e-9).

Of the ITT the oracle lists only what differs from the mITT: the one subject that the ITT has more was
measured at the baseline alone, so everything post-baseline is the same, and is held against R's mITT rows.

R's rows ``wilcoxon_normal``, ``wilcoxon_normal_cc``, ``wilcoxon_pratt_normal``, ``mwu_asymp_cc`` and ``mwu_exact_cond``
are other definitions of the same tests (normal approximation of signed ranks, continuity correction, zeros ranked,
exact between arms given ties); our tables have none of them, and they are not compared. The families of both arms
together (``both_arms``) are held against R with the table of families.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytotrial.columns import SUBSETS
from cytotrial.commands.statistics import analysis_plan
from cytotrial.statistics.observations import usable_values
from cytotrial.statistics.tables.ancova import ancova
from cytotrial.statistics.tables.between import between_arms
from cytotrial.statistics.tables.change import change_from_baseline
from cytotrial.statistics.tables.relative_change import relative_change
from cytotrial.statistics.tables.relative_difference import relative_difference
from cytotrial.study.config import load_study
from cytotrial.study.subjects import read_subjects
from cytotrial.tables import read_table

ORACLE = Path(__file__).parents[2] / ".." / "shared" / "oracle"
RELATIVE = 1e-9
MOST_EXACT = 40  # our rule of the Mann-Whitney test, which is SPSS's

WITHIN = ["analysis_set", "arm", "subset", "denominator", "visit"]
BETWEEN = ["analysis_set", "subset", "denominator", "visit"]
CHANGE = {
    "statistic": "t",
    **{name: name for name in ("mean_change", "sd_change", "n_pairs", "ci_low", "ci_high", "df")},
}
WELCH = {"n_il2": "n_active", "n_pbo": "n_control", "mean_il2": "mean_active", "mean_pbo": "mean_control"}

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="the statistics oracle is not beside the checkout")


@pytest.fixture(scope="module")
def ours() -> dict[str, pd.DataFrame]:
    study = load_study(ORACLE / "config.yaml", tables_only=True)
    plan = analysis_plan(study)
    sheet = read_subjects(ORACLE / "subjects.tsv", study=study)
    subjects = pd.DataFrame(
        [
            {"subject_id": one.subject_id, "arm": one.arm, **{s: s in one.analysis_sets for s in plan.analysis_sets}}
            for one in sheet
        ]
    )
    subsets = pd.DataFrame(read_table(ORACLE / "subsets.tsv", SUBSETS), columns=list(SUBSETS.columns))
    observations = usable_values(subsets, subjects, plan)
    tables = (change_from_baseline, between_arms, relative_change, relative_difference, ancova)
    return {table.__name__: pd.DataFrame(table(observations, subjects, plan)) for table in tables}


def r_table(name: str, test: str | None = None, **measures: str) -> pd.DataFrame:
    """R's rows of one test that is defined, the ITT completed; `measures`: R's word -> ours, in the column ``kind``."""
    table = pd.read_csv(ORACLE / f"{name}.tsv", sep="\t", float_precision="round_trip", low_memory=False)
    table = table[table["measure"].isin(measures)]
    table = table.assign(kind=table["measure"].map(measures)).rename(columns={"arm_or_contrast": "arm"})
    copied = table[(table["analysis_set"] == "mitt") & (table["visit"] != "W0")].assign(analysis_set="itt")
    key = ["analysis_set", "arm" if "arm" in table else "contrast", *BETWEEN[1:], "measure", "test"]
    if "family_scope" in table:
        table, copied = (one[one["family_scope"] == "one_arm_or_contrast"] for one in (table, copied))
    table = pd.concat([table, copied]).drop_duplicates(key, keep="first")
    return table if test is None else table[table["test"] == test]


def compare(ours: pd.DataFrame, r: pd.DataFrame, columns: dict[str, str], *, key: list[str], rows: int) -> None:
    """Hold our columns (R's name -> ours) against R's, and print the largest deviation of each."""
    names = [f"r_{name}" for name in columns]
    theirs = r[key].assign(**{f"r_{name}": r[name] for name in columns})
    both = ours.merge(theirs, on=key, validate="one_to_one")
    assert len(both) == len(r) == rows, f"{len(both)} of {len(r)} rows compared, expected {rows}"
    failures = []
    for (_, column), name in zip(columns.items(), names, strict=True):
        mine, expected = both[column].to_numpy(dtype=float), both[name].to_numpy(dtype=float)
        assert np.isfinite(expected).all(), f"R has no finite {name} in every row"
        away = np.abs(mine - expected)
        relative = np.divide(away, np.abs(expected), out=away.copy(), where=expected != 0.0)
        print(f"{column:15} rows {rows:4}  max |ours-R| {away.max():.1e}  max |ours-R|/|R| {relative.max():.1e}")
        if not np.all(relative <= RELATIVE):  # NaN of ours fails too
            failures.append(column)
    print(f"{rows * len(columns)} cells compared")
    assert failures == []


def test_change_from_baseline_equals_r(ours):
    table = ours["change_from_baseline"]
    r = r_table("r_within_arm", "paired_t", percent="change")
    assert len(table) == 3 * 2 * 10 * 9

    r = r.assign(dz=r["statistic"] / np.sqrt(r["n_pairs"]))
    columns = CHANGE | {"mean_baseline": "mean_baseline", "mean_visit": "mean_visit", "p": "p_value", "dz": "dz"}
    compare(table, r, columns, key=WITHIN, rows=540)


def test_wilcoxon_equals_r_exact_and_with_ties_or_zeros_the_conditional_exact(ours):
    table = ours["change_from_baseline"]
    exact = r_table("r_within_arm", "wilcoxon_exact", percent="change")

    untied = exact[exact["status"] == "ok"]
    columns = {"p": "wilcoxon_p", "hl_walsh": "hl_change", "ci_low": "hl_low", "ci_high": "hl_high"}
    compare(table, untied, columns, key=WITHIN, rows=480)
    conditional = r_table("r_within_arm", "wilcoxon_exact_cond", percent="change")  # primary denominators
    compare(table, conditional, {"p": "wilcoxon_p"}, key=WITHIN, rows=270)
    tied = exact[exact["status"] == "not_applicable"]
    order = {"hl_walsh": "hl_change", "hl_ci_low_os": "hl_low", "hl_ci_high_os": "hl_high"}
    compare(table, tied, order, key=WITHIN, rows=60)

    # The note is there exactly where R says that ties or zeros stand in the way of its exact test.
    noted = table.merge(exact[[*WITHIN, "status"]], on=WITHIN, validate="one_to_one")
    assert ((noted["note"] != "") == (noted["status"] == "not_applicable")).all()
    assert (noted["note"] != "").sum() == 60


@pytest.mark.parametrize(
    ("scale", "measure", "base"),
    [
        ("logit", "logit", np.e),
        ("log2", "log2ratio_pos", 2.0),
        ("log2", "log2ratio", 2.0),
        ("log2_corrected", "log2ratio_cc", 2.0),
    ],
)
def test_relative_change_equals_r(ours, scale, measure, base):
    table = ours["relative_change"]
    assert len(table) == 3 * 2 * 10 * 9 * 3
    r = r_table("r_within_arm", "paired_t", **{measure: scale}).rename(columns={"kind": "scale"})

    r = r[r["status"] == "ok"]
    for ratio, logarithm in (("ratio", "estimate"), ("ratio_low", "ci_low"), ("ratio_high", "ci_high")):
        r = r.assign(**{ratio: base ** r[logarithm]})
    same = {name: name for name in ("ratio", "ratio_low", "ratio_high")}
    rows = 540 if scale == "logit" else 270  # R was asked for the others' primary denominators
    compare(table, r, CHANGE | {"p": "p_value"} | same, key=[*WITHIN, "scale"], rows=rows)


def test_wilcoxon_of_logits_equals_r(ours):
    r = r_table("r_within_arm", "wilcoxon_exact", logit="logit").rename(columns={"kind": "scale"})
    key = [*WITHIN, "scale"]

    compare(ours["relative_change"], r[r["status"] == "ok"], {"p": "wilcoxon_p"}, key=key, rows=240)


def by_our_rule(r: pd.DataFrame) -> pd.DataFrame:
    """R's Mann-Whitney rows: exact with few values and no ties, else asymptotic."""
    is_exact = (r["n_il2"] + r["n_pbo"] <= MOST_EXACT) & (r["has_ties"] == "N")
    return r[r["test"] == np.where(is_exact, "mwu_exact", "mwu_asymp")]


def test_between_arms_equals_r(ours):
    table = ours["between_arms"]
    assert len(table) == 3 * 10 * (10 + 9)
    r = r_table("r_between_arms", level_percent="level", change_percent="change").rename(
        columns={"measure": "_", "kind": "measure"}
    )

    ranks = {
        **{"n_il2": "n_active", "n_pbo": "n_control", "median_il2": "median_active", "median_pbo": "median_control"},
        **{"u_il2": "u", "p": "p_value", "hl_direct": "hl_shift", "hl_ci_low_os": "hl_low", "hl_ci_high_os": "hl_high"},
        **{"auc": "auc", "cliffs_delta": "cliffs_delta"},
    }
    # All but the ITT's baseline levels of the five secondary denominators, which R was not asked for.
    compare(table, by_our_rule(r), ranks, key=[*BETWEEN, "measure"], rows=565)
    welch = {
        **{"mean_il2": "mean_active", "mean_pbo": "mean_control", "estimate": "mean_difference", "p": "welch_p"},
        **{"ci_low": "welch_low", "ci_high": "welch_high", "statistic": "welch_t", "df": "welch_df"},
    }
    compare(table, r[r["test"] == "welch_t"], welch, key=[*BETWEEN, "measure"], rows=565)
    assert (table["note"] == "").all()


def test_relative_difference_equals_r(ours):
    table = ours["relative_difference"]
    assert len(table) == 3 * 10 * (10 + 9)
    r = r_table("r_between_arms", level_logit="level", change_logit="change").rename(
        columns={"measure": "_", "kind": "measure"}
    )
    for ratio, logarithm in (("odds_ratio", "estimate"), ("or_low", "ci_low"), ("or_high", "ci_high")):
        r = r.assign(**{ratio: np.exp(r[logarithm])})

    columns = WELCH | {"estimate": "mean_difference", "statistic": "t", "p": "p_value"}
    columns |= {name: name for name in ("ci_low", "ci_high", "df", "odds_ratio", "or_low", "or_high")}
    compare(table, r[r["test"] == "welch_t"], columns, key=[*BETWEEN, "measure"], rows=285)
    ranks = by_our_rule(r)  # of the changes alone
    compare(table, ranks, {"u_il2": "u", "p": "mann_whitney_p"}, key=[*BETWEEN, "measure"], rows=135)


def test_ancova_equals_r(ours):
    table = ours["ancova"]
    r = r_table("r_ancova", "ancova", change_percent="percent", change_logit="logit").rename(columns={"kind": "scale"})
    assert len(table) == 3 * 10 * 9 * 2

    columns = {"n_il2": "n_active", "n_pbo": "n_control", "statistic": "t", "p": "p_value", "resid_sd": "residual_sd"}
    columns |= {name: name for name in ("estimate", "se", "df", "ci_low", "ci_high", "slope_baseline")}
    compare(table, r, columns, key=[*BETWEEN, "scale"], rows=540)
    is_logit = table["scale"] == "logit"
    for ratio, logarithm in (("odds_ratio", "estimate"), ("or_low", "ci_low"), ("or_high", "ci_high")):
        assert np.allclose(table.loc[is_logit, ratio], np.exp(table.loc[is_logit, logarithm]), rtol=1e-14, atol=0.0)
        assert table.loc[~is_logit, ratio].isna().all()


@pytest.mark.parametrize(
    ("name", "test", "kind", "measures", "rows"),
    [
        ("change_from_baseline", "paired_t", None, {"percent": "change"}, 270),
        ("relative_change", "paired_t", "scale", {"logit": "logit", "log2ratio_cc": "log2_corrected"}, 540),
        ("between_arms", "mwu_asymp", "measure", {"level_percent": "level", "change_percent": "change"}, 270),
        ("relative_difference", "welch_t", "measure", {"change_logit": "change"}, 135),
        ("ancova", "ancova", "scale", {"change_percent": "percent", "change_logit": "logit"}, 270),
    ],
)
def test_adjusted_p_values_equal_r(ours, name, test, kind, measures, rows):
    table, r = ours[name], r_table("r_multiplicity", test, **measures)
    key = WITHIN if "arm" in table else BETWEEN
    r = r.drop(columns=["measure"]).rename(columns={"kind": kind} if kind else {})
    assert (r["m_tested"] == 45).all()  # five subsets, nine post-baseline visits

    compare(table, r, {"p_holm": "p_holm", "p_bh": "p_bh"}, key=[*key, kind] if kind else key, rows=rows)
    # Nothing outside the families is adjusted.
    in_family = table.merge(r[["subset", "denominator"]].drop_duplicates(), on=["subset", "denominator"])
    in_family = in_family[in_family["visit"] != "W0"]
    assert table[["p_holm", "p_bh"]].notna().sum().to_list() == [len(in_family)] * 2
