"""Student's t: the test and the interval of an estimate with a standard error."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

CONFIDENCE = 0.95
# R's rule for "essentially constant": a spread up to this share of the values' size is their rounding.
ROUNDING = 10 * float(np.finfo(float).eps)


class Inference(NamedTuple):
    """An estimate's t, its 95 % limits (in the estimate's unit), and the two-sided p that the truth is 0."""

    t: float
    low: float
    high: float
    p_value: float


def t_inference(estimate: float, standard_error: float, df: float) -> Inference:
    """Test and interval of an estimate whose error has Student's t distribution.

    Parameters
    ----------
    estimate, standard_error : float
        In the same unit; the standard error is not 0.
    df : float
        Degrees of freedom, above 0, whole or not.

    Notes
    -----
    From SciPy's special functions: the distribution objects of scipy.stats give the same numbers, but much slower.

    References
    ----------
    Student. Biometrika 1908;6:1-25. doi:10.1093/biomet/6.1.1

    Examples
    --------
    >>> [round(value, 4) for value in t_inference(2.0, 1.0, 10)]
    [2.0, -0.2281, 4.2281, 0.0734]
    """
    t = estimate / standard_error
    half = float(special.stdtrit(df, 0.5 + CONFIDENCE / 2.0)) * standard_error
    return Inference(float(t), float(estimate - half), float(estimate + half), float(2.0 * special.stdtr(df, -abs(t))))
