"""What the gating verbs have left of every file, for the verbs that look at all of them: its gates, axes and counts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.columns import GATES, INTAKE, POPULATIONS, Table
from cytotrial.commands.by_panel import add_panel_files, check_panels, files_by_panel
from cytotrial.cytometry.axis import Axis, axes_from_text
from cytotrial.cytometry.panel import Panel, load_panel
from cytotrial.gating.job_tables import add_block_argument, tables_in
from cytotrial.gating.ledger import read_gates
from cytotrial.gating.strategy import ROOT, Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.samples import Sample, read_samples
from cytotrial.tables import read_table, whole

Row = dict[str, Any]


@dataclass(frozen=True)
class CountedFile:
    """A file that was gated.

    Attributes
    ----------
    gates : sequence of rows
        Its rows of the ledger, numbers as numbers.
    counts : mapping of str to int
        Population -> events, of those that were counted.
    axes_text : str
        Its axes as the intake has them.
    """

    sample: Sample
    panel: Panel
    strategy: Strategy
    gates: Sequence[Row]
    counts: Mapping[str, int]
    axes_text: str

    @property
    def axes(self) -> dict[str, Axis]:
        """Every marker of the file."""
        return axes_from_text(self.axes_text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of a verb that looks at all gated files."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.tsv: which files")
    add_panel_files(parser, markers=True)
    parser.add_argument("--tables", type=Path, required=True, help="folder of all jobs' tables")
    add_block_argument(parser)


def counted_files(arguments: argparse.Namespace) -> Iterator[CountedFile]:
    """Every file of the sheet that was counted, in the sheet's order."""
    samples = read_samples(arguments.samples)
    markers, gating, maps = (
        files_by_panel(f"--{name.replace('_', '-')}", getattr(arguments, name))
        for name in ("markers", "gating", "gate_map")
    )
    needed = {one.panel for one in samples}
    for given, option in ((markers, "--markers"), (gating, "--gating")):
        check_panels(needed, given, option)
    panels = {name: load_panel(markers[name]) for name in sorted(needed)}
    strategies = {name: load_strategy(gating[name], maps.get(name)) for name in sorted(needed)}
    intake, gates, populations = (_by_sample(arguments, table) for table in (INTAKE, GATES, POPULATIONS))
    for one in samples:
        counts = {row["population"]: whole(row["n_events"]) for row in populations.get(one.sample_id, [])}
        if counts.get(ROOT) is not None:
            yield CountedFile(
                one,
                panels[one.panel],
                strategies[one.panel],
                read_gates(gates.get(one.sample_id, [])),
                {name: n for name, n in counts.items() if n is not None},
                intake[one.sample_id][0]["axes"] or "",
            )


def _by_sample(arguments: argparse.Namespace, table: Table) -> dict[str, list[Row]]:
    jobs = {"samples": arguments.samples, "subjects_per_job": arguments.subjects_per_job}
    found: dict[str, list[Row]] = {}
    for path in tables_in([arguments.tables], table.name, **jobs):
        for row in read_table(path, table):
            found.setdefault(row["sample_id"], []).append(row)
    return found
