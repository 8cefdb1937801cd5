"""Verb ``draw-gates``: the gates that were used in a panel's files, as one picture each. No FCS file is read."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cytotrial.columns import GATES
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.figures.gates import draw_gates
from cytotrial.gating.grids import read_grids
from cytotrial.gating.job_tables import add_block_argument, job_folder
from cytotrial.study.job_blocks import job_blocks
from cytotrial.study.samples import Sample, read_samples
from cytotrial.tables import read_table

log = logging.getLogger(__name__)
Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb: which files, and what apply-gates left of them."""
    parser.add_argument("--samples", type=Path, required=True, help="samples.tsv")
    parser.add_argument("--panel", required=True, help="panel id")
    told = "folder of all jobs of apply-gates, each with <panel>/<job>/grids/<sample_id>.npz"
    parser.add_argument("--grids", type=Path, required=True, help=told)
    told = "tables of apply-gates: the gates that were used; or the folder of all jobs'"
    parser.add_argument("--gates", nargs="+", type=Path, required=True, help=told)
    add_block_argument(parser)
    parser.add_argument("--synthetic", action="store_true", help="mark every picture as simulated data")
    parser.add_argument("--out", type=Path, required=True, help="folder for <sample_id>.svg")


def run(arguments: argparse.Namespace) -> None:
    """Draw every file that was gated; a picture that cannot be drawn costs no other one.

    Raises
    ------
    CytotrialError
        The panel has no files, or a table or folder is not there.
    """
    samples = _files_of(arguments.samples, arguments.panel)
    if not arguments.grids.is_dir():
        found, expected = "no folder", "what apply-gates wrote"
        raise CytotrialError(problem(str(arguments.grids), found=found, expected=expected, remedy="correct --grids"))
    blocks = job_blocks(samples, arguments.subjects_per_job)
    gates = _gates_by_sample(arguments.gates, [job_folder(Path(), one.panel, one.name) for one in blocks])
    block_of = {subject: one.name for one in blocks for subject in one.subjects}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for sample in samples:
        name = sample.sample_id
        grids = job_folder(arguments.grids, sample.panel, block_of[sample.subject_id]) / "grids" / f"{name}.npz"
        picture = arguments.out / f"{name}.svg"
        picture.unlink(missing_ok=True)  # an earlier run's
        if not grids.is_file():
            log.info("%s: was not gated, so there is no picture", name)
            continue
        try:
            counted = read_grids(grids)
            drawn = draw_gates(counted, gates.get(name, []), title=name, synthetic=arguments.synthetic)
            picture.write_bytes(drawn)
        except CytotrialError as error:
            log.error("%s: not drawn, %s", name, "; ".join(error.problems))
        except Exception:  # a picture that cannot be drawn must not cost the report
            log.exception("%s: not drawn", name)
        else:
            log.info("%s: %d gates drawn", name, len(counted))


def _files_of(path: Path, panel: str) -> list[Sample]:
    """A panel's files."""
    everything = read_samples(path)
    found = [one for one in everything if one.panel == panel]
    if not found:
        near = did_you_mean(panel, {one.panel for one in everything})
        where, expected = f"{path}, panel {panel}", "one row per file"
        raise CytotrialError(problem(where, found="no row", expected=expected, remedy=f"correct --panel{near}"))
    return found


def _gates_by_sample(paths: Sequence[Path], jobs: Sequence[Path]) -> dict[str, list[Row]]:
    """Rows of the ledger by file; in a folder only this panel's tables are looked for: the others' may not be there."""
    tables: list[Path] = []
    for path in paths:
        tables += [path / job / f"{GATES.name}.tsv" for job in jobs] if path.is_dir() else [path]
    rows: dict[str, list[Row]] = {}
    for table in tables:
        for row in read_table(table, GATES):
            rows.setdefault(str(row["sample_id"]), []).append(row)
    return rows
