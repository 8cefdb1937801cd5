"""The sheets: what spreadsheet programs do to them, and what is refused with its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cytotrial.errors import CytotrialError
from cytotrial.study.outcomes import Outcome, read_outcomes
from cytotrial.study.samples import Sample, read_samples
from cytotrial.study.sheets import read_sheet

HEADER = "sample_id\tfcs\tsubject_id\tvisit\tpanel"
FIRST = "A0\tfcs/A 0.fcs\tS1\tW0\ttreg"
FULL = f"{HEADER}\tcondition\tbatch\treplicate\tlymphocytes_per_ul\tnote"


def _sheet(folder: Path, content: str | bytes) -> Path:
    path = folder / "samples.tsv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_full_row(tmp_path: Path) -> None:
    path = _sheet(tmp_path, f"{FULL}\tsite\n{FIRST}\tCEF\tlot 7\t2\t1234.5\tkept out\tBJ 1\n")
    (sample,) = read_samples(path)
    assert sample == Sample("A0", "fcs/A 0.fcs", "S1", "W0", "treg", "CEF", "lot 7", "2", 1234.5, row=2, site="BJ 1")


def test_empty_and_na_are_missing_not_zero(tmp_path: Path) -> None:
    sample = read_samples(_sheet(tmp_path, f"{FULL}\n{FIRST}\t\tNA\t  \t\t\n"))[0]
    assert (sample.condition, sample.batch, sample.replicate, sample.lymphocytes_per_ul) == (None,) * 4


PLAIN = f"{HEADER}\n{FIRST}\nB0\tb.fcs\tS2\tW0\ttreg\n"
TOLERATED = {
    "byte-order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "CR": PLAIN.replace("\n", "\r").encode(),
    "no last line end": PLAIN.rstrip("\n").encode(),
    "trailing blank lines": (PLAIN + "\n\n \t \n\t\t\t\t\n").encode(),
    "surrounding spaces": PLAIN.replace("\t", " \t\u00a0").encode(),
    "trailing tabs": PLAIN.replace("\n", "\t\t\n").encode(),
    "quoted cells": PLAIN.replace("S1", '"S1"').encode(),
}


@pytest.mark.parametrize("form", TOLERATED)
def test_forms_that_make_no_difference(tmp_path: Path, form: str) -> None:
    samples = read_samples(_sheet(tmp_path, TOLERATED[form]))
    assert [(s.sample_id, s.fcs, s.subject_id, s.row) for s in samples] == [
        ("A0", "fcs/A 0.fcs", "S1", 2),
        ("B0", "b.fcs", "S2", 3),
    ]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    path = _sheet(tmp_path, f"{HEADER}\n{FIRST}\n\n\t\t\t\t\nB0\tb.fcs\tS2\tW0\ttreg\n")
    assert [sample.row for sample in read_samples(path)] == [2, 5]


MISTAKES = {
    "commas": (PLAIN.replace("\t", ","), "row 1: found columns separated by ','.*tab-separated"),
    "semicolons": (PLAIN.replace("\t", ";"), "row 1: found columns separated by ';'"),
    "column twice": (FULL.replace("note", "visit") + "\n", "row 1: found the column 'visit' 2 times"),
    "column missing": (
        PLAIN.replace("panel", "panels", 1),
        r"row 1: found no column 'panel' \(is it 'panels'\?\)",
    ),
    "column in capitals": (
        PLAIN.replace("visit", "Visit", 1),
        r"found no column 'visit' \(is it 'Visit'\?\)",
    ),
    "cell too many": (f"{HEADER}\n{FIRST}\tx\n", "row 2: found 6 cells, expected 5 as in the header"),
    "cell too few": (f"{HEADER}\n{FIRST}\nB0\tb.fcs\tS2\n", "row 3: found 3 cells, expected 5"),
    "empty cell": (
        PLAIN.replace("\tW0", "\t", 1),
        "row 2: found no visit, expected visit: a visit of the config",
    ),
    "NA as an id": (PLAIN.replace("A0", "NA", 1), "row 2: found no sample_id"),
    "slash in an id": (
        PLAIN.replace("A0", "A/0", 1),
        "row 2, sample_id: found 'A/0', expected a sample id of letters",
    ),
    "space in an id": (
        PLAIN.replace("\tS1", "\tS 1", 1),
        "row 2, subject_id: found 'S 1', expected a subject id",
    ),
    "parent folder": (PLAIN.replace("A0", "..", 1), "row 2, sample_id: found '..'"),
    "umlaut in an id": (PLAIN.replace("A0", "Ä0", 1), "row 2, sample_id: found 'Ä0'"),
    "decimal comma": (
        f"{FULL}\n{FIRST}\t\t\t\t12,5\t\n",
        "row 2, lymphocytes_per_ul: found '12,5'.*decimal point",
    ),
    "infinite": (f"{FULL}\n{FIRST}\t\t\t\tinf\t\n", "lymphocytes_per_ul: found 'inf', expected a number"),
    "negative": (f"{FULL}\n{FIRST}\t\t\t\t-1\t\n", "lymphocytes_per_ul: found '-1'"),
    "header alone": (f"{HEADER}\n\n", "found a header and no rows"),
    "nothing": ("", "found an empty file"),
    "quoted nothing": ('""', "found an empty file"),
    "blank lines": ("\n \n\n", "found an empty file"),
    "latin-1": (PLAIN.encode() + b"M\xfcller\t\t\t\t\n", "row 4: found the byte 0xfc, which is not UTF-8"),
    "UTF-16": (PLAIN.encode("utf-16"), "found UTF-16 text, expected tab-separated UTF-8"),
    "workbook": (b"PK\x03\x04rest", "found an Excel or LibreOffice workbook"),
    "open quotation mark": (
        PLAIN.replace("\tS1", '\t"S1'),
        r"after row 1: found a broken row \(unexpected end",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_one_sentence(tmp_path: Path, mistake: str) -> None:
    content, said = MISTAKES[mistake]
    path = _sheet(tmp_path, content)
    with pytest.raises(CytotrialError, match=said) as caught:
        read_samples(path)
    assert len(caught.value.problems) == 1, caught.value.problems
    assert caught.value.problems[0].startswith(str(path))


def test_every_row_is_told_of_at_once(tmp_path: Path) -> None:
    path = _sheet(tmp_path, f"{HEADER}\nA/0\ta\tS1\tW0\ttreg\nA1\t\tS1\tW0\ttreg\nA2\ta\n")
    with pytest.raises(CytotrialError) as caught:
        read_samples(path)
    assert [text.split(": found")[0].split(", ", 1)[1] for text in caught.value.problems] == [
        "row 2, sample_id",
        "row 3",
        "row 4",
    ]


def test_a_column_that_looks_mistyped_is_a_doubt(tmp_path: Path) -> None:
    sheet = read_sheet(_sheet(tmp_path, f"{HEADER}\tconditon\n{FIRST}\tCEF\n"), "samples")
    assert sheet.problems == ()
    assert len(sheet.warnings) == 1 and "'conditon' (did you mean 'condition'?)" in sheet.warnings[0]


def test_a_missing_sheet_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "samples.tsv").touch()
    with pytest.raises(CytotrialError, match=r"did you mean 'samples.tsv'"):
        read_samples(tmp_path / "sample.tsv")
    with pytest.raises(CytotrialError, match="no readable file"):
        read_samples(tmp_path)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("FMO-CD25", True),
        ("fmo", True),
        ("single-stain-PE", True),
        ("SingleStain", True),
        ("Unstained", True),
        ("unstimulated", False),
        ("CEF", False),
        (None, False),
    ],
)
def test_staining_controls(condition: str | None, expected: bool) -> None:
    assert Sample("A", "a", "S", "W0", "p", condition, None, None, None, 2).is_control is expected


def test_outcomes(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.tsv"
    path.write_text("subject_id\tvisit\tendpoint\tvalue\nS1\tW0\tSRI4\t1\nS1\tW0\tSLEDAI\t-2.5\nS2\tW0\tSRI4\t\n")
    assert read_outcomes(path) == (
        Outcome("S1", "W0", "SRI4", 1.0),
        Outcome("S1", "W0", "SLEDAI", -2.5),
        Outcome("S2", "W0", "SRI4", None),
    )
    path.write_text("subject_id\tvisit\tendpoint\tvalue\nS1\tW0\tSRI4\tyes\nS1\tW0\tX\t1\nS1\tW0\tX\t0\n")
    with pytest.raises(CytotrialError) as caught:
        read_outcomes(path)
    assert "row 2, value: found 'yes', expected 0, 1 or a number" in caught.value.problems[0]
    assert "row 4: found S1, W0, X, which is also in row 3" in caught.value.problems[1]
    path.write_text("subject_id\tvisit\tendpoint\nS1\tW0\tSRI4\n")
    with pytest.raises(CytotrialError, match="found no column 'value'"):
        read_outcomes(path)


def test_the_oracle_outcomes_are_read() -> None:
    path = Path(__file__).resolve().parents[4] / "shared" / "oracle" / "outcomes.tsv"
    if not path.is_file():
        pytest.skip("the statistics oracle is not beside this checkout")
    outcomes = read_outcomes(path)
    print(len(outcomes), "outcomes,", sum(o.value is None for o in outcomes), "missing")
    assert len(outcomes) == len(path.read_text().splitlines()) - 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60) | st.text('\t\n\r",;aA0 .\ufeff', max_size=60).map(str.encode))
def test_no_bytes_make_it_fall_over(tmp_path: Path, content: bytes) -> None:
    for lead in (b"", f"{HEADER}\n".encode()):
        sheet: Any = read_sheet(_sheet(tmp_path, lead + content), "samples")
        assert sheet.problems or sheet.rows
