"""Verb ``check-counts``: some files are gated again by FlowKit itself; a single differing count fails the run."""

from __future__ import annotations

import argparse
import hashlib
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cytotrial.columns import GATING_CHECK
from cytotrial.commands import gated_files
from cytotrial.commands.gated_files import CountedFile, counted_files
from cytotrial.errors import CytotrialError, problem
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.tables import format_cell, write_table

log = logging.getLogger(__name__)
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    gated_files.add_arguments(parser)
    parser.add_argument("--percent", type=float, required=True, help="share of each panel's files, at least one")
    parser.add_argument("--out", type=Path, required=True, help="table to write")


def run(arguments: argparse.Namespace) -> None:
    """Gate the chosen files again and compare.

    Raises
    ------
    CytotrialError
        A count differs; every one is named with both numbers.
    """
    from cytotrial.cytometry.fcs import read_fcs
    from cytotrial.cytometry.panel_spillover import panel_spillover
    from cytotrial.gating.flowkit_model import flowkit_counts  # FlowKit takes 1.7 s to import
    from cytotrial.gating.tree_from_ledger import ledger_tree

    rows: list[Row] = []
    problems: list[str] = []
    for one in chosen(counted_files(arguments), arguments.percent):
        try:
            file = read_fcs(Path(one.sample.fcs))
            tree = ledger_tree(one.strategy, one.gates, one.axes, panel_spillover(file, one.panel))
            theirs = flowkit_counts(file, tree)
        except Exception as error:  # the other files are checked all the same
            log.exception("%s: not gated again", one.sample.sample_id)
            problems.append(_untold(one.sample.sample_id, error))
            continue
        rows += [
            {
                "sample_id": one.sample.sample_id,
                "population": name,
                "n_events": one.counts.get(name),
                "n_events_flowkit": theirs.get(name),
            }
            for name in {**theirs, **one.counts}
        ]
        log.info("%s: gated again by FlowKit, %d populations", one.sample.sample_id, len(theirs))
    write_table(arguments.out, GATING_CHECK, rows)
    problems += [_told(row) for row in rows if row["n_events"] != row["n_events_flowkit"]]
    if problems:
        raise CytotrialError(problems)


def chosen(files: Iterable[CountedFile], percent: float) -> list[CountedFile]:
    """The files that are gated again: the same for the same sheet, and no pattern of visits or subjects.

    Files whose gates people drew are passed over: FlowKit has counted them in the first place.
    """
    of_panel: dict[str, list[CountedFile]] = {}
    for one in files:
        if not isinstance(one.strategy, DrawnStrategy):
            of_panel.setdefault(one.sample.panel, []).append(one)
    taken = []
    for own in of_panel.values():
        own.sort(key=lambda one: hashlib.sha256(one.sample.sample_id.encode()).digest())
        taken += own[: max(1, math.ceil(percent / 100.0 * len(own)))]
    return taken


def _untold(sample_id: str, error: Exception) -> str:
    return problem(
        sample_id,
        found=f"{type(error).__name__}: {' '.join(str(error).split())}",
        expected="FlowKit's own counts",
        remedy="see the log; a file that has changed since it was counted is counted again by another run",
    )


def _told(row: Row) -> str:
    ours, theirs = (format_cell(row[name]) for name in ("n_events", "n_events_flowkit"))
    return problem(
        f"{row['sample_id']}, {row['population']}",
        found=f"{ours} events counted",
        expected=f"{theirs}, as FlowKit counts",
        remedy="do not use these results, and please report it with the file's row of gates.tsv",
    )
