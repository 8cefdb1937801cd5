"""How far measured percentages are from the truth, and whether that depends on the arm or on the visit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from benchmarks.accuracy import concordance

NAN = float("nan")
COUNTING_SDS = 3.0
WORDS = {
    "files": "files that have a truth",
    "measured": "of these, with a percentage",
    "not_reported": "without one: the file failed, or too few events, or no gate",
    "bias_%": "mean relative error, 100 x (measured - truth) / truth",
    "sd_%": "its standard deviation",
    "rmse_%": "its root mean square",
    "rmse": "root mean square error, percentage points",
    "ccc": "Lin's concordance correlation coefficient",
    "within_10_%": "share of all files within 10 % of the truth; one without a percentage is not",
    "within_15_%": "the same within 15 %",
    "beyond_counting_%": "share of measured files whose error is more than three counting SDs",
    "arm_by_visit": "largest difference between the arms' mean errors at a visit, in SDs of the truth at baseline",
    "trend": "largest difference of a visit's mean error from the baseline visit's, in the same SDs",
    "bad": "files whose relative error is beyond the bound of a bad placement",
    "bad_flagged": "of these, those whose number carries a flag",
    "bad_gate_flagged": "of these, those whose own gate was borrowed",
    "bad_unflagged": "of these, those that no flag betrays",
    "good_flagged_%": "share of the other measured files that carry a flag",
}


@dataclass(frozen=True)
class Contrast:
    """A difference between mean errors, in between-subject SDs of the truth; its standard error and its visit."""

    value: float
    se: float
    visit: str


def figures(rows: pd.DataFrame, *, baseline: str, active: str) -> dict[str, float | Contrast]:
    """All of `WORDS` for one subset under one denominator, trials of several seeds together.

    Parameters
    ----------
    rows : DataFrame
        Columns of `compare.COLUMNS`.
    baseline : str
        The visit that others are compared with.
    active : str
        The arm that is compared with all others.
    """
    known = rows.dropna(subset=["error"])
    relative = rows["error_%"]
    good = known[~known["bad"]]
    bad = known[known["bad"]]
    sd = between_subject_sd(rows[rows["visit"] == baseline])
    return {
        "files": len(rows),
        "measured": len(known),
        "not_reported": len(rows) - len(known),
        "bias_%": relative.mean(),
        "sd_%": relative.std(),
        "rmse_%": root_mean_square(relative),
        "rmse": root_mean_square(known["error"]),
        "ccc": concordance(known["measured"], known["truth"]),
        "within_10_%": percent(relative.abs() <= 10.0),
        "within_15_%": percent(relative.abs() <= 15.0),
        "beyond_counting_%": percent(known["error_%"].abs() > COUNTING_SDS * known["counting_sd_%"]),
        "arm_by_visit": arm_by_visit(known, sd, active=active),
        "trend": trend(known, sd, baseline=baseline),
        "bad": len(bad),
        "bad_flagged": int(bad["flagged"].sum()),
        "bad_gate_flagged": int(bad["gate_flagged"].sum()),
        "bad_unflagged": int((~bad["flagged"]).sum()),
        "good_flagged_%": percent(good["flagged"]),
    }


def root_mean_square(values: pd.Series) -> float:
    """Of the values there are; NaN of none."""
    return math.sqrt((values.dropna() ** 2).mean()) if values.notna().any() else NAN


def percent(which: pd.Series) -> float:
    """The share that is true; NaN of nothing."""
    return 100.0 * float(which.mean()) if len(which) else NAN


def between_subject_sd(baseline: pd.DataFrame) -> float:
    """SD of the truth between the subjects of a trial, pooled over trials (one per seed)."""
    by_trial = baseline.groupby("seed")["truth"]
    freedom = by_trial.count() - 1
    return math.sqrt((by_trial.var() * freedom).sum() / freedom.sum()) if freedom.sum() > 0 else NAN


def arm_by_visit(known: pd.DataFrame, sd: float, *, active: str) -> Contrast:
    """The visit at which the arms' mean errors differ most: what a gate that knew the arm could do to an effect."""
    found = []
    for visit, rows in known.groupby("visit", sort=False):
        treated = rows["arm"] == active
        if treated.any() and not treated.all():
            difference = rows.loc[treated, "error"].mean() - rows.loc[~treated, "error"].mean()
            se = difference_se(rows["error"], treated, _days(rows))
            found.append(Contrast(float(difference) / sd, se / sd, str(visit)))
    return _largest(found)


def trend(known: pd.DataFrame, sd: float, *, baseline: str) -> Contrast:
    """The visit whose mean error differs most from the baseline visit's, both arms together, subject by subject."""
    subject = ["seed", "subject_id"]
    before = known.loc[known["visit"] == baseline].set_index(subject)["error"].rename("before")
    found = []
    for visit, rows in known[known["visit"] != baseline].groupby("visit", sort=False):
        pairs = rows.join(before, on=subject, how="inner")
        change = pairs["error"] - pairs["before"]
        if len(change):
            se = clustered_se((change - change.mean()) / len(change), _days(pairs))
            found.append(Contrast(float(change.mean()) / sd, se / sd, str(visit)))
    return _largest(found)


def difference_se(errors: pd.Series, treated: pd.Series, days: pd.Series) -> float:
    """Standard error of the difference between two arms' means; both are measured on each day, whose error cancels.

    From the pooled variance that is left when the arms' and the days' means are taken off; NaN where nothing is.
    """
    left = errors - errors.groupby(treated.to_numpy()).transform("mean")
    left -= left.groupby(days.to_numpy()).transform("mean")
    freedom = len(left) - days.nunique() - 1
    if freedom < 1:
        return NAN
    n = treated.sum()
    return math.sqrt(float((left**2).sum()) / freedom * (1.0 / n + 1.0 / (len(left) - n)))


def clustered_se(scores: pd.Series, clusters: pd.Series) -> float:
    """Standard error of a sum of scores where those of a cluster go wrong together.

    Notes
    -----
    The root of the sum of the clusters' squared sums, with the correction k / (k - 1) for k clusters
    (Liang and Zeger 1986, doi:10.1093/biomet/73.1.13); NaN of fewer than two.
    """
    sums = scores.groupby(clusters.to_numpy()).sum()
    k = len(sums)
    return math.sqrt(k / (k - 1) * float((sums**2).sum())) if k > 1 else NAN


def _days(rows: pd.DataFrame) -> pd.Series:
    """Files of an instrument day share its gains, its lots and its compensation."""
    return rows["seed"].astype(str) + " " + rows["batch"]


def _largest(found: list[Contrast]) -> Contrast:
    return max(found, key=lambda one: abs(one.value), default=Contrast(NAN, NAN, "none"))
