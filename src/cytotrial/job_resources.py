"""What each rule's job asks of a cluster: memory and time, from file sizes and the attempt. Light imports only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

SNAKEMAKE_MB = 400  # a cluster job is two Snakemakes, one inside the other, before it is ours: 190 MB each at 600 files
START_S = 60  # both read the workflow first, from a file server that may be cold: 2 to 5 s each at 600 files
MARGIN_MB = 1.5  # another machine, another Python: asked for over measured
MARGIN_S = 4.0
GROWTH = 2  # every retry asks for twice as much as the attempt before


@dataclass(frozen=True)
class FileSizes:
    """The FCS files of one job, and the file that people drew its gates in, in MB (of 1,000,000 bytes).

    Examples
    --------
    >>> FileSizes(largest_mb=14.4, total_mb=43.2, n_files=3)
    FileSizes(largest_mb=14.4, total_mb=43.2, n_files=3, drawing_mb=0.0)
    """

    largest_mb: float = 0.0
    total_mb: float = 0.0
    n_files: int = 0
    drawing_mb: float = 0.0


@dataclass(frozen=True)
class Need:
    """What one verb was measured to take: peak resident memory in MB, CPU seconds of one core.

    Parameters
    ----------
    mb, seconds : float
        With files of no size: the interpreter and what is imported.
    mb_per_mb : float
        On top for each MB of the largest FCS file: files are read one after the other.
    most_mb : float
        A file larger than this, in MB, takes no more memory, because only so many events are looked at together.
    mb_per_drawing_mb : float
        On top for each MB of the workspace or GatingML file that is held as a tree.
    mb_per_file, seconds_per_file : float
        On top for each FCS file of the job.
    seconds_per_mb : float
        On top for each MB of all its FCS files.
    """

    mb: float
    seconds: float
    mb_per_mb: float = 0.0
    most_mb: float = math.inf
    mb_per_drawing_mb: float = 0.0
    mb_per_file: float = 0.0
    seconds_per_mb: float = 0.0
    seconds_per_file: float = 0.0

    def held_mb(self, sizes: FileSizes) -> float:
        """Peak memory of a job with such files, in MB."""
        of_events = self.mb_per_mb * min(sizes.largest_mb, self.most_mb)
        return self.mb + of_events + self.mb_per_file * sizes.n_files + self.mb_per_drawing_mb * sizes.drawing_mb

    def cpu_seconds(self, sizes: FileSizes) -> float:
        """CPU time of a job with such files."""
        return self.seconds + self.seconds_per_mb * sizes.total_mb + self.seconds_per_file * sizes.n_files


# `python -m benchmarks.job_resources` prints what every verb takes beside what these numbers say: measure again
# after a change that makes a verb read, hold or import something else.
BY_FLOWKIT = ("place_gates", "apply_gates")  # where a strategy was drawn
TREE = 11.0  # a workspace is held as a tree of so many times its size
NEEDS: Mapping[str, Need] = {
    # 131,072 events are looked at together: 2.6 MB of ten channels of 16 bits, more of any other file
    "place_gates": Need(
        mb=52,
        mb_per_mb=17,
        most_mb=2.6,
        mb_per_drawing_mb=TREE,
        seconds=0.4,
        seconds_per_mb=0.01,
        seconds_per_file=0.10,
    ),
    "agree_gates": Need(mb=40, mb_per_file=0.05, mb_per_drawing_mb=TREE, seconds=0.4, seconds_per_file=0.010),
    "apply_gates": Need(mb=60, mb_per_drawing_mb=TREE, seconds=0.4, seconds_per_mb=0.01, seconds_per_file=0.10),
    "draw_gates": Need(mb=46, mb_per_file=0.04, seconds=0.4, seconds_per_file=0.015),
    # as if every file were checked: how many are is the configuration's
    "check_counts": Need(
        mb=225, mb_per_mb=10, mb_per_drawing_mb=TREE, seconds=2.5, seconds_per_mb=0.06, seconds_per_file=0.2
    ),
    "tabulate": Need(mb=180, mb_per_file=0.08, seconds=1.7, seconds_per_file=0.012),
    "statistics": Need(mb=215, mb_per_file=0.07, seconds=4.0, seconds_per_file=0.012),
    "report": Need(mb=215, mb_per_file=0.15, seconds=2.5, seconds_per_file=0.006),
    "export_gates": Need(mb=220, mb_per_file=0.04, mb_per_drawing_mb=TREE, seconds=2.5, seconds_per_file=0.02),
    "record_overrides": Need(mb=18, seconds=0.2),
}


def memory_mb(rule: str, sizes: FileSizes, attempt: int = 1) -> int:
    """Memory to ask for, in MB: Snakemake's own, and half as much again as the verb was measured to hold.

    Parameters
    ----------
    rule : str
        The rule's name, one of `NEEDS`.
    sizes : FileSizes
        Of the job's files.
    attempt : int
        1 for a job's first run; each further one asks for twice as much, so that a job that was ended for its
        memory comes through.

    Examples
    --------
    >>> memory_mb("record_overrides", FileSizes())
    427
    >>> memory_mb("record_overrides", FileSizes(), attempt=2)
    854
    """
    return math.ceil(SNAKEMAKE_MB + MARGIN_MB * _need(rule, sizes).held_mb(sizes)) * GROWTH ** (attempt - 1)


def runtime_minutes(rule: str, sizes: FileSizes, attempt: int = 1) -> int:
    """Wall time to ask for, in minutes: one for the start, and four times the CPU time that was measured.

    Parameters are `memory_mb`'s. A group's jobs run one after the other: Snakemake asks for the sum of their times, and
    for the memory of the one that wants most.

    Examples
    --------
    >>> runtime_minutes("record_overrides", FileSizes()), runtime_minutes("record_overrides", FileSizes(), attempt=3)
    (2, 8)
    """
    return math.ceil((START_S + MARGIN_S * _need(rule, sizes).cpu_seconds(sizes)) / 60) * GROWTH ** (attempt - 1)


def _need(rule: str, sizes: FileSizes) -> Need:
    """What a rule takes; where people drew the gates, FlowKit holds each file whole to place and to count them."""
    return NEEDS["check_counts"] if sizes.drawing_mb and rule in BY_FLOWKIT else NEEDS[rule]


class Trial(Protocol):
    """What of `cytotrial.jobs.Jobs` is needed here."""

    @property
    def blocks(self) -> Mapping[tuple[str, str], object]:
        """Every job of the gating rules, by panel and block of subjects."""

    def sizes_mb(self, panel: str, block: str) -> Mapping[str, float]:
        """Size in MB of each FCS file of such a job that exists."""

    def drawing_mb(self, panel: str) -> float:
        """Size of the file that people drew a panel's strategy in, in MB."""


