"""One complete recipe per FCS file: whose blood, which instrument day, how the file is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from cytotrial.simulate.blood.cells import Kinds
from cytotrial.simulate.blood.trajectory import (
    Person,
    Trajectory,
    exposure,
    levels_of,
    share_at,
    visit_noises,
)
from cytotrial.simulate.fcs.keywords import Specimen
from cytotrial.simulate.instrument.laboratory import (
    Habit,
    InstrumentDay,
    habit_of,
    instrument_day,
    staining_factors,
)
from cytotrial.simulate.parameters import PANELS, laboratory, tube_name, tube_parameters, whole_cytometer
from cytotrial.simulate.seeds import stream
from cytotrial.simulate.trial.subjects import (
    Enrolled,
    TrialPlan,
    is_active,
    person_of,
    plan_subjects,
    sampled_visits,
)
from cytotrial.simulate.tube import TubeParameters

NOT_LYMPHOCYTES = ("monocytes", "granulocytes", "basophils", "debris", "dead", "dying")
MINUTES_PER_TUBE = 4
DAYS_PER_WEEK = 7.0


@dataclass(frozen=True)
class SamplePlan:
    """One FCS file to be: whose, when, in which instrument batch; `recipe_of` makes all that its tube needs."""

    sample_id: str
    subject: Enrolled
    visit: str
    day: float
    panel: str
    batch: str

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.sample_id}.fcs"


@dataclass(frozen=True)
class Recipe:
    """All that one tube and its file need."""

    parameters: TubeParameters
    specimen: Specimen


def plan_samples(plan: TrialPlan) -> list[SamplePlan]:
    """Every file of the trial in order of its sample id; light, so that a large trial can be planned at once."""
    samples = [
        SamplePlan(
            sample_id=f"{subject.subject_id}_{visit}_{panel}",
            subject=subject,
            visit=visit,
            day=day,
            panel=panel,
            batch=_batch(plan, subject, visit),
        )
        for subject in plan_subjects(plan)
        for visit, day in sampled_visits(plan, subject)
        for panel in PANELS
    ]
    return sorted(samples, key=lambda sample: sample.sample_id)


def recipe_of(plan: TrialPlan, sample: SamplePlan) -> Recipe:
    """The tube's parameters and what its file says about it; the same whatever else is in the trial."""
    lab = laboratory(plan.profile)
    base = tube_parameters(sample.panel, trial=plan.trial, profile=plan.profile)
    detectors, spillover = whole_cytometer(plan.profile)
    calendar_day = _calendar_day(plan, sample)
    day = instrument_day(
        lab,
        detectors=detectors,
        spillover=spillover,
        seed=plan.seed,
        site=sample.subject.site,
        batch=sample.batch,
        day=calendar_day,
    )
    habit = habit_of(lab, seed=plan.seed, batch=sample.batch, panel=sample.panel)
    parameters = replace(
        base,
        n_events=plan.events.get(sample.panel) or round(habit.events * base.n_events),
        composition=replace(base.composition, **_shares(plan, sample)),
        kinds=_kinds(plan, sample, base.kinds),
    )
    markers = tuple(marker for detector in base.detectors for marker in detector.markers)
    staining = staining_factors(
        lab, markers, seed=plan.seed, sample_id=sample.sample_id, week=sample.day / DAYS_PER_WEEK
    )
    parameters = _on_the_day(parameters, day, [d.name for d in detectors], staining)
    return Recipe(_written_as(parameters, habit), _specimen(plan, sample, calendar_day))


def blood_shares(plan: TrialPlan, subject: Enrolled, *, visit: str, day: float) -> dict[str, float]:
    """Composition's fields that belong to the subject's blood at this visit, the same in both tubes."""
    data = plan.data
    trajectories = {name: Trajectory(**row) for name, row in data["trajectories"].items()}
    person = person_of(plan, subject)
    noises = visit_noises(tuple(trajectories), seed=plan.seed, subject_id=subject.subject_id, visit=visit)
    held = _exposures(plan, subject, day)
    shares = {
        name: share_at(name, one, subject=person, exposure=held[name], visit_noise=noises[name])
        for name, one in trajectories.items()
    }
    double_negative = shares.pop("double_negative_of_not_cd4")
    shares["cd8_of_cd3"] = (1.0 - shares["cd4_of_cd3"]) * (1.0 - double_negative)
    # T cells keep a tenth of the lymphocytes even where NK and B both drew high
    nk = shares["nk_of_lymphocytes"] = min(shares["nk_of_lymphocytes"], 0.8)
    shares["b_of_lymphocytes"] = min(shares["b_of_lymphocytes"], 0.9 - nk)
    composition = data["composition"]
    base, rise = composition["activated_of_conventional_cd4"], data["activated_rise"] * held["treg_of_cd4"]
    naive = composition["naive_of_conventional_cd4"] * (1.0 - base - rise) / (1.0 - base)
    return {
        **shares,
        "activated_of_conventional_cd4": base + rise,
        "naive_of_conventional_cd4": naive,
        "activated_of_cd8": composition["activated_of_cd8"] + rise,
    }


def _exposures(plan: TrialPlan, subject: Enrolled, day: float) -> dict[str, float]:
    """Trajectory -> how far the treatment has taken hold of it: 0 in a control arm, and where it does nothing."""
    data = plan.data
    taken = data.get("effect", 1.0) if is_active(plan, subject) else 0.0
    dosing = dosing_days(data["dosing"])
    return {
        name: taken * exposure(day, half_life_days=row["half_life_days"], dosing=dosing) if taken else 0.0
        for name, row in data["trajectories"].items()
    }


