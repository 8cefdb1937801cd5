"""The blood of many trials' subjects at once: the shares that `plan.blood_shares` gives one by one, as arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cytotrial.simulate.blood.trajectory import FURTHEST, RESPONDING, exposure
from cytotrial.simulate.seeds import stream
from cytotrial.simulate.trial.plan import dosing_days

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """What all the trials of a series have in common.

    Attributes
    ----------
    data : mapping
        As of `parameters.trial_data`; two or more arms.
    subjects_per_arm : int
    visits : tuple of (id, day)
        The baseline among them; who misses or leaves does so at one of them.
    effect : float
        Factor on the treatment's effect, on top of the profile's; 0 for a series of null trials.
    missing, dropout : float
        Probability that a visit after baseline gave no sample; that a subject of average response leaves at a visit
        (`subjects.left_on`).
    has_withdrawn : bool
        Whether the subject that the trial's ``withdrawn`` names leaves before any sample but the baseline's.
    """

    data: Mapping[str, Any]
    subjects_per_arm: int
    visits: tuple[tuple[str, float], ...]
    effect: float = 1.0
    missing: float = 0.0
    dropout: float = 0.0
    has_withdrawn: bool = False

    @property
    def is_active(self) -> NDArray[np.bool_]:
        """Whether each subject is treated, shape (n_subjects,): one arm after the other, in the trial's order."""
        return np.repeat([arm["role"] == "active" for arm in self.data["arms"]], self.subjects_per_arm)

    @property
    def exposures(self) -> dict[str, Array]:
        """Trajectory -> how far the treatment has taken hold, 0 to 1, of shape (n_subjects, n_visits)."""
        dosing = dosing_days(self.data["dosing"])
        taken = self.effect * self.data.get("effect", 1.0) * self.is_active[:, None]
        return {
            name: taken
            * np.array([exposure(day, half_life_days=row["half_life_days"], dosing=dosing) for _, day in self.visits])
            for name, row in self.data["trajectories"].items()
        }


@dataclass(frozen=True)
class Blood:
    """The subjects of some trials of one design, at every visit.

    Attributes
    ----------
    numbers : tuple of int
        Which trials of the series they are.
    shares : mapping
        Share as in `Composition` (``treg_of_cd4`` ...) -> 0 to 1, shape (n_trials, n_subjects, n_visits).
    logits, rises : mapping
        Trajectory -> its logit, and what of that the treatment has added; same shape.
    responses : mapping
        Trajectory -> the subjects' responses, factors of mean 1, shape (n_trials, n_subjects).
    is_sampled : ndarray of bool, shape (n_trials, n_subjects, n_visits)
        False where the visit gave no sample.
    """

    design: Design
    seed: int
    numbers: tuple[int, ...]
    shares: Mapping[str, Array]
    logits: Mapping[str, Array]
    rises: Mapping[str, Array]
    responses: Mapping[str, Array]
    is_sampled: NDArray[np.bool_]

    def expected_percent(self, subset: str, denominator: str) -> Array:
        """The percentage of `denominator` that `subset` is expected to be, as `Composition.percent`.

        Shape (n_trials, n_subjects, n_visits), of what is not sampled too.
        """
        share = np.ones_like(self.shares["nk_of_lymphocytes"])
        for step in steps_between(subset, denominator):
            share = share * (self.shares[step] if step in self.shares else self._cd3_of_lymphocytes())
        return 100.0 * share

    def rise(self, share: str) -> Array:
        """What the treatment has added to the logit of one of `shares`, same shape: of CD8 by way of the others'."""
        if share in self.rises:
            return self.rises[share]
        untreated = shares_of({name: logit - self.rises[name] for name, logit in self.logits.items()})
        return _logit(self.shares[share]) - _logit(untreated[share])

    def _cd3_of_lymphocytes(self) -> Array:
        return np.maximum(1.0 - self.shares["nk_of_lymphocytes"] - self.shares["b_of_lymphocytes"], 0.0)


# Subset -> the subset it is a part of, on the way up to lymphocytes.
PARENT = {"cd3": "lymphocytes", "cd4": "cd3", "cd8": "cd3", "treg": "cd4", "nk": "lymphocytes", "cd56bright_nk": "nk"}


def steps_between(subset: str, denominator: str) -> Iterator[str]:
    """The shares whose product is `subset` of `denominator`.

    Examples
    --------
    >>> list(steps_between("treg", "cd3"))
    ['treg_of_cd4', 'cd4_of_cd3']
    """
    while subset != denominator:
        yield f"{subset.removesuffix('_nk')}_of_{PARENT[subset]}"
        subset = PARENT[subset]


