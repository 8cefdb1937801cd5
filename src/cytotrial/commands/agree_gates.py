"""Verb ``agree-gates``: every file's landmarks in, the gates that the files' own data agree on out."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from cytotrial.columns import AGREED_GATES, LANDMARKS, NOT_PLACED
from cytotrial.commands.by_panel import add_panel_files, check_panels, files_by_panel
from cytotrial.gating.job_tables import add_block_argument, tables_in, write_by_job
from cytotrial.gating.ledger import gate_rows, read_landmarks
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.uncertainty import with_uncertainties
from cytotrial.tables import read_table

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    add_panel_files(parser, markers=False)
    parser.add_argument(
        "--landmarks", nargs="+", type=Path, required=True, help="tables of place-gates, or the folder of all jobs'"
    )
    parser.add_argument("--samples", type=Path, help="samples.tsv: whose tables count, where a folder is given")
    told = "table to write, or the folder of all jobs': {}"
    parser.add_argument("--gates", type=Path, required=True, help=told.format("every file's agreed gates"))
    parser.add_argument("--not-placed", type=Path, required=True, help=told.format("populations without a gate"))
    add_block_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Settle the gates panel by panel: files lend only to files of the same panel."""
    jobs = {"samples": arguments.samples, "subjects_per_job": arguments.subjects_per_job}
    paths = tables_in(arguments.landmarks, "landmarks", **jobs)
    landmarks = [row for path in paths for row in read_landmarks(read_table(path, LANDMARKS))]
    used: list[dict[str, Any]] = []
    not_placed: list[dict[str, Any]] = []
    strategies = files_by_panel("--gating", arguments.gating)
    maps = files_by_panel("--gate-map", arguments.gate_map)
    check_panels({row["panel"] for row in landmarks}, strategies, "--gating")
    for panel, path in strategies.items():
        rules = {rule.id: rule for rule in load_strategy(path, maps.get(panel)).rules}
        gates, missing = agree([row for row in landmarks if row["panel"] == panel], rules)
        used += with_uncertainties(gates, rules)
        not_placed += missing
    for row in used:
        if row["source"] in ("pooled", "fallback"):
            log.info("%s %s %s: %s", row["sample_id"], row["population"], row["source"], row["reason"])
    write_by_job(arguments.gates, AGREED_GATES, gate_rows(used), name="agreed_gates", **jobs)
    write_by_job(arguments.not_placed, NOT_PLACED, not_placed, name="not_agreed", **jobs)
