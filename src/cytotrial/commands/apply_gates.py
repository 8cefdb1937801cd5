"""Verb ``apply-gates``: some subjects' files of one panel through their gates, moved ones included; counts out."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.columns import AGREED_GATES, GATES, INTAKE, MOVED_COUNTS, NOT_PLACED, POPULATIONS, QUALITY_STEPS
from cytotrial.commands.place_gates import add_job_arguments, files_of
from cytotrial.cytometry.axis import axes_from_text
from cytotrial.cytometry.event_blocks import open_events
from cytotrial.cytometry.panel import Panel, load_panel
from cytotrial.cytometry.panel_spillover import panel_spillover
from cytotrial.errors import CytotrialError, problem, unexpected
from cytotrial.gating.counting import population_rows, step_rows, unmeasured
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.gated_file import GatedFile, gate_file, gate_whole
from cytotrial.gating.grids import write_grids
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
    """Some subjects' files of one panel, and how they are gated."""

    panel: Panel
    strategy: Strategy
    overrides: tuple[Override, ...]
    grids: Path


@dataclass(frozen=True)
class Applied:
    """What one file gives: rows of populations, quality steps, the ledger, populations without a gate, moved counts."""

    populations: list[Row]
    steps: list[Row]
    gates: list[Row]
    missing: list[Row]
    moved: list[Row]


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
    parser.add_argument("--moved-counts", type=Path, required=True, help="table to write: counts at moved limits")
    parser.add_argument("--grids", type=Path, required=True, help="folder for <sample_id>.npz: densities for pictures")


def run(arguments: argparse.Namespace) -> None:
    """Count every population of every readable file; the others' are NA with the file's reason."""
    samples = files_of(arguments.samples, arguments.subjects, arguments.panel)
    intake = {row["sample_id"]: row for row in read_table(arguments.intake, INTAKE)}
    _check_intake(samples, intake, arguments.intake)
    own = {sample.sample_id for sample in samples}
    gates = read_gates(row for row in read_table(arguments.gates, AGREED_GATES) if row["sample_id"] in own)
    missing = [row for row in read_table(arguments.not_placed, NOT_PLACED) if row["sample_id"] in own]
    overrides = read_overrides(arguments.overrides) if arguments.overrides else ()
    strategy = load_strategy(arguments.gating, arguments.gate_map)
    job = Job(load_panel(arguments.markers), strategy, overrides, arguments.grids)
    job.grids.mkdir(parents=True, exist_ok=True)
    applied = []
    for sample in samples:
        row = intake[sample.sample_id]
        _grids_path(job, sample).unlink(missing_ok=True)  # an earlier run's
        if row["readable"] != "Y":
            applied.append(_uncounted(sample, job, f"file failed: {row['reasons']}", []))
            continue
        agreed, without = ([one for one in rows if one["sample_id"] == sample.sample_id] for rows in (gates, missing))
        try:
            applied.append(_apply(sample, job, row, agreed, without))
        except Exception as error:  # one bad file never stops the others; tabulate makes it a failed one
            log.exception("%s: failed", sample.sample_id)
            applied.append(_uncounted(sample, job, unexpected(error), without))
    write_table(arguments.populations, POPULATIONS, [row for one in applied for row in one.populations])
    write_table(arguments.steps, QUALITY_STEPS, [row for one in applied for row in one.steps])
    write_table(arguments.ledger, GATES, [row for one in applied for row in one.gates])
    write_table(arguments.ungated, NOT_PLACED, [row for one in applied for row in one.missing])
    write_table(arguments.moved_counts, MOVED_COUNTS, [row for one in applied for row in one.moved])


def _check_intake(samples: Sequence[Sample], intake: Mapping[str, Row], path: Path) -> None:
    lacking = [one.sample_id for one in samples if one.sample_id not in intake]
    if lacking:
        raise CytotrialError(
            problem(
                str(path),
                found=f"no row for {', '.join(lacking)}",
                expected="every file of the subjects and panel",
                remedy="run place-gates again",
            )
        )


def _grids_path(job: Job, sample: Sample) -> Path:
    return job.grids / f"{sample.sample_id}.npz"


def _uncounted(sample: Sample, job: Job, reason: str, missing: list[Row]) -> Applied:
    populations = [unmeasured(sample.sample_id, name, reason) for name in job.strategy.population_ids]
    return Applied(populations, [], [], missing, [])


def _apply(sample: Sample, job: Job, intake: Row, gates: list[Row], missing: list[Row]) -> Applied:
    name, strategy = sample.sample_id, job.strategy
    settled, gated = _gate(sample, job, intake, gates, missing)
    for one in gated.populations:
        log.info("%s %s: %d events of %s", name, one.id, one.n_events, one.parent)
    try:
        write_grids(_grids_path(job, sample), gated.grids)
    except Exception:  # the counts stand, whether there is a picture of them or not
        log.exception("%s: no density grids", name)
        _grids_path(job, sample).unlink(missing_ok=True)  # half of them are none
    absent = {row["population"]: str(row["reason"]) for row in settled.missing}
    why = {row["population"]: str(row["reason"]) for row in settled.gates} | absent
    return Applied(
        population_rows(name, strategy, gated.populations, absent),
        step_rows(name, strategy, gated.populations, why),
        settled.gates,
        settled.missing,
        [{"sample_id": name, "panel": sample.panel, **row} for row in gated.moved],
    )


def _gate(sample: Sample, job: Job, intake: Row, gates: list[Row], missing: list[Row]) -> tuple[Settled, GatedFile]:
    """The gates that are used in a file, and what they count: by the engine, or by FlowKit where it must be."""
    strategy, path = job.strategy, Path(sample.fcs)
    moved = in_force(job.overrides, sample)
    if isinstance(strategy, DrawnStrategy):
        tube = open_for(strategy, path, job.panel, sample_id=sample.sample_id)
        settled = settle_gates(gates, missing, moved, sample=sample, strategy=strategy, axes=tube.axes)
        return settled, gate_whole(tube, strategy, settled.gates)
    axes = axes_from_text(intake["axes"])
    settled = settle_gates(gates, missing, moved, sample=sample, strategy=strategy, axes=axes)
    _log_moved(settled)
    file = open_events(path)
    try:
        return settled, gate_file(file, strategy, settled.gates, axes, panel_spillover(file, job.panel))
    except UncompilableError as error:
        log.info("%s: gated by FlowKit: %s", sample.sample_id, error)
        tube = open_for(strategy, path, job.panel, sample_id=sample.sample_id)
        return settled, gate_whole(tube, strategy, settled.gates)


def _log_moved(settled: Settled) -> None:
    for row in settled.gates:
        if row["source"] == MANUAL:
            place = row["coordinates"] or f"{row['threshold_linear']:g}"
            before = row["automatic_coordinates"] or row["automatic_threshold_linear"] or row["automatic_reason"]
            log.info("%s %s moved by hand: %s, was %s", row["sample_id"], row["population"], place, before)
