"""Tables: what is written is read back, to the last digit, in one order."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.columns import Table
from cytotrial.errors import CytotrialError
from cytotrial.tables import format_cell, number, read_table, whole, write_table

TABLE = Table("made", ("a", "b"), ("a", "b", "value"))


def row(a: str, b: str = "x", value: Any = None) -> dict[str, Any]:
    """A row of `TABLE`."""
    return {"a": a, "b": b, "value": value}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NA"),
        (math.nan, "NA"),
        (np.nan, "NA"),
        ("", "NA"),
        ("   ", "NA"),
        (True, "Y"),
        (False, "N"),
        (np.True_, "Y"),
        (np.False_, "N"),
        (0, "0"),
        (-3, "-3"),
        (10**18, "1000000000000000000"),
        (np.int64(7), "7"),
        (0.0, "0.0"),
        (0.1, "0.1"),
        (1e-300, "1e-300"),
        (1 / 3, "0.3333333333333333"),
        (np.float64(0.1), "0.1"),
        (math.inf, "inf"),
        ("a\tb\n c", "a b c"),
        ("naïve µ", "naïve µ"),
        (Decimal("1.5"), "1.5"),
    ],
)
def test_cell(value: Any, text: str) -> None:
    assert format_cell(value) == text


@given(st.floats(allow_nan=False))
def test_floats_come_back_exactly(value: float) -> None:
    assert number(format_cell(value)) == value


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "made.tsv"
    write_table(path, TABLE, [row("s2", value=1 / 3), row("s1", value=None), row("s1", "w", value='say "7"\tor 8')])
    assert path.read_bytes() == (b'a\tb\tvalue\ns1\tw\t"say ""7"" or 8"\ns1\tx\tNA\ns2\tx\t0.3333333333333333\n')
    assert read_table(path, TABLE) == [
        {"a": "s1", "b": "w", "value": 'say "7" or 8'},
        {"a": "s1", "b": "x", "value": None},
        {"a": "s2", "b": "x", "value": "0.3333333333333333"},
    ]


def test_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    rows = [row(f"s{n}", value=n / 7) for n in range(20)]
    write_table(tmp_path / "one.tsv", TABLE, rows)
    write_table(tmp_path / "other.tsv", TABLE, reversed(rows))
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "other.tsv").read_bytes()


def test_sorted_by_the_whole_key(tmp_path: Path) -> None:
    write_table(tmp_path / "t.tsv", TABLE, [row("s10"), row("s2", "b"), row("s2", "a"), row("S1")])
    assert [(r["a"], r["b"]) for r in read_table(tmp_path / "t.tsv")] == [
        ("S1", "x"), ("s10", "x"), ("s2", "a"), ("s2", "b"),
    ]  # fmt: skip


def test_whole_numbers_sort_as_numbers_and_the_same_as_text_as_text(tmp_path: Path) -> None:
    numbers = (10, 2, np.int64(1), -3)
    for name, rows, order in (
        ("numbers", [row("s", n) for n in numbers], ["-3", "1", "2", "10"]),
        ("text", [row("s", str(n)) for n in numbers], ["-3", "1", "10", "2"]),
        ("both", [row("s", n) for n in (*numbers, "7")], ["-3", "1", "10", "2", "7"]),
        ("truths", [row("s", n) for n in (True, False)], ["N", "Y"]),
    ):
        write_table(tmp_path / name, TABLE, iter(rows))
        assert [r["b"] for r in read_table(tmp_path / name)] == order, name


def test_no_rows(tmp_path: Path) -> None:
    write_table(tmp_path / "t.tsv", TABLE, [])
    assert (tmp_path / "t.tsv").read_text() == "a\tb\tvalue\n"
    assert read_table(tmp_path / "t.tsv", TABLE) == []


@pytest.mark.parametrize("first", ["s1", 1])
def test_two_rows_of_one_key(tmp_path: Path, first: Any) -> None:
    with pytest.raises(ValueError, match="two rows have the key"):
        write_table(tmp_path / "t.tsv", TABLE, [row(first, value=1), row(str(first), value=2)])
    assert not (tmp_path / "t.tsv").exists()


@pytest.mark.parametrize("wrong", [{"a": 1, "b": 2}, {"a": 1, "b": 2, "value": 3, "more": 4}])
def test_columns_that_are_not_the_tables(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"made: a row's columns differ from the table's in \['(value|more)'\]"):
        write_table(tmp_path / "t.tsv", TABLE, [wrong])


def test_reads_what_others_write(tmp_path: Path) -> None:
    """A spreadsheet's byte order mark, its line ends, blank cells, a short row, a column more."""
    (tmp_path / "t.tsv").write_bytes("\ufeffa\tb\tvalue\tmore\r\ns1\t\t NA \t1\r\ns2\tx\r\n".encode())
    assert read_table(tmp_path / "t.tsv", TABLE) == [
        {"a": "s1", "b": None, "value": None, "more": "1"},
        {"a": "s2", "b": "x", "value": None, "more": None},
    ]


def test_lacking_columns(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("a\tvalues\n")
    with pytest.raises(
        CytotrialError, match=r"t\.tsv, header: found no column b, value, expected the columns of made\.tsv"
    ):
        read_table(tmp_path / "t.tsv", TABLE)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00a", b""])
def test_unreadable(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(CytotrialError, match=r"t\.tsv(, header)?: found no (readable table|column)"):
        read_table(tmp_path / "t.tsv", TABLE)


def test_cell_of_unheard_of_length(tmp_path: Path) -> None:
    """csv's own limit is no traceback either."""
    (tmp_path / "t.tsv").write_text("a\tb\tvalue\ns1\tx\t" + "9" * 200_000 + "\n")
    with pytest.raises(CytotrialError, match="no readable table"):
        read_table(tmp_path / "t.tsv", TABLE)


def test_numbers() -> None:
    assert (number(None), number("1e3"), whole(None), whole("12")) == (None, 1000.0, None, 12)
