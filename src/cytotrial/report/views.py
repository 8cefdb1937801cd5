"""What the templates show: tables as headings and cells, already in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cytotrial.report.numbers import Cell

Row = Mapping[str, str | None]


@dataclass(frozen=True)
class Column:
    """A heading, what it means (shown on hovering), and whether it holds numbers, or sentences."""

    label: str
    title: str = ""
    numeric: bool = True
    wide: bool = False

    @property
    def css(self) -> str:
        """Style classes of the heading."""
        return " ".join([*([] if self.numeric else ["w"]), *(["wide"] if self.wide else [])])


@dataclass(frozen=True)
class Group:
    """Rows under one sub-heading; no sub-heading where it is empty."""

    heading: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class TableView:
    """A table as the page shows it, and the file its numbers are from."""

    caption: str
    source: str
    columns: Sequence[Column]
    groups: Sequence[Group]

    @property
    def text_columns(self) -> str:
        """Style classes that name the columns of text by their place: ``w1 w3``."""
        return " ".join(f"w{i}" for i, column in enumerate(self.columns, 1) if not column.numeric)

    @property
    def n_rows(self) -> int:
        """Rows of all groups."""
        return sum(len(group.rows) for group in self.groups)


def words(*texts: str) -> list[Cell]:
    """Cells of plain text."""
    return [Cell(text) for text in texts]


def flat(rows: Sequence[Sequence[Cell]]) -> list[Group]:
    """Rows without sub-headings."""
    return [Group("", rows)]


def plural(count: int, word: str) -> str:
    """A count and its word.

    Examples
    --------
    >>> plural(1, "file"), plural(0, "file"), plural(2, "test")
    ('1 file', '0 files', '2 tests')
    """
    return f"{count} {word}{'' if count == 1 else 's'}"
