"""What a reader of the trial would conclude, from its gated files and from their truth: pattern, power, effects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from benchmarks.validation.hypothesis_tests import LEVEL, Array, adjusted
from benchmarks.validation.study import PEAKS, SUBSETS, WITH_EFFECT, WITHOUT_EFFECT
from benchmarks.validation.trials import Statistics, Trial

UP_AT_EVERY_PEAK, UP_AT_LAST = ("treg", "cd56bright_nk"), "nk"
LAST_LEVEL = 0.01  # of NK at the last peak, as the paper has it
OUTCOMES = {
    "up": "Treg and CD56bright up at every peak (p < 0.05), NK up at W10 (p < 0.01)",
    "core": "the same, and CD4 and CD8 nowhere significant after Holm",
    "core_nominal": "the same, and CD4 and CD8 nowhere significant nominally",
    "placebo_bh": "placebo arm: nothing significant after Benjamini-Hochberg",
    "placebo_holm": "placebo arm: nothing significant after Holm",
}


@dataclass(frozen=True)
class Estimate:
    """A number and its error (Monte Carlo, over trials).

    Attributes
    ----------
    value, se : float
        The number and its standard error; of a share NaN, which has an interval instead.
    exact : tuple of float, optional
        Exact 95 % interval of a share of trials.
    """

    value: float
    se: float
    exact: tuple[float, float] | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """The exact interval, else two standard errors either way; NaN where the error is not known."""
        return self.exact or (self.value - 2.0 * self.se, self.value + 2.0 * self.se)


def outcomes(
    p_active: Array, mean_change: Array, p_control: Array, peaks: Sequence[int] | None = None
) -> dict[str, Array]:
    """`OUTCOMES` of one or many trials: paired t tests against the baseline within each arm.

    Parameters
    ----------
    p_active, mean_change, p_control : ndarray, shape (..., n_subsets, n_visits)
        Subsets in the order of `study.SUBSETS`; a missing p-value is no finding.
    peaks : sequence of int, optional
        Which of the visits the pattern is of, in order; by default all. The families of tests are of all visits.

    Returns
    -------
    dict
        Name -> Boolean array of shape (...).
    """
    peaks = range(p_active.shape[-1]) if peaks is None else peaks
    p, change = p_active[..., peaks], mean_change[..., peaks]
    is_up = (p < LEVEL) & (change > 0.0)
    last = SUBSETS.index(UP_AT_LAST)
    up = (p[..., last, -1] < LAST_LEVEL) & (change[..., last, -1] > 0.0)
    for subset in UP_AT_EVERY_PEAK:
        up = up & is_up[..., SUBSETS.index(subset), :].all(axis=-1)
    flat = [SUBSETS.index(subset) for subset in WITHOUT_EFFECT]
    found_flat = {
        method: (adjusted(p_active, method)[..., flat, :][..., peaks] < LEVEL).any(axis=(-2, -1))
        for method in ("Holm", "nominal")
    }
    return {
        "up": up,
        "core": up & ~found_flat["Holm"],
        "core_nominal": up & ~found_flat["nominal"],
        "placebo_bh": ~(adjusted(p_control, "BH") < LEVEL).any(axis=(-2, -1)),
        "placebo_holm": ~(adjusted(p_control, "Holm") < LEVEL).any(axis=(-2, -1)),
    }


def outcomes_of(one: Statistics) -> dict[str, bool]:
    """`OUTCOMES` of a trial from FCS files, by the product's tables."""
    found = outcomes(one.p["paired_t_active"], one.effect["active"], one.p["paired_t_control"])
    return {name: bool(value) for name, value in found.items()}


def share(which: Sequence[bool] | Array) -> Estimate:
    """The share of trials in which something is so, in percent, with its exact 95 % interval; NaN of none.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 26:404, 1934. doi:10.1093/biomet/26.4.404
    """
    n = len(which)
    if not n:
        return Estimate(math.nan, math.nan)
    x = int(np.sum(which))
    limits = binomtest(x, n).proportion_ci(confidence_level=0.95, method="exact")
    return Estimate(100.0 * x / n, math.nan, (100.0 * float(limits.low), 100.0 * float(limits.high)))


def power_at_full_size(trials: Sequence[Trial], test: str) -> dict[str, Array]:
    """Share of trials with p < 0.05 in percent, shape (n_subsets, n_visits), gated and in truth."""
    return {
        name: 100.0 * np.mean([trial.readings[name].p[test] < LEVEL for trial in trials], axis=0)
        for name in ("gated", "truth")
    }


@dataclass(frozen=True)
class Bias:
    """An effect as the gates show it, beside the truth; the estimate is 100 x (gated - truth) / truth, over trials."""

    subset: str
    visit: str
    effect: str
    truth: float
    gated: float
    percent: Estimate


AVERAGE = "mean of peaks"


def biases(trials: Sequence[Trial]) -> Iterator[Bias]:
    """Of every subset that has an effect, at every peak and averaged over them, within the active arm and between."""
    for subset in WITH_EFFECT:
        row = SUBSETS.index(subset)
        for effect in ("active", "between"):
            gated, truth = (
                np.array([trial.readings[name].effect[effect][row] for trial in trials]) for name in ("gated", "truth")
            )
            for place, visit in enumerate((*PEAKS, AVERAGE)):
                one, other = (found.mean(axis=-1) if visit == AVERAGE else found[:, place] for found in (gated, truth))
                yield Bias(subset, visit, effect, float(other.mean()), float(one.mean()), relative(one, other))


def relative(gated: Array, truth: Array) -> Estimate:
    """100 x (mean gated - mean truth) / mean truth, over trials; its error is a ratio's of means (delta method)."""
    n, centre = len(truth), float(truth.mean())
    ratio = float((gated - truth).mean()) / centre
    left = (gated - truth) - ratio * truth
    se = float(left.std(ddof=1)) / math.sqrt(n) / abs(centre) if n > 1 else math.nan
    return Estimate(100.0 * ratio, 100.0 * se)


def seeds_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row per trial: ``seed n_files n_not_reported`` and every outcome, gated and in truth."""
    return pd.DataFrame([_seed_row(trial) for trial in trials])


def _seed_row(trial: Trial) -> Mapping[str, object]:
    row: dict[str, object] = {"seed": trial.seed, "files": trial.n_files, "not_reported": trial.n_not_reported}
    for name, one in trial.readings.items():
        row |= {f"{outcome}_{name}": found for outcome, found in outcomes_of(one).items()}
    return row
