"""Who is measured when."""

from collections import Counter
from dataclasses import replace

import pytest

from cytotrial.simulate.defaults import trial_data
from cytotrial.simulate.plan import (
    TrialPlan,
    blood_shares,
    is_withdrawn,
    known_visits,
    plan_samples,
    plan_subjects,
)

DEMO = TrialPlan("demo", 1, 5, known_visits("demo", None), {"treg": 100, "nk": 100})
HE2020 = TrialPlan("he2020", 1, 30, known_visits("he2020", None), {"treg": 100, "nk": 100})


def test_every_subject_visit_and_panel_once():
    samples = plan_samples(DEMO)
    keys = Counter((s.subject_id, s.visit, s.panel) for s in samples)
    assert len(samples) == 80 and set(keys.values()) == {1}
    assert [s.sample_id for s in samples] == sorted(s.sample_id for s in samples)


def test_he2020_has_the_papers_numbers():
    subjects = plan_subjects(HE2020)
    assert Counter(s.arm for s in subjects) == {"IL2": 30, "PBO": 30}
    kept = Counter(s.arm for s in subjects if not is_withdrawn(HE2020, s))
    assert kept == {"IL2": 29, "PBO": 30}
    assert [week for _, week in HE2020.visits] == [0, 2, 4, 6, 8, 10, 12, 16, 20, 24]
    assert len(plan_samples(HE2020)) == (59 * 10 + 1) * 2  # who left gave a baseline sample


def test_ids_do_not_tell_the_arm_and_a_small_trial_begins_a_large_one():
    small = plan_subjects(replace(HE2020, subjects_per_arm=4))
    assert small == plan_subjects(HE2020)[:8]
    firsts = {plan_subjects(replace(HE2020, seed=seed))[0].arm for seed in range(12)}
    assert firsts == {"IL2", "PBO"}


def test_a_visits_day_has_one_batch_both_arms_and_one_gain():
    samples = plan_samples(DEMO)
    assert {s.batch for s in samples} == {f"{visit}-day1" for visit, _ in DEMO.visits}
    for panel in ("treg", "nk"):
        gains = {(s.batch, tuple(s.parameters.gain.items())) for s in samples if s.panel == panel}
        assert len(gains) == 4
    by_panel = {s.panel: s.parameters.gain["PE-Cy7-A"] for s in samples if s.batch == "W0-day1"}
    assert by_panel["treg"] == by_panel["nk"]  # the same detector on the same day
    assert all(s.batch[: -len("-day1")] == s.visit for s in samples)


def test_both_tubes_hold_the_same_blood():
    tubes = [s.parameters.composition for s in plan_samples(DEMO) if (s.subject_id, s.visit) == ("S003", "W2")]
    assert len({(c.treg_of_cd4, c.nk_of_lymphocytes, c.b_of_lymphocytes, c.cd4_of_cd3) for c in tubes}) == 1
    assert tubes[0].debris != tubes[1].debris


def test_without_effect_both_arms_are_as_the_placebo_arm():
    subjects = plan_subjects(HE2020)
    null = replace(HE2020, effect=0.0)
    for subject in subjects[:20]:
        with_effect = blood_shares(HE2020, subject, visit="W10", week=10)
        without = blood_shares(null, subject, visit="W10", week=10)
        assert (with_effect == without) == (subject.arm == "PBO")
        if subject.arm == "IL2":
            assert with_effect["treg_of_cd4"] > without["treg_of_cd4"]
            assert with_effect["cd4_of_cd3"] == without["cd4_of_cd3"]
            assert with_effect["activated_of_conventional_cd4"] == pytest.approx(0.04 + 0.03 * 0.72, abs=2e-4)


def test_missing_samples_come_as_asked_and_never_at_baseline():
    samples = plan_samples(replace(HE2020, missing=0.3))
    later = [s for s in samples if s.visit != "W0"]
    assert sum(s.visit == "W0" for s in samples) == 120
    assert len(later) / (59 * 9 * 2) == pytest.approx(0.7, abs=4 * (0.21 / (59 * 9)) ** 0.5)
    assert all(n == 2 for n in Counter((s.subject_id, s.visit) for s in samples).values())  # both tubes or none


@pytest.mark.parametrize("trial", ["demo", "he2020"])
def test_the_average_tube_agrees_with_the_trajectories(trial):
    data = trial_data(trial)
    known = data["composition"]
    for name, row in data["trajectories"].items():
        if name in known:  # mean of the logit-normal is near its centre; SD below 0.6
            centre = 1 / (1 + 2.718281828 ** -row["mu"])
            assert known[name] == pytest.approx(centre, rel=0.17), name
