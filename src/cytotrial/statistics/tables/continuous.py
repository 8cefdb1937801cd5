"""Clinical endpoints that are numbers: active against control, Welch's t test and the Mann-Whitney test."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cytotrial.statistics.endpoints import Endpoints, EndpointSet
from cytotrial.statistics.methods.two_samples import mann_whitney, welch
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import HODGES_LEHMANN, MANN_WHITNEY, WELCH
from cytotrial.statistics.tables.arm_pair import pair_note
from cytotrial.statistics.tables.categorical import arm_samples, why_empty

NAN = float("nan")
WELCH_COLUMNS = {"ci_low": "welch_low", "ci_high": "welch_high", "t": "welch_t", "df": "welch_df"}

METHOD = Method(
    title="Continuous clinical endpoints",
    text="""
    The values of the active and the control arm at each visit were compared by Welch's t test, with the 95 % interval
    of the difference of the means, and by the two-sided Mann-Whitney test (exact where 40 or fewer values had no
    ties, else the tie-corrected normal approximation without continuity correction) with the Hodges-Lehmann shift and
    its 95 % interval. Missing values were left out; the p-values are not adjusted for multiplicity.
    """,
    references=(
        WELCH,
        MANN_WHITNEY,
        HODGES_LEHMANN,
    ),
    libraries=("scipy",),
)


def continuous(endpoints: Endpoints, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, continuous endpoint and visit.

    Parameters
    ----------
    endpoints : Endpoints
        What `endpoint_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.CONTINUOUS`, in the endpoint's own unit, active minus control.
        None without an active and a control arm; where arms of one role are several, the first ones are compared and
        every row's note says so.
    """
    several_arms = pair_note(plan, "continuous endpoints")
    if several_arms is None:
        return []
    rows = []
    for endpoint in endpoints.of_kind("continuous"):
        for visit in endpoint.visits:
            values = endpoints.values_at(endpoint, visit)
            for chosen in endpoints.sets_of(endpoint):
                key = {"analysis_set": chosen.name, "endpoint": endpoint.id, "visit": visit}
                row = _row(values, subjects, chosen, plan)
                row["note"] = "; ".join(filter(None, (row["note"], several_arms)))
                rows.append(key | row)
    return rows


def _row(values: pd.Series, subjects: pd.DataFrame, chosen: EndpointSet, plan: AnalysisPlan) -> dict[str, Any]:
    arms = arm_samples(values, subjects, chosen, plan)
    active, control = (sample.dropna() for sample in arms.values())
    ranks, means = mann_whitney(active, control), welch(active, control)
    reasons = list(why_empty(arms, subjects, chosen)) or [means["note"], ranks["note"]]
    return {
        "n_active": active.size,
        "n_control": control.size,
        "n_missing": sum(int(sample.isna().sum()) for sample in arms.values()),
        **{name: means[name] for name in ("mean_active", "mean_control", "mean_difference", "welch_p")},
        "sd_active": _sd(active),
        "sd_control": _sd(control),
        **{name: means[theirs] for name, theirs in WELCH_COLUMNS.items()},
        "mann_whitney_p": ranks["p_value"],
        **{name: ranks[name] for name in ("hl_shift", "hl_low", "hl_high")},
        "note": "; ".join(filter(None, reasons)),
    }


def _sd(sample: pd.Series) -> float:
    """Standard deviation with n - 1 below the line; NaN of fewer than two values."""
    return float(sample.std(ddof=1)) if sample.size > 1 else NAN
