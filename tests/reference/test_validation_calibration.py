"""The validation's error rates: its fast tests beside the product's tables, its conclusions and shares by hand."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cytotrial.statistics.tables import ancova, between, change

MODULES = ("calibration", "hypothesis_tests", "recovery", "study", "table_trials")


@pytest.fixture(scope="module")
def validation(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        yield SimpleNamespace(**{name: importlib.import_module(f"benchmarks.validation.{name}") for name in MODULES})


# The fast tests


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_many_trials_at_once_have_the_p_values_of_the_products_tables(validation, effect):
    """Two trials with a withdrawn subject and holes; every test, every visit, nominal, Holm and BH."""
    visits = ("W0", "W2", "W10", "W24")
    series = validation.table_trials.Series(effect, 30, visits, (60_000, 60_000))
    arms = series.trials([3, 4])
    arms[0].percent[1, :, 2, 5] = arms[0].logit[1, :, 2, 5] = np.nan
    plan, trial = validation.calibration.plan_of_tables(visits), 1
    observations, subjects = validation.calibration.observations_of(*arms, visits, trial)
    tables = {
        "change_from_baseline": pd.DataFrame(change.change_from_baseline(observations, subjects, plan)),
        "between_arms": pd.DataFrame(between.between_arms(observations, subjects, plan)),
        "ancova": pd.DataFrame(ancova.ancova(observations, subjects, plan)),
    }
    tests = validation.hypothesis_tests
    fast, slow = tests.p_values(*arms), tests.p_values_of_tables(tables, visits[1:])
    assert set(fast) == set(tests.BATCHED) and set(slow) == set(tests.BATCHED)
    for test, p in fast.items():
        assert slow[test].shape == (5, 3) and not np.isnan(slow[test]).any()
        np.testing.assert_allclose(p[trial], slow[test], rtol=1e-9, err_msg=test)
        for method, column in {"Holm": "p_holm", "BH": "p_bh"}.items():
            if test != "welch_change":  # the product gives no adjusted p of it
                source = {test: replace(tests.TESTS[test], column=column)}
                theirs = tests.p_values_of_tables(tables, visits[1:], source)[test]
                np.testing.assert_allclose(tests.adjusted(p, method)[trial], theirs, rtol=1e-9, err_msg=test)


def test_models_are_of_the_same_trials(validation):
    """The mixed model at a single visit is the analysis of covariance there."""
    series = validation.table_trials.Series(0.0, 12, ("W0", "W10"), (20_000, 20_000))
    model = validation.calibration.model_p_values(series, 7)["logit"]
    fast = validation.hypothesis_tests.p_values(*series.trials([7]), ["ancova_logit"])["ancova_logit"]
    np.testing.assert_allclose(model, fast[0], rtol=1e-6)


def test_a_trial_is_the_same_whatever_others_are_drawn(validation):
    series = validation.table_trials.Series(1.0, 4, ("W0", "W2", "W6", "W10"), (5_000, 5_000))
    many = np.concatenate([active.percent for active, _ in series.in_parts(102)])
    assert len(many) == 102
    np.testing.assert_array_equal(many[101], series.trials([101])[0].percent[0])


# What a reader concludes


@pytest.fixture
def pattern(validation):
    """p of the active arm, mean changes, p of placebo: the paper's pattern, as a trial without a flaw shows it."""
    p, changes = np.full((5, 3), 0.5), np.ones((5, 3))
    for subset in ("treg", "nk", "cd56bright_nk"):
        p[validation.study.SUBSETS.index(subset)] = 1e-4
    return p, changes, np.full((5, 3), 0.5)


def found(validation, pattern):
    return {name: bool(one) for name, one in validation.recovery.outcomes(*pattern).items()}


def test_pattern_is_found_where_it_is(validation, pattern):
    assert all(found(validation, pattern).values())


@pytest.mark.parametrize(
    ("subset", "visit", "p", "change", "lost"),
    [
        ("treg", 1, 0.06, 1.0, {"up", "core", "core_nominal"}),
        ("cd56bright_nk", 0, 1e-4, -1.0, {"up", "core", "core_nominal"}),
        ("cd56bright_nk", 2, math.nan, 1.0, {"up", "core", "core_nominal"}),
        ("nk", 2, 0.02, 1.0, {"up", "core", "core_nominal"}),  # not below 1 %
        ("nk", 0, 0.9, 1.0, set()),
        ("cd4", 0, 0.04, 1.0, {"core_nominal"}),  # of the six smallest left over, 6 x 0.04
        ("cd8", 2, 0.005, -1.0, {"core", "core_nominal"}),  # 6 x 0.005
    ],
)
def test_pattern_is_lost_by_one_p_value(validation, pattern, subset, visit, p, change, lost):
    row = validation.study.SUBSETS.index(subset)
    pattern[0][row, visit], pattern[1][row, visit] = p, change
    assert {name for name, one in found(validation, pattern).items() if not one} == lost


