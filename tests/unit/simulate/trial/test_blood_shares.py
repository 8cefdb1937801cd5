"""The subsets' course over many simulated subjects: what the papers give, what a profile does, what stays flat."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cytotrial.simulate.parameters import TRIALS, trial_data
from cytotrial.simulate.trial.plan import blood_shares
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits, plan_subjects

PER_ARM = 600
NAMES = ("nk", "treg", "bright", "cd4_of_cd3", "cd8_of_cd3", "cd4_of_lymphocytes", "activated")
RISING = ("nk", "treg", "bright")
FLAT = ("cd4_of_cd3", "cd8_of_cd3")
FIELD = {"nk": "nk_of_lymphocytes", "treg": "treg_of_cd4", "bright": "cd56bright_of_nk"}


def percentages(shares: dict[str, float]) -> list[float]:
    """`NAMES`, in percent."""
    t = 1.0 - shares["nk_of_lymphocytes"] - shares["b_of_lymphocytes"]
    values = [shares["nk_of_lymphocytes"], shares["treg_of_cd4"], shares["cd56bright_of_nk"], shares["cd4_of_cd3"]]
    values += [shares["cd8_of_cd3"], t * shares["cd4_of_cd3"], shares["activated_of_conventional_cd4"]]
    return [100.0 * value for value in values]


def simulated(profile: str, visits: tuple[str, ...], *, trial: str = "he2020", n: int = PER_ARM) -> dict:
    """`courses`, drawn once."""
    return courses(profile, visits, trial, n)


@cache
def courses(profile: str, visits: tuple[str, ...], trial: str, n: int) -> dict:
    """(arm's role, visit) -> percentages of the subjects, shape (n, names); the subjects in the same order."""
    plan = TrialPlan(trial, 6, n, known_visits(trial, visits), profile=profile)
    roles = {arm["id"]: arm["role"] for arm in plan.data["arms"]}
    found: dict[tuple[str, str], list[list[float]]] = {}
    for one in plan_subjects(plan):
        for visit, day in plan.visits:
            found.setdefault((roles[one.arm], visit), []).append(
                percentages(blood_shares(plan, one, visit=visit, day=day))
            )
    return {key: np.array(rows) for key, rows in found.items()}


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std() / math.sqrt(len(values)))


def column(table: dict, role: str, visit: str, name: str) -> np.ndarray:
    return table[role, visit][:, NAMES.index(name)]


VISITS = ("W0", "W2", "W6", "W10", "W24")


# The model's own means, by quadrature instead of by chance


def held_by(day: float, half_life: float) -> float:
    """Exposure of he2020's dosing, two weeks on and two off, in closed form."""
    level, at = 0.0, 0.0
    for start, stop in ((0, 14), (28, 42), (56, 70)):
        for until, on in ((start, 0.0), (stop, 1.0)):
            passed = min(max(day - at, 0.0), until - at)
            level = on + (level - on) * 2.0 ** (-passed / half_life)
            at = until
    return level * 2.0 ** (-max(day - at, 0.0) / half_life)


def model_mean(profile: str, name: str, day: float, *, treated: bool) -> float:
    """Mean percentage over subjects' levels, visits' noise and responses, by Gauss and Hermite."""
    data = trial_data("he2020", profile)
    row, log_sd = data["trajectories"][FIELD[name]], data["response"]["log_sd"]
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    response = np.exp(log_sd * points - log_sd**2 / 2)
    effect = row["effect"] * data.get("effect", 1.0) * held_by(day, row["half_life_days"]) if treated else 0.0
    wander = math.hypot(row["subject_sd"], row["visit_sd"])
    logit = row["mu"] + effect * response[:, None] + wander * points[None, :]
    return float(100.0 * (weights[:, None] * weights[None, :] / (1.0 + np.exp(-logit))).sum())


