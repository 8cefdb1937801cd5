"""The command line that both benchmarks share: how much is simulated, on how many cores."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from benchmarks.gating.designs import SEEDS, SUBJECTS_PER_ARM, VISITS, Size
from benchmarks.gating.workflow import quiet


def add_size_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that make a run smaller than the one whose figures are in docs/accuracy.md."""
    parser.add_argument(
        "--seeds", type=_numbers, default=SEEDS, help="one trial each, with commas; default: %(default)s"
    )
    parser.add_argument("--subjects-per-arm", type=int, default=SUBJECTS_PER_ARM, help="default: %(default)s")
    visits = ",".join(VISITS["he2020"])
    parser.add_argument("--visits", type=words, help=f"of he2020, with commas; default: {visits}")
    parser.add_argument("--events", type=int, help="per file; default: the trial's own number, 60 000")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes; changes no figure")


def size_of(arguments: argparse.Namespace) -> Size:
    """What the options ask for."""
    visits = {"he2020": arguments.visits} if arguments.visits else {}
    return Size(arguments.seeds, arguments.subjects_per_arm, visits, arguments.events)


@contextmanager
def processes(cores: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes, and this one meanwhile, say only what went wrong."""
    before = logging.root.manager.disable
    quiet()
    try:
        with ProcessPoolExecutor(cores, initializer=quiet) as pool:
            yield pool
    finally:
        logging.disable(before)


def words(text: str) -> tuple[str, ...]:
    """What commas part."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in words(text))
