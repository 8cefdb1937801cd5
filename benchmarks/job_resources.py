"""What every verb takes beside what `cytotrial.job_resources` says of it: ``python -m benchmarks.job_resources``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cytotrial.cli import main as cytotrial
from cytotrial.job_resources import NEEDS, FileSizes, JobResources
from cytotrial.jobs import load_jobs

ROOT = Path(__file__).resolve().parents[1]

# What stands for `cytotrial` while the workflow runs: it does the work and writes down what it took.
RECORDER = """#!{python}
import json, resource, subprocess, sys
code = subprocess.call(["{real}", *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
taken = [sys.argv[1].replace("-", "_"), used.ru_maxrss / 1000, used.ru_utime + used.ru_stime]
with open("{records}", "a") as file:
    file.write(json.dumps(taken) + "\\n")
sys.exit(code)
"""


def main() -> None:
    """Simulate a trial per number of events, run the workflow on it, and print the most that each verb took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", default="10000,300000", help="per file; one trial for each number")
    parser.add_argument("--subjects-per-arm", default="1")
    arguments = parser.parse_args()
    print("MB and CPU seconds of the greatest job of each rule: measured, and as cytotrial.job_resources has it")
    print(f"{'files':>6s} {'largest MB':>10s} {'rule':18s} {'MB':>7s} {'said':>7s} {'s':>7s} {'said':>7s}")
    for events in arguments.events.split(","):
        with tempfile.TemporaryDirectory() as folder:
            line = ["--subjects-per-arm", arguments.subjects_per_arm, "--visits", "W0,W10", "--events", events]
            trial = Path(folder) / "trial"
            cytotrial(["simulate", "--trial", "he2020", "--seed", "1", "--missing", "0", "--out", str(trial), *line])
            for row in compare(trial, records_of(trial, Path(folder))):
                print(row)


def records_of(trial: Path, folder: Path) -> dict[str, tuple[float, float]]:
    """Run the workflow on one core; rule -> MB and CPU seconds, the most that one of its jobs took."""
    records, recorder = folder / "records", folder / "programs" / "cytotrial"
    recorder.parent.mkdir()
    text = RECORDER.format(python=sys.executable, real=shutil.which("cytotrial"), records=records)
    recorder.write_text(text, encoding="utf-8")
    recorder.chmod(0o755)
    path = f"{recorder.parent}{os.pathsep}{os.environ['PATH']}"
    line = ["snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(trial), "--cores", "1", "--quiet", "all"]
    subprocess.run(line, env={**os.environ, "PATH": path}, check=True)
    most: dict[str, tuple[float, float]] = {}
    for rule, memory, seconds in map(json.loads, records.read_text(encoding="utf-8").splitlines()):
        before = most.get(rule, (0.0, 0.0))
        most[rule] = (max(before[0], memory), max(before[1], seconds))
    return most


def compare(trial: Path, measured: dict[str, tuple[float, float]]) -> Iterator[str]:
    """A line per rule."""
    with contextlib.chdir(trial):
        jobs = load_jobs(Path("config/config.yaml"), Path())
        resources = JobResources(jobs)
        blocks = [resources.sizes({"panel": panel, "block": block}) for panel, block in jobs.blocks]
        panels = [resources.sizes({"panel": panel}) for panel, _ in jobs.blocks]
        whole = [resources.sizes({})]
    of: dict[str, list[FileSizes]] = {"place_gates": blocks, "apply_gates": blocks, "draw_gates": panels}
    for rule, (memory, seconds) in measured.items():
        sizes = of.get(rule, whole)
        files, largest = max(one.n_files for one in sizes), max(one.largest_mb for one in sizes)
        said = max(NEEDS[rule].held_mb(one) for one in sizes), max(NEEDS[rule].cpu_seconds(one) for one in sizes)
        yield f"{files:6d} {largest:10.1f} {rule:18s} {memory:7.0f} {said[0]:7.0f} {seconds:7.2f} {said[1]:7.2f}"


if __name__ == "__main__":
    main()
