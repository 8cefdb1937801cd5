"""Clinical endpoints that are yes or no: active against control, every test and measure of a 2 x 2 table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from cytotrial.statistics.endpoints import AnalysedEndpoint, Endpoints, EndpointSet
from cytotrial.statistics.members import members
from cytotrial.statistics.methods.two_by_two import two_by_two
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import ANSCOMBE, CAMPBELL, FISHER, HALDANE, NEWCOMBE, WILSON, WOOLF, YATES
from cytotrial.statistics.tables.arm_pair import pair_note

NAN = float("nan")

METHOD = Method(
    title="Binary clinical endpoints",
    text="""
    The shares of subjects with the event were compared between the active and the control arm at each visit, among
    the subjects of the endpoint's population whose value was known. The test that counts is the (N - 1)/N
    chi-square test where all expected counts were 1 or more, else Fisher's exact test (Campbell's policy); Pearson's,
    Yates's (correction at most |O - E|) and the likelihood-ratio chi-square test, Fisher's test two- and one-sided,
    and Student's and Welch's t test on 0 and 1 were made beside it. The risk difference has Newcombe's 95 % limits
    (his method 10) and Wald's; the rates have Wilson's; the sample odds ratio has Wald limits on the logarithm
    (Woolf), also with 0.5 added to every cell (Haldane, Anscombe), and the conditional maximum likelihood odds ratio
    has Fisher's exact limits. P-values are two-sided unless named greater or less, and not adjusted for multiplicity.
    """,
    references=(
        CAMPBELL,
        YATES,
        FISHER,
        NEWCOMBE,
        WILSON,
        WOOLF,
        HALDANE,
        ANSCOMBE,
    ),
    libraries=("scipy", "statsmodels"),
)
RATES_METHOD = Method(
    title="Binary clinical endpoints",
    text="""
    The share of subjects with the event is given at each visit with Wilson's 95 % limits, among the subjects of the
    endpoint's population whose value was known. Nothing was compared between arms.
    """,
    references=(WILSON,),
    libraries=("statsmodels",),
)
NON_RESPONDER_METHOD = Method(
    title="Missing values of binary efficacy endpoints",
    text="""
    Binary efficacy endpoints were also analysed with missing values counted as no response (sets named _nri): those of
    subjects who are listed at the visit, without a value. Subjects who are not listed at the visit are not counted, and
    the tables say how many they are.
    """,
)


def categorical(endpoints: Endpoints, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, binary endpoint and visit.

    Parameters
    ----------
    endpoints : Endpoints
        What `endpoint_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.CATEGORICAL`; rates and risk differences from 0 to 1 and -1 to 1,
        active minus control, odds ratios active over control. ``n_missing`` is how many were counted as no response
        where they were, else how many were left out. Where arms of one role are several, the first ones are compared
        and every row's note says so. Without an active or a control arm a row has the other's counts and rate alone.
    """
    of_arms = pair_note(plan, "binary endpoints")
    if of_arms is None:
        of_arms = _no_pair_note(plan)
    rows = []
    for endpoint in endpoints.of_kind("binary"):
        for visit in endpoint.visits:
            values = endpoints.values_at(endpoint, visit)
            for chosen in endpoints.sets_of(endpoint):
                key = {"analysis_set": chosen.name, "endpoint": endpoint.id, "visit": visit}
                row = _row(values, subjects, chosen, plan)
                told = [_not_listed(endpoints, endpoint, visit, subjects, chosen, plan), row["note"], of_arms]
                rows.append(key | row | {"note": "; ".join(filter(None, told))})
    return rows


def _row(values: pd.Series, subjects: pd.DataFrame, chosen: EndpointSet, plan: AnalysisPlan) -> dict[str, Any]:
    arms = arm_samples(values, subjects, chosen, plan)
    n_missing = sum(int(sample.isna().sum()) for sample in arms.values())
    notes = []
    if chosen.is_missing_no_response:
        if n_missing:
            notes.append(f"{n_missing} missing counted as no response")
        arms = {arm: sample.fillna(0.0) for arm, sample in arms.items()}
    counts = {arm: (int(sample.sum()), int(sample.count())) for arm, sample in arms.items()}
    active, control = (next((counts[arm] for arm in of_role if arm in counts), None) for of_role in _roles(plan))
    row = two_by_two(*(active or (0, 0)), *(control or (0, 0)))
    reasons = list(why_empty(arms, subjects, chosen))
    notes += reasons or ([row["note"]] if plan.pair else [])
    for role, of_role in (("active", active), ("control", control)):
        row[f"x_{role}"], row[f"n_{role}"] = of_role or (NAN, NAN)  # no arm is not an arm without subjects
    return row | {"n_missing": n_missing, "note": "; ".join(filter(None, notes))}


def _roles(plan: AnalysisPlan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arm that stands in the active columns and the one in the control columns; empty where there is none."""
    return plan.active[:1], plan.control[:1]


def _no_pair_note(plan: AnalysisPlan) -> str:
    there, lacking = (plan.active, "control") if plan.active else (plan.control, "active")
    several = f"several arms: the rate is that of {there[0]}" if len(there) > 1 else ""
    return "; ".join(filter(None, (f"no {lacking} arm", several)))


def _not_listed(
    endpoints: Endpoints,
    endpoint: AnalysedEndpoint,
    visit: str,
    subjects: pd.DataFrame,
    chosen: EndpointSet,
    plan: AnalysisPlan,
) -> str:
    """Where missing values count as no response: who has left the sheet and is therefore not counted."""
    if not chosen.is_missing_no_response:
        return ""
    arms = [arm for of_role in _roles(plan) for arm in of_role]
    asked = [one for arm in arms for one in members(subjects, analysis_set=chosen.column, arm=arm)]
    n = endpoints.n_elsewhere(endpoint, [visit], asked)
    whom, lacks = ("1 subject", "has no row here and is") if n == 1 else (f"{n} subjects", "have no row here and are")
    return f"{whom} with this endpoint at another visit {lacks} not counted" if n else ""


def arm_samples(
    values: pd.Series, subjects: pd.DataFrame, chosen: EndpointSet, plan: AnalysisPlan
) -> dict[str, pd.Series]:
    """The values of the first active and the first control arm, as far as there are, by arm; NaN where missing."""
    return {
        arm: values[values.index.isin(members(subjects, analysis_set=chosen.column, arm=arm))]
        for of_role in _roles(plan)
        for arm in of_role
    }


def why_empty(arms: dict[str, pd.Series], subjects: pd.DataFrame, chosen: EndpointSet) -> Iterator[str]:
    """Why an arm has no value, for every arm that has none."""
    for arm, sample in arms.items():
        if not members(subjects, analysis_set=chosen.column, arm=arm):
            yield f"no subject of {arm} in the analysis set"
        elif sample.empty:
            yield f"no subject of {arm} in the endpoint's population"
        elif sample.isna().all():
            yield f"all values of {arm} are missing"
