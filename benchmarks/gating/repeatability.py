"""How well gating repeats itself on the same blood, stained three times; ``python -m benchmarks.gating`` has it too.

python -m benchmarks.gating.repeatability [--designs clinic,other_lab] [--subjects-per-arm 12] [--cores 2]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.gating.designs import planned
from benchmarks.gating.document import repeatability_section
from benchmarks.gating.options import add_size_arguments, processes, size_of, words
from benchmarks.gating.replicates import DESIGNS, run_all


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; of several seeds the first is taken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gating.repeatability", description=__doc__)
    parser.add_argument("--designs", type=words, default=DESIGNS, help="PROFILE or TRIAL/PROFILE, with commas")
    add_size_arguments(parser)
    arguments = parser.parse_args(argv)
    size = size_of(arguments)
    try:
        designs = planned(arguments.designs, size)
    except ValueError as error:
        parser.error(str(error))
    with processes(arguments.cores) as pool:
        tables = run_all(size, pool, designs=designs)
    sys.stdout.write(repeatability_section(tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
