"""docs/accuracy.md: the figures as tables, with their verdicts and what every column means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

import cytotrial
from benchmarks.gating import measures, replicates
from benchmarks.gating.compare import BAD_PLACEMENT
from benchmarks.gating.designs import Size, active_arm_of, baseline_of, trial_and_profile
from benchmarks.gating.markdown import cell, rounded, table
from benchmarks.gating.measures import Contrast, figures
from benchmarks.gating.targets import SUBSETS, TARGETS, Verdict, verdicts
from cytotrial.simulate.fcs.keywords import MODEL

WORST_SHOWN = 3  # of each subset of a design, in the document; all are printed
HEADS = {
    "files": "files",
    "measured": "measured",
    "not_reported": "not reported",
    "bias_%": "bias %",
    "sd_%": "SD %",
    "rmse_%": "RMSE %",
    "rmse": "RMSE, points",
    "ccc": "concordance",
    "within_10_%": "within 10 %",
    "within_15_%": "within 15 %",
    "beyond_counting_%": "beyond counting %",
    "arm_by_visit": "arm by visit, SD",
    "trend": "trend, SD",
    "bad": "bad placements",
    "bad_flagged": "of these flagged",
    "bad_gate_flagged": "own gate borrowed",
    "bad_unflagged": "without a flag",
    "good_flagged_%": "others flagged %",
}
PLACEMENT = ("bad", "bad_flagged", "bad_gate_flagged", "bad_unflagged", "good_flagged_%")
ACCURACY = tuple(name for name in HEADS if name not in PLACEMENT)
HEAD = """\
# How near to the truth: SYNTHETIC files

Every figure on this page is of SYNTHETIC files, made by `cytotrial simulate` ([simulation.md](simulation.md) says
how), whose truth is known event by event. It shows what the gates do where the truth is known, in laboratories from
ideal to bad. It does not show how they do on real blood.

`make bench-accuracy` writes this page; nothing on it is edited by hand. Files go through the workflow's own verbs, so
these are the workflow's numbers.

