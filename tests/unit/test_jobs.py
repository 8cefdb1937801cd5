"""What the workflow asks of the sheets: jobs, their files, and a run that ends before it begins."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytotrial.columns import OVERRIDE_COLUMNS
from cytotrial.jobs import Jobs, load_jobs, outcome
from cytotrial.study.overrides import Override


@pytest.fixture
def trial(make_trial: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two subjects, two visits, two panels; the run's folder is the trial's."""
    root = make_trial(tmp_path / "trial", subjects=("S001", "S002")).root
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def jobs(trial: Path) -> Jobs:
    """Its jobs."""
    return load_jobs(Path("config/config.yaml"), trial)


def with_run(jobs: Jobs, **run: Any) -> Jobs:
    """The same trial under another `run` of the configuration."""
    return dataclasses.replace(jobs, study=dataclasses.replace(jobs.study, run=run))


def test_one_job_per_subject_and_panel(jobs: Jobs) -> None:
    assert list(jobs.blocks) == [("nk", "S001"), ("nk", "S002"), ("treg", "S001"), ("treg", "S002")]
    assert all(jobs.subjects(*job) == [job[1]] for job in jobs.blocks)
    assert {job: (one.panel, one.name) for job, one in jobs.blocks.items()} == {job: job for job in jobs.blocks}


def test_several_subjects_a_job_where_the_configuration_says_so(jobs: Jobs) -> None:
    both = with_run(jobs, subjects_per_job=2)
    assert list(both.blocks) == [("nk", "S001_to_S002"), ("treg", "S001_to_S002")]
    assert both.subjects("nk", "S001_to_S002") == ["S001", "S002"]
    assert both.files("nk", "S001_to_S002") == [*jobs.files("nk", "S001"), *jobs.files("nk", "S002")]
    assert both.rows("nk", "S001_to_S002") == "; ".join(jobs.rows("nk", name) for name in ("S001", "S002"))
    assert len(both.existing_fcs("nk", "S001_to_S002")) == 4
    assert sorted(both.all_fcs()) == sorted(jobs.all_fcs())


def test_what_a_run_does_unless_the_configuration_says_otherwise(jobs: Jobs) -> None:
    assert (jobs.subjects_per_job, jobs.flowkit_percent) == (1, 2.0)
    told = with_run(jobs, subjects_per_job=25, flowkit_percent=0)
    assert (told.subjects_per_job, told.flowkit_percent) == (25, 0.0)


def test_files(jobs: Jobs) -> None:
    files = jobs.files("treg", "S001")
    assert {(one.subject_id, one.panel) for one in files} == {("S001", "treg")}
    assert {one.visit for one in files} == {"W0", "W10"}


def test_all_fcs_are_those_of_all_jobs(jobs: Jobs) -> None:
    assert sorted(jobs.all_fcs()) == sorted(one.fcs for one in jobs.samples) and len(jobs.all_fcs()) == 8


def test_file_that_is_not_there_is_left_to_the_job(trial: Path) -> None:
    (trial / "fcs/S001_W0_treg.fcs").unlink()
    jobs = load_jobs(Path("config/config.yaml"), trial)
    assert jobs.existing_fcs("treg", "S001") == ["fcs/S001_W10_treg.fcs"]
    assert len(jobs.files("treg", "S001")) == 2
    assert len(jobs.all_fcs()) == 7


def test_largest(trial: Path) -> None:
    sizes = [path.stat().st_size for path in (trial / "fcs").glob("S001_*_treg.fcs")]
    assert len(sizes) == 2
    assert load_jobs(Path("config/config.yaml"), trial).largest_mb("treg", "S001") == max(sizes) / 1e6
    for path in (trial / "fcs").glob("S001_*_treg.fcs"):
        path.unlink()
    assert load_jobs(Path("config/config.yaml"), trial).largest_mb("treg", "S001") == 0


def test_rows_change_with_the_jobs_own_rows_only(jobs: Jobs) -> None:
    before = jobs.rows("treg", "S001")
    moved = dataclasses.replace(jobs, samples=tuple(dataclasses.replace(one, row=one.row + 5) for one in jobs.samples))
    assert moved.rows("treg", "S001") == before
    edited = [dataclasses.replace(one, visit="W2") if one.subject_id == "S002" else one for one in jobs.samples]
    assert dataclasses.replace(jobs, samples=tuple(edited)).rows("treg", "S001") == before
    assert dataclasses.replace(jobs, samples=tuple(edited)).rows("treg", "S002") != jobs.rows("treg", "S002")


def override(**changes: object) -> Override:
    """A moved threshold of one of S001's files."""
    told = {"population": "cd3", "marker": "CD3", "bound": "min", "threshold_linear": 900.0, "row": 2}
    who = {"sample_id": "S001_W10_nk", "reviewer": "AB", "date": "2026-01-05", "reason": "too low"}
    return Override(**(dict.fromkeys(OVERRIDE_COLUMNS) | told | who | changes))