class JobResources:
    """A trial's rules as the functions that Snakemake calls for a job's ``mem_mb`` and ``runtime``.

    A job is measured by the files of the panel and the block of subjects that its wildcards name; one that names
    neither by all the trial's.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._sizes: dict[tuple[str | None, str | None], FileSizes] = {}

    def memory(self, rule: str) -> Callable[[Mapping[str, str], int], int]:
        """`memory_mb` of `rule`, of a job's wildcards and attempt."""

        def asked(wildcards: Mapping[str, str], attempt: int) -> int:
            return memory_mb(rule, self.sizes(wildcards), attempt)

        return asked

    def minutes(self, rule: str) -> Callable[[Mapping[str, str], int], int]:
        """`runtime_minutes` of `rule`, of a job's wildcards and attempt."""

        def asked(wildcards: Mapping[str, str], attempt: int) -> int:
            return runtime_minutes(rule, self.sizes(wildcards), attempt)

        return asked

    def sizes(self, wildcards: Mapping[str, str]) -> FileSizes:
        """Sizes of a job's files; added up once, since Snakemake asks many times over."""
        panel, block = wildcards.get("panel"), wildcards.get("block")
        if (panel, block) not in self._sizes:
            named = [(panel, block)] if panel and block else self._trial.blocks
            jobs = [job for job in named if panel in (None, job[0])]
            files = [size for job in jobs for size in self._trial.sizes_mb(*job).values()]
            drawings = [self._trial.drawing_mb(name) for name in {job[0] for job in jobs}]
            self._sizes[panel, block] = FileSizes(
                max(files, default=0.0), math.fsum(files), len(files), max(drawings, default=0.0)
            )
        return self._sizes[panel, block]
