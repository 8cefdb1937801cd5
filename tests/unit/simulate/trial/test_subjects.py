"""Who is in the trial: randomisation in blocks, sites, sets of the analysis, and who comes to which visit."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from cytotrial.simulate.parameters import PROFILES, TRIALS, laboratory, trial_data
from cytotrial.simulate.trial.outcomes import outcomes
from cytotrial.simulate.trial.subjects import (
    TrialPlan,
    breaks_protocol,
    is_active,
    is_withdrawn,
    known_visits,
    left_on,
    person_of,
    plan_subjects,
    sampled_visits,
    was_followed,
)

VISITS = {
    "demo": {"W0": 0, "W2": 14, "W10": 70, "W12": 84},
    "he2020": {f"W{week}": 7 * week for week in (0, 2, 4, 6, 8, 10, 12, 16, 20, 24)},
    "lupil2": {"D1": 0, "D6": 5, "D8": 7, "W4": 28, "W8": 56, "W12": 84, "W24": 168},
    "nct02932137": {f"W{week}": 7 * week for week in (0, 2, 6, 10, 12, 24)},
}


def whole(trial: str, *, seed: int = 1, profile: str = "clean", **changes) -> TrialPlan:
    """The trial with all its subjects and visits."""
    plan = TrialPlan(trial, seed, trial_data(trial)["subjects_per_arm"], known_visits(trial), profile=profile)
    return replace(plan, **changes)


# Enrolment


@pytest.mark.parametrize(
    ("trial", "arms", "sites"),
    [
        ("demo", {"IL2": 5, "PBO": 5}, 1),
        ("he2020", {"IL2": 30, "PBO": 30}, 1),
        ("lupil2", {"ILT101": 50, "PBO": 50}, 25),
        ("nct02932137", {"IL2": 10, "SOC": 10}, 1),
    ],
)
def test_arms_and_sites_are_as_large_as_published(trial, arms, sites):
    subjects = plan_subjects(whole(trial))
    assert Counter(one.arm for one in subjects) == arms
    per_site = Counter(one.site for one in subjects)
    assert len(per_site) == sites and max(per_site.values()) - min(per_site.values()) <= 2
    assert [one.subject_id for one in subjects] == [f"S{number:03d}" for number in range(1, len(subjects) + 1)]
    assert {(one.arm, one.number) for one in subjects} == {(arm, k) for arm in arms for k in range(1, arms[arm] + 1)}


@pytest.mark.parametrize("trial", TRIALS)
def test_each_block_holds_one_of_each_arm_and_goes_to_the_next_site(trial):
    subjects = plan_subjects(whole(trial))
    for block, (first, second) in enumerate(zip(subjects[::2], subjects[1::2], strict=True)):
        assert first.arm != second.arm
        assert first.site == second.site == f"site{block % trial_data(trial)['sites'] + 1:02d}"
        assert first.number == second.number == block + 1


def test_which_arm_comes_first_in_a_block_is_chance():
    orders = [tuple(one.arm for one in plan_subjects(whole("he2020", seed=seed))[::2]) for seed in range(30)]
    active = np.array([[arm == "IL2" for arm in order] for order in orders])
    print(f"the treated arm comes first in {active.mean():.3f} of {active.size} blocks")
    assert abs(active.mean() - 0.5) < 4 * math.sqrt(0.25 / active.size)
    assert len(set(orders)) == 30
    # of one block in many trials, and of one trial's blocks: no pattern
    assert (np.abs(active.mean(axis=0) - 0.5) < 4 * math.sqrt(0.25 / 30)).all()
    assert (np.abs(active.mean(axis=1) - 0.5) < 4 * math.sqrt(0.25 / 30)).all()


@pytest.mark.parametrize("trial", TRIALS)
def test_a_smaller_trial_is_the_beginning_of_a_larger_one(trial):
    large = plan_subjects(whole(trial))
    for n in (1, 3, 5):
        assert plan_subjects(whole(trial, subjects_per_arm=n)) == large[: 2 * n]
    plan = whole(trial)
    small = whole(trial, subjects_per_arm=1)
    for one in large[:2]:
        assert person_of(plan, one) == person_of(small, one)
        assert sampled_visits(plan, one) == sampled_visits(small, one)


@pytest.mark.parametrize("trial", TRIALS)
def test_cohorts_fill_up_one_after_the_other_at_each_site(trial):
    size = trial_data(trial)["cohort"]
    places: dict[str, list[tuple[int, int]]] = {}
    for one in plan_subjects(whole(trial)):
        places.setdefault(one.site, []).append((one.cohort, one.place))
    for found in places.values():
        assert found == [divmod(k, size) for k in range(len(found))]


def test_subjects_differ_from_each_other_and_between_seeds():
    people = [
        person_of(whole("he2020", seed=seed), one) for seed in (1, 2) for one in plan_subjects(whole("he2020"))[:10]
    ]
    assert len({str(one) for one in people}) == 20


# Sets of the analysis


def test_he2020_analyses_29_and_30():
    plan = whole("he2020")
    subjects = plan_subjects(plan)
    assert Counter(one.arm for one in subjects if not is_withdrawn(plan, one)) == {"IL2": 29, "PBO": 30}
    (left,) = [one for one in subjects if is_withdrawn(plan, one)]
    assert sampled_visits(plan, left) == [("W0", 0)]
    assert not any(is_withdrawn(plan, one) for one in subjects[:58])


@pytest.mark.parametrize(
    ("trial", "outside"),
    [("demo", {"PBO": 1}), ("he2020", {}), ("lupil2", {"ILT101": 24, "PBO": 24}), ("nct02932137", {})],
)
def test_who_broke_the_protocol(trial, outside):
    plan = whole(trial)
    broke = [one for one in plan_subjects(plan) if breaks_protocol(plan, one)]
    assert Counter(one.arm for one in broke) == outside
    if trial == "lupil2":  # abstract: 53 of 100 are per protocol; whole sites leave 52
        assert {one.site for one in broke} == {f"site{number:02d}" for number in range(1, 13)}
    if trial == "demo":
        assert [(one.arm, one.number) for one in broke] == [("PBO", 4)]


@pytest.mark.parametrize("trial", TRIALS)
def test_the_active_arm_is_the_one_whose_role_says_so(trial):
    plan = whole(trial)
    roles = {arm["id"]: arm["role"] for arm in plan.data["arms"]}
    for one in plan_subjects(plan):
        assert is_active(plan, one) == (roles[one.arm] == "active")


# Visits


@pytest.mark.parametrize("trial", TRIALS)
def test_visits_of_the_trial_in_days(trial):
    every = known_visits(trial)
    assert dict(every) == VISITS[trial] and [day for _, day in every] == sorted(VISITS[trial].values())
    last, first = every[-1][0], every[0][0]
    assert known_visits(trial, (last, first)) == (every[0], every[-1])
    assert known_visits(trial, ()) == ()


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_baseline_is_always_there_and_visits_are_in_order(trial, profile):
    plan = whole(trial, profile=profile, missing=0.9 if profile == "hard" else None)
    for one in plan_subjects(plan):
        kept = sampled_visits(plan, one)
        assert kept[0] == plan.visits[0]
        assert kept == [pair for pair in plan.visits if pair in kept]


@pytest.mark.parametrize("profile", [one for one in PROFILES if one != "hard"])
def test_nobody_misses_a_visit_unless_the_laboratory_or_the_caller_says_so(profile):
    assert (laboratory(profile).missing, laboratory(profile).dropout) == (0, 0)
    for trial in TRIALS:
        plan = whole(trial, profile=profile)
        stayed = [one for one in plan_subjects(plan) if not is_withdrawn(plan, one)]
        assert all(sampled_visits(plan, one) == list(plan.visits) for one in stayed)


def later_visits(plan: TrialPlan) -> tuple[int, int]:
    """Visits after baseline that gave a sample, and all of them, of those who did not withdraw."""
    stayed = [one for one in plan_subjects(plan) if not is_withdrawn(plan, one)]
    return sum(len(sampled_visits(plan, one)) - 1 for one in stayed), len(stayed) * (len(plan.visits) - 1)


@pytest.mark.parametrize("asked", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("profile", ["clean", "clinic"])
def test_samples_are_missing_as_often_as_asked(asked, profile):
    kept, n = later_visits(whole("he2020", subjects_per_arm=150, profile=profile, missing=asked))
    print(f"{1 - kept / n:.4f} of {n} visits missing, asked {asked}")
    assert abs(n - kept - asked * n) <= 4 * math.sqrt(n * asked * (1 - asked))


def test_missing_visits_do_not_hang_together():
    """Each visit's own chance: how many a subject misses is binomial."""
    plan = whole("he2020", subjects_per_arm=200, missing=0.3)
    missed = np.array(
        [10 - len(sampled_visits(plan, one)) for one in plan_subjects(plan) if not is_withdrawn(plan, one)]
    )
    assert missed.var() == pytest.approx(9 * 0.3 * 0.7, rel=4 * math.sqrt(2 / len(missed)) + 0.05)


