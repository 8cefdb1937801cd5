"""The restricted likelihood of repeated measures, and its derivatives, at one covariance matrix.

Every subject i has values at some of k visits, y_i = X_i b + e_i with e_i ~ N(0, V_i), where V_i are the rows and
columns of one k x k covariance matrix that belong to the subject's visits, and X_i gives every visit its own
coefficients of the subject's covariates: the model `change ~ baseline * visit + arm * visit`. All of it then depends
on sums over the subjects who share a pattern of visits, and costs the same for 60 subjects and for 6,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cytotrial.statistics.methods.covariance import Structure

LEAST_COMPUTABLE = 1e-10  # of the correlations' eigenvalues: below, an inverse is made of rounding
LEAST_VARIANCE = 1e-12  # of a visit, in the square of the values' overall SD
MOST_PRODUCTS = 2**22  # of weights that are held at a time: 32 MB

Array = NDArray[np.float64]


class NotFittedError(Exception):
    """The likelihood has no maximum inside, or it was not found; the message says which."""


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


def residual_products(patterns: Patterns, coefficients: Array) -> Array:
    """Sums over each pattern's subjects of residual times residual, shape (m, k, k)."""
    fitted = coefficients @ patterns.zy
    explained = coefficients @ patterns.zz @ coefficients.T
    masks = patterns.mask[:, :, None] * patterns.mask[:, None, :]
    return masks * (patterns.yy - fitted - fitted.transpose(0, 2, 1) + explained)


class LikelihoodPoint:
    """The restricted likelihood and its derivatives at one covariance matrix; a value's unit is its overall SD.

    With W the inverse of a pattern's covariance (0 for other visits), C = (X' V^-1 X)^-1, and sums over the patterns:
    gradient = -tr(M G) / 2 with M = n W - W D W - W R W, where R are the residuals' products and D what C leaves of
    them; the information follows in the same way (Lindstrom and Bates 1988), with the covariance's own second
    derivatives where it is not linear in its parameters.
    """

    def __init__(self, patterns: Patterns, family: Structure, parameters: Array) -> None:
        self.patterns, self.family, self.parameters = patterns, family, parameters
        with np.errstate(over="ignore", invalid="ignore"):  # a step too far: no covariance, told below
            self.covariance = family.matrix(parameters)
        if not self.smallest_eigenvalue > LEAST_COMPUTABLE:
            raise NotFittedError("no covariance matrix")
        masks = patterns.mask[:, :, None] * patterns.mask[:, None, :]
        padded = masks * self.covariance + _diagonals(1.0 - patterns.mask)
        try:
            factors = np.linalg.cholesky(padded)
            inverse_factors = np.linalg.inv(factors)
        except np.linalg.LinAlgError:
            raise NotFittedError("no covariance matrix") from None
        self.weights = masks * (inverse_factors.transpose(0, 2, 1) @ inverse_factors)
        determinants = 2.0 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        k, q = patterns.mask.shape[1], patterns.zz.shape[1]
        information = np.einsum("pij,pab->iajb", self.weights, patterns.zz, optimize=True).reshape(k * q, k * q)
        score = np.einsum("pij,paj->ia", self.weights, patterns.zy, optimize=True)
        try:
            factor = np.linalg.cholesky(information)
            root = np.linalg.inv(factor)
        except np.linalg.LinAlgError:
            raise NotFittedError("the values do not determine the coefficients") from None
        self.inverse = root.T @ root
        self.coefficients = (self.inverse @ score.ravel()).reshape(k, q)
        self.residuals = residual_products(patterns, self.coefficients)
        squares = float(np.einsum("pij,pij->", self.weights, self.residuals))
        determinant = float(patterns.n @ determinants) + 2.0 * float(np.log(np.diag(factor)).sum())
        self.log_likelihood = -0.5 * (determinant + squares)

    @cached_property
    def smallest_eigenvalue(self) -> float:
        """Of the correlations; NaN where a variance is none, or an element not finite."""
        variances = np.diag(self.covariance)
        if not (np.isfinite(self.covariance).all() and (variances > LEAST_VARIANCE).all()):
            return float("nan")
        deviations = np.sqrt(variances)
        return float(np.linalg.eigvalsh(self.covariance / np.outer(deviations, deviations))[0])

    @cached_property
    def _of_coefficients(self) -> Array:
        """What the coefficients' own uncertainty adds, D: shape (m, k, k)."""
        k, q = self.coefficients.shape
        return np.einsum("iajb,pab->pij", self.inverse.reshape(k, q, k, q), self.patterns.zz, optimize=True)

    def _weighted(self, middle: Array) -> Array:
        return self.weights @ middle @ self.weights

    @cached_property
    def matrices(self) -> Array:
        """First derivatives of the covariance, G: shape (n_parameters, k, k)."""
        return self.family.slopes(self.parameters)

    @cached_property
    def _by_element(self) -> Array:
        """Derivatives of the restricted log likelihood by the covariance's elements, shape (k, k)."""
        spread = self._weighted(self._of_coefficients + self.residuals).sum(axis=0)
        return -0.5 * (np.tensordot(self.patterns.n, self.weights, axes=1) - spread)

    @cached_property
    def gradient(self) -> Array:
        """Of the restricted log likelihood by the covariance parameters, shape (n_parameters,)."""
        return np.einsum("kij,ij->k", self.matrices, self._by_element)

    @cached_property
    def by_parameter(self) -> Array:
        """Derivatives of X' V^-1 X by the parameters, with the opposite sign: shape (n_parameters, k q, k q)."""
        m, k = self.patterns.mask.shape
        q = self.patterns.zz.shape[1]
        # All products of two weights, times the covariates' products, summed over the patterns some at a time.
        summed, some = np.zeros((k**4, q * q)), max(1, MOST_PRODUCTS // k**4)
        for first in range(0, m, some):
            weights = self.weights[first : first + some]
            pairs = (weights[:, :, None, None, :] * weights[:, None, :, :, None]).reshape(len(weights), k**4)
            summed += pairs.T @ self.patterns.zz[first : first + some].reshape(len(weights), q * q)
        summed = summed.reshape(k, k, k, k, q, q)  # i d j c a b
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
        found = squares - self.expected_information
        own = self.family.bends(self.parameters)
        return found if own is None else found - np.einsum("klij,ij->kl", own, self._by_element)


def _diagonals(entries: Array) -> Array:
    """Diagonal matrices of the rows of `entries`, shape (m, k, k)."""
    return entries[:, :, None] * np.eye(entries.shape[1])