def test_exposure_in_closed_form_worked_by_hand():
    assert held_by(0, 14) == 0 and held_by(14, 14) == 0.5 and held_by(28, 14) == 0.25
    assert held_by(42, 14) == pytest.approx(1 - 0.75 / 2) and held_by(84, 14) == pytest.approx(held_by(70, 14) / 2)


@pytest.mark.parametrize(("day", "published"), [(0, 6.48), (70, 12.07)])
def test_nk_of_treated_subjects_is_as_published(day, published):
    """He et al. 2020: 6.48 and 12.07 % of lymphocytes at weeks 0 and 10."""
    expected = model_mean("clean", "nk", day, treated=True)
    mean, error = mean_and_error(column(simulated("clean", VISITS), "active", f"W{day // 7}", "nk"))
    print(f"model {expected:.3f} %, {PER_ARM} subjects {mean:.2f} +- {error:.2f} %, published {published} %")
    assert expected == pytest.approx(published, abs=0.05)
    assert abs(mean - published) < 4 * error


@pytest.mark.parametrize("name", RISING)
@pytest.mark.parametrize("role", ["active", "control"])
def test_means_of_many_subjects_are_the_models(name, role):
    table = simulated("clean", VISITS)
    for visit in VISITS:
        mean, error = mean_and_error(column(table, role, visit, name))
        expected = model_mean("clean", name, 7 * int(visit[1:]), treated=role == "active")
        print(f"{name} {role} {visit}: {mean:.2f} +- {error:.2f} %, expected {expected:.2f} %")
        assert abs(mean - expected) < 4 * error


# The course


def change(table: dict, role: str, name: str, visit: str) -> tuple[float, float]:
    """Mean change from baseline and its standard error."""
    return mean_and_error(column(table, role, visit, name) - column(table, role, "W0", name))


@pytest.mark.parametrize("profile", ["clean", "hard"])
@pytest.mark.parametrize("name", [*RISING, "activated"])
def test_what_rises_under_treatment(profile, name):
    table = simulated(profile, VISITS, n=PER_ARM if profile == "clean" else 150)
    for visit in ("W2", "W6", "W10"):
        mean, error = change(table, "active", name, visit)
        base = column(table, "active", "W0", name).mean()
        print(f"{name} {visit}: {base:.2f} % and {mean:+.2f} +- {error:.2f}")
        assert mean > 6 * error and mean > 0.2 * base
    after, error = change(table, "active", name, "W24")
    assert after < 0.25 * change(table, "active", name, "W10")[0] + 4 * error  # it does not last


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("role", ["active", "control"])
def test_cd4_and_cd8_of_cd3_are_flat(name, role):
    table = simulated("clean", VISITS)
    for visit in VISITS[1:]:
        mean, error = change(table, role, name, visit)
        print(f"{name} {role} {visit}: {mean:+.2f} +- {error:.2f} points")
        assert abs(mean) < 4 * error and error < 0.3


@pytest.mark.parametrize("name", NAMES)
def test_placebo_is_flat(name):
    table = simulated("clean", VISITS)
    for visit in VISITS[1:]:
        mean, error = change(table, "control", name, visit)
        assert abs(mean) <= 4 * error and error < 0.3, (visit, mean, error)


def test_arms_begin_alike():
    table = simulated("clean", VISITS)
    for name in NAMES:
        (a, a_error), (b, b_error) = (mean_and_error(column(table, role, "W0", name)) for role in ("active", "control"))
        assert abs(a - b) <= 4 * math.hypot(a_error, b_error), name


def test_a_subject_persists_and_its_visits_wobble():
    """Of the logits of one share at two visits, the part that stays is the subject's."""
    row = trial_data("he2020")["trajectories"]["treg_of_cd4"]
    share = column(simulated("clean", VISITS), "control", "W0", "treg") / 100
    later = column(simulated("clean", VISITS), "control", "W10", "treg") / 100
    logit = [np.log(one / (1 - one)) for one in (share, later)]
    expected = row["subject_sd"] ** 2 / (row["subject_sd"] ** 2 + row["visit_sd"] ** 2)
    found = np.corrcoef(*logit)[0, 1]
    print(f"correlation of two visits {found:.3f}, expected {expected:.3f}")
    assert abs(np.arctanh(found) - np.arctanh(expected)) < 4 / math.sqrt(len(share) - 3)