def test_another_laboratory_misses_its_own_share(monkeypatch):
    made_up = replace(laboratory("clean"), missing=0.25)
    monkeypatch.setattr("cytotrial.simulate.trial.subjects.laboratory", lambda profile: made_up)
    kept, n = later_visits(whole("he2020", subjects_per_arm=100))
    assert abs(n - kept - 0.25 * n) < 4 * math.sqrt(n * 0.25 * 0.75)
    kept, n = later_visits(whole("he2020", subjects_per_arm=100, missing=0.0))  # the caller's word counts
    assert kept == n


# Dropout


@pytest.fixture
def leaving(monkeypatch):
    """A trial whose average subject leaves with probability 0.08 per visit."""
    made_up = replace(laboratory("clean"), dropout=0.08)
    monkeypatch.setattr("cytotrial.simulate.trial.subjects.laboratory", lambda profile: made_up)
    return whole("he2020", seed=8, subjects_per_arm=600)


def test_who_has_left_does_not_come_back(leaving):
    for one in plan_subjects(leaving)[:200]:
        kept = sampled_visits(leaving, one)
        assert kept == list(leaving.visits[: len(kept)])


def test_who_responds_less_leaves_more_often(leaving):
    """Per visit 0.08 for an average response, three times as often for none, a third for twice the average and more."""
    left, at_risk, expected = Counter(), Counter(), Counter()
    for one in plan_subjects(leaving):
        if is_withdrawn(leaving, one):
            continue
        response = person_of(leaving, one).response["treg_of_cd4"]
        group = "low" if response < 0.7 else "middle" if response < 1.2 else "high"
        stayed = len(sampled_visits(leaving, one)) - 1
        visits = min(stayed + 1, 9)  # those at which the subject could have left
        left[group] += stayed < 9
        at_risk[group] += visits
        expected[group] += visits * 0.08 * 3.0 ** max(1.0 - response, -1.0)
    for group in left:
        print(f"{group}: {left[group]} left at {at_risk[group]} visits, expected {expected[group]:.1f}")
        assert abs(left[group] - expected[group]) < 4 * math.sqrt(expected[group])
    rates = {group: left[group] / at_risk[group] for group in left}
    error = math.sqrt(sum(rates[one] / at_risk[one] for one in ("low", "high")))
    assert rates["low"] - rates["high"] > 4 * error and rates["low"] > rates["middle"] > rates["high"]


