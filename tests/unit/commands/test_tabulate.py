"""The verb `tabulate`, on tables written here: every percentage, flag and missing value worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cytotrial.cli import main
from cytotrial.columns import (
    GATES,
    INTAKE,
    MOVED_COUNTS,
    NOT_PLACED,
    POPULATIONS,
    QUALITY_STEPS,
    STATUS,
    SUBSETS,
    Table,
)
from cytotrial.tables import read_table, write_table

Row = dict[str, Any]
CONFIG = """\
trial: {id: HAND, title: "By hand", baseline: W0}
arms: [{id: A, label: Active, role: active}, {id: C, label: Control, role: control}]
visits: [{id: W0, week: 0}, {id: D3, week: 0.5}]
sheets: {samples: samples.tsv, subjects: subjects.tsv}
panels:
  t: {markers: t.yaml, gating: t.yaml}
  n: {markers: n.yaml, gating: n.yaml}
readouts:
  - {id: cd4, panel: t, population: cd4, denominators: [cd3, lymphocytes]}
  - {id: treg, panel: t, population: treg, denominators: [cd4]}
  - {id: nk, panel: n, population: nk, denominators: [lymphocytes]}
analysis_sets: [itt]
"""
SAMPLES = """\
sample_id\tfcs\tsubject_id\tvisit\tpanel\tcondition
good\tgood.fcs\tS1\tW0\tt\t
lent\tlent.fcs\tS1\tD3\tt\t
broken\tbroken.fcs\tS2\tW0\tt\t
bare\tbare.fcs\tS2\tW0\tn\t
fmo\tfmo.fcs\tS1\tW0\tt\tFMO-CD25
"""
COUNTS: dict[str, Mapping[str, int | None]] = {
    "good": {"root": 10000, "lymphocytes": 8000, "cd3": 5000, "cd4": 2500, "treg": 125},
    "lent": {"root": 10000, "lymphocytes": 8000, "cd3": 5000, "cd4": 3000, "treg": 30},
    "broken": dict.fromkeys(("root", "lymphocytes", "cd3", "cd4", "treg")),
    "bare": {"root": 9000, "lymphocytes": 6000, "nk": None},
    "fmo": {"root": 10000, "lymphocytes": 8000, "cd3": 5000, "cd4": 2500, "treg": 2},
}
BROKEN = "the data segment is cut short"


def intake_row(sample: str) -> Row:
    """Readable but for the broken one; the bare tube's two readers had something to say."""
    if sample == "broken":
        return {
            **dict.fromkeys(INTAKE.columns),
            "sample_id": sample,
            "fcs": "broken.fcs",
            "readable": False,
            "reasons": BROKEN,
        }
    flags = "$DATE disagrees" if sample == "bare" else None
    about = ("sha of " + sample, "FCS3.0", "Cytometer", "01-JAN-2020", "SPILL", "[]")
    told = (sample, f"{sample}.fcs", True, flags, COUNTS[sample]["root"], *about)
    return dict(zip(INTAKE.columns, told, strict=True))


def step(sample: str, name: str, kind: str, order: int, n_in: int | None, n_out: int | None, reason: str = "") -> Row:
    """A quality step; no counts: NOT DONE."""
    kept = None if n_in is None else 100 * n_out / n_in
    return dict(
        zip(
            QUALITY_STEPS.columns, (sample, name, kind, order, n_in is not None, n_in, n_out, kept, reason), strict=True
        )
    )


def population_rows() -> list[Row]:
    """What apply-gates would say of COUNTS; parents do not matter here."""
    why = {"broken": f"file failed: {BROKEN}", "bare": "no CD56 valley"}
    return [
        dict(
            zip(POPULATIONS.columns, (sample, name, None, n, None, None if n is not None else why[sample]), strict=True)
        )
        for sample, counts in COUNTS.items()
        for name, n in counts.items()
    ]


def borrowed_gate() -> Row:
    """The ledger's row of the file that borrowed its CD4 gate; one of two bounds."""
    told = {
        "sample_id": "lent",
        "population": "cd4",
        "marker": "CD4",
        "bound": "min",
        "source": "pooled",
        "pool": "trial",
    }
    return {**dict.fromkeys(GATES.columns), **told, "reason": "no CD4 valley; median of 3 files"}


