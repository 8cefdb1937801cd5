"""The workflow on a real SLURM: the same bytes as at home, few jobs, and failures that are noticed and mended."""

from __future__ import annotations

import re
import shutil
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from cytotrial.job_resources import FileSizes, memory_mb, runtime_minutes

pytestmark = pytest.mark.slow

SUBJECTS = ("S001", "S002")  # one of each arm
GREEDY, FAILING, GOOD = "S001", "S002", "S003"  # of the run that places gates only
RESULTS = ("tables", "stats", "report", "exports")


@dataclass(frozen=True)
class Ran:
    """One run of Snakemake: its folder, how it ended, and the cluster jobs that it was."""

    folder: Path
    code: int
    output: str
    jobs: list
    seconds: float

    def files(self) -> dict[str, bytes]:
        """Everything that a run is for, by its path below ``results``."""
        results = self.folder / "results"
        found = [path for name in RESULTS for path in (results / name).rglob("*") if path.is_file()]
        return {path.relative_to(results).as_posix(): path.read_bytes() for path in found}


@dataclass(frozen=True)
class Stories:
    """What the tests look at, under way side by side: most of a run on a cluster is waiting."""

    local: Future
    failing: Future
    cancelled_and_again: Future


def placing(subject: str, what: str) -> str:
    """A line of shell that does `what` where gates of `subject` are placed."""
    return f'case "$*" in *"place-gates "*"--subjects {subject} "*) {what} ;; esac'


def sizes_of(folder: Path, subject: str) -> FileSizes:
    """Of a subject's files."""
    sizes = [path.stat().st_size / 1e6 for path in folder.glob(f"fcs/{subject}_*_nk.fcs")]
    return FileSizes(max(sizes), sum(sizes), len(sizes))


def asked(folder: Path, subject: str, attempt: int = 1) -> int:
    """MB that placing a subject's gates asks for."""
    return memory_mb("place_gates", sizes_of(folder, subject), attempt)


def landmarks(*subjects: str) -> list[str]:
    """What placing their gates writes."""
    return [f"results/interim/nk/{subject}/landmarks.tsv" for subject in subjects]