def draw_blood(design: Design, *, seed: int, trials: Iterable[int]) -> Blood:
    """The subjects of the trials with these numbers.

    Parameters
    ----------
    trials : iterable of int
        Numbers in the series, such as ``range(100, 200)``: each trial is the same whatever others are drawn with it,
        and a trial with fewer subjects per arm holds the first of a larger one's.

    Notes
    -----
    The model is that of `trajectory.draw_subject`, `trajectory.share_at`, `plan.blood_shares` and
    `subjects.sampled_visits`; the numbers are other ones, because theirs come from one stream per subject.
    """
    numbers = tuple(trials)
    names = sorted(design.data["trajectories"])
    normal, uniform = _chances(design, seed, numbers, n_names=len(names))
    levels, responses, noises = _parts_of(normal, names, design)
    rises, logits, exposures = {}, {}, design.exposures
    for place, name in enumerate(names):
        row = design.data["trajectories"][name]
        response = responses.get(name, np.ones_like(levels[name]))
        rises[name] = row["effect"] * response[..., None] * exposures[name]
        level = row["mu"] + row["subject_sd"] * levels[name]
        logits[name] = level[..., None] + rises[name] + row["visit_sd"] * noises[..., place]
    is_sampled = _is_sampled(design, uniform, responses["treg_of_cd4"])
    return Blood(design, seed, numbers, shares_of(logits), logits, rises, responses, is_sampled)


def shares_of(logits: Mapping[str, Array]) -> dict[str, Array]:
    """Trajectories' logits to the shares of `Composition` that they decide, within its bounds."""
    shares = {name: 1.0 / (1.0 + np.exp(-logit)) for name, logit in logits.items()}
    double_negative = shares.pop("double_negative_of_not_cd4")
    shares["cd8_of_cd3"] = (1.0 - shares["cd4_of_cd3"]) * (1.0 - double_negative)
    # As in `plan.blood_shares`: T cells keep a tenth of the lymphocytes.
    shares["nk_of_lymphocytes"] = np.minimum(shares["nk_of_lymphocytes"], 0.8)
    shares["b_of_lymphocytes"] = np.minimum(shares["b_of_lymphocytes"], 0.9 - shares["nk_of_lymphocytes"])
    return shares


def _logit(share: Array) -> Array:
    return np.log(share / (1.0 - share))


def _chances(design: Design, seed: int, numbers: tuple[int, ...], *, n_names: int) -> tuple[Array, Array]:
    """Standard normal numbers, shape (n_trials, n_subjects, k), and uniform ones, (n_trials, n_subjects, n_visits, 2).

    Subjects are drawn one after the other and each arm by itself, so that a smaller trial begins a larger one.
    """
    n_visits, n_subjects = len(design.visits), design.subjects_per_arm
    n_normal = n_names + 1 + len(RESPONDING) + n_visits * n_names
    arms = [arm["id"] for arm in design.data["arms"]]
    normal = np.empty((len(numbers), len(arms), n_subjects, n_normal))
    uniform = np.empty((len(numbers), len(arms), n_subjects, n_visits, 2))
    for place, number in enumerate(numbers):
        for at, arm in enumerate(arms):
            normal[place, at] = stream(seed, "subjects", str(number), arm).standard_normal((n_subjects, n_normal))
            uniform[place, at] = stream(seed, "absences", str(number), arm).random((n_subjects, n_visits, 2))
    shape = (len(numbers), len(arms) * n_subjects)
    return normal.reshape(*shape, n_normal), uniform.reshape(*shape, n_visits, 2)


def _parts_of(normal: Array, names: list[str], design: Design) -> tuple[dict[str, Array], dict[str, Array], Array]:
    """Standard levels and responses, name -> shape (n_trials, n_subjects), and visits' noise (..., n_visits, names)."""
    first = len(names)
    levels = {name: np.clip(normal[..., i], -FURTHEST, FURTHEST) for i, name in enumerate(names)}
    r = design.data["nk_bright_correlation"]
    mixed = r * levels["nk_of_lymphocytes"] + math.sqrt(1.0 - r * r) * levels["cd56bright_of_nk"]
    levels["cd56bright_of_nk"] = np.clip(mixed, -FURTHEST, FURTHEST)
    log_sd, correlation = design.data["response"]["log_sd"], design.data["response"]["correlation"]
    shared, own = math.sqrt(correlation), math.sqrt(1.0 - correlation)
    common = normal[..., first]
    responses = {
        name: np.exp(log_sd * (shared * common + own * normal[..., first + 1 + i]) - log_sd**2 / 2)
        for i, name in enumerate(RESPONDING)
    }
    noises = normal[..., first + 1 + len(RESPONDING) :]
    return levels, responses, noises.reshape(*noises.shape[:2], len(design.visits), len(names))


def _is_sampled(design: Design, uniform: Array, response: Array) -> NDArray[np.bool_]:
    """Which visits gave a sample, as `subjects.sampled_visits` has it."""
    is_later = np.array([visit != design.data["trial"]["baseline"] for visit, _ in design.visits])
    chance = design.dropout * np.exp(math.log(3.0) * np.maximum(1.0 - response, -1.0))
    leaves = is_later & (uniform[..., 1] < chance[..., None])
    if design.has_withdrawn and design.data["withdrawn"]:
        arms = [arm["id"] for arm in design.data["arms"]]
        number = design.data["withdrawn"]["number"]
        if number <= design.subjects_per_arm:
            subject = arms.index(design.data["withdrawn"]["arm"]) * design.subjects_per_arm + number - 1
            leaves[:, subject] = is_later
    in_time = np.argsort([day for _, day in design.visits], kind="stable")
    has_left = np.empty_like(leaves)
    has_left[..., in_time] = np.logical_or.accumulate(leaves[..., in_time], axis=-1)
    return ~is_later | (~has_left & (uniform[..., 0] >= design.missing))
