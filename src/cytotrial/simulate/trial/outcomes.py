"""Clinical endpoints of the subjects: as frequent as published, and better where a subject responds better."""

from __future__ import annotations

from collections.abc import Iterator
from math import log, sqrt
from statistics import NormalDist
from typing import Any

from cytotrial.simulate.seeds import stream
from cytotrial.simulate.trial.subjects import (
    Enrolled,
    TrialPlan,
    is_active,
    known_visits,
    left_on,
    person_of,
    plan_subjects,
)


def outcomes(plan: TrialPlan) -> Iterator[dict[str, str]]:
    """Rows of ``outcomes.tsv``: 1 or 0, empty for a subject that left before it could be judged.

    Notes
    -----
    Each endpoint has a latent normal variable per subject: `correlation` with the subject's (log) response on Treg,
    `persistence` between visits. The endpoint is met where it lies among the arm's published share of the best; for
    a harm, among that share of the worst. In a trial whose treatment does nothing both arms have the control's share.
    """
    wanted = {visit for visit, _ in plan.visits}
    days = dict(known_visits(plan.trial))
    for subject in plan_subjects(plan):
        left = left_on(plan, subject)
        for row in plan.data["outcomes"]["endpoints"]:
            if row["visit"] in wanted and _is_among(plan, subject, row):
                is_gone = left is not None and left <= days[row["visit"]]
                value = "" if is_gone else str(int(_is_met(plan, subject, row)))
                yield {
                    "subject_id": subject.subject_id,
                    "visit": row["visit"],
                    "endpoint": row["endpoint"],
                    "value": value,
                }


def _is_among(plan: TrialPlan, subject: Enrolled, row: dict[str, Any]) -> bool:
    among = row.get("among")
    return among is None or subject.number <= among["active" if is_active(plan, subject) else "control"]


def _is_met(plan: TrialPlan, subject: Enrolled, row: dict[str, Any]) -> bool:
    model = plan.data["outcomes"]
    works = is_active(plan, subject) and plan.data.get("effect", 1.0) > 0
    events, of = row["active" if works else "control"]
    response = plan.data["response"]
    treg = person_of(plan, subject).response["treg_of_cd4"]
    standard = (log(treg) + response["log_sd"] ** 2 / 2) / response["log_sd"]
    lasting = float(stream(plan.seed, "outcome", subject.subject_id, row["endpoint"]).standard_normal())
    once = float(stream(plan.seed, "outcome", subject.subject_id, row["endpoint"], row["visit"]).standard_normal())
    own = sqrt(model["persistence"]) * lasting + sqrt(1.0 - model["persistence"]) * once
    r = (-1.0 if row.get("harm") else 1.0) * model["correlation"]
    latent = r * standard + sqrt(1.0 - r * r) * own
    return NormalDist().cdf(latent) > 1.0 - events / of
