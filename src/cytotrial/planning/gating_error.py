"""How far gating is from the truth, on the logit scale: the part of a subject, of a sample, and of an effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cytotrial.statistics.methods.logits import empirical_logit

NAN = float("nan")
SMALLEST_VARIATION = 1e-12  # of the true logits within subjects: what their rounding leaves


@dataclass(frozen=True)
class GatingError:
    """What gating adds to the logit of a subset's share.

    Attributes
    ----------
    bias : float
        Mean of measured minus true, logit; the same for every sample, so that no change and no comparison has it.
    subject_sd : float
        SD of what stays with a subject, logit: cancels in changes.
    sample_sd : float
        SD of what is a sample's own, logit.
    effect_bias : float
        Relative bias of a change: -0.05 where gating sees 95 % of a true change of the logit.
    effect_bias_se : float
        Its standard error.
    n_subjects, n_samples : int
    note : str
        Why a number is NaN.
    """

    bias: float
    subject_sd: float
    sample_sd: float
    effect_bias: float
    effect_bias_se: float
    n_subjects: int
    n_samples: int
    note: str = ""


def gating_error(
    subjects: Sequence[str],
    *,
    true_n: ArrayLike,
    true_of_n: ArrayLike,
    measured_n: ArrayLike,
    measured_of_n: ArrayLike,
) -> GatingError:
    """The gating error of one subset, from samples whose truth is known.

    Parameters
    ----------
    subjects : sequence of str, shape (n,)
        Whose sample each is; subjects of different simulated trials have different names.
    true_n, true_of_n, measured_n, measured_of_n : array-like, shape (n,)
        Events of the subset and of its denominator, as they are in the file and as gated; NaN where not measured, which
        leaves the sample out.

    Notes
    -----
    With e = logit(measured) - logit(true), logit(x of n) = log((x + 0.5) / (n - x + 0.5)), i subjects, j samples:

        e_ij = bias + subject_i + effect_bias * (t_ij - mean_j t_ij) + sample_ij

    `effect_bias` is the slope within subjects of e on the true logit t (that of the measured on the true change, less
    1), `sample_sd` the residual SD of that regression, `subject_sd` the between-subject component of a one-way analysis
    of variance by the method of moments, 0 where the moments give less. Both logits are of the same events, so that
    counting noise cancels in e.

    References
    ----------
    Searle SR, Casella G, McCulloch CE. Variance Components. Wiley 1992, chapter 3. doi:10.1002/9780470316856

    Examples
    --------
    >>> error = gating_error(["a", "a", "b", "b"], true_n=[50, 100, 50, 100], true_of_n=[1000] * 4,
    ...                      measured_n=[55, 105, 45, 95], measured_of_n=[1000] * 4)
    >>> round(error.bias, 4), error.n_subjects
    (-0.0031, 2)
    """
    true, error = empirical_logit(true_n, true_of_n), empirical_logit(measured_n, measured_of_n)
    error = error - true
    is_there = ~np.isnan(error)
    names, subject = np.unique(np.asarray(subjects)[is_there], return_inverse=True)
    true, error = true[is_there], error[is_there]
    n_samples, n_subjects = error.size, names.size
    if not n_samples:
        return GatingError(NAN, NAN, NAN, NAN, NAN, 0, 0, "no sample with a true and a measured share")
    bias, free = float(error.mean()), n_samples - n_subjects - 1
    within, moved = _around_own_mean(error, subject), _around_own_mean(true, subject)
    variation = float((moved**2).sum())
    if free < 1 or variation <= SMALLEST_VARIATION:
        note = "too few samples per subject" if free < 1 else "no subject's true share changes"
        return GatingError(bias, NAN, NAN, NAN, NAN, n_subjects, n_samples, f"{note}: errors cannot be told apart")
    slope = float((within * moved).sum()) / variation
    residual = float(((within - slope * moved) ** 2).sum()) / free
    subject_variance, note = _between(error, subject, residual)
    return GatingError(
        bias=bias,
        subject_sd=subject_variance**0.5 if subject_variance == subject_variance else NAN,
        sample_sd=residual**0.5,
        effect_bias=slope,
        effect_bias_se=(residual / variation) ** 0.5,
        n_subjects=n_subjects,
        n_samples=n_samples,
        note=note,
    )


def _around_own_mean(values: NDArray[np.float64], subject: NDArray[np.intp]) -> NDArray[np.float64]:
    sums, sizes = np.bincount(subject, values), np.bincount(subject)
    return values - (sums / sizes)[subject]


def _between(error: NDArray[np.float64], subject: NDArray[np.intp], residual: float) -> tuple[float, str]:
    """Variance between subjects by the method of moments (subjects may have different numbers of samples)."""
    sizes = np.bincount(subject)
    if sizes.size < 2:
        return NAN, "one subject: no spread between subjects"
    means = np.bincount(subject, error) / sizes
    total = sizes.sum()
    mean_square = float((sizes * (means - error.mean()) ** 2).sum()) / (sizes.size - 1)
    size = (total - (sizes**2).sum() / total) / (sizes.size - 1)
    return max(float((mean_square - residual) / size), 0.0), ""
