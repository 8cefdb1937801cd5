"""The mixed model against R's nlme::gls (unstructured, compound symmetry) and lmerTest (Satterthwaite), set A.

R's rows `mmrm_gls_un` and `mmrm_gls_cs` have residual degrees of freedom (N - p), `_z` a normal reference, `_satt`
Satterthwaite's: ours are the last. `mmrm_lmer_ri_kr` has Kenward and Roger's standard errors, which ours are not: the
model's own, as in gls. R's optimiser stops where Newton's decrement is some 1e-8 and ours goes on, so an estimate near
0 may differ by more than 1e-4 of itself: it must then lie within 1e-4 of its standard error.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytotrial.columns import SUBSETS
from cytotrial.commands.statistics import analysis_plan
from cytotrial.statistics.arm_models import ArmModels, fit_models
from cytotrial.statistics.methods.covariance import COMPOUND_SYMMETRY
from cytotrial.statistics.methods.reml import fit_repeated_measures
from cytotrial.statistics.observations import usable_values
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.tables.mixed_model import mixed_model, mixed_model_fit
from cytotrial.study.config import load_study
from cytotrial.tables import read_table

ORACLE = Path(__file__).parents[2] / ".." / "shared" / "oracle"
RELATIVE = 1e-4
KEY = ["analysis_set", "subset", "denominator", "scale"]

pytestmark = pytest.mark.skipif(not ORACLE.is_dir(), reason="the statistics oracle is not beside the checkout")


def r_table(name: str, test: str) -> pd.DataFrame:
    table = pd.read_csv(ORACLE / f"{name}.tsv", sep="\t", float_precision="round_trip", low_memory=False)
    table = table[table["test"] == test]
    return table.assign(scale=table["measure"].str.removeprefix("change_"))


@pytest.fixture(scope="module")
def plan() -> AnalysisPlan:
    return analysis_plan(load_study(ORACLE / "config.yaml", tables_only=True))


@pytest.fixture(scope="module")
def trial(plan) -> tuple[pd.DataFrame, pd.DataFrame]:
    subjects = pd.read_csv(ORACLE / "subjects.tsv", sep="\t")
    for name in plan.analysis_sets:
        subjects[name] = subjects[name] == "Y"
    subsets = pd.DataFrame(read_table(ORACLE / "subsets.tsv", SUBSETS), columns=list(SUBSETS.columns))
    return usable_values(subsets, subjects, plan), subjects


@pytest.fixture(scope="module")
def models(trial, plan) -> ArmModels:
    return fit_models(*trial, plan)


def furthest(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float((np.abs(ours - theirs) / np.abs(theirs)).max())


def test_every_estimate_equals_nlme_and_its_degrees_of_freedom_satterthwaites(models, plan):
    ours = pd.DataFrame(mixed_model(models, plan))
    both = ours.merge(r_table("r_mmrm", "mmrm_gls_un_satt"), on=[*KEY, "visit"], suffixes=("", "_r"), validate="1:1")
    assert len(both) == 180
    assert (both["method"] == "REML, unstructured covariance, Satterthwaite df").all()
    away = (both["estimate"] - both["estimate_r"]).abs()
    figures = {name: furthest(both[name], both[f"{name}_r"]) for name in ("se", "df")}
    print({name: f"{value:.1e}" for name, value in figures.items()})
    own, errors = (away / both["estimate_r"].abs()).max(), (away / both["se_r"]).max()
    print(f"estimate: {own:.1e} of itself, {errors:.1e} of its standard error")
    assert max(figures.values()) <= RELATIVE
    # A p moves by t squared times as much as its t, of itself.
    steps = (both["estimate"] / both["se"]) ** 2
    p_values = ((both["p_value"] / both["p"] - 1.0).abs() / (1.0 + steps)).max()
    print(f"p: {furthest(both['p_value'], both['p']):.1e} of itself, {p_values:.1e} for what t's differ")
    assert p_values <= RELATIVE
    assert ((away <= RELATIVE * both["estimate_r"].abs()) | (away <= RELATIVE * both["se_r"])).all()
    assert (away <= RELATIVE * both["estimate_r"].abs()).mean() >= 0.98
    for end in ("ci_low", "ci_high"):
        assert ((both[end] - both[f"{end}_r"]).abs() <= RELATIVE * both["se_r"]).all()
    odds = both[both["scale"] == "logit"]
    assert np.allclose(np.log(odds["odds_ratio"]), odds["estimate"], rtol=0.0, atol=1e-12)
    assert both.loc[both["scale"] == "percent", "odds_ratio"].isna().all()


def test_likelihood_covariance_and_global_test_equal_nlmes(models, plan):
    ours = pd.DataFrame(mixed_model_fit(models, plan))
    fits = ours.merge(r_table("r_mmrm_fit", "mmrm_gls_un"), on=KEY, suffixes=("", "_r"), validate="1:1")
    assert len(fits) == 20
    for name in ("n_subjects", "n_fixed"):
        assert (fits[name] == fits[f"{name}_r"]).all()
    assert (fits["n_observations"] == fits["n_obs"]).all() and (fits["n_covariance"] == fits["n_cov_par"]).all()
    likelihood = (fits["reml_log_likelihood"] - fits["reml_loglik_hand"]).abs().max()
    wald = ours.merge(r_table("r_mmrm", "mmrm_gls_un_joint_wald"), on=KEY, validate="1:1")
    assert len(wald) == 20
    chi2 = furthest(wald["wald_chi2"], wald["statistic"])
    covariances = r_table("r_mmrm_cov", "mmrm_gls_un").set_index([*KEY, "visit_i", "visit_j"])["cov"]
    largest = 0.0
    for row in fits.itertuples():
        matrix = json.loads(row.covariance_matrix)
        key = [getattr(row, name) for name in KEY]
        visits = matrix["visits"]  # R lists the upper half
        r = np.array([[covariances[(*key, *sorted((i, j), key=visits.index))] for j in visits] for i in visits])
        size = np.sqrt(np.outer(np.diag(r), np.diag(r)))
        largest = max(largest, float((np.abs(np.array(matrix["rows"]) - r) / size).max()))
    print(f"log likelihood {likelihood:.1e}, Wald {chi2:.1e}, covariances {largest:.1e} of their SDs' product")
    assert likelihood <= 1e-6 and chi2 <= RELATIVE and largest <= RELATIVE


def test_compound_symmetry_equals_nlme_and_lmertest(models, trial, plan):
    satt = r_table("r_mmrm", "mmrm_gls_cs_satt").set_index([*KEY, "visit"])
    lmer = r_table("r_mmrm", "mmrm_lmer_ri_satt").set_index([*KEY, "visit"])
    observations, subjects = trial
    worst = dict.fromkeys(("estimate of se", "se", "df", "df of lmerTest"), 0.0)
    for key in models.fitted:
        if (*key, "W2") not in satt.index:
            continue
        analysis_set, _, _, scale = key
        cell = observations[(observations[["subset", "denominator"]] == list(key[1:3])).all(axis=1)]
        wide = cell.pivot(index="subject_id", columns="visit", values=scale)[list(plan.visits)]
        arms = subjects[subjects[analysis_set]].set_index("subject_id")["arm"]
        wide = wide[wide.index.isin(arms.index) & wide["W0"].notna()]
        changes = wide.drop(columns="W0").to_numpy() - wide[["W0"]].to_numpy()
        active = (arms.reindex(wide.index) == "IL2").to_numpy(dtype=float)
        covariates = np.column_stack([np.ones(len(wide)), wide["W0"] - wide["W0"].mean(), active])
        fit = fit_repeated_measures(changes, covariates, COMPOUND_SYMMETRY)
        for number, visit in enumerate(plan.post_baseline):
            weights = np.zeros((9, 3))
            weights[number, 2] = 1.0
            found, r = fit.effect(weights), satt.loc[(*key, visit)]
            away = {
                "estimate of se": abs(found.estimate - r["estimate"]) / r["se"],
                "se": abs(found.se / r["se"] - 1.0),
            }
            away |= {"df": abs(found.df / r["df"] - 1.0)}
            away["df of lmerTest"] = abs(found.df / lmer.loc[(*key, visit)]["df"] - 1.0)
            worst = {name: max(worst[name], away[name]) for name in worst}
    print({name: f"{value:.1e}" for name, value in worst.items()})
    assert max(worst.values()) <= RELATIVE


def test_adjusted_p_values_equal_rs(models, plan):
    # R's family is made of tests with residual degrees of freedom: p.adjust of other p, so only the rule is compared.
    ours = pd.DataFrame(mixed_model(models, plan))
    for _, family in ours[ours["p_holm"].notna()].groupby(["analysis_set", "scale"]):
        assert len(family) == 45
        ordered = family.sort_values("p_value")
        steps = np.maximum.accumulate(ordered["p_value"].to_numpy() * np.arange(45, 0, -1))
        assert np.allclose(ordered["p_holm"], np.minimum(steps, 1.0), rtol=1e-12)
