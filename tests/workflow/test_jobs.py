"""The trial as jobs, as the rules see it: what is in a job's parameters decides what runs again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cytotrial.jobs import load_jobs


@pytest.fixture
def trial(make_trial, tmp_path, monkeypatch):
    """Two subjects, two visits, two panels, and the folder they are in as the working directory."""
    made = make_trial(tmp_path / "trial", subjects=("S001", "S002"))
    monkeypatch.chdir(made.root)
    return made


def jobs():
    return load_jobs(Path("config/config.yaml"), Path())


def test_one_job_per_subject_and_panel(trial):
    assert list(jobs().blocks) == [("nk", "S001"), ("nk", "S002"), ("treg", "S001"), ("treg", "S002")]
    assert [one.sample_id for one in jobs().files("nk", "S002")] == ["S002_W0_nk", "S002_W10_nk"]


def test_one_job_for_several_subjects_where_the_configuration_says_so(trial):
    with trial.path("config/config.yaml").open("a", encoding="utf-8") as stream:
        stream.write("run: {subjects_per_job: 2, flowkit_percent: 50}\n")
    assert list(jobs().blocks) == [("nk", "S001_to_S002"), ("treg", "S001_to_S002")]
    assert [one.sample_id for one in jobs().files("nk", "S001_to_S002")] == [
        f"{subject}_{visit}_nk" for subject in ("S001", "S002") for visit in ("W0", "W10")
    ]
    assert jobs().flowkit_percent == 50.0


def test_order_of_the_sheet_is_in_no_job(trial):
    before = {pair: jobs().rows(*pair) for pair in jobs().blocks}
    files = {pair: jobs().existing_fcs(*pair) for pair in jobs().blocks}
    trial.write_rows("config/samples.tsv", trial.rows("config/samples.tsv")[::-1])
    assert {pair: jobs().rows(*pair) for pair in jobs().blocks} == before
    assert {pair: jobs().existing_fcs(*pair) for pair in jobs().blocks} == files


def test_a_row_is_in_its_own_job_alone(trial):
    before = {pair: jobs().rows(*pair) for pair in jobs().blocks}
    trial.edit(
        "config/samples.tsv",
        "S002_W0_nk\tfcs/S002_W0_nk.fcs\tS002\tW0\tnk\t",
        "S002_W0_nk\tfcs/S002_W0_nk.fcs\tS002\tW0\tnk\tX",
    )
    after = {pair: jobs().rows(*pair) for pair in jobs().blocks}
    assert {pair for pair in before if before[pair] != after[pair]} == {("nk", "S002")}


def test_a_missing_file_is_left_to_the_job(trial, capsys):
    trial.path("fcs/S001_W10_nk.fcs").unlink()
    found = jobs()
    assert found.existing_fcs("nk", "S001") == ["fcs/S001_W0_nk.fcs"]
    assert len(found.files("nk", "S001")) == 2 and "S001_W10_nk" in found.rows("nk", "S001")
    assert capsys.readouterr().err.startswith("WARNING: config/samples.tsv, row ")


def test_memory_is_asked_for_by_the_largest_file(trial):
    os.truncate("fcs/S001_W0_nk.fcs", 7_000_000)
    assert jobs().largest_mb("nk", "S001") == 7.0
    for file in Path("fcs").glob("S002_*_nk.fcs"):
        file.unlink()
    assert jobs().largest_mb("nk", "S002") == 0.0


def test_panel_files_are_the_configurations(trial):
    assert jobs().panel_file("nk", "markers") == "config/panels/nk.yaml"
    assert jobs().panel_file("treg", "gating") == "config/gating/treg.yaml"
