"""Where the gating verbs leave one subject's tables of one panel: ``<folder>/<panel>/<subject>/<name>.tsv``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cytotrial.errors import CytotrialError, problem
from cytotrial.study.samples import read_samples


def tables_in(paths: Sequence[Path], name: str, *, samples: Path | None) -> list[Path]:
    """The tables `paths`, or, where it is one folder, the table `name` of every subject and panel of the sheet.

    The workflow names the folder: a shell line that named every table would grow with the trial, and the
    kernel takes 128 kB at most. Only the sheet's subjects count, whatever an earlier run has left there.
    """
    if not any(path.is_dir() for path in paths):
        return list(paths)
    if len(paths) > 1 or samples is None:
        found = "a folder among tables" if len(paths) > 1 else "a folder and no --samples"
        expected = "tables, or one folder and the samples sheet"
        raise CytotrialError(problem(str(paths[0]), found=found, expected=expected, remedy="give one or the other"))
    jobs = sorted({(one.panel, one.subject_id) for one in read_samples(samples)})
    return [paths[0] / panel / subject / f"{name}.tsv" for panel, subject in jobs]
