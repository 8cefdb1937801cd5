"""Verb ``place-gates``: some subjects' files of one panel in, their landmarks and their intake out."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cytotrial.columns import INTAKE, LANDMARKS
from cytotrial.cytometry.axis import axes_as_text
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError, read_fcs
from cytotrial.cytometry.panel import Panel, load_panel
from cytotrial.cytometry.second_reader import compare_readers
from cytotrial.errors import CytotrialError, did_you_mean, problem, unexpected
from cytotrial.gating.ledger import landmark_rows
from cytotrial.gating.opening import doubts_about, tube_for
from cytotrial.gating.placing import place_gates
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.samples import Sample, read_samples
from cytotrial.tables import write_table

log = logging.getLogger(__name__)
Row = dict[str, Any]


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """Which files a job handles. There is no argument for the subjects sheet: gating cannot see an arm."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.tsv")
    parser.add_argument("--subjects", nargs="+", required=True, metavar="SUBJECT", help="subject_id of one or several")
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
    samples = files_of(arguments.samples, arguments.subjects, arguments.panel)
    landmarks: list[Row] = []
    intake: list[Row] = []
    for sample in samples:
        row, found = _place(sample, panel, strategy)
        intake.append(row)
        landmarks += found
    write_table(arguments.landmarks, LANDMARKS, landmarks)
    write_table(arguments.intake, INTAKE, intake)


def files_of(samples: Path, subjects: Sequence[str], panel: str) -> list[Sample]:
    """Some subjects' files of a panel.

    Raises
    ------
    CytotrialError
        A subject has none.
    """
    own = read_samples(samples, panel=panel, subjects=subjects)
    lacking = set(subjects) - {one.subject_id for one in own}
    known = {one.subject_id for one in read_samples(samples, panel=panel)} if lacking else set()
    problems = [
        problem(
            f"{samples}, subject {subject}, panel {panel}",
            found="no row",
            expected="one row per file",
            remedy=f"correct --subjects or --panel{did_you_mean(subject, known)}",
        )
        for subject in subjects
        if subject in lacking
    ]
    if problems:
        raise CytotrialError(problems)
    return list(own)


def _place(sample: Sample, panel: Panel, strategy: Strategy) -> tuple[Row, list[Row]]:
    file = None
    try:
        compared = compare_readers(Path(sample.fcs))
        if not compared.agree:
            raise UnreadableFcsError(compared.reason)
        file = read_fcs(Path(sample.fcs), header_flags=compared.flags)
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
    told_of = {**_intake(sample, file, readable=True, reasons=flags), "axes": axes_as_text(tube.axes)}
    return told_of, landmark_rows(tube, placed, sample=where)


def _intake(sample: Sample, file: FcsFile | None, *, readable: bool, reasons: list[str]) -> Row:
    return {
        "sample_id": sample.sample_id,
        "fcs": sample.fcs,
        "readable": readable,
        "reasons": "; ".join(reasons),
        "n_events": file.n_events if file else None,
        "fcs_sha256": file.sha256 if file else None,
        "fcs_version": file.version if file else None,
        "instrument": file.instrument if file else None,
        "acquired": file.acquired if file else None,
        "spillover": (file.spillover.source if file.spillover else "none") if file else None,
        "axes": None,
    }
