"""`cytotrial statistics`: tables of percentages and of subjects in, tables of tests out."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from cytotrial.columns import SUBSETS, Table
from cytotrial.statistics.members import log_members
from cytotrial.statistics.observations import usable_values
from cytotrial.statistics.plan import AnalysisPlan, Family, PlannedEndpoint, PlannedSubset, Schedule
from cytotrial.statistics.schedule import schedule_of, with_exposure
from cytotrial.statistics.tables.between import between_arms
from cytotrial.statistics.tables.change import change_from_baseline
from cytotrial.statistics_columns import BETWEEN_ARMS, CHANGE_FROM_BASELINE
from cytotrial.study.config import Study, load_study
from cytotrial.study.subjects import Subject, read_subjects
from cytotrial.tables import read_table, write_table

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="config.yaml; trial, arms, visits, readouts and analysis_sets are enough",
    )
    parser.add_argument("--subsets", type=Path, required=True, help="subsets.tsv: the percentages")
    parser.add_argument("--subjects", type=Path, required=True, help="subjects.tsv: arm and analysis sets")
    parser.add_argument("--outcomes", type=Path, help="outcomes.tsv: clinical endpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")


def run(arguments: argparse.Namespace) -> None:
    """Write ``change_from_baseline.tsv`` and ``between_arms.tsv`` into ``arguments.out``.

    Raises
    ------
    CytotrialError
        A mistake in the configuration or in one of the tables.
    """
    study = load_study(arguments.config, tables_only=True)
    plan = analysis_plan(study)
    subjects = _subjects(read_subjects(arguments.subjects, study=study), plan)
    subsets = pd.DataFrame(read_table(arguments.subsets, SUBSETS), columns=list(SUBSETS.columns))
    observations = usable_values(subsets, subjects, plan, source=str(arguments.subsets))
    log_members(subjects, plan, observations["subject_id"])
    if arguments.outcomes is not None:
        logger.info("%s: categorical endpoints are not analysed yet", arguments.outcomes)
    changes = change_from_baseline(observations, subjects, plan)
    comparisons = between_arms(observations, subjects, plan)
    _write(arguments.out, CHANGE_FROM_BASELINE, changes)
    _write(arguments.out, BETWEEN_ARMS, comparisons)


def analysis_plan(study: Study) -> AnalysisPlan:
    """The part of the trial that decides which rows the tables have."""
    return AnalysisPlan(
        baseline=study.baseline,
        visits=tuple(visit.id for visit in study.visits),
        arms=tuple(arm.id for arm in study.arms),
        active=tuple(arm.id for arm in study.arms if arm.role == "active"),
        control=tuple(arm.id for arm in study.arms if arm.role == "control"),
        analysis_sets=study.analysis_sets,
        subsets=tuple(PlannedSubset(readout.id, readout.denominators, readout.condition) for readout in study.readouts),
        weeks=tuple(visit.week for visit in study.visits),
        schedule=_schedule(study),
        endpoints=tuple(PlannedEndpoint(one.id, one.type, one.role, one.visit, one.order) for one in study.endpoints),
        families=tuple(
            Family(one.id, one.test, one.subsets, one.visits, one.method) for one in study.analysis.families
        ),
        is_locf_asked=study.analysis.locf,
    )


def _schedule(study: Study) -> Schedule:
    """What the configuration says of peaks and troughs; what it does not say, by the dosing periods."""
    visits, asked = [visit.id for visit in study.visits], study.analysis
    found = schedule_of(
        visits,
        [visit.week for visit in study.visits],
        baseline=study.baseline,
        dosing=[(period.from_week, period.to_week) for period in study.dosing],
    )
    if asked.peak is None and asked.trough is None and asked.carry_over is None:
        return found
    named = Schedule(
        peak=found.peak if asked.peak is None else asked.peak,
        trough=found.trough if asked.trough is None else asked.trough,
        carry_over=asked.carry_over or (),
    )
    return with_exposure(visits, named, baseline=study.baseline)


def _subjects(sheet: tuple[Subject, ...], plan: AnalysisPlan) -> pd.DataFrame:
    """``subject_id``, ``arm`` and one Boolean column for every analysis set."""
    columns: dict[str, list[Any]] = {
        "subject_id": [subject.subject_id for subject in sheet],
        "arm": [subject.arm for subject in sheet],
    }
    for name in plan.analysis_sets:
        columns[name] = [name in subject.analysis_sets for subject in sheet]
    return pd.DataFrame(columns)


def _write(folder: Path, table: Table, rows: list[dict[str, Any]]) -> None:
    path = folder / f"{table.name}.tsv"
    write_table(path, table, rows)
    logger.info("%s: %d rows", path, len(rows))
