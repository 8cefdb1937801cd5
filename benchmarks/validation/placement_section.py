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
within {error:.0f} % of itself. It also holds what is no uncertainty: under `clinic` the tubes differ in their staining
and run, and a gate that follows its tube moves rightly, so that the ratio there is above 1; under `clean` they differ
in their cells alone, those that are not lymphocytes included, and the ratio should be near 1. And the SD between tubes
lacks what the tubes of a blood have in common: where a gate is held over a subject's visits or over the trial (column
"held over"), the tubes share that part. A cut that several populations use stands here once; gates without one
threshold (outlines in scatter and time) are not compared.
"""
PERCENTAGES = """\
What this amounts to in the percentages, SD between the tubes of a blood, percentage points; that of the truth is
counting alone, other cells of the same blood:
"""


def placement_section(results: Results) -> Iterator[str]:
    """One table of gates and one of percentages for each laboratory."""
    if not results.placement:
        return
    bloods = max(int(one.gates["bloods"].max()) for one in results.placement.values())
    yield HEAD.format(bloods=bloods, tubes=REPLICATES, error=100.0 * relative_error(bloods))
    for laboratory, one in results.placement.items():
        yield from (f"### {laboratory}", "", *_gates(one), "", PERCENTAGES, *_percentages(one), "")


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