# Profiles


@pytest.mark.parametrize("trial", TRIALS)
def test_without_an_effect_both_arms_are_as_the_control_arm(trial):
    """`null`, subject by subject: nobody is treated, and the control arm is the clinic's."""
    every = known_visits(trial)
    plans = [TrialPlan(trial, 2, 8, every[:2] + every[-2:], profile=one) for one in ("null", "clinic")]
    roles = {arm["id"]: arm["role"] for arm in trial_data(trial)["arms"]}
    for one in plan_subjects(plans[0]):
        for visit, day in plans[0].visits[1:]:
            null, clinic = (blood_shares(plan, one, visit=visit, day=day) for plan in plans)
            untreated = blood_shares(
                plans[1], replace(one, arm=next(a for a in roles if roles[a] == "control")), visit=visit, day=day
            )
            assert null == untreated
            assert (null == clinic) == (roles[one.arm] == "control")


def test_null_is_flat_in_both_arms():
    table = simulated("null", ("W0", "W10"))
    for role in ("active", "control"):
        for name in NAMES:
            mean, error = change(table, role, name, "W10")
            assert abs(mean) <= 4 * error and error < 0.3, (role, name, mean, error)


def test_under_denominator_stress_cd4_is_flat_of_cd3_only():
    table = simulated("denominator_stress", ("W0", "W10"), n=400)
    of_lymphocytes, its_error = change(table, "active", "cd4_of_lymphocytes", "W10")
    of_cd3, error = change(table, "active", "cd4_of_cd3", "W10")
    nk = column(table, "active", "W10", "nk").mean() / column(table, "active", "W0", "nk").mean()
    print(f"CD4: {of_lymphocytes:+.2f} +- {its_error:.2f} points of lymphocytes, {of_cd3:+.2f} +- {error:.2f} of CD3")
    print(f"NK: x{nk:.2f}")
    assert of_lymphocytes < -8 * its_error and of_lymphocytes < -3.0
    assert abs(of_cd3) < 4 * error
    assert nk > 2.0  # "double and more"
    for name in NAMES:
        mean, error = change(table, "control", name, "W10")
        assert abs(mean) <= 4 * error, name


@pytest.mark.parametrize("name", ["treg", "bright"])
def test_hard_begins_low(name):
    hard, clean = (simulated(profile, VISITS, n=n) for profile, n in (("hard", 150), ("clean", PER_ARM)))
    for role in ("active", "control"):
        (low, error), (usual, _) = (mean_and_error(column(table, role, "W0", name)) for table in (hard, clean))
        print(f"{name} {role}: {low:.2f} +- {error:.2f} % under hard, {usual:.2f} % in clean")
        assert abs(low - model_mean("hard", name, 0, treated=False)) < 4 * error
        assert low < 0.65 * usual


def test_lupil2_raises_treg_within_five_days_and_holds_some_of_it():
    """Daily doses to day 5, weekly ones to week 12: Treg are up at day 6, less so at week 8, as before at week 24."""
    table = simulated("clean", ("D1", "D6", "W8", "W24"), trial="lupil2", n=120)

    def rise(visit: str) -> tuple[float, float]:
        return mean_and_error(column(table, "active", visit, "treg") - column(table, "active", "D1", "treg"))

    (early, early_error), (weekly, weekly_error), (late, late_error) = map(rise, ("D6", "W8", "W24"))
    print(f"Treg D6 {early:+.2f}, W8 {weekly:+.2f}, W24 {late:+.2f}")
    assert early > 5 * early_error and weekly > 4 * weekly_error
    assert abs(late) < 4 * late_error and early > weekly
