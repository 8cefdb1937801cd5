"""A gate moved by hand: what runs again, what changes, what stands beside it, and what the history keeps."""

from __future__ import annotations

import html
import re
import subprocess
from dataclasses import dataclass
from typing import Any

import flowkit as fk
import pytest

pytestmark = pytest.mark.slow

SHEET, CONFIG = "config/overrides.tsv", "config/config.yaml"
COLUMNS = "sample_id pool panel population marker bound threshold threshold_linear reviewer date reason"
HISTORY = "results/tables/override_history.tsv"
SAMPLE, OTHER = "S002_W10_treg", "S002_W0_treg"
REASON = "cuts through the Treg; see the picture"
ROW = {
    "sample_id": SAMPLE,
    "population": "treg",
    "marker": "CD25",
    "bound": "min",
    "reviewer": "A. Bee",
    "date": "2026-01-05",
    "reason": REASON,
}


@dataclass
class Moves:
    """The good run's trial with an overrides sheet, run again after each change of it."""

    trial: Any
    run: Any
    done: subprocess.CompletedProcess[str] | None = None

    def move(self, *rows: dict[str, str]) -> set[str]:
        """Write the sheet, run, and say which results were made again."""
        self.trial.write_rows(SHEET, [{name: row.get(name, "") for name in COLUMNS.split()} for row in rows])
        return self.again()

    def again(self) -> set[str]:
        before = self.seen()
        self.done = self.run(self.trial.root)
        after = self.seen()
        return {name for name in after if before.get(name) != after[name]}

    def seen(self) -> dict[str, int]:
        """Every table, picture and document of the results with its time of change."""
        folder = self.trial.path("results")
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".log")
        return {
            path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
            for path in files
            if not path.name.startswith(".")
        }

    def row(self, table: str, **cells: str) -> dict[str, str]:
        """The one row of a table with these cells."""
        (row,) = [one for one in self.trial.rows(f"results/tables/{table}.tsv") if one.items() >= cells.items()]
        return row


@pytest.fixture(scope="module")
def moves(good_run, run_workflow, tmp_path_factory):
    trial = good_run[0].copy_to(tmp_path_factory.mktemp("moves") / "trial")
    trial.edit(CONFIG, "subjects: config/subjects.tsv}", f"subjects: config/subjects.tsv, overrides: {SHEET}}}")
    return Moves(trial, run_workflow)


@pytest.fixture(scope="module")
def row(good_run):
    """``row(up)``: the override that moves the Treg's CD25 threshold up by so much of its scale."""
    key = {name: ROW[name] for name in ("sample_id", "population", "marker", "bound")}
    (gate,) = [gate for gate in good_run[0].rows("results/tables/gates.tsv") if gate.items() >= key.items()]
    return lambda up: {**ROW, "threshold": f"{float(gate['threshold']) + up:.3f}"}


@pytest.fixture(scope="module")
def first(moves, row):
    """One gate of one file moved: which results were made again."""
    made = moves.move(row(0.03))
    assert moves.done.returncode == 0, moves.done.stdout + moves.done.stderr
    return made


def treg(moves, sample=SAMPLE):
    return moves.row("subsets", sample_id=sample, subset="treg", denominator="cd4")


def test_only_the_subjects_own_files_were_gated_again(first, moves, good_run):
    """The panel's pictures are one job's: all are made again, and one is another than before."""
    interim = {name for name in first if name.startswith("interim/")}
    tables = ("gates", "not_placed", "populations", "quality_steps", "moved_counts")
    own = {f"interim/treg/S002/{name}.tsv" for name in tables}
    own |= {f"interim/treg/S002/grids/{sample}.npz" for sample in (SAMPLE, OTHER)}
    pictures = {f"interim/treg/pictures/S00{n}_{visit}_treg.svg" for n in (1, 2, 3, 4) for visit in ("W0", "W10")}
    assert interim == own | pictures
    made = {"gates", "subsets", "override_history", "gating_check", "moved_counts"}
    assert first >= {*(f"tables/{name}.tsv" for name in made), "report/index.html"}
    both = (moves.trial, good_run[0])
    changed = {name for name in interim if len({trial.path(f"results/{name}").read_bytes() for trial in both}) == 2}
    assert changed == {
        *(f"interim/treg/S002/{name}.tsv" for name in ("gates", "populations", "moved_counts")),
        f"interim/treg/S002/grids/{SAMPLE}.npz",
        f"interim/treg/pictures/{SAMPLE}.svg",
    }


def test_the_number_follows_and_nobody_elses_does(first, moves, good_run):
    (before,) = [
        row
        for row in good_run[0].rows("results/tables/subsets.tsv")
        if (row["sample_id"], row["subset"], row["denominator"]) == (SAMPLE, "treg", "cd4")
    ]
    print(f"Treg of CD4: {before['percent']} % automatic, {treg(moves)['percent']} % by hand")
    assert float(treg(moves)["percent"]) < 0.95 * float(before["percent"])
    both = [
        [row for row in t.rows("results/tables/subsets.tsv") if row["sample_id"] != SAMPLE]
        for t in (moves.trial, good_run[0])
    ]
    assert both[0] == both[1]
    own = [
        {row["population"]: row for row in t.rows("results/tables/populations.tsv") if row["sample_id"] == SAMPLE}
        for t in (moves.trial, good_run[0])
    ]
    print(f"Treg events: {own[1]['treg']['n_events']} automatic, {own[0]['treg']['n_events']} by hand")
    assert {name for name in own[0] if own[0][name] != own[1][name]} == {"treg"}


