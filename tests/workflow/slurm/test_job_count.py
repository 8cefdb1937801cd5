"""Six hundred files are some tens of cluster jobs: a dry run with the profile, which needs no SLURM."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml

from cytotrial.job_resources import NEEDS

pytestmark = pytest.mark.slow

VISITS = ("W0", "W2", "W10", "W12")
N_SUBJECTS = 75  # with two panels and four visits: 600 files
PER_GROUP = 4


@pytest.fixture(scope="module")
def profile(checkout):
    """The profile's folder."""
    return checkout / "workflow" / "profiles" / "slurm"


@pytest.fixture(scope="module")
def planned(slurm_executor, make_trial, run_workflow, profile, tmp_path_factory):
    """What a dry run of a trial of 600 files prints; the files are empty, and nobody opens them."""
    trial = make_trial(tmp_path_factory.mktemp("many") / "trial", subjects=("S001", "S002"), visits=VISITS)
    for sheet in ("config/samples.tsv", "config/subjects.tsv"):
        rows = trial.rows(sheet)
        copies = [
            {column: re.sub(r"S00(?=[12])", f"N{number:02}S", cell) for column, cell in row.items()}
            for number in range((N_SUBJECTS + 1) // 2)
            for row in rows
        ]
        kept = [row for row in copies if row["subject_id"] != f"N{N_SUBJECTS // 2:02}S2"]
        trial.write_rows(sheet, kept)
    for row in trial.rows("config/samples.tsv"):
        trial.path(row["fcs"]).touch()
    done = run_workflow(trial.root, "--profile", str(profile), "--dry-run", cores=1)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(trial.rows("config/samples.tsv")) == 600
    return done.stdout


def groups(planned):
    """Group and rules of every cluster job, as the dry run prints them; a job of its own group where it has none."""
    found, current = [], None
    for line in planned.splitlines():
        if head := re.search(r"^\[.*\] Group job (\w+) ", line):
            current = (head[1], [])
            found.append(current)
        elif rule := re.match(r"( *)rule (\w+):$", line):
            if rule[1]:
                current[1].append(rule[2])
            elif rule[2] != "all":
                found.append((rule[2], [rule[2]]))
    return found


def test_six_hundred_files_are_some_tens_of_cluster_jobs(planned):
    cluster_jobs = groups(planned)
    counts = Counter(name for name, _ in cluster_jobs)
    print(f"{sum(len(rules) for _, rules in cluster_jobs)} jobs in {len(cluster_jobs)} cluster jobs: {dict(counts)}")
    gating = sum(rules.count("place_gates") for _, rules in cluster_jobs)
    assert 24 <= gating <= 2 * N_SUBJECTS
    assert counts["place"] == counts["apply"] == -(-gating // PER_GROUP)
    assert 20 <= len(cluster_jobs) <= 60


def test_every_job_asks_for_memory_and_time(planned):
    asked = re.findall(r"^ *(?:rule (\w+):$|resources: (.*)$)", planned, flags=re.MULTILINE)
    rules, resources = [rule for rule, _ in asked if rule], [told for rule, told in asked if not rule]
    assert len(rules) == len(resources) > 2 * 24
    for rule, told in zip(rules, resources, strict=True):
        if rule != "all":
            assert re.search(r"\bmem_mb=\d+", told) and re.search(r"\bruntime=\d+", told), (rule, told)


def test_profile_groups_rules_that_are_there(profile):
    settings = yaml.safe_load((profile / "config.yaml").read_text(encoding="utf-8"))
    assert set(settings["groups"]) <= set(NEEDS)
    assert set(settings["groups"].values()) == set(settings["group-components"])
    assert settings["group-components"]["place"] == settings["group-components"]["apply"] == PER_GROUP
