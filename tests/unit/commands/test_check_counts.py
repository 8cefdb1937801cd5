"""The verb `check-counts`: FlowKit gates some files again, and one event more or less ends the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cytotrial.columns import GATING_CHECK
from cytotrial.commands.check_counts import chosen
from cytotrial.commands.gated_files import CountedFile
from cytotrial.cytometry.scale import Scale
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.strategy import Strategy
from cytotrial.study.samples import Sample
from cytotrial.tables import read_table


def check(trial: Any, out: Path, *, percent: float = 100) -> int:
    """The verb."""
    return trial.verb("check-counts", *trial.of_all(), f"--percent={percent}", f"--out={out}")


def counted(trial: Any) -> dict[tuple[str, str], str]:
    """Every count of the trial's tables as text, by file and population."""
    return {
        (str(row["sample_id"]), str(row["population"])): str(row["n_events"])
        for path in trial.work.glob("*/*/populations.tsv")
        for row in read_table(path)
        if row["n_events"] is not None
    }


def plant(trial: Any, sample: str, population: str, *, more: int) -> tuple[int, int]:
    """Change one count in the tables: what it is now, and what it was."""
    (path,) = [one for one in trial.work.glob("*/*/populations.tsv") if f"{sample}\t{population}\t" in one.read_text()]
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    at = header.split("\t").index("n_events")
    for number, row in enumerate(rows):
        cells = row.split("\t")
        if cells[:2] == [sample, population]:
            was = int(cells[at])
            cells[at] = str(was + more)
            rows[number] = "\t".join(cells)
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return was + more, was


def test_every_count_is_flowkits(counted_trial: Any, tmp_path: Path) -> None:
    """The table has both numbers of every population; a file that failed is none of it."""
    assert check(counted_trial, tmp_path / "check.tsv") == 0
    rows = read_table(tmp_path / "check.tsv", GATING_CHECK)
    expected = counted(counted_trial)
    assert {(row["sample_id"], row["population"]): row["n_events"] for row in rows} == expected
    assert [row["n_events_flowkit"] for row in rows] == [row["n_events"] for row in rows]
    assert {name for name, _ in expected} == {*counted_trial.names("treg"), *counted_trial.names("nk")}
    assert len(rows) > 5 * 8


