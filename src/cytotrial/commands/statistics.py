"""`cytotrial statistics`: tables of percentages and of subjects in, tables of tests out."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from cytotrial.columns import SUBSETS
from cytotrial.errors import CytotrialError, problem
from cytotrial.statistics.analysis import analyse
from cytotrial.statistics.endpoints import SAFETY_SET
from cytotrial.statistics.methods_text import methods_section
from cytotrial.statistics.plan import AnalysisPlan, Family, PlannedEndpoint, PlannedSubset, Schedule
from cytotrial.statistics.schedule import schedule_of, with_exposure
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
    """What the configuration says of peaks and troughs; what it does not say, by the dosing periods.

    Raises
    ------
    CytotrialError
        Carry-over that is declared before the last peak or trough.
    """
    visits, asked = [visit.id for visit in study.visits], study.analysis
    found = schedule_of(
        visits,
        [visit.week for visit in study.visits],
        baseline=study.baseline,
        dosing=[(period.from_week, period.to_week) for period in study.dosing],
    )
    if asked.peak is None and asked.trough is None and asked.carry_over is None:
        return found
    # A visit that the configuration names is what it says there, whatever the dosing periods would make of it.
    declared = {*(asked.peak or ()), *(asked.trough or ()), *(asked.carry_over or ())}
    peak, trough = (
        tuple(visit for visit in visits if visit in said)
        if said is not None
        else tuple(visit for visit in dosed if visit not in declared)
        for said, dosed in ((asked.peak, found.peak), (asked.trough, found.trough))
    )
    carry_over = None if asked.carry_over is None else tuple(visit for visit in visits if visit in asked.carry_over)
    schedule = with_exposure(visits, Schedule(peak, trough), baseline=study.baseline, carry_over=carry_over)
    early = [visit for visit in schedule.carry_over if visit in schedule.exposure]
    if early:  # of what is declared alone the check has told it already
        raise CytotrialError(
            problem(
                "analysis, schedule, carry_over",
                found=f"{', '.join(early)} before {schedule.exposure[-1]}, the last peak or trough by the dosing",
                expected="visits after the last peak and the last trough",
                remedy="remove it, or name the peaks and the troughs too",
            )
        )
    return schedule


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
