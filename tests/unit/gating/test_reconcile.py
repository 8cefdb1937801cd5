"""Agreement between files: own gate first, then the pool from near to wide, then the fallback, else none."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytotrial.columns import AGREED_GATES, LANDMARKS, NOT_PLACED, SUBSETS
from cytotrial.gating.reconcile import agree
from cytotrial.tables import read_table, write_table

NO_AXIS = dict.fromkeys(("channel", "top", "scale", "w", "m", "a"))
Row = dict[str, Any]
Make = Callable[..., Any]


@pytest.fixture
def shape(row: Make) -> Make:
    """A landmark of a shape: one row where found, else one per marker."""

    def make(sample: str, points: list[list[float]] | None, *, markers: str = "FSC-A:SSC-A") -> list[Row]:
        linear = {"scale": "linear", "w": 0.0, "m": 0.0, "a": 0.0, "population": "cells", "method": "scatter_cluster"}
        if points is not None:
            channels = {"marker": markers, "channel": markers, "bound": "shape", "outcome": "found"}
            return [row(sample, None, **linear, **channels, reason="seen", coordinates=json.dumps(points))]
        return [row(sample, None, **linear, marker=marker, channel=marker) for marker in markers.split(":")]

    return make


def test_own_gate_is_used_as_it_is(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: trial")
    used, missing = agree([row("A0", 500.0), row("B0", 900.0)], own)
    assert told(used) == {"A0": (500.0, "found", "none"), "B0": (900.0, "found", "none")}
    assert missing == []


@pytest.mark.parametrize("entry", ["method: fixed, args: {threshold: 5}", "method: below_range"])
def test_gates_that_nobody_measured_are_fixed(rules: Make, row: Make, told: Make, entry: str) -> None:
    used, _ = agree([row("A0", 5.0)], rules(f"id: cd3, markers: [CD3], {entry}"))
    assert told(used) == {"A0": (5.0, "fixed", "none")}


def test_from_the_subject_first(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: subject")
    used, missing = agree([row("A0", 500.0), row("A2", 700.0), row("A4", None), row("B0", 9000.0)], own)
    assert told(used)["A4"] == (600.0, "pooled", "subject A")
    assert next(one for one in used if one["sample_id"] == "A4")["reason"] == "no valley, so the median of 2 files"
    assert missing == []


def test_then_from_the_trial(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: subject")
    used, _ = agree([row("A0", None), row("B0", 100.0), row("C0", 300.0), row("D0", 5000.0)], own)
    assert told(used)["A0"] == (300.0, "pooled", "trial")  # the median: one odd file does not matter


def test_from_the_batch(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: batch")
    day = {"batch": "day1"}
    used, _ = agree([row("A0", None, **day), row("B0", 400.0, **day), row("A2", 9.0, batch="day2")], own)
    assert told(used)["A0"] == (400.0, "pooled", "batch day1")


def test_no_batch_is_no_common_batch(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: batch")
    used, _ = agree([row("A0", None), row("B0", 400.0)], own)
    assert told(used)["A0"] == (400.0, "pooled", "trial")


@pytest.mark.parametrize("pool", ["none", "subject", "trial"])
def test_nothing_to_borrow(rules: Make, row: Make, pool: str) -> None:
    own = rules(f"id: cd3, markers: [CD3], method: valley, pool: {pool}")
    used, missing = agree([row("A0", None), row("B0", None)], own)
    assert used == []
    assert missing == [
        {"sample_id": name, "population": "cd3", "outcome": "not_found", "reason": "no valley"} for name in ("A0", "B0")
    ]


def test_pool_none_does_not_borrow(rules: Make, row: Make, told: Make) -> None:
    used, missing = agree(
        [row("A0", None), row("A2", 400.0)], rules("id: cd3, markers: [CD3], method: valley, pool: none")
    )
    assert set(told(used)) == {"A2"}
    assert [one["sample_id"] for one in missing] == ["A0"]


def test_fallback_comes_last(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: subject, fallback: 250")
    used, _ = agree([row("A0", None), row("B0", None)], own)
    assert told(used) == {"A0": (250.0, "fallback", "none"), "B0": (250.0, "fallback", "none")}
    used, _ = agree([row("A0", None), row("B0", 400.0)], own)
    assert told(used)["A0"] == (400.0, "pooled", "trial")


def test_file_without_the_channel_borrows_nothing(rules: Make, row: Make, told: Make) -> None:
    """A viability gate for a file without viability would be a gate on nothing."""
    own = rules("id: cd3, markers: [CD3], method: valley, pool: trial, fallback: 250")
    lacks = row("A0", None, outcome="not_done", reason="no CD3 channel", n_parent=None, **NO_AXIS)
    used, missing = agree([lacks, row("B0", 400.0)], own)
    assert set(told(used)) == {"B0"}
    assert missing == [{"sample_id": "A0", "population": "cd3", "outcome": "not_done", "reason": "no CD3 channel"}]


def test_borrower_keeps_its_own_channel_and_scale(rules: Make, row: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: trial")
    used, _ = agree([row("A0", None, channel="R780-A", w=1.3), row("B0", 400.0)], own)
    borrowed = next(one for one in used if one["sample_id"] == "A0")
    assert (borrowed["channel"], borrowed["w"], borrowed["bound"]) == ("R780-A", 1.3, "min")
    assert (borrowed["panel"], borrowed["subject_id"], borrowed["n_parent"]) == ("treg", "A", 1000)


@pytest.mark.parametrize("unlike", [{"top": 4194304.0}, {"condition": "CEF"}, {"is_control": True}])
def test_only_files_alike_lend(rules: Make, row: Make, told: Make, unlike: dict[str, object]) -> None:
    """Another range (instrument), another stimulation, a staining control: their thresholds are not this file's."""
    own = rules("id: cd3, markers: [CD3], method: valley, pool: trial")
    used, missing = agree([row("A0", None), row("B0", 400.0, **unlike)], own)
    assert "A0" not in told(used) and missing[0]["sample_id"] == "A0"


