"""Clinical endpoints that are yes or no, between two visits of the same subjects: McNemar's test within each arm."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd

from cytotrial.statistics.endpoints import ANY_VISIT, Endpoints
from cytotrial.statistics.members import members
from cytotrial.statistics.methods.mcnemar import mcnemar
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import EDWARDS, MCNEMAR

METHOD = Method(
    title="Binary clinical endpoints within an arm",
    text="""
    Within each arm, an endpoint at a later visit was compared with the same subjects' at an earlier one by McNemar's
    test, for every two visits: chi-square without and with continuity correction (none where as many gained as lost
    the event), and the exact binomial test. These p-values describe one arm and compare none with another.
    """,
    references=(
        MCNEMAR,
        EDWARDS,
    ),
    libraries=("statsmodels",),
)


def paired_endpoints(endpoints: Endpoints, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, arm, binary endpoint, visit of the plan and later visit of the plan.

    Parameters
    ----------
    endpoints : Endpoints
        What `endpoint_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.MCNEMAR`. A pair is a subject with a value at both visits; where
        a missing value counts as no response, a subject of the endpoint's population at both; the note says how many
        have the endpoint somewhere and lack a row at one of the two.
    """
    rows = []
    for endpoint in endpoints.of_kind("binary"):
        visits = [visit for visit in endpoint.visits if visit != ANY_VISIT]
        for chosen, arm in itertools.product(endpoints.sets_of(endpoint), plan.arms):
            subjects_of_arm = members(subjects, analysis_set=chosen.column, arm=arm)
            for before, after in itertools.combinations(visits, 2):
                answers = [endpoints.values_at(endpoint, visit) for visit in (before, after)]
                if chosen.is_missing_no_response:
                    answers = [answer.fillna(0.0) for answer in answers]
                key = {"analysis_set": chosen.name, "arm": arm, "endpoint": endpoint.id}
                key |= {"visit_from": before, "visit_to": after}
                row = key | _row(*answers, subjects_of_arm)
                if chosen.is_missing_no_response:
                    n = endpoints.n_elsewhere(endpoint, (before, after), subjects_of_arm)
                    row["note"] = "; ".join(filter(None, (_not_listed(n), row["note"])))
                rows.append(row)
    return rows


def _not_listed(n: int) -> str:
    whom, lacks = (
        ("1 subject", "lacks a row at one visit or both and is")
        if n == 1
        else (f"{n} subjects", "lack a row at one visit or both and are")
    )
    return f"{whom} with this endpoint {lacks} not counted" if n else ""


def _row(before: pd.Series, after: pd.Series, subjects_of_arm: list[str]) -> dict[str, Any]:
    both = pd.DataFrame({"before": before, "after": after}).dropna()
    pairs = both[both.index.isin(subjects_of_arm)] == 1.0
    row = mcnemar(
        n_neither=int((~pairs["before"] & ~pairs["after"]).sum()),
        n_gained=int((~pairs["before"] & pairs["after"]).sum()),
        n_lost=int((pairs["before"] & ~pairs["after"]).sum()),
        n_both=int((pairs["before"] & pairs["after"]).sum()),
    )
    if not subjects_of_arm:
        row["note"] = "no subject of this arm in the analysis set"
    elif row["n_pairs"] == 0:
        row["note"] = "no subject has a value at both visits"
    return row
