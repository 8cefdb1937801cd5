"""Read and write the tables: UTF-8, tab, ``NA`` for missing, full precision, sorted by key, one row per key.

Only the standard library is imported, so that the workflow's own parse stays light.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from cytotrial.columns import Table
from cytotrial.errors import CytotrialError, problem

MISSING = "NA"


def write_table(path: Path, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write `rows` as `table`: same rows, same bytes, whatever their order.

    Sorted by the key's cells as text; a column of the key that holds whole numbers alone, by the numbers.

    Raises
    ------
    ValueError
        A row lacks a column, has one too many, or repeats another row's key: a mistake in the
        program, never in the user's data.
    """
    rows = list(rows)
    lines = [_line(table, row) for row in rows]
    numbered = [_is_numbered(row[column] for row in rows) for column in table.key]
    lines.sort(key=lambda line: [int(cell) if is_int else cell for cell, is_int in zip(line[0], numbered, strict=True)])
    for (before, _), (after, _) in itertools.pairwise(lines):
        if before == after:
            raise ValueError(f"{table.name}: two rows have the key {before}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(table.columns)
        writer.writerows(cells for _, cells in lines)


def _is_numbered(values: Iterable[Any]) -> bool:
    return all(isinstance(value, Integral) and not isinstance(value, bool) for value in values)


def _line(table: Table, row: Mapping[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    if set(row) != set(table.columns):
        differ = sorted(set(row) ^ set(table.columns))
        raise ValueError(f"{table.name}: a row's columns differ from the table's in {differ}")
    cells = [format_cell(row[column]) for column in table.columns]
    key = tuple(cells[table.columns.index(column)] for column in table.key)
    return key, cells


def format_cell(value: Any) -> str:
    """One value as text: ``NA`` for missing, shortest digits that give the same float back.

    Examples
    --------
    >>> [format_cell(v) for v in (None, float("nan"), 3, 0.1, "a\\tb", "")]
    ['NA', 'NA', '3', '0.1', 'a b', 'NA']
    """
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's own is no bool
        return "Y" if value else "N"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        return MISSING if math.isnan(number) else repr(number)
    return " ".join(str(value).split()) or MISSING


def read_table(path: Path, table: Table | None = None) -> list[dict[str, str | None]]:
    """Every row as column -> text, ``None`` where the cell is ``NA`` or empty.

    Parameters
    ----------
    table : Table, optional
        The columns that must be there; more are kept.

    Raises
    ------
    CytotrialError
        The file is missing, not UTF-8 text, or lacks columns of `table`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t")
            header = list(reader.fieldnames or ())
            rows = [{k: _missing(v) for k, v in row.items() if k is not None} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CytotrialError(
            problem(
                str(path),
                found=f"no readable table ({error})",
                expected="a tab-separated UTF-8 file",
                remedy="check the path",
            )
        ) from error
    lacking = [column for column in (table.columns if table else ()) if column not in header]
    if lacking:
        raise CytotrialError(
            problem(
                f"{path}, header",
                found=f"no column {', '.join(lacking)}",
                expected=f"the columns of {table.name}.tsv",
                remedy="make the table again",
            )
        )
    return rows


def _missing(cell: str | None) -> str | None:
    return None if cell is None or cell.strip() in ("", MISSING) else cell


def number(cell: str | None) -> float | None:
    """A cell as a float, ``None`` where it is missing."""
    return None if cell is None else float(cell)


def whole(cell: str | None) -> int | None:
    """A cell as an int, ``None`` where it is missing."""
    return None if cell is None else int(cell)
