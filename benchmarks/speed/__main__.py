"""How fast gating and the whole workflow are, beside FlowKit: what is compared runs in turns, in one run.

python -m benchmarks.speed [--quick] [--whole 24,120,600] [--work FOLDER] [--out docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed import gating, whole
from benchmarks.speed.document import document
from benchmarks.speed.machine import machine
from benchmarks.speed.processes import python, run

FIGURES = Path(__file__).with_name("figures.json")  # of the runs whose figures the page shows
DIGITS = 5


@dataclass(frozen=True)
class Sizes:
    """How much is measured: events of a file -> files and rounds; events of files whose memory is; files planned."""

    gating: dict[int, tuple[int, int]]
    memory: tuple[int, ...]
    planned: tuple[int, ...]


USUAL = Sizes(
    {10_000: (24, 7), 100_000: (24, 7), 1_000_000: (24, 3)}, (100_000, 1_000_000, 10_000_000), (1_200, 12_000)
)
QUICK = Sizes({10_000: (4, 1), 100_000: (4, 1)}, (100_000,), (120,))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page; a target that is missed is a finding, not a failure: 0 all the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files and one round: does it run")
    parser.add_argument("--whole", type=_numbers, help="only this: the workflow on so many files, of 24,120,600")
    parser.add_argument("--work", type=Path, help="folder for the files, kept; by default a temporary one")
    parser.add_argument("--out", type=Path, help="page to write; the figures it is made of are kept beside the code")
    arguments = parser.parse_args(argv)
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = _whole(folder, arguments.whole) if arguments.whole else _usual(folder, quick=arguments.quick)
        for part, rows in found:
            figures[part] = {"machine": machine(), "quick": arguments.quick, "rows": rounded(rows)}
    page = document(figures)
    sys.stdout.write(page)
    if arguments.out:
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8", newline="\n")
        arguments.out.write_text(page, encoding="utf-8", newline="\n")
    return 0


def _whole(folder: Path, n_files: Sequence[int]) -> Iterator[tuple[str, list[Any]]]:
    yield "whole", [_told("workflow", whole.measure(folder, n)) for n in n_files]


def _usual(folder: Path, *, quick: bool) -> Iterator[tuple[str, list[Any]]]:
    """Part -> rows, as `document` wants them."""
    sizes = QUICK if quick else USUAL
    yield (
        "gating",
        [
            _told("gating", gating.time_size(folder, n_events, n_files=n_files, rounds=rounds))
            for n_events, (n_files, rounds) in sizes.gating.items()
        ],
    )
    yield "memory", [_told("memory", gating.measure_memory(folder, n_events)) for n_events in sizes.memory]
    yield "job_memory", [_told("jobs", whole.measure_job_memory(folder, n_events)) for n_events in sizes.memory]
    yield "dry_run", [_told("dry run", whole.dry_run(folder, n_files)) for n_files in sizes.planned]
    yield "steps", _told("steps", json.loads(run(python("steps", folder)).output))


def rounded(value: Any) -> Any:
    """The same figures with `DIGITS` digits, as they are kept."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _told(what: str, row: Any) -> Any:
    """The row itself, said on the way."""
    sys.stderr.write(f"{what}: {json.dumps(row)}\n")
    return row


def _numbers(text: str) -> tuple[int, ...]:
    numbers = tuple(int(word) for word in text.split(","))
    unknown = sorted(set(numbers) - set(whole.SHAPES))
    if unknown:
        raise argparse.ArgumentTypeError(f"found {unknown}, expected some of {sorted(whole.SHAPES)}")
    return numbers


if __name__ == "__main__":
    sys.exit(main())
