"""Agreement between files: own gate first, then the pool from near to wide, then the fallback, else none."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from cytotrial.columns import GATES, LANDMARKS, NOT_PLACED, SUBSETS
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy import Rule
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.tables import read_table, write_table

AXIS = {"channel": "APC-A", "top": 262144.0, "scale": "logicle", "w": 1.0, "m": 4.5, "a": 0.0}
NO_AXIS = dict.fromkeys(AXIS)
Row = dict[str, Any]


def rules(tmp_path: Path, *entries: str) -> dict[str, Rule]:
    """Rules of a strategy with these entries below the root."""
    path = tmp_path / "s.yaml"
    lines = [f"  - {{parent: root, {entry}}}" for entry in entries]
    path.write_text("\n".join(["populations:", *lines, ""]), encoding="utf-8")
    return {rule.id: rule for rule in load_strategy(path).rules}


def row(sample: str, threshold: float | None, **changes: Any) -> Row:
    """A landmark of CD3, found where it has a threshold; subject is the sample's letter."""
    found = threshold is not None
    return {
        "sample_id": sample,
        "panel": "treg",
        "subject_id": sample[0],
        "batch": None,
        "condition": None,
        "is_control": False,
        "population": "cd3",
        "marker": "CD3",
        "bound": "min" if found else None,
        "outcome": "found" if found else "not_found",
        "threshold_linear": threshold,
        "coordinates": None,
        "reason": "seen" if found else "no valley",
        "method": "valley",
        "n_parent": 1000,
        **AXIS,
        **changes,
    }


def shape(sample: str, points: list[list[float]] | None, *, markers: str = "FSC-A:SSC-A") -> list[Row]:
    """A landmark of a shape: one row where found, else one per marker."""
    linear = {"scale": "linear", "w": 0.0, "m": 0.0, "a": 0.0, "population": "cells", "method": "scatter_cluster"}
    if points is not None:
        channels = {"marker": markers, "channel": markers, "bound": "shape", "outcome": "found"}
        return [row(sample, None, **linear, **channels, reason="seen", coordinates=json.dumps(points))]
    return [row(sample, None, **linear, marker=marker, channel=marker) for marker in markers.split(":")]


def told(rows: list[Row]) -> dict[str, tuple[Any, ...]]:
    """Sample -> threshold, source, pool."""
    return {one["sample_id"]: (one["threshold_linear"], one["source"], one["pool"]) for one in rows}


