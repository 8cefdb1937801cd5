"""`cytotrial statistics`: tables of percentages and of subjects in, tables of tests out."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from cytotrial.columns import MOVED_COUNTS, SUBSETS
from cytotrial.statistics.analysis import analyse
from cytotrial.statistics.endpoints import SAFETY_SET
from cytotrial.statistics.methods_text import methods_section
from cytotrial.statistics.plan import AnalysisPlan, Family, PlannedEndpoint, PlannedSubset
from cytotrial.statistics.schedule import declared_schedule, schedule_of
from cytotrial.statistics.survival.moved import MovedGates
from cytotrial.statistics_columns import STATISTICS
from cytotrial.study.config import Study, load_study
from cytotrial.study.outcomes import Outcome, read_outcomes
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
    parser.add_argument("--outcomes", type=Path, nargs="?", help="outcomes.tsv: clinical endpoints")
    parser.add_argument(
        "--moved-counts", type=Path, help="moved_counts.tsv: events with each gate limit moved by its own uncertainty"
    )
    parser.add_argument(
        "--simulations",
        type=_not_negative,
        default=MovedGates.simulations,
        help="how often all gate limits are moved at random (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=_not_negative, default=MovedGates.seed, help="of the simulations (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")


def run(arguments: argparse.Namespace) -> None:
    """Write every table of `cytotrial.statistics_columns` and ``methods.md`` into ``arguments.out``.

    Raises
    ------
    CytotrialError
        A mistake in the configuration or in one of the tables.
    """
    study = load_study(arguments.config, tables_only=True)
    plan = analysis_plan(study)
    subjects = _subjects(read_subjects(arguments.subjects, study=study), plan)
    subsets = pd.DataFrame(read_table(arguments.subsets, SUBSETS), columns=list(SUBSETS.columns))
    outcomes = _outcomes(() if arguments.outcomes is None else read_outcomes(arguments.outcomes))
    analysis = analyse(
        subsets,
        subjects,
        outcomes,
        plan,
        moved_gates=_moved_gates(arguments),
        subsets_source=str(arguments.subsets),
        outcomes_source=str(arguments.outcomes),
    )
    for table in STATISTICS:
        path = arguments.out / f"{table.name}.tsv"
        write_table(path, table, analysis.tables[table.name])
        logger.info("%s: %d rows", path, len(analysis.tables[table.name]))
    (arguments.out / "methods.md").write_text(methods_section(analysis.methods), encoding="utf-8", newline="\n")


def analysis_plan(study: Study) -> AnalysisPlan:
    """The part of the trial that decides which rows the tables have."""
    visits, weeks = tuple(visit.id for visit in study.visits), tuple(visit.week for visit in study.visits)
    dosing, asked = [(period.from_week, period.to_week) for period in study.dosing], study.analysis
    dosed = schedule_of(visits, weeks, baseline=study.baseline, dosing=dosing)
    schedule = declared_schedule(
        visits, dosed, baseline=study.baseline, peak=asked.peak, trough=asked.trough, carry_over=asked.carry_over
    )
    return AnalysisPlan(
        baseline=study.baseline,
        visits=visits,
        arms=tuple(arm.id for arm in study.arms),
        active=tuple(arm.id for arm in study.arms if arm.role == "active"),
        control=tuple(arm.id for arm in study.arms if arm.role == "control"),
        analysis_sets=study.analysis_sets,
        subsets=tuple(
            PlannedSubset(one.id, one.denominators, one.condition, one.population, one.panel) for one in study.readouts
        ),
        weeks=weeks,
        schedule=schedule,
        endpoints=tuple(PlannedEndpoint(one.id, one.type, one.role, one.visit, one.order) for one in study.endpoints),
        families=tuple(Family(one.id, one.test, one.subsets, one.visits, one.method) for one in asked.families),
        is_locf_asked=asked.locf,
    )


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"found {text}, expected a whole number from 0; give one")
    return number


def _moved_gates(arguments: argparse.Namespace) -> MovedGates | None:
    path = arguments.moved_counts
    if path is None:
        return None
    counts = pd.DataFrame(read_table(path, MOVED_COUNTS), columns=list(MOVED_COUNTS.columns))
    return MovedGates(counts, arguments.simulations, arguments.seed, source=str(path))


def _subjects(sheet: tuple[Subject, ...], plan: AnalysisPlan) -> pd.DataFrame:
    """``subject_id``, ``arm`` and a Boolean column for every analysis set; ``safety`` too where the sheet has it."""
    columns: dict[str, list[Any]] = {
        "subject_id": [subject.subject_id for subject in sheet],
        "arm": [subject.arm for subject in sheet],
    }
    given = {name for subject in sheet for name in subject.analysis_sets}
    for name in dict.fromkeys([*plan.analysis_sets, *({SAFETY_SET} & given)]):
        columns[name] = [name in subject.analysis_sets for subject in sheet]
    return pd.DataFrame(columns)


def _outcomes(sheet: tuple[Outcome, ...]) -> pd.DataFrame:
    """``subject_id visit endpoint value``, the value NaN where it is missing."""
    rows = [(one.subject_id, one.visit, one.endpoint, one.value) for one in sheet]
    table = pd.DataFrame(rows, columns=["subject_id", "visit", "endpoint", "value"])
    return table.assign(value=table["value"].astype(float))
