"""Analysis of covariance: two arms' changes compared at equal baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.regression.linear_model import OLS

from cytotrial.statistics.methods.students_t import t_inference

NAN = float("nan")
SMALLEST_SHARE = 1e-7  # of a column that the columns before it leave over; R's lm drops it below
PERFECT = 1e-12  # a residual standard deviation relative to the values: what their rounding leaves


def ancova(baseline: ArrayLike, visit: ArrayLike, is_active: ArrayLike) -> dict[str, Any]:
    """Least squares of change on baseline and arm: ``change = a + b baseline + c arm``.

    Parameters
    ----------
    baseline, visit : array-like, shape (n,)
        Values of the same subjects in the same order, on any scale, none missing.
    is_active : array-like of bool, shape (n,)
        Whether the subject is in the active arm; the others are in the control arm.

    Returns
    -------
    dict
        ``n_active n_control estimate se df ci_low ci_high t p_value slope_baseline residual_sd note``. The estimate is
        c, active minus control; it is the same for the visit's value as for the change. What cannot be computed is NaN,
        and the note says why.

    References
    ----------
    Vickers AJ, Altman DG. BMJ 2001;323:1123-1124. doi:10.1136/bmj.323.7321.1123

    Examples
    --------
    >>> row = ancova([1.0, 2.0, 3.0, 1.0, 2.0, 3.0], [3.0, 4.0, 6.0, 1.0, 2.0, 3.0], [1, 1, 1, 0, 0, 0])
    >>> round(row["estimate"], 4), round(row["slope_baseline"], 4), row["df"]
    (2.3333, 0.25, 3)
    """
    before, after = np.asarray(baseline, dtype=float), np.asarray(visit, dtype=float)
    active = np.asarray(is_active, dtype=bool)
    row: dict[str, Any] = {"n_active": int(active.sum()), "n_control": int((~active).sum())}
    names = ("estimate", "se", "df", "ci_low", "ci_high", "t", "p_value", "slope_baseline", "residual_sd")
    row |= dict.fromkeys(names, NAN)
    refused = _refused(before, active)
    if refused:
        return row | {"note": refused}
    # Around its mean, so that neither the intercept nor the arm's column is near to it.
    columns = np.column_stack([np.ones(before.size), before - before.mean(), active])
    fit = OLS(after - before, columns).fit()
    estimate, spread = float(fit.params[2]), float(np.sqrt(fit.scale))
    row |= {"estimate": estimate, "slope_baseline": float(fit.params[1]), "residual_sd": spread}
    if spread <= PERFECT * max(np.abs(before).max(), np.abs(after).max()):
        return row | {"note": "baseline and arm explain every change: no residual variance, no test"}
    error, df = float(fit.bse[2]), int(fit.df_resid)
    t, low, high, p_value = t_inference(estimate, error, df)
    return row | {"se": error, "df": df, "ci_low": low, "ci_high": high, "t": t, "p_value": p_value, "note": ""}


def _refused(baseline: NDArray[np.float64], active: NDArray[np.bool_]) -> str:
    """Why the coefficients or their errors are not determined; empty where they are."""
    if active.all() or not active.any():
        return "no complete pair in an arm"
    if baseline.size < 4:
        return f"too few subjects for an analysis of covariance ({baseline.size})"
    around_mean = np.linalg.norm(baseline - baseline.mean())
    if around_mean <= SMALLEST_SHARE * np.linalg.norm(baseline):
        return "the baseline has no variance, no adjustment for it"
    arm_means = np.where(active, baseline[active].mean(), baseline[~active].mean())
    if np.linalg.norm(baseline - arm_means) <= SMALLEST_SHARE * around_mean:
        return "the baseline has no variance within the arms: its effect and the arm's cannot be told apart"
    return ""
