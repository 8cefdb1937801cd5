"""Verb ``tabulate``: the counts of every file to status, populations and subsets; the gates used, in one ledger."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from cytotrial.columns import (
    GATES,
    INTAKE,
    MOVED_COUNTS,
    NOT_PLACED,
    POPULATIONS,
    QUALITY_STEPS,
    STATUS,
    SUBSETS,
    Table,
)
from cytotrial.errors import CytotrialError, problem
from cytotrial.gating.job_tables import add_block_argument, tables_in
from cytotrial.gating.strategy import ROOT
from cytotrial.quality import FAILED, FLAGGED, judge_file, quality_rules
from cytotrial.study.config import Study, load_study
from cytotrial.study.samples import Sample, read_samples
from cytotrial.subsets import Measured, Wanted, subset_rows, wide_rows
from cytotrial.tables import number, read_table, whole, write_table

log = logging.getLogger(__name__)
FROM_APPLY_GATES = ("gates", "not-placed", "populations", "steps", "moved-counts")
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--config", type=Path, required=True, help="config.yaml")
    parser.add_argument("--samples", type=Path, required=True, help="samples.tsv")
    for name, verb in (("intake", "place-gates"), *((name, "apply-gates") for name in FROM_APPLY_GATES)):
        told = f"tables of {verb}, or the folder of all jobs'"
        parser.add_argument(f"--{name}", nargs="+", type=Path, required=True, help=told)
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables")
    add_block_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Judge every file, turn counts into percentages, write the tables."""
    study = load_study(arguments.config)
    rules = quality_rules(study.quality)
    samples = read_samples(arguments.samples)
    jobs = {"samples": arguments.samples, "subjects_per_job": arguments.subjects_per_job}
    intake, steps, populations, gates, missing, moved = (
        _by_sample(tables_in(paths, table.name, **jobs), table)
        for paths, table in (
            (arguments.intake, INTAKE),
            (arguments.steps, QUALITY_STEPS),
            (arguments.populations, POPULATIONS),
            (arguments.gates, GATES),
            (arguments.not_placed, NOT_PLACED),
            (arguments.moved_counts, MOVED_COUNTS),
        )
    )
    _check_complete(samples, {"place-gates": ("--intake", intake), "apply-gates": ("--populations", populations)})
    twins = _same_acquisition(samples, intake)
    status = []
    for one in samples:
        own_steps = [_numbers(row) for row in steps.get(one.sample_id, [])]
        own_missing = missing.get(one.sample_id, [])
        flaws = [] if one.is_control else own_missing  # a control lacks a dye: what it does not show is no flaw
        read = _with_what_apply_gates_met(intake[one.sample_id][0], populations[one.sample_id])
        read = {**read, "reasons": "; ".join(part for part in (read["reasons"], twins.get(one.sample_id)) if part)}
        verdict, reasons = judge_file(read, own_steps, gates.get(one.sample_id, []), flaws, rules)
        status.append(_status(one, read, verdict, reasons, own_steps, own_missing))
    measured = [
        _measured(one, study, row, populations[one.sample_id])
        for one, row in zip(samples, status, strict=True)
        if not one.is_control
    ]
    wanted = [Wanted(one.id, one.panel, one.population, one.denominators, one.condition) for one in study.readouts]
    subsets = subset_rows(measured, wanted, rules)
    handed_on = {QUALITY_STEPS: steps, POPULATIONS: populations, GATES: gates, MOVED_COUNTS: moved}
    _write(arguments.out, {STATUS: status, SUBSETS: subsets}, handed_on, wanted)
    _log(status)


def _with_what_apply_gates_met(read: Row, populations: list[Row]) -> Row:
    """A file that was read and could then not be counted has failed too, with the reason of its root's row."""
    root = next((row for row in populations if row["population"] == ROOT), None)
    if read["readable"] != "Y" or root is None or root["n_events"] is not None:
        return read
    return {**read, "readable": "N", "reasons": root["reason"]}


