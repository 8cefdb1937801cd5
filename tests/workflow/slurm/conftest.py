"""A real SLURM of two nodes on this machine while the tests need it; the machine's own configuration is not touched."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
PROFILE = CHECKOUT / "workflow" / "profiles" / "slurm"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
PACKAGES = "slurmctld slurmd slurm-client munge"
LIMIT = 400  # seconds from the cluster's start after which every run on it is ended
NODES = ("node1", "node2")

# Memory is watched by sampling (OverMemoryKill), since control groups are not to be had in every container; CPUs and
# memory of the nodes are what they say and not what the machine has (config_overrides).
CONFIGURATION = """\
ClusterName=cytotrial
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory,CR_LLN
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=1
MinJobAge=600
KillWait=5
MessageTimeout=30
ReturnToService=2
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/%n
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 RealMemory=32000 State=UNKNOWN
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8 RealMemory=32000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class ClusterJob:
    """One job as SLURM knows it: `run` is Snakemake's name for all jobs of one run, `rules` what it says they do."""

    number: str
    state: str
    memory_mb: int
    time_limit: str
    node: str
    run: str
    rules: str


@dataclass
class Cluster:
    """The daemons and how to speak to them."""

    folder: Path
    environment: dict[str, str]
    daemons: list[subprocess.Popen] = field(default_factory=list)
    guard: subprocess.Popen | None = None
    end: float = field(default_factory=lambda: time.monotonic() + LIMIT)

    def start(self) -> None:
        """Start the daemons, and return when both nodes wait for work."""
        # It waits for the end of its input, which is the end of this process: a killed test run leaves nothing either.
        line = [sys.executable, __file__, str(self.folder)]
        self.guard = subprocess.Popen(line, stdin=subprocess.PIPE, start_new_session=True)
        self._daemon("munged", "--foreground", "--force", *self._munge_files())
        self.wait_for(lambda: (self.folder / "munge.socket").exists(), "munged's socket")
        self._daemon("slurmctld", "-D", "-c")
        for node in NODES:
            self._daemon("slurmd", "-D", "-N", node)
        self.wait_for(
            lambda: sorted(self.ask("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split()) == [*NODES], "nodes"
        )

    def stop(self) -> list[int]:
        """End every job and daemon, whatever has happened, and hand back the processes that had to be killed."""
        if self.daemons[1:]:  # without slurmctld its commands would wait for it
            with suppress(subprocess.SubprocessError, TimeoutError):
                self.ask("scancel", "--quiet", f"--user={os.getuid()}")
                self.wait_for(lambda: not self.ask("squeue", "-h"), "the end of all jobs", seconds=10)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait(10)
        left = sweep(self.folder)
        if self.guard and self.guard.stdin:
            self.guard.stdin.close()
            self.guard.wait(20)
        return left

    def ask(self, *line: str) -> str:
        """What one of SLURM's commands prints; empty where it fails."""
        done = subprocess.run(line, env=self.environment, capture_output=True, text=True, timeout=20, check=False)
        return done.stdout if done.returncode == 0 else ""

    def jobs(self, run: str | None = None) -> list[ClusterJob]:
        """All jobs, or one run's, in the order of their submission."""
        told = self.ask("squeue", "--states=all", "--noheader", "--sort=i", "--format=%i|%T|%m|%l|%N|%j|%k")
        rows = [line.split("|") for line in told.splitlines()]
        found = [ClusterJob(row[0], row[1], _mebibytes(row[2]), *row[3:]) for row in rows]
        return [job for job in found if run in (None, job.run)]

    def wait_for(self, condition: Callable[[], object], what: str, *, seconds: float = 30) -> None:
        """Return as soon as `condition` holds; fail with the daemons' last words where it does not in time."""
        end = min(time.monotonic() + seconds, self.end)
        while not condition():
            if time.monotonic() > end:
                words = [f"{log.name}: {log.read_text()[-1500:]}" for log in self.folder.glob("*.log")]
                raise TimeoutError("\n".join([f"waited {seconds} s in vain for {what}", *words]))
            time.sleep(0.2)

    def snakemake(
        self, folder: Path, *arguments: str, programs: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The project's profile in `folder`, with looks at the jobs every few seconds instead of every minute.

        `programs` is a folder that the jobs find programs in before the project's own.
        """
        line = ["snakemake", "-s", str(CHECKOUT / "Snakefile"), "--directory", str(folder), "--profile", str(PROFILE)]
        line += ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"]
        path = self.environment["PATH"]
        return subprocess.run(
            [*line, *arguments],
            env={**self.environment, "PATH": f"{programs}{os.pathsep}{path}" if programs else path},
            cwd=folder.parent,
            capture_output=True,
            text=True,
            timeout=max(self.end - time.monotonic(), 1),
            check=False,
        )

    def _munge_files(self) -> list[str]:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        named = {"key-file": key.name, "socket": "munge.socket", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        return [f"--{option}={self.folder / name}" for option, name in {**named, "log-file": "munged.log"}.items()]

    def _daemon(self, *line: str) -> None:
        with (self.folder / f"{line[0]}{len(self.daemons)}.log").open("w") as log:
            self.daemons.append(subprocess.Popen(line, env=self.environment, stdout=log, stderr=log))


def sweep(folder: Path) -> list[int]:
    """Kill every process that knows the cluster in `folder`: daemons, job steps, jobs, runs; their numbers."""
    mark, killed = f"SLURM_CONF={folder}/".encode(), []
    for _ in range(50):  # what is started meanwhile is met by the next round
        found = [place for place in Path("/proc").glob("[0-9]*/environ") if _has(place, mark)]
        if not found:
            break
        for place in found:
            with suppress(ProcessLookupError):
                os.kill(int(place.parent.name), signal.SIGKILL)
                killed.append(int(place.parent.name))
        time.sleep(0.1)
    return killed


def _has(environment: Path, mark: bytes) -> bool:
    try:
        return mark in environment.read_bytes()
    except OSError:  # ended, or somebody else's
        return False


def _mebibytes(told: str) -> int:
    """SLURM's ``678M`` or ``2G`` as a number."""
    number, unit = re.fullmatch(r"([\d.]+)([KMGT]?)", told).groups()
    return round(float(number) * {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2}[unit])


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _prepared(folder: Path, environment: dict[str, str]) -> Cluster:
    """Configuration, state folders, and an srun that finds them: in a job the executor hides SLURM_CONF from srun."""
    for name in ("state", *NODES, "programs"):
        (folder / name).mkdir()
    text = CONFIGURATION.format(
        host=socket.gethostname().split(".")[0], user=os.getuid(), folder=folder, ports=_free_ports(3)
    )
    (folder / "slurm.conf").write_text(text)
    srun = shutil.which("srun", path=environment["PATH"])
    (folder / "programs" / "srun").write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {srun} "$@"\n')
    (folder / "programs" / "srun").chmod(0o755)
    path = os.pathsep.join([f"{folder}/programs", environment["PATH"]])
    return Cluster(folder, {**environment, "SLURM_CONF": f"{folder}/slurm.conf", "PATH": path})


@pytest.fixture(scope="session")
def slurm_executor() -> None:
    """Skips where Snakemake's SLURM executor is not installed."""
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("Snakemake's SLURM executor is not installed (pip install 'cytotrial[cluster]')")


@pytest.fixture(scope="session")
def cluster(slurm_executor: None, programs: dict[str, str]) -> Iterator[Cluster]:
    """Two nodes that wait for work. Nothing of them is left behind."""
    environment = {**programs, "PATH": os.pathsep.join([programs["PATH"], "/usr/sbin", "/sbin"])}
    missing = [name for name in PROGRAMS if shutil.which(name, path=environment["PATH"]) is None]
    if missing:
        pytest.skip(f"SLURM is not installed: no {', '.join(missing)} (Debian, Ubuntu: apt-get install {PACKAGES})")
    folder = Path(tempfile.mkdtemp(prefix="slurm"))  # short: the path of a socket has 107 letters at most
    made = _prepared(folder, environment)
    try:
        made.start()
        yield made
    finally:
        killed = made.stop()
        shutil.rmtree(folder, ignore_errors=True)
    assert not killed, f"processes that outlived the cluster: {killed}"


if __name__ == "__main__":  # the guard
    sys.stdin.read()
    sweep(Path(sys.argv[1]))
    shutil.rmtree(sys.argv[1], ignore_errors=True)
