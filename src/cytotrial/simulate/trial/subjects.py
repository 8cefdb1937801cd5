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
    """Whether this subject left before any sample but the baseline's."""
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


def sampled_visits(plan: TrialPlan, subject: Enrolled) -> list[tuple[str, float]]:
    """The visits of which there are samples: always the baseline, then those not missed, until the subject leaves.

    Notes
    -----
    Missing completely at random with probability `missing`; dropout with the laboratory's `dropout` per visit, times
    3 for a subject that responds not at all, times 1 for an average one: missing at random given its course.
    """
    conduct = laboratory(plan.profile)
    missing = conduct.missing if plan.missing is None else plan.missing
    response = person_of(plan, subject).response["treg_of_cd4"]
    leaves = conduct.dropout * math.exp(math.log(3.0) * max(1.0 - response, -1.0))
    gone = False
    kept = []
    for visit, day in known_visits(plan.trial):  # all of them: what is not asked for changes nothing of the others
        if visit == plan.data["trial"]["baseline"]:
            kept.append((visit, day))
            continue
        random = stream(plan.seed, "missing", subject.subject_id, visit)
        came, stayed = bool(random.random() >= missing), bool(random.random() >= leaves)
        gone = gone or not stayed or is_withdrawn(plan, subject)
        if came and not gone:
            kept.append((visit, day))
    return [pair for pair in kept if pair in plan.visits]


def known_visits(trial: str, wanted: tuple[str, ...] | None = None) -> tuple[tuple[str, float], ...]:
    """The trial's visits (id, day) in order, only the `wanted` ones when given."""
    every = [
        (visit["id"], visit["day"] if "day" in visit else visit["week"] * 7) for visit in trial_data(trial)["visits"]
    ]
    return tuple(pair for pair in every if wanted is None or pair[0] in wanted)
