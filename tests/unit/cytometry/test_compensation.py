"""Spillover: accepted, refused with its reason, and undone with FlowKit's numbers."""

from __future__ import annotations

from pathlib import Path

import flowkit as fk
import numpy as np
import pytest

from cytotrial.cytometry.compensation import Spillover, checked, compensate, find_spillover, read_matrix
from cytotrial.errors import CytotrialError

NAMES = ("FSC-A", "FITC-A", "PE-A", "APC-A", "Time")
GOOD = "2,FITC-A,PE-A,1,0.2,0.1,1"


@pytest.mark.parametrize("keyword", ["$SPILLOVER", "SPILLOVER", "$SPILL", "SPILL"])
def test_every_usual_keyword(keyword: str) -> None:
    found = find_spillover({keyword: GOOD}, NAMES)
    assert found is not None
    assert (found.detectors, found.source) == (("FITC-A", "PE-A"), keyword)
    assert np.array_equal(found.matrix, [[1, 0.2], [0.1, 1]])


def test_standard_keyword_wins() -> None:
    found = find_spillover({"SPILL": "2,FITC-A,PE-A,1,0,0,1", "$SPILLOVER": GOOD}, NAMES)
    assert found is not None
    assert found.matrix[0, 1] == 0.2


@pytest.mark.parametrize("keywords", [{}, {"SPILL": ""}, {"SPILL": "  "}, {"SPILL": "0"}, {"$COMP": GOOD}])
def test_none(keywords: dict[str, str]) -> None:
    assert find_spillover(keywords, NAMES) is None


def test_rows_are_kept_as_rows() -> None:
    """Row spills into column: FITC 0.2 into PE is in FITC's row."""
    found = find_spillover({"SPILL": "3,FITC-A,PE-A,APC-A,1,.2,.3,.4,1,.6,.7,.8,1"}, NAMES)
    assert found is not None
    assert np.array_equal(found.matrix, [[1, 0.2, 0.3], [0.4, 1, 0.6], [0.7, 0.8, 1]])


@pytest.mark.parametrize("text", [GOOD + ",", " 2, FITC-A ,PE-A ,1, 2e-1,.1,1.000 ", GOOD.replace("1,0.2", "1,\n0.2")])
def test_spelling(text: str) -> None:
    found = find_spillover({"SPILL": text}, NAMES)
    assert found is not None
    assert np.array_equal(found.matrix, [[1, 0.2], [0.1, 1]])


def test_detectors_by_number() -> None:
    found = find_spillover({"SPILL": "2,2,4,1,0.2,0.1,1"}, NAMES)
    assert found is not None
    assert found.detectors == ("FITC-A", "APC-A")


def test_names_that_are_numbers_are_names() -> None:
    found = find_spillover({"SPILL": "2,3,2,1,0.2,0.1,1"}, ("1", "2", "3"))
    assert found is not None
    assert found.detectors == ("3", "2")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2,2,6,1,0.2,0.1,1", "SPILL names 2, 6, which the file has not"),
        ("2,FITC-A,PE-H,1,0.2,0.1,1", "SPILL names PE-H, which the file has not"),
        ("2,FITC-A,FITC-A,1,0.2,0.1,1", "SPILL names a detector twice"),
        ("2,FSC-A,PE-A,1,0,0,1", "SPILL names FSC-A, which is no fluorescence detector"),
        ("2,PE-A,Time,1,0,0,1", "SPILL names Time, which is no fluorescence detector"),
        ("2,FITC-A,PE-A,1,0.2,0.1", "SPILL has 3 numbers for 2 detectors, not 4"),
        ("2,FITC-A,PE-A,1,0.2,0.1,1,0.5", "SPILL has 5 numbers for 2 detectors, not 4"),
        ("3,FITC-A,PE-A,1,0.2,0.1,1", "SPILL has 3 numbers for 3 detectors, not 9"),
        ("2,FITC-A,PE-A", "SPILL has 0 numbers for 2 detectors, not 4"),
        ("two,FITC-A,PE-A,1,0,0,1", "SPILL is not a matrix (invalid literal"),
        ("-1,FITC-A", "SPILL is not a matrix (could not convert"),
        ("2,FITC-A,PE-A,1,much,0.1,1", "SPILL is not a matrix (could not convert string to float: 'much')"),
        ("2,FITC-A,PE-A,1,nan,0.1,1", "SPILL holds values that are not numbers"),
        ("2,FITC-A,PE-A,1,inf,0.1,1", "SPILL holds values that are not numbers"),
        ("2,FITC-A,PE-A,1,0.2,0.1,0.9", "SPILL has [1.0, 0.9] on its diagonal, not 1"),
        ("2,FITC-A,PE-A,100,20,10,100", "SPILL has [100.0, 100.0] on its diagonal, not 1"),
        ("2,FITC-A,PE-A,1,2.0,0.1,1", "SPILL has a spill of 2, not below 2"),
        ("2,FITC-A,PE-A,1,1,1,1", "SPILL has condition number"),
        ("2,FITC-A,PE-A,1,0.95,0.95,1", "SPILL has condition number 39, not below 20"),
    ],
)
def test_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="SPILL") as caught:
        find_spillover({"SPILL": text}, NAMES)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize("spill", [0.0, 1.39, 1.99])
