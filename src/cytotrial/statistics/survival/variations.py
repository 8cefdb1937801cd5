"""Which analyses are tried of each primary result: other denominators, sets, reporting limits, places of gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cytotrial.errors import CytotrialError
from cytotrial.statistics.members import members
from cytotrial.statistics.observations import counting_rows
from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset
from cytotrial.statistics.survival.moved import Limit, MovedCounts, MovedGates
from cytotrial.statistics.survival.percentages import Counted, counted_samples
from cytotrial.statistics.survival.primary import Answer, Question, compared_arms
from cytotrial.statistics.survival.retests import Answers, retested
from cytotrial.statistics_columns import ANALYSIS_SETS, DENOMINATORS, GATE, GATES_APART, REPORTING_LIMITS

TOGETHER = (-2, -1, 1, 2)  # uncertainties by which all samples are moved together
NO_TEST = "no p-value: too few values, or nothing that varies"
# The qc_flag whose values are left out. Those that are flagged for another reason stay: in a difficult trial they are
# half of all, and what is lost without them is power.
LEFT_OUT = "below_lloq"


class Tried(NamedTuple):
    """One analysis of a primary result; `move` is the number of uncertainties that a limit was moved by."""

    label: str
    answer: Answer
    move: int = 0


@dataclass(frozen=True)
class Variation:
    """All analyses of one kind of one primary result, and what a reader must know of them.

    Attributes
    ----------
    is_one_sided : bool
        Limits moved in the samples of one arm alone, of a difference between two: nothing is tried with them.
    """

    name: str
    gate: str | None
    tried: tuple[Tried, ...]
    note: str = ""
    is_one_sided: bool = False


@dataclass(frozen=True)
class _Batch:
    """Analyses of all results of one subset.

    Attributes
    ----------
    touched : ndarray of int, shape (K, n_subjects, n_visits)
        Samples whose value an analysis changes, or leaves out.
    about : str
        What the note says of them all.
    """

    name: str
    gate: str | None
    labels: tuple[str, ...]
    moves: tuple[int, ...]
    touched: NDArray[np.int_]
    answers: Mapping[tuple[str, str | None], Answers]
    about: str = ""


@dataclass(frozen=True)
class Retests:
    """The analyses that no published table has, of every subset under its primary denominator.

    Attributes
    ----------
    rows : mapping
        Arm -> its subjects' rows of the values, in the primary analysis set.
    samples, moved_throughout : mapping
        Subset -> number of its samples at each subject and visit; of those that every limit was moved in.
    """

    plan: AnalysisPlan
    rows: Mapping[str, NDArray[np.int_]]
    samples: Mapping[str, NDArray[np.int_]]
    moved_throughout: Mapping[str, NDArray[np.int_]]
    batches: Mapping[str, Sequence[_Batch]]

    @classmethod
    def of(cls, subsets: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan, moved: MovedGates | None) -> Retests:
        """Make them all.

        Raises
        ------
        CytotrialError
            A mistake in the moved counts, or counts that are not those of `subsets`.
        """
        names = sorted(str(subject) for subject in subjects["subject_id"])
        rows = {
            arm: np.searchsorted(names, members(subjects, analysis_set=plan.analysis_sets[0], arm=arm)).astype(int)
            for arm in plan.arms
        }
        moved_counts = None if moved is None else MovedCounts(moved)
        by_id = {planned.id: planned for planned in plan.subsets}
        samples, throughout, batches, problems = {}, {}, {}, []
        for subset, _, counted in counted_samples(counting_rows(subsets, plan), subjects, plan):
            samples[subset] = counted.per_cell(np.ones(len(counted.sample_ids), dtype=bool))
            batches[subset] = [_limits_of_reporting(counted, rows, plan)]
            if moved_counts is not None:
                of_subset = _counted_populations(by_id[subset])
                problems += moved_counts.problems(counted, *of_subset)
                limits = list(moved_counts.limits(counted, *of_subset))
                is_moved = [limit.is_moved for limit in limits] or [np.zeros(len(counted.sample_ids), dtype=bool)]
                throughout[subset] = counted.per_cell(np.all(is_moved, axis=0))
                batches[subset] += [_together(counted, limit, rows, plan) for limit in limits]
                if moved_counts.simulations:
                    batches[subset].append(_apart(counted, moved_counts, limits, rows, plan))
        if problems:
            raise CytotrialError(dict.fromkeys(problems))
        return cls(plan, rows, samples, throughout, batches)

    def variations(self, question: Question) -> Iterator[Variation]:
        """Of one primary question: reporting limits, each gate limit, all of them apart."""
        visit = self.plan.post_baseline.index(question.visit)
        n_samples = self._by_arm(question, self.samples[question.subset])
        for batch in self.batches[question.subset]:
            by_arm = self._by_arm(question, batch.touched)
            touched = np.sum(list(by_arm.values()), axis=0)
            n_arms = sum(bool(moved.any()) for moved in by_arm.values())
            is_one_sided = batch.name in (GATE, GATES_APART) and 0 < n_arms < len(by_arm)
            answers = batch.answers[question.test, question.arm]
            columns = (answers.estimate[:, visit], answers.direction[:, visit], answers.p_value[:, visit])
            tried = tuple(
                Tried(label, Answer(*map(float, numbers), note=NO_TEST if np.isnan(numbers[2]) else ""), move)
                for label, move, n_touched, *numbers in zip(batch.labels, batch.moves, touched, *columns, strict=True)
                if n_touched and not is_one_sided
            )
            yield Variation(batch.name, batch.gate, tried, _note(batch, by_arm, n_samples), is_one_sided)

    def moved_words(self, question: Question) -> str:
        """In how many samples of a primary result every gate limit that was tried was moved."""
        moved, there = (
            sum(int(number) for number in self._by_arm(question, of[question.subset]).values())
            for of in (self.moved_throughout, self.samples)
        )
        return f"{moved} of {there} samples were moved in every limit tried"

    def _by_arm(self, question: Question, numbers: NDArray[np.int_]) -> dict[str, NDArray[np.int_]]:
        """The sums, of each arm that a question is about, over its subjects, at baseline and the visit; shape (...)."""
        visits = [self.plan.visits.index(one) for one in (self.plan.baseline, question.visit)]
        return {
            arm: numbers[(..., *np.ix_(self.rows[arm], visits))].sum(axis=(-2, -1))
            for arm in compared_arms(question, self.plan)
        }


def published_variations(
    question: Question, answers: Mapping[Question, Answer], plan: AnalysisPlan
) -> Iterator[Variation]:
    """Of one primary question: what the published tables say under other denominators and of other analysis sets.

    Parameters
    ----------
    answers : mapping
        What `primary.published_answers` returns.
    """
    planned = next(one for one in plan.subsets if one.id == question.subset)
    others = [question._replace(denominator=name) for name in planned.denominators[1:]]
    tried = tuple(Tried(f"denominator {one.denominator}", answers[one]) for one in others)
    yield Variation(DENOMINATORS, None, tried, "" if tried else "the subset has no other denominator")
    others = [question._replace(analysis_set=name) for name in plan.analysis_sets[1:]]
    tried = tuple(Tried(f"analysis set {one.analysis_set}", answers[one]) for one in others)
    yield Variation(ANALYSIS_SETS, None, tried, "" if tried else "the trial has no other analysis set")


def _counted_populations(planned: PlannedSubset) -> tuple[str, str, str | None]:
    """Numerator, denominator and panel."""
    return planned.population or planned.id, planned.denominators[0], planned.panel


def _limits_of_reporting(counted: Counted, rows: Mapping[str, NDArray[np.int_]], plan: AnalysisPlan) -> _Batch:
    is_used = np.asarray(counted.flags != LEFT_OUT, dtype=bool).reshape(1, len(counted.sample_ids))
    answers = retested(counted.as_they_are(is_used), rows, plan)
    return _Batch(REPORTING_LIMITS, None, (f"without {LEFT_OUT}",), (0,), counted.per_cell(~is_used), answers)


def _together(counted: Counted, limit: Limit, rows: Mapping[str, NDArray[np.int_]], plan: AnalysisPlan) -> _Batch:
    places = [3 + move for move in TOGETHER]
    values = counted.with_counts(
        counted.numerator + limit.numerator[:, places].T,
        counted.denominator + limit.denominator[:, places].T,
        limit.is_moved,
    )
    labels = tuple(f"{limit.label} {move:+d} SD" for move in TOGETHER)
    touched = np.repeat(counted.per_cell(limit.is_moved)[None], len(TOGETHER), axis=0)
    return _Batch(GATE, limit.gate, labels, TOGETHER, touched, retested(values, rows, plan))


def _apart(
    counted: Counted,
    moved: MovedCounts,
    limits: Sequence[Limit],
    rows: Mapping[str, NDArray[np.int_]],
    plan: AnalysisPlan,
) -> _Batch:
    number = moved.simulations
    is_moved = np.any([limit.is_moved for limit in limits], axis=0) & np.ones(len(counted.sample_ids), dtype=bool)
    values = counted.with_counts(*moved.simulated(counted, limits), is_moved)
    labels = tuple(f"simulation {place}" for place in range(1, number + 1))
    touched = np.broadcast_to(counted.per_cell(is_moved), (number, *counted.shape))
    about = f"{number} simulations, seed {moved.seed}"
    return _Batch(GATES_APART, None, labels, (0,) * number, touched, retested(values, rows, plan), about)


def _note(batch: _Batch, touched: Mapping[str, NDArray[np.int_]], samples: Mapping[str, NDArray[np.int_]]) -> str:
    """What a reader must know of the samples, which are counted by arm."""
    n_samples = sum(int(number) for number in samples.values())
    n_touched = np.sum(list(touched.values()), axis=0)
    if batch.name == REPORTING_LIMITS:
        return "; ".join(
            f"{label}: {number} of {n_samples} samples left out" if number else f"{label}: there is none"
            for label, number in zip(batch.labels, n_touched, strict=True)
        )
    notes = [batch.about if n_touched[0] else ""]
    moved = {arm: (int(touched[arm][0]), int(samples[arm])) for arm in touched}
    if n_touched[0] and any(number * n_samples != of * int(n_touched[0]) for number, of in moved.values()):
        notes.append("moved in " + " and ".join(f"{n} of {of} samples of {arm}" for arm, (n, of) in moved.items()))
        if not all(number for number, _ in moved.values()):
            notes.append("not judged: moved in one arm alone, it is a difference between the arms by itself")
    elif n_samples != n_touched[0]:
        notes.append(f"{n_samples - n_touched[0]} of {n_samples} samples not moved: no uncertainty known")
    return "; ".join(filter(None, notes))
