"""The tests of a plan's trials are those that the statistics make of one trial."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.planning.measured import Measured
from cytotrial.planning.trial_tests import TESTS, UNITS, joined, outcomes
from cytotrial.statistics.methods.ancova import ancova
from cytotrial.statistics.methods.paired import paired_t
from cytotrial.statistics.methods.two_samples import hodges_lehmann, rank_sum_test

N_EVENTS, N_TRIALS, PER_ARM, VISITS = 2, 3, 12, 3


@pytest.fixture
def values() -> Measured:
    random = np.random.default_rng(8)
    logit = random.normal(-2, 0.4, (N_EVENTS, N_TRIALS, 2 * PER_ARM, VISITS))
    logit[:, :, PER_ARM:, 1:] += 0.4  # the active arm stands second
    logit[0, 1, 3, 2] = logit[0, 1, 15, 0] = np.nan
    is_active = np.repeat([False, True], PER_ARM)
    percent = 100 / (1 + np.exp(-logit))
    return Measured(percent, logit, np.ones(logit.shape, dtype=np.int32), np.array([False, True, True]), is_active)


def test_every_test_is_that_of_one_trial(values):
    found = dict(outcomes(values, baseline=0, visit=2, patients=10, n_shifts=2))
    assert list(found) == list(TESTS) == list(UNITS)
    active, control = slice(PER_ARM, PER_ARM + 10), slice(0, 10)
    for events in range(N_EVENTS):
        for trial in range(N_TRIALS):
            here = (events, trial)
            changes = values.percent[here][..., 2] - values.percent[here][..., 0]
            logit = np.concatenate([values.logit[here][active], values.logit[here][control]])
            arm = np.repeat([True, False], 10)
            there = ~np.isnan(logit[:, 0] + logit[:, 2])
            treated, untreated = (one[~np.isnan(one)] for one in (changes[active], changes[control]))

            pairs = ~np.isnan(changes[active])
            one = paired_t(values.percent[here][active][pairs, 0], values.percent[here][active][pairs, 2])
            assert found["paired_t"].p_value[here] == pytest.approx(one["p_value"])
            assert found["paired_t"].estimate[here] == pytest.approx(one["mean_change"])
            assert found["paired_t"].width[here] == pytest.approx(one["ci_high"] - one["ci_low"])

            assert found["mann_whitney"].p_value[here] == pytest.approx(rank_sum_test(treated, untreated)[1])
            shift, low, high, _ = hodges_lehmann(treated, untreated)
            expected = (shift, high - low) if trial < 2 else (np.nan, np.nan)
            assert found["mann_whitney"].estimate[here] == pytest.approx(expected[0], nan_ok=True)
            assert found["mann_whitney"].width[here] == pytest.approx(expected[1], nan_ok=True)

            one = ancova(logit[there, 0], logit[there, 2], arm[there])
            assert found["ancova"].p_value[here] == pytest.approx(one["p_value"])
            assert found["ancova"].estimate[here] == pytest.approx(one["estimate"])
            assert found["ancova"].width[here] == pytest.approx(one["ci_high"] - one["ci_low"])


def test_a_trial_with_too_few_values_has_no_interval(values):
    """One pair is left in the first trial: its width is infinite, and a median over trials is not of the lucky ones."""
    values.percent[0, 0, PER_ARM + 1 :, 2] = values.logit[0, 0, PER_ARM + 1 :, 2] = np.nan
    values.percent[0, 0, 1:PER_ARM, 2] = values.logit[0, 0, 1:PER_ARM, 2] = np.nan
    for test, found in outcomes(values, baseline=0, visit=2, patients=12, n_shifts=1):
        assert np.isnan(found.p_value[0, 0]) or test == "mann_whitney"
        assert np.isinf(found.width[0, 0]) and np.isfinite(found.width[1, 0])


def test_joined_series_follow_each_other(values):
    one = dict(outcomes(values, baseline=0, visit=1, patients=5, n_shifts=0))["ancova"]
    both = joined([one, one])
    for name, array in vars(both).items():
        assert array.shape == (N_EVENTS, 2 * N_TRIALS)
        assert np.array_equal(array[:, N_TRIALS:], getattr(one, name), equal_nan=True)