def test_own_gate_is_used_as_it_is(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: trial")
    used, missing = agree([row("A0", 500.0), row("B0", 900.0)], own)
    assert told(used) == {"A0": (500.0, "found", "none"), "B0": (900.0, "found", "none")}
    assert missing == []


@pytest.mark.parametrize("entry", ["method: fixed, args: {threshold: 5}", "method: below_range"])
def test_gates_that_nobody_measured_are_fixed(tmp_path: Path, entry: str) -> None:
    used, _ = agree([row("A0", 5.0)], rules(tmp_path, f"id: cd3, markers: [CD3], {entry}"))
    assert told(used) == {"A0": (5.0, "fixed", "none")}


def test_from_the_subject_first(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: subject")
    used, missing = agree([row("A0", 500.0), row("A2", 700.0), row("A4", None), row("B0", 9000.0)], own)
    assert told(used)["A4"] == (600.0, "pooled", "subject A")
    assert next(one for one in used if one["sample_id"] == "A4")["reason"] == "no valley, so the median of 2 files"
    assert missing == []


def test_then_from_the_trial(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: subject")
    used, _ = agree([row("A0", None), row("B0", 100.0), row("C0", 300.0), row("D0", 5000.0)], own)
    assert told(used)["A0"] == (300.0, "pooled", "trial")  # the median: one odd file does not matter


def test_from_the_batch(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: batch")
    day = {"batch": "day1"}
    used, _ = agree([row("A0", None, **day), row("B0", 400.0, **day), row("A2", 9.0, batch="day2")], own)
    assert told(used)["A0"] == (400.0, "pooled", "batch day1")


def test_no_batch_is_no_common_batch(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: batch")
    used, _ = agree([row("A0", None), row("B0", 400.0)], own)
    assert told(used)["A0"] == (400.0, "pooled", "trial")


@pytest.mark.parametrize("pool", ["none", "subject", "trial"])
def test_nothing_to_borrow(tmp_path: Path, pool: str) -> None:
    own = rules(tmp_path, f"id: cd3, markers: [CD3], method: valley, pool: {pool}")
    used, missing = agree([row("A0", None), row("B0", None)], own)
    assert used == []
    assert missing == [
        {"sample_id": name, "population": "cd3", "outcome": "not_found", "reason": "no valley"} for name in ("A0", "B0")
    ]


def test_pool_none_does_not_borrow(tmp_path: Path) -> None:
    used, missing = agree(
        [row("A0", None), row("A2", 400.0)], rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: none")
    )
    assert set(told(used)) == {"A2"}
    assert [one["sample_id"] for one in missing] == ["A0"]


def test_fallback_comes_last(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: subject, fallback: 250")
    used, _ = agree([row("A0", None), row("B0", None)], own)
    assert told(used) == {"A0": (250.0, "fallback", "none"), "B0": (250.0, "fallback", "none")}
    used, _ = agree([row("A0", None), row("B0", 400.0)], own)
    assert told(used)["A0"] == (400.0, "pooled", "trial")


def test_file_without_the_channel_borrows_nothing(tmp_path: Path) -> None:
    """A viability gate for a file without viability would be a gate on nothing."""
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: trial, fallback: 250")
    lacks = row("A0", None, outcome="not_done", reason="no CD3 channel", n_parent=None, **NO_AXIS)
    used, missing = agree([lacks, row("B0", 400.0)], own)
    assert set(told(used)) == {"B0"}
    assert missing == [{"sample_id": "A0", "population": "cd3", "outcome": "not_done", "reason": "no CD3 channel"}]


def test_borrower_keeps_its_own_channel_and_scale(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: trial")
    used, _ = agree([row("A0", None, channel="R780-A", w=1.3), row("B0", 400.0)], own)
    borrowed = next(one for one in used if one["sample_id"] == "A0")
    assert (borrowed["channel"], borrowed["w"], borrowed["bound"]) == ("R780-A", 1.3, "min")
    assert (borrowed["panel"], borrowed["subject_id"], borrowed["n_parent"]) == ("treg", "A", 1000)


@pytest.mark.parametrize("unlike", [{"top": 4194304.0}, {"condition": "CEF"}, {"is_control": True}])
def test_only_files_alike_lend(tmp_path: Path, unlike: dict[str, object]) -> None:
    """Another range (instrument), another stimulation, a staining control: their thresholds are not this file's."""
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: trial")
    used, missing = agree([row("A0", None), row("B0", 400.0, **unlike)], own)
    assert "A0" not in told(used) and missing[0]["sample_id"] == "A0"


def test_files_of_the_own_batch_come_first(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: trial")
    lend = [row("B0", 400.0, batch="day1"), row("C0", 900.0, batch="day2"), row("D0", 950.0, batch="day2")]
    used, _ = agree([row("A0", None, batch="day1"), *lend], own)
    assert told(used)["A0"] == (400.0, "pooled", "trial, batch day1")


def test_two_bounds_are_borrowed_each(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD4, CD8], method: quadrant, pool: trial")

    def both(sample: str, low: float, high: float) -> list[Row]:
        return [row(sample, low, marker="CD4"), row(sample, high, marker="CD8", bound="max", channel="B")]

    lacks = [row("A0", None, marker="CD4"), row("A0", None, marker="CD8", channel="B")]
    used, _ = agree([*lacks, *both("B0", 10.0, 100.0), *both("C0", 30.0, 500.0)], own)
    borrowed = [(r["marker"], r["bound"], r["channel"], r["threshold_linear"]) for r in used if r["sample_id"] == "A0"]
    assert borrowed == [("CD4", "min", "APC-A", 20.0), ("CD8", "max", "B", 300.0)]


def test_shape_is_the_median_of_its_corners(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cells, markers: [FSC-A, SSC-A], method: scatter_cluster, pool: trial")
    one, two, three = [[0, 0], [2, 0], [1, 1]], [[4, 4], [6, 4], [5, 9]], [[1, 1], [3, 1], [2, 2]]
    rows = [*shape("A0", None), *shape("B0", one), *shape("C0", two), *shape("D0", three)]
    used, missing = agree(rows, own)
    borrowed = next(r for r in used if r["sample_id"] == "A0")
    assert json.loads(borrowed["coordinates"]) == [[1, 1], [3, 1], [2, 2]]
    assert (borrowed["marker"], borrowed["channel"], borrowed["bound"]) == ("FSC-A:SSC-A", "FSC-A:SSC-A", "shape")
    assert (borrowed["threshold_linear"], borrowed["source"], missing) == (None, "pooled", [])


def test_only_gates_on_channels_that_the_borrower_has(tmp_path: Path) -> None:
    """One file's singlets are by height, another's by width: the second cannot lend a polygon on height."""
    own = rules(tmp_path, "id: cells, markers: [FSC-A, FSC-H, FSC-W], method: singlet_band, pool: trial")
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
    ("others", "threshold"), [([], 250.0), ([row("B0", 400.0)], 400.0)], ids=["the fallback", "a borrowed gate"]
)
def test_opposite_follows(tmp_path: Path, others: list[Row], threshold: float) -> None:
    rest = row("A0", None, population="rest", reason="cd3 was not found", method="opposite")
    used, missing = agree([row("A0", None), rest, *others], rules(tmp_path, *OPPOSITES))
    (own,) = [one for one in used if one["population"] == "rest" and one["sample_id"] == "A0"]
    assert (own["bound"], own["threshold_linear"]) == ("max", threshold)
    assert own["method"] == "opposite"
    assert missing == []


def test_opposite_of_nothing_is_missing_too(tmp_path: Path) -> None:
    rest = row("A0", None, population="rest", reason="cd3 was not found", method="opposite")
    entries = (OPPOSITES[0].replace(", fallback: 250", ""), OPPOSITES[1])
    used, missing = agree([row("A0", None), rest], rules(tmp_path, *entries))
    assert used == []
    assert {one["population"] for one in missing} == {"cd3", "rest"}


def test_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    own = rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: subject")
    rows = [row("A0", 500.0), row("A2", 701.0), row("A4", None), row("B0", 9000.0), row("C0", None)]
    assert told(agree(rows, own)[0]) == told(agree(rows[::-1], own)[0])


def test_the_arm_is_nowhere() -> None:
    for table in (LANDMARKS, NOT_PLACED, GATES, SUBSETS):
        assert "arm" not in table.columns


def test_other_panels_never_lend(tmp_path: Path) -> None:
    """Through the verb, which parts the panels: CD3 of tube N is another dye's business."""
    from cytotrial.commands.agree_gates import run

    rules(tmp_path, "id: cd3, markers: [CD3], method: valley, pool: trial")
    rows = [row("A0", None), row("A1", 400.0, panel="nk", sample_id="A1")]
    write_table(tmp_path / "landmarks.tsv", LANDMARKS, rows)
    run(
        argparse.Namespace(
            gating=[f"treg={tmp_path}/s.yaml", f"nk={tmp_path}/s.yaml"],
            landmarks=[tmp_path / "landmarks.tsv"],
            samples=None,
            gates=tmp_path / "gates.tsv",
            not_placed=tmp_path / "not_placed.tsv",
        )
    )
    assert [one["sample_id"] for one in read_table(tmp_path / "gates.tsv", GATES)] == ["A1"]
    assert [one["sample_id"] for one in read_table(tmp_path / "not_placed.tsv", NOT_PLACED)] == ["A0"]
