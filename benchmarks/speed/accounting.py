"""What every job of the workflow uses: a `cytotrial` that comes first on PATH runs the real one and notes it."""

from __future__ import annotations

import json
import shlex
import stat
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.processes import KIBIBYTES, run

VERB = "cytotrial"
# Without site-packages it starts in some milliseconds. The job is a child of this small process, not of Snakemake: a
# process is born with the peak memory of the one that starts it.
ACCOUNT = """\
import json, os, sys, time
log, program, *words = sys.argv[1:]
start = time.perf_counter()
process = os.posix_spawn(program, [program, *words], os.environ)
_, status, used = os.wait4(process, 0)
row = [words[0] if words else "", used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss]
with open(log, "a") as stream:
    stream.write(json.dumps(row) + "\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""
PROBES = 5


@dataclass(frozen=True)
class Job:
    """A verb that ran: seconds of CPU, seconds, and its peak memory in MiB."""

    verb: str
    cpu: float
    wall: float
    peak_mib: float


class Account:
    """The command in a folder of its own, and what it noted."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._log, self._program = folder / "jobs.jsonl", folder / "account.py"
        self._program.write_text(ACCOUNT, encoding="utf-8")
        command = folder / VERB
        line = shlex.join(self._line(str(Path(sys.executable).parent / VERB)))
        command.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
        command.chmod(command.stat().st_mode | stat.S_IXUSR)

    def _line(self, program: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(self._program), str(self._log), program]

    def clear(self) -> None:
        """Forget what was noted."""
        self._log.unlink(missing_ok=True)

    def jobs(self) -> list[Job]:
        """Everything noted since, in the order of the ends."""
        rows = map(json.loads, self._log.read_text(encoding="utf-8").splitlines())
        return [Job(verb, cpu, wall, kib / KIBIBYTES) for verb, cpu, wall, kib in rows]

    def cost(self) -> float:
        """Seconds of CPU that noting one job takes."""
        return statistics.median(run(self._line("/bin/true")).cpu for _ in range(PROBES))


def start_of(verb: str) -> float:
    """Seconds of CPU until a verb knows what it is asked: Python's start and its module's imports."""
    line = [str(Path(sys.executable).parent / VERB), verb, "--help"]
    return statistics.median(run(line).cpu for _ in range(PROBES))
