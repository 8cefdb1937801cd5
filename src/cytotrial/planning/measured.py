"""What a laboratory would measure of simulated trials: counts as chance and the gates leave them, without files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cytotrial.planning.assumptions import PRIMARY, SHARE, Assumptions
from cytotrial.simulate.parameters import PANELS
from cytotrial.simulate.seeds import stream
from cytotrial.simulate.trial.many_subjects import Blood, Design, draw_blood
from cytotrial.simulate.trial.many_tubes import draw_tubes
from cytotrial.statistics.methods.logits import empirical_logit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """One subset of its primary denominator, all arrays of shape (n_events, n_trials, n_subjects, n_visits).

    Attributes
    ----------
    percent, logit : ndarray
        As gated, NaN where there is no sample or the tube holds fewer cells of the subset than are reported. The logit
        is log((x + 0.5) / (n - x + 0.5)).
    numerator_n : ndarray of int
        Cells of the subset in the tube.
    has_effect : ndarray of bool, shape (n_visits,)
        Whether the treatment moves the subset.
    is_active : ndarray of bool, shape (n_subjects,)
    """

    percent: Array
    logit: Array
    numerator_n: NDArray[np.int32]
    has_effect: NDArray[np.bool_]
    is_active: NDArray[np.bool_]


def design_of(assumptions: Assumptions, *, patients: int) -> Design:
    """Trials of as many patients per arm under these assumptions."""
    return Design(assumptions.data, patients, assumptions.visits, missing=assumptions.document["missing"])


def measure(
    assumptions: Assumptions, *, patients: int, events: Sequence[int], seed: int, trials: Iterable[int]
) -> dict[str, Measured]:
    """Subset -> what is measured of it in the trials with these numbers.

    Parameters
    ----------
    patients : int
        Per arm. A smaller trial is the first patients of each arm.
    events : sequence of int
        Per tube, ascending: the same blood in every one.

    Notes
    -----
    x of n counted cells, n - x others: gating multiplies the odds x / (n - x) by exp(g), g = subject + sample + bias *
    (what the treatment added to the logit), so that none stays none. Its errors are independent of the counts.
    """
    blood = draw_blood(design_of(assumptions, patients=patients), seed=seed, trials=trials)
    tubes = draw_tubes(blood, dict.fromkeys(PANELS, events))
    least, found = assumptions.document["not_reported"], {}
    for subset, denominator in PRIMARY.items():
        x, n = tubes.numerator_n(subset), tubes.denominator_n(subset, denominator)
        counted = np.where(blood.is_sampled & (n > 0) & (x >= least), x, np.nan)
        others, rise = n - counted, blood.rise(SHARE[subset])
        gated = counted * np.exp(_gating_error(assumptions, blood, subset, rise))
        share = gated / (gated + others)
        logit = empirical_logit(n * share, n)
        found[subset] = Measured(100.0 * share, logit, x, np.any(rise != 0.0, axis=(0, 1)), blood.design.is_active)
    return found


def _gating_error(assumptions: Assumptions, blood: Blood, subset: str, rise: Array) -> Array:
    """What gating adds to the logit, shape (n_trials, n_subjects, n_visits); a patient's is its own."""
    error = assumptions.document["subsets"][subset]
    per_arm, n_visits = blood.design.subjects_per_arm, rise.shape[-1]
    arms = [arm["id"] for arm in blood.design.data["arms"]]
    draws = np.concatenate(
        [
            [
                stream(blood.seed, "gating", str(number), arm, subset).standard_normal((per_arm, 1 + n_visits))
                for number in blood.numbers
            ]
            for arm in arms
        ],
        axis=1,
    )
    of_subject, of_sample = draws[..., :1], draws[..., 1:]
    return error["gating_subject_sd"] * of_subject + error["gating_sd"] * of_sample + error["gating_effect_bias"] * rise
