"""Power of smaller trials, gated and in truth, made of the subjects of those that were simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.validation.hypothesis_tests import LEVEL, Array, p_values
from benchmarks.validation.recovery import Estimate
from benchmarks.validation.study import PEAKS, SUBSETS, TABLE_SEED, WITH_EFFECT
from benchmarks.validation.trials import Trial
from cytotrial.simulate.seeds import stream

SUBJECTS = (6, 8, 10, 15)  # per arm
DRAWS = 200  # of each simulated trial and number of subjects
TESTS = ("paired_t_active", "mann_whitney_change", "ancova_logit")
MIDDLE = (20.0, 95.0)  # percent; power that a gate could change


def resampled_power(trials: Sequence[Trial], *, draws: int = DRAWS) -> pd.DataFrame:
    """Power of trials with fewer subjects, whose subjects are drawn without replacement from one simulated trial.

    Within one trial, not from all together: its subjects share instrument days, lots and the agreement of the gates,
    and so their gates' errors, which drawing from all trials would turn into independent noise. The same subjects
    are taken for gated and truth.

    Returns
    -------
    DataFrame
        ``seed n test subset visit gated truth loss``, a row per simulated trial, number of subjects, test, subset
        with an effect and visit; power in percent, loss = truth - gated in percentage points.
    """
    rows = []
    for trial in trials:
        sizes = [one.percent.shape[-1] for one in (trial.truth.active, trial.truth.control)]
        for n in SUBJECTS:
            if n <= min(sizes):
                random = stream(TABLE_SEED, "subjects of smaller trials", str(trial.seed), str(n))
                chosen = [np.argsort(random.random((draws, size)), axis=1)[:, :n] for size in sizes]
                power = {name: _power(trial, name, chosen) for name in ("gated", "truth")}
                rows += [{"seed": trial.seed, "n": n, **row} for row in _rows(power)]
    columns = ["seed", "n", "test", "subset", "visit", "gated", "truth"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(loss=table["truth"] - table["gated"])


def _power(trial: Trial, name: str, chosen: Sequence[np.ndarray]) -> dict[str, Array]:
    """Test -> share of the draws with p < 0.05 in percent, shape (n_subsets, n_visits)."""
    one = trial.readings[name]
    active, control = (arm.of(subjects) for arm, subjects in zip((one.active, one.control), chosen, strict=True))
    return {test: 100.0 * (p < LEVEL).mean(axis=0) for test, p in p_values(active, control, TESTS).items()}


def _rows(power: dict[str, dict[str, Array]]) -> list[dict[str, object]]:
    return [
        {
            "test": test,
            "subset": subset,
            "visit": visit,
            **{name: float(found[test][SUBSETS.index(subset), place]) for name, found in power.items()},
        }
        for test in TESTS
        for subset in WITH_EFFECT
        for place, visit in enumerate(PEAKS)
    ]


def mean_over_trials(rows: pd.DataFrame, column: str) -> Estimate:
    """Mean of a column over the cells of each simulated trial, then over these trials, with the error over trials."""
    by_trial = rows.groupby("seed")[column].mean()
    n = len(by_trial)
    se = float(by_trial.std()) / math.sqrt(n) if n > 1 else math.nan
    return Estimate(float(by_trial.mean()) if n else math.nan, se)


def in_the_middle(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of those cells whose true power, over all trials, is neither low nor nearly 100 %."""
    power = rows.groupby(["n", "test", "subset", "visit"])["truth"].transform("mean")
    return rows[power.between(*MIDDLE)]


def worst_subset(rows: pd.DataFrame) -> tuple[str, Estimate]:
    """The subset of which most power is lost, on average over its cells and the trials."""
    subset = str(rows.groupby("subset", sort=False)["loss"].mean().idxmax())
    return subset, mean_over_trials(rows[rows["subset"] == subset], "loss")


def worst_cell(rows: pd.DataFrame) -> tuple[str, str, Estimate]:
    """The subset and visit at which most power is lost, on average over the trials."""
    losses = rows.groupby(["subset", "visit"], sort=False)["loss"].mean()
    subset, visit = losses.idxmax()
    return subset, visit, mean_over_trials(rows[(rows["subset"] == subset) & (rows["visit"] == visit)], "loss")
