"""How near the measured percentages come to the truth of a simulated trial, per subset and denominator.

python -m benchmarks.accuracy [--results results] [--truth resources/demo/truth.tsv]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

KEY = ["sample_id", "subset", "denominator"]
CHECKOUT = Path(__file__).resolve().parents[1]
WORDS = {
    "files": "files that have a truth",
    "measured": "of these, with a percentage; the others count as not within",
    "bias_%": "mean of 100 * (measured - truth) / truth",
    "sd_%": "its standard deviation",
    "min_%": "the lowest",
    "max_%": "the highest",
    "within_15_%": "share of files within 15 % of the truth",
    "within_10_%": "share of files within 10 % of the truth",
    "spearman": "rank correlation with the truth",
    "ccc": "Lin's concordance correlation with the truth",
}


def with_truth(subsets: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Measured and true percentages side by side, one row per row of `truth`.

    Returns
    -------
    DataFrame
        The key, ``truth``, ``measured`` (NaN where there is no percentage), ``error`` (relative, in percent;
        NaN where either is missing or the truth is 0).

    Raises
    ------
    ValueError
        No row of `truth` is in `subsets`: they are of different trials.
    """
    measured = subsets[[*KEY, "percent"]].rename(columns={"percent": "measured"})
    true = truth[[*KEY, "percent"]].rename(columns={"percent": "truth"})
    both = true.merge(measured, on=KEY, how="left", validate="one_to_one", indicator=True)
    if not (both.pop("_merge") == "both").any():
        raise ValueError("no sample of the truth is in the results")
    share = both["truth"].where(both["truth"] > 0.0)  # of nothing no relative error can be told
    return both.assign(error=100.0 * (both["measured"] - both["truth"]) / share)


def summary(both: pd.DataFrame) -> pd.DataFrame:
    """One row per subset and denominator, columns as in `WORDS`."""
    rows = {key: _summary_of(group) for key, group in both.groupby(["subset", "denominator"], sort=True, observed=True)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(WORDS))
    table.index = pd.MultiIndex.from_tuples(table.index, names=["subset", "denominator"])
    return table.astype({"files": int, "measured": int})


def _summary_of(group: pd.DataFrame) -> dict[str, float]:
    error, known = group["error"], group.dropna(subset=["measured"])
    return {
        "files": len(group),
        "measured": len(known),
        "bias_%": error.mean(),
        "sd_%": error.std(),
        "min_%": error.min(),
        "max_%": error.max(),
        "within_15_%": 100.0 * (error.abs() <= 15.0).mean(),
        "within_10_%": 100.0 * (error.abs() <= 10.0).mean(),
        "spearman": known["measured"].rank().corr(known["truth"].rank()) if len(known) > 1 else float("nan"),
        "ccc": concordance(known["measured"], known["truth"]),
    }


def concordance(measured: pd.Series, truth: pd.Series) -> float:
    """Lin's concordance correlation coefficient, moments over n (doi:10.2307/2532051).

    1 where every measured value is its true one; a shift or a stretch lowers it, unlike a correlation.
    """
    a, b = measured - measured.mean(), truth - truth.mean()
    spread = (a**2).mean() + (b**2).mean() + (measured.mean() - truth.mean()) ** 2
    return float(2.0 * (a * b).mean() / spread) if spread else float("nan")


def read_table(path: Path) -> pd.DataFrame:
    """One of the project's tables; NA is missing, an id stays text."""
    return pd.read_csv(path, sep="\t", dtype=dict.fromkeys(KEY, str), float_precision="round_trip")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 where there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument(
        "--results", type=Path, default=CHECKOUT / "results", help="results folder of the simulated trial"
    )
    truth = CHECKOUT / "resources" / "demo" / "truth.tsv"
    parser.add_argument("--truth", type=Path, default=truth, help="its truth.tsv")
    arguments = parser.parse_args(argv)
    try:
        both = with_truth(read_table(arguments.results / "tables" / "subsets.tsv"), read_table(arguments.truth))
    except (OSError, ValueError, KeyError) as error:
        remedy = "run the trial first (snakemake --cores 2), or name its --results and --truth"
        sys.stderr.write(f"ERROR: {error}; {remedy}\n")
        return 1
    sys.stdout.write(summary(both).to_string(float_format=lambda value: f"{value:.3f}") + "\n\n")
    sys.stdout.writelines(f"{name:12} {meaning}\n" for name, meaning in WORDS.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