def test_placebo_is_judged_by_its_own_family(validation, pattern):
    """Of 15 tests: 0.003 is significant after both, four of 0.01 after Benjamini-Hochberg alone."""
    pattern[2][0, 0] = 0.003
    assert {name for name, one in found(validation, pattern).items() if not one} == {"placebo_bh", "placebo_holm"}
    pattern[2][0, 0] = 0.5
    pattern[2][:4, 1] = 0.01
    assert {name for name, one in found(validation, pattern).items() if not one} == {"placebo_bh"}


def test_pattern_of_some_visits_in_families_of_all(validation, pattern):
    """Two more visits without anything: CD4's 0.005 is then one of 16 tests, and not significant at 0.08."""
    pattern[0][validation.study.SUBSETS.index("cd4"), 0] = 0.005
    assert not found(validation, pattern)["core"]
    wide = [np.concatenate([part, np.full((5, 2), 0.9)], axis=1) for part in pattern]
    assert bool(validation.recovery.outcomes(*wide, peaks=[0, 1, 2])["core"])
    assert not bool(validation.recovery.outcomes(*wide)["up"])


def test_shares_and_ratios_of_means_worked_by_hand(validation):
    one = validation.recovery.share([True, True, True, False])
    assert one.value == 75.0 and math.isnan(one.se)
    low, high = (limit / 100 for limit in one.interval)  # at which three or more, three or fewer, of 4 have 2.5 %
    assert 4 * low**3 * (1 - low) + low**4 == pytest.approx(0.025)
    assert 1 - high**4 == pytest.approx(0.025)
    assert validation.recovery.share([True] * 20).interval == (pytest.approx(100 * 0.025 ** (1 / 20)), 100.0)  # 83.2
    assert math.isnan(validation.recovery.share([]).value)
    # ratio of means -0.5 / 3; left over -1 + 2/6, 0 + 4/6: SD root of 8/9, over root of 2 and 3
    ratio = validation.recovery.relative(np.array([1.0, 4.0]), np.array([2.0, 4.0]))
    assert ratio.value == pytest.approx(-100 / 6)
    assert ratio.se == pytest.approx(100 * math.sqrt(8 / 9) / math.sqrt(2) / 3)
    assert math.isnan(validation.recovery.relative(np.array([1.0]), np.array([2.0])).se)


# False positives


def test_false_positives_worked_by_hand(validation):
    """Two trials of four tests: one p of 0.04 (any, not after Holm or BH), then 0.001 (all of them)."""
    p = np.array([[[0.04, 0.5], [0.6, 0.9]], [[0.001, 0.5], [0.6, np.nan]]])
    one = validation.calibration.false_positives(p)
    assert (one.n_trials, one.n_tests) == (2, 4)
    assert one.per_test.value == pytest.approx(100 * (1 / 4 + 1 / 3) / 2)
    assert one.per_test.se == pytest.approx(100 * (1 / 3 - 1 / 4) / 2)
    assert {method: any_.value for method, any_ in one.any.items()} == {"nominal": 100.0, "Holm": 50.0, "BH": 50.0}
    assert one.any["Holm"].interval[0] == pytest.approx(100 * (1 - math.sqrt(0.975)))
    assert validation.calibration.monte_carlo_limit(100) == pytest.approx(5 + 200 * math.sqrt(0.05 * 0.95 / 100))


def test_what_a_few_null_trials_cannot_exclude(validation):
    """Of 20 at most 2 are within 14.7 %: at a true 10 %, by the binomial's own terms, two studies of three."""
    terms = (math.comb(20, x) * 0.1**x * 0.9 ** (20 - x) for x in range(3))
    assert (
        validation.calibration.chance_to_pass(0.1, 20)
        == pytest.approx(100 * sum(terms))
        == pytest.approx(67.7, abs=0.1)
    )
    assert validation.calibration.chance_to_pass(validation.calibration.rate_seen(20) / 100, 20) == pytest.approx(5.0)
    assert validation.calibration.rate_seen(1000) < 8.5


def test_null_trials_are_null_and_others_are_not(validation):
    """At 15 subjects, W10: 5 % of false positives in 200 trials, and a third at least of all tests with an effect."""
    at = {"subjects_per_arm": 15, "visits": ("W0", "W10"), "events": (60_000, 60_000)}
    null = validation.calibration.null_tables(validation.table_trials.Series(0.0, **at), 200)
    for test, one in null.items():
        assert one.n_trials == 200 and one.n_tests == 5
        assert abs(one.per_test.value - 5.0) < 4 * one.per_test.se, test
        assert one.any["Holm"].value <= one.any["BH"].value <= one.any["nominal"].value
    real = validation.calibration.null_tables(validation.table_trials.Series(1.0, **at), 50)
    assert real["ancova_logit"].per_test.value > 33
