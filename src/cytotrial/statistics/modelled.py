"""What one model of all visits is made of: the two arms' baselines and changes, and which visits can be in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cytotrial.statistics.cells import Cells, without_events

NO_SPREAD = 1e-10  # of a visit's values around its own regression, relative to the values

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Modelled:
    """The subjects of both arms with a percentage at the baseline and later; n subjects, k post-baseline visits.

    Attributes
    ----------
    scale : str
        ``percent`` or ``logit``.
    visits : tuple of str
        The k visits.
    baseline : ndarray, shape (n,)
    changes : ndarray, shape (n, k)
        On the scale; NaN where a subject has no value at a visit.
    is_active : ndarray of float, shape (n,)
        1 in the active arm, 0 in the control arm.
    percents : ndarray, shape (n, 1 + k)
        The percentages behind them, the baseline's first.
    """

    scale: str
    visits: tuple[str, ...]
    baseline: Array
    changes: Array
    is_active: Array
    percents: Array

    @classmethod
    def of(cls, cells: Cells, analysis_set: str, subset: str, denominator: str) -> Self:
        """Both arms of the plan's pair."""
        plan = cells.plan
        assert plan.pair is not None
        parts = [cells.matrix(analysis_set, arm, subset, denominator) for arm in plan.pair]
        values, percents = (np.concatenate(both) for both in zip(*parts, strict=True))
        is_active = np.repeat([1.0, 0.0], [len(part) for part, _ in parts])
        order = [plan.visits.index(visit) for visit in (plan.baseline, *plan.post_baseline)]
        values, percents = values[:, order], percents[:, order]
        kept = ~np.isnan(percents[:, 0]) & ~np.isnan(percents[:, 1:]).all(axis=1)
        values, percents, is_active = values[kept], percents[kept], is_active[kept]
        return cls(cells.scale, plan.post_baseline, values[:, 0], values[:, 1:] - values[:, :1], is_active, percents)

    @property
    def identity(self) -> tuple[bytes, ...]:
        """Equal where two analysis sets have the same model, as they have where they differ in who has no change."""
        return self.baseline.tobytes(), self.changes.tobytes(), self.is_active.tobytes()

    def at(self, visits: tuple[str, ...]) -> tuple[Array, Array]:
        """Changes, shape (m, n_visits), and covariates, shape (m, 3), of the subjects with a change at one of them."""
        changes = self.changes[:, [self.visits.index(visit) for visit in visits]]
        kept = ~np.isnan(changes).all(axis=1)
        return changes[kept], self._covariates(kept)

    def refused(self, visit: str) -> str:
        """Why a visit cannot be in the model; empty where its own regression leaves something over."""
        number = self.visits.index(visit)
        changes = self.changes[:, number]
        has = ~np.isnan(changes)
        counts = [int((has & (self.is_active == arm)).sum()) for arm in (1.0, 0.0)]
        if not all(counts):
            missing = (~np.isnan(self.percents[:, 1 + number])).sum() > has.sum()
            return f"{counts[0]} subjects of the active and {counts[1]} of the control arm have a change" + (
                ", others have no counts and so no logit" if missing else ""
            )
        if has.sum() < 4:
            return f"{has.sum()} subjects, too few for a variance"
        reason = without_events(self.percents[has][:, [0, 1 + number]]) if self.scale == "logit" else ""
        return reason or _without_spread(changes[has], self.baseline[has], self._covariates(has))

    def _covariates(self, kept: NDArray[np.bool_]) -> Array:
        """1, the baseline around its mean, the arm."""
        baseline = self.baseline[kept]
        mean = baseline.mean() if baseline.size else 0.0
        return np.column_stack([np.ones(len(baseline)), baseline - mean, self.is_active[kept]])


def _without_spread(changes: Array, baseline: Array, covariates: Array) -> str:
    if np.linalg.matrix_rank(covariates) < covariates.shape[1]:
        return "baselines are all equal, or tell the arms apart"
    coefficients = np.linalg.lstsq(covariates, changes, rcond=None)[0]
    residuals = changes - covariates @ coefficients
    size = max(float(np.abs(changes).max()), float(np.abs(baseline).max()))
    if float(np.sqrt((residuals**2).mean())) <= NO_SPREAD * size:
        return "the changes have no variance around the model"
    return ""
