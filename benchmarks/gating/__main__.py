"""How near gating comes to the truth of simulated trials, and how well it repeats itself on the same blood.

python -m benchmarks.gating [--profiles clinic,hard] [--seeds 7101] [--subjects-per-arm 4] [--out docs/accuracy.md]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

import pandas as pd

from benchmarks.gating.designs import DESIGNS, Size, planned, run_design
from benchmarks.gating.document import WORST_SHOWN, Results, document
from benchmarks.gating.options import add_size_arguments, processes, size_of, words
from benchmarks.gating.replicates import run_all


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures and the verdicts; a target that is missed is a finding, not a failure: 0 all the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gating", description=__doc__)
    parser.add_argument("--profiles", type=words, default=DESIGNS, help="PROFILE or TRIAL/PROFILE, with commas")
    add_size_arguments(parser)
    parser.add_argument("--no-repeatability", action="store_true", help="accuracy only")
    parser.add_argument("--out", type=Path, help="Markdown file to write: docs/accuracy.md for the whole benchmark")
    parser.add_argument("--details", type=Path, help="table to write, one row per file, subset and denominator")
    arguments = parser.parse_args(argv)
    size = size_of(arguments)
    try:
        designs = planned(arguments.profiles, size)
    except ValueError as error:
        parser.error(str(error))
    with processes(arguments.cores) as pool:
        numbers = {design: _timed(design, size, pool) for design in designs}
        again = {} if arguments.no_repeatability else run_all(size, pool)
    results = Results(size, numbers, again)
    sys.stdout.write(document(results, worst=None))
    if arguments.details:
        pd.concat(numbers.values()).to_csv(arguments.details, sep="\t", index=False, na_rep="NA")
    if arguments.out:
        arguments.out.write_text(document(results, worst=WORST_SHOWN), encoding="utf-8", newline="\n")
    return 0


def _timed(design: str, size: Size, pool: Executor) -> pd.DataFrame:
    start = time.perf_counter()
    numbers = run_design(design, size, pool)
    files, taken = numbers["sample_id"].groupby(numbers["seed"]).nunique().sum(), time.perf_counter() - start
    sys.stderr.write(f"{design}: {files} SYNTHETIC files in {taken:.0f} s\n")
    return numbers


if __name__ == "__main__":
    sys.exit(main())
