"""The gating error's parts, found again in samples of which they are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cytotrial.planning.gating_error import gating_error

OF = 10**9  # so many that rounding to whole cells changes nothing


def cells(logit: np.ndarray) -> np.ndarray:
    return np.round(OF / (1.0 + np.exp(-logit)))


def samples(n_subjects: int, n_visits: int, *, subject: float, sample: float, slope: float, bias: float = 0.02):
    """Names, true and measured cells of simulated subjects, half of whom rise by 0.6 at half of the visits."""
    random = np.random.default_rng(4)
    rise = 0.6 * (np.arange(n_subjects)[:, None] % 2) * (np.arange(n_visits) % 2)
    true = -2.8 + random.normal(0, 0.4, (n_subjects, 1)) + rise + random.normal(0, 0.2, (n_subjects, n_visits))
    error = bias + random.normal(0, subject, (n_subjects, 1)) + random.normal(0, sample, (n_subjects, n_visits))
    measured = true + error + slope * (true - true.mean(axis=1, keepdims=True))
    names = np.repeat([f"S{number}" for number in range(n_subjects)], n_visits)
    return names, cells(true).ravel(), cells(measured).ravel()


@pytest.mark.parametrize(("subject", "sample", "slope"), [(0.05, 0.04, -0.08), (0.0, 0.03, 0.0), (0.1, 0.01, 0.05)])
def test_parts_are_found_again(subject, sample, slope):
    names, true, measured = samples(400, 5, subject=subject, sample=sample, slope=slope)
    found = gating_error(names, true_n=true, true_of_n=[OF] * len(true), measured_n=measured, measured_of_n=[OF] * 2000)
    assert found.note == "" and (found.n_subjects, found.n_samples) == (400, 2000)
    assert found.sample_sd == pytest.approx(sample, rel=4 / math.sqrt(2 * 1599))
    assert found.subject_sd == pytest.approx(subject, rel=0.15, abs=0.25 * sample)
    assert abs(found.effect_bias - slope) < 4 * found.effect_bias_se < 0.03
    assert abs(found.bias - 0.02) < 4 * math.hypot(subject / 20, sample / math.sqrt(2000))


def test_one_way_analysis_of_variance_by_hand():
    """Errors 1 1 | 3 3 (subject means 1 and 3): nothing within, between (3-1)^2/2 = 2; true logits move evenly."""
    true = np.array([-1.0, 1.0, -1.0, 1.0])
    error = np.array([1.0, 1.0, 3.0, 3.0])
    found = gating_error(
        ["a", "a", "b", "b"],
        true_n=cells(true),
        true_of_n=[OF] * 4,
        measured_n=cells(true + error),
        measured_of_n=[OF] * 4,
    )
    assert found.subject_sd == pytest.approx(math.sqrt(2), abs=1e-5)
    assert found.sample_sd == pytest.approx(0, abs=1e-5) and found.effect_bias == pytest.approx(0, abs=1e-5)
    assert found.bias == pytest.approx(2, abs=1e-5)


def test_subjects_with_different_numbers_of_samples():
    """Left out at random, nothing changes but the precision; a sample that was not measured is left out."""
    names, true, measured = samples(400, 5, subject=0.05, sample=0.04, slope=-0.08)
    lost = np.random.default_rng(1).random(len(true)) < 0.3
    measured = np.where(lost, np.nan, measured)
    found = gating_error(names, true_n=true, true_of_n=[OF] * 2000, measured_n=measured, measured_of_n=[OF] * 2000)
    assert found.n_samples == (~lost).sum()
    assert found.subject_sd == pytest.approx(0.05, rel=0.2) and found.sample_sd == pytest.approx(0.04, rel=0.1)
    assert abs(found.effect_bias + 0.08) < 4 * found.effect_bias_se


@pytest.mark.parametrize(
    ("names", "true", "says"),
    [
        ([], [], "no sample"),
        (["a", "b"], [10, 20], "too few samples per subject"),
        (["a", "a", "a", "a"], [50, 50, 50, 50], "no subject's true share changes"),
        (["a", "a", "a", "a"], [50, 60, 70, 80], "one subject"),
    ],
)
def test_what_cannot_be_told_is_nan_and_says_why(names, true, says):
    n = len(true)
    found = gating_error(names, true_n=true, true_of_n=[1000] * n, measured_n=np.add(true, 3), measured_of_n=[1000] * n)
    assert says in found.note
    assert math.isnan(found.subject_sd)
