"""From differences of logarithms back to ratios."""

from __future__ import annotations

import numpy as np


def ratios(*logarithms: float, base: float = np.e) -> tuple[float, ...]:
    """``base`` to the power of each; infinite where that is beyond the largest number, NaN stays NaN.

    A difference of logits becomes an odds ratio (base e), a difference of binary logarithms a fold change (base 2).

    Examples
    --------
    >>> ratios(1.0, 0.0, -2.0, base=2.0)
    (2.0, 1.0, 0.25)
    """
    with np.errstate(over="ignore"):  # an infinite limit is the right answer there
        return tuple(float(np.exp2(value) if base == 2.0 else np.exp(value * np.log(base))) for value in logarithms)
