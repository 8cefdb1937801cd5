"""Families of tests against R's p.adjust, on the synthetic trial of the statistics oracle.

R lists the mITT's and the per-protocol families; the ITT's post-baseline tests are the mITT's (the one subject more was
measured at the baseline alone), and must come out the same.
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
from cytotrial.statistics.tables.families import families
from cytotrial.study.config import load_study
from cytotrial.study.subjects import read_subjects
from cytotrial.tables import read_table

ORACLE = Path(__file__).parents[2] / ".." / "shared" / "oracle"
RELATIVE = 1e-9
KEY = ["analysis_set", "arm", "subset", "denominator", "visit"]

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="the statistics oracle is not beside the checkout")

# Our family: R's source, measure, test and scope, and how many tests a family has.
R_FAMILIES = {
    "all_paired_t": ("within_arm", "percent", "paired_t", "one_arm_or_contrast", 45),
    "all_arms_paired_t": ("within_arm", "percent", "paired_t", "both_arms", 90),
    "all_wilcoxon": ("within_arm", "percent", "wilcoxon_exact_cond", "one_arm_or_contrast", 45),
    "all_arms_wilcoxon": ("within_arm", "percent", "wilcoxon_exact_cond", "both_arms", 90),
    "all_mann_whitney_level": ("between_arms", "level_percent", "mwu_asymp", "one_arm_or_contrast", 45),
    "all_mann_whitney_change": ("between_arms", "change_percent", "mwu_asymp", "one_arm_or_contrast", 45),
    "all_ancova_percent": ("ancova", "change_percent", "ancova", "one_arm_or_contrast", 45),
    "all_ancova_logit": ("ancova", "change_logit", "ancova", "one_arm_or_contrast", 45),
}


@pytest.fixture(scope="module")
def ours() -> pd.DataFrame:
    plan = analysis_plan(load_study(ORACLE / "config.yaml", tables_only=True))
    sheet = read_subjects(ORACLE / "subjects.tsv")
    subjects = pd.DataFrame(
        {
            "subject_id": [one.subject_id for one in sheet],
            "arm": [one.arm for one in sheet],
            **{name: [name in one.analysis_sets for one in sheet] for name in plan.analysis_sets},
        }
    )
    subsets = pd.DataFrame(read_table(ORACLE / "subsets.tsv", SUBSETS), columns=list(SUBSETS.columns))
    observations = usable_values(subsets, subjects, plan)
    made = {
        table.__name__: table(observations, subjects, plan) for table in (change_from_baseline, between_arms, ancova)
    }
    return pd.DataFrame(families(made, plan))


@pytest.fixture(scope="module")
def theirs() -> pd.DataFrame:
    return pd.read_csv(ORACLE / "r_multiplicity.tsv", sep="\t", float_precision="round_trip")


@pytest.mark.parametrize("family", R_FAMILIES)
def test_adjusted_p_values_equal_r(ours, theirs, family):
    source, measure, test, scope, n_tests = R_FAMILIES[family]
    r = theirs[(theirs["source"] == source) & (theirs["measure"] == measure) & (theirs["test"] == test)]
    r = r[r["family_scope"] == scope].rename(columns={"arm_or_contrast": "arm"})
    mine = ours[ours["family"] == family]
    if source != "within_arm":
        assert mine["arm"].isna().all()
        mine = mine.assign(arm="IL2-PBO")
    r = pd.concat([r, r[r["analysis_set"] == "mitt"].assign(analysis_set="itt")])
    arms = 2 if source == "within_arm" else 1
    assert len(mine) == len(r) == 3 * arms * 45

    both = mine.merge(r, on=KEY, suffixes=("", "_of_r"), validate="one_to_one")
    assert len(both) == len(r)
    assert (both["n_planned"] == n_tests).all() and (both["n_planned"] == both["m_family"]).all()
    assert (both["n_tested"] == both["m_tested"]).all()
    assert (both["p_adjusted"] == both["p_bh"]).all() and (both["method"] == "bh").all()
    for column, name in (("p_value", "p"), ("p_holm", "p_holm_of_r"), ("p_bh", "p_bh_of_r")):
        relative = np.abs(both[column] - both[name]) / both[name]
        print(f"{family:25} {column:8} {len(both)} cells, largest relative deviation {relative.max():.1e}")
        assert (relative <= RELATIVE).all()


def test_every_family_of_the_tables_was_compared(ours):
    assert set(ours["family"]) == set(R_FAMILIES)
