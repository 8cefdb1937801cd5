"""Verb ``draw-gates``: one subject's files of one panel with the gates that were used, as one picture each."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cytotrial.columns import AGREED_GATES, INTAKE
from cytotrial.commands.place_gates import add_job_arguments, files_of
from cytotrial.cytometry.panel import load_panel
from cytotrial.figures.gates import draw_gates
from cytotrial.gating.ledger import read_gates
from cytotrial.gating.membership import agreed_steps
from cytotrial.gating.opening import open_for
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.tables import read_table

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb: which files, and what earlier verbs said of them."""
    add_job_arguments(parser)
    parser.add_argument("--intake", type=Path, required=True, help="table of place-gates")
    parser.add_argument("--gates", type=Path, required=True, help="table of apply-gates: the gates that were used")
    parser.add_argument("--synthetic", action="store_true", help="mark every picture as simulated data")
    parser.add_argument("--out", type=Path, required=True, help="folder for <sample_id>.png")


def run(arguments: argparse.Namespace) -> None:
    """Draw every readable file."""
    panel, strategy = load_panel(arguments.markers), load_strategy(arguments.gating, arguments.gate_map)
    readable = {row["sample_id"] for row in read_table(arguments.intake, INTAKE) if row["readable"] == "Y"}
    gates = read_gates(read_table(arguments.gates, AGREED_GATES))  # where they are; the ledger says more
    arguments.out.mkdir(parents=True, exist_ok=True)
    for sample in files_of(arguments.samples, arguments.subject, arguments.panel):
        name = sample.sample_id
        if name not in readable:
            continue
        try:
            tube = open_for(strategy, Path(sample.fcs), panel, sample_id=name)
            steps = agreed_steps(tube, strategy, [row for row in gates if row["sample_id"] == name])
            picture = draw_gates(tube, steps, title=name, synthetic=arguments.synthetic)
            (arguments.out / f"{name}.png").write_bytes(picture)
        except Exception:  # a picture that cannot be drawn must not cost the report
            log.exception("%s: not drawn", name)
            continue
        log.info("%s: %d gates drawn", name, len(steps))
