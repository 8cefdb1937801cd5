"""What the way from FCS files to p-values finds where the truth is known, and how often it finds what is not there.

python -m benchmarks.validation [--seeds 8101,8102] [--subjects-per-arm 4] [--events 8000] [--out docs/validation.md]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from benchmarks.gating.options import processes, words
from benchmarks.validation.document import document
from benchmarks.validation.results import measure
from benchmarks.validation.study import Size
from cytotrial.simulate.parameters import PANELS


def main(argv: Sequence[str] | None = None) -> int:
    """Print the page; a target that is missed is a finding, not a failure: 0 all the same."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.validation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole = Size()
    for name, meaning in SIZES.items():
        default = getattr(whole, name)
        kind = _numbers if isinstance(default, tuple) else int
        said = ",".join(map(str, default)) if isinstance(default, tuple) else default
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=default, help=f"{meaning}; default: {said}"
        )
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="processes; changes no figure")
    parser.add_argument("--out", type=Path, help="Markdown file to write: docs/validation.md for a whole run")
    arguments = parser.parse_args(argv)
    arguments.events *= len(PANELS) if len(arguments.events) == 1 else 1
    size = Size(**{field.name: getattr(arguments, field.name) for field in fields(Size)})
    try:
        size.check()
    except ValueError as error:
        parser.error(str(error))
    with processes(arguments.cores) as pool:
        page = document(measure(size, pool))
    sys.stdout.write(page)
    if arguments.out:
        arguments.out.write_text(page, encoding="utf-8", newline="\n")
    return 0


SIZES = {
    "seeds": "trials with the effect from FCS files, with commas",
    "null_seeds": "trials without it from FCS files, with commas",
    "subjects_per_arm": "of the trials with the effect",
    "null_subjects_per_arm": "of the trials without it",
    "events": "per FCS file of the panels treg,nk; one number for both",
    "table_trials": "null trials of counts without files",
    "model_trials": "of these, with a mixed model",
    "replicate_bloods": "bloods that are stained several times, in each of two laboratories; 0 for none",
}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, words(text)))


if __name__ == "__main__":
    sys.exit(main())
