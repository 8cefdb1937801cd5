"""The outcomes sheet: kinds, roles, visits and analysis sets of the endpoints, and every mistake at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.errors import CytotrialError
from cytotrial.statistics.endpoints import AnalysedEndpoint, EndpointSet, endpoint_values
from cytotrial.statistics.plan import PlannedEndpoint


@pytest.fixture
def outcomes() -> Callable[[Iterable[tuple]], pd.DataFrame]:
    """Rows of subject, visit, endpoint, value."""
    return lambda rows: pd.DataFrame(list(rows), columns=["subject_id", "visit", "endpoint", "value"])


def test_kind_and_role_by_the_values(outcomes, subjects, plan) -> None:
    table = outcomes(
        [
            *(("A1", "W2", "SRI4", 1.0), ("B1", "W4", "SRI4", 0.0), ("B2", "W4", "SRI4", None)),
            *(("A1", "ANY", "FEVER", 0.0), ("A1", "W2", "SLEDAI", 8.0), ("B1", "W2", "SLEDAI", 1.0)),
            ("A2", "W2", "NEVER", None),
        ]
    )
    found = endpoint_values(table, subjects, plan)
    assert found.endpoints == (
        AnalysedEndpoint("FEVER", "binary", "safety", ("ANY",)),
        AnalysedEndpoint("NEVER", "binary", "efficacy", ("W2",)),
        AnalysedEndpoint("SLEDAI", "continuous", "efficacy", ("W2",)),
        AnalysedEndpoint("SRI4", "binary", "efficacy", ("W2", "W4")),
    )
    assert [one.id for one in found.of_kind("continuous")] == ["SLEDAI"]
    values = found.values_at(found.endpoints[3], "W4")
    assert list(values.index) == ["B1", "B2"] and values.isna().to_list() == [False, True]
    assert found.values_at(found.endpoints[3], "W0").empty


def test_the_plan_decides_and_names_what_the_sheet_lacks(outcomes, subjects, plan) -> None:
    declared = (
        PlannedEndpoint("COUNT", "continuous", "safety"),
        PlannedEndpoint("SRI4", "binary", "efficacy", "W4", 1),
        PlannedEndpoint("GONE", "binary", "efficacy", "W2", 2),
    )
    planned = replace(plan, endpoints=declared)
    table = outcomes([("A1", "W2", "COUNT", 1.0), ("B1", "W2", "SRI4", 0.0)])
    assert endpoint_values(table, subjects, planned).endpoints == (
        AnalysedEndpoint("COUNT", "continuous", "safety", ("W2",)),
        AnalysedEndpoint("SRI4", "binary", "efficacy", ("W2", "W4")),
        AnalysedEndpoint("GONE", "binary", "efficacy", ("W2",)),
    )
    assert endpoint_values(outcomes([]), subjects, planned).endpoints == ()  # no sheet: nothing was analysed


def names(sets: tuple[EndpointSet, ...]) -> list[tuple[str, str, bool]]:
    return [(one.name, one.column, one.is_missing_no_response) for one in sets]


def test_analysis_sets(outcomes, subjects, plan) -> None:
    rows = [("A1", "W2", "SRI4", 1.0), ("A1", "ANY", "FEVER", 0.0), ("A1", "W2", "SLEDAI", 8.0)]
    both = [("mitt", "mitt", False), ("pp", "pp", False)]

    fever, sledai, sri4 = (found := endpoint_values(outcomes(rows), subjects, plan)).endpoints
    assert names(found.sets_of(sri4)) == [*both, ("mitt_nri", "mitt", True)]  # no itt: the primary set
    assert names(found.sets_of(fever)) == names(found.sets_of(sledai)) == both

    wider = subjects.assign(itt=True, safety=True)
    planned = replace(plan, analysis_sets=("mitt", "itt"))
    found = endpoint_values(outcomes(rows), wider, planned)
    both = [("mitt", "mitt", False), ("itt", "itt", False)]
    assert names(found.sets_of(sri4)) == [*both, ("itt_nri", "itt", True)]
    assert names(found.sets_of(fever)) == [*both, ("safety", "safety", False)]

    everything = replace(plan, analysis_sets=("safety", "itt", "itt_nri"))
    found = endpoint_values(outcomes(rows), wider.assign(itt_nri=True), everything)
    for endpoint in (sri4, fever):  # no name twice
        assert [one.name for one in found.sets_of(endpoint)] == ["safety", "itt", "itt_nri"]


def test_every_mistake_at_once(outcomes, subjects, plan) -> None:
    table = outcomes(
        [
            ("A1", "W2", "SRI4", 1.0),
            ("A1", "W2", "SRI4", 0.0),
            ("A9", "W2", "SRI4", 2.0),
            ("B1", "W3", "SRI4", 0.5),
            ("B2", "ANY", "SRI4", None),
        ]
    )
    planned = replace(plan, endpoints=(PlannedEndpoint("SRI4", "binary", "efficacy"),))
    with pytest.raises(CytotrialError) as raised:
        endpoint_values(table, subjects, planned, source="o.tsv")
    assert len(raised.value.problems) == 5
    text = str(raised.value)
    assert "o.tsv, row 4, subject_id: found 'A9' in 1 rows, expected a subject" in text
    assert "o.tsv, row 5, visit: found 'W3'" in text and "expected one of W0, W2, W4, ANY" in text
    assert "o.tsv, row 3: found a second row for A1 W2 SRI4" in text
    assert "o.tsv, row 4, value: found 2 of SRI4, expected 0 or 1" in text
    assert "o.tsv, row 5, value: found 0.5 of SRI4" in text


def test_undeclared_values_other_than_0_and_1_are_no_mistake(outcomes, subjects, plan) -> None:
    (endpoint,) = endpoint_values(outcomes([("A1", "W2", "X", 2.0)]), subjects, plan).endpoints
    assert endpoint.kind == "continuous"


def test_what_is_taken_as_safety_though_values_are_missing_is_told(outcomes, subjects, plan, caplog) -> None:
    rows = [
        ("A1", "ANY", "FEVER", 1.0),
        ("A2", "ANY", "FEVER", None),
        ("A1", "ANY", "RASH", 1.0),
        ("A1", "W2", "X", None),
    ]
    with caplog.at_level(logging.INFO):
        endpoint_values(outcomes(rows), subjects, plan)
    assert caplog.messages == [
        "endpoint FEVER: not declared, and only at ANY: taken as one of safety, so that its 1 missing value is not "
        "counted as no response"
    ]
    caplog.clear()
    declared = replace(plan, endpoints=(PlannedEndpoint("FEVER", "binary", "efficacy"),))
    with caplog.at_level(logging.INFO):
        endpoint_values(outcomes(rows), subjects, declared)
    assert caplog.messages == []
