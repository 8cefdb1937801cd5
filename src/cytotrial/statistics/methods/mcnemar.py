"""Paired yes-or-no answers: McNemar's test, without and with continuity correction, and exact."""

from __future__ import annotations

from typing import Any

from statsmodels.stats import contingency_tables

NAN = float("nan")


def mcnemar(*, n_neither: int, n_gained: int, n_lost: int, n_both: int) -> dict[str, Any]:
    """McNemar's test of subjects who answered twice: did as many gain the event as lost it?

    Parameters
    ----------
    n_neither, n_both : int
        Subjects without, and with, the event both times.
    n_gained, n_lost : int
        Subjects with the event the second time only, and the first time only.

    Returns
    -------
    dict
        ``n_pairs`` to ``note`` of `cytotrial.statistics_columns.MCNEMAR`. The chi-squares have one degree of
        freedom; ``p_exact`` is the two-sided binomial test of ``n_gained`` among those who changed. Where nobody
        changed there is nothing to test: NaN, and the note says so.

    Notes
    -----
    With ``n_gained == n_lost`` no correction is applied, as in R: the statistic is 0 already. statsmodels, which
    serves in every other case, would correct it away from 0.

    References
    ----------
    McNemar Q. Psychometrika 1947;12:153-157. doi:10.1007/BF02295996
    Edwards AL. Psychometrika 1948;13:185-187. doi:10.1007/BF02289261 (the correction)

    Examples
    --------
    >>> row = mcnemar(n_neither=5, n_gained=8, n_lost=2, n_both=3)  # (8 - 2)^2 / 10
    >>> round(row["chi2"], 12), round(row["chi2_corrected"], 12), round(row["p_exact"], 6)
    (3.6, 2.5, 0.109375)
    """
    n_pairs = n_neither + n_gained + n_lost + n_both
    row: dict[str, Any] = {
        "n_pairs": n_pairs,
        "n_neither": n_neither,
        "n_gained": n_gained,
        "n_lost": n_lost,
        "n_both": n_both,
    } | dict.fromkeys(("chi2", "p_value", "chi2_corrected", "p_corrected", "p_exact"), NAN)
    if n_gained + n_lost == 0:
        return row | {"note": "nobody changed: no test" if n_pairs else "no pairs"}
    table = [[n_neither, n_gained], [n_lost, n_both]]
    plain = contingency_tables.mcnemar(table, exact=False, correction=False)
    corrected = contingency_tables.mcnemar(table, exact=False, correction=n_gained != n_lost)
    return row | {
        "chi2": float(plain.statistic),
        "p_value": float(plain.pvalue),
        "chi2_corrected": float(corrected.statistic),
        "p_corrected": float(corrected.pvalue),
        "p_exact": float(contingency_tables.mcnemar(table, exact=True).pvalue),
        "note": "",
    }
