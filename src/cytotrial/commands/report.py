"""`cytotrial report`: tables in, one self-contained HTML page out."""

from __future__ import annotations

import argparse
import hashlib
import logging
from pathlib import Path

from cytotrial.columns import (
    GATES,
    GATING_CHECK,
    POPULATIONS,
    QUALITY_STEPS,
    STATUS,
    SUBSETS,
    Table,
)
from cytotrial.commands.statistics import analysis_plan
from cytotrial.errors import CytotrialError
from cytotrial.quality import quality_rules
from cytotrial.report.gates import read_pictures
from cytotrial.report.methods_document import methods_document
from cytotrial.report.page import PageContent, Source, render_page
from cytotrial.report.strategies import read_panel_files
from cytotrial.report.trial import Trial
from cytotrial.statistics_columns import (
    ANCOVA,
    BETWEEN_ARMS,
    CATEGORICAL,
    CHANGE_FROM_BASELINE,
    CONTINUOUS,
    FAMILIES,
    GATEKEEPING,
    MISSING_VALUES,
    MIXED_MODEL,
    MIXED_MODEL_FIT,
    SURVIVAL,
)
from cytotrial.study.config import load_study
from cytotrial.study.subjects import read_subjects
from cytotrial.tables import read_table

logger = logging.getLogger(__name__)

REQUIRED_TABLES = (STATUS, SUBSETS)
OPTIONAL_TABLES = (QUALITY_STEPS, POPULATIONS, GATES)  # the section says so where one is not there
METHODS_TABLES = (GATING_CHECK,)  # of methods.md alone, as is the other one below
STATISTICS = (CHANGE_FROM_BASELINE, BETWEEN_ARMS)
OPTIONAL_STATISTICS = (MIXED_MODEL, MIXED_MODEL_FIT, ANCOVA, CATEGORICAL, CONTINUOUS, GATEKEEPING, FAMILIES, SURVIVAL)
METHODS_STATISTICS = (MISSING_VALUES,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("--config", type=Path, required=True, help="config.yaml of the trial")
    parser.add_argument("--tables", type=Path, required=True, help="folder of status.tsv, subsets.tsv, gates.tsv, ...")
    parser.add_argument("--stats", type=Path, required=True, help="folder of the tables of statistics")
    parser.add_argument("--subjects", type=Path, required=True, help="subjects.tsv: arm and analysis sets")
    parser.add_argument("--pictures", nargs="*", type=Path, default=[], help="folders of draw-gates: <sample_id>.svg")
    parser.add_argument("--out", type=Path, required=True, help="the page, an .html file")
    parser.add_argument("--methods", type=Path, help="methods.md: the methods section, as Markdown")


def run(arguments: argparse.Namespace) -> None:
    """Write the page to ``arguments.out``.

    Raises
    ------
    CytotrialError
        Every table that is missing or lacks columns, or a mistake in the configuration or the subjects sheet.
    """
    study = load_study(arguments.config, tables_only=True)
    trial = Trial(study, read_subjects(arguments.subjects, study=study), analysis_plan(study))
    tables = _read_tables(arguments.tables, arguments.stats)
    panels = {str(row["sample_id"]): str(row["panel"]) for row in tables[STATUS.name].rows}
    doubtful = {str(row["sample_id"]) for row in tables[STATUS.name].rows if row["status"] != "ok"}
    pictures, left_out = read_pictures(arguments.pictures, panels, first=doubtful)
    config_text = arguments.config.read_text(encoding="utf-8-sig")
    strategies = [read_panel_files(files) for files in study.panels]
    page = render_page(PageContent(trial, tables, config_text, pictures, left_out, strategies))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(page, encoding="utf-8", newline="\n")
    logger.info("%s: %.0f kB", arguments.out, arguments.out.stat().st_size / 1000)
    if arguments.methods is not None:
        told = arguments.stats / "methods.md"
        statistics = told.read_text(encoding="utf-8") if told.is_file() else None
        more = _read(_there(arguments.tables, METHODS_TABLES) + _there(arguments.stats, METHODS_STATISTICS))
        rows = {name: source.rows for name, source in (tables | more).items()}
        text = methods_document(trial, strategies, quality_rules(study.quality), statistics, rows)
        arguments.methods.write_text(text, encoding="utf-8", newline="\n")


def _read_tables(folder: Path, stats: Path) -> dict[str, Source]:
    """What the page is made of: every table that must be there, and those of the others that are."""
    wanted = [(folder, table) for table in REQUIRED_TABLES] + [(stats, table) for table in STATISTICS]
    return _read(wanted + _there(folder, OPTIONAL_TABLES) + _there(stats, OPTIONAL_STATISTICS))


def _there(folder: Path, tables: tuple[Table, ...]) -> list[tuple[Path, Table]]:
    return [(folder, table) for table in tables if (folder / f"{table.name}.tsv").exists()]


def _read(wanted: list[tuple[Path, Table]]) -> dict[str, Source]:
    """Tables by their names; every mistake in any of them at once."""
    tables, problems = {}, []
    for parent, table in wanted:
        try:
            tables[table.name] = _source(parent / f"{table.name}.tsv", table)
        except CytotrialError as error:
            problems.extend(error.problems)
    if problems:
        raise CytotrialError(problems)
    return tables


def _source(path: Path, table: Table) -> Source:
    """A table under the name of its folder and file: no path of the machine enters the page."""
    rows = read_table(path, table)
    name = "/".join(part for part in (path.resolve().parent.name, path.name) if part)
    return Source(name, rows, hashlib.sha256(path.read_bytes()).hexdigest())
