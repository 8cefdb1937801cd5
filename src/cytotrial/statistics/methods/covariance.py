"""Covariance structures of repeated measures: matrices, and their derivatives by the parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

UNSTRUCTURED = "unstructured"
HETEROGENEOUS_TOEPLITZ, TOEPLITZ = "heterogeneous Toeplitz", "Toeplitz"
HETEROGENEOUS_SYMMETRY, COMPOUND_SYMMETRY = "heterogeneous compound symmetry", "compound symmetry"
# In this order a model is tried: from the least assumed to the most. Equal variances come last, because where they
# are not equal the tests at noisy visits find too much and those at quiet ones too little.
STRUCTURES = (UNSTRUCTURED, HETEROGENEOUS_TOEPLITZ, HETEROGENEOUS_SYMMETRY, TOEPLITZ, COMPOUND_SYMMETRY)

Array = NDArray[np.float64]


class Structure(ABC):
    """A family of covariance matrices of k visits."""

    n_parameters: int

    @abstractmethod
    def matrix(self, parameters: Array) -> Array:
        """The matrix, shape (k, k); it may not be positive definite."""

    @abstractmethod
    def slopes(self, parameters: Array) -> Array:
        """Its first derivatives, shape (n_parameters, k, k)."""

    @abstractmethod
    def bends(self, parameters: Array) -> Array | None:
        """Its second derivatives, shape (n_parameters, n_parameters, k, k); None: all are 0."""

    @abstractmethod
    def near(self, covariance: Array) -> Array:
        """Parameters whose matrix is like a given one."""


class Linear(Structure):
    """One parameter for each group of elements: covariance = sum of parameter times indicator matrix."""

    def __init__(self, n_visits: int, group: Callable[[Array, Array], Array]) -> None:
        row, column = np.tril_indices(n_visits)
        number = group(row, column)
        self.n_parameters = int(number.max()) + 1
        self._indicators = np.zeros((self.n_parameters, n_visits, n_visits))
        self._indicators[number, row, column] = self._indicators[number, column, row] = 1.0

    def matrix(self, parameters: Array) -> Array:
        """As `Structure` says."""
        return np.tensordot(parameters, self._indicators, axes=1)

    def slopes(self, parameters: Array) -> Array:
        """As `Structure` says."""
        return self._indicators

    def bends(self, parameters: Array) -> Array | None:
        """None: the covariance is linear in its parameters."""
        return None

    def near(self, covariance: Array) -> Array:
        """The mean of each group's elements."""
        flat = self._indicators.reshape(self.n_parameters, -1)
        return flat @ covariance.ravel() / flat.sum(axis=1)


class Heterogeneous(Structure):
    """Every visit its own standard deviation; correlations as a linear structure of correlations has them.

    Parameters are the k logarithms of the standard deviations, then the correlations.
    """

    def __init__(self, n_visits: int, group: Callable[[Array, Array], Array]) -> None:
        self._k = n_visits
        self._correlations = Linear(n_visits, group)
        self.n_parameters = n_visits + self._correlations.n_parameters - 1  # the diagonal's parameter is 1

    def _parts(self, parameters: Array) -> tuple[Array, Array]:
        """Products of standard deviations, and correlations; both of shape (k, k)."""
        deviations = np.exp(parameters[: self._k])
        return np.outer(deviations, deviations), self._correlations.matrix(np.append(1.0, parameters[self._k :]))

    def _of_deviation(self) -> Array:
        """How often each visit's standard deviation is a factor of each element, shape (k, k, k)."""
        eye = np.eye(self._k)
        return eye[:, :, None] + eye[:, None, :]

    def matrix(self, parameters: Array) -> Array:
        """As `Structure` says."""
        products, correlations = self._parts(parameters)
        return products * correlations

    def slopes(self, parameters: Array) -> Array:
        """As `Structure` says."""
        products, correlations = self._parts(parameters)
        by_correlation = self._correlations.slopes(parameters)[1:] * products
        return np.concatenate([self._of_deviation() * products * correlations, by_correlation])

    def bends(self, parameters: Array) -> Array | None:
        """As `Structure` says: a factor stays a factor, and no two correlations meet in an element."""
        slopes, factors = self.slopes(parameters), self._of_deviation()
        found = np.zeros((self.n_parameters, self.n_parameters, self._k, self._k))
        found[: self._k] = factors[:, None] * slopes[None]
        found[self._k :, : self._k] = found[: self._k, self._k :].transpose(1, 0, 2, 3)
        return found

    def near(self, covariance: Array) -> Array:
        """The standard deviations, and the mean of each group's correlations."""
        deviations = np.sqrt(np.diag(covariance))
        correlations = self._correlations.near(covariance / np.outer(deviations, deviations))
        return np.concatenate([np.log(deviations), correlations[1:]])


def structure_of(name: str, n_visits: int) -> Structure:
    """One of `STRUCTURES` for so many visits.

    Unstructured: a parameter for every variance and covariance. Toeplitz: one for every number of visits between
    two. Compound symmetry: one for all pairs of visits. Not heterogeneous: all variances are equal.
    """
    if name == UNSTRUCTURED:
        return Linear(n_visits, lambda row, column: np.arange(row.size))
    if name in (TOEPLITZ, HETEROGENEOUS_TOEPLITZ):
        kind = Linear if name == TOEPLITZ else Heterogeneous
        return kind(n_visits, lambda row, column: row - column)
    if name in (COMPOUND_SYMMETRY, HETEROGENEOUS_SYMMETRY):
        kind = Linear if name == COMPOUND_SYMMETRY else Heterogeneous
        return kind(n_visits, lambda row, column: np.minimum(row - column, 1))
    raise ValueError(f"no covariance structure {name!r}")
