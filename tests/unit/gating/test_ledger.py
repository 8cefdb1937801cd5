"""Gates as rows: one per bound, on both scales, and back without a digit lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.columns import AGREED_GATES, LANDMARKS
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.landmarks import Bound, Landmark, bounds_of
from cytotrial.gating.ledger import gate_rows, landmark_rows, read_gates, read_landmarks
from cytotrial.gating.placing import Placed
from cytotrial.gating.strategy import Rule
from cytotrial.tables import read_table, write_table

SAMPLE = {"sample_id": "s1", "panel": "nk", "subject_id": "A", "batch": None, "condition": None, "is_control": False}


@pytest.fixture
def tube(make_tube: Callable[..., Tube]) -> Tube:
    """Four channels, two of them scatter."""
    return make_tube({name: [1.0, 2.0] for name in ("FSC-A", "SSC-A", "CD3", "CD8")})


def placed(markers: tuple[str, ...], *bounds: Bound, outcome: str = "found") -> Placed:
    """A rule's outcome."""
    rule = Rule("x", "root", markers, "quadrant", None, "none", None, "lineage")
    return Placed(rule, outcome, Landmark(bounds, "because"), 2 if outcome == "found" else None)


def test_one_row_per_bound(tube: Tube) -> None:
    rows = landmark_rows(
        tube, [placed(("CD3", "CD8"), Bound("CD3", "min", 500.0), Bound("CD8", "max", 90.5))], sample=SAMPLE
    )
    assert all(set(row) == set(LANDMARKS.columns) for row in rows)
    assert [(row["marker"], row["bound"], row["threshold_linear"], row["channel"]) for row in rows] == [
        ("CD3", "min", 500.0, "CD3 detector-A"),
        ("CD8", "max", 90.5, "CD8 detector-A"),
    ]
    assert (rows[0]["top"], rows[0]["scale"], rows[0]["w"], rows[0]["n_parent"]) == (262144.0, "logicle", 1.0, 2)


def test_what_was_read_and_doubted_goes_with_every_row(tube: Tube, tmp_path: Path) -> None:
    """Through the table, to the last digit; nothing read is NA, and so is a file's missing site."""
    rule = Rule("x", "root", ("CD3", "CD8"), "reference_population", None, "subject", None, "lineage")
    measures = {"reference_bulk": 500.1 / 3, "tail_over_bulk": 1.5}
    bounds = (Bound("CD3", "min", 500.0), Bound("CD8", "max", 90.5))
    doubted = Placed(rule, "found", Landmark(bounds, "because", measures, "few clear cells"), 2)
    rows = landmark_rows(tube, [doubted], sample=SAMPLE | {"site": "Lyon"})
    rows += landmark_rows(tube, [placed(("CD3",), Bound("CD3", "min", 5.0))], sample=SAMPLE | {"sample_id": "s2"})
    write_table(tmp_path / "landmarks.tsv", LANDMARKS, rows)
    one, two, other = read_landmarks(read_table(tmp_path / "landmarks.tsv", LANDMARKS))
    assert [json.loads(row["measures"]) for row in (one, two)] == [measures, measures]
    assert {(row["doubt"], row["site"]) for row in (one, two)} == {("few clear cells", "Lyon")}
    assert (other["measures"], other["doubt"], other["site"]) == (None, None, None)
    (gate, *_) = gate_rows([{**one, "source": "found", "pool": "none"}])
    assert gate["doubt"] == "few clear cells"


def test_a_control_has_measures_and_no_bounds(tube: Tube) -> None:
    rule = Rule("x", "root", ("CD3",), "valley", None, "trial", None, "lineage", control=0.998)
    shown = Placed(rule, "not_found", Landmark((), "edge", {"negative_CD3": 300.0}), 500)
    (row,) = landmark_rows(tube, [shown], sample=SAMPLE | {"condition": "FMO-CD3", "is_control": True})
    assert (row["outcome"], row["bound"], row["threshold_linear"]) == ("not_found", None, None)
    assert json.loads(row["measures"]) == {"negative_CD3": 300.0}


def test_one_row_per_marker_where_none_was_found(tube: Tube) -> None:
    rows = landmark_rows(tube, [placed(("CD3", "CD19"), outcome="not_done")], sample=SAMPLE)
    assert [(row["marker"], row["bound"], row["channel"]) for row in rows] == [
        ("CD3", None, "CD3 detector-A"),
        ("CD19", None, None),
    ]
    assert {row["reason"] for row in rows} == {"because"}
    assert rows[0]["n_parent"] is None


def test_both_scales(tube: Tube) -> None:
    """GatingML's logicle of 500 with T=262144, W=1, M=4.5, A=0, by FlowKit."""
    import flowkit as fk
    import numpy as np

    rows = landmark_rows(tube, [placed(("CD3",), Bound("CD3", "min", 500.0))], sample=SAMPLE)
    (row,) = gate_rows([{**one, "source": "found", "pool": "none"} for one in rows])
    assert set(row) == set(AGREED_GATES.columns)
    theirs = float(fk.transforms.LogicleTransform(262144, 1.0, 4.5, 0.0).apply(np.array([[500.0]]))[0, 0])
    assert (row["threshold"], row["threshold_linear"]) == (theirs, 500.0)
    assert row["scale"] == "logicle(T=262144,W=1,M=4.5,A=0)"


def test_shape(tube: Tube) -> None:
    corners = ((1.5, 2.0), (3.0, 0.1), (2.0, 2.0))
    rows = landmark_rows(
        tube, [placed(("FSC-A", "SSC-A"), Bound("FSC-A:SSC-A", "shape", None, corners))], sample=SAMPLE
    )
    (row,) = gate_rows([{**one, "source": "found", "pool": "none"} for one in rows])
    assert (row["marker"], row["channel"], row["bound"], row["scale"]) == (
        "FSC-A:SSC-A",
        "FSC-A:SSC-A",
        "shape",
        "linear",
    )
    assert (row["threshold"], row["threshold_linear"]) == (None, None)
    assert json.loads(row["coordinates"]) == [[1.5, 2.0], [3.0, 0.1], [2.0, 2.0]]


def test_through_the_tables_and_back(tube: Tube, tmp_path: Path) -> None:
    value = 500.1 / 3
    bounds = (Bound("CD3", "min", value), Bound("FSC-A:SSC-A", "shape", None, ((0.1, 1 / 3), (1e-7, 2e5), (3.0, 4.0))))
    rows = landmark_rows(tube, [placed(("CD3",), *bounds)], sample=SAMPLE)
    write_table(tmp_path / "landmarks.tsv", LANDMARKS, rows)
    again = read_landmarks(read_table(tmp_path / "landmarks.tsv", LANDMARKS))
    assert len(again) == 2
    assert all(row in rows for row in again)
    gates = gate_rows([{**one, "source": "found", "pool": "none"} for one in again])
    write_table(tmp_path / "gates.tsv", AGREED_GATES, gates)
    read = read_gates(read_table(tmp_path / "gates.tsv", AGREED_GATES))
    assert set(bounds_of(read)) == set(bounds)
    assert {row["threshold"] for row in read} == {row["threshold"] for row in gates}