def test_real_instruments_large_spill_is_accepted(spill: float) -> None:
    matrix = np.array([[1.0, spill], [0.0, 1.0]])
    assert checked(Spillover(("FITC-A", "PE-A"), matrix, "x"), NAMES).matrix is matrix


# A CSV.


@pytest.mark.parametrize(
    "text",
    [
        "FITC-A,PE-A\n1,0.2\n0.1,1\n",
        ",FITC-A,PE-A\nFITC-A,1,0.2\nPE-A,0.1,1\n",
        "FITC-A,PE-A\nFITC-A,1,0.2\nPE-A,0.1,1\n",
        "\ufeffFITC-A, PE-A\r\n1, 0.2\r\n\r\n0.1, 1\r\n",
    ],
)
def test_csv(tmp_path: Path, text: str) -> None:
    path = tmp_path / "matrix.csv"
    path.write_text(text, encoding="utf-8")
    found = read_matrix(path)
    assert (found.detectors, found.source) == (("FITC-A", "PE-A"), "matrix.csv")
    assert np.array_equal(found.matrix, [[1, 0.2], [0.1, 1]])


@pytest.mark.parametrize(
    "text", ["", "FITC-A,PE-A\n", "FITC-A,PE-A\n1,0.2\n", "FITC-A,PE-A\n1,0.2\n0.1,x\n", "A,B\n1,0\n0,1,2\n", "A\n\n"]
)
def test_csv_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "matrix.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CytotrialError) as caught:
        read_matrix(path)
    assert "matrix.csv: found no usable matrix (" in str(caught.value)


def test_csv_whose_rows_are_in_another_order_than_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "matrix.csv"
    path.write_text(",FITC-A,PE-A\nPE-A,0.1,1\nFITC-A,1,0.2\n", encoding="utf-8")
    with pytest.raises(CytotrialError, match="diagonal"):
        read_matrix(path)


def test_csv_absent(tmp_path: Path) -> None:
    with pytest.raises(CytotrialError, match=r"absent\.csv: found no usable matrix"):
        read_matrix(tmp_path / "absent.csv")


# Undone.


def test_two_detectors_by_hand() -> None:
    """Light 100 in FITC of which 20 show in PE, light 50 in PE of which 5 show in FITC."""
    measured = np.array([[7.0, 100 + 5, 20 + 50, 3.0]])
    spillover = Spillover(("FITC-A", "PE-A"), np.array([[1, 0.2], [0.1, 1]]), "x")
    found = compensate(measured, spillover, ("FSC-A", "FITC-A", "PE-A", "Time"))
    assert found == pytest.approx(np.array([[7.0, 100.0, 50.0, 3.0]]))


def test_detectors_in_another_order_than_the_channels() -> None:
    measured = np.array([[7.0, 100 + 5, 20 + 50, 3.0]])
    spillover = Spillover(("PE-A", "FITC-A"), np.array([[1, 0.1], [0.2, 1]]), "x")
    found = compensate(measured, spillover, ("FSC-A", "FITC-A", "PE-A", "Time"))
    assert found == pytest.approx(np.array([[7.0, 100.0, 50.0, 3.0]]))


def test_nothing_to_undo_is_a_copy() -> None:
    measured = np.ones((3, 2))
    found = compensate(measured, None, ("A", "B"))
    found[0, 0] = 9.0
    assert measured[0, 0] == 1.0


def test_the_raw_events_are_left_as_they_were() -> None:
    measured = np.array([[105.0, 70.0]])
    compensate(measured, Spillover(("A", "B"), np.array([[1, 0.2], [0.1, 1]]), "x"), ("A", "B"))
    assert measured.tolist() == [[105.0, 70.0]]


def test_same_numbers_as_flowkit() -> None:
    rng = np.random.default_rng(3)
    names = ["FSC-A", *(f"D{n}-A" for n in range(6)), "Time"]
    events = rng.normal(1000.0, 3000.0, (500, len(names)))
    matrix = np.eye(5) + np.where(np.eye(5) == 0, rng.uniform(0, 0.3, (5, 5)), 0)
    detectors = tuple(names[index] for index in (3, 1, 2, 6, 4))  # not all of them, not in order
    sample = fk.Sample(events, channel_labels=names, sample_id="x")
    theirs = fk.Matrix(matrix, list(detectors)).apply(sample)
    ours = compensate(sample.get_events(source="raw"), Spillover(detectors, matrix, "x"), names)
    print("largest difference from FlowKit's Matrix.apply:", np.abs(ours - theirs).max())
    assert np.array_equal(ours, theirs)
    untouched = [names.index(name) for name in ("FSC-A", "D4-A", "Time")]
    assert np.array_equal(ours[:, untouched], sample.get_events(source="raw")[:, untouched])
