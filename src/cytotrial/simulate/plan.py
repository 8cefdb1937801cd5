"""Who is measured when: the trial's subjects, and one complete recipe per FCS file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from cytotrial.simulate.defaults import all_detectors, trial_data, tube_name, tube_parameters
from cytotrial.simulate.keywords import Specimen
from cytotrial.simulate.seeds import stream
from cytotrial.simulate.trajectory import (
    Response,
    Trajectory,
    day_gain,
    draw_subject,
    exposure,
    share_at,
    staining_factors,
    visit_noises,
)
from cytotrial.simulate.tube import TubeParameters

PANELS = ("treg", "nk")
NOT_LYMPHOCYTES = ("monocytes", "granulocytes", "debris", "dead")
MINUTES_PER_TUBE = 4


@dataclass(frozen=True)
class TrialPlan:
    """A trial to simulate: the named trial's parameters with what the caller changed.

    Attributes
    ----------
    trial : str
        ``demo`` or ``he2020``.
    seed : int
    subjects_per_arm : int
    visits : tuple of (id, week)
    events : mapping
        Panel -> events per file.
    effect : float
        Factor on every treatment effect: 1 as published, 0 for a trial in which the treatment does nothing.
    missing : float
        Probability that a subject's visit after baseline gave no sample.
    """

    trial: str
    seed: int
    subjects_per_arm: int
    visits: tuple[tuple[str, float], ...]
    events: Mapping[str, int]
    effect: float = 1.0
    missing: float = 0.0


@dataclass(frozen=True)
class Enrolled:
    """A subject: its arm, its number within the arm (from 1), the instrument cohort it is measured in."""

    subject_id: str
    arm: str
    number: int
    cohort: int


@dataclass(frozen=True)
class SamplePlan:
    """One FCS file to be: whose, when, and all that its tube needs."""

    sample_id: str
    subject_id: str
    visit: str
    panel: str
    batch: str
    parameters: TubeParameters
    specimen: Specimen
    seed: int


def plan_subjects(plan: TrialPlan) -> list[Enrolled]:
    """The subjects in order of enrolment, randomised in blocks of one per arm; ids do not tell the arm.

    A smaller trial is the beginning of a larger one with the same seed.
    """
    data = trial_data(plan.trial)
    arms = [arm["id"] for arm in data["arms"]]
    subjects: list[Enrolled] = []
    for block in range(plan.subjects_per_arm):
        order = stream(plan.seed, "randomisation", str(block)).permutation(len(arms))
        for arm in (arms[i] for i in order):
            place = len(subjects)
            subjects.append(Enrolled(f"S{place + 1:03d}", arm, block + 1, place // data["cohort"]))
    return subjects


def plan_samples(plan: TrialPlan) -> list[SamplePlan]:
    """Every file of the trial in order of its sample id."""
    subjects = plan_subjects(plan)
    samples = [
        _plan_sample(plan, subject, visit, week, panel)
        for subject in subjects
        for visit, week in plan.visits
        if _was_sampled(plan, subject, visit)
        for panel in PANELS
    ]
    return sorted(samples, key=lambda sample: sample.sample_id)


def is_withdrawn(plan: TrialPlan, subject: Enrolled) -> bool:
    """Whether this subject left before any sample but the baseline's."""
    return trial_data(plan.trial)["withdrawn"] == {"arm": subject.arm, "number": subject.number}


def breaks_protocol(plan: TrialPlan, subject: Enrolled) -> bool:
    """Whether this subject is outside the per-protocol set though it has its samples."""
    return trial_data(plan.trial)["not_per_protocol"] == {"arm": subject.arm, "number": subject.number}


def _was_sampled(plan: TrialPlan, subject: Enrolled, visit: str) -> bool:
    if visit == trial_data(plan.trial)["trial"]["baseline"]:
        return True
    if is_withdrawn(plan, subject):
        return False
    return bool(stream(plan.seed, "missing", subject.subject_id, visit).random() >= plan.missing)


def _plan_sample(plan: TrialPlan, subject: Enrolled, visit: str, week: float, panel: str) -> SamplePlan:
    data = trial_data(plan.trial)
    sample_id = f"{subject.subject_id}_{visit}_{panel}"
    batch = f"{visit}-day{subject.cohort + 1}"
    base = tube_parameters(panel, trial=plan.trial)
    blood = blood_shares(plan, subject, visit=visit, week=week)
    preparation = _preparation_shares(plan, data, sample_id)
    parameters = replace(
        base,
        n_events=plan.events[panel],
        composition=replace(base.composition, **blood, **preparation),
        gain=_tube_gain(plan, data, base, batch),
        staining=_tube_staining(plan, data, base, sample_id),
    )
    specimen = Specimen(
        file=f"{sample_id}.fcs",
        source=f"{subject.subject_id} {visit}",
        tube=tube_name(panel),
        experiment=f"{data['trial']['id']} {batch}",
        begin=_begin(data, subject, week, panel),
        made_by=f"trial {plan.trial}, seed {plan.seed}",
    )
    return SamplePlan(sample_id, subject.subject_id, visit, panel, batch, parameters, specimen, plan.seed)


