"""docs/validation.md: how well each gate knows its own place."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.gating.markdown import rounded, table
from benchmarks.gating.replicates import REPLICATES
from benchmarks.validation.placement import Placement, relative_error
from benchmarks.validation.results import Results

HEAD = """\
## Placement uncertainty against replicate tubes

The ledger (`gates.tsv`) gives every gate an `uncertainty`: the standard deviation of its place, from its own file's
events. Here {bloods} bloods of he2020's baseline are stained {tubes} times each on one instrument day, and the SD of
each threshold between the tubes of a blood stands beside the root mean square of what the ledger says, both on the
gate's own scale (logicle, 0 to 1, or linear); the ratio is SD between tubes over uncertainty. Such an SD is known
within {error:.0f} % of itself (one standard error). It also holds what is no uncertainty: under `clinic` the tubes
differ in their staining and run, and a gate that follows its tube moves rightly, which usually makes the ratio greater
than 1. Under `clean` they differ in their cells alone, those that are not lymphocytes included: a ratio further above
1 than that error explains means an uncertainty that is too small, one below 1 an uncertainty that is too large or,
where a gate is held over a subject's visits or over the trial (column "held over"), a part that the tubes of a blood
share. A cut that several populations use stands here once; gates without one threshold (outlines in scatter and time)
are not compared.
"""
PERCENTAGES = """\
What this amounts to in the percentages, SD between the tubes of a blood, percentage points; that of the truth is
counting alone, other cells of the same blood:
"""
RANGE = """\
Of the {n} gates here the SD between tubes is within {low:+.0f} to {high:+.0f} % of the ledger's uncertainty; {above} of
them lie more than two standard errors of such an SD above it, {below} as far below.
"""
LEDGER = """\
What the ledger's uncertainty says of the percentages, in % of the percentage: beside it the SD between the tubes of a
blood of log(measured / true), what gating adds beyond counting. "From the ledger" is the SD if every gate were off by
its uncertainty, each on its own, by the counts of `moved_counts.tsv`; gates whose uncertainty is not known ("-" above)
add nothing to it. The ledger's uncertainty is the chance of which events were acquired, from aliquots of one file, no
more. Where the SD is greater, the rest is cells that lie on the wrong side of a fixed limit by noise, staining that
differs between tubes, and what all aliquots of a tube share; what all tubes of a blood share is in neither.
"""


def placement_section(results: Results) -> Iterator[str]:
    """One table of gates and one of percentages for each laboratory."""
    if not results.placement:
        return
    bloods = max(int(one.gates["bloods"].max()) for one in results.placement.values())
    yield HEAD.format(bloods=bloods, tubes=REPLICATES, error=100.0 * relative_error(bloods))
    for laboratory, one in results.placement.items():
        yield from (f"### {laboratory}", "", *_range(one), *_gates(one), "")
        yield from (PERCENTAGES, *_percentages(one), "", LEDGER, *_ledger(one), "")


def _range(one: Placement) -> Iterator[str]:
    """How far the ledger is off, as the table of gates has it."""
    known = one.gates[(one.gates["uncertainty"] > 0.0) & one.gates["sd"].notna()]
    if not len(known):
        return
    off = known["sd"] / known["uncertainty"] - 1.0
    # The error is relative to the SD that is estimated: at a true ratio of 1, to the uncertainty.
    error = known["bloods"].map(relative_error)
    yield RANGE.format(
        n=len(known),
        low=100.0 * off.min() + 0.0,
        high=100.0 * off.max() + 0.0,
        above=int((off > 2.0 * error).sum()),
        below=int((off < -2.0 * error).sum()),
    )


def _gates(one: Placement) -> Iterator[str]:
    rows = [
        [
            *(str(row[name]) for name in ("panel", "population", "marker", "bound", "pool", "bloods")),
            *(f"{row[name]:.4g}" if row[name] == row[name] else "-" for name in ("sd", "uncertainty")),
            rounded(row["sd"] / row["uncertainty"] if row["uncertainty"] else float("nan"), 2),
        ]
        for row in one.gates.to_dict("records")
    ]
    heads = [
        "panel",
        "population",
        "marker",
        "bound",
        "held over",
        "bloods",
        "SD between tubes",
        "uncertainty",
        "ratio",
    ]
    return table(heads, rows)


def _percentages(one: Placement) -> Iterator[str]:
    rows = [
        [row["subset"], str(row["bloods"]), rounded(row["sd"], 3), rounded(row["sd_true"], 3)]
        for row in one.subsets.to_dict("records")
    ]
    return table(["subset", "bloods", "SD gated", "SD of the truth"], rows)


def _ledger(one: Placement) -> Iterator[str]:
    rows = [
        [
            row["subset"],
            str(row["tubes"]),
            rounded(row["sd"], 2),
            rounded(row["predicted"], 2),
            rounded(row["sd"] / row["predicted"] if row["predicted"] else float("nan"), 2),
        ]
        for row in one.ledger.to_dict("records")
    ]
    return table(["subset", "tubes", "SD of the gating error %", "from the ledger %", "ratio"], rows)
