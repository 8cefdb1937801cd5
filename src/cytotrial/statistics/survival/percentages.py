"""One subset's counts under one denominator, and any number of versions of them as subjects' values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cytotrial.statistics.methods.logits import empirical_logit
from cytotrial.statistics.observations import is_usable
from cytotrial.statistics.plan import AnalysisPlan

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Percentages:
    """Values of subjects at visits, in several versions (K); NaN where there is none.

    Attributes
    ----------
    percent, logit : ndarray, shape (K, n_subjects, n_visits)
        The logit is log(q / (1 - q)), q = (x + 0.5) / (n + 1), of x among n events.
    """

    percent: Array
    logit: Array


@dataclass(frozen=True)
class Counted:
    """The samples with a usable value of one subset and denominator.

    Attributes
    ----------
    sample_ids : tuple of str
        Sorted by subject, visit and name.
    cells : ndarray of int, shape (n_samples,)
        Subject times the number of visits, plus visit.
    numerator, denominator, percent : ndarray, shape (n_samples,)
        Events, events, percent; a percentage that somebody else computed may have no counts (NaN).
    flags : ndarray of str, shape (n_samples,)
        ``qc_flag``.
    shape : tuple of int
        Subjects (all of the subjects sheet, in the order of their names) and visits of the plan.
    """

    sample_ids: tuple[str, ...]
    cells: NDArray[np.int_]
    numerator: Array
    denominator: Array
    percent: Array
    flags: NDArray[np.object_]
    shape: tuple[int, int]

    def as_they_are(self, is_used: Flags | None = None) -> Percentages:
        """The values as counted.

        Parameters
        ----------
        is_used : ndarray of bool, shape (K, n_samples), optional
            The samples of each version; all of them, in one version, where it is missing.
        """
        used = np.ones((1, len(self.sample_ids)), dtype=bool) if is_used is None else is_used
        logit = empirical_logit(self.numerator, self.denominator)
        return self._by_subject(*(np.broadcast_to(one, used.shape) for one in (self.percent, logit)), used)

    def with_counts(self, numerator: Array, denominator: Array, is_moved: Flags) -> Percentages:
        """The values with other counts; a sample that is left without an event in the denominator has none.

        Parameters
        ----------
        numerator, denominator : ndarray, shape (K, n_samples)
            Events, whole or not; brought to 0 <= numerator <= denominator.
        is_moved : ndarray of bool, shape (n_samples,)
            The others keep the values that they have.
        """
        n_events = np.maximum(denominator, 0.0)
        inside = np.clip(numerator, 0.0, n_events)
        percent = 100.0 * inside / np.where(n_events > 0.0, n_events, np.nan)
        percent = np.where(is_moved, percent, self.percent)
        logit = np.where(is_moved, empirical_logit(inside, n_events), empirical_logit(self.numerator, self.denominator))
        return self._by_subject(percent, logit, ~np.isnan(percent))

    def per_cell(self, is_counted: Flags) -> NDArray[np.int_]:
        """Number of the samples (of all, or of several choices) at each subject and visit; shape (..., *shape)."""
        weights = np.broadcast_to(is_counted, (*is_counted.shape[:-1], self.cells.size))
        numbers = np.zeros((*weights.shape[:-1], self.shape[0] * self.shape[1]), dtype=int)
        np.add.at(numbers, (..., self.cells), weights)
        return numbers.reshape(*weights.shape[:-1], *self.shape)

    def _by_subject(self, percent: Array, logit: Array, is_used: Flags) -> Percentages:
        """Means of the replicates; where one has no logit the mean has none."""
        starts = np.flatnonzero(np.diff(self.cells, prepend=-1))
        if not starts.size:
            nothing = np.full((len(is_used), *self.shape), np.nan)
            return Percentages(nothing, nothing)
        number = np.add.reduceat(is_used.astype(float), starts, axis=-1)
        number = np.where(number > 0.0, number, np.nan)
        placed = []
        for values in (percent, logit):
            matrix = np.full((len(is_used), self.shape[0] * self.shape[1]), np.nan)
            sums = np.add.reduceat(np.where(is_used, values, 0.0), starts, axis=-1)
            matrix[:, self.cells[starts]] = sums / number
            placed.append(matrix.reshape(len(is_used), *self.shape))
        return Percentages(*placed)


def counted_samples(
    rows: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan
) -> Iterator[tuple[str, str, Counted]]:
    """Subset, primary denominator and its usable samples, for every subset of the plan.

    Parameters
    ----------
    rows : DataFrame
        What `observations.counting_rows` returns.
    subjects : DataFrame
        ``subject_id`` of every subject.
    """
    usable = rows[is_usable(rows)]
    place = {name: row for row, name in enumerate(sorted(str(subject) for subject in subjects["subject_id"]))}
    column = {visit: number for number, visit in enumerate(plan.visits)}
    of_percentage = usable.groupby(["subset", "denominator"], observed=True).indices
    for planned in plan.subsets:
        key = planned.id, planned.denominators[0]
        found = usable.iloc[of_percentage.get(key, np.array([], dtype=int))]
        subject, visit = (
            found[name].astype(object).map(places).to_numpy(dtype=int)
            for name, places in (("subject_id", place), ("visit", column))
        )
        yield *key, _counted(found, subject * len(column) + visit, (len(place), len(column)))


def _counted(found: pd.DataFrame, cells: NDArray[np.int_], shape: tuple[int, int]) -> Counted:
    names = found["sample_id"].astype(str).to_numpy(dtype=object)
    order = np.lexsort((names.astype(str), cells))
    numbers = [
        found[name].to_numpy(dtype=object)[order].astype(float) for name in ("numerator_n", "denominator_n", "percent")
    ]
    flags = found["qc_flag"].to_numpy(dtype=object)[order]
    return Counted(tuple(names[order]), cells[order], *numbers, flags, shape)
