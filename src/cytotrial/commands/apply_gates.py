"""Verb ``apply-gates``: one subject's files of one panel through FlowKit's gates, moved ones included; counts out."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.columns import AGREED_GATES, GATES, INTAKE, NOT_PLACED, POPULATIONS, QUALITY_STEPS
from cytotrial.commands.place_gates import add_job_arguments, files_of, unexpected
from cytotrial.cytometry.panel import Panel, load_panel
from cytotrial.errors import CytotrialError, problem
from cytotrial.gating.counting import population_rows, step_rows, unmeasured
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.ledger import read_gates
from cytotrial.gating.opening import open_for
from cytotrial.gating.overrides import MANUAL, Settled, settle_gates
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.overrides import Override, in_force, read_overrides
from cytotrial.study.samples import Sample
from cytotrial.tables import read_table, write_table

log = logging.getLogger(__name__)
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One subject's files of one panel, and how they are gated."""

    panel: Panel
    strategy: Strategy
    overrides: tuple[Override, ...]
    gatingml: Path


@dataclass(frozen=True)
class Applied:
    """What one file gives: rows of populations, quality steps, the ledger, and populations without a gate."""

    populations: list[Row]
    steps: list[Row]
    gates: list[Row]
    missing: list[Row]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb: which files, and what earlier verbs said of them."""
    add_job_arguments(parser)
    parser.add_argument("--intake", type=Path, required=True, help="table of place-gates")
    parser.add_argument("--gates", type=Path, required=True, help="table of agree-gates: every file's agreed gates")
    parser.add_argument("--not-placed", type=Path, required=True, help="table of agree-gates")
    parser.add_argument("--overrides", type=Path, nargs="?", help="overrides.tsv: gates moved by hand")
    parser.add_argument("--populations", type=Path, required=True, help="table to write")
    parser.add_argument("--steps", type=Path, required=True, help="table to write")
    parser.add_argument("--ledger", type=Path, required=True, help="table to write: the gates that were used")
    parser.add_argument("--ungated", type=Path, required=True, help="table to write: populations without a gate")
    parser.add_argument("--gatingml", type=Path, required=True, help="folder for <sample_id>.xml: the gates, GatingML")


def run(arguments: argparse.Namespace) -> None:
    """Count every population of every readable file; the others' are NA with the file's reason."""
    samples = files_of(arguments.samples, arguments.subject, arguments.panel)
    intake = {row["sample_id"]: row for row in read_table(arguments.intake, INTAKE)}
    _check_intake(samples, intake, arguments.intake)
    gates = read_gates(read_table(arguments.gates, AGREED_GATES))
    missing = read_table(arguments.not_placed, NOT_PLACED)
    overrides = read_overrides(arguments.overrides) if arguments.overrides else ()
    job = Job(
        load_panel(arguments.markers),
        load_strategy(arguments.gating, arguments.gate_map),
        overrides,
        arguments.gatingml,
    )
    job.gatingml.mkdir(parents=True, exist_ok=True)
    applied = []
    for sample in samples:
        row = intake[sample.sample_id]
        (job.gatingml / f"{sample.sample_id}.xml").unlink(missing_ok=True)  # an earlier run's
        if row["readable"] != "Y":
            applied.append(_uncounted(sample, job, f"file failed: {row['reasons']}", []))
            continue
        agreed, without = ([row for row in rows if row["sample_id"] == sample.sample_id] for rows in (gates, missing))
        try:
            applied.append(_apply(sample, job, agreed, without))
        except Exception as error:  # one bad file never stops the others; tabulate makes it a failed one
            log.exception("%s: failed", sample.sample_id)
            applied.append(_uncounted(sample, job, unexpected(error), without))
    write_table(arguments.populations, POPULATIONS, [row for one in applied for row in one.populations])
    write_table(arguments.steps, QUALITY_STEPS, [row for one in applied for row in one.steps])
    write_table(arguments.ledger, GATES, [row for one in applied for row in one.gates])
    write_table(arguments.ungated, NOT_PLACED, [row for one in applied for row in one.missing])


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


def _uncounted(sample: Sample, job: Job, reason: str, missing: list[Row]) -> Applied:
    populations = [unmeasured(sample.sample_id, name, reason) for name in job.strategy.population_ids]
    return Applied(populations, [], [], missing)


def _apply(sample: Sample, job: Job, gates: list[Row], missing: list[Row]) -> Applied:
    from cytotrial.gating.flowkit_model import build_model, gate_tube  # FlowKit takes 1.7 s to import

    name, strategy = sample.sample_id, job.strategy
    tube = open_for(strategy, Path(sample.fcs), job.panel, sample_id=name)
    moved = in_force(job.overrides, sample)
    settled = settle_gates(gates, missing, moved, sample=sample, strategy=strategy, axes=tube.axes)
    _log_moved(settled)
    populations = gate_tube(tube, strategy, settled.gates)
    for one in populations:
        log.info("%s %s: %d events of %s", name, one.id, one.n_events, one.parent)
    if isinstance(strategy, DrawnStrategy):
        _export_drawn(tube, strategy, job.gatingml / f"{name}.xml")
    else:
        _export(build_model(tube, strategy, settled.gates)[0], job.gatingml / f"{name}.xml")
    absent = {row["population"]: str(row["reason"]) for row in settled.missing}
    why = {row["population"]: str(row["reason"]) for row in settled.gates} | absent
    return Applied(
        population_rows(name, strategy, populations, absent),
        step_rows(name, strategy, populations, why),
        settled.gates,
        settled.missing,
    )


def _log_moved(settled: Settled) -> None:
    for row in settled.gates:
        if row["source"] == MANUAL:
            place = row["coordinates"] or f"{row['threshold_linear']:g}"
            before = row["automatic_coordinates"] or row["automatic_threshold_linear"] or row["automatic_reason"]
            log.info("%s %s moved by hand: %s, was %s", row["sample_id"], row["population"], place, before)


def _export(model: Any, path: Path) -> None:
    from cytotrial.exchange.gatingml import gatingml

    try:
        path.write_bytes(gatingml(model))
    except Exception:  # the counts stand, whether another program can be told of the gates or not
        log.exception("%s: not written", path.name)


def _export_drawn(tube: Any, strategy: DrawnStrategy, path: Path) -> None:
    from cytotrial.gating.drawn.landmarks import gatingml_of

    document = gatingml_of(tube, strategy)
    if document is None:
        log.warning("%s: not written, %s says its gates exactly", path.name, strategy.contents.file.name)
    else:
        path.write_bytes(document)
