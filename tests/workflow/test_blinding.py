"""The arm is invisible until the gates are locked: no job before the statistics has a way to the subjects sheet."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow

SHEET = "config/subjects.tsv"
GATING = {"place_gates", "agree_gates", "apply_gates"}
AFTER_GATING = {
    "check_counts",
    "draw_gates",
    "export_gates",
}  # what looks at all gates; as blind as those who make them
ORDER = ("place_gates", "agree_gates", "apply_gates", "check_counts", "draw_gates", "export_gates")
MAY_KNOW_ARMS = {"statistics", "report"}
BEFORE_ARMS = (
    "gates",
    "moved_counts",
    "override_history",
    "populations",
    "subsets",
    "subsets_wide",
    "status",
    "quality_steps",
)


@pytest.fixture(scope="module")
def all_jobs(good_run, dry_run):
    """Every job of the trial, as a run from nothing would have it."""
    return dry_run(good_run[0].root, "--forceall", "--printshellcmds")


def swap_arms(trial):
    """Everybody gets the other arm."""
    other = {"IL2": "PBO", "PBO": "IL2"}
    trial.write_rows(SHEET, [{**row, "arm": other[row["arm"]]} for row in trial.rows(SHEET)])


def test_only_statistics_and_report_are_given_the_subjects_sheet(all_jobs):
    assert {job.rule for job in all_jobs} >= GATING | AFTER_GATING | MAY_KNOW_ARMS | {"tabulate"}
    assert {job.rule for job in all_jobs if SHEET in job.inputs} == MAY_KNOW_ARMS
    for job in all_jobs:
        if job.rule not in MAY_KNOW_ARMS:
            # Ids of subjects, which the samples sheet has, and how many a job takes.
            text = re.sub(r"--subjects (S\d+ )+|--subjects-per-job \d+ ", "", job.text)
            assert "subjects" not in text, job.text


def test_gating_is_not_given_the_configuration_that_names_the_arms(all_jobs):
    gating = [job for job in all_jobs if job.rule in GATING | AFTER_GATING]
    assert len(gating) == 8 + 1 + 8 + 1 + 2 + 1
    for job in gating:
        assert "config.yaml" not in job.text and "PBO" not in job.text, job.text


def test_what_the_gates_come_from_has_no_path_to_the_subjects_sheet(good_run, dry_run):
    """The dependency graph of the ledger and of all counts, walked from its ends to the files it begins with."""
    trial, _ = good_run
    ends = [
        place.relative_to(trial.root).as_posix()
        for name in ("populations", "gates")
        for place in trial.root.glob(f"results/interim/*/*/{name}.tsv")
    ]
    assert len(ends) == 16
    jobs = dry_run(trial.root, "--forceall", *ends)
    assert {job.rule for job in jobs} == GATING
    begins = {file for job in jobs for file in job.inputs if not file.startswith("results/")}
    print(f"{len(jobs)} jobs begin with {len(begins)} files")
    assert {file for file in begins if not file.startswith("fcs/")} == {
        "config/samples.tsv",
        *(f"config/{kind}/{panel}.yaml" for kind in ("panels", "gating") for panel in ("treg", "nk")),
    }


def test_the_ledger_is_gathered_without_the_subjects_sheet(good_run, dry_run):
    jobs = dry_run(good_run[0].root, "--forceall", "results/tables/gates.tsv")
    assert {job.rule for job in jobs} == GATING | {"check_counts", "tabulate"}
    assert SHEET not in {file for job in jobs for file in job.inputs}


def files_of(trial, output):
    """What an output is: itself, or the files in the folder."""
    place = trial.path(output)
    return [f"{output}/{file.name}" for file in place.glob("[!.]*")] if place.is_dir() else [output]


def test_gating_jobs_run_where_no_subjects_sheet_is(good_run, all_jobs, programs, tmp_path):
    """The jobs' own shell lines, pasted into a folder from which sheet and configuration were taken away."""
    trial, _ = good_run
    blind = trial.copy_to(tmp_path / "trial")
    blind.path(SHEET).unlink()
    blind.path("config/config.yaml").unlink()
    gating = [job for job in all_jobs if job.rule in ORDER]
    own = [job for job in gating if job.wildcards in ("", "panel=nk", "panel=nk, block=S002")]
    assert len(own) == 6
    compared = 0
    for job in sorted(own, key=lambda job: ORDER.index(job.rule)):
        files = [file for name in job.outputs for file in files_of(blind, name)]
        for name in job.outputs:
            shutil.rmtree(blind.path(name)) if blind.path(name).is_dir() else blind.path(name).unlink()
        done = subprocess.run(
            job.shell, shell=True, cwd=blind.root, env=programs, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (job.shell, done.stderr)
        for name in files:
            assert blind.path(name).read_bytes() == trial.path(name).read_bytes(), name
            compared += 1
    print(f"{compared} files made without an arm in sight, the same bytes")
    # Landmarks and intake; 8 jobs' gates; the counts and two files' grids; the check; 8 pictures; 16 documents.
    assert compared == 2 + 16 + 5 + 2 + 1 + 8 + 16


def test_other_arms_change_statistics_and_report_alone(good_run, dry_run, run_workflow, tmp_path):
    trial, _ = good_run
    swapped = trial.copy_to(tmp_path / "trial")
    swap_arms(swapped)
    assert {job.rule for job in dry_run(swapped.root)} == MAY_KNOW_ARMS | {"all"}
    done = run_workflow(swapped.root)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in BEFORE_ARMS:
        path = f"results/tables/{name}.tsv"
        assert swapped.path(path).read_bytes() == trial.path(path).read_bytes(), name
        assert swapped.path(path).stat().st_mtime_ns == trial.path(path).stat().st_mtime_ns, f"{name} was made again"
    mean = {
        (t, row["arm"]): row["mean_change"]
        for t in (trial, swapped)
        for row in t.rows("results/stats/change_from_baseline.tsv")
        if (row["analysis_set"], row["subset"], row["denominator"], row["visit"]) == ("itt", "treg", "cd4", "W10")
    }
    assert mean[trial, "IL2"] == mean[swapped, "PBO"] != mean[trial, "PBO"] == mean[swapped, "IL2"]
