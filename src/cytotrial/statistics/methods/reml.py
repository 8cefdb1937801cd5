"""Mixed models for repeated measures by restricted maximum likelihood, with Satterthwaite's degrees of freedom.

Every subject i has values at some of k visits, y_i = X_i b + e_i with e_i ~ N(0, V_i), where V_i are the rows and
columns of one k x k covariance matrix that belong to the subject's visits, and X_i gives every visit its own
coefficients of the subject's covariates: the model `change ~ baseline * visit + arm * visit`. All of it then depends
on sums over the subjects who share a pattern of visits, and an iteration costs the same for 60 subjects and for 6,000.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cytotrial.statistics.methods.covariance import assembled, basis, nearest

MOST_ITERATIONS = 200
MOST_HALVINGS = 40
CONVERGED = 1e-11  # Newton decrement: the estimate is within sqrt of it standard errors of the maximum
LEAST_EIGENVALUE = 1e-7  # of the fitted correlations: below, a combination of visits would be without error

Array = NDArray[np.float64]


class NotFittedError(Exception):
    """The likelihood has no maximum inside, or it was not found; the message says which."""


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
class Patterns:
    """Sums over the subjects who were measured at the same visits; m patterns, k visits, q covariates.

    Attributes
    ----------
    mask : ndarray of float, shape (m, k)
        1 where the pattern has the visit.
    n : ndarray, shape (m,)
    zz, zy, yy : ndarray, shapes (m, q, q), (m, q, k), (m, k, k)
        Products of covariates and values, missing values as 0.
    """

    mask: Array
    n: Array
    zz: Array
    zy: Array
    yy: Array

    @classmethod
    def of(cls, values: Array, covariates: Array) -> Patterns:
        """Group the subjects (rows); those without any value are left out."""
        is_there = ~np.isnan(values)
        kept = is_there.any(axis=1)
        filled, is_there, covariates = np.where(is_there, values, 0.0)[kept], is_there[kept], covariates[kept]
        mask, pattern = np.unique(is_there, axis=0, return_inverse=True)
        groups = [np.flatnonzero(pattern.ravel() == number) for number in range(len(mask))]
        pairs = [(covariates[rows], filled[rows]) for rows in groups]
        return cls(
            mask=mask.astype(float),
            n=np.array([len(rows) for rows in groups], dtype=float),
            zz=np.array([z.T @ z for z, _ in pairs]),
            zy=np.array([z.T @ y for z, y in pairs]),
            yy=np.array([y.T @ y for _, y in pairs]),
        )


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
    _point: _Point = field(repr=False)
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
    matrices = basis(structure, values.shape[1])
    point, iterations = _climb(patterns, matrices, nearest(matrices, _start(patterns)))
    n_observations = int(patterns.n @ patterns.mask.sum(axis=1))
    free = n_observations - point.coefficients.size
    return Fit(
        structure=structure,
        covariance=point.covariance * scale**2,
        coefficients=point.coefficients * scale,
        coefficient_covariance=point.inverse * scale**2,
        log_likelihood=point.log_likelihood - free * float(np.log(scale) + np.log(2.0 * np.pi) / 2.0),
        n_subjects=int(patterns.n.sum()),
        n_observations=n_observations,
        n_covariance=len(matrices),
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
    residual = _residual_products(patterns, coefficients).sum(axis=0)
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


def _residual_products(patterns: Patterns, coefficients: Array) -> Array:
    """Sums over each pattern's subjects of residual times residual, shape (m, k, k)."""
    fitted = coefficients @ patterns.zy
    explained = coefficients @ patterns.zz @ coefficients.T
    masks = patterns.mask[:, :, None] * patterns.mask[:, None, :]
    return masks * (patterns.yy - fitted - fitted.transpose(0, 2, 1) + explained)


def _climb(patterns: Patterns, matrices: Array, parameters: Array) -> tuple[_Point, int]:
    """To the maximum, and in how many steps."""
    point = _Point(patterns, matrices, parameters)
    for iteration in range(1, MOST_ITERATIONS + 1):
        step, is_newton = _direction(point)
        decrement = float(step @ point.gradient)
        if is_newton and decrement < CONVERGED:
            _demand_inside(point)
            return point, iteration
        point = _better(point, step)
    raise NotFittedError(f"no maximum of the likelihood after {MOST_ITERATIONS} steps")


def _direction(point: _Point) -> tuple[Array, bool]:
    """Newton's step where the surface is concave, else that of Fisher's scoring; and whether it is Newton's."""
    for information, is_newton in ((point.observed_information, True), (point.expected_information, False)):
        try:
            factor = np.linalg.cholesky(information)
        except np.linalg.LinAlgError:
            continue
        return np.linalg.solve(factor.T, np.linalg.solve(factor, point.gradient)), is_newton
    raise NotFittedError("the data do not determine the covariance")


def _better(point: _Point, step: Array) -> _Point:
    """The point after a step that is halved until the likelihood is higher."""
    share = 1.0
    for _ in range(MOST_HALVINGS):
        try:
            candidate = _Point(point.patterns, point.matrices, point.parameters + share * step)
        except NotFittedError:
            share /= 2.0
            continue
        if candidate.log_likelihood >= point.log_likelihood - 1e-9 * share:
            return candidate
        share /= 2.0
    raise NotFittedError("the likelihood cannot be raised any further, and this is no maximum")


def _demand_inside(point: _Point) -> None:
    deviations = np.sqrt(np.diag(point.covariance))
    smallest = float(np.linalg.eigvalsh(point.covariance / np.outer(deviations, deviations))[0])
    if smallest < LEAST_EIGENVALUE:
        raise NotFittedError("the covariance is singular at the maximum")


