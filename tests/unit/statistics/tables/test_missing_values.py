"""Every planned value that is not there has a row that says why."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.columns import SUBSETS
from cytotrial.quality import QualityRules
from cytotrial.statistics.plan import PlannedSubset
from cytotrial.statistics.tables.missing_values import missing_values
from cytotrial.statistics_columns import MISSING_VALUES
from cytotrial.subsets import Measured, Wanted, subset_rows

NK = PlannedSubset("nk", ("lymphocytes", "live"))
RULES = QualityRules(min_denominator={}, plausible_percent={})
COUNTS = {"nk": 900, "lymphocytes": 9000, "live": 20_000}


def tube(sample: str, subject: str = "A1", visit: str = "W0", **changes) -> Measured:
    """A tube as `tabulate` hands it to the percentages: ordinary but for `changes`."""
    ordinary = {"week": 0, "panel": "nk", "condition": None, "status": "ok", "status_reasons": "", "reasons": {}}
    return Measured(sample_id=sample, subject_id=subject, visit=visit, **{"counts": COUNTS, **ordinary, **changes})


def table(*tubes: Measured) -> pd.DataFrame:
    """subsets.tsv of these tubes."""
    rows = subset_rows(tubes, [Wanted("nk", "nk", "nk", ("lymphocytes", "live"))], RULES)
    return pd.DataFrame(rows, columns=list(SUBSETS.columns)).replace({"": None})


@pytest.fixture
def one_visit(plan):
    return replace(plan, visits=("W0",), subsets=(NK,))


@pytest.fixture
def one_subject(subjects):
    return subjects[subjects["subject_id"] == "A1"]


def test_a_row_for_each_subject_visit_and_subset_that_has_no_value(subjects, plan):
    rows = missing_values(table(tube("1"), tube("2", "B2", "W4")), subjects, replace(plan, subsets=(NK,)))

    assert all(set(row) == set(MISSING_VALUES.columns) for row in rows)
    assert len(rows) == 6 * 3 - 2
    assert {row["kind"] for row in rows} == {"not_collected"}
    assert {row["denominator"] for row in rows} == {"lymphocytes"}, "the primary one alone"
    assert ("A1", "W0") not in {(row["subject_id"], row["visit"]) for row in rows}
    assert {row["subject_id"]: row["arm"] for row in rows}["B2"] == "PBO"


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"status": "failed", "status_reasons": "not an FCS file", "counts": {}}, "failed", "file failed: not an FCS"),
        ({"status": "failed", "status_reasons": "45.0 % of events removed"}, "failed", "file failed: 45.0 %"),
        ({"counts": {**COUNTS, "nk": None}, "reasons": {"nk": "no CD56"}}, "failed", "nk not measured: no CD56"),
        ({"counts": {**COUNTS, "nk": 19}}, "not_reported", "19 nk events, fewer than 20"),
        ({"counts": {**COUNTS, "nk": 0, "lymphocytes": 0}}, "not_reported", "no lymphocytes events"),
    ],
)
def test_a_sample_without_a_value_says_what_tabulate_said(one_subject, one_visit, changes, kind, reason):
    (row,) = missing_values(table(tube("1", **changes)), one_subject, one_visit)

    assert row["kind"] == kind
    assert row["reason"].startswith(reason)


@pytest.mark.parametrize("count", [30, 70])  # below the limit of quantitation, flagged
def test_a_flagged_value_is_a_value(one_subject, one_visit, count):
    assert missing_values(table(tube("1", counts={**COUNTS, "nk": count})), one_subject, one_visit) == []


def test_of_replicates_one_value_is_enough(one_subject, one_visit):
    failed = tube("1", status="failed", status_reasons="empty", counts={})

    assert missing_values(table(failed, tube("2")), one_subject, one_visit) == []


def test_of_replicates_without_a_value_every_reason_is_told_once(one_subject, one_visit):
    tubes = (
        tube("3", counts={**COUNTS, "nk": 3}),
        tube("1", status="failed", status_reasons="empty", counts={}),
        tube("2", status="failed", status_reasons="empty", counts={}),
    )

    (row,) = missing_values(table(*tubes), one_subject, one_visit)

    assert (row["kind"], row["reason"]) == ("not_reported", "file failed: empty; 3 nk events, fewer than 20")


def test_controls_and_other_conditions_are_no_samples(one_subject, one_visit):
    chosen = replace(one_visit, subsets=(replace(NK, condition="CEF"),), visits=("W0", "W2"))
    tubes = (
        tube("1", condition="unstimulated"),
        tube("2", condition="FMO-CD56"),
        tube("3", visit="W2", condition="CEF"),
    )

    (row,) = missing_values(table(*tubes), one_subject, chosen)

    assert (row["visit"], row["kind"], row["reason"]) == ("W0", "not_collected", "")


def test_a_table_of_somebody_else_may_give_no_reason(one_subject, one_visit):
    given = table(tube("1")).assign(percent=None, qc_flag="ok")
    assert missing_values(given, one_subject, one_visit)[0]["reason"] == "no percentage, and no reason given"

    (row,) = missing_values(given.assign(numerator_n=None), one_subject, one_visit)
    assert (row["kind"], row["reason"]) == ("failed", "no counts, and no reason given")


def test_without_any_row_nothing_was_collected(subjects, plan):
    rows = missing_values(table(), subjects, plan)

    assert len(rows) == 6 * 3 * 2
    assert {row["kind"] for row in rows} == {"not_collected"}


def test_without_subjects_nothing_is_missing(subjects, plan):
    assert missing_values(table(), subjects.iloc[:0], plan) == []
