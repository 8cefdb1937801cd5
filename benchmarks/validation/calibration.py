"""How often something is found where nothing happens: per test and per family, nominal and adjusted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import beta, binom

from benchmarks.validation.hypothesis_tests import BATCHED, LEVEL, MULTIPLICITY, Array, Values, adjusted, p_values
from benchmarks.validation.recovery import OUTCOMES, Estimate, outcomes, share
from benchmarks.validation.study import (
    ACTIVE,
    ANALYSIS_SET,
    BASELINE,
    CONTROL,
    PEAKS,
    PRIMARY,
    SUBSETS,
)
from benchmarks.validation.table_trials import Series
from benchmarks.validation.trials import Trial
from cytotrial.statistics.arm_models import SCALES, fit_models
from cytotrial.statistics.methods import batched
from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset
from cytotrial.statistics.tables.mixed_model import mixed_model


@dataclass(frozen=True)
class FalsePositives:
    """Of null trials, in percent.

    Attributes
    ----------
    n_trials, n_tests : int
        Trials; tests of a family that have a p-value in one of them at least.
    per_test : Estimate
        Share of the tests with p < 0.05; its error counts trials, whose tests go together.
    any : mapping
        Method of `MULTIPLICITY` -> share of the trials in which one test of the family at least is significant.
    """

    n_trials: int
    n_tests: int
    per_test: Estimate
    any: Mapping[str, Estimate]


def false_positives(p: Array) -> FalsePositives:
    """Error rates of one family; p of shape (n_trials, n_subsets, n_visits), NaN no test."""
    flat = p.reshape(len(p), -1)
    is_test = ~np.isnan(flat)
    with np.errstate(invalid="ignore"):
        by_trial = (flat < LEVEL).sum(axis=1) / np.where(is_test.any(axis=1), is_test.sum(axis=1), np.nan)
    by_trial = by_trial[~np.isnan(by_trial)]
    n = len(by_trial)
    per_test = Estimate(
        100.0 * float(by_trial.mean()) if n else math.nan,
        100.0 * float(by_trial.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan,
    )
    found = {method: share((adjusted(p, method) < LEVEL).any(axis=(-2, -1))) for method in MULTIPLICITY}
    return FalsePositives(len(p), int(is_test.any(axis=0).sum()), per_test, found)


def monte_carlo_limit(n_trials: int) -> float:
    """5 % and two standard errors of a share of 5 % among so many trials, in percent."""
    return 100.0 * (LEVEL + 2.0 * math.sqrt(LEVEL * (1.0 - LEVEL) / n_trials))


def chance_to_pass(rate: float, n_trials: int) -> float:
    """Share of studies of so many trials, in percent, within the limit at a true family-wise rate (0 to 1)."""
    return 100.0 * float(binom.cdf(_most_found(n_trials), n_trials, rate))


def rate_seen(n_trials: int) -> float:
    """The smallest true family-wise rate, in percent, that exceeds the limit in 95 % of studies of so many trials."""
    most = _most_found(n_trials)
    return 100.0 * float(beta.ppf(0.95, most + 1, n_trials - most))


def _most_found(n_trials: int) -> int:
    return math.floor(n_trials * monte_carlo_limit(n_trials) / 100.0)


def null_tables(series: Series, n_trials: int) -> dict[str, FalsePositives]:
    """Test -> error rates of the first trials of a series of null trials without files."""
    parts = [p_values(*arms) for arms in series.in_parts(n_trials)]
    return {test: false_positives(np.concatenate([part[test] for part in parts])) for test in BATCHED}


def null_files(trials: Sequence[Trial]) -> dict[str, dict[str, FalsePositives]]:
    """``gated`` and ``truth`` -> test -> error rates of null trials from FCS files."""
    if not trials:
        return {}
    tests = trials[0].truth.p
    return {
        name: {test: false_positives(np.array([trial.readings[name].p[test] for trial in trials])) for test in tests}
        for name in ("gated", "truth")
    }


def null_models(series: Series, n_trials: int, pool: Executor) -> dict[str, FalsePositives]:
    """Scale -> error rates of the mixed model on the first of the same null trials, from the product's table."""
    tables = list(pool.map(partial(model_p_values, series), range(n_trials), chunksize=4))
    return {scale: false_positives(np.array([table[scale] for table in tables])) for scale in SCALES} if tables else {}


def model_p_values(series: Series, number: int) -> dict[str, Array]:
    """Scale -> p of the difference between the arms at every visit of a trial, shape (n_subsets, n_visits - 1)."""
    plan = plan_of_tables(series.visits)
    observations, subjects = observations_of(*series.trials([number]), series.visits)
    rows = pd.DataFrame(mixed_model(fit_models(observations, subjects, plan), plan))
    cells = rows.set_index(["scale", "subset", "visit"])["p_value"].unstack("visit").astype(float)
    return {scale: cells.loc[scale].reindex(SUBSETS)[list(plan.post_baseline)].to_numpy() for scale in SCALES}


def plan_of_tables(visits: tuple[str, ...]) -> AnalysisPlan:
    """The analysis of a trial without files: primary denominators, one analysis set."""
    return AnalysisPlan(
        baseline=BASELINE,
        visits=visits,
        arms=(ACTIVE, CONTROL),
        active=(ACTIVE,),
        control=(CONTROL,),
        analysis_sets=(ANALYSIS_SET,),
        subsets=tuple(PlannedSubset(subset, (denominator,)) for subset, denominator in PRIMARY.items()),
    )


def observations_of(
    active: Values, control: Values, visits: tuple[str, ...], trial: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One of the trials as the product's statistics take it: observations (`usable_values`) and subjects."""
    arms = {ACTIVE: active, CONTROL: control}
    names = {arm: [f"{arm}{i:03d}" for i in range(one.percent.shape[-1])] for arm, one in arms.items()}
    subjects = pd.DataFrame(
        [{"subject_id": name, "arm": arm, ANALYSIS_SET: True} for arm in arms for name in names[arm]]
    )
    rows = [part for arm, one in arms.items() for part in _rows_of_arm(one, names[arm], visits, trial)]
    return pd.concat(rows, ignore_index=True).dropna(subset=["percent"]), subjects


def _rows_of_arm(one: Values, names: list[str], visits: tuple[str, ...], trial: int) -> Iterator[pd.DataFrame]:
    for place, (subset, denominator) in enumerate(PRIMARY.items()):
        yield pd.DataFrame(
            {
                "subject_id": names * len(visits),
                "visit": np.repeat(visits, len(names)).astype(object),
                "subset": subset,
                "denominator": denominator,
                "percent": one.percent[trial, place].ravel(),
                "logit": one.logit[trial, place].ravel(),
            }
        )


def expected_outcomes(series: Series, n_trials: int) -> dict[str, Estimate]:
    """`OUTCOMES` of the first trials of a series without files: what perfect gates would give.

    The pattern is of its own visits, the families of tests are of all the series has.
    """
    peaks = [series.visits.index(visit) - 1 for visit in PEAKS]
    found: dict[str, list[Array]] = {name: [] for name in OUTCOMES}
    for arms in series.in_parts(n_trials):
        active, control = (batched.paired_t(arm.percent[..., :1, :], arm.percent[..., 1:, :]) for arm in arms)
        for name, which in outcomes(active.p_value, active.mean_change, control.p_value, peaks).items():
            found[name].append(which)
    return {name: share(np.concatenate(parts)) for name, parts in found.items()}
