"""The whole workflow on trials of several sizes, beside FlowKit alone on the same files with the same gates."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.accounting import Account, Job, start_of
from benchmarks.speed.processes import CHECKOUT, Usage, environment, python, run, warm
from benchmarks.speed.sheets import read_sheet, write_sheet

CORES = 2
EVENTS = 100_000
PATIENTS = 60
# Files -> patients and visits; two tubes each time.
SHAPES = {24: (4, 3), 120: (12, 5), 600: (60, 5)}
ROUNDS = {24: 3}
TABLE = "results/tables/populations.tsv"


def snakemake(trial: Path, *options: str, account: Account | None = None) -> Usage:
    """Run the workflow in a trial's folder; what it says goes to ``snakemake.log`` there."""
    line = ["snakemake", "-s", str(CHECKOUT / "Snakefile"), "--directory", str(trial), "--cores", str(CORES), *options]
    path = environment()["PATH"]
    extra = {"PATH": f"{account.folder}:{path}"} if account else {}
    return run(line, extra=extra, said=trial / "snakemake.log")


def make_trial(folder: Path, patients: int, events: int, *, files: int | None = None) -> Path:
    """Write a trial in a process of its own; one of the same name that is there already is taken as it is."""
    trial = folder / f"trial_{patients}_{events}"
    if not (trial / "config/samples.tsv").exists():
        some = [] if files is None else ["--files", files]
        run(python("trials", trial, "--patients", patients, "--events", events, "--cores", CORES, *some))
    return trial


def part_of(trial: Path, patients: int, visits: int) -> Path:
    """The first patients and visits of a trial as one of its own, on the same files; patients of both arms."""
    part = trial.with_name(f"{trial.name}_{patients}x{visits}")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(trial / "config", part / "config")
    (part / "fcs").symlink_to(trial / "fcs")
    head, people = read_sheet(trial / "config/subjects.tsv")
    arms: dict[str, list[dict[str, str]]] = {}
    for person in people:
        arms.setdefault(person["arm"], []).append(person)
    kept = [person for own in arms.values() for person in own[: patients // len(arms)]]
    write_sheet(part / "config/subjects.tsv", head, kept)
    names = {person["subject_id"] for person in kept}
    head, outcomes = read_sheet(trial / "config/outcomes.tsv")
    write_sheet(part / "config/outcomes.tsv", head, [one for one in outcomes if one["subject_id"] in names])
    head, tubes = read_sheet(trial / "config/samples.tsv")
    chosen = list(dict.fromkeys(tube["visit"] for tube in tubes))[:visits]
    own_tubes = [tube for tube in tubes if tube["subject_id"] in names and tube["visit"] in chosen]
    write_sheet(part / "config/samples.tsv", head, own_tubes)
    return part


def forget(trial: Path) -> None:
    """Take away what an earlier run made."""
    for name in ("results", ".snakemake"):
        shutil.rmtree(trial / name, ignore_errors=True)


def measure(folder: Path, n_files: int) -> dict[str, Any]:
    """Run the workflow on a trial of 24, 120 or 600 files, and FlowKit on the same files, in turns.

    Returns
    -------
    dict
        ``n_files``, ``n_events``, ``rounds``; ``workflow`` and ``flowkit``: seconds ``wall`` and ``cpu``, medians;
        ``verbs``: see `by_verb`; ``snakemake`` and ``measuring``: seconds of CPU; ``differing_counts`` out of
        ``counts``. What is told by verb is of the last round.
    """
    patients, visits = SHAPES[n_files]
    trial = part_of(make_trial(folder, PATIENTS if n_files > 24 else patients, EVENTS), patients, visits)
    warm(sorted((trial / "fcs").iterdir()))
    account = Account(folder / "account")
    rounds = ROUNDS.get(n_files, 1)
    runs, alone = [], []
    for _ in range(rounds):
        forget(trial)
        account.clear()
        runs.append(snakemake(trial, account=account))
        alone.append(json.loads(run(python("flowkit_trial", trial)).output))
    jobs = account.jobs()
    measuring = account.cost() * len(jobs)
    differing, compared = compare_counts(trial, alone[-1]["counts"])
    return {
        "n_files": n_files,
        "n_events": EVENTS,
        "rounds": rounds,
        "cores": CORES,
        "workflow": {
            "wall": statistics.median(one.wall for one in runs),
            "cpu": statistics.median(one.cpu for one in runs),
        },
        "flowkit": {name: statistics.median(one[name] for one in alone) for name in ("wall", "cpu")},
        "verbs": by_verb(jobs, {verb: start_of(verb) for verb in {job.verb for job in jobs}}),
        "snakemake": runs[-1].cpu - sum(job.cpu for job in jobs) - measuring,
        "measuring": measuring,
        "differing_counts": differing,
        "counts": compared,
    }


def by_verb(jobs: Sequence[Job], starts: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Verb -> number of ``jobs``, seconds of ``cpu`` and ``wall``, ``start`` (of the CPU), and largest ``peak_mib``."""
    found: dict[str, dict[str, float]] = {}
    for verb in sorted({job.verb for job in jobs}):
        own = [job for job in jobs if job.verb == verb]
        found[verb] = {
            "jobs": len(own),
            "cpu": sum(job.cpu for job in own),
            "wall": sum(job.wall for job in own),
            "start": len(own) * starts.get(verb, 0.0),
            "peak_mib": max(job.peak_mib for job in own),
        }
    return found


def compare_counts(trial: Path, flowkit: Mapping[str, Mapping[str, int]]) -> tuple[int, int]:
    """Populations that the workflow counts otherwise than FlowKit, and how many there are.

    Raises
    ------
    RuntimeError
        Nothing can be compared.
    """
    _, rows = read_sheet(trial / TABLE)
    gated = [row for row in rows if row["population"] in flowkit.get(row["sample_id"], {})]
    if not gated:
        raise RuntimeError(f"{trial.name}: no population of {TABLE} is among the gates that FlowKit applied")
    differing = sum(row["n_events"] != str(flowkit[row["sample_id"]][row["population"]]) for row in gated)
    sys.stderr.write(f"{trial.name}: {differing} of {len(gated)} counts differ, {len(flowkit)} files\n")
    return differing, len(gated)


def measure_job_memory(folder: Path, n_events: int) -> dict[str, Any]:
    """Peak memory of the gating verbs on one file of so many events, in MiB."""
    trial = make_trial(folder, 2, n_events, files=1)
    account = Account(folder / "account")
    account.clear()
    forget(trial)
    snakemake(trial, "--until", "apply_gates", account=account)
    found = by_verb(account.jobs(), {})
    shutil.rmtree(trial)
    return {"n_events": n_events, "verbs": found}


def dry_run(folder: Path, n_files: int) -> dict[str, Any]:
    """Seconds and memory that Snakemake needs to plan a trial whose files are empty."""
    patients = n_files // 10
    trial = make_trial(folder, patients, 0)
    used = snakemake(trial, "--dry-run", "--quiet")
    shutil.rmtree(trial)
    return {"n_files": n_files, "wall": used.wall, "cpu": used.cpu, "peak_mib": used.peak_mib}
