"""One model of all visits for each subset: which subjects and visits are in it, and how the arms differ in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cytotrial.statistics.cells import Cells
from cytotrial.statistics.methods.covariance import STRUCTURES
from cytotrial.statistics.methods.reml import Effect, Fit, fit_repeated_measures
from cytotrial.statistics.methods.restricted_likelihood import NotFittedError
from cytotrial.statistics.modelled import Modelled
from cytotrial.statistics.plan import AnalysisPlan

SCALES = ("percent", "logit")
ARM = 2  # of the covariates: 1, baseline, arm
LEAST_DF = 0.999  # of a difference between the arms: with less the data say nothing of its error

Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class ArmModel:
    """A fitted model: active minus control at every visit that is in it.

    Attributes
    ----------
    visits : tuple of str
        Post-baseline visits in order; those at which an arm's effect cannot be told are not there.
    tried : tuple of str
        Why structures that assume less were passed over.
    """

    visits: tuple[str, ...]
    fit: Fit
    tried: tuple[str, ...] = ()

    @property
    def covariance(self) -> str:
        """The covariance structure."""
        return self.fit.structure

    @property
    def n_subjects(self) -> int:
        """Subjects with a baseline and a value at one of the visits."""
        return self.fit.n_subjects

    def effect(self, weights: Mapping[str, float]) -> Effect:
        """A weighted sum of the arms' differences, visit -> weight; Satterthwaite's degrees of freedom.

        Raises
        ------
        KeyError
            A visit that is not in the model.
        """
        table = np.zeros_like(self.fit.coefficients)
        for visit, weight in weights.items():
            if visit not in self.visits:
                raise KeyError(visit)
            table[self.visits.index(visit), ARM] = weight
        return self.fit.effect(table)

    @property
    def least_df(self) -> float:
        """The smallest of the degrees of freedom of the arms' differences at the visits."""
        return min(self.effect({visit: 1.0}).df for visit in self.visits)

    def wald(self) -> tuple[float, int]:
        """Chi-square that the arms differ at no visit, and its degrees of freedom."""
        columns = np.zeros((len(self.visits), *self.fit.coefficients.shape))
        columns[range(len(self.visits)), range(len(self.visits)), ARM] = 1.0
        return self.fit.wald(columns)

    def global_f(self) -> tuple[float, float]:
        """The same test as F on `wald`'s and these degrees of freedom; NaN where they are not above 0.

        Notes
        -----
        Hotelling's T squared (1931, doi:10.1214/aoms/1177732979) with the smallest Satterthwaite df v in place of the
        residuals': (v - k + 1) / (v k) times Wald's chi-square. Exact where nothing is missing and the covariance is
        unstructured; the chi-square alone takes the covariance for known.
        """
        chi2, k = self.wald()
        within = self.least_df - k + 1.0
        return (chi2 * within / (self.least_df * k), within) if within > 0.0 else (float("nan"), float("nan"))


@dataclass(frozen=True)
class ArmModels:
    """Every model of the plan, or why there is none; `left_out` says why a visit is not in a model."""

    fitted: Mapping[Key, ArmModel]
    refused: Mapping[Key, str]
    left_out: Mapping[Key, Mapping[str, str]]


def fit_models(observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> ArmModels:
    """A model for every analysis set, subset, denominator and scale; none without an active and a control arm.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.
    """
    fitted: dict[Key, ArmModel] = {}
    refused: dict[Key, str] = {}
    left_out: dict[Key, Mapping[str, str]] = {}
    if plan.pair is None:
        return ArmModels(fitted, refused, left_out)
    for scale in SCALES:
        cells = Cells.of(observations, subjects, plan, scale=scale)
        for subset, denominator in plan.percentages():
            known: dict[tuple[bytes, ...], tuple[ArmModel | str, Mapping[str, str]]] = {}
            for analysis_set in plan.analysis_sets:
                key = analysis_set, subset, denominator, scale
                data = Modelled.of(cells, analysis_set, subset, denominator)
                if data.identity not in known:
                    known[data.identity] = _fit(data)
                found, left_out[key] = known[data.identity]
                if isinstance(found, ArmModel):
                    fitted[key] = found
                else:
                    refused[key] = found
    return ArmModels(fitted, refused, left_out)


def _fit(data: Modelled) -> tuple[ArmModel | str, Mapping[str, str]]:
    """The model with the least assumed about the covariance that the data determine, or why there is none."""
    reasons = {visit: data.refused(visit) for visit in data.visits}
    left_out = {visit: f"not in the model: {reason}" for visit, reason in reasons.items() if reason}
    visits = tuple(visit for visit, reason in reasons.items() if not reason)
    if not visits:
        return "no visit at which the arms can be compared", left_out
    values, covariates = data.at(visits)
    tried: list[str] = []
    for structure in STRUCTURES if len(visits) > 1 else STRUCTURES[:1]:
        try:
            model = ArmModel(visits, fit_repeated_measures(values, covariates, structure), tuple(tried))
        except NotFittedError as error:
            tried.append(f"{structure}: {error}")
            continue
        if model.least_df >= LEAST_DF:
            return model, left_out
        tried.append(f"{structure}: {model.least_df:.2g} degrees of freedom")
    return "; ".join(tried), left_out
