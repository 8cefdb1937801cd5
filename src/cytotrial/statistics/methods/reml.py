"""Mixed models for repeated measures by restricted maximum likelihood, with Satterthwaite's degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cytotrial.statistics.methods.covariance import Structure, structure_of
from cytotrial.statistics.methods.restricted_likelihood import (
    LikelihoodPoint,
    NotFittedError,
    Patterns,
    residual_products,
)

MOST_ITERATIONS = 100
MOST_HALVINGS = 40
CONVERGED = 1e-11  # Newton decrement: the estimate is within sqrt of it standard errors of the maximum
LEAST_EIGENVALUE = 1e-7  # of the fitted correlations: below, a combination of visits would be without error

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """A linear combination of coefficients, in the unit of the values.

    Attributes
    ----------
    df : float
        Satterthwaite's.
    """

    estimate: float
    se: float
    df: float


@dataclass(frozen=True)
class Fit:
    """A model at its restricted maximum likelihood.

    Attributes
    ----------
    structure : str
        Of the covariance.
    covariance : ndarray, shape (k, k)
    coefficients : ndarray, shape (k, q)
        Of the covariates at each visit.
    coefficient_covariance : ndarray, shape (k * q, k * q)
        (X' V^-1 X)^-1 at the estimate: the plug-in one, as in nlme and in SAS without Kenward and Roger's correction.
    log_likelihood : float
        Restricted, with its constant (N - p) log(2 pi) / 2.
    """

    structure: str
    covariance: Array
    coefficients: Array
    coefficient_covariance: Array
    log_likelihood: float
    n_subjects: int
    n_observations: int
    n_covariance: int
    iterations: int
    _point: LikelihoodPoint = field(repr=False)
    _scale: float = field(repr=False)

    def effect(self, weights: Array) -> Effect:
        """A weighted sum of coefficients, with its standard error and Satterthwaite's degrees of freedom.

        Parameters
        ----------
        weights : ndarray, shape (k, q)

        Notes
        -----
        df = 2 v^2 / (g' A g): v is the sum's variance, g its derivatives by the covariance parameters, A the inverse of
        their observed restricted information (Satterthwaite 1946, doi:10.2307/3002019; for mixed models Giesbrecht and
        Burns 1985, doi:10.2307/2530872).
        """
        flat = weights.ravel()
        estimate = float(flat @ self.coefficients.ravel())
        point = self._point
        spread = point.inverse @ flat
        variance = float(flat @ spread)
        slope = np.einsum("i,kij,j->k", spread, point.by_parameter, spread)
        uncertainty = float(slope @ np.linalg.solve(point.observed_information, slope))
        return Effect(estimate, self._scale * float(np.sqrt(variance)), 2.0 * variance**2 / uncertainty)

    def wald(self, columns: Array) -> tuple[float, int]:
        """Chi-square that several sums of coefficients are all 0, and its degrees of freedom.

        Parameters
        ----------
        columns : ndarray, shape (n_sums, k, q)
        """
        flat = columns.reshape(len(columns), -1)
        estimates = flat @ self.coefficients.ravel()
        return float(estimates @ np.linalg.solve(flat @ self.coefficient_covariance @ flat.T, estimates)), len(flat)


def fit_repeated_measures(values: Array, covariates: Array, structure: str) -> Fit:
    """Fit by Newton's method, with Fisher's scoring where the surface is not concave.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        NaN where a subject was not measured: such values are missing at random in this model's likelihood.
    covariates : ndarray, shape (n, q)
        Of each subject, the same at all visits: a column of ones first, nothing missing.
    structure : str
        Of the covariance, one of `covariance.STRUCTURES`.

    Raises
    ------
    NotFittedError
        Coefficients or covariance parameters that the data do not determine, or a maximum on the edge, where the
        covariance is singular.

    References
    ----------
    Patterson HD, Thompson R. Biometrika 1971;58:545-554. doi:10.1093/biomet/58.3.545
    Mallinckrodt CH, Clark WS, David SR. J Biopharm Stat 2001;11:9-21. doi:10.1081/BIP-100104194
    Lindstrom MJ, Bates DM. J Am Stat Assoc 1988;83:1014-1022. doi:10.1080/01621459.1988.10478693
    """
    scale = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
    if not scale > 0.0:
        raise NotFittedError("the values have no variance")
    patterns = Patterns.of(values / scale, covariates)
    family = structure_of(structure, values.shape[1])
    n_observations = int(patterns.n @ patterns.mask.sum(axis=1))
    free = n_observations - values.shape[1] * covariates.shape[1]
    if free < family.n_parameters:
        raise NotFittedError(f"{max(free, 0)} values beyond the coefficients, {family.n_parameters} parameters")
    try:
        point, iterations = _climb(_beginning(patterns, family))
    except np.linalg.LinAlgError:
        raise NotFittedError("the covariance is singular") from None
    return Fit(
        structure=structure,
        covariance=point.covariance * scale**2,
        coefficients=point.coefficients * scale,
        coefficient_covariance=point.inverse * scale**2,
        log_likelihood=point.log_likelihood - free * float(np.log(scale) + np.log(2.0 * np.pi) / 2.0),
        n_subjects=int(patterns.n.sum()),
        n_observations=n_observations,
        n_covariance=family.n_parameters,
        iterations=iterations,
        _point=point,
        _scale=scale,
    )


def _start(patterns: Patterns) -> Array:
    """Variances around each visit's own regression, and half of the residuals' covariances: always a proper matrix."""
    k = patterns.mask.shape[1]
    zz = np.einsum("pk,pab->kab", patterns.mask, patterns.zz)
    zy = np.einsum("pak->ka", patterns.zy)
    n = patterns.mask.T @ patterns.n
    try:
        coefficients = np.linalg.solve(zz, zy[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        raise NotFittedError("a visit's values do not determine its coefficients") from None
    residual = residual_products(patterns, coefficients).sum(axis=0)
    variances = np.diag(residual) / np.maximum(n - zz.shape[1], 1.0)
    if not (variances > 0.0).all():
        raise NotFittedError("a visit's values have no variance around the model")
    together = np.einsum("p,pi,pj->ij", patterns.n, patterns.mask, patterns.mask)
    size = np.sqrt(np.outer(np.diag(residual) / n, np.diag(residual) / n)) * np.maximum(together, 1.0)
    correlations = 0.5 * np.clip(residual / size, -1.0, 1.0)
    correlations[np.diag_indices(k)] = 1.0
    values, vectors = np.linalg.eigh(correlations)
    correlations = (vectors * np.maximum(values, 0.1)) @ vectors.T
    return correlations * np.sqrt(np.outer(variances, variances))


def _beginning(patterns: Patterns, family: Structure) -> LikelihoodPoint:
    """A proper covariance of the family near the one of `_start`: drawn towards no correlation until it is one."""
    covariance = _start(patterns)
    diagonal = np.diag(np.diag(covariance))
    for share in (1.0, 0.5, 0.25, 0.1, 0.0):
        try:
            return LikelihoodPoint(patterns, family, family.near(share * covariance + (1.0 - share) * diagonal))
        except NotFittedError:
            if share == 0.0:
                raise
    raise AssertionError("unreachable")


def _climb(point: LikelihoodPoint) -> tuple[LikelihoodPoint, int]:
    """To the maximum, and in how many steps."""
    for iteration in range(1, MOST_ITERATIONS + 1):
        step, is_newton = _direction(point)
        decrement = float(step @ point.gradient)
        if is_newton and decrement < CONVERGED:
            _demand_inside(point)
            return point, iteration
        point = _better(point, step)
    _demand_inside(point)
    raise NotFittedError(f"no maximum of the likelihood after {MOST_ITERATIONS} steps")


def _direction(point: LikelihoodPoint) -> tuple[Array, bool]:
    """Newton's step where the surface is concave, else that of Fisher's scoring; and whether it is Newton's."""
    for information, is_newton in ((point.observed_information, True), (point.expected_information, False)):
        try:
            factor = np.linalg.cholesky(information)
        except np.linalg.LinAlgError:
            continue
        return np.linalg.solve(factor.T, np.linalg.solve(factor, point.gradient)), is_newton
    _demand_inside(point)
    raise NotFittedError("the data do not determine the covariance")


def _better(point: LikelihoodPoint, step: Array) -> LikelihoodPoint:
    """The point after a step that is halved until the likelihood is higher."""
    share = 1.0
    for _ in range(MOST_HALVINGS):
        try:
            candidate = LikelihoodPoint(point.patterns, point.family, point.parameters + share * step)
        except NotFittedError:
            share /= 2.0
            continue
        if candidate.log_likelihood >= point.log_likelihood - 1e-9 * share:
            return candidate
        share /= 2.0
    _demand_inside(point)
    raise NotFittedError("the likelihood cannot be raised any further, and this is no maximum")


def _demand_inside(point: LikelihoodPoint) -> None:
    if point.smallest_eigenvalue < LEAST_EIGENVALUE:
        raise NotFittedError("the covariance is singular")