def moved_in(jobs: Jobs, *overrides: Override) -> dict[tuple[str, str], str]:
    """The jobs that depend on these overrides, and what each is told of them."""
    jobs = dataclasses.replace(jobs, overrides=overrides)
    told = {pair: jobs.moved(*pair) for pair in jobs.blocks}
    sheets = dataclasses.replace(jobs.study.sheets, overrides="config/overrides.tsv")
    jobs = dataclasses.replace(jobs, study=dataclasses.replace(jobs.study, sheets=sheets))
    assert {pair: jobs.overrides_sheet(*pair) for pair in told} == {
        pair: ["config/overrides.tsv"] if text else [] for pair, text in told.items()
    }
    return {pair: text for pair, text in told.items() if text}


def test_an_override_is_in_the_jobs_that_it_moves_a_gate_of(jobs: Jobs) -> None:
    assert moved_in(jobs) == {}
    assert set(moved_in(jobs, override())) == {("nk", "S001")}
    pool = {"sample_id": None, "panel": "nk"}
    assert set(moved_in(jobs, override(**pool, pool="subject S002"))) == {("nk", "S002")}
    assert set(moved_in(jobs, override(**pool, pool="trial"))) == {("nk", "S001"), ("nk", "S002")}


def test_only_what_is_in_force_is_in_a_job(jobs: Jobs) -> None:
    """Its place in the sheet is not, nor is a row that a later one replaced."""
    told = moved_in(jobs, override())
    assert moved_in(jobs, override(row=99)) == told
    assert moved_in(jobs, override(), override(date="2025-12-31", threshold_linear=5.0)) == told
    assert moved_in(jobs, override(threshold_linear=901.0)) != told
    assert moved_in(jobs, override(reason="another")) != told


def test_panel_file(jobs: Jobs) -> None:
    assert jobs.panel_file("nk", "gating").endswith("config/gating/nk.yaml")
    assert jobs.panel_file("nk", "markers").endswith("config/panels/nk.yaml")


def test_mistakes_end_the_run(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = trial / "config/samples.tsv"
    sheet.write_text(sheet.read_text().replace("W10", "W11").replace("\tnk\t", "\tnkk\t"))
    with pytest.raises(SystemExit) as left:
        load_jobs(Path("config/config.yaml"), trial)
    assert left.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith(("ERROR: ", "WARNING: ")) for line in lines)
    assert any("W11" in line for line in lines)
    assert "Traceback" not in err


def test_no_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load_jobs(tmp_path / "config.yaml", tmp_path)
    assert capsys.readouterr().err.startswith("ERROR: ")


def test_light_imports(run_python: Callable) -> None:
    """Snakemake parses this on every call, and on a cluster in every job."""
    program = (
        "import sys\nimport cytotrial.jobs, cytotrial.provenance\n"
        "print(sorted({'numpy', 'scipy', 'flowkit', 'pandas', 'matplotlib', 'jsonschema'} & set(sys.modules)))"
    )
    assert run_python(program).stdout.splitlines()[-1] == "[]"


def test_a_panels_matrix_is_among_its_jobs_files(jobs: Jobs, trial: Path) -> None:
    """An edited matrix must re-run the panel's gates, and nobody else's."""
    assert jobs.matrix_files("nk") == []
    panel = trial / jobs.panel_file("nk", "markers")
    panel.write_text(panel.read_text(encoding="utf-8").replace("compensation: fcs", "compensation: config/m.csv"))
    assert jobs.matrix_files("nk") == ["config/m.csv"] and jobs.matrix_files("treg") == []
    assert "config/m.csv" in jobs.panel_files()


def test_one_tube_may_serve_two_panels(trial: Path) -> None:
    sheet = trial / "config/samples.tsv"
    text = sheet.read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()]
    fcs = rows[0].index("fcs")
    treg = {row[0]: row[fcs] for row in rows if row[0].endswith("_treg")}
    for row in rows:
        if row[0].endswith("_nk"):
            row[fcs] = treg[row[0].replace("_nk", "_treg")]
    sheet.write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf-8")
    jobs = load_jobs(Path("config/config.yaml"), trial)
    assert jobs.existing_fcs("nk", "S001") == jobs.existing_fcs("treg", "S001") != []


def test_the_console_hears_how_it_ended(tmp_path: Path) -> None:
    table = tmp_path / "tables" / "status.tsv"
    table.parent.mkdir()
    rows = ["S1\tok\tNA", "S2\tfailed\t0 events", "S3\tfailed\t0 events", "S4\tflagged\tx"]
    table.write_text("\n".join(["sample_id\tstatus\treasons", *rows]) + "\n", encoding="utf-8")
    first, reason, last = outcome(tmp_path).splitlines()
    assert first == "4 files: 1 ok, 1 flagged, 2 failed"
    assert reason == "  failed, 2 x: 0 events"
    assert last.endswith("index.html")
    assert outcome(tmp_path / "none") == ""
