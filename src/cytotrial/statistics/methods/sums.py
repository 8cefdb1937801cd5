"""Order statistics among all sums of two samples' values, without all the sums: of 1,000 v 1,000 they are a million."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_SUMS = 20_000  # up to here it is quicker to make and sort them all
FEW = 4_096  # candidates that are worth no further narrowing


def order_statistics(first: Array, second: Array, ranks: Sequence[int], *, is_own: bool = False) -> list[float]:
    """The k-th smallest of the sums ``first[i] + second[j]``, to the bit as if they were all made and sorted.

    Parameters
    ----------
    first, second : ndarray, shapes (m,), (n,)
        Sorted, finite, not empty.
    ranks : sequence of int
        0 is the smallest sum.
    is_own : bool
        `first` and `second` are the same sample, and only the sums with i <= j count.

    Notes
    -----
    The sorted sample makes every row of sums sorted, so that the sums below a bound are counted by looking each row's
    end up. A bound on either side is narrowed by halving until few sums are left between, and only these are made.

    References
    ----------
    Johnson DB, Mizoguchi T. SIAM J Comput 1978;7:147-153. doi:10.1137/0207013
    Monahan JF. ACM Trans Math Softw 1984;10:265-270. doi:10.1145/1271.319414

    Examples
    --------
    >>> order_statistics(np.array([1.0, 2.0]), np.array([10.0, 30.0]), [0, 1, 2])  # 11 12 31 32
    [11.0, 12.0, 31.0]
    """
    starts = np.arange(first.size) if is_own else np.zeros(first.size, dtype=int)
    if first.size * second.size <= MOST_SUMS:
        sums = np.add.outer(first, second)
        flat = sums[starts[:, None] <= np.arange(second.size)] if is_own else sums.ravel()
        ordered = np.sort(flat)
        return [float(ordered[rank]) for rank in ranks]
    return [_selected(first, second, starts, rank) for rank in ranks]


def _selected(first: Array, second: Array, starts: NDArray[np.int_], rank: int) -> float:
    """The sum of one rank: bounds, then the sums between them."""
    low, high = float(first[0] + second[0]), float(first[-1] + second[-1])
    # Looking up `bound - first` in `second` rounds otherwise than the sum does: no sum may be lost by that.
    slack = 8 * np.finfo(float).eps * (np.abs(first).max() + np.abs(second).max())
    below_low, below_high = 0, int((second.size - starts).sum())
    while below_high - below_low > FEW and high - low > slack:
        middle = low + (high - low) / 2
        below = int(_ends(first, second, starts, middle, side="left").sum() - starts.sum())
        if below <= rank:
            low, below_low = middle, below
        else:
            high, below_high = middle, below
    left = _ends(first, second, starts, low - slack, side="left")
    right = _ends(first, second, starts, high + slack, side="right")
    lengths = right - left
    rows = np.repeat(np.arange(first.size), lengths)
    columns = np.arange(rows.size) - np.repeat(np.cumsum(lengths) - lengths - left, lengths)
    place = rank - int((left - starts).sum())
    return float(np.partition(first[rows] + second[columns], place)[place])


def _ends(first: Array, second: Array, starts: NDArray[np.int_], bound: float, *, side: str) -> NDArray[np.int_]:
    """Of each row, where its sums reach the bound."""
    return np.maximum(np.searchsorted(second, bound - first, side=side), starts)  # type: ignore[call-overload]
