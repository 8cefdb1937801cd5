"""How many values there are: the counts add up, set by set and arm by arm."""

from __future__ import annotations

from cytotrial.statistics.tables.availability import availability
from cytotrial.statistics_columns import AVAILABILITY


def missing(subject: str, visit: str, kind: str, subset: str = "nk") -> dict:
    return {"subject_id": subject, "visit": visit, "subset": subset, "kind": kind}


def test_counts_of_a_set_and_arm_worked_out_by_hand(subjects, plan, find):
    rows = availability(
        [
            missing("A1", "W2", "not_collected"),
            missing("A2", "W2", "failed"),
            missing("A3", "W2", "not_reported"),
            missing("B1", "W2", "failed"),
            missing("A1", "W4", "failed"),
            missing("A1", "W2", "failed", subset="treg"),
        ],
        subjects,
        plan,
    )

    assert len(rows) == 2 * 2 * 2 * 3
    assert all(set(row) == set(AVAILABILITY.columns) for row in rows)
    row = find(rows, analysis_set="mitt", arm="IL2", subset="nk", visit="W2")
    names = ("n_planned", "n_available", "n_not_collected", "n_failed", "n_not_reported")
    assert [row[name] for name in names] == [3, 0, 1, 1, 1]
    row = find(rows, analysis_set="pp", arm="IL2", subset="nk", visit="W2")  # A3 is not in it
    assert [row[name] for name in names] == [2, 0, 1, 1, 0]
    row = find(rows, analysis_set="mitt", arm="PBO", subset="nk", visit="W2")
    assert [row[name] for name in names] == [3, 2, 0, 1, 0]
    assert find(rows, analysis_set="mitt", arm="PBO", subset="treg", visit="W2")["denominator"] == "cd4"


def test_the_parts_are_the_whole(subjects, plan):
    kinds = ("not_collected", "failed", "not_reported")
    gaps = [missing(subject, "W2", kind) for subject, kind in zip(subjects["subject_id"], kinds * 2, strict=True)]

    for row in availability(gaps, subjects, plan):
        parts = ("n_available", "n_not_collected", "n_failed", "n_not_reported")
        assert sum(row[name] for name in parts) == row["n_planned"]


def test_an_arm_without_subjects_plans_nothing(subjects, plan, find):
    rows = availability([], subjects[subjects["arm"] == "IL2"], plan)

    assert find(rows, analysis_set="pp", arm="PBO", subset="nk", visit="W0")["n_planned"] == 0
