"""Verb ``apply-gates``: one subject's files of one panel through their agreed FlowKit gates; counts out."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cytotrial.columns import GATES, INTAKE, NOT_PLACED, POPULATIONS, QUALITY_STEPS
from cytotrial.commands.place_gates import add_job_arguments, files_of, unexpected
from cytotrial.cytometry.panel import Panel, load_panel
from cytotrial.cytometry.tube import open_tube
from cytotrial.errors import CytotrialError, problem
from cytotrial.gating.counting import population_rows, step_rows, unmeasured
from cytotrial.gating.ledger import read_gates
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.samples import Sample
from cytotrial.tables import read_table, write_table

log = logging.getLogger(__name__)
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb: which files, and what earlier verbs said of them."""
    add_job_arguments(parser)
    parser.add_argument("--intake", type=Path, required=True, help="table of place-gates")
    parser.add_argument("--gates", type=Path, required=True, help="the ledger of agree-gates")
    parser.add_argument("--not-placed", type=Path, required=True, help="table of agree-gates")
    parser.add_argument("--populations", type=Path, required=True, help="table to write")
    parser.add_argument("--steps", type=Path, required=True, help="table to write")


def run(arguments: argparse.Namespace) -> None:
    """Count every population of every readable file; the others' are NA with the file's reason."""
    panel, strategy = load_panel(arguments.markers), load_strategy(arguments.gating)
    intake = {row["sample_id"]: row for row in read_table(arguments.intake, INTAKE)}
    gates = read_gates(read_table(arguments.gates, GATES))
    missing = read_table(arguments.not_placed, NOT_PLACED)
    populations: list[Row] = []
    steps: list[Row] = []
    samples = files_of(arguments.samples, arguments.subject, arguments.panel)
    _check_intake(samples, intake, arguments.intake)
    for sample in samples:
        name = sample.sample_id
        if intake[name]["readable"] != "Y":
            reason = f"file failed: {intake[name]['reasons']}"
            populations += [unmeasured(name, population, reason) for population in strategy.population_ids]
            continue
        own = [row for row in gates if row["sample_id"] == name]
        absent = {row["population"]: str(row["reason"]) for row in missing if row["sample_id"] == name}
        try:
            counted, kept = _count(sample, panel, strategy, own, absent)
        except Exception as error:  # one bad file never stops the others; tabulate makes it a failed one
            log.exception("%s: failed", name)
            counted = [unmeasured(name, population, unexpected(error)) for population in strategy.population_ids]
            kept = []
        populations += counted
        steps += kept
    write_table(arguments.populations, POPULATIONS, populations)
    write_table(arguments.steps, QUALITY_STEPS, steps)


def _check_intake(samples: Sequence[Sample], intake: Mapping[str, Row], path: Path) -> None:
    lacking = [one.sample_id for one in samples if one.sample_id not in intake]
    if lacking:
        raise CytotrialError(
            problem(
                str(path),
                found=f"no row for {', '.join(lacking)}",
                expected="every file of the subject and panel",
                remedy="run place-gates again",
            )
        )


def _count(
    sample: Sample, panel: Panel, strategy: Strategy, gates: list[Row], absent: dict[str, str]
) -> tuple[list[Row], list[Row]]:
    from cytotrial.gating.flowkit_model import gate_tube  # FlowKit takes 1.7 s to import

    tube = open_tube(Path(sample.fcs), panel, strategy.scale, sample_id=sample.sample_id)
    populations = gate_tube(tube, strategy, gates)
    for one in populations:
        log.info("%s %s: %d events of %s", sample.sample_id, one.id, one.n_events, one.parent)
    why = {row["population"]: str(row["reason"]) for row in gates} | absent
    return (
        population_rows(sample.sample_id, strategy, populations, absent),
        step_rows(sample.sample_id, strategy, populations, why),
    )