class _Point:
    """The restricted likelihood and its derivatives at one covariance matrix; a value's unit is its overall SD.

    With W the inverse of a pattern's covariance (0 for other visits), C = (X' V^-1 X)^-1, and sums over the patterns:
    gradient = -tr(M G) / 2 with M = n W - W D W - W R W, where R are the residuals' products and D what C leaves of
    them; the information follows in the same way (Lindstrom and Bates 1988), the covariance being linear in its
    parameters.
    """

    def __init__(self, patterns: Patterns, matrices: Array, parameters: Array) -> None:
        self.patterns, self.matrices, self.parameters = patterns, matrices, parameters
        self.covariance = assembled(matrices, parameters)
        masks = patterns.mask[:, :, None] * patterns.mask[:, None, :]
        padded = masks * self.covariance + _diagonals(1.0 - patterns.mask)
        try:
            factors = np.linalg.cholesky(padded)
        except np.linalg.LinAlgError:
            raise NotFittedError("no covariance matrix") from None
        inverse_factors = np.linalg.inv(factors)
        self.weights = masks * (inverse_factors.transpose(0, 2, 1) @ inverse_factors)
        determinants = 2.0 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        k, q = patterns.mask.shape[1], patterns.zz.shape[1]
        information = np.einsum("pij,pab->iajb", self.weights, patterns.zz, optimize=True).reshape(k * q, k * q)
        score = np.einsum("pij,paj->ia", self.weights, patterns.zy, optimize=True)
        try:
            factor = np.linalg.cholesky(information)
        except np.linalg.LinAlgError:
            raise NotFittedError("the values do not determine the coefficients") from None
        self.inverse = np.linalg.inv(information)
        self.coefficients = (self.inverse @ score.ravel()).reshape(k, q)
        self.residuals = _residual_products(patterns, self.coefficients)
        squares = float(np.einsum("pij,pij->", self.weights, self.residuals))
        determinant = float(patterns.n @ determinants) + 2.0 * float(np.log(np.diag(factor)).sum())
        self.log_likelihood = -0.5 * (determinant + squares)

    @cached_property
    def _of_coefficients(self) -> Array:
        """What the coefficients' own uncertainty adds, D: shape (m, k, k)."""
        k, q = self.coefficients.shape
        return np.einsum("iajb,pab->pij", self.inverse.reshape(k, q, k, q), self.patterns.zz, optimize=True)

    def _weighted(self, middle: Array) -> Array:
        return self.weights @ middle @ self.weights

    @cached_property
    def gradient(self) -> Array:
        """Of the restricted log likelihood by the covariance parameters, shape (n_parameters,)."""
        spread = self._weighted(self._of_coefficients + self.residuals).sum(axis=0)
        middle = np.tensordot(self.patterns.n, self.weights, axes=1) - spread
        return -0.5 * np.einsum("kij,ij->k", self.matrices, middle)

    @cached_property
    def by_parameter(self) -> Array:
        """Derivatives of X' V^-1 X by the parameters, with the opposite sign: shape (n_parameters, k q, k q)."""
        m, k = self.patterns.mask.shape
        q = self.patterns.zz.shape[1]
        # All products of two weights, times the covariates' products, summed over the patterns in one go.
        pairs = (self.weights[:, :, None, None, :] * self.weights[:, None, :, :, None]).reshape(m, k**4)
        summed = (pairs.T @ self.patterns.zz.reshape(m, q * q)).reshape(k, k, k, k, q, q)  # i d j c a b
        found = np.einsum("kcd,idjcab->kiajb", self.matrices, summed, optimize=True)
        return found.reshape(len(self.matrices), k * q, k * q)

    def _quadratic(self, right: Array) -> Array:
        """Sum over the patterns of tr(G W G' E) for all pairs of basis matrices; E of shape (m, k, k)."""
        m, k = self.patterns.mask.shape
        table = (self.weights.reshape(m, k * k).T @ right.reshape(m, k * k)).reshape(k, k, k, k)  # b c d a
        flat = self.matrices.reshape(len(self.matrices), k * k)
        found = flat @ table.transpose(3, 0, 1, 2).reshape(k * k, k * k) @ flat.T
        return 0.5 * (found + found.T)

    @cached_property
    def _coefficient_part(self) -> Array:
        """tr(C H C H') for all pairs of parameters."""
        turned = self.inverse @ self.by_parameter
        return np.einsum("kij,lji->kl", turned, turned, optimize=True)

    @cached_property
    def expected_information(self) -> Array:
        """Half of tr(P G P G'), shape (n_parameters, n_parameters)."""
        part = self.patterns.n[:, None, None] * self.weights - 2.0 * self._weighted(self._of_coefficients)
        return 0.5 * (self._quadratic(part) + self._coefficient_part)

    @cached_property
    def observed_information(self) -> Array:
        """Minus the second derivatives of the restricted log likelihood, shape (n_parameters, n_parameters)."""
        fitted = self.coefficients @ self.patterns.zz
        left = self.patterns.mask[:, :, None] * (self.patterns.zy.transpose(0, 2, 1) - fitted)  # residual x covariate
        table = np.einsum("pic,pda->cdia", self.weights, self.weights @ left, optimize=True)
        bends = np.einsum("kcd,cdia->kia", self.matrices, table).reshape(len(self.matrices), -1)
        squares = self._quadratic(self._weighted(self.residuals)) - bends @ self.inverse @ bends.T
        return squares - self.expected_information


def _diagonals(entries: Array) -> Array:
    """Diagonal matrices of the rows of `entries`, shape (m, k, k)."""
    return entries[:, :, None] * np.eye(entries.shape[1])
