"""Wilcoxon's signed-rank test of paired changes, exact also where changes are tied, and its Hodges-Lehmann estimate."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from cytotrial.statistics.methods.students_t import ROUNDING
from cytotrial.statistics.methods.sums import order_statistics

NAN = float("nan")
CONFIDENCE = 0.95
# The exact distribution costs n^3 steps: 20 ms at 200 changes, and the normal one is good long before.
MOST_EXACT = 200


def signed_rank_p(changes: ArrayLike, *, magnitude: float = 0.0) -> tuple[float, str]:
    """Two-sided p of Wilcoxon's signed-rank test, and what ties, zeros or rounding changed about it.

    Zero changes are left out (Wilcoxon's own rule); tied sizes get mid-ranks. The p is exact given
    the ranks: every one of the 2^n sign patterns of the observed, tied or untied, ranks is equally
    likely. Without ties this is the classical exact test.

    Parameters
    ----------
    changes : array-like, shape (n,)
        Visit minus baseline, in any unit, none missing.
    magnitude : float
        The largest of the values that these were computed from, without sign: where no change exceeds their rounding,
        the p is that of the rounding, as in R, and the note says so.

    Returns
    -------
    p : float
        NaN without changes, or where all are zero. Of a single change it is 1, as in R: neither sign is unlikely.
    note : str
        Empty where the classical exact test was used.

    Notes
    -----
    SciPy's exact method takes the ranks as untied, and R's falls back to the normal approximation, so
    one tie would move p by more than the tie says. More than 200 non-zero changes: normal
    approximation, tie-corrected, no continuity correction, and the note says so.

    References
    ----------
    Wilcoxon F. Biometrics Bulletin 1945;1:80-83. doi:10.2307/3001968
    Hollander M, Wolfe DA, Chicken E. Nonparametric Statistical Methods, 3rd ed. 2014, section 3.1,
    "a conditional test with ties". doi:10.1002/9781119196037

    Examples
    --------
    >>> signed_rank_p([1.0, 2.0, 3.0])  # all up: 2 of the 8 sign patterns are as far out
    (0.25, '')
    """
    values = np.asarray(changes, dtype=float)
    moved = values[values != 0.0]
    if values.size == 0:
        return NAN, ""
    if moved.size == 0:
        return NAN, "every change is zero, no Wilcoxon test"
    ranks = stats.rankdata(np.abs(moved))
    notes = []
    if moved.size < values.size:
        notes.append(f"Wilcoxon without {values.size - moved.size} zero change(s)")
    if np.abs(moved).max() <= ROUNDING * magnitude:
        notes.append("all changes are equal but for rounding: the ranks are of rounding")
    tied = np.unique(ranks).size < ranks.size
    if moved.size > MOST_EXACT:
        notes.append(f"Wilcoxon by normal approximation (over {MOST_EXACT} changes)")
        p_value = float(stats.wilcoxon(moved, correction=False, method="asymptotic").pvalue)
    else:
        if tied:
            notes.append("Wilcoxon exact given tied changes (mid-ranks)")
        p_value = _exact_p(ranks, moved > 0.0, tied=tied)
    return p_value, "; ".join(notes)


def hodges_lehmann_change(changes: ArrayLike) -> tuple[float, float, float, str]:
    """Hodges-Lehmann estimate of a change (median of all averages of two changes), and its 95 % interval.

    Parameters
    ----------
    changes : array-like, shape (n,)
        None missing; zero changes are left out, as in the test that the estimate belongs to.

    Returns
    -------
    estimate, low, high : float
        In the unit of the changes. The estimate is NaN where every change is zero, the limits where the changes are too
        few for a 95 % interval (fewer than six), or all equal.
    note : str
        Why there are no limits.

    Notes
    -----
    A change is averaged with itself too (Walsh averages). The limits are the k-th smallest and the k-th largest of
    the averages. Without ties and zeros, and with up to 200 changes, k comes from the exact distribution of the
    signed-rank sum (R's ``wilcox.test(exact = TRUE, conf.int = TRUE)``); else k = floor(C) + 1,
    C = n(n+1)/4 - z sqrt(n(n+1)(2n+1)/24), where its normal approximation without ties crosses 5 %.

    References
    ----------
    Hodges JL, Lehmann EL. Ann Math Stat 1963;34:598-611. doi:10.1214/aoms/1177704172
    Hollander M, Wolfe DA, Chicken E. Nonparametric Statistical Methods, 3rd ed. 2014, sections 3.2 and 3.3.
    doi:10.1002/9781119196037

    Examples
    --------
    >>> hodges_lehmann_change([1.0, 2.0, 6.0])[0]  # averages 1 1.5 2 3.5 4 6
    2.75
    """
    values = np.asarray(changes, dtype=float)
    moved = np.sort(values[values != 0.0])
    n = moved.size
    if n == 0:
        return NAN, NAN, NAN, "no Hodges-Lehmann estimate"
    count = n * (n + 1) // 2
    middle = [(count - 1) // 2, count // 2]
    rank, note = _limit_rank(moved, has_zeros=n < values.size)
    wanted = middle if rank is None else [*middle, rank - 1, count - rank]
    sums = order_statistics(moved, moved, wanted, is_own=True)
    estimate = (sums[0] / 2 + sums[1] / 2) / 2
    low, high = (NAN, NAN) if rank is None else (sums[2] / 2, sums[3] / 2)
    return estimate, low, high, note


def _limit_rank(moved: NDArray[np.float64], *, has_zeros: bool) -> tuple[int | None, str]:
    """Which Walsh averages, counted from either end, are the limits; or None, and why."""
    n = moved.size
    if 2.0 * 0.5**n > 1.0 - CONFIDENCE:  # the chance that all changes have the same sign
        return None, f"too few changes for a 95 % interval of the Hodges-Lehmann estimate ({n} that are not zero)"
    if moved[0] == moved[-1]:
        return None, "all changes that are not zero are equal: no interval of the Hodges-Lehmann estimate"
    tied = np.unique(np.abs(moved)).size < n
    if tied or has_zeros or n > MOST_EXACT:
        spread = np.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        return int(np.floor(n * (n + 1) / 4 - special.ndtri(0.5 + CONFIDENCE / 2) * spread)) + 1, ""
    # The smallest sum of ranks with 2.5 % at or below; the same guard against rounding as in R's qsignrank.
    level = (1.0 - CONFIDENCE) / 2 - 10 * np.finfo(float).eps
    return max(1, int(np.searchsorted(np.cumsum(_untied(n)), level))), ""


def _exact_p(ranks: NDArray[np.float64], is_up: NDArray[np.bool_], *, tied: bool) -> float:
    """P of a rank sum as far from the middle, over all sign patterns; tied ranks are multiples of one half."""
    steps = np.rint(2 * ranks if tied else ranks).astype(int)
    chance = _distribution(steps) if tied else _untied(ranks.size)
    observed = int(steps[is_up].sum())
    tail = min(chance[: observed + 1].sum(), chance[observed:].sum())
    return min(1.0, 2.0 * float(tail))


@lru_cache(maxsize=MOST_EXACT)
def _untied(n: int) -> NDArray[np.float64]:
    """Of the ranks 1 to n, which every test of n untied changes has."""
    chance = _distribution(np.arange(1, n + 1))
    chance.setflags(write=False)
    return chance


def _distribution(steps: NDArray[np.int_]) -> NDArray[np.float64]:
    """Chance of every sum of the positive ones among whole numbers whose signs are tossed."""
    chance = np.zeros(steps.sum() + 1)
    chance[0] = 1.0
    for step in steps:  # each is added to the sum of the positive ones, or not, with chance 1/2
        chance[step:] = 0.5 * chance[step:] + 0.5 * chance[: chance.size - step]
        chance[:step] *= 0.5
    return chance