- cytotrial {version}, {model}, the strategies of `config/gating`
- seeds {seeds}, on which no gate was tuned; {subjects} subjects per arm
- visits {visits}
- {events}
"""
TARGET_NOTE = """\
Bias and differences are held against their targets in absolute value. Arm by visit, trend and their standard errors
are explained under [What the columns mean](#what-the-columns-mean).
"""
READING = """\
One table per design: he2020 under each profile of the laboratory, and lupil2. `ok` and **SHORT** stand where there is
a target. The truth is counted in the file itself, so perfect gates would have no error at all; counting error is no
part of it.
"""
SECONDARY = """\
## Secondary denominators

The same gates read under another denominator; here the lymphocyte gate's error is added.
"""
PLACEMENT_NOTE = """\
A number carries a flag if its `qc_flag` in `subsets.tsv` is other than `ok`: that is what a user sees, whether the
number, its gate or its file was found wanting. Beside it: how many of the bad ones had their own gate borrowed
(`source` in `gates.tsv` neither `found` nor `fixed`), and how often a flag is raised where nothing is wrong.
"""
REPEATABILITY_NOTE = """\
The baseline bloods of the first seed's trial, each stained three times: same lymphocytes, same levels of every
marker; own cells drawn from them, own debris and dead cells, own staining, run and noise. On three days: own gains,
baseline, voltages and compensation too, for the very same cells. The tubes are gated as one trial (column
`replicate`). Over bloods, CVs are root mean squares. A gate that lets other cells in as well counts more of them, so
the measured percentage may scatter less than the true one; the CV of their ratio then tells of the gates. The
analyst's are of other blood, other panels and other numbers of cells; compare them with the measured CV, which holds
counting as theirs do.
"""
Tables = Mapping[tuple[str, str], Mapping[str, float | Contrast]]


@dataclass(frozen=True)
class Results:
    """What was measured: design -> numbers (`compare.COLUMNS`); design and days -> `replicates.repeatability`."""

    size: Size
    numbers: Mapping[str, pd.DataFrame]
    repeatability: Mapping[str, pd.DataFrame]

    @cached_property
    def primary(self) -> dict[str, Tables]:
        """Design -> (subset, denominator) -> figures, primary denominators."""
        return {design: _figures_of(design, rows[rows["is_primary"]]) for design, rows in self.numbers.items()}

    @cached_property
    def secondary(self) -> dict[str, Tables]:
        """The same for all other denominators."""
        return {design: _figures_of(design, rows[~rows["is_primary"]]) for design, rows in self.numbers.items()}

    def verdicts(self, design: str) -> dict[str, dict[str, Verdict]]:
        """Subset -> figure -> verdict, primary denominators."""
        profile = trial_and_profile(design)[1]
        return {subset: verdicts(profile, subset, one) for (subset, _), one in self.primary[design].items()}


def _figures_of(design: str, rows: pd.DataFrame) -> Tables:
    baseline, active = baseline_of(design), active_arm_of(design)
    grouped = dict(list(rows.groupby(["subset", "denominator"])))
    order = sorted(grouped, key=lambda key: (SUBSETS.index(key[0]), key[1]))
    return {key: figures(grouped[key], baseline=baseline, active=active) for key in order}


def document(results: Results, *, worst: int | None) -> str:
    """The whole page; of bad placements without a flag the `worst` of each subset, or all."""
    return "\n".join(_lines(results, worst))


def _lines(results: Results, worst: int | None) -> Iterator[str]:
    yield HEAD.format(model=MODEL, version=cytotrial.__version__, **_size_words(results.size, results.numbers))
    yield from _targets(results)
    yield from ("## Primary denominators", "", READING)
    for design, tables in results.primary.items():
        yield from _accuracy(design, tables, results.verdicts(design))
    yield SECONDARY
    for design, tables in results.secondary.items():
        yield from _accuracy(design, tables, {})
    yield from _placement(results)
    yield from _unflagged(results, worst)
    if results.repeatability:
        yield repeatability_section(results.repeatability)
    yield from ("## What the columns mean", "", *(f"- {HEADS[name]}: {measures.WORDS[name]}" for name in HEADS), "")
    bounds = ", ".join(f"{subset} {bound:g} %" for subset, bound in BAD_PLACEMENT.items())
    yield f"A placement is bad beyond these errors: {bounds}.\n"


def _size_words(size: Size, designs: Mapping[str, object]) -> dict[str, str]:
    trials = dict.fromkeys(trial_and_profile(design)[0] for design in designs)
    return {
        "seeds": ", ".join(map(str, size.seeds)),
        "subjects": str(size.subjects_per_arm),
        "visits": ", ".join(f"{' '.join(size.visits_of(trial))} of {trial}" for trial in trials),
        "events": f"{size.events} events a file" if size.events else "the trials' own number of events, 60 000 a file",
    }


def _targets(results: Results) -> Iterator[str]:
    held = [
        (design, subset, one)
        for design in results.numbers
        for subset, verdicts_of in results.verdicts(design).items()
        for one in verdicts_of.values()
    ]
    short = [
        [design, subset, HEADS[one.figure], cell(one.figure, one.value), one.wanted]
        for design, subset, one in held
        if not one.met
    ]
    yield f"## Targets\n\n{len(held) - len(short)} of {len(held)} targets are met.\n"
    if short:
        yield from ("These are SHORT:", "", *table(["design", "subset", "figure", "found", "target"], short), "")
    every = [[", ".join(one.profiles), HEADS[one.figure], *map(one.wanted, SUBSETS)] for one in TARGETS]
    yield from ("All targets:", "", *table(["profile", "figure", *SUBSETS], every), "", TARGET_NOTE)


def _accuracy(design: str, tables: Tables, held: Mapping[str, Mapping[str, Verdict]]) -> Iterator[str]:
    rows = [
        [subset, denominator, *(cell(name, one[name], held.get(subset, {}).get(name)) for name in ACCURACY)]
        for (subset, denominator), one in tables.items()
    ]
    yield from (f"### {design}", "", *table(["subset", "of", *(HEADS[name] for name in ACCURACY)], rows), "")


def _placement(results: Results) -> Iterator[str]:
    rows = [
        [design, subset, *(cell(name, one[name], results.verdicts(design)[subset].get(name)) for name in PLACEMENT)]
        for design, tables in results.primary.items()
        for (subset, _), one in tables.items()
    ]
    heads = ["design", "subset", *(HEADS[name] for name in PLACEMENT)]
    yield from ("## Gates in the wrong place", "", PLACEMENT_NOTE, *table(heads, rows), "")


def _unflagged(results: Results, worst: int | None) -> Iterator[str]:
    rows = []
    for design, numbers in results.numbers.items():
        silent = numbers[numbers["is_primary"] & numbers["bad"] & ~numbers["flagged"]]
        order = silent["error_%"].abs().sort_values(ascending=False, kind="stable").index
        for _, own in silent.loc[order].groupby("subset"):
            rows += [_unflagged_row(design, one) for one in own.head(worst or len(own)).to_dict("records")]
    title = "### Bad placements without a flag" + (f": the worst {worst} of each subset" if worst else "")
    heads = ["design", "seed", "file", "subset", "true %", "measured %", "error %", "the gate's own reason"]
    yield from (title, "", *(table(heads, rows) if rows else ["None."]), "")


def _unflagged_row(design: str, one: Mapping[str, object]) -> list[str]:
    numbers = [f"{one['truth']:.2f}", f"{one['measured']:.2f}", f"{one['error_%']:+.0f}"]
    return [design, str(one["seed"]), str(one["sample_id"]), str(one["subset"]), *numbers, str(one["gate_reason"])]


def repeatability_section(tables: Mapping[str, pd.DataFrame]) -> str:
    """The same blood stained again: one table per design and days, and what its columns mean."""
    heads = ["bloods", "CV true %", "CV measured %", "CV added %", "CV measured / true %", "CV of an analyst %"]
    columns = list(replicates.WORDS)
    lines = [f"## Repeatability\n\n{REPEATABILITY_NOTE}"]
    for name, found in tables.items():
        rows = [
            [subset, str(int(found.at[subset, "bloods"])), *(rounded(found.at[subset, one], 1) for one in columns[1:])]
            for subset in SUBSETS
            if subset in found.index
        ]
        lines += [f"### {name}", "", *table(["subset", *heads], rows), ""]
    said = (f"- {head}: {words}" for head, words in zip(heads, replicates.WORDS.values(), strict=True))
    return "\n".join([*lines, *said, ""])
