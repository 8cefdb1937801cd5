"""The tests of a plan on many simulated trials at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cytotrial.planning.measured import Array, Measured
from cytotrial.statistics.methods import batched
from cytotrial.statistics.methods.two_samples import hodges_lehmann

TESTS = {
    "paired_t": "paired t test in the active arm (percentages)",
    "mann_whitney": "Mann-Whitney test between the arms (percentages)",
    "ancova": "ANCOVA between the arms (logits)",
}
UNITS = {"paired_t": "percentage points", "mann_whitney": "percentage points", "ancova": "logit"}


@dataclass(frozen=True)
class Outcome:
    """Of one test in every trial, shape (n_events, n_trials): p, the estimate, and the width of its 95 % interval.

    The width is infinite where a trial's values are too few for an interval. Of the Mann-Whitney test the estimate and
    the width are of the first trials alone, NaN of the others.
    """

    p_value: Array
    estimate: Array
    width: Array


def joined(parts: list[Outcome]) -> Outcome:
    """Outcomes of several series of trials as of one."""
    return Outcome(
        np.concatenate([part.p_value for part in parts], axis=-1),
        np.concatenate([part.estimate for part in parts], axis=-1),
        np.concatenate([part.width for part in parts], axis=-1),
    )


def outcomes(
    subset: Measured, *, baseline: int, visit: int, patients: int, n_shifts: int
) -> Iterator[tuple[str, Outcome]]:
    """Every test of `TESTS` with its outcome.

    Parameters
    ----------
    baseline, visit : int
        Places on the axis of the visits.
    patients : int
        The first so many of each arm.
    n_shifts : int
        The first trials of which the Hodges-Lehmann shift and its interval are computed: one by one, so that they take
        longer than all tests together.
    """
    arms = [np.flatnonzero(subset.is_active)[:patients], np.flatnonzero(~subset.is_active)[:patients]]
    before, after = ([subset.percent[..., arm, place] for arm in arms] for place in (baseline, visit))
    paired = batched.paired_t(before[0], after[0])
    yield "paired_t", Outcome(paired.p_value, paired.mean_change, _width(paired.ci_low, paired.ci_high))
    changes = [later - first for first, later in zip(before, after, strict=True)]
    yield "mann_whitney", _mann_whitney(changes[0], changes[1], n_shifts)
    both = np.concatenate(arms)
    is_active = np.repeat([True, False], patients)
    adjusted = batched.ancova(subset.logit[..., both, baseline], subset.logit[..., both, visit], is_active)
    yield "ancova", Outcome(adjusted.p_value, adjusted.estimate, _width(adjusted.ci_low, adjusted.ci_high))


def _width(low: Array | float, high: Array | float) -> Array:
    width = np.subtract(high, low)
    return np.where(np.isnan(width), np.inf, width)


def _mann_whitney(active: Array, control: Array, n_shifts: int) -> Outcome:
    p_value = batched.mann_whitney(active, control).p_value
    shift, width = np.full(p_value.shape, np.nan), np.full(p_value.shape, np.nan)
    for events in range(p_value.shape[0]):
        for trial in range(min(n_shifts, p_value.shape[1])):
            samples = (values[events, trial] for values in (active, control))
            first, second = (values[~np.isnan(values)] for values in samples)
            width[events, trial] = np.inf
            if first.size and second.size:
                shift[events, trial], low, high, _ = hodges_lehmann(first, second)
                width[events, trial] = _width(low, high)
    return Outcome(p_value, shift, width)
