"""Every number of the two tables against R, on a synthetic trial whose tests were computed in R alone.

The oracle (../shared/oracle beside the checkout) was made with R 4.2.2: t.test, wilcox.test,
exactRankTests::wilcox.exact and p.adjust; its README.md says which call made which row. Two numbers agree
when |ours - R| <= 1e-9 |R| (and where R has 0, |ours| <= 1e-9).

Of the ITT the oracle lists only what differs from the mITT: the one subject that the ITT has more was
measured at the baseline alone, so everything post-baseline is the same, and is held against R's mITT rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytotrial.cli import main

ORACLE = Path(__file__).parents[2] / ".." / "shared" / "oracle"
RELATIVE = 1e-9

CHANGE_KEY = ["analysis_set", "arm", "subset", "denominator", "visit"]
BETWEEN_KEY = ["analysis_set", "subset", "denominator", "visit", "measure"]

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="the statistics oracle is not beside the checkout")


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> dict[str, pd.DataFrame]:
    out = tmp_path_factory.mktemp("stats")
    sheets = [f"--{name}={ORACLE / name}.tsv" for name in ("subsets", "subjects", "outcomes")]
    assert main(["statistics", f"--config={ORACLE}/config.yaml", *sheets, f"--out={out}"]) == 0
    return {
        name: pd.read_csv(out / f"{name}.tsv", sep="\t", float_precision="round_trip")
        for name in ("change_from_baseline", "between_arms")
    }


def r_table(name: str, measures: dict[str, str]) -> pd.DataFrame:
    """R's rows of the raw percentages, the measure named as in our tables."""
    table = pd.read_csv(ORACLE / f"{name}.tsv", sep="\t", float_precision="round_trip", low_memory=False)
    table = table[table["measure"].isin(measures)]
    return table.assign(measure=table["measure"].map(measures))


def with_itt(table: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """R's rows, the ITT's completed by the mITT's post-baseline ones."""
    copied = table[(table["analysis_set"] == "mitt") & (table["visit"] != "W0")].assign(analysis_set="itt")
    return pd.concat([table, copied]).drop_duplicates(key, keep="first")


def compare(ours: pd.DataFrame, r: pd.DataFrame, columns: dict[str, str], *, key: list[str], rows: int) -> int:
    """Hold our columns against R's, print the largest deviation of each; the number of cells compared."""
    both = ours.merge(r, on=key, suffixes=("", "_of_r"), validate="one_to_one")
    assert len(both) == rows, f"{len(both)} rows compared, expected {rows}"
    failures = []
    for column, name in columns.items():
        mine = both[column].to_numpy(dtype=float)
        theirs = both[f"{name}_of_r" if name in ours.columns else name].to_numpy(dtype=float)
        assert np.isfinite(theirs).all(), f"R has no finite {name} in every row"
        away = np.abs(mine - theirs)
        relative = np.divide(away, np.abs(theirs), out=away.copy(), where=theirs != 0.0)
        figures = f"max |ours-R| {away.max():.1e}  max |ours-R|/|R| {relative.max():.1e}"
        print(f"{column:15} rows {rows:4}  {figures}")
        if not np.all(relative <= RELATIVE):  # NaN of ours fails too
            failures.append(column)
    assert failures == []
    return rows * len(columns)


def test_change_from_baseline_equals_r(ours):
    table, r = ours["change_from_baseline"], r_table("r_within_arm", {"percent": "change"})
    assert len(table) == 3 * 2 * 10 * 9

    paired = with_itt(r[r["test"] == "paired_t"], CHANGE_KEY)
    columns = {
        **{c: c for c in ("n_pairs", "mean_baseline", "mean_visit", "mean_change", "sd_change")},
        **{"ci_low": "ci_low", "ci_high": "ci_high", "t": "statistic", "df": "df", "p_value": "p"},
    }
    assert compare(table, paired, columns, key=CHANGE_KEY, rows=540) == 5400


def test_wilcoxon_equals_r_exact_and_with_ties_or_zeros_the_conditional_exact(ours):
    table, r = ours["change_from_baseline"], r_table("r_within_arm", {"percent": "change"})
    wilcoxon = {"wilcoxon_p": "p"}

    exact = r[r["test"] == "wilcoxon_exact"]
    untied = with_itt(exact[exact["status"] == "ok"], CHANGE_KEY)
    assert compare(table, untied, wilcoxon, key=CHANGE_KEY, rows=480) == 480
    conditional = with_itt(r[r["test"] == "wilcoxon_exact_cond"], CHANGE_KEY)  # primary denominators
    assert compare(table, conditional, wilcoxon, key=CHANGE_KEY, rows=270) == 270

    # The note is there exactly where R says that ties or zeros stand in the way of its exact test.
    noted = table.merge(with_itt(exact, CHANGE_KEY), on=CHANGE_KEY, validate="one_to_one")
    assert (noted["note"].notna() == (noted["status"] == "not_applicable")).all()
    assert noted["note"].notna().sum() == 60


def test_between_arms_equals_r(ours):
    table = ours["between_arms"]
    r = r_table("r_between_arms", {"level_percent": "level", "change_percent": "change"})
    assert len(table) == 3 * 10 * (10 + 9)

    columns = {
        **{"n_active": "n_il2", "n_control": "n_pbo", "median_active": "median_il2"},
        **{"median_control": "median_pbo", "u": "u_il2", "p_value": "p", "hl_shift": "hl_direct"},
        **{"hl_low": "hl_ci_low_os", "hl_high": "hl_ci_high_os", "auc": "auc"},
    }
    # All but the ITT's baseline levels of the five secondary denominators, which R was not asked for.
    expected = with_itt(r[r["test"] == "mwu_asymp"], BETWEEN_KEY)
    assert compare(table, expected, columns, key=BETWEEN_KEY, rows=565) == 5650
    assert table["note"].isna().all()


@pytest.mark.parametrize(
    ("name", "test", "measures", "key"),
    [
        ("change_from_baseline", "paired_t", {"percent": "change"}, CHANGE_KEY),
        ("between_arms", "mwu_asymp", {"level_percent": "level", "change_percent": "change"}, BETWEEN_KEY),
    ],
)
def test_adjusted_p_values_equal_r(ours, name, test, measures, key):
    table, r = ours[name], r_table("r_multiplicity", measures)
    source = {"change_from_baseline": "within_arm", "between_arms": "between_arms"}[name]
    r = r[(r["source"] == source) & (r["test"] == test) & (r["family_scope"] == "one_arm_or_contrast")]
    expected = with_itt(r.rename(columns={"arm_or_contrast": "arm"}), key)
    assert (expected["m_tested"] == 45).all()  # five subsets, nine post-baseline visits

    compare(table, expected, {"p_holm": "p_holm", "p_bh": "p_bh"}, key=key, rows=270)
    # Nothing outside the families is adjusted.
    assert table[["p_holm", "p_bh"]].notna().sum().to_list() == [270, 270]
