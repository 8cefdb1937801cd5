"""docs/benchmarks.md: the figures as tables, held against their targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.speed.targets import GATING_VERBS, TARGETS, Figures, peaks, rows_of

PROGRAMS = {"flowkit": "FlowKit, streamed", "engine": "cytotrial", "floor": "floor"}
# What each verb's CPU beyond its start counts as.
PARTS = {
    "place-gates": "gating",
    "agree-gates": "gating",
    "apply-gates": "gating",
    "draw-gates": "pictures",
    "check-counts": "FlowKit's own check, GatingML",
    "export-gates": "FlowKit's own check, GatingML",
    "statistics": "statistics",
    "report": "report",
}
OTHER, START, SNAKEMAKE, MEASURING = "tables, headers", "Python start", "Snakemake", "this measurement"
HEAD = """\
# How fast, and how much memory: SYNTHETIC files

Every file behind this page is SYNTHETIC, made by `cytotrial simulate`'s code; none is kept. `make bench` and
`make bench-whole` write the page; nothing on it is edited by hand. What is compared was run in turns in one run on one
machine, with the files in the operating system's cache and one thread per process: ratios can be compared between
machines, seconds cannot.
"""
QUICK = "\nOf a `--quick` run, with fewer rounds and files than the targets ask for: {}.\n"
TARGET_NOTE = """\
A gating job is a `place-gates` or `apply-gates` of the workflow. Events that differ are told one by one: who is inside
which gate, and in the whole workflow every count.
"""
GATING_NOTE = """\
Whole processes, from the start of Python to the last count, on distinct files of 14 channels (float32, spillover of ten
detectors) with the same ten gates: three polygons, six rectangles, an ellipse; logicle T = 262144, W = 0.5, M = 4.5,
A = 0. FlowKit: `Sample` and `GatingStrategy.gate_sample` with default arguments, one file after another. Floor: read
the events, one float32 product with the inverse of the matrix, six comparisons. Seconds are medians of CPU; ratios
are medians over the rounds, with the least and the largest.
"""
MEMORY_NOTE = """\
Peak resident memory of a process that gates one file, MiB; below, the workflow's own jobs on one file.
"""
WHOLE_NOTE = """\
60 patients x 5 visits x 2 tubes of 100 000 events (12 patients for 120 files; 4 patients and 3 visits for 24), from
the check of the sheets to the report, on 2 cores. FlowKit alone: the same files one after another in one process, with
the gates of their GatingML; neither its import nor reading the gates is counted.
"""
SHARE_NOTE = """\
Shares of the workflow's CPU. Python start: until a verb has read its arguments, imports of its module among it.
Snakemake: its own process and the shells.
"""
DRY_NOTE = """\
`snakemake --dry-run` on sheets whose files are empty: what planning costs.
"""
STEPS_NOTE = """\
One T cell tube of the bundled panel in one process: medians of the wall time of each step.
"""


def document(figures: Figures) -> str:
    """The whole page from what was measured; a part that was not is left out."""
    return "\n".join(_lines(figures))


def _lines(figures: Figures) -> Iterator[str]:
    quick = ", ".join(part.replace("_", " ") for part, one in figures.items() if one["quick"])
    yield HEAD + (QUICK.format(quick) if quick else "")
    yield from _machines(figures)
    rows = []
    for target in TARGETS:
        value = target.found(figures)
        shown = "-" if value is None else f"{number(value)}{target.unit}"
        rows.append([target.words, shown, target.wanted, target.verdict(value)])
    yield from ("## Targets", "", *table(["figure", "found", "target", ""], rows), "", TARGET_NOTE)
    sections = {"gating": _gating, "memory": _memory, "whole": _whole, "dry_run": _dry_run, "steps": _steps}
    for part, section in sections.items():
        if rows_of(figures, part):
            yield from section(figures)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def number(value: float) -> str:
    """Three digits, whole numbers from a hundred on, thousands apart.

    Examples
    --------
    >>> number(0.01234), number(12.34), number(1234.5), number(600_000), number(0)
    ('0.012', '12.3', '1 234', '600 000', '0')
    """
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3}f}"


def _machines(figures: Figures) -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for part, one in figures.items():
        told.setdefault(one["machine"], []).append(part.replace("_", " "))
    for machine, parts in told.items():
        yield f"- {machine}" + (f" ({', '.join(parts)})" if len(told) > 1 else "")
    yield ""


def _gating(figures: Figures) -> Iterator[str]:
    heads = ["events a file", "files", "rounds", *(f"{one}, s" for one in PROGRAMS.values())]
    heads += ["under FlowKit", "over the floor", "differing events", "of memberships"]
    rows = [
        [
            *map(number, (row["n_events"], row["n_files"], row["rounds"])),
            *(number(row["cpu"][name]) for name in PROGRAMS),
            *(_spread(row[name]) for name in ("under_flowkit", "over_floor")),
            *map(number, (row["differing_events"], row["memberships"])),
        ]
        for row in rows_of(figures, "gating")
    ]
    yield from ("## Gating", "", GATING_NOTE, *table(heads, rows), "")
    starts = [
        [number(row["n_events"]), *(number(row["start"][name]) for name in PROGRAMS), *_per_file(row)]
        for row in rows_of(figures, "gating")
    ]
    heads = ["events a file", *(f"start of {one}, s" for one in PROGRAMS.values())]
    yield "The same without the start of the process, which is what a run without files takes:\n"
    yield from (*table([*heads, *(f"{one}, ms a file" for one in PROGRAMS.values())], starts), "")


def _per_file(row: Mapping[str, Any]) -> list[str]:
    own = {name: 1000 * (row["cpu"][name] - row["start"][name]) / row["n_files"] for name in PROGRAMS}
    return [number(one) if one > 0 else "-" for one in own.values()]


def _spread(values: Sequence[float]) -> str:
    middle, least, most = map(number, values)
    return f"{middle} x ({least} to {most})"


def _memory(figures: Figures) -> Iterator[str]:
    rows = [
        [*map(number, (row["n_events"], row["file_mib"])), *(number(row["peak_mib"][name]) for name in PROGRAMS)]
        for row in rows_of(figures, "memory")
    ]
    heads = ["events", "file, MiB", *(f"{one}, MiB" for one in PROGRAMS.values())]
    yield from ("## Memory", "", MEMORY_NOTE, *table(heads, rows), "")
    jobs = {name: sizes for name, sizes in peaks(figures).items() if name in GATING_VERBS}
    if jobs:
        sizes = sorted(next(iter(jobs.values())))
        rows = [[number(size), *(number(own[size]) for own in jobs.values())] for size in sizes]
        yield from (*table(["events", *(f"`{verb}`, MiB" for verb in jobs)], rows), "")


def _whole(figures: Figures) -> Iterator[str]:
    trials = rows_of(figures, "whole")
    heads = ["files", "workflow, s", "FlowKit alone, s", "workflow over FlowKit", "workflow, s of CPU"]
    heads += ["FlowKit, s of CPU", "differing counts", "of"]
    rows = [
        [
            *map(number, (row["n_files"], row["workflow"]["wall"], row["flowkit"]["wall"])),
            f"{number(row['workflow']['wall'] / row['flowkit']['wall'])} x",
            *map(number, (row["workflow"]["cpu"], row["flowkit"]["cpu"], row["differing_counts"], row["counts"])),
        ]
        for row in trials
    ]
    yield from ("## The whole workflow", "", WHOLE_NOTE, *table(heads, rows), "")
    divided = [shares(row) for row in trials]
    rows = [[name, *(f"{100 * one[name]:.1f} %" for one in divided)] for name in divided[0]]
    yield from ("### Where its time goes", "", SHARE_NOTE)
    yield from (*table(["share of CPU", *(f"{number(row['n_files'])} files" for row in trials)], rows), "")
    yield from _verbs(trials[-1])


def shares(row: Mapping[str, Any]) -> dict[str, float]:
    """Part of the workflow -> its share of all CPU."""
    found = dict.fromkeys((*PARTS.values(), OTHER, START, SNAKEMAKE, MEASURING), 0.0)
    for verb, one in row["verbs"].items():
        found[PARTS.get(verb, OTHER)] += one["cpu"] - one["start"]
        found[START] += one["start"]
    found[SNAKEMAKE], found[MEASURING] = row["snakemake"], row["measuring"]
    everything = sum(found.values())
    return {name: seconds / everything for name, seconds in found.items()}


def _verbs(row: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [
            f"`{verb}`",
            *map(number, (one["jobs"], one["cpu"], one["start"], 1000 * one["cpu"] / row["n_files"])),
            number(one["peak_mib"]),
        ]
        for verb, one in row["verbs"].items()
    ]
    heads = ["verb", "jobs", "CPU, s", "of this start, s", "CPU, ms a file", "largest job, MiB"]
    yield from (f"### Its jobs, {number(row['n_files'])} files", "", *table(heads, rows), "")


def _dry_run(figures: Figures) -> Iterator[str]:
    rows = [[number(row[name]) for name in ("n_files", "wall", "peak_mib")] for row in rows_of(figures, "dry_run")]
    yield from ("## Planning", "", DRY_NOTE, *table(["files", "s", "MiB"], rows), "")


def _steps(figures: Figures) -> Iterator[str]:
    rows = [[row["step"], number(row["ms"])] for row in rows_of(figures, "steps")]
    yield from ("## Where the time of one file goes", "", STEPS_NOTE, *table(["step", "ms"], rows), "")
