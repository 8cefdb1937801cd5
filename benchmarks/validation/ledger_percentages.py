"""What the ledger's uncertainty of the gates says of the percentages, beside what gating really adds to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.gating.measures import root_mean_square
from benchmarks.gating.workflow import Gated
from benchmarks.validation.study import PRIMARY
from cytotrial.statistics.observations import is_usable

KEY = ["sample_id", "subset", "denominator"]
LIMIT = ["population", "marker", "bound"]
COUNTS = {"numerator_n": "subset", "denominator_n": "denominator"}
MOVED = ("minus_1", "plus_1")


def uncertainty_of_percentages(gated: Gated, blood: Mapping[str, str]) -> pd.DataFrame:
    """Measured between the tubes of a blood, and predicted from the gates' uncertainties.

    Parameters
    ----------
    gated : Gated
        Replicate tubes.
    blood : mapping
        Sample id -> whose blood it is.

    Returns
    -------
    DataFrame
        ``subset tubes sd predicted``, primary denominators, tubes whose percentage is reported; in percent of the
        percentage. `sd`: of log(measured / true) between the tubes of a blood, root mean square over bloods.
        `predicted`: `predicted_sd`, root mean square over tubes.
    """
    rows = gated.subsets[is_usable(gated.subsets)]
    rows = rows[rows["denominator"] == rows["subset"].map(PRIMARY)]
    rows = rows.merge(gated.truth[[*KEY, "percent"]], on=KEY, suffixes=("", "_true"), validate="one_to_one")
    rows = rows.assign(blood=rows["sample_id"].map(blood), error=_log(rows["percent"]) - _log(rows["percent_true"]))
    found = []
    for subset in PRIMARY:
        own = rows[rows["subset"] == subset]
        found.append(
            {
                "subset": subset,
                "tubes": len(own),
                "sd": 100.0 * root_mean_square(own.groupby("blood")["error"].std()),
                "predicted": 100.0 * root_mean_square(predicted_sd(own, gated.moved_counts)),
            }
        )
    return pd.DataFrame(found)


def predicted_sd(rows: pd.DataFrame, moved_counts: pd.DataFrame) -> pd.Series:
    """SD of the log percentage of each tube, were every limit off by its own uncertainty and on its own.

    The root of the sum over the limits of ((log ratio at plus_1 - log ratio at minus_1) / 2)^2, ratio being numerator
    over denominator; a limit that does not change one of the two leaves its count as it is.

    Parameters
    ----------
    rows : DataFrame
        Of one subset and denominator: ``sample_id subset denominator numerator_n denominator_n``.
    moved_counts : DataFrame
        Columns of ``moved_counts.tsv``.

    Returns
    -------
    Series
        By sample id; NaN for a tube with no limit whose uncertainty is known, or left without cells by one.
    """
    limits = moved_counts[["sample_id", *LIMIT]].drop_duplicates()
    moved = limits.merge(rows, on="sample_id")
    for count, name in COUNTS.items():
        own = moved_counts[["sample_id", *LIMIT, "counted", *MOVED]].rename(columns={"counted": name})
        moved = moved.merge(
            own.rename(columns={to: f"{count}_{to}" for to in MOVED}), "left", ["sample_id", *LIMIT, name]
        )
        for to in MOVED:
            moved[f"{count}_{to}"] = _log(moved[f"{count}_{to}"].fillna(moved[count]))
    low, high = (moved[f"numerator_n_{to}"] - moved[f"denominator_n_{to}"] for to in MOVED)
    variance = (((high - low) / 2.0) ** 2).groupby(moved["sample_id"]).agg(lambda parts: parts.sum(skipna=False))
    return np.sqrt(variance).reindex(rows["sample_id"])


def _log(values: pd.Series) -> pd.Series:
    """NaN of nothing."""
    numbers = values.astype(float)
    return np.log(numbers.where(numbers > 0.0))
