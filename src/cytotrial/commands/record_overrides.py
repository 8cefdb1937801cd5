"""Verb ``record-overrides``: the overrides sheet in, its history brought up to date; nothing is ever taken out."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from pathlib import Path

from cytotrial.columns import OVERRIDE_HISTORY
from cytotrial.errors import CytotrialError, problem
from cytotrial.study.override_history import recorded
from cytotrial.study.overrides import read_overrides
from cytotrial.tables import read_table, write_table

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--overrides", type=Path, nargs="?", help="overrides.tsv; without it every entry is withdrawn")
    parser.add_argument(
        "--history", type=Path, required=True, help="table to bring up to date, made where there is none"
    )


def run(arguments: argparse.Namespace) -> None:
    """Append what is new in the sheet, say of every older entry whether it is in force; all or nothing is written."""
    overrides = read_overrides(arguments.overrides) if arguments.overrides else ()
    rows = recorded(_history(arguments.history), overrides)
    unfinished = arguments.history.with_suffix(".unfinished")
    write_table(unfinished, OVERRIDE_HISTORY, rows)
    unfinished.replace(arguments.history)
    counts = Counter(str(row["state"]) for row in rows)
    log.info("%d entries%s", len(rows), "".join(f", {n} {state}" for state, n in sorted(counts.items())))


def _history(path: Path) -> list[dict[str, str | None]]:
    if not path.exists():
        return []
    try:
        return read_table(path, OVERRIDE_HISTORY)
    except CytotrialError as error:
        found = "; ".join(line.partition("found ")[2].partition(", expected")[0] for line in error.problems)
        expected, remedy = "the history that this program wrote", "put its file back from a copy, or move it away"
        raise CytotrialError(problem(str(path), found=found, expected=expected, remedy=remedy)) from error