@pytest.mark.parametrize("more", [1, -1])
def test_one_event_more_or_less_ends_the_run(
    counted_trial: Any, more: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line with both numbers, and no traceback; the table is there to be looked at."""
    trial = counted_trial.copy_to(tmp_path / "trial")
    now, was = plant(trial, "S001_W10_nk", "nk", more=more)
    assert check(trial, tmp_path / "check.tsv") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"ERROR: S001_W10_nk, nk: found {now} events counted, expected {was}, as FlowKit counts; do not use"
    )
    told = {(row["sample_id"], row["population"]): row for row in read_table(tmp_path / "check.tsv", GATING_CHECK)}
    row = told["S001_W10_nk", "nk"]
    assert (row["n_events"], row["n_events_flowkit"]) == (str(now), str(was))


def test_every_wrong_count_is_named(counted_trial: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = counted_trial.copy_to(tmp_path / "trial")
    planted = [("S001_W10_nk", "cd3"), ("S001_W10_nk", "nk"), ("S002_W0_treg", "treg"), ("S001_W0_nk", "root")]
    for sample, population in planted:
        plant(trial, sample, population, more=7)
    assert check(trial, tmp_path / "check.tsv") == 2
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.partition(": found")[0] for line in lines) == sorted(f"ERROR: {a}, {b}" for a, b in planted)


def test_a_gate_that_is_not_in_the_ledger_as_it_was_applied(counted_trial: Any, tmp_path: Path) -> None:
    """The ledger says where gates are: a count that another threshold gave is found out too."""
    trial = counted_trial.copy_to(tmp_path / "trial")
    path = trial.work / "treg/S001/gates.tsv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    at = header.split("\t").index("threshold")
    cells = [row.split("\t") for row in rows]
    for row in cells:
        if row[1:4] == ["cd3", "CD3", "min"]:
            row[at] = repr(float(row[at]) + 0.05)
    path.write_text("\n".join([header, *("\t".join(row) for row in cells), ""]), encoding="utf-8")
    assert check(trial, tmp_path / "check.tsv") == 2


@pytest.mark.parametrize("table", ["gates", "populations"])
def test_a_population_that_only_one_has_counted(
    counted_trial: Any, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gate that the ledger lacks, or a count."""
    trial = counted_trial.copy_to(tmp_path / "trial")
    path = trial.work / f"nk/S002/{table}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(one for one in lines if "\tcd56bright_nk\t" not in one) + "\n", encoding="utf-8")
    assert check(trial, tmp_path / "check.tsv") == 2
    (line,) = capsys.readouterr().err.splitlines()
    n = counted(counted_trial)["S002_W0_nk", "cd56bright_nk"]
    ours, theirs = (n, "NA") if table == "gates" else ("NA", n)
    assert f"S002_W0_nk, cd56bright_nk: found {ours} events counted, expected {theirs}, as FlowKit counts" in line


@pytest.mark.parametrize("percent", [0, 1, 34])
def test_a_share_of_the_files_of_each_panel(counted_trial: Any, percent: float, tmp_path: Path) -> None:
    """At least one; of three files 34 % are two, for a part of a file counts as one."""
    assert check(counted_trial, tmp_path / "check.tsv", percent=percent) == 0
    names = {str(row["sample_id"]) for row in read_table(tmp_path / "check.tsv", GATING_CHECK)}
    shares = {panel: len(names & set(counted_trial.names(panel))) for panel in ("treg", "nk")}
    assert shares == ({"treg": 1, "nk": 2} if percent == 34 else {"treg": 1, "nk": 1})


def test_the_same_files_whatever_the_sheets_order(counted_trial: Any, tmp_path: Path) -> None:
    trial = counted_trial.copy_to(tmp_path / "trial")
    trial.write_sheet(reverse=True)
    for one, out in ((counted_trial, "one.tsv"), (trial, "two.tsv")):
        assert check(one, tmp_path / out, percent=1) == 0
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()


# Which files.


def files(names: Sequence[str], *, panel: str = "nk", drawn: bool = False) -> list[CountedFile]:
    """Counted files as far as the choice looks at them."""
    strategy = Strategy("made", Scale(), ())
    if drawn:
        values = {field.name: None for field in dataclasses.fields(DrawnStrategy)}
        strategy = DrawnStrategy(**values)
    return [
        CountedFile(Sample(name, "f", "S", "W0", panel, None, None, None, None, 2), None, strategy, [], {}, "")
        for name in names
    ]


def ids(found: Sequence[CountedFile]) -> list[str]:
    return [one.sample.sample_id for one in found]


NAMES = [f"S{subject:03}_{visit}" for subject in range(1, 51) for visit in ("W0", "W2", "W10", "W12")]


@pytest.mark.parametrize(("percent", "expected"), [(0.0, 1), (2.0, 4), (2.1, 5), (50.0, 100), (100.0, 200)])
def test_how_many(percent: float, expected: int) -> None:
    assert len(set(ids(chosen(files(NAMES), percent)))) == expected


def test_no_files_no_choice() -> None:
    assert chosen([], 2.0) == []


def test_the_choice_is_of_the_names_alone() -> None:
    """Not of their order; one that joins the trial takes at most one other's place."""
    before = ids(chosen(files(NAMES), 10.0))
    assert ids(chosen(files(NAMES[::-1]), 10.0)) == before
    assert len(set(before) - set(ids(chosen(files([*NAMES, "new"]), 10.0)))) <= 1


def test_the_choice_follows_no_visit_and_no_subject() -> None:
    """20 of 200 files: all four visits, and many subjects."""
    found = [name.split("_") for name in ids(chosen(files(NAMES), 10.0))]
    assert {visit for _, visit in found} == {"W0", "W2", "W10", "W12"}
    assert len({subject for subject, _ in found}) > 14


def test_every_panel_and_no_drawn_strategy() -> None:
    """FlowKit has counted those in the first place."""
    mixed = [*files(NAMES[:3]), *files(["t1", "t2"], panel="treg"), *files(["d1", "d2"], panel="drawn", drawn=True)]
    found = ids(chosen(mixed, 1.0))
    assert len(found) == 2
    assert {"t1", "t2"} & set(found) and set(NAMES[:3]) & set(found)
    assert chosen(files(["d1"], drawn=True), 100.0) == []
