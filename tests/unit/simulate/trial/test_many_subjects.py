"""Many trials' subjects at once are drawn from the model that draws them one by one."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cytotrial.simulate.blood.composition import Composition
from cytotrial.simulate.blood.populations import SUBSETS
from cytotrial.simulate.parameters import trial_data
from cytotrial.simulate.trial.many_subjects import PARENT, Design, draw_blood, shares_of
from cytotrial.simulate.trial.many_tubes import readouts
from cytotrial.simulate.trial.plan import blood_shares
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits, person_of, plan_subjects, sampled_visits

VISITS = ("W0", "W2", "W8", "W10", "W24")
ONE_BY_ONE = 250  # subjects per arm
FURTHEST = 4.2  # standard errors; some 300 comparisons are made


def design(profile: str = "clinic", n: int = 30, **changed) -> Design:
    return Design(trial_data("he2020", profile), n, known_visits("he2020", VISITS), **changed)


def logits(percent: np.ndarray) -> np.ndarray:
    return np.log(percent / (100.0 - percent))


@cache
def one_by_one(profile: str) -> tuple[dict, np.ndarray]:
    """(subset, denominator) -> logits of the percentages, shape (2 arms, subjects, visits); logs of two responses."""
    plan = TrialPlan("he2020", 11, ONE_BY_ONE, known_visits("he2020", VISITS), profile=profile)
    subjects = sorted(plan_subjects(plan), key=lambda one: (one.arm, one.number))  # IL2, then PBO
    found: dict = {pair: [] for pair in readouts()}
    for subject in subjects:
        for visit, day in plan.visits:
            shares = {**plan.data["composition"], **blood_shares(plan, subject, visit=visit, day=day)}
            for pair in found:
                found[pair].append(Composition(**shares).percent(*pair))
    shape = (2, ONE_BY_ONE, len(VISITS))
    responses = [person_of(plan, one).response for one in subjects]
    pairs = np.log([[one["treg_of_cd4"], one["nk_of_lymphocytes"]] for one in responses])
    return {pair: logits(np.array(values).reshape(shape)) for pair, values in found.items()}, pairs


@cache
def at_once(profile: str) -> tuple[dict, np.ndarray]:
    """The same of 5,000 subjects per arm."""
    blood = draw_blood(design(profile, 50), seed=5, trials=range(100))
    found = {}
    for pair in readouts():
        by_arm = logits(blood.expected_percent(*pair)).reshape(100, 2, 50, len(VISITS))
        found[pair] = by_arm.swapaxes(0, 1).reshape(2, 5000, len(VISITS))
    pairs = [np.log(blood.responses[name]).ravel() for name in ("treg_of_cd4", "nk_of_lymphocytes")]
    return found, np.stack(pairs, axis=-1)


def assert_alike(few: np.ndarray, many: np.ndarray, what: str) -> None:
    """Mean and SD of two samples differ by no more than chance allows, a SD's error from the fourth moment."""
    error = math.hypot(few.std() / math.sqrt(few.size), many.std() / math.sqrt(many.size))
    assert abs(few.mean() - many.mean()) < FURTHEST * error, (what, few.mean(), many.mean(), error)
    squares = [(one - one.mean()) ** 2 for one in (few, many)]
    error = math.hypot(*(one.std() / math.sqrt(one.size) for one in squares))
    assert abs(squares[0].mean() - squares[1].mean()) < FURTHEST * error, (what, few.std(), many.std())


@pytest.mark.parametrize("pair", list(readouts()))
@pytest.mark.parametrize("profile", ["clinic", "denominator_stress", "null"])
def test_logits_are_as_of_subjects_drawn_one_by_one(profile, pair):
    """Mean and SD per arm and visit, of the subjects' means (between) and of their changes (within)."""
    few, many = one_by_one(profile)[0][pair], at_once(profile)[0][pair]
    for arm in (0, 1):
        for place, visit in enumerate(VISITS):
            assert_alike(few[arm, :, place], many[arm, :, place], f"{pair} arm {arm} {visit}")
            if place:
                within = [one[arm, :, place] - one[arm, :, 0] for one in (few, many)]
                assert_alike(*within, f"{pair} arm {arm} {visit} change")
        assert_alike(few[arm].mean(axis=-1), many[arm].mean(axis=-1), f"{pair} arm {arm} subjects")


def test_subsets_go_together_as_in_subjects_drawn_one_by_one():
    """Responses on Treg and NK (0.5), baselines of NK and CD56bright (-0.3)."""
    few, many = one_by_one("clinic"), at_once("clinic")
    correlations = [np.corrcoef(one[1].T)[0, 1] for one in (few, many)]
    assert abs(math.atanh(correlations[0]) - math.atanh(correlations[1])) < FURTHEST / math.sqrt(2 * ONE_BY_ONE - 3)
    assert correlations[1] == pytest.approx(0.5, abs=0.04)
    pairs = ("nk", "lymphocytes"), ("cd56bright_nk", "nk")
    baselines = [np.corrcoef(*(one[0][pair][..., 0].ravel() for pair in pairs))[0, 1] for one in (few, many)]
    assert abs(math.atanh(baselines[0]) - math.atanh(baselines[1])) < FURTHEST / math.sqrt(2 * ONE_BY_ONE - 3)


