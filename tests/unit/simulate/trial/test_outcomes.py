"""Endpoints: as frequent as published in each arm, the likelier the better a subject responds."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cytotrial.simulate.parameters import PROFILES, TRIALS, trial_data
from cytotrial.simulate.trial.outcomes import outcomes
from cytotrial.simulate.trial.subjects import TrialPlan, is_withdrawn, known_visits, person_of, plan_subjects

WITH_ENDPOINTS = ("demo", "he2020", "lupil2")
KEY = ("endpoint", "visit")


def whole(trial: str, *, seed: int = 1, profile: str = "clinic", **changes) -> TrialPlan:
    plan = TrialPlan(trial, seed, trial_data(trial)["subjects_per_arm"], known_visits(trial), profile=profile)
    return replace(plan, **changes)


@cache
def met(trial: str, profile: str, n: int, seeds: int) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(role, endpoint, visit) -> how many met it, and of how many, in some trials of `n` subjects per arm."""
    roles = {arm["id"]: arm["role"] for arm in trial_data(trial)["arms"]}
    found: Counter[tuple[str, str, str]] = Counter()
    of: Counter[tuple[str, str, str]] = Counter()
    for seed in range(seeds):
        plan = whole(trial, seed=seed, profile=profile, subjects_per_arm=n)
        arm = {one.subject_id: roles[one.arm] for one in plan_subjects(plan)}
        for row in outcomes(plan):
            key = (arm[row["subject_id"]], row["endpoint"], row["visit"])
            of[key] += row["value"] != ""
            found[key] += row["value"] == "1"
    return {key: (found[key], of[key]) for key in of}


def published(trial: str, role: str, endpoint: str, visit: str) -> float:
    (row,) = [
        one
        for one in trial_data(trial)["outcomes"]["endpoints"]
        if (one["endpoint"], one["visit"]) == (endpoint, visit)
    ]
    return row[role][0] / row[role][1]


def assert_share(found: int, of: int, share: float, what: object) -> None:
    error = math.sqrt(of * share * (1 - share))
    off = (found - of * share) / (error or 1.0)
    print(f"{what}: {found} of {of} = {found / of:.3f}, expected {share:.3f}, {off:+.2f} SE")
    assert of > 0 and abs(found - of * share) <= 4 * error, what


# As frequent as published


@pytest.mark.parametrize(("trial", "n", "seeds"), [("he2020", 12, 30), ("demo", 5, 90), ("lupil2", 50, 9)])
def test_endpoints_are_met_as_often_as_published(trial, n, seeds):
    """Twelve per arm in he2020: its remissions are of the first 13 and 12 only."""
    table = met(trial, "clinic", n, seeds)
    assert len(table) == 2 * len(trial_data(trial)["outcomes"]["endpoints"])
    for (role, endpoint, visit), (found, of) in sorted(table.items()):
        assert of == n * seeds
        assert_share(found, of, published(trial, role, endpoint, visit), (role, endpoint, visit))


def test_what_never_happened_never_happens():
    assert published("he2020", "control", "fever", "W24") == 0
    assert met("he2020", "clinic", 12, 30)["control", "fever", "W24"][0] == 0


@pytest.mark.parametrize(("trial", "n", "seeds"), [("he2020", 12, 20), ("demo", 5, 50), ("lupil2", 25, 10)])
def test_without_an_effect_both_arms_have_the_controls_share(trial, n, seeds):
    for (role, endpoint, visit), (found, of) in sorted(met(trial, "null", n, seeds).items()):
        assert_share(found, of, published(trial, "control", endpoint, visit), (role, endpoint, visit))


# Who meets them


@cache
def latent() -> dict[tuple[str, str, str], dict[str, tuple[float, int]]]:
    """(role, endpoint, visit) -> subject -> (log response on Treg, met) of one large trial."""
    plan = whole("he2020", subjects_per_arm=600, seed=9)
    roles = {arm["id"]: arm["role"] for arm in plan.data["arms"]}
    subjects = {one.subject_id: one for one in plan_subjects(plan)}
    response = {name: math.log(person_of(plan, one).response["treg_of_cd4"]) for name, one in subjects.items()}
    found: dict[tuple[str, str, str], dict[str, tuple[float, int]]] = {}
    for row in outcomes(plan):
        if row["value"]:
            name = row["subject_id"]
            key = (roles[subjects[name].arm], row["endpoint"], row["visit"])
            found.setdefault(key, {})[name] = (response[name], int(row["value"]))
    return found


@pytest.mark.parametrize("endpoint", ["sri4", "infection"])
@pytest.mark.parametrize("role", ["active", "control"])
def test_endpoints_go_with_the_response(endpoint, role):
    """Point-biserial correlation of a threshold on a normal variable: rho phi(z) / sqrt(p q); harms the other way."""
    rows = np.array(list(latent()[role, endpoint, "W24"].values()))
    share = published("he2020", role, endpoint, "W24")
    cut = NormalDist().inv_cdf(1.0 - share)
    rho = trial_data("he2020")["outcomes"]["correlation"] * (-1.0 if endpoint == "infection" else 1.0)
    density = math.exp(-cut * cut / 2) / math.sqrt(2 * math.pi)
    expected = rho * density / math.sqrt(share * (1 - share))
    found = float(np.corrcoef(rows.T)[0, 1])
    print(f"{endpoint} {role}: correlation {found:.3f}, expected {expected:.3f}, n {len(rows)}")
    assert abs(found - expected) < 4 / math.sqrt(len(rows))
    assert abs(expected) > 5 / math.sqrt(len(rows))  # else 0 would do as well