def test_the_automatic_gate_stands_beside_it(first, moves, good_run, row):
    key = {"sample_id": SAMPLE, "population": "treg", "marker": "CD25", "bound": "min"}
    gate = moves.row("gates", **key)
    (before,) = [row for row in good_run[0].rows("results/tables/gates.tsv") if row.items() >= key.items()]
    assert (float(gate["threshold"]), gate["source"], gate["pool"]) == (float(row(0.03)["threshold"]), "manual", "none")
    assert (gate["reviewer"], gate["reviewed"], gate["reason"]) == ("A. Bee", "2026-01-05", REASON)
    for name in ("threshold", "threshold_linear", "coordinates", "source", "reason"):
        assert gate[f"automatic_{name}"] == before[name], name
    others = [row for row in moves.trial.rows("results/tables/gates.tsv") if not row.items() >= key.items()]
    assert others == [row for row in good_run[0].rows("results/tables/gates.tsv") if not row.items() >= key.items()]


def test_the_file_is_flagged_and_the_report_tells(first, moves):
    status = moves.row("status", sample_id=SAMPLE)
    assert status["status"] == "flagged"
    assert "treg gate moved by hand by A. Bee, 2026-01-05: cuts through the Treg, see the picture" in status["reasons"]
    page = moves.trial.path("results/report/index.html").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    assert "Moved by hand" in text and REASON in text


def test_the_exported_gates_are_those_really_used(first, moves):
    """The document and the FCS file alone, through FlowKit alone."""
    document = moves.trial.path(f"results/exports/gatingml/{SAMPLE}.xml")
    results = fk.parse_gating_xml(str(document)).gate_sample(fk.Sample(moves.trial.path(f"fcs/{SAMPLE}.fcs")))
    counted = int(moves.row("populations", sample_id=SAMPLE, population="treg")["n_events"])
    assert results.get_gate_count("treg") == counted > 0


def test_the_history_has_its_first_entry(first, moves):
    (entry,) = moves.trial.rows(HISTORY)
    assert entry.items() >= (ROW | {"entry": "0001", "state": "in_force", "in_sheet": "Y"}).items()


# One after the other: each test begins where the one before it has left the trial.


def test_another_row_and_a_changed_one(first, moves, row):
    automatic = treg(moves, OTHER)
    pool = {**ROW, "sample_id": "", "pool": "subject S001", "panel": "nk", "population": "cd3", "marker": "CD3"}
    pool |= {"threshold_linear": "2000", "reason": "both files alike"}
    made = moves.move(pool, {**row(0.02), "date": "2026-01-06"})
    assert moves.done.returncode == 0, moves.done.stdout + moves.done.stderr
    folders = {"/".join(name.split("/")[:3]) for name in made if name.startswith("interim/")}
    assert folders == {"interim/treg/S002", "interim/nk/S001", "interim/treg/pictures", "interim/nk/pictures"}
    threshold = moves.row("gates", sample_id=SAMPLE, population="treg", marker="CD25")["threshold"]
    assert float(threshold) == float(row(0.02)["threshold"])
    assert treg(moves, OTHER) == automatic
    moved = [one for one in moves.trial.rows("results/tables/gates.tsv") if one["source"] == "manual"]
    assert [(one["sample_id"], one["population"], one["threshold_linear"]) for one in moved] == [
        *((f"S001_{visit}_nk", name, "2000.0") for visit in ("W0", "W10") for name in ("cd3", "cd3_negative")),
        (SAMPLE, "treg", moved[-1]["threshold_linear"]),
    ]
    history = moves.trial.rows(HISTORY)
    assert [(one["pool"], one["date"], one["state"], one["in_sheet"]) for one in history] == [
        ("NA", "2026-01-05", "replaced", "N"),
        ("subject S001", "2026-01-05", "in_force", "Y"),
        ("NA", "2026-01-06", "in_force", "Y"),
    ]
    assert history[0].items() >= ROW.items()


def test_without_a_reason_nothing_runs(first, moves, row):
    before = moves.seen()
    moves.move({**row(0.02), "reason": ""})
    assert moves.done.returncode == 2
    lines = [line for line in moves.done.stderr.splitlines() if line.startswith("ERROR")]
    assert lines == [f"ERROR: {SHEET}, row 2: found no reason, expected reason: why the gate was moved; add it"]
    assert "Traceback" not in moves.done.stderr and moves.seen() == before


def test_taken_back_the_results_are_the_automatic_ones_again(first, moves, good_run):
    moves.trial.edit(CONFIG, f", overrides: {SHEET}", "")
    made = moves.again()
    assert moves.done.returncode == 0, moves.done.stdout + moves.done.stderr
    folders = {"/".join(name.split("/")[:3]) for name in made if name.startswith("interim/")}
    assert folders == {"interim/treg/S002", "interim/nk/S001", "interim/treg/pictures", "interim/nk/pictures"}
    compared = 0
    for folder in ("tables", "stats", "report", "exports/gatingml"):
        for path in good_run[0].path(f"results/{folder}").iterdir():
            if path.name != "override_history.tsv":
                assert moves.trial.path(f"results/{folder}/{path.name}").read_bytes() == path.read_bytes(), path.name
                compared += 1
    assert compared > 25
    states = [(row["entry"], row["state"], row["in_sheet"]) for row in moves.trial.rows(HISTORY)]
    assert states == [("0001", "replaced", "N"), ("0002", "withdrawn", "N"), ("0003", "withdrawn", "N")]


def test_the_history_outlives_a_run_that_makes_everything_again(first, moves):
    before = moves.trial.path(HISTORY).read_bytes()
    done = moves.run(moves.trial.root, "--force", HISTORY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert moves.trial.path(HISTORY).read_bytes() == before and before.count(b"\n") == 4
