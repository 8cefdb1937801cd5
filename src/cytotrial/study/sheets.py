"""Read one tab-separated sheet as a spreadsheet program saves it, telling every mistake with its row."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.documents import load_schema, near_file, schema_problems
from cytotrial.errors import did_you_mean, problem
from cytotrial.tables import MISSING

FOREIGN = {  # how files begin that a spreadsheet program saves when it is not told otherwise
    b"PK\x03\x04": "an Excel or LibreOffice workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
SAVE_AS = "save the sheet as tab-separated text, UTF-8"


@dataclass(frozen=True)
class Row:
    """One row: its number as a spreadsheet shows it (the header is row 1) and its filled cells, stripped."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """What could be read, and every mistake and doubt found on the way.

    `rows` have the right form; `broken` rows do not, and are kept so that nobody is said to be missing on
    their account.
    """

    header: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    broken: tuple[Row, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def column(self, name: str) -> frozenset[str]:
        """Every value of a column, those of broken rows too."""
        return frozenset(row.cells[name] for row in (*self.rows, *self.broken) if name in row.cells)


def read_sheet(
    path: Path,
    schema_name: str,
    *,
    yes_no: Sequence[str] = (),
    may_be_empty: bool = False,
    only: Callable[[Mapping[str, str]], bool] | None = None,
) -> Sheet:
    """The sheet at `path`, each row held against its JSON Schema; never raises for the user's errors.

    Parameters
    ----------
    schema_name : str
        ``samples``, ``subjects``, ``outcomes`` or ``overrides``.
    yes_no : sequence of str
        Columns that must be there with ``Y`` or ``N`` in every row.
    may_be_empty : bool
        A header without rows is no mistake.
    only : function of a row's filled cells, optional
        The rows that matter; the others are not looked at.

    Notes
    -----
    Tolerated: a byte-order mark, CRLF, blank rows, spaces around cells, empty cells beyond the header,
    quoted cells, further columns. An empty cell and ``NA`` are both missing.
    """
    text, problems = _text(path)
    if problems:
        return Sheet(problems=tuple(problems))
    records, problems = _records(text, path)
    if not records:
        return Sheet(problems=tuple(problems))
    header = tuple(records[0][1])
    schema = _schema(schema_name, yes_no)
    header_problems, warnings = _examine_header(header, schema, path)
    if header_problems:
        return Sheet(header, problems=(*header_problems, *problems), warnings=tuple(warnings))
    if may_be_empty and len(records) == 1:
        return Sheet(header, warnings=tuple(warnings))
    rows, broken, row_problems = _rows(header, records[1:], schema, path, only)
    return Sheet(header, rows, broken, (*problems, *row_problems), tuple(warnings))


def _text(path: Path) -> tuple[str, list[str]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        found, remedy = f"no readable file ({error.strerror})", f"check the path{near_file(path)}"
        return "", [problem(str(path), found=found, expected="a sheet", remedy=remedy)]
    foreign = next((kind for start, kind in FOREIGN.items() if content.startswith(start)), None)
    if foreign:
        return "", [problem(str(path), found=foreign, expected="tab-separated UTF-8 text", remedy=SAVE_AS)]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{content[error.start]:02x}, which is not UTF-8"
        return "", [problem(f"{path}, row {row}", found=found, expected="UTF-8 text", remedy=SAVE_AS)]
    return text.replace("\r\n", "\n").replace("\r", "\n"), []


def _records(text: str, path: Path) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Numbered rows of stripped cells; blank rows count but are left out."""
    records: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    try:
        for number, record in enumerate(reader, start=1):
            cells = [cell.strip() for cell in record]
            if any(cells):
                records.append((number, cells))
    except csv.Error as error:
        where = f"{path}, after row {records[-1][0] if records else 0}"
        remedy = 'remove the stray quotation mark (")'
        return [], [problem(where, found=f"a broken row ({error})", expected="cells in tabs", remedy=remedy)]
    if not records:
        found, wanted = "an empty file", "a header and rows"
        return [], [problem(str(path), found=found, expected=wanted, remedy="fill the sheet")]
    return records, []


def _schema(name: str, yes_no: Sequence[str]) -> dict[str, Any]:
    schema = load_schema(name)
    for column in yes_no:
        schema["properties"][column] = {"description": "Y or N", "enum": ["Y", "N"]}
    # The cells that must be filled; the columns that must be there.
    for kind in ("required", "x-required-columns"):
        names = schema.get(kind, schema["required"])
        schema[kind] = [*names, *(name for name in yes_no if name not in names)]
    return schema


def _examine_header(header: Sequence[str], schema: Mapping[str, Any], path: Path) -> tuple[list[str], list[str]]:
    where, known, needed = f"{path}, row 1", list(schema["properties"]), schema["x-required-columns"]
    separator = next((mark for mark in ",;|" if len(header) == 1 and mark in header[0]), None)
    if separator:
        found = f"columns separated by {separator!r}"
        return [problem(where, found=found, expected="tabs between the columns", remedy=SAVE_AS)], []
    problems = [
        problem(
            where,
            found=f"the column {name!r} {times} times",
            expected="each column once",
            remedy="rename one",
        )
        for name, times in Counter(name for name in header if name).items()
        if times > 1
    ]
    for column in needed:
        if column not in header:
            near = did_you_mean(column, [name for name in header if name not in known])
            found = f"no column {column!r}{near.replace('did you mean', 'is it')}"
            wanted = f"the columns {', '.join(needed)}"
            problems.append(problem(where, found=found, expected=wanted, remedy="add or rename the column"))
    optional = [name for name in known if name not in header and name not in needed]
    warnings = [
        problem(
            where,
            found=f"the column {name!r}{near}",
            expected=f"one of {', '.join(known)}",
            remedy="it is ignored",
        )
        for name in header
        if name not in known and (near := did_you_mean(name, optional))
    ]
    return problems, warnings


def _rows(
    header: Sequence[str],
    records: Sequence[tuple[int, list[str]]],
    schema: Mapping[str, Any],
    path: Path,
    only: Callable[[Mapping[str, str]], bool] | None,
) -> tuple[tuple[Row, ...], tuple[Row, ...], list[str]]:
    if not records:
        return (
            (),
            (),
            [problem(str(path), found="a header and no rows", expected="rows", remedy="fill the sheet")],
        )
    rows, broken, problems = [], [], []
    for number, cells in records:
        where = f"{path}, row {number}"
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if len(cells) != len(header):
            found, wanted = f"{len(cells)} cells", f"{len(header)} as in the header"
            problems.append(problem(where, found=found, expected=wanted, remedy="look for a missing or extra tab"))
            continue
        filled = {name: cell for name, cell in zip(header, cells, strict=True) if cell not in ("", MISSING)}
        if only is not None and not only(filled):
            continue
        wrong = schema_problems(filled, schema, where=where)
        problems.extend(wrong)
        (broken if wrong else rows).append(Row(number, filled))
    return tuple(rows), tuple(broken), problems
