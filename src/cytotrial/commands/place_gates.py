"""Verb ``place-gates``: one subject's files of one panel in, their landmarks and their intake out."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from cytotrial.columns import INTAKE, LANDMARKS
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError, read_fcs
from cytotrial.cytometry.panel import Panel, load_panel
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.gating.ledger import landmark_rows
from cytotrial.gating.opening import doubts_about, tube_for
from cytotrial.gating.placing import place_gates
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.samples import Sample, read_samples
from cytotrial.tables import write_table

log = logging.getLogger(__name__)


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """Which files a job handles. There is no argument for the subjects sheet: gating cannot see an arm."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.tsv")
    parser.add_argument("--subject", required=True, help="subject_id")
    parser.add_argument("--panel", required=True, help="panel id")
    parser.add_argument("--markers", type=Path, required=True, help="the panel's marker file")
    parser.add_argument("--gating", type=Path, required=True, help="the panel's gating strategy")
    parser.add_argument("--gate-map", type=Path, nargs="?", help="its gate map, where people drew it")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb: which files, and the tables to write."""
    add_job_arguments(parser)
    parser.add_argument("--landmarks", type=Path, required=True, help="table to write")
    parser.add_argument("--intake", type=Path, required=True, help="table to write")


def run(arguments: argparse.Namespace) -> None:
    """Read every file, place its gates; a file that cannot be read is a row with its reason."""
    panel, strategy = load_panel(arguments.markers), load_strategy(arguments.gating, arguments.gate_map)
    landmarks: list[dict[str, Any]] = []
    intake: list[dict[str, Any]] = []
    for sample in files_of(arguments.samples, arguments.subject, arguments.panel):
        row, found = _place(sample, panel, strategy)
        intake.append(row)
        landmarks += found
    write_table(arguments.landmarks, LANDMARKS, landmarks)
    write_table(arguments.intake, INTAKE, intake)


def files_of(samples: Path, subject: str, panel: str) -> list[Sample]:
    """A subject's files of a panel.

    Raises
    ------
    CytotrialError
        There are none.
    """
    everything = read_samples(samples)
    found = [one for one in everything if (one.subject_id, one.panel) == (subject, panel)]
    if not found:
        near = did_you_mean(subject, {one.subject_id for one in everything if one.panel == panel} - {subject})
        raise CytotrialError(
            problem(
                f"{samples}, subject {subject}, panel {panel}",
                found="no row",
                expected="one row per file",
                remedy=f"correct --subject or --panel{near}",
            )
        )
    return found


def _place(sample: Sample, panel: Panel, strategy: Strategy) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    file = None
    try:
        file = read_fcs(Path(sample.fcs))
        tube = tube_for(strategy, file, panel, sample_id=sample.sample_id, shown=sample.fcs)
        placed = place_gates(tube, strategy, condition=sample.condition)
        flags = [*tube.file.flags, *doubts_about(strategy, tube)]
    except UnreadableFcsError as error:
        log.error("%s: failed, %s", sample.sample_id, error)
        return _intake(sample, file, readable=False, reasons=[str(error)]), []
    except Exception as error:  # one bad file never stops the others, whatever it does to a method
        log.exception("%s: failed", sample.sample_id)
        return _intake(sample, file, readable=False, reasons=[unexpected(error)]), []
    where = {
        "sample_id": sample.sample_id,
        "panel": sample.panel,
        "subject_id": sample.subject_id,
        "batch": sample.batch,
        "condition": sample.condition,
        "is_control": sample.is_control,
        "site": sample.site,
    }
    return _intake(sample, file, readable=True, reasons=flags), landmark_rows(tube, placed, sample=where)


def unexpected(error: Exception) -> str:
    """The reason of a file that met a mistake of ours: the log has the traceback."""
    return f"unexpected {type(error).__name__} ({' '.join(str(error).split())}); please report it with the log"


def _intake(sample: Sample, file: FcsFile | None, *, readable: bool, reasons: list[str] | tuple[str, ...]) -> dict:
    return {
        "sample_id": sample.sample_id,
        "fcs": sample.fcs,
        "readable": readable,
        "reasons": "; ".join(reasons),
        "n_events": len(file.events) if file else None,
        "fcs_sha256": file.sha256 if file else None,
        "fcs_version": file.version if file else None,
        "instrument": file.instrument if file else None,
        "acquired": file.acquired if file else None,
        "spillover": (file.spillover.source if file.spillover else "none") if file else None,
    }
