"""Trials that have less than two arms, two visits or two panels run through."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow


def test_one_arm_and_one_visit(make_trial, run_workflow, tmp_path):
    trial = make_trial(tmp_path / "trial", subjects=("S001", "S003"), visits=("W0",))
    assert trial.path("config/config.yaml").read_text(encoding="utf-8").count("role:") == 1
    done = run_workflow(trial.root)
    assert done.returncode == 0, done.stdout + done.stderr
    subsets = trial.rows("results/tables/subsets.tsv")
    assert len(subsets) == 2 * 9 and not [row for row in subsets if row["percent"] == "NA"]
    for name in ("change_from_baseline", "between_arms"):
        for row in trial.rows(f"results/stats/{name}.tsv"):
            assert row["p_value"] == "NA" and row["note"] != "NA", (name, row)
    page = trial.path("results/report/index.html").read_text(encoding="utf-8")
    words = re.sub(r"data:image/[^\"']+", "", page)  # three letters in a row come up by chance in pictures
    assert "The PBO arm" in words and "IL2" not in words


def test_one_panel_and_the_other_arms(make_trial, run_workflow, good_run, tmp_path):
    """The T-cell tubes alone, everybody in the other arm: run from nothing, the gates are the same bytes."""
    trial = make_trial(tmp_path / "trial", panels=("treg",))
    other = {"IL2": "PBO", "PBO": "IL2"}
    people = trial.rows("config/subjects.tsv")
    trial.write_rows("config/subjects.tsv", [{**row, "arm": other[row["arm"]]} for row in people])
    done = run_workflow(trial.root)
    assert done.returncode == 0, done.stdout + done.stderr
    reference, _ = good_run
    for name in ("gates", "populations", "subsets"):
        lines, expected = (
            t.path(f"results/tables/{name}.tsv").read_text(encoding="utf-8").splitlines() for t in (trial, reference)
        )
        assert lines == [expected[0], *(line for line in expected[1:] if line.split("\t")[0].endswith("_treg"))], name
        print(f"{name}: {len(lines) - 1} rows, the same bytes")
    assert list(trial.rows("results/tables/subsets_wide.tsv")[0]) == ["subject_id", "visit", "cd4", "cd8", "treg"]
    assert {row["subset"] for row in trial.rows("results/stats/between_arms.tsv")} == {"cd4", "cd8", "treg"}
