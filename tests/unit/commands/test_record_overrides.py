"""The verb `record-overrides`: a history that is begun, brought up to date, and never cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.cli import main
from cytotrial.columns import OVERRIDE_HISTORY
from cytotrial.tables import read_table

HEADER = "sample_id\tpopulation\tmarker\tbound\tthreshold\treviewer\tdate\treason\n"
ROW = "A0\tcd3\tCD3\tmin\t0.4\tA. Bee\t2026-01-05\ttoo low\n"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Where the history will be."""
    return tmp_path / "tables/override_history.tsv"


def record(history: Path, *rows: str) -> int:
    """The verb on a sheet of these rows; without any, on no sheet."""
    sheet = history.parent.parent / "overrides.tsv"
    sheet.write_text(HEADER + "".join(rows), encoding="utf-8")
    return main(["record-overrides", "--overrides", *([str(sheet)] if rows else []), f"--history={history}"])


def states(history: Path) -> list[tuple[str | None, str | None]]:
    return [(row["threshold"], row["state"]) for row in read_table(history, OVERRIDE_HISTORY)]


def test_no_sheet_makes_a_header(history: Path) -> None:
    assert record(history) == 0
    assert history.read_text(encoding="utf-8") == "\t".join(OVERRIDE_HISTORY.columns) + "\n"
    assert [path.name for path in history.parent.iterdir()] == [history.name]


def test_entries_stay(history: Path) -> None:
    assert record(history, ROW) == 0 and states(history) == [("0.4", "in_force")]
    assert record(history, ROW.replace("0.4", "0.5")) == 0
    assert states(history) == [("0.4", "replaced"), ("0.5", "in_force")]
    assert record(history) == 0
    assert states(history) == [("0.4", "replaced"), ("0.5", "withdrawn")]


def test_a_sheet_with_a_mistake_leaves_the_history_as_it_was(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record(history, ROW) == 0
    before = history.read_bytes()
    assert record(history, ROW.replace("too low", "")) == 2
    assert "row 2: found no reason" in capsys.readouterr().err
    assert history.read_bytes() == before


@pytest.mark.parametrize("spoiled", [b"something\telse\n", b"\xff\xfe\x00"])
def test_a_history_that_is_none_is_not_written_over(
    history: Path, capsys: pytest.CaptureFixture[str], spoiled: bytes
) -> None:
    history.parent.mkdir()
    history.write_bytes(spoiled)
    assert record(history, ROW) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ERROR")]
    assert line.startswith(f"ERROR: {history}: found no ")
    assert line.endswith("put its file back from a copy, or move it away")
    assert history.read_bytes() == spoiled


def test_counts_are_logged(history: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        record(history, ROW, ROW.replace("A0", "B0"))
        record(history, ROW)
    assert caplog.messages == ["2 entries, 2 in_force", "2 entries, 1 in_force, 1 withdrawn"]