def test_dropout_does_not_ask_for_the_arm(leaving):
    """Missing at random given the subject's course: the arm in itself has nothing to do with it."""
    kept: dict[str, list[int]] = {"IL2": [], "PBO": []}
    for one in plan_subjects(leaving):
        if not is_withdrawn(leaving, one):
            kept[one.arm].append(len(sampled_visits(leaving, one)))
    means = {arm: np.mean(values) for arm, values in kept.items()}
    error = math.sqrt(sum(np.var(values) / len(values) for values in kept.values()))
    print(f"{means} +- {error:.2f}")
    assert abs(means["IL2"] - means["PBO"]) < 4 * error


def test_visits_that_are_not_asked_for_change_nothing_of_the_others():
    """Whoever left before week 10 has no week-10 sample in a trial of fewer visits either."""
    plan = whole("he2020", profile="hard")
    fewer = replace(plan, visits=known_visits("he2020", ("W0", "W10", "W24")))
    wanted = set(fewer.visits)
    differ = [
        one.subject_id
        for one in plan_subjects(plan)
        if sampled_visits(fewer, one) != [pair for pair in sampled_visits(plan, one) if pair in wanted]
    ]
    assert differ == []


def test_who_leaves_has_neither_later_samples_nor_later_outcomes_nor_a_place_in_mitt():
    plan = TrialPlan("he2020", 1, 30, known_visits("he2020"), profile="hard", missing=0.0)
    days = dict(plan.visits)
    values = {(row["subject_id"], row["visit"]): row["value"] for row in outcomes(plan) if row["endpoint"] == "sri4"}
    gone = 0
    for subject in plan_subjects(plan):
        left = left_on(plan, subject)
        assert [day for _, day in sampled_visits(plan, subject)] == [
            d for d in days.values() if left is None or d < left
        ]
        for visit in ("W12", "W24"):
            assert (values[subject.subject_id, visit] == "") == (left is not None and left <= days[visit])
        assert was_followed(plan, subject) == (len(sampled_visits(plan, subject)) > 1)
        gone += left is not None
    print("left:", gone)
    assert gone > 3