def moved_counts() -> list[Row]:
    """Of two files: with the limit of CD3 moved, CD3+ cells and Treg."""
    limit = ("t", "cd3", "CD3", "min")
    told = [("lent", *limit, "treg", 30, 33, 32, 31, 30, 29, 28), ("good", *limit, "cd3", 5000, 5, 4, 3, 2, 1, 0)]
    return [dict(zip(MOVED_COUNTS.columns, row, strict=True)) for row in told]


def steps() -> list[Row]:
    """The last step's events are those kept; `10` sorts before `2` as text, and must not here."""
    rows = [
        step("good", f"s{order}", "other", order, 10000 - 10 * (order - 1), 10000 - 10 * order)
        for order in range(1, 11)
    ]
    rows += [step("lent", "in_range", "margins", 1, 10000, 8500), step("lent", "live", "dead", 2, 8500, 8400)]
    rows += [step("bare", "live", "dead", 1, None, None, "NOT DONE: no viability channel")]
    return [
        *rows,
        step("bare", "steady", "time", 2, None, None, "NOT DONE: 900 events make 11 time bins, fewer than 12"),
    ]


def missing() -> list[Row]:
    """agree-gates' table: a channel that is not there, and two gates that nobody could lend."""
    rows = [("bare", "live", "not_done", "no viability channel"), ("bare", "nk", "not_found", "no CD56 valley")]
    return [dict(zip(NOT_PLACED.columns, row, strict=True)) for row in rows]


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, list[str]]:
    """Every option and its files; steps and populations in several files, as the workflow hands them over."""
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "samples.tsv").write_text(SAMPLES, encoding="utf-8")

    def write(name: str, table: Table, rows: Iterable[Row]) -> str:
        write_table(tmp_path / name, table, rows)
        return str(tmp_path / name)

    halves = (("good", "fmo", "lent"), ("broken", "bare"))
    populations = [
        write(f"p{n}.tsv", POPULATIONS, [row for row in population_rows() if row["sample_id"] in half])
        for n, half in enumerate(halves)
    ]
    return {
        "config": [str(tmp_path / "config.yaml")],
        "samples": [str(tmp_path / "samples.tsv")],
        "gates": [write("gates.tsv", GATES, [borrowed_gate(), {**borrowed_gate(), "marker": "CD8", "bound": "max"}])],
        "not-placed": [write("missing.tsv", NOT_PLACED, missing())],
        "intake": [write("intake.tsv", INTAKE, map(intake_row, COUNTS))],
        "steps": [write("steps.tsv", QUALITY_STEPS, steps())],
        "populations": populations,
        "moved-counts": [write("moved.tsv", MOVED_COUNTS, moved_counts())],
        "out": [str(tmp_path / "tables")],
    }


def tabulate(inputs: Mapping[str, list[str]]) -> int:
    """The verb."""
    return main(["tabulate", *(word for option, files in inputs.items() for word in (f"--{option}", *files))])


@pytest.fixture
def tables(inputs: dict[str, list[str]]) -> Path:
    """The folder of tables that the verb made."""
    assert tabulate(inputs) == 0
    return Path(inputs["out"][0])


