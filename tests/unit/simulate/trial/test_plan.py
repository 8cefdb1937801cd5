"""One recipe per file: instrument days and dates, what goes together between tubes, and the course of the shares."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from cytotrial.simulate.blood.trajectory import RESPONDING, Subject, exposure
from cytotrial.simulate.fcs.keywords import Specimen
from cytotrial.simulate.instrument.laboratory import habit_of, instrument_day, staining_factors
from cytotrial.simulate.parameters import PROFILES, TRIALS, laboratory, trial_data, tube_parameters, whole_cytometer
from cytotrial.simulate.trial.plan import (
    Recipe,
    SamplePlan,
    blood_shares,
    dosing_days,
    plan_samples,
    recipe_of,
)
from cytotrial.simulate.trial.subjects import TrialPlan, is_active, known_visits, plan_subjects


def whole(trial: str, *, seed: int = 1, profile: str = "clean", **changes) -> TrialPlan:
    """The trial with all its subjects and visits."""
    plan = TrialPlan(trial, seed, trial_data(trial)["subjects_per_arm"], known_visits(trial), profile=profile)
    return replace(plan, **changes)


def recipes(plan: TrialPlan, *, panel: str | None = None) -> list[tuple[SamplePlan, Recipe]]:
    return [(one, recipe_of(plan, one)) for one in plan_samples(plan) if panel in (None, one.panel)]


# Which files there are


@pytest.mark.parametrize(
    ("trial", "expected"),
    [
        ("demo", 10 * 4 * 2),
        ("he2020", 60 * 10 * 2 - 18),  # who withdrew gave two baseline tubes and no other
        ("lupil2", 100 * 7 * 2),
        ("nct02932137", 20 * 6 * 2),
    ],
)
def test_every_subject_visit_and_panel_once(trial, expected):
    samples = plan_samples(whole(trial))
    assert len(samples) == expected
    assert {(one.subject.subject_id, one.visit, one.panel): 1 for one in samples} == Counter(
        (one.subject.subject_id, one.visit, one.panel) for one in samples
    )
    assert [one.sample_id for one in samples] == sorted(one.sample_id for one in samples)
    for one in samples:
        assert one.sample_id == f"{one.subject.subject_id}_{one.visit}_{one.panel}" == one.file.removesuffix(".fcs")
        assert one.day == dict(known_visits(trial))[one.visit]
    assert set(Counter((one.subject.subject_id, one.visit) for one in samples).values()) == {2}  # both tubes or none


def test_missing_visits_lack_both_tubes():
    samples = plan_samples(whole("he2020", missing=0.3))
    assert len(samples) < 1000
    assert set(Counter((one.subject.subject_id, one.visit) for one in samples).values()) == {2}


# Instrument days


@pytest.mark.parametrize(
    ("trial", "sites", "cohort"), [("demo", 1, 4), ("he2020", 1, 10), ("lupil2", 25, 4), ("nct02932137", 1, 10)]
)
def test_a_batch_is_a_cohorts_visit_at_its_site(trial, sites, cohort):
    samples = plan_samples(whole(trial))
    batches: dict[str, set[tuple[str, str, int]]] = {}
    people: dict[str, set[str]] = {}
    for one in samples:
        batches.setdefault(one.batch, set()).add((one.subject.site, one.visit, one.subject.cohort))
        people.setdefault(one.batch, set()).add(one.subject.subject_id)
    assert all(len(found) == 1 for found in batches.values())
    assert len(batches) == len({next(iter(found)) for found in batches.values()})
    assert max(len(ids) for ids in people.values()) == cohort
    n_cohorts = len({(one.subject.site, one.subject.cohort) for one in samples})
    assert len(batches) == n_cohorts * len(known_visits(trial))
    assert any(name.startswith("site") for name in batches) == (sites > 1)


@pytest.mark.parametrize("profile", ["clinic", "hard", "other_lab"])
def test_tubes_of_a_batch_share_the_instrument_and_other_batches_do_not(profile):
    plan = whole(
        "he2020", profile=profile, subjects_per_arm=6, visits=known_visits("he2020", ("W0", "W2")), missing=0.0
    )
    gains: dict[str, dict[str, set[float]]] = {}
    spill: dict[tuple[str, str, str], set[float]] = {}
    for one, recipe in recipes(plan):
        p = recipe.parameters
        for name, gain in p.gain.items():
            gains.setdefault(one.batch, {}).setdefault(name, set()).add(gain)
        names = [detector.name for detector in p.detectors]
        for row, column in zip(*np.nonzero(p.spillover), strict=True):
            key = (one.batch, names[row], names[column])
            spill.setdefault(key, set()).add(float(p.recorded_spillover[row, column]))
    assert len(gains) == 4
    assert all(len(values) == 1 for by_channel in gains.values() for values in by_channel.values())
    assert all(len(values) == 1 for values in spill.values())
    for name in ("FSC-A", "SSC-A", *(detector.name for detector in tube_parameters("nk", profile=profile).detectors)):
        assert len({next(iter(by_channel[name])) for by_channel in gains.values() if name in by_channel}) > 2


@pytest.mark.parametrize("trial", ["he2020", "lupil2"])
def test_a_tube_is_stained_and_measured_as_its_day_is(trial):
    """Detectors by name, whichever of the cytometer's a panel uses; a dye's lot and age on every marker it shows."""
    plan = whole(trial, profile="clinic", subjects_per_arm=2)
    lab, (detectors, fresh) = laboratory("clinic"), whole_cytometer("clinic")
    names = [detector.name for detector in detectors]
    for one, recipe in recipes(plan):
        p, markers = recipe.parameters, tuple(m for d in recipe.parameters.detectors for m in d.markers)
        calendar = one.day + one.subject.cohort * trial_data(trial)["enrolment_days"]
        about = {"seed": plan.seed, "site": one.subject.site, "batch": one.batch, "day": calendar}
        day = instrument_day(lab, detectors=detectors, spillover=fresh, **about)
        stained = staining_factors(lab, markers, seed=plan.seed, sample_id=one.sample_id, week=one.day / 7)
        for detector in p.detectors:
            assert p.gain[detector.name] == day.gain[detector.name]
            assert p.baseline[detector.name] == day.baseline[detector.name]
            for marker in detector.markers:
                assert p.staining[marker] == pytest.approx(stained[marker] * day.dyes[detector.name])
        rows = [names.index(detector.name) for detector in p.detectors]
        assert np.array_equal(p.spillover, day.spillover[np.ix_(rows, rows)])
        assert np.array_equal(p.recorded_spillover, day.recorded[np.ix_(rows, rows)])
        assert set(day.voltage) & {d.name for d in p.detectors} == set(p.voltage_step)


def test_both_arms_are_in_every_batch():
    arms: dict[str, set[str]] = {}
    for one in plan_samples(whole("he2020")):
        arms.setdefault(one.batch, set()).add(one.subject.arm)
    assert set(map(frozenset, arms.values())) == {frozenset({"IL2", "PBO"})}


@cache
def acquired(trial: str) -> list[tuple[SamplePlan, Specimen]]:
    """Every tube of a trial of two cohorts and more (where a site has that many), and what its file says of it."""
    plan = whole(trial, subjects_per_arm={"demo": 3, "lupil2": 2}.get(trial, 6))
    return [(one, recipe.specimen) for one, recipe in recipes(plan)]


@pytest.mark.parametrize("trial", TRIALS)
def test_dates_follow_visits_and_cohorts(trial):
    data = trial_data(trial)
    first = date.fromisoformat(str(data["first_day"]))
    for one, specimen in acquired(trial):
        days = one.day + one.subject.cohort * data["enrolment_days"]
        assert specimen.begin.date() == first + timedelta(days=days)
        assert specimen.source == f"{one.subject.subject_id} {one.visit}"
        assert specimen.experiment == f"{data['trial']['id']} {one.batch}"
    assert (len({one.subject.cohort for one, _ in acquired(trial)}) > 1) == (trial != "lupil2")


@pytest.mark.parametrize("trial", TRIALS)
def test_an_instrument_runs_one_tube_at_a_time(trial):
    at: dict[tuple[str, datetime], list[str]] = {}
    for one, specimen in acquired(trial):
        at.setdefault((one.subject.site, specimen.begin), []).append(one.sample_id)
    together = [names for names in at.values() if len(names) > 1]
    assert together == [], f"{len(together)} pairs of tubes on one instrument at the same minute"


# What a recipe holds


def test_both_tubes_hold_the_same_blood_and_a_preparation_each():
    plan = whole("he2020", subjects_per_arm=2)
    tubes: dict[tuple[str, str], list] = {}
    for one, recipe in recipes(plan):
        tubes.setdefault((one.subject.subject_id, one.visit), []).append(recipe.parameters)
    assert len(tubes) == 4 * 10
    prepared = ("monocytes", "granulocytes", "basophils", "debris", "dead", "dying")
    for nk, treg in tubes.values():
        ours, theirs = vars(nk.composition), vars(treg.composition)
        assert {name for name in ours if ours[name] != theirs[name]} == set(prepared)
        assert nk.kinds == treg.kinds  # the same cells
    levels = {ours[0].composition.nk_of_lymphocytes for ours in tubes.values()}
    assert len(levels) == len(tubes)


def test_a_subjects_own_levels_stay_with_it():
    """Without a treatment's rise: the same shifts at every visit, others in another subject."""
    plan = whole("he2020", subjects_per_arm=3, profile="null", visits=known_visits("he2020", ("W0", "W10")))
    kinds: dict[str, list] = {}
    for one, recipe in recipes(plan):
        kinds.setdefault(one.subject.subject_id, []).append(recipe.parameters.kinds)
    assert all(one == found[0] for found in kinds.values() for one in found)
    assert len({str(found[0]) for found in kinds.values()}) == 6


