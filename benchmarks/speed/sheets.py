"""Sheets and tables as text, with the standard library alone."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

Row = dict[str, str]


def read_sheet(path: Path) -> tuple[list[str], list[Row]]:
    """Head and rows of a tab-separated file."""
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        rows = list(reader)
        return list(reader.fieldnames or []), rows


def write_sheet(path: Path, head: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows as a tab-separated file."""
    lines = ["\t".join(head), *("\t".join(row[name] for name in head) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
