"""What a plan's trials measure: chance of the counts, errors of the gates, and values that are not reported."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from cytotrial.planning.assumptions import PRIMARY, own_assumptions
from cytotrial.planning.measured import measure

NO_GATING = "{gating_subject_sd: 0, gating_sd: 0, gating_effect_bias: 0}"
EXACT = "subsets: {" + ", ".join(f"{subset}: {NO_GATING}" for subset in PRIMARY) + "}\n"


@pytest.fixture
def assume(tmp_path: Path):
    """Assumptions of a text."""

    def read(text: str):
        path = tmp_path / "my.yaml"
        path.write_text(text, encoding="utf-8")
        return own_assumptions(path)

    return read


def trials(assumptions, n: int = 40, patients: int = 20, events=(20_000,)):
    return measure(assumptions, patients=patients, events=events, seed=2, trials=range(n))


def test_gating_error_is_added_to_the_logit(assume):
    """Same seed with and without: the difference of the logits has the SDs that were asked for, and the bias."""
    none = trials(assume(EXACT), events=(10_000_000,))["nk"]
    wanted = EXACT.replace("nk: " + NO_GATING, "nk: {gating_subject_sd: 0.2, gating_sd: 0.1, gating_effect_bias: 0}", 1)
    found = trials(assume(wanted), events=(10_000_000,))["nk"]
    assert np.array_equal(none.numerator_n, found.numerator_n)
    error = (found.logit - none.logit)[0]
    means = error.mean(axis=-1)
    assert error.mean() == pytest.approx(0, abs=4 * 0.2 / math.sqrt(means.size))
    assert (error - means[..., None]).std() == pytest.approx(0.1 * math.sqrt(0.9), rel=0.03)
    assert means.std() == pytest.approx(math.hypot(0.2, 0.1 / math.sqrt(10)), rel=4 / math.sqrt(2 * means.size))
    assert np.allclose(found.percent, 100 / (1 + np.exp(-found.logit)), atol=1e-4)


def test_a_biased_effect_is_seen_in_treated_subjects_only(assume):
    none = trials(assume(EXACT), events=(10_000_000,))["nk"]
    wanted = EXACT.replace("nk: " + NO_GATING, "nk: {gating_subject_sd: 0, gating_sd: 0, gating_effect_bias: -0.5}", 1)
    found = trials(assume(wanted), events=(10_000_000,))["nk"]
    error = (found.logit - none.logit)[0]
    assert np.allclose(error[:, ~found.is_active], 0, atol=1e-9) and np.allclose(error[..., 0], 0, atol=1e-9)
    assert (error[:, found.is_active, 1:] < 0).all()
    rise = none.logit[0, :, none.is_active, 5].mean() - none.logit[0, :, ~none.is_active, 5].mean()
    half = found.logit[0, :, found.is_active, 5].mean() - found.logit[0, :, ~found.is_active, 5].mean()
    assert half == pytest.approx(rise + error[:, found.is_active, 5].mean(), abs=1e-9)
    assert half == pytest.approx(rise / 2, rel=0.1)


def test_few_cells_are_not_reported(assume):
    found = trials(assume(EXACT + "not_reported: 30\n"), events=(5_000, 50_000))["cd56bright_nk"]
    assert np.array_equal(np.isnan(found.percent), found.numerator_n < 30)
    assert np.array_equal(np.isnan(found.logit), found.numerator_n < 30)
    kept = trials(assume(EXACT + "not_reported: 0\n"), events=(500,))["cd56bright_nk"]
    none = (kept.numerator_n == 0) & ~np.isnan(kept.percent)
    assert none.any() and (kept.percent[none] == 0).all() and np.isfinite(kept.logit[none]).all()


def test_missing_samples(assume):
    found = trials(assume(EXACT + "missing: 0.3\n"), events=(200_000,))
    lost = np.isnan(found["cd4"].percent[0])
    assert not lost[..., 0].any()
    assert lost[..., 1:].mean() == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / lost[..., 1:].size))
    assert np.array_equal(lost, np.isnan(found["nk"].percent[0]))


def test_smaller_trials_are_the_first_patients_of_larger_ones(assume):
    assumptions = assume("subsets: {treg: {gating_sd: 0.2}}")
    small, large = (trials(assumptions, n=2, patients=n, events=(10**7,))["treg"] for n in (5, 9))
    first = np.r_[0:5, 9:14]
    # The same blood and the same gates; the cells are drawn anew, and are so many that this hardly shows.
    assert np.allclose(small.logit, large.logit[:, :, first], atol=0.03)
    assert np.array_equal(small.is_active, large.is_active[first])


def test_what_the_treatment_moves(assume):
    found = trials(assume(EXACT), n=2, patients=3)
    moved = {subset: one.has_effect.tolist() for subset, one in found.items()}
    assert moved["treg"] == moved["nk"] == [False] + [True] * 9
    assert moved["cd4"] == moved["cd8"] == [False] * 10
    found = trials(assume("subsets: {cd4: {effect_logit: 0.3}}"), n=2, patients=3)
    assert found["cd8"].has_effect.tolist() == [False] + [True] * 9  # CD8 is what CD4 leaves