def test_files_of_the_own_batch_come_first(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: trial")
    lend = [row("B0", 400.0, batch="day1"), row("C0", 900.0, batch="day2"), row("D0", 950.0, batch="day2")]
    used, _ = agree([row("A0", None, batch="day1"), *lend], own)
    assert told(used)["A0"] == (400.0, "pooled", "trial, batch day1")


def test_two_bounds_are_borrowed_each(rules: Make, row: Make) -> None:
    own = rules("id: cd3, markers: [CD4, CD8], method: quadrant, pool: trial")

    def both(sample: str, low: float, high: float) -> list[Row]:
        return [row(sample, low, marker="CD4"), row(sample, high, marker="CD8", bound="max", channel="B")]

    lacks = [row("A0", None, marker="CD4"), row("A0", None, marker="CD8", channel="B")]
    used, _ = agree([*lacks, *both("B0", 10.0, 100.0), *both("C0", 30.0, 500.0)], own)
    borrowed = [(r["marker"], r["bound"], r["channel"], r["threshold_linear"]) for r in used if r["sample_id"] == "A0"]
    assert borrowed == [("CD4", "min", "APC-A", 20.0), ("CD8", "max", "B", 300.0)]


def test_shape_is_the_median_of_its_corners(rules: Make, shape: Make) -> None:
    own = rules("id: cells, markers: [FSC-A, SSC-A], method: scatter_cluster, pool: trial")
    one, two, three = [[0, 0], [2, 0], [1, 1]], [[4, 4], [6, 4], [5, 9]], [[1, 1], [3, 1], [2, 2]]
    rows = [*shape("A0", None), *shape("B0", one), *shape("C0", two), *shape("D0", three)]
    used, missing = agree(rows, own)
    borrowed = next(r for r in used if r["sample_id"] == "A0")
    assert json.loads(borrowed["coordinates"]) == [[1, 1], [3, 1], [2, 2]]
    assert (borrowed["marker"], borrowed["channel"], borrowed["bound"]) == ("FSC-A:SSC-A", "FSC-A:SSC-A", "shape")
    assert (borrowed["threshold_linear"], borrowed["source"], missing) == (None, "pooled", [])


def test_only_gates_on_channels_that_the_borrower_has(rules: Make, row: Make, shape: Make) -> None:
    """One file's singlets are by height, another's by width: the second cannot lend a polygon on height."""
    own = rules("id: cells, markers: [FSC-A, FSC-H, FSC-W], method: singlet_band, pool: trial")
    polygon = [[0.0, 0.0], [2.0, 0.0], [1.0, 1.0]]
    by_height = shape("B0", polygon, markers="FSC-A:FSC-H")
    by_width = [row("C0", 90_000.0, population="cells", marker="FSC-W", bound="max", channel="FSC-W")]
    lacks_height = shape("A0", None, markers="FSC-A:FSC-H:FSC-W")
    lacks_height[1] |= NO_AXIS
    used, _ = agree([*lacks_height, *by_height, *by_width], own)
    assert [(r["marker"], r["threshold_linear"]) for r in used if r["sample_id"] == "A0"] == [("FSC-W", 90_000.0)]
    used, missing = agree([*lacks_height, *by_height], own)
    assert [r["sample_id"] for r in used] == ["B0"]
    assert [r["sample_id"] for r in missing] == ["A0"]
    has_both = shape("A0", None, markers="FSC-A:FSC-H:FSC-W")
    used, _ = agree([*has_both, *by_height, *by_width], own)
    assert [r["marker"] for r in used if r["sample_id"] == "A0"] == ["FSC-A:FSC-H"]


OPPOSITES = (
    "id: cd3, markers: [CD3], method: valley, pool: trial, fallback: 250",
    "id: rest, markers: [CD3], method: opposite, args: {of: cd3}",
)


@pytest.mark.parametrize(
    ("lent", "threshold"), [([], 250.0), ([400.0], 400.0)], ids=["the fallback", "a borrowed gate"]
)
def test_opposite_follows(rules: Make, row: Make, lent: list[float], threshold: float) -> None:
    rest = row("A0", None, population="rest", reason="cd3 was not found", method="opposite")
    used, missing = agree([row("A0", None), rest, *[row("B0", one) for one in lent]], rules(*OPPOSITES))
    (own,) = [one for one in used if one["population"] == "rest" and one["sample_id"] == "A0"]
    assert (own["bound"], own["threshold_linear"]) == ("max", threshold)
    assert own["method"] == "opposite"
    assert missing == []


def test_opposite_of_nothing_is_missing_too(rules: Make, row: Make) -> None:
    rest = row("A0", None, population="rest", reason="cd3 was not found", method="opposite")
    entries = (OPPOSITES[0].replace(", fallback: 250", ""), OPPOSITES[1])
    used, missing = agree([row("A0", None), rest], rules(*entries))
    assert used == []
    assert {one["population"] for one in missing} == {"cd3", "rest"}


def test_order_of_the_rows_does_not_matter(rules: Make, row: Make, told: Make) -> None:
    own = rules("id: cd3, markers: [CD3], method: valley, pool: subject")
    rows = [row("A0", 500.0), row("A2", 701.0), row("A4", None), row("B0", 9000.0), row("C0", None)]
    assert told(agree(rows, own)[0]) == told(agree(rows[::-1], own)[0])


def test_the_arm_is_nowhere() -> None:
    for table in (LANDMARKS, NOT_PLACED, AGREED_GATES, SUBSETS):
        assert "arm" not in table.columns


def test_other_panels_never_lend(rules: Make, row: Make, tmp_path: Path) -> None:
    """Through the verb, which parts the panels: CD3 of tube N is another dye's business."""
    from cytotrial.commands.agree_gates import run

    rules("id: cd3, markers: [CD3], method: valley, pool: trial")
    rows = [row("A0", None), row("A1", 400.0, panel="nk", sample_id="A1")]
    write_table(tmp_path / "landmarks.tsv", LANDMARKS, rows)
    run(
        argparse.Namespace(
            gating=[f"treg={tmp_path}/s.yaml", f"nk={tmp_path}/s.yaml"],
            gate_map=[],
            landmarks=[tmp_path / "landmarks.tsv"],
            samples=None,
            subjects_per_job=1,
            gates=tmp_path / "gates.tsv",
            not_placed=tmp_path / "not_placed.tsv",
        )
    )
    assert [one["sample_id"] for one in read_table(tmp_path / "gates.tsv", AGREED_GATES)] == ["A1"]
    assert [one["sample_id"] for one in read_table(tmp_path / "not_placed.tsv", NOT_PLACED)] == ["A0"]


def work_of(function: Callable[[], Any]) -> int:
    """Calls made in it, each step of a generator counted: what it costs, the same on every machine."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("pool", ["subject", "batch", "site", "trial"])
@pytest.mark.parametrize("align", ["file", "batch", "none"])
def test_work_grows_with_the_files_and_not_with_their_square(
    rules: Make, row: Make, treg: Make, pool: str, align: str
) -> None:
    """Every third file borrows, every sixth is a control, one batch and one site hold them all."""
    cd3 = rules(f"id: cd3, markers: [CD3], method: valley, pool: {pool}, control: 0.998")
    held = rules(f"id: treg, markers: [CD25, CD127], method: reference_population, pool: {pool}, align: {align}")

    def trial(n: int) -> list[Row]:
        rows = []
        for i in range(n):
            where = {"subject_id": f"S{i // 5}", "batch": "day1", "site": "Lyon"}
            if i % 6 == 0:
                fmo = {"condition": "FMO-CD3", "is_control": True, "measures": json.dumps({"negative_CD3": 300.0 + i})}
                rows.append(row(f"F{i}", None, **where, **fmo))
            rows.append(row(f"A{i}", None if i % 3 == 0 else 900.0 + i, **where))
            measures = {"reference_bulk": 500.0 + i, "reference_mode": 4000.0, "tail_over_bulk": 2.0}
            rows += treg(f"A{i}", measures | {"clear_per_between": 1.0} if i % 3 else None, **where)
        return rows

    work = [work_of(lambda n=n: agree(trial(n), {**cd3, **held})) for n in (60, 240)]
    print(pool, align, work)
    assert work[1] < 5.0 * work[0]
