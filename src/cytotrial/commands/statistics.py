"""`cytotrial statistics`: tables of percentages and of subjects in, tables of tests out."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from cytotrial.columns import BETWEEN_ARMS, CHANGE_FROM_BASELINE, SUBSETS, Table
from cytotrial.statistics.between import between_arms
from cytotrial.statistics.change import change_from_baseline
from cytotrial.statistics.members import log_members
from cytotrial.statistics.observations import usable_values
from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset
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
    )


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