def median_of(recipe: Recipe, population: str, marker: str) -> float:
    one = next(kind for kind in recipe.parameters.kinds.populations if kind.name == population)
    return one.markers[marker].median


@pytest.mark.parametrize("profile", ["clean", "hard", "null"])
def test_treatment_raises_levels_by_its_exposure(profile):
    plan = whole("he2020", profile=profile, subjects_per_arm=3, missing=0.0)
    data = trial_data("he2020", profile)
    rises = data["levels_under_treatment"]["treg_effector"]["CD25"]
    course = data["trajectories"]["treg_of_cd4"]["half_life_days"]
    dosing = dosing_days(data["dosing"])
    by_visit = {(one.subject.subject_id, one.visit): (one, recipe) for one, recipe in recipes(plan, panel="treg")}
    moved = 0
    for (subject, _), (one, recipe) in by_visit.items():
        base = by_visit.get((subject, "W0"))
        held = exposure(one.day, half_life_days=course, dosing=dosing) if is_active(plan, one.subject) else 0.0
        expected = 10 ** (rises * held * data.get("effect", 1.0))
        ratio = median_of(recipe, "treg_effector", "CD25") / median_of(base[1], "treg_effector", "CD25")
        assert ratio == pytest.approx(expected)
        assert median_of(recipe, "cd4_naive", "CD4") == pytest.approx(median_of(base[1], "cd4_naive", "CD4"))
        moved += ratio > 1.02
    assert moved == 0 if profile == "null" else moved > 3


