"""The primary tests again, of many versions of the percentages at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cytotrial.statistics.methods import batched
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.survival.percentages import Percentages
from cytotrial.statistics.survival.primary import ANCOVA, BETWEEN, CHANGE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """Answers of one test, as in `primary.Answer`; all of shape (K, post-baseline visits)."""

    estimate: Array
    direction: Array
    p_value: Array


def retested(
    values: Percentages, rows: Mapping[str, NDArray[np.int_]], plan: AnalysisPlan
) -> dict[tuple[str, str | None], Answers]:
    """Every primary test of every version.

    Parameters
    ----------
    rows : mapping
        Arm -> its subjects' rows of the values, in the primary analysis set.

    Returns
    -------
    dict
        (test, arm) -> answers; the arm is None between the arms, and these are missing without two of them.
    """
    base = plan.visits.index(plan.baseline)
    later = [plan.visits.index(visit) for visit in plan.post_baseline]
    answers: dict[tuple[str, str | None], Answers] = {}
    for arm in plan.arms:
        before, after = _pairs(values.percent, rows[arm], base, later)
        paired = batched.paired_t(before, after)
        answers[CHANGE, arm] = Answers(paired.mean_change, paired.mean_change, paired.p_value)
    if plan.pair is None:
        return answers
    changes = []
    for arm in plan.pair:
        before, after = _pairs(values.percent, rows[arm], base, later)
        changes.append(after - before)
    ranks, shift = batched.mann_whitney(*changes), batched.hodges_lehmann(*changes)
    answers[BETWEEN, None] = Answers(shift, ranks.auc - 0.5, ranks.p_value)
    answers[ANCOVA, None] = _covariance(values, [rows[arm] for arm in plan.pair], base, later)
    return answers


def _pairs(values: Array, rows: NDArray[np.int_], base: int, later: list[int]) -> tuple[Array, Array]:
    """Shape (K, 1, n) of the baseline and (K, visits, n) of the visits after it."""
    chosen = values[:, rows, :]
    return chosen[:, None, :, base], np.moveaxis(chosen[:, :, later], 1, 2)


def _covariance(values: Percentages, arms: list[NDArray[np.int_]], base: int, later: list[int]) -> Answers:
    rows = np.concatenate(arms)
    before, after = _pairs(values.logit, rows, base, later)
    result = batched.ancova(before, after, np.repeat([True, False], [arm.size for arm in arms]))
    # As in the table: without an event anywhere (or nothing but events) logits tell the denominators alone.
    is_pair = ~np.isnan(before) & ~np.isnan(after)
    percents = _pairs(values.percent, rows, base, later)
    tells = np.ones(result.estimate.shape, dtype=bool)
    for limit in (0.0, 100.0):
        tells &= ((percents[0] != limit) & is_pair).any(axis=-1) | ((percents[1] != limit) & is_pair).any(axis=-1)
    estimate, p_value = np.where(tells, result.estimate, np.nan), np.where(tells, result.p_value, np.nan)
    return Answers(estimate, estimate, p_value)
