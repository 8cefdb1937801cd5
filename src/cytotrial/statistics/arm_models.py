"""One model of all visits for each subset: which subjects and visits are in it, and how the arms differ in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cytotrial.statistics.cells import without_events
from cytotrial.statistics.members import members
from cytotrial.statistics.methods.covariance import STRUCTURES
from cytotrial.statistics.methods.reml import Effect, Fit, fit_repeated_measures
from cytotrial.statistics.methods.restricted_likelihood import NotFittedError
from cytotrial.statistics.observations import values_by_cell
from cytotrial.statistics.plan import AnalysisPlan

SCALES = ("percent", "logit")
ARM = 2  # of the covariates: 1, baseline, arm
LEAST_DF = 0.999  # of a difference between the arms: with less the data say nothing of its error
NO_SPREAD = 1e-10  # of a visit's values around its own regression, relative to the values

Key = tuple[str, str, str, str]
Array = NDArray[np.float64]


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
    by_scale = {scale: values_by_cell(observations, scale=scale) for scale in SCALES}
    for scale in SCALES:
        for subset, denominator in plan.percentages():
            percent, wide = (_wide(by_scale[one], subset, denominator, plan) for one in ("percent", scale))
            known: dict[tuple[str, ...], tuple[ArmModel | str, Mapping[str, str]]] = {}
            for analysis_set in plan.analysis_sets:
                key = analysis_set, subset, denominator, scale
                data = _modelled(wide, subjects, plan, analysis_set)
                same = tuple(data.index)  # analysis sets often differ in subjects who have no change
                if same not in known:
                    known[same] = _fit(data, percent.reindex(data.index) if scale == "logit" else None, plan)
                found, left_out[key] = known[same]
                if isinstance(found, ArmModel):
                    fitted[key] = found
                else:
                    refused[key] = found
    return ArmModels(fitted, refused, left_out)


def _wide(
    cells: Mapping[tuple[str, str, str], pd.Series], subset: str, denominator: str, plan: AnalysisPlan
) -> pd.DataFrame:
    """Subjects by visits; NaN where a subject has no value."""
    keys = {visit: (subset, denominator, visit) for visit in plan.visits}
    found = pd.DataFrame({visit: cells[key] for visit, key in keys.items() if key in cells})
    return found.reindex(columns=list(plan.visits))


def _modelled(wide: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan, analysis_set: str) -> pd.DataFrame:
    """The subjects of the pair of arms with a change: post-baseline changes, ``baseline`` and ``is_active``."""
    assert plan.pair is not None
    parts = []
    for is_active, arm in zip((1.0, 0.0), plan.pair, strict=True):
        part = wide.reindex(members(subjects, analysis_set=analysis_set, arm=arm))
        parts.append(part.assign(is_active=is_active))
    table = pd.concat(parts).astype(float)
    baseline = table[plan.baseline]
    changes = table[list(plan.post_baseline)].sub(baseline, axis=0)
    changes = changes.assign(baseline=baseline, is_active=table["is_active"])
    return changes[changes[list(plan.post_baseline)].notna().any(axis=1)]


def _fit(
    data: pd.DataFrame, percent: pd.DataFrame | None, plan: AnalysisPlan
) -> tuple[ArmModel | str, Mapping[str, str]]:
    """The model with the least assumed about the covariance that the data determine, or why there is none."""
    visits, left_out = _usable_visits(data, percent, plan)
    if not visits:
        return "no visit at which the arms can be compared", left_out
    rows = data[data[list(visits)].notna().any(axis=1)]
    values, covariates = rows[list(visits)].to_numpy(), _covariates(rows)
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


def _covariates(rows: pd.DataFrame) -> Array:
    """1, the baseline around its mean, the arm; shape (n, 3)."""
    baseline = rows["baseline"].to_numpy()
    return np.column_stack([np.ones(len(rows)), baseline - baseline.mean(), rows["is_active"].to_numpy()])


def _usable_visits(
    data: pd.DataFrame, percent: pd.DataFrame | None, plan: AnalysisPlan
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The visits whose own regression on baseline and arm leaves something over, and why the others are none."""
    usable, left_out = [], {}
    for visit in plan.post_baseline:
        rows = data[data[visit].notna()]
        reason = "" if percent is None else without_events(percent.loc[rows.index, [plan.baseline, visit]].to_numpy())
        reason = reason or _refused(rows[visit].to_numpy(), rows)
        if reason:
            left_out[visit] = f"not in the model: {reason}"
        else:
            usable.append(visit)
    return tuple(usable), left_out


def _refused(changes: Array, rows: pd.DataFrame) -> str:
    n_active = int(rows["is_active"].sum())
    n_control = len(rows) - n_active
    if not (n_active and n_control):
        return f"{n_active} subjects of the active and {n_control} of the control arm have a change"
    if len(rows) < 4:
        return f"{len(rows)} subjects, too few for a variance"
    covariates = _covariates(rows)
    if np.linalg.matrix_rank(covariates) < covariates.shape[1]:
        return "baselines are all equal, or tell the arms apart"
    coefficients = np.linalg.lstsq(covariates, changes, rcond=None)[0]
    residuals = changes - covariates @ coefficients
    size = max(float(np.abs(changes).max()), float(np.abs(rows["baseline"]).max()))
    if float(np.sqrt((residuals**2).mean())) <= NO_SPREAD * size:
        return "the changes have no variance around the model"
    return ""
