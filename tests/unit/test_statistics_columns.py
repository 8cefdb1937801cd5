"""The tables of the statistics: every one and each of its columns is on its page, under its own heading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cytotrial.statistics_columns import STATISTICS, Table

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
SHARED = {"analysis_set", "arm", "subset", "denominator", "visit", "measure", "scale", "endpoint", "note", "subject_id"}


def section(name: str) -> str:
    """What stands under a table's heading."""
    return re.split(r"(?m)^##+ ", PAGE.read_text(encoding="utf-8").split(f"\n### {name}\n")[1])[0]


@pytest.mark.parametrize("table", STATISTICS, ids=lambda table: table.name)
def test_every_column_is_on_the_page(table: Table) -> None:
    told = section(table.name)
    assert [name for name in table.columns if name not in SHARED and f"`{name}`" not in told] == []


@pytest.mark.parametrize("table", STATISTICS, ids=lambda table: table.name)
def test_no_column_is_on_the_page_that_is_not_in_the_table(table: Table) -> None:
    first_cells = re.findall(r"(?m)^\| (`[^|]*`) \|", section(table.name).split("| column |")[-1])
    told = {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}
    assert told - set(table.columns) == set()


def test_the_page_has_no_other_table() -> None:
    headings = set(re.findall(r"(?m)^### (\S+)$", PAGE.read_text(encoding="utf-8")))
    assert headings == {table.name for table in STATISTICS}


@pytest.mark.parametrize("table", STATISTICS, ids=lambda table: table.name)
def test_keys_come_first_and_columns_once(table: Table) -> None:
    assert table.columns[: len(table.key)] == table.key
    assert len(set(table.columns)) == len(table.columns)
