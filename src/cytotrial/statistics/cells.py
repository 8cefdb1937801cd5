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
    magnitude : float
        The size of the values that these were computed from: their rounding is in these too.
    """

    values: Array
    reason: str
    magnitude: float = 0.0


@dataclass(frozen=True)
class Pairs:
    """Values of the same subjects at the baseline and at a visit, and where there are none, why.

    Attributes
    ----------
    before, after : ndarray, shape (n,)
        In the order of the subjects' names.
    """

    before: Array
    after: Array
    reason: str


@dataclass(frozen=True)
class Cells:
    """Every value of one scale, as one matrix of subjects and visits for each subset and denominator."""

    plan: AnalysisPlan
    _matrices: Mapping[tuple[str, str], Array]
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
        matrices = {key: np.full((len(names), len(plan.visits)), np.nan) for key in plan.percentages()}
        row = observations["subject_id"].map(place).to_numpy(dtype=float)
        column = observations["visit"].map({visit: i for i, visit in enumerate(plan.visits)}).to_numpy(dtype=float)
        values = observations[scale].to_numpy(dtype=float)
        is_known = ~(np.isnan(row) | np.isnan(column))
        for key, positions in observations.groupby(["subset", "denominator"]).indices.items():
            if key in matrices:
                kept = positions[is_known[positions]]
                matrices[key][row[kept].astype(int), column[kept].astype(int)] = values[kept]
        rows = {
            (analysis_set, arm): np.array(
                [place[name] for name in members(subjects, analysis_set=analysis_set, arm=arm)], dtype=int
            )
            for analysis_set in plan.analysis_sets
            for arm in plan.arms
        }
        return cls(plan, matrices, rows)

    def level(self, analysis_set: str, arm: str, subset: str, denominator: str, visit: str) -> Sample:
        """The values of an arm at a visit."""
        rows = self._rows[analysis_set, arm]
        values = self._column(subset, denominator, visit)[rows]
        values = values[~np.isnan(values)]
        return Sample(values, "" if values.size else _no_value(arm, rows))

    def change(self, analysis_set: str, arm: str, subset: str, denominator: str, visit: str) -> Sample:
        """Visit minus baseline of an arm's subjects that have both."""
        pairs = self.pairs(analysis_set, arm, subset, denominator, visit)
        if not pairs.before.size:
            return Sample(pairs.after, _no_value(arm, self._rows[analysis_set, arm]))
        magnitude = float(max(abs(pairs.before.mean()), abs(pairs.after.mean())))
        return Sample(pairs.after - pairs.before, "", magnitude)

    def pairs(self, analysis_set: str, arm: str, subset: str, denominator: str, visit: str) -> Pairs:
        """The values of an arm's subjects that have one at the baseline and one at the visit."""
        rows = self._rows[analysis_set, arm]
        before = self._column(subset, denominator, self.plan.baseline)[rows]
        after = self._column(subset, denominator, visit)[rows]
        has_before, has_after = ~np.isnan(before), ~np.isnan(after)
        is_pair = has_before & has_after
        reason = ""
        if not rows.size:
            reason = "no subject of this arm in the analysis set"
        elif not has_before.any():
            reason = f"no usable value at {self.plan.baseline}"
        elif not has_after.any():
            reason = f"no usable value at {visit}"
        elif not is_pair.any():
            reason = f"no subject has usable values at both {self.plan.baseline} and {visit}"
        return Pairs(before[is_pair], after[is_pair], reason)

    def _column(self, subset: str, denominator: str, visit: str) -> Array:
        return self._matrices[subset, denominator][:, self.plan.visits.index(visit)]


def _no_value(arm: str, rows: NDArray[np.int_]) -> str:
    return f"no usable value in {arm}" if rows.size else f"no subject of {arm} in the analysis set"
