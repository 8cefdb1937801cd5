"""How a subject's shares move over the trial: exposure, subjects who differ, visits that wobble."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cytotrial.simulate.seeds import stream

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
    """Coefficient of variation of the subjects' responses, and the correlation of their logarithms."""

    cv: float
    correlation: float


@dataclass(frozen=True)
class Subject:
    """What stays with a subject: its level of each share (logit) and its response (factor, mean 1)."""

    level: Mapping[str, float]
    response: Mapping[str, float]


def exposure(week: float, *, half_life_days: float, dosing: Sequence[tuple[float, float]]) -> float:
    """How far the treatment has taken hold by `week`, 0 to 1.

    Parameters
    ----------
    half_life_days : float
        Of the approach to 1 while dosing, and of the decay to 0 after.
    dosing : sequence of (from_week, to_week)
        The last day is not dosed.

    Notes
    -----
    Day by day ``E <- on + (E - on) * exp(-ln 2 / half-life)``, on = 1 on dosing days.

    Examples
    --------
    >>> round(exposure(2, half_life_days=14, dosing=[(0, 2)]), 2)  # one half-life on
    0.5
    >>> round(exposure(4, half_life_days=14, dosing=[(0, 2)]), 2)  # and one off
    0.25
    """
    keep = math.exp(-math.log(2) / half_life_days)
    level = 0.0
    for day in range(round(week * 7)):
        on = any(start * 7 <= day < stop * 7 for start, stop in dosing)
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
    standard = {name: float(random.standard_normal()) for name in sorted(trajectories)}
    r = nk_bright_correlation
    standard["cd56bright_of_nk"] = (
        r * standard["nk_of_lymphocytes"] + math.sqrt(1.0 - r * r) * standard["cd56bright_of_nk"]
    )
    common = float(random.standard_normal())
    shared, own = math.sqrt(response.correlation), math.sqrt(1.0 - response.correlation)
    responses = {
        name: math.exp(response.cv * (shared * common + own * random.standard_normal()) - response.cv**2 / 2)
        for name in RESPONDING
    }
    return Subject({name: trajectories[name].subject_sd * z for name, z in standard.items()}, responses)


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


def staining_factors(markers: Sequence[str], *, sd: float, seed: int, sample_id: str) -> dict[str, float]:
    """Marker -> factor on its dye's light in this tube (log10 SD `sd`): no two stainings are equal."""
    random = stream(seed, "staining", sample_id)
    draws = 10.0 ** (sd * random.standard_normal(len(markers)))
    return dict(zip(sorted(markers), draws.tolist(), strict=True))


def day_gain(channels: Sequence[str], *, sd: float, seed: int, batch: str) -> dict[str, float]:
    """Channel -> factor on the instrument day `batch` (log10 SD `sd`), shared by all the day's tubes."""
    random = stream(seed, "gain", batch)
    return dict(zip(channels, np.power(10.0, sd * random.standard_normal(len(channels))).tolist(), strict=True))
