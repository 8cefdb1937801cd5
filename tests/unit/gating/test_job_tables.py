"""One table per job: which count, those that are named or those of the sheet's jobs; and what each job is given."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from cytotrial.columns import Table
from cytotrial.errors import CytotrialError
from cytotrial.gating.job_tables import add_block_argument, job_folder, tables_in, write_by_job
from cytotrial.tables import read_table

SHEET = "sample_id\tfcs\tsubject_id\tvisit\tpanel\nb0\tb.fcs\tB\tW0\tnk\na0\ta.fcs\tA\tW0\tnk\na1\tc.fcs\tA\tW1\tnk\n"
TABLE = Table("counts", ("sample_id", "population"), ("sample_id", "population", "n"))


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """The sheet: subject A with two files, B with one, all of one panel."""
    (tmp_path / "samples.tsv").write_text(SHEET, encoding="utf-8")
    return tmp_path / "samples.tsv"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder of all jobs; one of its subjects has left the sheet."""
    (tmp_path / "work" / "nk" / "GONE").mkdir(parents=True)
    return tmp_path / "work"


def test_tables_are_taken_as_they_are(tmp_path: Path) -> None:
    named = [tmp_path / "z.tsv", tmp_path / "a.tsv"]
    assert tables_in(named, "intake", samples=None) == named


def test_of_a_folder_only_the_sheets_subjects_count(samples: Path, work: Path) -> None:
    found = tables_in([work], "intake", samples=samples)
    assert found == [work / "nk" / "A" / "intake.tsv", work / "nk" / "B" / "intake.tsv"]
    assert found[0].parent == job_folder(work, "nk", "A")


def test_of_a_folder_of_larger_jobs_their_tables_count(samples: Path, work: Path) -> None:
    assert tables_in([work], "intake", samples=samples, subjects_per_job=2) == [work / "nk" / "A_to_B" / "intake.tsv"]


@pytest.mark.parametrize("mixed", [True, False])
def test_a_folder_needs_the_sheet_and_stands_alone(tmp_path: Path, mixed: bool) -> None:
    paths = [tmp_path, tmp_path / "a.tsv"] if mixed else [tmp_path]
    with pytest.raises(CytotrialError, match="expected tables, or one folder and the samples sheet"):
        tables_in(paths, "intake", samples=tmp_path / "samples.tsv" if mixed else None)


def test_one_subject_is_a_job_unless_it_is_said_otherwise() -> None:
    parser = argparse.ArgumentParser()
    add_block_argument(parser)
    assert parser.parse_args([]).subjects_per_job == 1
    assert parser.parse_args(["--subjects-per-job", "7"]).subjects_per_job == 7


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "S001"])
def test_a_job_has_a_whole_number_of_subjects(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_block_argument(parser)
    with pytest.raises(SystemExit) as left:
        parser.parse_args([f"--subjects-per-job={number}"])
    assert left.value.code == 2
    assert f"found '{number}', expected a whole number, 1 or more" in capsys.readouterr().err


# Written.


def rows(*names: str, n: int = 1) -> list[dict[str, Any]]:
    """Two populations of each file."""
    return [{"sample_id": name, "population": one, "n": n} for name in names for one in ("root", "cd3")]


def files_in(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def samples_of(path: Path) -> list[str | None]:
    return [row["sample_id"] for row in read_table(path, TABLE)]


def test_a_table_that_is_named_has_all_rows(tmp_path: Path, samples: Path) -> None:
    write_by_job(tmp_path / "all.tsv", TABLE, rows("a1", "b0", "a0"), name="mine", samples=None)
    assert samples_of(tmp_path / "all.tsv") == ["a0", "a0", "a1", "a1", "b0", "b0"]


def test_a_job_is_given_its_own_rows_and_no_others(samples: Path, work: Path) -> None:
    write_by_job(work, TABLE, rows("b0", "a1", "a0"), name="mine", samples=samples)
    assert set(files_in(work)) == {"nk/A/mine.tsv", "nk/B/mine.tsv"}
    assert samples_of(work / "nk/A/mine.tsv") == ["a0", "a0", "a1", "a1"]
    assert samples_of(work / "nk/B/mine.tsv") == ["b0", "b0"]
    write_by_job(work, TABLE, rows("b0", "a1", "a0"), name="mine", samples=samples, subjects_per_job=2)
    assert samples_of(work / "nk/A_to_B/mine.tsv") == ["a0", "a0", "a1", "a1", "b0", "b0"]


def test_a_job_without_rows_has_an_empty_table(samples: Path, work: Path) -> None:
    """Snakemake misses a file that is not there; and an old one would be believed."""
    write_by_job(work, TABLE, rows("a0", "b0"), name="mine", samples=samples)
    write_by_job(work, TABLE, rows("a0"), name="mine", samples=samples)
    assert (work / "nk/B/mine.tsv").read_text(encoding="utf-8") == "sample_id\tpopulation\tn\n"


def test_same_rows_same_bytes_whatever_changes_beside_them(samples: Path, work: Path) -> None:
    """In any order of rows and of the sheet: Snakemake tells by the bytes whether a job runs again."""
    write_by_job(work, TABLE, rows("a0", "a1", "b0"), name="mine", samples=samples)
    before = files_in(work)
    header, *lines = SHEET.splitlines()
    samples.write_text("\n".join([header, *lines[::-1]]) + "\n", encoding="utf-8")
    write_by_job(work, TABLE, rows("b0", "a1", "a0")[::-1], name="mine", samples=samples)
    assert files_in(work) == before
    write_by_job(work, TABLE, [*rows("a0", "a1"), *rows("b0", n=2)], name="mine", samples=samples)
    after = files_in(work)
    assert {name for name in after if after[name] != before[name]} == {"nk/B/mine.tsv"}


def test_a_folder_to_write_into_needs_the_sheet(work: Path) -> None:
    with pytest.raises(CytotrialError, match="found a folder and no --samples, expected a table, or a folder and"):
        write_by_job(work, TABLE, rows("a0"), name="mine", samples=None)
    assert files_in(work) == {}
