"""Whole processes and what they used. Standard library only, and so must every caller be: see `Usage.peak_mib`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
THREADS = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
KIBIBYTES = 1024.0


@dataclass(frozen=True)
class Usage:
    """What a process and those it waited for used.

    Attributes
    ----------
    cpu : float
        Seconds, user and system.
    wall : float
        Seconds.
    peak_mib : float
        The largest resident memory of any one of them. A process is born with the memory of the one that starts it, so
        whoever measures must be smaller than what is measured: hence no numpy here.
    output : str
        What it printed.
    """

    cpu: float
    wall: float
    peak_mib: float
    output: str = ""


def python(module: str, *arguments: object) -> list[str]:
    """The command line of one of this package's programs."""
    return [sys.executable, "-m", f"benchmarks.speed.{module}", *map(str, arguments)]


def environment() -> dict[str, str]:
    """This one, with the checkout importable, the interpreter's programs first, and one thread per process.

    Python keeps what it compiles, as it does for everybody: else every start would compile the package again.
    """
    programs = Path(sys.executable).parent  # not resolved: in a virtual environment it is a link
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **THREADS, "PATH": path, "PYTHONPATH": str(CHECKOUT)}


def run(line: Sequence[str], *, extra: Mapping[str, str] | None = None, said: Path | None = None) -> Usage:
    """Run a program to its end.

    Parameters
    ----------
    extra : mapping, optional
        Of the environment.
    said : Path, optional
        Gets what it says on standard error; by default that goes where this process's goes.

    Raises
    ------
    RuntimeError
        It failed; standard error has said why.
    """
    with tempfile.TemporaryFile("w+") as output, said.open("w") if said else nullcontext() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(line, stdout=output, stderr=errors, env={**environment(), **(extra or {})})
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            hint = f", see {said}" if said else ""
            raise RuntimeError(f"{' '.join(line[:4])} ...: exit code {process.returncode}{hint}")
        output.seek(0)
        return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / KIBIBYTES, output.read())


def interleaved(lines: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Usage]]:
    """Run every program once per round, each round beginning with another one: what slows the machine slows all."""
    found: dict[str, list[Usage]] = {name: [] for name in lines}
    names = list(lines)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(run(lines[name]))
    return found


def median_cpu(usages: Sequence[Usage]) -> float:
    """Seconds."""
    return statistics.median(one.cpu for one in usages)


def ratios(slow: Sequence[Usage], fast: Sequence[Usage]) -> list[float]:
    """CPU of one over CPU of the other, round by round, in ascending order."""
    return sorted(a.cpu / b.cpu for a, b in zip(slow, fast, strict=True))


def warm(files: Sequence[Path]) -> None:
    """Read files once, so that they lie in the operating system's cache."""
    buffer = bytearray(2**20)
    for path in files:
        with path.open("rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass
