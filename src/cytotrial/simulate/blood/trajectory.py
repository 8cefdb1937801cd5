"""How a subject's shares and levels move over the trial: exposure, subjects who differ, visits that wobble."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cytotrial.simulate.blood.cells import Kinds
from cytotrial.simulate.seeds import stream

FURTHEST = 3.0  # SDs of a person from the average: beyond, it would not have been enrolled
RESPONDING = ("treg_of_cd4", "nk_of_lymphocytes", "cd56bright_of_nk")


@dataclass(frozen=True)
class Trajectory:
    """One share on the logit scale: ``mu + subject + effect * response * exposure + visit``."""

    mu: float
    effect: float
    subject_sd: float
    visit_sd: float
    half_life_days: float


@dataclass(frozen=True)
class Response:
    """SD of the (natural) logarithm of the subjects' responses, and the correlation of these logarithms."""

    log_sd: float
    correlation: float


@dataclass(frozen=True)
class Subject:
    """What stays with a subject: its level of each share (logit) and its response (factor, mean 1)."""

    level: Mapping[str, float]
    response: Mapping[str, float]


def exposure(day: float, *, half_life_days: float, dosing: Sequence[tuple[float, float]]) -> float:
    """How far the treatment has taken hold by `day`, 0 to 1.

    Parameters
    ----------
    day : float
        Since the first dose.
    half_life_days : float
        Of the approach to 1 while dosing, and of the decay to 0 after.
    dosing : sequence of (from_day, to_day)
        The last day is not dosed.

    Notes
    -----
    Day by day ``E <- on + (E - on) * exp(-ln 2 / half-life)``, on = 1 on dosing days.

    Examples
    --------
    >>> round(exposure(14, half_life_days=14, dosing=[(0, 14)]), 2)  # one half-life on
    0.5
    >>> round(exposure(28, half_life_days=14, dosing=[(0, 14)]), 2)  # and one off
    0.25
    """
    keep = math.exp(-math.log(2) / half_life_days)
    level = 0.0
    for passed in range(round(day)):
        on = any(start <= passed < stop for start, stop in dosing)
        level = float(on) + (level - on) * keep
    return level


def draw_subject(
    subject_id: str,
    *,
    trajectories: Mapping[str, Trajectory],
    response: Response,
    nk_bright_correlation: float,
    seed: int,
) -> Subject:
    """The subject's lasting differences; the same whatever other subjects there are.

    Notes
    -----
    Responses are log-normal with mean 1 and correlated through one common factor: who responds on Treg
    responds on NK. The levels of NK and of CD56bright of NK are correlated by `nk_bright_correlation`.
    """
    random = stream(seed, "subject", subject_id)
    standard = {name: _within_reach(float(random.standard_normal())) for name in sorted(trajectories)}
    r = nk_bright_correlation
    standard["cd56bright_of_nk"] = _within_reach(
        r * standard["nk_of_lymphocytes"] + math.sqrt(1.0 - r * r) * standard["cd56bright_of_nk"]
    )
    common = float(random.standard_normal())
    shared, own = math.sqrt(response.correlation), math.sqrt(1.0 - response.correlation)
    responses = {
        name: math.exp(response.log_sd * (shared * common + own * random.standard_normal()) - response.log_sd**2 / 2)
        for name in RESPONDING
    }
    return Subject({name: trajectories[name].subject_sd * z for name, z in standard.items()}, responses)


def _within_reach(z: float) -> float:
    return min(max(z, -FURTHEST), FURTHEST)


def share_at(
    name: str,
    trajectory: Trajectory,
    *,
    subject: Subject,
    exposure: float,
    visit_noise: float,
) -> float:
    """The share (0 to 1) of one subject at one visit; `exposure` is 0 in a control arm."""
    logit = (
        trajectory.mu
        + subject.level[name]
        + trajectory.effect * subject.response.get(name, 1.0) * exposure
        + trajectory.visit_sd * visit_noise
    )
    return 1.0 / (1.0 + math.exp(-logit))


def visit_noises(names: Sequence[str], *, seed: int, subject_id: str, visit: str) -> dict[str, float]:
    """One standard normal number per share for this subject's visit, shared by its tubes."""
    random = stream(seed, "visit", subject_id, visit)
    return dict(zip(sorted(names), random.standard_normal(len(names)).tolist(), strict=True))


@dataclass(frozen=True)
class Person:
    """SD of log10 of what stays with a subject: a marker's level on all its cells, on one kind, its cells' scatter."""

    marker_sd: float
    kind_sd: float
    scatter_sd: float


def levels_of(kinds: Kinds, person: Person, *, seed: int, subject_id: str) -> dict[str, dict[str, float]]:
    """Kind of cell -> marker, ``FSC`` or ``SSC`` -> log10 by which this subject's median differs, at every visit."""
    markers = sorted({marker for population in kinds.populations for marker in population.markers})
    random = stream(seed, "levels", subject_id)
    everywhere = dict(zip(markers, person.marker_sd * random.standard_normal(len(markers)), strict=True))
    levels = {}
    for population in sorted(kinds.populations, key=lambda one: one.name):
        own = person.kind_sd * random.standard_normal(len(markers))
        forward, side = person.scatter_sd * random.standard_normal(2)
        if population.remains:  # what is left of other kinds has their levels already
            continue
        levels[population.name] = {
            **{marker: float(everywhere[marker] + own[i]) for i, marker in enumerate(markers)},
            "FSC": float(forward),
            "SSC": float(side),
        }
    return levels
