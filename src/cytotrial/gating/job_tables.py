"""Where the gating verbs leave the tables of one job: ``<folder>/<panel>/<block>/<name>.tsv``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cytotrial.columns import Table
from cytotrial.errors import CytotrialError, problem
from cytotrial.study.job_blocks import job_blocks
from cytotrial.study.samples import read_samples
from cytotrial.tables import write_table


def add_block_argument(parser: argparse.ArgumentParser) -> None:
    """How many subjects a job takes: without it folders cannot be told."""
    told = "as in the configuration's run"
    parser.add_argument("--subjects-per-job", type=_at_least_one, default=1, metavar="N", help=told)


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number, 1 or more")
    return int(text)


def tables_in(paths: Sequence[Path], name: str, *, samples: Path | None, subjects_per_job: int = 1) -> list[Path]:
    """The tables `paths`, or, where it is one folder, the table `name` of every job of the sheet.

    The workflow names the folder: a shell line that named every table would grow with the trial, and the
    kernel takes 128 kB at most. Only the sheet's jobs count, whatever an earlier run has left there.
    """
    if not any(path.is_dir() for path in paths):
        return list(paths)
    if len(paths) > 1 or samples is None:
        found = "a folder among tables" if len(paths) > 1 else "a folder and no --samples"
        expected = "tables, or one folder and the samples sheet"
        raise CytotrialError(problem(str(paths[0]), found=found, expected=expected, remedy="give one or the other"))
    blocks = job_blocks(read_samples(samples), subjects_per_job)
    return [job_folder(paths[0], one.panel, one.name) / f"{name}.tsv" for one in blocks]


def job_folder(folder: Path, panel: str, block: str) -> Path:
    """The folder of one job's tables."""
    return folder / panel / block


def write_by_job(
    path: Path,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    name: str,
    samples: Path | None,
    subjects_per_job: int = 1,
) -> None:
    """Write `rows` as the table `path`, or, where that is a folder, as one table `name` per job of the sheet.

    A job reads its own rows only, and a table whose rows are the same has the same bytes: Snakemake then runs nothing
    again that depends on it.
    """
    if not path.is_dir():
        write_table(path, table, rows)
        return
    if samples is None:
        expected = "a table, or a folder and the samples sheet"
        found = "a folder and no --samples"
        raise CytotrialError(problem(str(path), found=found, expected=expected, remedy="give one or the other"))
    sheet = read_samples(samples)
    of_sample: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of_sample.setdefault(row["sample_id"], []).append(row)
    files: dict[tuple[str, str], list[str]] = {}
    for one in sheet:
        files.setdefault((one.panel, one.subject_id), []).append(one.sample_id)
    for block in job_blocks(sheet, subjects_per_job):
        own = [sample for subject in block.subjects for sample in files[block.panel, subject]]
        kept = [row for sample in own for row in of_sample.get(sample, [])]
        write_table(job_folder(path, block.panel, block.name) / f"{name}.tsv", table, kept)
