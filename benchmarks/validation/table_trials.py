"""Trials of counts without files, many at once: the generator's subjects and counting noise, perfect gates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.validation.hypothesis_tests import Values
from benchmarks.validation.study import PRIMARY, TABLE_SEED, events_by_panel, table_design
from cytotrial.simulate.trial.many_subjects import draw_blood
from cytotrial.simulate.trial.many_tubes import draw_tubes
from cytotrial.statistics.methods.logits import empirical_logit

AT_ONCE = 100  # trials held in memory


@dataclass(frozen=True)
class Series:
    """What the trials of a series have in common.

    Attributes
    ----------
    effect : float
        Factor on the treatment's effect; 0 for null trials.
    subjects_per_arm : int
    visits : tuple of str
        The baseline first.
    events : tuple of int
        Per tube of each panel.
    """

    effect: float
    subjects_per_arm: int
    visits: tuple[str, ...]
    events: tuple[int, ...]

    def trials(self, numbers: Iterable[int]) -> tuple[Values, Values]:
        """The active and the control arm of these trials; shape (n_trials, n_subsets, n_visits, n_subjects).

        Parameters
        ----------
        numbers : iterable of int
            Each trial is the same whatever others are drawn with it.
        """
        design = table_design(effect=self.effect, subjects_per_arm=self.subjects_per_arm, visits=self.visits)
        blood = draw_blood(design, seed=TABLE_SEED, trials=numbers)
        tubes = draw_tubes(blood, {panel: [n] for panel, n in events_by_panel(self.events).items()})
        found: dict[str, list[NDArray[np.float64]]] = {"percent": [], "logit": []}
        for subset, denominator in PRIMARY.items():
            percent = tubes.percent(subset, denominator)[0]
            inside = np.where(np.isnan(percent), np.nan, tubes.numerator_n(subset)[0])
            found["percent"].append(percent)
            found["logit"].append(empirical_logit(inside, tubes.denominator_n(subset, denominator)[0]))
        scales = {scale: np.stack(values, axis=1).swapaxes(-1, -2) for scale, values in found.items()}
        arms = (design.is_active, ~design.is_active)
        active, control = (Values(**{scale: values[..., arm] for scale, values in scales.items()}) for arm in arms)
        return active, control

    def in_parts(self, n_trials: int) -> Iterator[tuple[Values, Values]]:
        """The first trials of the series, some at a time."""
        for start in range(0, n_trials, AT_ONCE):
            yield self.trials(range(start, min(start + AT_ONCE, n_trials)))
