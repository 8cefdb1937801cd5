"""The same subjects at two visits: who is a pair, in which order, in which arms and sets."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.statistics.endpoints import endpoint_values
from cytotrial.statistics.tables.paired_endpoints import METHOD, paired_endpoints
from cytotrial.statistics_columns import MCNEMAR

pytestmark = pytest.mark.filterwarnings("error")
ANSWERS = {  # W0, W2, W4
    "A1": (0.0, 1.0, 1.0),
    "A2": (1.0, None, 0.0),
    "A3": (1.0, 1.0, "absent"),
    "B1": (0.0, 0.0, 0.0),
}


@pytest.fixture
def outcomes() -> pd.DataFrame:
    rows = [
        (subject, visit, "SRI4", value)
        for subject, values in ANSWERS.items()
        for visit, value in zip(("W0", "W2", "W4"), values, strict=True)
        if value != "absent"
    ]
    rows.append(("A1", "ANY", "SRI4", 1.0))  # no visit in time: in no pair
    return pd.DataFrame(rows, columns=["subject_id", "visit", "endpoint", "value"])


def four(row: dict) -> tuple[int, ...]:
    return tuple(row[name] for name in ("n_neither", "n_gained", "n_lost", "n_both"))


def test_pairs(outcomes, subjects, plan, find) -> None:
    rows = paired_endpoints(endpoint_values(outcomes, subjects, plan), subjects, plan)
    assert len(rows) == 3 * 2 * 3 and all(set(row) == set(MCNEMAR.columns) for row in rows)
    assert {(row["visit_from"], row["visit_to"]) for row in rows} == {("W0", "W2"), ("W0", "W4"), ("W2", "W4")}

    def of(analysis_set: str, arm: str, first: str, then: str) -> dict:
        return find(rows, analysis_set=analysis_set, arm=arm, visit_from=first, visit_to=then)

    assert four(of("mitt", "IL2", "W0", "W2")) == (0, 1, 0, 1)  # A1 gained, A3 has it twice, A2 is missing at W2
    assert four(of("pp", "IL2", "W0", "W2")) == (0, 1, 0, 0)  # A3 is not per protocol
    assert four(of("mitt_nri", "IL2", "W0", "W2")) == (0, 1, 1, 1)  # A2's missing value is no response
    assert four(of("mitt_nri", "IL2", "W2", "W4")) == (1, 0, 0, 1)  # A3 is not in the population at W4
    assert of("mitt_nri", "IL2", "W2", "W4")["note"].startswith(
        "1 subject with this endpoint lacks a row at one visit or both and is not counted"
    )
    assert of("mitt_nri", "IL2", "W0", "W2")["note"] == ""
    assert "a row" not in of("mitt", "IL2", "W2", "W4")["note"]
    assert of("mitt", "IL2", "W0", "W4")["p_exact"] == 1.0  # one gained, one lost
    assert of("mitt", "PBO", "W0", "W2")["note"] == "nobody changed: no test"


def test_no_pairs_says_why(outcomes, subjects, plan, find) -> None:
    nobody = subjects.assign(pp=False)
    apart = outcomes[~((outcomes["subject_id"] == "B1") & (outcomes["visit"] == "W2"))]
    rows = paired_endpoints(endpoint_values(apart, nobody, plan), nobody, plan)
    assert find(rows, analysis_set="pp", arm="IL2", visit_from="W0", visit_to="W2")["note"].startswith("no subject of")
    row = find(rows, analysis_set="mitt", arm="PBO", visit_from="W0", visit_to="W2")
    assert (row["n_pairs"], row["note"]) == (0, "no subject has a value at both visits")


def test_one_arm_and_one_visit(outcomes, subjects, plan) -> None:
    alone = replace(plan, arms=("IL2",), control=())
    rows = paired_endpoints(endpoint_values(outcomes, subjects, alone), subjects, alone)
    assert len(rows) == 3 * 3 and {row["arm"] for row in rows} == {"IL2"}
    once = outcomes[outcomes["visit"] == "W2"]
    assert paired_endpoints(endpoint_values(once, subjects, plan), subjects, plan) == []
    assert "McNemar" in METHOD.text
