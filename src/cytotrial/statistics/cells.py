"""The values of one cell of a table: an arm's values at a visit, and its pairs with the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cytotrial.statistics.members import members
from cytotrial.statistics.plan import AnalysisPlan

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Values without a missing one, and where there are none, why.

    Attributes
    ----------
    values : ndarray, shape (n,)
        In the order of the subjects' names.
    percents : ndarray
        The percentages behind the values: of a change, those of the baseline too.
    magnitude : float
        Of changes: the largest of the values that these were computed from, without sign; their rounding is in the
        changes too. 0 of levels.
    """

    values: Array
    percents: Array
    reason: str
    magnitude: float = 0.0


@dataclass(frozen=True)
class Complete:
    """Values of the subjects who have one at each of some visits, and where there are none, why.

    Attributes
    ----------
    values, percents : ndarray, shape (n, n_visits)
        On the scale that is compared, and as percentages; subjects in the order of their names.
    """

    values: Array
    percents: Array
    reason: str


@dataclass(frozen=True)
class Pairs:
    """Values of the same subjects at the baseline and at a visit, and where there are none, why.

    Attributes
    ----------
    before, after : ndarray, shape (n,)
        In the order of the subjects' names.
    percents : ndarray, shape (n, 2)
        The percentages behind both.
    """

    before: Array
    after: Array
    percents: Array
    reason: str


@dataclass(frozen=True)
class Cells:
    """Every value of one scale, as one matrix of subjects and visits for each subset and denominator."""

    plan: AnalysisPlan
    scale: str
    _values: Mapping[tuple[str, str], Array] = field(repr=False)
    _percents: Mapping[tuple[str, str], Array] = field(repr=False)
    _rows: Mapping[tuple[str, str], NDArray[np.int_]] = field(repr=False)

    @classmethod
    def of(
        cls, observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan, *, scale: str = "percent"
    ) -> Cells:
        """Lay the observations out.

        Parameters
        ----------
        observations : DataFrame
            What `usable_values` returns.
        subjects : DataFrame
            ``subject_id``, ``arm`` and one Boolean column per analysis set.
        scale : str
            The column of `observations` that is compared: ``percent`` or ``logit``.
        """
        names = sorted(str(subject) for subject in subjects["subject_id"])
        place = {name: row for row, name in enumerate(names)}
        percents = _matrices(observations, place, plan, scale="percent")
        values = percents if scale == "percent" else _matrices(observations, place, plan, scale=scale)
        rows = {
            (analysis_set, arm): np.array(
                [place[name] for name in members(subjects, analysis_set=analysis_set, arm=arm)], dtype=int
            )
            for analysis_set in plan.analysis_sets
            for arm in plan.arms
        }
        return cls(plan, scale, values, percents, rows)

    def level(self, analysis_set: str, arm: str, subset: str, denominator: str, visit: str) -> Sample:
        """The values of an arm at a visit."""
        found = self.complete(analysis_set, arm, subset, denominator, (visit,))
        reason = self._no_value(analysis_set, arm, subset, denominator, (visit,)) if found.reason else ""
        return Sample(found.values[:, 0], found.percents, reason)

    def change(self, analysis_set: str, arm: str, subset: str, denominator: str, visit: str) -> Sample:
        """Visit minus baseline of an arm's subjects that have both."""
        visits = self.plan.baseline, visit
        found = self.complete(analysis_set, arm, subset, denominator, visits)
        reason = self._no_value(analysis_set, arm, subset, denominator, visits) if found.reason else ""
        magnitude = float(np.abs(found.values).max(initial=0.0))
        return Sample(found.values[:, 1] - found.values[:, 0], found.percents, reason, magnitude)

    def pairs(self, analysis_set: str, arm: str, subset: str, denominator: str, visit: str) -> Pairs:
        """The values of an arm's subjects that have one at the baseline and one at the visit."""
        found = self.complete(analysis_set, arm, subset, denominator, (self.plan.baseline, visit))
        return Pairs(found.values[:, 0], found.values[:, 1], found.percents, found.reason)

    def complete(self, analysis_set: str, arm: str, subset: str, denominator: str, visits: tuple[str, ...]) -> Complete:
        """The values of an arm's subjects that have one at each of the visits."""
        rows = self._rows[analysis_set, arm]
        values = self._at(self._values[subset, denominator], rows, visits)
        percents = self._at(self._percents[subset, denominator], rows, visits)
        is_complete = ~np.isnan(values).any(axis=1)
        reason = "" if is_complete.any() else _incomplete(values, percents, visits)
        return Complete(values[is_complete], percents[is_complete], reason)

    def matrix(self, analysis_set: str, arm: str, subset: str, denominator: str) -> tuple[Array, Array]:
        """An arm's values on the scale, and the percentages: subjects by all visits, NaN where there is none."""
        rows = self._rows[analysis_set, arm]
        return self._values[subset, denominator][rows], self._percents[subset, denominator][rows]

    def _at(self, matrix: Array, rows: NDArray[np.int_], visits: tuple[str, ...]) -> Array:
        return matrix[rows][:, [self.plan.visits.index(visit) for visit in visits]]

    def _no_value(self, analysis_set: str, arm: str, subset: str, denominator: str, visits: tuple[str, ...]) -> str:
        """Why an arm has no value, where the arm must be named because another one is beside it."""
        rows = self._rows[analysis_set, arm]
        percents = self._at(self._percents[subset, denominator], rows, visits)
        if not rows.size:
            return f"no subject of {arm} in the analysis set"
        return f"no usable value in {arm}" if _none_complete(percents) else f"no counts in {arm}, no logit"


