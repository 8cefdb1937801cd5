"""Everything that is measured, in the order of docs/validation.md."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import pandas as pd

from benchmarks.validation import calibration
from benchmarks.validation.calibration import FalsePositives
from benchmarks.validation.placement import Placement, placement
from benchmarks.validation.recovery import Estimate
from benchmarks.validation.small_trials import resampled_power
from benchmarks.validation.study import (
    EVERY_VISIT,
    NULL_DESIGN,
    PAPERS_EVENTS,
    PAPERS_SUBJECTS_PER_ARM,
    RECOVERY_DESIGN,
    SUBSETS,
    VISITS,
    Size,
)
from benchmarks.validation.table_trials import Series
from benchmarks.validation.trials import Trial, run_trials
from cytotrial.planning.gating_error import GatingError, gating_error

REPLICATE_LABORATORIES = ("clean", "clinic")


@dataclass(frozen=True)
class Results:
    """What was measured.

    Attributes
    ----------
    trials, null_trials : tuple of Trial
        From FCS files.
    power : DataFrame
        `small_trials.resampled_power` of `trials`.
    gating_error : mapping
        Subset -> measured on `trials`.
    expected : mapping
        ``here``, trials of counts of the size of `trials`, and ``paper``, of the paper's -> `recovery.OUTCOMES`.
    null_tables, null_expected : mapping
        Test -> error rates of null trials of counts: of the paper's size, and of the size of `null_trials`.
    null_models : mapping
        Scale -> error rates of the mixed model on the first of `null_tables`.
    null_files : mapping
        ``gated`` and ``truth`` -> test -> error rates of `null_trials`.
    placement : mapping
        Laboratory -> gates between replicate tubes.
    """

    size: Size
    trials: tuple[Trial, ...]
    null_trials: tuple[Trial, ...]
    power: pd.DataFrame
    gating_error: Mapping[str, GatingError]
    expected: Mapping[str, Mapping[str, Estimate]]
    null_tables: Mapping[str, FalsePositives]
    null_expected: Mapping[str, FalsePositives]
    null_models: Mapping[str, FalsePositives]
    null_files: Mapping[str, Mapping[str, FalsePositives]]
    placement: Mapping[str, Placement]


def measure(size: Size, pool: Executor) -> Results:
    """Simulate, gate, analyse and count; what was done and how long it took is told on stderr."""
    paper = {"subjects_per_arm": PAPERS_SUBJECTS_PER_ARM, "visits": EVERY_VISIT, "events": PAPERS_EVENTS}
    here = {"visits": VISITS, "events": size.events}
    n, clock = size.table_trials, _Clock()
    null = Series(effect=0.0, **paper)
    null_tables = calibration.null_tables(null, n)
    small_null = Series(effect=0.0, subjects_per_arm=size.null_subjects_per_arm, **here)
    null_expected = calibration.null_tables(small_null, n)
    expected = {
        "here": calibration.expected_outcomes(Series(1.0, size.subjects_per_arm, **here), n),
        "paper": calibration.expected_outcomes(Series(1.0, **paper), n),
    }
    clock.tell(f"{4 * n} SYNTHETIC trials of counts")
    models = calibration.null_models(null, min(size.model_trials, n), pool)
    clock.tell(f"mixed models of {min(size.model_trials, n)} of them")
    trials = tuple(run_trials(RECOVERY_DESIGN, size.seeds, size, pool, subjects_per_arm=size.subjects_per_arm))
    nulls = run_trials(NULL_DESIGN, size.null_seeds, size, pool, subjects_per_arm=size.null_subjects_per_arm)
    null_trials = tuple(nulls)
    clock.tell("trials from FCS files")
    power = resampled_power(trials)
    clock.tell("smaller trials")
    stained = {
        name: placement(name, bloods=size.replicate_bloods, events=size.events, pool=pool)
        for name in REPLICATE_LABORATORIES
        if size.replicate_bloods
    }
    clock.tell("replicate tubes")
    return Results(
        size=size,
        trials=trials,
        null_trials=null_trials,
        power=power,
        gating_error=gating_errors(trials),
        expected=expected,
        null_tables=null_tables,
        null_expected=null_expected,
        null_models=models,
        null_files=calibration.null_files(null_trials),
        placement=stained,
    )


def gating_errors(trials: Sequence[Trial]) -> dict[str, GatingError]:
    """Subset -> what gating adds to its logit, over the subjects of all trials."""
    counts = pd.concat([trial.counts.assign(seed=str(trial.seed)) for trial in trials])
    who = counts["seed"] + " " + counts["subject_id"]
    numbers = ["true_n", "true_of_n", "measured_n", "measured_of_n"]
    return {
        subset: gating_error(
            who[counts["subset"] == subset].tolist(),
            **{name: counts.loc[counts["subset"] == subset, name].to_numpy(dtype=float) for name in numbers},
        )
        for subset in SUBSETS
    }


class _Clock:
    """Tells on stderr what is done and how long it took."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def tell(self, what: str) -> None:
        now = time.perf_counter()
        sys.stderr.write(f"{what}: {now - self._last:.0f} s\n")
        self._last = now