def by_sample(path: Path, table: Table) -> dict[str, dict[str, str | None]]:
    """One row per sample."""
    rows = read_table(path, table)
    found = {str(row["sample_id"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_tables_made(tables: Path) -> None:
    names = {path.name for path in tables.iterdir()}
    ledgers = {"quality_steps.tsv", "populations.tsv", "gates.tsv", "moved_counts.tsv"}
    assert names == {"status.tsv", *ledgers, "subsets.tsv", "subsets_wide.tsv"}
    contract = "sample_id panel subject_id visit status reasons n_events n_events_kept"
    assert (tables / "status.tsv").read_text(encoding="utf-8").splitlines()[0].split("\t")[:8] == contract.split()


def test_status_of_every_file_controls_too(tables: Path) -> None:
    rows = by_sample(tables / "status.tsv", STATUS)
    told = {name: (row["status"], row["n_events"], row["n_events_kept"]) for name, row in rows.items()}
    assert told == {
        "good": ("ok", "10000", "9900"),
        "lent": ("flagged", "10000", "8400"),
        "broken": ("failed", None, None),
        "bare": ("flagged", "9000", "9000"),
        "fmo": ("ok", "10000", "10000"),
    }
    reasons = {name: row["reasons"] for name, row in rows.items()}
    assert reasons == {
        "good": None,
        "lent": "in_range: 15.0 % of events at the range's edge, over 10 %; "
        "cd4 gate from its pool (trial): no CD4 valley; median of 3 files",
        "broken": BROKEN,
        "bare": "$DATE disagrees; nk not gated: no CD56 valley",
        "fmo": None,
    }


def test_status_says_what_was_not_done_once(tables: Path) -> None:
    """A channel that is not there, from agree-gates; a step whose gate was not found, from apply-gates."""
    rows = by_sample(tables / "status.tsv", STATUS)
    assert rows["bare"]["not_done"] == (
        "live: no viability channel; steady: 900 events make 11 time bins, fewer than 12"
    )
    assert {name: row["not_done"] for name, row in rows.items() if name != "bare"} == dict.fromkeys(
        ("good", "lent", "broken", "fmo")
    )


def test_status_carries_where_the_events_came_from(tables: Path) -> None:
    row = by_sample(tables / "status.tsv", STATUS)["good"]
    origin = [row[column] for column in ("fcs", "fcs_sha256", "fcs_version", "instrument", "acquired", "spillover")]
    assert origin == ["good.fcs", "sha of good", "FCS3.0", "Cytometer", "01-JAN-2020", "SPILL"]
    assert [row[column] for column in ("panel", "subject_id", "visit")] == ["t", "S1", "W0"]


def test_subsets(tables: Path) -> None:
    """Percent, flag and primary denominator of every reported file; a staining control is not reported."""
    rows = read_table(tables / "subsets.tsv", SUBSETS)
    told = {
        (row["sample_id"], row["subset"], row["denominator"]): (row["percent"], row["qc_flag"], row["is_primary"])
        for row in rows
    }
    assert told == {
        ("good", "cd4", "cd3"): ("50.0", "ok", "Y"),
        ("good", "cd4", "lymphocytes"): ("31.25", "ok", "N"),
        ("good", "treg", "cd4"): ("5.0", "ok", "Y"),
        ("lent", "cd4", "cd3"): ("60.0", "flagged", "Y"),
        ("lent", "cd4", "lymphocytes"): ("37.5", "flagged", "N"),
        ("lent", "treg", "cd4"): ("1.0", "below_lloq", "Y"),
        ("broken", "cd4", "cd3"): (None, "not_reported", "Y"),
        ("broken", "cd4", "lymphocytes"): (None, "not_reported", "N"),
        ("broken", "treg", "cd4"): (None, "not_reported", "Y"),
        ("bare", "nk", "lymphocytes"): (None, "not_reported", "Y"),
    }
    keys = [tuple(row[column] for column in SUBSETS.key) for row in rows]
    assert keys == sorted(keys)


def test_subsets_reasons_counts_and_interval(tables: Path) -> None:
    rows = {(row["sample_id"], row["subset"], row["denominator"]): row for row in read_table(tables / "subsets.tsv")}
    assert rows["broken", "treg", "cd4"]["qc_reason"] == f"file failed: {BROKEN}"
    assert rows["bare", "nk", "lymphocytes"]["qc_reason"] == "nk not measured: no CD56 valley"
    assert rows["bare", "nk", "lymphocytes"]["numerator_n"] is None
    assert rows["bare", "nk", "lymphocytes"]["denominator_n"] == "6000"
    few = rows["lent", "treg", "cd4"]
    assert (few["numerator_n"], few["denominator_n"]) == ("30", "3000")
    assert few["qc_reason"] == "30 treg events, fewer than 50; file flagged, see status.tsv"
    treg, z = rows["good", "treg", "cd4"], 1.959963984540054  # Wilson by hand: 125 of 2500
    centre = (0.05 + z**2 / 5000) / (1 + z**2 / 2500)
    half = z * (0.05 * 0.95 / 2500 + z**2 / (4 * 2500**2)) ** 0.5 / (1 + z**2 / 2500)
    by_hand = (100 * (centre - half), 100 * (centre + half))
    print(f"Wilson of 125/2500: {treg['ci_low']} to {treg['ci_high']}, by hand {by_hand}")
    assert (float(treg["ci_low"]), float(treg["ci_high"])) == pytest.approx(by_hand)


def test_weeks_as_the_configuration_writes_them(tables: Path) -> None:
    weeks = {row["sample_id"]: row["week"] for row in read_table(tables / "subsets.tsv")}
    assert weeks == {"good": "0", "lent": "0.5", "broken": "0", "bare": "0"}


def test_wide_table_has_one_row_per_subject_and_visit(tables: Path) -> None:
    assert (tables / "subsets_wide.tsv").read_text(encoding="utf-8").splitlines() == [
        "subject_id\tvisit\tcd4\ttreg\tnk",
        "S1\tD3\t60.0\t1.0\tNA",
        "S1\tW0\t50.0\t5.0\tNA",
        "S2\tW0\tNA\tNA\tNA",
    ]


def test_counts_and_steps_are_handed_on_whole(tables: Path) -> None:
    rows = read_table(tables / "populations.tsv", POPULATIONS)
    assert {(row["sample_id"], row["population"]): row["n_events"] for row in rows} == {
        (sample, name): None if n is None else str(n) for sample, counts in COUNTS.items() for name, n in counts.items()
    }
    assert len(read_table(tables / "quality_steps.tsv", QUALITY_STEPS)) == len(steps())
    assert [(row["marker"], row["pool"]) for row in read_table(tables / "gates.tsv", GATES)] == [
        ("CD4", "trial"),
        ("CD8", "trial"),
    ]
    moved = read_table(tables / "moved_counts.tsv", MOVED_COUNTS)
    assert [(row["sample_id"], row["counted"], row["n_events"], row["minus_3"]) for row in moved] == [
        ("good", "cd3", "5000", "5"),
        ("lent", "treg", "30", "33"),
    ]


def test_a_moved_gate_flags_its_file(inputs: dict[str, list[str]], tmp_path: Path) -> None:
    """In another subject's table; the reviewer's semicolon does not make two reasons of one."""
    who = {"source": "manual", "reviewer": "A. Bee", "reviewed": "2026-01-05", "reason": "too low; see picture"}
    moved = {**borrowed_gate(), **who, "sample_id": "good", "pool": "none", "method": "valley"}
    follower = {**moved, "population": "cd4_negative", "method": "opposite"}
    write_table(tmp_path / "more.tsv", GATES, [moved, {**moved, "marker": "CD8", "bound": "max"}, follower])
    assert tabulate({**inputs, "gates": [*inputs["gates"], str(tmp_path / "more.tsv")]}) == 0
    out = Path(inputs["out"][0])
    row = by_sample(out / "status.tsv", STATUS)["good"]
    assert row["status"] == "flagged"
    assert row["reasons"] == "cd4 gate moved by hand by A. Bee, 2026-01-05: too low, see picture"
    assert len(read_table(out / "gates.tsv", GATES)) == 5


def test_same_bytes_from_the_folder_of_all_jobs(tables: Path, inputs: dict[str, list[str]], tmp_path: Path) -> None:
    """Two subjects a job; what an earlier run left of other jobs does not count."""
    of_panel = {"t": ("t/S1_to_S2", {"good", "lent", "broken", "fmo"}), "n": ("n/S2", {"bare"})}
    names = {"gates": GATES, "not-placed": NOT_PLACED, "intake": INTAKE, "steps": QUALITY_STEPS}
    names["moved-counts"] = MOVED_COUNTS
    for option, table in {**names, "populations": POPULATIONS}.items():
        rows = [row for path in inputs[option] for row in read_table(Path(path), table)]
        for folder, own in of_panel.values():
            kept = [row for row in rows if row["sample_id"] in own]
            write_table(tmp_path / "work" / folder / f"{table.name}.tsv", table, kept)
        write_table(tmp_path / "work/t/S1" / f"{table.name}.tsv", table, [])
    again = {option: [str(tmp_path / "work")] for option in (*names, "populations")}
    again |= {"config": inputs["config"], "samples": inputs["samples"], "out": [str(tmp_path / "again")]}
    assert tabulate(again | {"subjects-per-job": ["2"]}) == 0
    for path in tables.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_same_bytes_whatever_the_order_of_the_tables(
    tables: Path, inputs: dict[str, list[str]], tmp_path: Path
) -> None:
    header, *rows = SAMPLES.splitlines()
    (tmp_path / "samples.tsv").write_text("\n".join([header, *reversed(rows)]) + "\n", encoding="utf-8")
    again = {**inputs, "populations": inputs["populations"][::-1], "out": [str(tmp_path / "again")]}
    assert tabulate(again) == 0
    for path in tables.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_thresholds_are_the_configurations(inputs: dict[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + "quality: {reportable: {not_reported: 200}}\n", encoding="utf-8")
    assert tabulate(inputs) == 0
    rows = {(row["sample_id"], row["subset"]): row for row in read_table(Path(inputs["out"][0]) / "subsets.tsv")}
    assert rows["good", "treg"]["qc_reason"] == "125 treg events, fewer than 200"
    assert rows["good", "treg"]["percent"] is None


@pytest.mark.parametrize("samples", [("good",), ("lent", "bare")])
def test_sample_without_intake_or_counts(
    inputs: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str], samples: tuple[str, ...]
) -> None:
    """Both named at once, nothing written."""
    write_table(tmp_path / "intake.tsv", INTAKE, [intake_row(name) for name in COUNTS if name not in samples])
    write_table(tmp_path / "p.tsv", POPULATIONS, [row for row in population_rows() if row["sample_id"] != "fmo"])
    assert tabulate({**inputs, "populations": [str(tmp_path / "p.tsv")]}) == 2
    names = ", ".join(samples)
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("ERROR")] == [
        f"ERROR: --intake: found no row for {names}, expected every sample of the sheet; run place-gates again",
        "ERROR: --populations: found no row for fmo, expected every sample of the sheet; run apply-gates again",
    ]
    assert not Path(inputs["out"][0]).exists()


def test_files_not_ok_are_logged(inputs: dict[str, list[str]], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="cytotrial.commands.tabulate"):
        assert tabulate(inputs) == 0
    assert "5 files: 1 failed, 2 flagged, 2 ok" in caplog.messages
    assert f"broken failed: {BROKEN}" in caplog.messages


def test_a_file_that_could_not_be_counted_has_failed(inputs: dict[str, list[str]], tmp_path: Path) -> None:
    """apply-gates met a mistake on a file that place-gates had read: failed, with the reason of its root's row."""
    rows = [
        {**row, "n_events": None, "n_parent": None, "reason": "unexpected KeyError"}
        if row["sample_id"] == "good"
        else row
        for row in population_rows()
    ]
    write_table(tmp_path / "p.tsv", POPULATIONS, rows)
    assert tabulate({**inputs, "populations": [str(tmp_path / "p.tsv")]}) == 0
    status = {row["sample_id"]: row for row in read_table(Path(inputs["out"][0]) / "status.tsv")}
    assert (status["good"]["status"], status["good"]["reasons"]) == ("failed", "unexpected KeyError")


def test_the_same_acquisition_under_two_names_is_flagged(inputs: dict[str, list[str]], tmp_path: Path) -> None:
    rows = [{**intake_row(name), "fcs_sha256": "same" if name in ("good", "lent") else name} for name in COUNTS]
    write_table(tmp_path / "twins.tsv", INTAKE, rows)
    assert tabulate({**inputs, "intake": [str(tmp_path / "twins.tsv")]}) == 0
    status = {row["sample_id"]: row for row in read_table(Path(inputs["out"][0]) / "status.tsv")}
    assert status["good"]["status"] == "flagged"
    assert "the same acquisition as lent (equal SHA-256)" in str(status["good"]["reasons"])
    assert "the same acquisition as good" in str(status["lent"]["reasons"])