@dataclass(frozen=True)
class Work:
    """The cluster, and a folder for the programs that are planted on it."""

    cluster: object
    folder: Path

    def run(self, where: Path, *arguments: str, programs: Path | None = None) -> Ran:
        """The profile in `where`."""
        start = time.monotonic()
        done = self.cluster.snakemake(where, *arguments, programs=programs)
        output = done.stdout + done.stderr
        run = re.search(r"SLURM run ID: (\S+)", output)
        jobs = self.cluster.jobs(run[1]) if run else []
        return Ran(where, done.returncode, output, jobs, time.monotonic() - start)

    def failing(self, where: Path) -> Ran:
        """Gates are placed; one job takes too much memory at first, another always fails."""
        # More than was asked for the first time, with Snakemake's own less than twice that.
        hold = f'import time; held = b"x" * {asked(where, GREEDY) * 1_100_000}; time.sleep(4)'
        greedy = placing(GREEDY, f"{sys.executable} -c '{hold}' || exit 1")
        broken = placing(FAILING, 'echo "a planted failure" >&2; exit 1')
        programs = self.planted("programs-failing", f"{greedy}\n{broken}")
        wanted = landmarks(GREEDY, FAILING, GOOD)
        return self.run(where, "--retries", "1", "--group-components", "place=1", "--", *wanted, programs=programs)

    def cancelled_and_again(self, where: Path) -> tuple[Ran, Ran]:
        """The first job is cancelled as soon as it runs; the run is started again, with nothing in its way."""
        mark = self.folder / "sleeping-job"
        sleep = placing(SUBJECTS[1], f"echo $SLURM_JOB_ID > {mark}.new; mv {mark}.new {mark}; sleep 90; exit 1")
        programs = self.planted("programs-cancelled", sleep)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.run, where, "--retries", "0", programs=programs)
            self.cluster.wait_for(mark.exists, "the job that is to be cancelled", seconds=120)
            self.cluster.ask("scancel", mark.read_text().strip())
            cancelled = first.result()
        return cancelled, self.run(where)

    def planted(self, name: str, lines: str) -> Path:
        """A folder with a ``cytotrial`` that does `lines` of shell before its work."""
        program = self.folder / name / "cytotrial"
        program.parent.mkdir()
        real = shutil.which("cytotrial", path=self.cluster.environment["PATH"])
        program.write_text(f'#!/bin/sh\n{lines}\nexec {real} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        return program.parent


@pytest.fixture(scope="module")
def stories(cluster, make_trial, run_workflow, tmp_path_factory):
    """A run without the cluster, one with jobs that fail, and one whose job is cancelled, started again."""
    work = Work(cluster, tmp_path_factory.mktemp("slurm"))

    def trial(name: str, *subjects: str) -> Path:
        return make_trial(work.folder / name, subjects=subjects, panels=("nk",)).root

    def local(where: Path) -> Ran:
        done = run_workflow(where)
        return Ran(where, done.returncode, done.stdout + done.stderr, [], 0.0)

    with ThreadPoolExecutor(3) as pool:
        yield Stories(
            pool.submit(local, trial("local", *SUBJECTS)),
            pool.submit(work.failing, trial("failing", GREEDY, FAILING, GOOD)),
            pool.submit(work.cancelled_and_again, trial("cancelled", *SUBJECTS)),
        )


@pytest.fixture
def local(stories) -> Ran:
    """The trial without the cluster."""
    ran = stories.local.result()
    assert ran.code == 0, ran.output
    return ran


@pytest.fixture
def failing(stories) -> Ran:
    """A run that places gates: one job takes too much memory at first, another always fails."""
    return stories.failing.result()


@pytest.fixture
def cancelled(stories) -> Ran:
    """A run whose first job is cancelled while it runs."""
    return stories.cancelled_and_again.result()[0]


@pytest.fixture
def whole(stories) -> Ran:
    """The same, started again: with the profile as it is, and nothing in its way."""
    ran = stories.cancelled_and_again.result()[1]
    assert ran.code == 0, ran.output
    return ran


def told(ran: Ran) -> None:
    """A run for the reader of a test's output."""
    print(f"{ran.seconds:.0f} s", *ran.jobs, sep="\n")


def test_the_same_bytes_as_without_a_cluster(local, whole):
    """Of a run that was cancelled, too, and started again."""
    first, second = local.files(), whole.files()
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []
    print(f"{len(first)} files, {sum(map(len, first.values())):,} bytes: the same")
    assert len(first) >= 14 and "report/index.html" in first


def test_a_stage_is_one_cluster_job(whole):
    """Of so small a trial: its gating jobs fit into one group."""
    told(whole)
    done = int(re.findall(r"^(\d+) of \1 steps \(100%\) done$", whole.output, flags=re.MULTILINE)[-1])
    print(f"{done} jobs of Snakemake")
    assert [job.state for job in whole.jobs] == ["COMPLETED"] * len(whole.jobs)
    assert done >= 2 * len(SUBJECTS) + 8 and len(whole.jobs) == 5


def test_every_cluster_job_asks_for_memory_and_time(whole):
    """A group for the memory of its greatest and the time of all: they run one after the other."""
    sizes = [sizes_of(whole.folder, subject) for subject in SUBJECTS]
    place = (
        max(memory_mb("place_gates", one) for one in sizes),
        f"{sum(runtime_minutes('place_gates', one) for one in sizes)}:00",
    )
    assert [(job.memory_mb, job.time_limit) for job in whole.jobs if "place_gates" in job.rules] == [place]
    assert all(job.memory_mb > 400 and re.fullmatch(r"\d+:00", job.time_limit) for job in whole.jobs)


def test_a_job_ended_for_its_memory_comes_through_with_twice_as_much(failing):
    told(failing)
    again = asked(failing.folder, GREEDY, attempt=2)
    assert again == 2 * asked(failing.folder, GREEDY)
    assert "exceeded memory limit" in failing.output
    assert "COMPLETED" in [job.state for job in failing.jobs if job.memory_mb == again]
    assert all((failing.folder / name).is_file() for name in landmarks(GREEDY))


def test_a_job_that_always_fails_is_named_and_the_others_are_finished(failing):
    assert failing.code == 1
    assert "a planted failure" in failing.output
    assert f"results/logs/place_gates/nk/{FAILING}.log" in failing.output
    made = [name for name in landmarks(GREEDY, FAILING, GOOD) if (failing.folder / name).is_file()]
    assert made == landmarks(GREEDY, GOOD)
    placed = [job for job in failing.jobs if "place_gates" in job.rules]
    expected = [asked(failing.folder, subject) for subject in (GREEDY, FAILING, GOOD)]
    expected += [asked(failing.folder, subject, attempt=2) for subject in (GREEDY, FAILING)]
    assert sorted(job.memory_mb for job in placed) == sorted(expected)
    assert sorted(job.state for job in placed) == ["COMPLETED"] * 2 + ["FAILED"] * 3


def test_a_cancelled_job_is_noticed(cancelled):
    told(cancelled)
    assert cancelled.code == 1
    assert [job.state for job in cancelled.jobs if job.state != "COMPLETED"] == ["CANCELLED"]
    job = cancelled.jobs[-1]
    assert re.search(rf"JOB {job.number} ON {job.node} CANCELLED AT ", cancelled.output)


def test_both_nodes_worked(whole, failing):
    assert {job.node for job in [*whole.jobs, *failing.jobs]} == {"node1", "node2"}
