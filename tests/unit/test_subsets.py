"""Counts to percentages, with a percentage by hand, and what is NA and why."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from cytotrial.columns import SUBSETS
from cytotrial.quality import QualityRules
from cytotrial.subsets import Measured, Wanted, subset_rows, wide_rows, wilson_percent

RULES = QualityRules(min_denominator={}, plausible_percent={})
TREG = Wanted("treg", "treg", "treg", ("cd4", "lymphocytes"))
NK = Wanted("nk", "nk", "nk", ("lymphocytes",))
COUNTS = {"lymphocytes": 40_000, "cd4": 16_000, "treg": 900, "nk": 3000}


def measured(sample: str = "A0", **changes: Any) -> Measured:
    """A tube of subject A at baseline."""
    fields = {
        "sample_id": sample,
        "subject_id": "A",
        "visit": "W0",
        "week": 0,
        "panel": "treg",
        "condition": None,
        "status": "ok",
        "status_reasons": "",
        "counts": COUNTS,
        "reasons": {},
    }
    return Measured(**{**fields, **changes})


def wilson_by_hand(k: int, n: int) -> tuple[float, float]:
    """Wilson 1927 with z = 1.959964, in percent."""
    z = 1.959963984540054
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(k * (n - k) / n + z * z / 4)
    return 100 * (centre - half), 100 * (centre + half)


@pytest.mark.parametrize(("k", "n"), [(100, 1000), (20, 300), (900, 16_000), (0, 50), (50, 50), (1, 1)])
def test_wilson(k: int, n: int) -> None:
    assert wilson_percent(k, n) == pytest.approx(wilson_by_hand(k, n), abs=1e-9)


def test_wilson_of_a_textbook() -> None:
    """Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I: 81 of 263."""
    assert [round(limit / 100, 4) for limit in wilson_percent(81, 263)] == [0.2553, 0.3662]


def test_every_denominator() -> None:
    rows = subset_rows([measured()], [TREG, NK], RULES)
    assert all(set(row) == set(SUBSETS.columns) for row in rows)
    assert [(r["subset"], r["denominator"], r["is_primary"], r["percent"]) for r in rows] == [
        ("treg", "cd4", True, 5.625),
        ("treg", "lymphocytes", False, 2.25),
    ]
    first = rows[0]
    assert (first["numerator_n"], first["denominator_n"]) == (900, 16_000)
    assert (first["ci_low"], first["ci_high"]) == pytest.approx(wilson_by_hand(900, 16_000))
    assert (first["qc_flag"], first["qc_reason"]) == ("ok", "")
    assert (first["subject_id"], first["visit"], first["week"], first["panel"]) == ("A", "W0", 0, "treg")


def test_subset_and_population_may_have_different_names() -> None:
    (row,) = subset_rows([measured()], [Wanted("regulatory", "treg", "treg", ("cd4",))], RULES)
    assert (row["subset"], row["numerator_n"]) == ("regulatory", 900)


def na(row: dict[str, Any]) -> bool:
    """Whether there is no percentage and no interval."""
    return (row["percent"], row["ci_low"], row["ci_high"]) == (None, None, None)


def test_zero_denominator_is_no_zero() -> None:
    row = subset_rows([measured(counts={**COUNTS, "cd4": 0, "treg": 0})], [TREG], RULES)[0]
    assert na(row)
    assert (row["numerator_n"], row["denominator_n"]) == (0, 0)
    assert (row["qc_flag"], row["qc_reason"]) == ("not_reported", "no cd4 events")


@pytest.mark.parametrize(
    ("n", "flag"), [(0, "not_reported"), (19, "not_reported"), (20, "below_lloq"), (99, "flagged")]
)
def test_few_cells(n: int, flag: str) -> None:
    row = subset_rows([measured(counts={**COUNTS, "treg": n})], [TREG], RULES)[0]
    assert row["qc_flag"] == flag
    assert na(row) is (flag == "not_reported")
    assert row["numerator_n"] == n
    if not na(row):
        assert row["percent"] == 100 * n / 16_000


def test_failed_file() -> None:
    counts = dict.fromkeys(COUNTS)
    rows = subset_rows([measured(status="failed", status_reasons="0 events", counts=counts)], [TREG], RULES)
    assert len(rows) == 2
    for row in rows:
        assert na(row)
        assert (row["numerator_n"], row["denominator_n"]) == (None, None)
        assert (row["qc_flag"], row["qc_reason"]) == ("not_reported", "file failed: 0 events")


def test_file_that_failed_by_its_quality() -> None:
    """Its counts are known, its percentages are not reported."""
    (row, _) = subset_rows([measured(status="failed", status_reasons="31 % removed")], [TREG], RULES)
    assert na(row)
    assert row["qc_reason"] == "file failed: 31 % removed"


@pytest.mark.parametrize(
    ("counts", "reasons", "told"),
    [
        ({"treg": None}, {"treg": "no CD25 channel"}, "treg not measured: no CD25 channel"),
        ({"cd4": None}, {}, "cd4 not measured: not gated"),
        ({"cd4": None, "treg": None}, {}, "treg not measured: not gated; cd4 not measured: not gated"),
    ],
)
def test_not_measured(counts: dict[str, None], reasons: dict[str, str], told: str) -> None:
    row = subset_rows([measured(counts={**COUNTS, **counts}, reasons=reasons)], [TREG], RULES)[0]
    assert na(row)
    assert (row["qc_flag"], row["qc_reason"]) == ("not_reported", told)


def test_population_that_the_strategy_has_not() -> None:
    row = subset_rows([measured()], [Wanted("tfh", "treg", "tfh", ("cd4",))], RULES)[0]
    assert na(row)
    assert row["qc_reason"] == "tfh not measured: not gated"


def test_denominator_that_is_no_ancestor() -> None:
    row = subset_rows([measured(counts={**COUNTS, "cd4": 10})], [TREG], RULES)[0]
    assert na(row)
    assert row["qc_reason"] == "900 treg events of 10 cd4: not a part of it"


def test_flagged_file_keeps_its_numbers() -> None:
    row = subset_rows([measured(status="flagged")], [TREG], RULES)[0]
    assert row["percent"] == 5.625
    assert (row["qc_flag"], row["qc_reason"]) == ("flagged", "file flagged, see status.tsv")


# By subject and visit.


def wide(*tubes: Measured) -> list[dict[str, Any]]:
    """The wide table of some tubes."""
    return wide_rows(subset_rows(tubes, [TREG, NK], RULES), [TREG, NK])


def test_one_row_per_subject_and_visit() -> None:
    nk = measured("A0N", panel="nk")
    later = measured("A2", visit="W2", counts={**COUNTS, "treg": 1600})
    assert wide(measured(), nk, later) == [
        {"subject_id": "A", "visit": "W0", "treg": 5.625, "nk": 7.5},
        {"subject_id": "A", "visit": "W2", "treg": 10.0, "nk": None},
    ]


def test_replicates_are_averaged() -> None:
    other = measured("A0b", counts={**COUNTS, "treg": 1600})
    assert wide(measured(), other)[0]["treg"] == pytest.approx((5.625 + 10.0) / 2)


def test_replicate_that_failed_does_not_count() -> None:
    failed = measured("A0b", status="failed", counts=dict.fromkeys(COUNTS))
    assert wide(measured(), failed)[0]["treg"] == 5.625
    assert wide(failed)[0]["treg"] is None


def test_several_conditions_are_not_one_number() -> None:
    tubes = measured(condition="unstimulated"), measured("A0c", condition="CEF")
    assert wide(*tubes)[0]["treg"] is None


def test_one_condition_is_one_number() -> None:
    tubes = measured(condition="CEF"), measured("A0c", condition="CEF")
    assert wide(*tubes)[0]["treg"] == 5.625


def test_the_wide_table_shows_the_condition_that_a_readout_declares() -> None:
    rows = [
        {"subject_id": "S", "visit": "W0", "subset": "treg", "is_primary": True, "condition": name, "percent": value}
        for name, value in (("CEF", 9.0), ("unstimulated", 5.0))
    ]
    declared = Wanted("treg", "treg", "treg", ("cd4",), "unstimulated")
    assert wide_rows(rows, [declared]) == [{"subject_id": "S", "visit": "W0", "treg": 5.0}]
    assert wide_rows(rows, [Wanted("treg", "treg", "treg", ("cd4",))])[0]["treg"] is None
