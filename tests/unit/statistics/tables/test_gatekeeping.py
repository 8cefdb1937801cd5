"""The hierarchy: an endpoint is tested only while all before it were significant."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from cytotrial.statistics.plan import PlannedEndpoint
from cytotrial.statistics.tables.gatekeeping import METHOD, gatekeeping
from cytotrial.statistics_columns import GATEKEEPING
from cytotrial.tables import read_table, write_table

NAN = float("nan")
ENDPOINTS = (
    PlannedEndpoint("THIRD", "continuous", "efficacy", "W4", 3),
    PlannedEndpoint("FIRST", "binary", "efficacy", "W2", 1),
    PlannedEndpoint("SECOND", "continuous", "efficacy", "W2", 2),
    PlannedEndpoint("OTHER", "binary", "efficacy"),
)


@pytest.fixture
def sequence(plan):
    """p-values of the three -> (is_tested, is_significant, note) of each, of one analysis set."""

    def make(first, second, third, *, lacking=()):
        planned = replace(plan, analysis_sets=("mitt",), endpoints=ENDPOINTS)
        binary = [_row("FIRST", "W2", {"preferred": "fisher", "preferred_p": first}), _other()]
        numbers = [_row("SECOND", "W2", {"welch_p": second}), _row("THIRD", "W4", {"welch_p": third})]
        kept = [[row for row in rows if row["endpoint"] not in lacking] for rows in (binary, numbers)]
        rows = gatekeeping(*kept, planned)
        assert all(set(row) == set(GATEKEEPING.columns) for row in rows)
        assert [row["endpoint"] for row in rows] == ["FIRST", "SECOND", "THIRD"]
        return rows

    return make


def _row(endpoint: str, visit: str, values: dict) -> dict:
    return {"analysis_set": "mitt", "endpoint": endpoint, "visit": visit, **values}


def _other() -> dict:
    return _row("FIRST", "W4", {"preferred": "fisher", "preferred_p": 0.9})  # another visit: not in the hierarchy


def verdicts(rows: list[dict]) -> list[tuple]:
    return [
        (row["is_tested"], None if row["is_significant"] != row["is_significant"] else row["is_significant"])
        for row in rows
    ]


def test_all_significant(sequence) -> None:
    rows = sequence(0.01, 0.05, 0.04)
    assert verdicts(rows) == [(True, True)] * 3
    assert [row["test"] for row in rows] == ["fisher", "welch_t", "welch_t"]
    assert [row["note"] for row in rows] == [""] * 3 and {row["alpha"] for row in rows} == {0.05}


def test_stops_at_the_first_that_is_not(sequence) -> None:
    rows = sequence(0.01, 0.0501, 0.0001)
    assert verdicts(rows) == [(True, True), (True, False), (False, None)]
    assert rows[2]["note"] == "not tested: SECOND at W2 before it was not significant" and rows[2]["p_value"] == 0.0001


def test_no_p_value_stops_too(sequence) -> None:
    rows = sequence(NAN, 0.01, 0.01)
    assert verdicts(rows) == [(False, None)] * 3
    assert rows[0]["note"] == "no p-value: see the endpoint's row; the sequence stops here"
    assert rows[2]["note"] == "not tested: FIRST at W2 before it could not be tested"
    rows = sequence(0.01, 0.01, 0.01, lacking=("SECOND",))
    assert verdicts(rows) == [(True, True), (False, None), (False, None)]
    assert rows[1]["note"] == "no p-value: no data of both arms; the sequence stops here"
    assert rows[1]["test"] is None and math.isnan(rows[1]["p_value"])


def test_each_analysis_set_is_a_sequence_of_its_own(plan) -> None:
    planned = replace(plan, endpoints=ENDPOINTS[1:2])
    values = {"mitt": 0.2, "pp": 0.01, "mitt_nri": 0.01}
    rows = [
        {"analysis_set": name, "endpoint": "FIRST", "visit": "W2", "preferred": "fisher", "preferred_p": p}
        for name, p in values.items()
    ]
    assert [(row["analysis_set"], row["is_significant"]) for row in gatekeeping(rows, [], planned)] == [
        ("mitt", False),
        ("pp", True),
    ]


def test_ten_endpoints_are_written_in_their_order(plan, tmp_path) -> None:
    endpoints = tuple(PlannedEndpoint(f"E{n}", "binary", "efficacy", "W2", n) for n in range(1, 12))
    rows = [_row(f"E{n}", "W2", {"preferred": "fisher", "preferred_p": 0.01}) for n in range(1, 12)]
    planned = replace(plan, analysis_sets=("mitt",), endpoints=endpoints)

    write_table(tmp_path / "gatekeeping.tsv", GATEKEEPING, gatekeeping(rows, [], planned))

    assert [row["order"] for row in read_table(tmp_path / "gatekeeping.tsv")] == [str(n) for n in range(1, 12)]


def test_nothing_to_test(plan) -> None:
    planned = replace(plan, endpoints=ENDPOINTS)
    assert gatekeeping([], [], planned) == []  # no outcomes
    assert gatekeeping([_other()], [], plan) == []  # no hierarchy
    assert gatekeeping([_other()], [], replace(planned, control=())) == []
    assert "fixed-sequence" in METHOD.text
