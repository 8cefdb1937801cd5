"""p-values adjusted within families: Holm (any error) and Benjamini-Hochberg (share of false findings)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.multitest import multipletests


def adjusted(p_values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Holm's and Benjamini-Hochberg's adjusted p, in the order given.

    Parameters
    ----------
    p_values : array-like, shape (n,)
        NaN where a test could not be made: it stays NaN and does not count in the number of tests.

    Returns
    -------
    p_holm, p_bh : ndarray, shape (n,)

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70. https://www.jstor.org/stable/4615733
    Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> holm, bh = adjusted([0.01, float("nan"), 0.04, 0.03])
    >>> [round(float(p), 3) for p in holm], [round(float(p), 3) for p in bh]
    ([0.03, nan, 0.06, 0.06], [0.03, nan, 0.04, 0.04])
    """
    values = np.asarray(p_values, dtype=float)
    tested = ~np.isnan(values)
    p_holm, p_bh = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    if tested.any():
        p_holm[tested] = _holm(values[tested])
        p_bh[tested] = multipletests(values[tested], method="fdr_bh")[1]
    return p_holm, p_bh


def _holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    # statsmodels' own collects the interpreter's garbage at each call, which for the families of one trial takes
    # longer than all their tests together.
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(p_values.size, 0, -1)
    adjusted_p = np.empty(p_values.size)
    adjusted_p[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted_p


def adjust_families(
    rows: Iterable[dict[str, Any]], *, family: Callable[[dict[str, Any]], Hashable | None]
) -> list[dict[str, Any]]:
    """The rows with ``p_holm`` and ``p_bh`` filled in; NaN where `family` answers None.

    Parameters
    ----------
    rows : iterable of dict
        Each with ``p_value``.
    family : callable
        Row -> the family it is tested in, or None where it is in none.
    """
    rows = [{**row, "p_holm": float("nan"), "p_bh": float("nan")} for row in rows]
    families: dict[Hashable, list[dict[str, Any]]] = {}
    for row in rows:
        name = family(row)
        if name is not None:
            families.setdefault(name, []).append(row)
    for tests in families.values():
        for row, p_holm, p_bh in zip(tests, *adjusted([row["p_value"] for row in tests]), strict=True):
            row["p_holm"], row["p_bh"] = float(p_holm), float(p_bh)
    return rows
