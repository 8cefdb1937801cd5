"""Who is in the trial: randomisation, sites, who leaves, and whose samples there are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cytotrial.simulate.blood.trajectory import Response, Subject, Trajectory, draw_subject
from cytotrial.simulate.parameters import DEFAULT_PROFILE, laboratory, trial_data
from cytotrial.simulate.seeds import stream


@dataclass(frozen=True)
class TrialPlan:
    """A trial to simulate: the named trial's and profile's parameters with what the caller changed.

    Attributes
    ----------
    trial, profile : str
        Of `parameters.TRIALS` and `parameters.PROFILES`.
    seed : int
    subjects_per_arm : int
    visits : tuple of (id, day)
    events : mapping
        Panel -> events per file; empty for the trial's own numbers and the profile's exceptions from them.
    missing : float, optional
        Probability that a subject's visit after baseline gave no sample; by default the profile's.
    """

    trial: str
    seed: int
    subjects_per_arm: int
    visits: tuple[tuple[str, float], ...]
    profile: str = DEFAULT_PROFILE
    events: Mapping[str, int] = field(default_factory=dict)
    missing: float | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The trial's parameters under the profile."""
        return trial_data(self.trial, self.profile)


@dataclass(frozen=True)
class Enrolled:
    """A subject: its arm, its number within the arm (from 1), its site, and the cohort it is measured with there."""

    subject_id: str
    arm: str
    number: int
    site: str
    cohort: int
    place: int


def plan_subjects(plan: TrialPlan) -> list[Enrolled]:
    """The subjects in order of enrolment, randomised in blocks of one per arm; ids do not tell the arm.

    A smaller trial is the beginning of a larger one with the same seed. The blocks go round the sites.
    """
    data = plan.data
    arms = [arm["id"] for arm in data["arms"]]
    subjects: list[Enrolled] = []
    at_site: dict[str, int] = {}
    for block in range(plan.subjects_per_arm):
        order = stream(plan.seed, "randomisation", str(block)).permutation(len(arms))
        site = f"site{block % data['sites'] + 1:02d}"
        for arm in (arms[i] for i in order):
            before = at_site.get(site, 0)
            at_site[site] = before + 1
            cohort, place = divmod(before, data["cohort"])
            subjects.append(Enrolled(f"S{len(subjects) + 1:03d}", arm, block + 1, site, cohort, place))
    return subjects


def is_withdrawn(plan: TrialPlan, subject: Enrolled) -> bool:
    """Whether this subject is the one that by the trial's plan leaves before any sample but the baseline's."""
    return plan.data["withdrawn"] == {"arm": subject.arm, "number": subject.number}


def breaks_protocol(plan: TrialPlan, subject: Enrolled) -> bool:
    """Whether this subject is outside the per-protocol set though it has its samples."""
    rule = plan.data["not_per_protocol"]
    if "sites" in rule:
        return int(subject.site.removeprefix("site")) <= rule["sites"]
    return rule == {"arm": subject.arm, "number": subject.number}


def is_active(plan: TrialPlan, subject: Enrolled) -> bool:
    """Whether the subject's arm is treated."""
    return next(arm["role"] for arm in plan.data["arms"] if arm["id"] == subject.arm) == "active"


def person_of(plan: TrialPlan, subject: Enrolled) -> Subject:
    """What stays with the subject: its levels and its response."""
    data = plan.data
    return draw_subject(
        subject.subject_id,
        trajectories={name: Trajectory(**row) for name, row in data["trajectories"].items()},
        response=Response(**data["response"]),
        nk_bright_correlation=data["nk_bright_correlation"],
        seed=plan.seed,
    )


def left_on(plan: TrialPlan, subject: Enrolled) -> float | None:
    """The day of the first visit to which the subject no longer came; None for one who stayed.

    Notes
    -----
    Per visit after baseline with the laboratory's `dropout`, times 3 for a subject that responds not at all, times 1
    for an average one. The response is in no sheet: missing not at random.
    """
    conduct = laboratory(plan.profile)
    response = person_of(plan, subject).response["treg_of_cd4"]
    leaves = conduct.dropout * math.exp(math.log(3.0) * max(1.0 - response, -1.0))
    for visit, day in _after_baseline(plan):
        stayed = _chances(plan, subject, visit)[1] >= leaves
        if is_withdrawn(plan, subject) or not stayed:
            return day
    return None


def sampled_visits(plan: TrialPlan, subject: Enrolled) -> list[tuple[str, float]]:
    """The visits of which there are samples: the baseline, then those not missed, until the subject leaves."""
    missing = laboratory(plan.profile).missing if plan.missing is None else plan.missing
    left = left_on(plan, subject)
    kept = [pair for pair in known_visits(plan.trial) if pair[0] == plan.data["trial"]["baseline"]]
    for visit, day in _after_baseline(plan):
        if _chances(plan, subject, visit)[0] >= missing and (left is None or day < left):
            kept.append((visit, day))
    return [pair for pair in kept if pair in plan.visits]


def was_followed(plan: TrialPlan, subject: Enrolled) -> bool:
    """Whether the subject came to any visit after baseline, asked for here or not."""
    first = min((day for _, day in _after_baseline(plan)), default=0.0)
    left = left_on(plan, subject)
    return left is None or left > first


def _after_baseline(plan: TrialPlan) -> list[tuple[str, float]]:
    """All the trial's later visits: what is not asked for changes nothing of the others."""
    return [pair for pair in known_visits(plan.trial) if pair[0] != plan.data["trial"]["baseline"]]


def _chances(plan: TrialPlan, subject: Enrolled, visit: str) -> tuple[float, float]:
    """Two numbers from 0 to 1: whether this visit was missed, and whether the subject left."""
    random = stream(plan.seed, "missing", subject.subject_id, visit)
    return float(random.random()), float(random.random())


def known_visits(trial: str, wanted: tuple[str, ...] | None = None) -> tuple[tuple[str, float], ...]:
    """The trial's visits (id, day) in order, only the `wanted` ones when given."""
    every = [
        (visit["id"], visit["day"] if "day" in visit else visit["week"] * 7) for visit in trial_data(trial)["visits"]
    ]
    return tuple(pair for pair in every if wanted is None or pair[0] in wanted)