def blood_shares(plan: TrialPlan, subject: Enrolled, *, visit: str, week: float) -> dict[str, float]:
    """Composition's fields that belong to the subject's blood at this visit, the same in both tubes."""
    data = trial_data(plan.trial)
    trajectories = {name: Trajectory(**row) for name, row in data["trajectories"].items()}
    person = draw_subject(
        subject.subject_id,
        trajectories=trajectories,
        response=Response(**data["response"]),
        nk_bright_correlation=data["nk_bright_correlation"],
        seed=plan.seed,
    )
    noises = visit_noises(tuple(trajectories), seed=plan.seed, subject_id=subject.subject_id, visit=visit)
    dosing = [(block["from_week"], block["to_week"]) for block in data["dosing"]]
    active = next(arm["role"] for arm in data["arms"] if arm["id"] == subject.arm) == "active"
    taken = plan.effect if active else 0.0
    held = {
        name: taken * exposure(week, half_life_days=one.half_life_days, dosing=dosing)
        for name, one in trajectories.items()
    }
    shares = {
        name: share_at(name, one, subject=person, exposure=held[name], visit_noise=noises[name])
        for name, one in trajectories.items()
    }
    double_negative = shares.pop("double_negative_of_not_cd4")
    shares["cd8_of_cd3"] = (1.0 - shares["cd4_of_cd3"]) * (1.0 - double_negative)
    # T cells keep a tenth of the lymphocytes even where NK and B both drew high
    shares["b_of_lymphocytes"] = min(shares["b_of_lymphocytes"], 0.9 - shares["nk_of_lymphocytes"])
    base = data["composition"]["activated_of_conventional_cd4"]
    activated = base + data["activated_rise"] * held["treg_of_cd4"]
    naive = data["composition"]["naive_of_conventional_cd4"] * (1.0 - activated) / (1.0 - base)
    return {**shares, "activated_of_conventional_cd4": activated, "naive_of_conventional_cd4": naive}


def _preparation_shares(plan: TrialPlan, data: dict[str, Any], sample_id: str) -> dict[str, float]:
    """The shares that the preparation of this tube decides: what is not a lymphocyte."""
    draws = stream(plan.seed, "preparation", sample_id).standard_normal(len(NOT_LYMPHOCYTES))
    factors = np.exp(data["matrix_sd"] * draws)
    shares = np.array([data["composition"][name] for name in NOT_LYMPHOCYTES]) * factors
    shares *= min(1.0, 0.9 / shares.sum())  # some lymphocytes are left whatever chance says
    return dict(zip(NOT_LYMPHOCYTES, shares.tolist(), strict=True))


def _tube_gain(plan: TrialPlan, data: dict[str, Any], base: TubeParameters, batch: str) -> dict[str, float]:
    everywhere = day_gain((*all_detectors(), "FSC-A", "SSC-A"), sd=data["gain_sd"], seed=plan.seed, batch=batch)
    own = {detector.name for detector in base.detectors} | {"FSC-A", "SSC-A"}
    return {name: factor for name, factor in everywhere.items() if name in own}


def _tube_staining(plan: TrialPlan, data: dict[str, Any], base: TubeParameters, sample_id: str) -> dict[str, float]:
    markers = [marker for detector in base.detectors for marker in detector.markers]
    return staining_factors(markers, sd=data["staining_sd"], seed=plan.seed, sample_id=sample_id)


def _begin(data: dict[str, Any], subject: Enrolled, week: float, panel: str) -> datetime:
    """When the tube was put on: one day per cohort and visit, tubes in order of the subjects."""
    first = date.fromisoformat(str(data["first_day"]))
    day = first + timedelta(days=round(week * 7) + subject.cohort)
    place = (int(subject.subject_id[1:]) - 1) % data["cohort"]
    minutes = (place * len(PANELS) + PANELS.index(panel)) * MINUTES_PER_TUBE
    return datetime.combine(day, time(9)) + timedelta(minutes=minutes)


def known_visits(trial: str, wanted: Sequence[str] | None) -> tuple[tuple[str, float], ...]:
    """The trial's visits in order, only the `wanted` ones when given."""
    every = [(visit["id"], visit["week"]) for visit in trial_data(trial)["visits"]]
    return tuple(pair for pair in every if wanted is None or pair[0] in wanted)