def without_events(*percents: Array) -> str:
    """Why logits of these percentages are not compared; empty where they can be.

    Where no sample had an event, q = (x + 0.5) / (n + 1) is 0.5 / (n + 1) and tells how many events were looked
    through, not how many were found; where every event was one, likewise.

    Parameters
    ----------
    percents : ndarray, any shapes
        All percentages that enter one row of a table, of both arms and of the baseline; none missing.

    Examples
    --------
    >>> without_events(np.zeros(3), np.zeros(2))
    'no event in any sample: logits would differ by the denominators alone'
    >>> without_events(np.zeros(3), np.array([0.0, 0.1]))
    ''
    """
    together = np.concatenate([part.ravel() for part in percents])
    if together.size and (together == 0.0).all():
        return "no event in any sample: logits would differ by the denominators alone"
    if together.size and (together == 100.0).all():
        return "every event in all samples: logits would differ by the denominators alone"
    return ""


def _matrices(
    observations: pd.DataFrame, place: Mapping[str, int], plan: AnalysisPlan, *, scale: str
) -> dict[tuple[str, str], Array]:
    """(subset, denominator) -> values, subjects by visits of the plan, NaN where missing."""
    matrices = {key: np.full((len(place), len(plan.visits)), np.nan) for key in plan.percentages()}
    row = observations["subject_id"].map(place).to_numpy(dtype=float)
    column = observations["visit"].map({visit: i for i, visit in enumerate(plan.visits)}).to_numpy(dtype=float)
    values = observations[scale].to_numpy(dtype=float)
    is_known = ~(np.isnan(row) | np.isnan(column))
    for key, positions in observations.groupby(["subset", "denominator"]).indices.items():
        if key in matrices:
            kept = positions[is_known[positions]]
            matrices[key][row[kept].astype(int), column[kept].astype(int)] = values[kept]
    return matrices


def _incomplete(values: Array, percents: Array, visits: tuple[str, ...]) -> str:
    """Why no subject has a value at each of the visits; a percentage without counts has no logit."""
    if not len(values):
        return "no subject of this arm in the analysis set"
    for visit, column, percent in zip(visits, values.T, percents.T, strict=True):
        if np.isnan(column).all():
            return f"no usable value at {visit}" if np.isnan(percent).all() else f"no counts at {visit}, no logit"
    where = f"both {visits[0]} and {visits[1]}" if len(visits) == 2 else f"all of {', '.join(visits)}"
    if _none_complete(percents):
        return f"no subject has usable values at {where}"
    return f"no subject has counts at {where}, no logit"


def _none_complete(values: Array) -> bool:
    return bool(np.isnan(values).any(axis=1).all())
