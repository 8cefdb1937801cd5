"""Verb ``agree-gates``: every file's landmarks in, the gates that the files' own data agree on out."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cytotrial.columns import AGREED_GATES, LANDMARKS, NOT_PLACED
from cytotrial.errors import CytotrialError, problem
from cytotrial.gating.ledger import gate_rows, read_landmarks
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.subject_tables import tables_in
from cytotrial.tables import read_table, write_table

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--gating", nargs="+", required=True, metavar="PANEL=FILE", help="each panel's strategy")
    parser.add_argument(
        "--gate-map", nargs="*", default=[], metavar="PANEL=FILE", help="the gate maps of those that people drew"
    )
    parser.add_argument(
        "--landmarks", nargs="+", type=Path, required=True, help="tables of place-gates, or the folder of all subjects'"
    )
    parser.add_argument("--samples", type=Path, help="samples.tsv: whose tables count, where a folder is given")
    parser.add_argument("--gates", type=Path, required=True, help="table to write: every file's agreed gates")
    parser.add_argument("--not-placed", type=Path, required=True, help="table to write: populations without a gate")


def run(arguments: argparse.Namespace) -> None:
    """Settle the gates panel by panel: files lend only to files of the same panel."""
    paths = tables_in(arguments.landmarks, "landmarks", samples=arguments.samples)
    landmarks = [row for path in paths for row in read_landmarks(read_table(path, LANDMARKS))]
    used: list[dict[str, Any]] = []
    not_placed: list[dict[str, Any]] = []
    strategies = _by_panel("--gating", arguments.gating)
    maps = _by_panel("--gate-map", arguments.gate_map)
    _check_panels({row["panel"] for row in landmarks}, strategies)
    for panel, path in strategies.items():
        rules = {rule.id: rule for rule in load_strategy(path, maps.get(panel)).rules}
        gates, missing = agree([row for row in landmarks if row["panel"] == panel], rules)
        used += gates
        not_placed += missing
    for row in used:
        if row["source"] in ("pooled", "fallback"):
            log.info("%s %s %s: %s", row["sample_id"], row["population"], row["source"], row["reason"])
    write_table(arguments.gates, AGREED_GATES, gate_rows(used))
    write_table(arguments.not_placed, NOT_PLACED, not_placed)


def _by_panel(option: str, pairs: list[str]) -> dict[str, Path]:
    wrong = [pair for pair in pairs if not all(pair.partition("="))]
    if wrong:
        raise CytotrialError(problem(option, found=", ".join(wrong), expected="PANEL=FILE", remedy="correct it"))
    panels = Counter(pair.partition("=")[0] for pair in pairs)
    twice = ", ".join(panel for panel, times in panels.items() if times > 1)
    if twice:
        raise CytotrialError(
            problem(option, found=f"{twice} twice", expected="one file per panel", remedy="remove one")
        )
    return {panel: Path(path) for panel, _, path in (pair.partition("=") for pair in pairs)}


def _check_panels(panels: set[str], strategies: Mapping[str, Path]) -> None:
    """No file's gates are left out of the ledger without a word."""
    lacking = ", ".join(sorted(panels - set(strategies)))
    if lacking:
        expected = "the strategy of every panel in the landmarks"
        raise CytotrialError(
            problem("--gating", found=f"none for {lacking}", expected=expected, remedy="add PANEL=FILE")
        )