def test_kinds_that_a_profile_shifts_are_shifted_in_every_subject():
    hard, clean = (whole("he2020", profile=one, subjects_per_arm=3, missing=0.0) for one in ("hard", "clean"))
    shifts = trial_data("he2020", "hard")["kinds"]
    assert shifts
    for sample in [one for one in plan_samples(clean) if one.visit == "W0"]:
        for name, by_marker in shifts.items():
            for marker, log10 in by_marker.items():
                ratio = median_of(recipe_of(hard, sample), name, marker) / median_of(
                    recipe_of(clean, sample), name, marker
                )
                assert ratio == pytest.approx(10**log10)


def test_staining_of_the_null_profile_drifts_by_the_week_in_both_arms():
    """Else it is the clinic's, tube by tube; so a clinic's tube of the same seed shows the drift alone."""
    null, clinic = (whole("he2020", profile=one, subjects_per_arm=1) for one in ("null", "clinic"))
    drift = laboratory("null").staining_drift
    assert set(drift) >= {"CD25", "CD127", "CD56"}
    drifted = set()
    for (one, recipe), (same, other) in zip(recipes(null), recipes(clinic), strict=True):
        assert one == same
        ours, theirs = recipe.parameters.staining, other.parameters.staining
        assert ours.keys() == theirs.keys()
        for marker in ours:
            expected = 10 ** (drift.get(marker, 0.0) * one.day / 7)
            assert ours[marker] / theirs[marker] == pytest.approx(expected)
            if abs(expected - 1.0) > 0.1:
                drifted.add((one.subject.arm, marker))
    assert {("IL2", "CD25"), ("PBO", "CD25"), ("IL2", "CD56"), ("PBO", "CD56")} <= drifted


