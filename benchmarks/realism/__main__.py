"""Holds simulated FCS files against real ones: tables, ranges, verdicts, and pictures side by side.

python -m benchmarks.realism --real FOLDER --simulated FILE [FILE ...] [--pictures FOLDER] [--details]
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.realism.compare import MEASURES, Tables, fcs_files, measure_all, range_of, verdicts


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; 1 where one side has no file that can be compared."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.realism", description=__doc__)
    parser.add_argument("--real", type=Path, nargs="+", required=True, help="folders (searched below) or FCS files")
    parser.add_argument("--simulated", type=Path, nargs="+", required=True, help="folders or FCS files")
    parser.add_argument("--pictures", type=Path, help="folder that gets simulated_and_real_*.png")
    parser.add_argument("--details", action="store_true", help="print every channel and pair as well")
    arguments = parser.parse_args(argv)
    logging.getLogger("fcsparser").setLevel(logging.ERROR)  # it warns of every odd byte in a header
    sides = {}
    for side in ("real", "simulated"):
        paths = [path for place in getattr(arguments, side) for path in fcs_files(place)]
        sides[side], passed = measure_all(paths)
        sys.stdout.writelines(f"{side}, passed over: {name}: {reason}\n" for name, reason in passed.items())
        if not sides[side]:
            sys.stderr.write(f"ERROR: no {side} file can be compared\n")
            return 1
    print_files(sides, details=arguments.details)
    print_verdicts(sides["real"], sides["simulated"])
    if arguments.pictures:
        from benchmarks.realism.pictures import draw_all

        for path in draw_all(arguments.real, arguments.simulated, arguments.pictures):
            sys.stdout.write(f"{path}\n")
    return 0


def print_files(sides: Mapping[str, Mapping[str, Tables]], *, details: bool) -> None:
    """One table per group of measures: per file the median and, where there are several values, the quartiles."""
    for table, (title, words) in MEASURES.items():
        rows = {
            f"{'real' if side == 'real' else 'SYNTHETIC'} {name}": _row(tables[table], words)
            for side, files in sides.items()
            for name, tables in files.items()
        }
        sys.stdout.write(f"\n{table}: {title}\n{pd.DataFrame(rows).T.to_string()}\n")
        sys.stdout.writelines(f"  {column:20} {meaning}\n" for column, meaning in words.items())
        if details:
            for files in sides.values():
                for name, tables in files.items():
                    if len(tables[table]):
                        sys.stdout.write(f"\n{name}\n{tables[table][list(words)].to_string(float_format=_short)}\n")


def _row(table: pd.DataFrame, words: Mapping[str, str]) -> dict[str, str]:
    row = {"n": str(len(table))}
    for column in words:
        values = table[column].dropna()
        low, middle, high = (_short(values.quantile(q, interpolation="lower")) for q in (0.25, 0.5, 0.75))
        row[column] = "-" if values.empty else middle if len(values) == 1 else f"{middle} ({low}..{high})"
    return row


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def print_verdicts(real: Mapping[str, Tables], simulated: Mapping[str, Tables]) -> None:
    """The range over all real channels, pairs or files beside the simulated one, and how many files lie inside."""
    everything = range_of(real)
    table = verdicts(everything, range_of(simulated))
    each = [verdicts(everything, range_of({name: tables}))["verdict"] for name, tables in simulated.items()]
    inside = sum(one.isin(["middle", "inside"]).astype(int) for one in each)
    told = sum((one != "-").astype(int) for one in each)
    table["files"] = [f"{a} of {b}" for a, b in zip(inside, told, strict=True)]
    sys.stdout.write("\nreal range and simulated median over all channels, pairs or files\n")
    sys.stdout.write(table.to_string(float_format=_short) + "\n")
    sys.stdout.write("middle: within the real quartiles; inside: within the real range; -: not measured; ")
    sys.stdout.write("files: simulated files whose own median lies within the real range\n")


if __name__ == "__main__":
    sys.exit(main())
