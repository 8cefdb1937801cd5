"""An edit re-runs what depends on it and nothing else."""

from __future__ import annotations

import shutil

import pytest

pytestmark = pytest.mark.slow

SAMPLES = "config/samples.tsv"


@pytest.fixture
def trial(good_run, tmp_path):
    """A finished trial to edit."""
    return good_run[0].copy_to(tmp_path / "trial")


def wildcards(jobs, rule):
    return sorted(job.wildcards for job in jobs if job.rule == rule)


def test_another_batch_of_one_file_places_the_gates_of_its_subject_alone(trial, dry_run):
    rows = trial.rows(SAMPLES)
    edited = [{**row, "batch": "other-day"} if row["sample_id"] == "S002_W10_treg" else row for row in rows]
    assert edited != rows
    trial.write_rows(SAMPLES, edited)
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == ["panel=treg, subject=S002"]
    assert {"agree_gates", "tabulate"} <= {job.rule for job in jobs}


def test_another_order_of_the_sheet_places_no_gate(trial, dry_run):
    trial.write_rows(SAMPLES, trial.rows(SAMPLES)[::-1])
    assert not {"place_gates", "agree_gates", "apply_gates"} & {job.rule for job in dry_run(trial.root)}


def test_a_new_subject_places_the_gates_of_no_other(trial, dry_run, make_trial, tmp_path):
    newcomer = make_trial(tmp_path / "newcomer", subjects=("S005",))
    for sheet in (SAMPLES, "config/subjects.tsv"):
        # first in the sheet, so that every other row's number changes
        trial.write_rows(sheet, [*newcomer.rows(sheet), *trial.rows(sheet)])
    for file in newcomer.path("fcs").iterdir():
        shutil.copy2(file, trial.path("fcs"))
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == ["panel=nk, subject=S005", "panel=treg, subject=S005"]


def test_a_subject_taken_out_places_no_gate(trial, dry_run):
    for sheet in (SAMPLES, "config/subjects.tsv"):
        trial.write_rows(sheet, [row for row in trial.rows(sheet) if row["subject_id"] != "S003"])
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == []
    assert {"agree_gates", "tabulate", "statistics", "report"} <= {job.rule for job in jobs}


def test_another_strategy_gates_its_own_panel_again(trial, dry_run):
    trial.edit("config/gating/nk.yaml", "mads: 6.0", "mads: 5.0")
    jobs = dry_run(trial.root)
    assert wildcards(jobs, "place_gates") == [f"panel=nk, subject=S00{number}" for number in (1, 2, 3, 4)]


def test_another_title_makes_no_gate_again(trial, dry_run):
    trial.edit("config/config.yaml", "A small trial", "The same trial")
    jobs = {job.rule for job in dry_run(trial.root)}
    assert "report" in jobs and not jobs & {"place_gates", "agree_gates", "apply_gates"}