def test_an_endpoint_lasts_between_visits():
    """How many meet it at both visits: two thresholds on normal variables that persist."""
    model = trial_data("he2020")["outcomes"]
    rho = model["correlation"] ** 2 + (1 - model["correlation"] ** 2) * model["persistence"]
    both, expected, of_response_alone, variance = 0, 0.0, 0.0, 0.0
    for role in ("active", "control"):
        early, late = (latent()[role, "sri4", visit] for visit in ("W12", "W24"))
        both += sum(early[name][1] * late[name][1] for name in early)
        shares = [published("he2020", role, "sri4", visit) for visit in ("W12", "W24")]
        at_both = [_at_both(*shares, one) for one in (rho, model["correlation"] ** 2)]
        expected += len(early) * at_both[0]
        of_response_alone += len(early) * at_both[1]
        variance += len(early) * at_both[0] * (1 - at_both[0])
    print(f"at both visits {both}, expected {expected:.0f} +- {math.sqrt(variance):.0f}")
    print(f"were they to have nothing but the response in common: {of_response_alone:.0f}")
    assert abs(both - expected) < 4 * math.sqrt(variance) < expected - of_response_alone


def _at_both(first: float, second: float, rho: float) -> float:
    """Probability that two normal variables of that correlation both lie among their shares of the best."""
    cuts = [NormalDist().inv_cdf(1.0 - share) for share in (first, second)]
    return first + second - 1.0 + multivariate_normal.cdf(cuts, cov=[[1.0, rho], [rho, 1.0]])


# Which rows there are


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_row_per_subject_and_endpoint_of_the_visits_there_are(trial, profile):
    plan = whole(trial, profile=profile)
    rows = list(outcomes(plan))
    assert (trial in WITH_ENDPOINTS) == bool(rows)
    assert set(Counter((row["subject_id"], row["visit"], row["endpoint"]) for row in rows).values()) <= {1}
    assert {tuple(row) for row in rows} <= {("subject_id", "visit", "endpoint", "value")}
    assert {row["value"] for row in rows} <= {"0", "1", ""}
    per_endpoint = Counter(tuple(row[key] for key in KEY) for row in rows)
    for one in plan.data["outcomes"]["endpoints"]:
        everybody = 2 * plan.subjects_per_arm
        among = sum(one["among"].values()) if "among" in one else everybody
        assert per_endpoint[one["endpoint"], one["visit"]] == among


def test_remissions_are_of_the_first_of_each_arm():
    plan = whole("he2020")
    numbers: dict[str, list[int]] = {"IL2": [], "PBO": []}
    subjects = {one.subject_id: one for one in plan_subjects(plan)}
    for row in outcomes(plan):
        if row["endpoint"] == "complete_remission" and row["visit"] == "W24":
            numbers[subjects[row["subject_id"]].arm].append(subjects[row["subject_id"]].number)
    assert sorted(numbers["IL2"]) == list(range(1, 14)) and sorted(numbers["PBO"]) == list(range(1, 13))


def test_visits_that_are_not_simulated_have_no_rows():
    def asked(*visits: str) -> Counter:
        plan = whole("he2020", visits=known_visits("he2020", visits), subjects_per_arm=2)
        return Counter((row["endpoint"], row["visit"]) for row in outcomes(plan))

    assert asked("W0", "W10") == {}
    assert asked("W0", "W12") == {("sri4", "W12"): 4, ("complete_remission", "W12"): 4}
    assert set(asked("W0", "W12", "W24")) == {
        (one["endpoint"], one["visit"]) for one in trial_data("he2020")["outcomes"]["endpoints"]
    }


def test_who_withdrew_has_no_value():
    plan = whole("he2020")
    (left,) = [one.subject_id for one in plan_subjects(plan) if is_withdrawn(plan, one)]
    values = {(row["subject_id"] == left, row["value"] == "") for row in outcomes(plan)}
    assert values == {(True, True), (False, False)}


def test_a_smaller_trial_has_the_same_values():
    large = {(row["subject_id"], row["visit"], row["endpoint"]): row["value"] for row in outcomes(whole("he2020"))}
    visits = known_visits("he2020", ("W0", "W24"))
    for row in outcomes(whole("he2020", subjects_per_arm=5, visits=visits)):
        assert large[row["subject_id"], row["visit"], row["endpoint"]] == row["value"]


def test_another_seed_gives_other_values():
    first, second = ([row["value"] for row in outcomes(whole("he2020", seed=seed))] for seed in (1, 2))
    assert first != second and len(first) == len(second)