def _same_acquisition(samples: tuple[Sample, ...], intake: dict[str, list[Row]]) -> dict[str, str]:
    """Files of one panel with the same bytes under several names: sample id -> what to say of it."""
    of_bytes: dict[tuple[str, str], list[str]] = {}
    for one in samples:
        digest = intake[one.sample_id][0]["fcs_sha256"]
        if digest:
            of_bytes.setdefault((one.panel, digest), []).append(one.sample_id)
    return {
        name: f"the same acquisition as {', '.join(other for other in names if other != name)} (equal SHA-256)"
        for names in of_bytes.values()
        if len(names) > 1
        for name in names
    }


def _by_sample(paths: list[Path], table: Table) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for path in paths:
        for row in read_table(path, table):
            found.setdefault(row["sample_id"], []).append(row)
    return found


def _check_complete(samples: tuple[Sample, ...], given: dict[str, tuple[str, dict[str, list[Row]]]]) -> None:
    """Whether the tables that an option names, made by a verb, know every sample: verb -> option, its tables."""
    problems = []
    for verb, (option, rows) in given.items():
        lacking = [one.sample_id for one in samples if one.sample_id not in rows]
        if lacking:
            found, expected = f"no row for {', '.join(lacking)}", "every sample of the sheet"
            problems.append(problem(option, found=found, expected=expected, remedy=f"run {verb} again"))
    if problems:
        raise CytotrialError(problems)


def _numbers(row: Row) -> Row:
    counts = {key: whole(row[key]) for key in ("order", "n_in", "n_out")}
    return {**row, **counts, "percent_kept": number(row["percent_kept"])}


def _status(sample: Sample, read: Row, verdict: str, reasons: list[str], steps: list[Row], missing: list[Row]) -> Row:
    done = sorted((row for row in steps if row["done"] == "Y"), key=lambda row: row["order"])
    n_events = whole(read["n_events"])
    kept = done[-1]["n_out"] if done else n_events
    not_done = [f"{row['population']}: {row['reason']}" for row in missing if row["outcome"] == "not_done"]
    not_done += [
        f"{row['step']}: {str(row['reason']).removeprefix('NOT DONE: ')}"
        for row in steps
        if row["done"] != "Y" and row["step"] not in {gone["population"] for gone in missing}
    ]
    return {
        "sample_id": sample.sample_id,
        "panel": sample.panel,
        "subject_id": sample.subject_id,
        "visit": sample.visit,
        "status": verdict,
        "reasons": "; ".join(reasons),
        "n_events": n_events,
        "n_events_kept": None if read["readable"] != "Y" else kept,
        **{key: read[key] for key in ("fcs", "fcs_sha256", "fcs_version", "instrument", "acquired", "spillover")},
        "not_done": "; ".join(not_done),
    }


def _measured(sample: Sample, study: Study, status: Row, populations: list[Row]) -> Measured:
    week = {visit.id: visit.week for visit in study.visits}[sample.visit]
    return Measured(
        sample_id=sample.sample_id,
        subject_id=sample.subject_id,
        visit=sample.visit,
        week=int(week) if float(week).is_integer() else week,
        panel=sample.panel,
        condition=sample.condition,
        status=status["status"],
        status_reasons=status["reasons"],
        counts={row["population"]: whole(row["n_events"]) for row in populations},
        reasons={row["population"]: str(row["reason"]) for row in populations if row["reason"]},
    )


def _write(
    out: Path, made: dict[Table, list[Row]], handed_on: dict[Table, dict[str, list[Row]]], wanted: list[Wanted]
) -> None:
    wide = Table("subsets_wide", ("subject_id", "visit"), ("subject_id", "visit", *(one.subset for one in wanted)))
    rows = {**made, wide: wide_rows(made[SUBSETS], wanted)}
    rows |= {
        table: [_known(row, table) for of_file in by_sample.values() for row in of_file]
        for table, by_sample in handed_on.items()
    }
    for table, content in rows.items():
        write_table(out / f"{table.name}.tsv", table, content)


def _known(row: Row, table: Table) -> Row:
    return {column: row[column] for column in table.columns}


def _log(status: list[Row]) -> None:
    counts = Counter(row["status"] for row in status)
    log.info("%d files: %s", len(status), ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
    for row in status:
        if row["status"] in (FLAGGED, FAILED):
            log.warning("%s %s: %s", row["sample_id"], row["status"], row["reasons"])