def dosing_days(blocks: list[dict[str, float]]) -> list[tuple[float, float]]:
    """Dosing periods as (from, to) in days, whether they are written in days or weeks."""
    return [
        (block["from_day"], block["to_day"])
        if "from_day" in block
        else (block["from_week"] * DAYS_PER_WEEK, block["to_week"] * DAYS_PER_WEEK)
        for block in blocks
    ]


def _shares(plan: TrialPlan, sample: SamplePlan) -> dict[str, float]:
    blood = blood_shares(plan, sample.subject, visit=sample.visit, day=sample.day)
    held = _exposures(plan, sample.subject, sample.day)["nk_of_lymphocytes"]
    return {**blood, **_preparation_shares(plan, plan.data, sample.sample_id, held)}


def _preparation_shares(plan: TrialPlan, data: dict[str, Any], sample_id: str, held: float) -> dict[str, float]:
    """The shares that the preparation of this tube decides: what is not a lymphocyte."""
    draws = stream(plan.seed, "preparation", sample_id).standard_normal(len(NOT_LYMPHOCYTES))
    effects = np.array([data.get("preparation_effects", {}).get(name, 0.0) for name in NOT_LYMPHOCYTES])
    factors = np.exp(data["matrix_sd"] * draws + effects * held)
    shares = np.array([data["composition"][name] for name in NOT_LYMPHOCYTES]) * factors
    shares *= min(1.0, 0.9 / shares.sum())  # some lymphocytes are left whatever chance says
    return dict(zip(NOT_LYMPHOCYTES, shares.tolist(), strict=True))


def _kinds(plan: TrialPlan, sample: SamplePlan, kinds: Kinds) -> Kinds:
    """The kinds of cell as this subject has them at this visit: its own levels, and what the treatment adds."""
    data = plan.data
    own = levels_of(kinds, Person(**data["person"]), seed=plan.seed, subject_id=sample.subject.subject_id)
    held = _exposures(plan, sample.subject, sample.day)["treg_of_cd4"]
    treated = {
        name: {marker: rise * held for marker, rise in rises.items()}
        for name, rises in data["levels_under_treatment"].items()
    }
    shifted = []
    for population in kinds.populations:
        for shift in (own, treated, data.get("kinds", {})):
            population = population.shifted(shift.get(population.name, {}))
        shifted.append(population)
    return replace(kinds, populations=tuple(shifted))


def _on_the_day(
    parameters: TubeParameters, day: InstrumentDay, all_names: list[str], staining: Mapping[str, float]
) -> TubeParameters:
    """The tube on its instrument day: gains, dyes and matrices of the detectors that it uses."""
    names = [detector.name for detector in parameters.detectors]
    rows = np.ix_(*[[all_names.index(name) for name in names]] * 2)
    dyes = {marker: day.dyes[detector.name] for detector in parameters.detectors for marker in detector.markers}
    return replace(
        parameters,
        gain={name: day.gain[name] for name in (*names, "FSC-A", "SSC-A")},
        baseline={name: day.baseline[name] for name in names},
        voltage_step={name: step for name, step in day.voltage.items() if name in names},
        staining={marker: factor * dyes[marker] for marker, factor in staining.items()},
        spillover=day.spillover[rows],
        recorded_spillover=day.recorded[rows],
    )


def _written_as(parameters: TubeParameters, habit: Habit) -> TubeParameters:
    """The tube without what the day's files lack, in the day's form."""
    kept = [i for i, d in enumerate(parameters.detectors) if not set(d.markers) & set(habit.lacks)]
    recorded = parameters.recorded_spillover
    names = tuple(parameters.detectors[i].name for i in kept)
    return replace(
        parameters,
        detectors=tuple(parameters.detectors[i] for i in kept),
        spillover=parameters.spillover[np.ix_(kept, kept)],
        recorded_spillover=None if recorded is None else recorded[np.ix_(kept, kept)],
        gain=_of(parameters.gain, ("FSC-A", "SSC-A", *names)),
        baseline=_of(parameters.baseline, names),
        voltage_step=_of(parameters.voltage_step, names),
        scatter=tuple(name for name in parameters.scatter if name not in habit.lacks),
        lacks_time="Time" in habit.lacks,
        pulse_heights=parameters.pulse_heights or habit.pulse_heights,
        form=habit.form or parameters.form,
    )


def _of(by_name: Mapping[str, float], names: tuple[str, ...]) -> dict[str, float]:
    return {name: value for name, value in by_name.items() if name in names}


def _specimen(plan: TrialPlan, sample: SamplePlan, calendar_day: float) -> Specimen:
    subject = sample.subject
    minutes = (subject.place * len(PANELS) + PANELS.index(sample.panel)) * MINUTES_PER_TUBE
    first = date.fromisoformat(str(plan.data["first_day"]))
    begin = datetime.combine(first + timedelta(days=calendar_day), time(9)) + timedelta(minutes=minutes)
    return Specimen(
        file=sample.file,
        source=f"{subject.subject_id} {sample.visit}",
        tube=tube_name(sample.panel, profile=plan.profile),
        experiment=f"{plan.data['trial']['id']} {sample.batch}",
        begin=begin,
        made_by=f"trial {plan.trial}, profile {plan.profile}, seed {plan.seed}",
    )


def _batch(plan: TrialPlan, subject: Enrolled, visit: str) -> str:
    """The instrument day: one per cohort and visit, at each site."""
    site = f"{subject.site}-" if plan.data["sites"] > 1 else ""
    return f"{site}{visit}-day{subject.cohort + 1}"


def _calendar_day(plan: TrialPlan, sample: SamplePlan) -> float:
    """Days since the trial's first; a cohort's visits are on one day, later cohorts enrol later."""
    return round(sample.day) + sample.subject.cohort * plan.data["enrolment_days"]
