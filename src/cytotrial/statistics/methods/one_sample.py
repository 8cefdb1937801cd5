"""One sample against zero: Student's t test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cytotrial.statistics.methods.students_t import ROUNDING, t_inference

NAN = float("nan")


def one_sample_t(values: ArrayLike, *, size: float) -> dict[str, Any]:
    """The mean with its 95 % interval and two-sided t test that it is 0.

    Parameters
    ----------
    values : array-like, shape (n,)
        None missing, in any unit; the estimate, its standard error and its limits are in the same.
    size : float
        The largest of the numbers that the values are differences of: their rounding is what remains where all
        differences are equal.

    Returns
    -------
    dict
        ``estimate se df ci_low ci_high p_value note``. What cannot be computed is NaN, and the note says why.

    References
    ----------
    Student. Biometrika 1908;6:1-25. doi:10.1093/biomet/6.1.1

    Examples
    --------
    >>> row = one_sample_t([1.0, 2.0, 3.0], size=33.0)
    >>> row["estimate"], round(row["se"], 4), row["df"], round(row["p_value"], 4)
    (2.0, 0.5774, 2, 0.0742)
    """
    sample = np.asarray(values, dtype=float)
    row: dict[str, Any] = dict.fromkeys(("estimate", "se", "df", "ci_low", "ci_high", "p_value"), NAN)
    if sample.size == 0:
        return row | {"note": "no subject"}
    row["estimate"] = float(sample.mean())
    if sample.size == 1:
        return row | {"note": "one subject: no spread, no test"}
    se = float(sample.std(ddof=1) / np.sqrt(sample.size))
    if se <= ROUNDING * size:
        return row | {"note": "all values are equal: no variance, no test"}
    found = t_inference(row["estimate"], se, sample.size - 1)
    return row | {
        "se": se,
        "df": sample.size - 1,
        "ci_low": found.low,
        "ci_high": found.high,
        "p_value": found.p_value,
        "note": "",
    }
