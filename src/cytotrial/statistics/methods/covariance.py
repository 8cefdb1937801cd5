"""Covariance structures of repeated measures, each linear in its parameters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNSTRUCTURED, TOEPLITZ, COMPOUND_SYMMETRY = "unstructured", "Toeplitz", "compound symmetry"
# In this order a model is tried: from the least assumed to the most.
STRUCTURES = (UNSTRUCTURED, TOEPLITZ, COMPOUND_SYMMETRY)


def basis(structure: str, n_visits: int) -> NDArray[np.float64]:
    """Symmetric matrices G with covariance = sum of parameter times G.

    Parameters
    ----------
    structure : str
        One of `STRUCTURES`. Unstructured: a parameter for every variance and covariance. Toeplitz: one for every
        number of visits between two, so that all variances are equal. Compound symmetry: one variance, one covariance.

    Returns
    -------
    ndarray, shape (n_parameters, n_visits, n_visits)
    """
    row, column = np.tril_indices(n_visits)
    if structure == UNSTRUCTURED:
        group = np.arange(row.size)
    elif structure == TOEPLITZ:
        group = row - column
    elif structure == COMPOUND_SYMMETRY:
        group = np.minimum(row - column, 1)
    else:
        raise ValueError(f"no covariance structure {structure!r}")
    matrices = np.zeros((int(group.max()) + 1, n_visits, n_visits))
    matrices[group, row, column] = matrices[group, column, row] = 1.0
    return matrices


def nearest(matrices: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The parameters whose matrix is nearest to a covariance (least squares over its elements)."""
    flat = matrices.reshape(len(matrices), -1)
    return np.linalg.lstsq(flat.T, covariance.ravel(), rcond=None)[0]


def assembled(matrices: NDArray[np.float64], parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """The covariance matrix of some parameters."""
    return np.tensordot(parameters, matrices, axes=1)
