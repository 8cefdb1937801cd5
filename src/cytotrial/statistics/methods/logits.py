"""Logits of counts, none and all included."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def empirical_logit(inside: ArrayLike, total: ArrayLike) -> NDArray[np.float64]:
    """log(q / (1 - q)) with q = (x + 0.5) / (n + 1), of x events among n, so that none and all have one too.

    Parameters
    ----------
    inside, total : array-like, shapes that fit together
        Events, whole or not; NaN where there is none.

    Returns
    -------
    ndarray
        NaN unless 0 <= x <= n and n > 0.

    References
    ----------
    Haldane JBS. Ann Hum Genet 1956;20:309-311. doi:10.1111/j.1469-1809.1955.tb01285.x

    Examples
    --------
    >>> empirical_logit([0, 5, 10], 10).round(3).tolist()
    [-3.045, 0.0, 3.045]
    """
    x, n = np.asarray(inside, dtype=float), np.asarray(total, dtype=float)
    is_part = (x >= 0.0) & (x <= n) & (n > 0.0)
    share = np.where(is_part, (x + 0.5) / np.where(is_part, n + 1.0, 1.0), np.nan)
    return np.log(share / (1.0 - share))
