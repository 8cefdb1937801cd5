"""Binary endpoints: who is counted in which analysis set, and what a row says of what is missing."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.statistics.endpoints import endpoint_values
from cytotrial.statistics.tables.categorical import METHOD, categorical
from cytotrial.statistics_columns import CATEGORICAL
from cytotrial.tables import write_table

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def rows_of(subjects, plan):
    """The table of outcome rows (subject, visit, endpoint, value)."""

    def make(rows, *, of=subjects, planned=plan):
        table = pd.DataFrame(list(rows), columns=["subject_id", "visit", "endpoint", "value"])
        return categorical(endpoint_values(table, of, planned), of, planned)

    return make


SRI4 = [(s, "W2", "SRI4", v) for s, v in (("A1", 1.0), ("A2", None), ("A3", 1.0), ("B1", 0.0), ("B2", 1.0))]
FEVER = [(s, "ANY", "FEVER", v) for s, v in (("A1", 0.0), ("A2", None), ("B1", 0.0), ("B2", 0.0), ("B3", 0.0))]
COUNTS = ("x_active", "n_active", "x_control", "n_control", "n_missing")


def counts(row):
    return tuple(row[name] for name in COUNTS)


def test_who_is_counted(rows_of, find, subjects) -> None:
    rows = rows_of([*SRI4, *FEVER], of=subjects.assign(safety=[True, False, True, True, True, True]))
    assert len(rows) == 3 + 3 and all(set(row) == set(CATEGORICAL.columns) for row in rows)
    # B3 has no row: not in the population. A3 is not in pp.
    assert counts(find(rows, analysis_set="mitt", endpoint="SRI4")) == (2, 2, 1, 2, 1)
    assert counts(find(rows, analysis_set="pp", endpoint="SRI4")) == (1, 1, 1, 2, 1)
    imputed = find(rows, analysis_set="mitt_nri", endpoint="SRI4")
    assert counts(imputed) == (2, 3, 1, 2, 1) and "1 missing counted as no response" in imputed["note"]
    # Safety is never imputed; A2 is not in the safety set.
    assert {row["analysis_set"] for row in rows if row["endpoint"] == "FEVER"} == {"mitt", "pp", "safety"}
    assert counts(find(rows, analysis_set="mitt", endpoint="FEVER")) == (0, 1, 0, 3, 1)
    assert counts(find(rows, analysis_set="safety", endpoint="FEVER")) == (0, 1, 0, 3, 0)


def test_notes_name_the_arm_and_the_reason(rows_of, find, subjects) -> None:
    missing = [(s, "W2", "X", None) for s in ("A1", "A2", "B1")]
    row = find(rows_of(missing), analysis_set="mitt")
    assert counts(row) == (0, 0, 0, 0, 3) and row["preferred"] is None and math.isnan(row["fisher_p"])
    assert row["note"] == "all values of IL2 are missing; all values of PBO are missing"
    row = find(rows_of(missing), analysis_set="mitt_nri")
    assert counts(row) == (0, 2, 0, 1, 3) and "nobody has the event" in row["note"]

    row = find(rows_of([("A1", "W2", "X", 1.0)]), analysis_set="mitt")
    assert row["note"] == "no subject of PBO in the endpoint's population"
    assert row["rate_active"] == 1.0 and math.isnan(row["rate_control"])
    nobody = subjects.assign(pp=subjects["arm"] == "IL2")
    assert find(rows_of(SRI4, of=nobody), analysis_set="pp")["note"] == "no subject of PBO in the analysis set"


def test_several_arms_and_one_arm(rows_of, plan) -> None:
    several = replace(plan, arms=("IL2", "HIGH", "PBO"), active=("IL2", "HIGH"))
    assert all("several arms: IL2 compared with PBO" in row["note"] for row in rows_of(SRI4, planned=several))
    assert rows_of([]) == []


@pytest.mark.parametrize(("there", "lacking"), [("active", "control"), ("control", "active")])
def test_a_trial_without_a_pair_of_arms_has_the_rates(rows_of, find, plan, tmp_path, there, lacking) -> None:
    arm = {"active": "IL2", "control": "PBO"}[there]
    alone = replace(plan, arms=(arm,), **{there: (arm,), lacking: ()})
    rows = rows_of([*SRI4, *FEVER], planned=alone)
    assert len(rows) == 3 + 2 and all(set(row) == set(CATEGORICAL.columns) for row in rows)
    row = find(rows, analysis_set="mitt", endpoint="FEVER")
    n = {"active": 1, "control": 3}[there]
    assert (row[f"x_{there}"], row[f"n_{there}"], row[f"rate_{there}"], row["note"]) == (0, n, 0.0, f"no {lacking} arm")
    assert row[f"rate_{there}_high"] > 0.0 and row[f"rate_{there}_low"] == pytest.approx(0.0, abs=1e-15)
    numbers = {name for name, value in row.items() if isinstance(value, int | float) and not math.isnan(value)}
    assert numbers == {
        "n_missing",
        *(f"{one}_{there}" for one in "xn"),
        *(name for name in row if f"rate_{there}" in name),
    }
    imputed = find(rows, analysis_set="mitt_nri", endpoint="SRI4")
    assert imputed[f"n_{there}"] == {"active": 3, "control": 2}[there]
    two = replace(alone, arms=(arm, "HIGH"), **{there: (arm, "HIGH")})
    assert rows_of(FEVER, planned=two)[0]["note"] == f"no {lacking} arm; several arms: the rate is that of {arm}"
    write_table(tmp_path / "categorical.tsv", CATEGORICAL, rows)


def test_who_has_left_the_sheet_is_not_imputed_and_the_note_says_so(rows_of, find) -> None:
    later = [(s, "W4", "SRI4", v) for s, v in (("A1", 1.0), ("A3", None), ("B1", 0.0), ("B3", 1.0))]
    rows = rows_of([*SRI4, *later])
    row = find(rows, analysis_set="mitt_nri", visit="W4")
    assert counts(row) == (1, 2, 1, 2, 1)
    assert row["note"] == (
        "2 subjects with this endpoint at another visit have no row here and are not counted; "
        "1 missing counted as no response"
    )
    note = find(rows, analysis_set="mitt_nri", visit="W2")["note"]
    assert note.startswith("1 subject with this endpoint at another visit has no row here and is not counted")
    assert not any("another visit" in row["note"] for row in rows if not row["analysis_set"].endswith("_nri"))


def test_order_of_the_sheet_changes_nothing_and_the_table_can_be_written(rows_of, tmp_path) -> None:
    everything = [*SRI4, *FEVER]
    for name, rows in (("one", everything), ("two", everything[::-1])):
        write_table(tmp_path / name, CATEGORICAL, rows_of(rows))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert "\tinf\t" in (tmp_path / "one").read_text()  # an infinite limit stays readable


def test_method_is_told_with_its_sources() -> None:
    assert "Campbell" in METHOD.text and all("doi:10." in reference for reference in METHOD.references)