def test_habits_are_written_as_the_laboratory_has_them():
    lab = laboratory("hard")
    plan = whole("he2020", profile="hard", missing=0.0)
    seen = Counter()
    for one in {(one.batch, one.panel): one for one in plan_samples(plan)}.values():
        habit = habit_of(lab, seed=plan.seed, batch=one.batch, panel=one.panel)
        p, base = recipe_of(plan, one).parameters, tube_parameters(one.panel, profile="hard")
        markers = {marker for detector in p.detectors for marker in detector.markers}
        assert {marker for detector in base.detectors for marker in detector.markers} - markers == set(habit.lacks) & {
            "viability"
        }
        assert set(base.scatter) - set(p.scatter) == set(habit.lacks) & set(base.scatter)
        assert p.lacks_time == ("Time" in habit.lacks)
        assert (p.form, p.n_events) == (habit.form or base.form, round(habit.events * base.n_events))
        assert p.pulse_heights == habit.pulse_heights
        names = [detector.name for detector in p.detectors]
        assert p.spillover.shape == p.recorded_spillover.shape == (len(names), len(names))
        assert set(p.gain) == {*names, "FSC-A", "SSC-A"}
        assert set(p.voltage_step) <= set(names) == set(p.baseline)
        seen[lab.habits.index(habit) if habit in lab.habits else -1] += 1
    n = sum(seen.values())
    print(f"{n} panels of instrument days: {sorted(seen.items())}")
    for index, habit in enumerate(lab.habits):
        assert abs(seen[index] - n * habit.share) < 4 * math.sqrt(n * habit.share * (1 - habit.share)), habit
        assert seen[index] > 0


def test_events_asked_for_overrule_habits_and_trial():
    plan = whole("he2020", profile="hard", subjects_per_arm=1, events={"treg": 123, "nk": 45}, missing=0.0)
    assert {(one.panel, recipe.parameters.n_events) for one, recipe in recipes(plan)} == {("treg", 123), ("nk", 45)}


@pytest.mark.parametrize("trial", ["he2020", "lupil2"])
def test_a_recipe_is_the_same_in_a_smaller_trial(trial):
    large, small = whole(trial, profile="clinic"), whole(trial, profile="clinic", subjects_per_arm=2)
    last = known_visits(trial)[-1:]
    fewer = replace(small, visits=known_visits(trial)[:1] + last)
    for one in plan_samples(fewer):
        ours, theirs = recipe_of(fewer, one), recipe_of(large, one)
        assert str(ours) == str(theirs) and ours.specimen == theirs.specimen


def test_dosing_in_weeks_and_in_days():
    assert dosing_days([{"from_week": 0, "to_week": 2}, {"from_week": 4, "to_week": 6.5}]) == [(0, 14), (28, 45.5)]
    assert dosing_days([{"from_day": 0, "to_day": 5}, {"from_day": 7, "to_day": 8}]) == [(0, 5), (7, 8)]
    assert dosing_days(trial_data("he2020")["dosing"]) == [(0, 14), (28, 42), (56, 70)]
    weekly = [(7 * week, 7 * week + 1) for week in range(1, 12)]
    assert dosing_days(trial_data("lupil2")["dosing"]) == [(0, 5), *weekly]
    assert dosing_days([]) == []


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize("side", [-3.0, 3.0])
def test_the_rarest_subject_has_a_recipe_too(trial, profile, side, monkeypatch):
    """Everything 3 SDs off at once: a share outside 0 to 1 would stop the writing of a trial halfway."""
    data = trial_data(trial, profile)
    level = {name: side * row["subject_sd"] for name, row in data["trajectories"].items()}
    log_sd = data["response"]["log_sd"]
    rare = Subject(level, dict.fromkeys(RESPONDING, math.exp(side * log_sd - log_sd**2 / 2)))
    monkeypatch.setattr("cytotrial.simulate.trial.plan.person_of", lambda plan, subject: rare)
    noises = dict.fromkeys(data["trajectories"], side)
    monkeypatch.setattr("cytotrial.simulate.trial.plan.visit_noises", lambda names, **key: noises)
    plan, average = (
        whole(trial, profile=profile, subjects_per_arm=1),
        tube_parameters("nk", trial=trial, profile=profile),
    )
    for one in plan_subjects(plan):
        for visit, day in plan.visits:
            shares = blood_shares(plan, one, visit=visit, day=day)
            assert {name: share for name, share in shares.items() if not 0.0 <= share <= 1.0} == {}, (one, visit)
            assert min(replace(average.composition, **shares).shares().values()) >= 0.0