def test_spread_at_baseline_is_the_models():
    """SD of each logit over 50,000 subjects: what differs between subjects and what wobbles, CD56bright included."""
    blood = draw_blood(design(n=50), seed=6, trials=range(500))
    for name, row in trial_data("he2020")["trajectories"].items():
        expected = math.hypot(row["subject_sd"], row["visit_sd"])
        assert blood.logits[name][..., 0].std() == pytest.approx(expected, rel=0.015), name
        assert blood.logits[name][..., 0].mean() == pytest.approx(row["mu"], abs=0.015), name


def test_bounds_leave_t_cells():
    """By hand: NK no more than 80 %, B cells no more than what leaves T cells a tenth, as in `plan.blood_shares`."""
    logits = {name: np.array([0.0, 3.0, 0.0]) for name in trial_data("he2020")["trajectories"]}
    logits["b_of_lymphocytes"] = np.array([0.0, 0.0, -3.0])
    found = shares_of(logits)
    assert found["nk_of_lymphocytes"].tolist() == [0.5, 0.8, 0.5]
    assert np.allclose(found["b_of_lymphocytes"], [0.4, 0.1, 1 / (1 + math.exp(3))])
    assert found["cd8_of_cd3"][0] == 0.25


def test_a_part_of_the_trials_is_the_same_as_in_the_whole():
    whole = draw_blood(design(missing=0.2), seed=3, trials=range(6))
    part = draw_blood(design(missing=0.2), seed=3, trials=range(2, 4))
    for name, share in whole.shares.items():
        assert np.array_equal(share[2:4], part.shares[name])
    assert np.array_equal(whole.is_sampled[2:4], part.is_sampled)
    other = draw_blood(design(), seed=4, trials=range(6))
    assert not np.any(other.shares["treg_of_cd4"] == whole.shares["treg_of_cd4"])


def test_a_smaller_trial_begins_a_larger_one():
    small, large = (draw_blood(design(n=n, missing=0.2), seed=3, trials=[1]) for n in (8, 20))
    assert large.design.is_active.tolist() == [True] * 20 + [False] * 20
    first = np.r_[0:8, 20:28]
    for name, share in small.shares.items():
        assert np.array_equal(share, large.shares[name][:, first])
    assert np.array_equal(small.is_sampled, large.is_sampled[:, first])


def test_no_effect_is_no_effect():
    none, full = (draw_blood(design(effect=effect), seed=3, trials=range(3)) for effect in (0.0, 1.0))
    half = draw_blood(design(effect=0.5), seed=3, trials=range(3))
    is_active = none.design.is_active
    for name in ("treg_of_cd4", "nk_of_lymphocytes", "cd56bright_of_nk"):
        assert not none.rises[name].any()
        assert np.allclose(half.rises[name], full.rises[name] / 2)
        assert np.array_equal(full.rise(name), full.rises[name])
        assert np.array_equal(none.shares[name][:, ~is_active], full.shares[name][:, ~is_active])
        assert (full.rises[name][:, is_active, 1:] > 0).all()


def test_missing_visits_and_leavers():
    """Share of missed visits as asked; the one who withdraws has a baseline only; who has left does not come back."""
    blood = draw_blood(design(missing=0.08, has_withdrawn=True), seed=1, trials=range(200))
    withdrawn = 29  # IL2's 30th
    assert blood.is_sampled[..., 0].all()
    assert not blood.is_sampled[:, withdrawn, 1:].any()
    others = np.delete(blood.is_sampled, withdrawn, axis=1)[..., 1:]
    error = math.sqrt(0.08 * 0.92 / others.size)
    assert abs((~others).mean() - 0.08) < FURTHEST * error
    leavers = draw_blood(design(dropout=0.1), seed=1, trials=range(50)).is_sampled
    assert (leavers[..., 1:] <= leavers[..., :-1]).all() and not leavers.all()


def test_who_leaves_is_as_in_subjects_drawn_one_by_one():
    """Profile `hard`: visits missed by chance, and subjects who leave the sooner the less they respond."""
    plan = TrialPlan("he2020", 11, 200, known_visits("he2020"), profile="hard")
    came = [len(sampled_visits(plan, one)) for one in plan_subjects(plan) if (one.arm, one.number) != ("IL2", 30)]
    every = replace(design("hard", 50, missing=0.05, dropout=0.02), visits=known_visits("he2020"))
    blood = draw_blood(every, seed=2, trials=range(40))
    many = blood.is_sampled.sum(axis=-1).ravel().astype(float)
    assert_alike(np.array(came, dtype=float), many, "visits with a sample")
    response = blood.responses["treg_of_cd4"].ravel()
    assert many[response > 1.5].mean() > many[response < 0.6].mean() + 0.2


def test_every_subset_of_the_truth_has_its_parent():
    assert set(PARENT) | {"lymphocytes"} == set(SUBSETS)
