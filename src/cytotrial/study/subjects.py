"""The subjects sheet: who is in which arm. Nothing that places or applies a gate may import it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cytotrial.errors import CytotrialError, problem
from cytotrial.study.config import Study
from cytotrial.study.consistency import unknown
from cytotrial.study.sheets import Sheet, read_sheet


@dataclass(frozen=True)
class Subject:
    """One subject; `analysis_sets` are the columns in which the subject has ``Y``."""

    subject_id: str
    arm: str
    site: str | None
    analysis_sets: frozenset[str]


def read_subjects(path: Path, *, study: Study | None = None) -> tuple[Subject, ...]:
    """Every subject, in the sheet's order.

    Parameters
    ----------
    study : Study, optional
        Also hold the sheet against the trial: every arm is known, every analysis set is a column of ``Y`` and
        ``N``.

    Raises
    ------
    CytotrialError
        With every mistake in the sheet.
    """
    sets = study.analysis_sets if study else ()
    arms = tuple(arm.id for arm in study.arms) if study else None
    sheet = read_sheet(path, "subjects", yes_no=sets)
    problems = [*sheet.problems, *subject_problems(sheet, path, arms=arms)]
    if problems:
        raise CytotrialError(problems)
    return subjects_of(sheet)


def subjects_of(sheet: Sheet) -> tuple[Subject, ...]:
    """The subjects of the rows that could be read."""
    return tuple(
        Subject(
            subject_id=row.cells["subject_id"],
            arm=row.cells["arm"],
            site=row.cells.get("site"),
            analysis_sets=frozenset(name for name, cell in row.cells.items() if cell == "Y"),
        )
        for row in sheet.rows
    )


def subject_problems(sheet: Sheet, path: Path, *, arms: Sequence[str] | None) -> Iterator[str]:
    """Subjects listed twice and, where `arms` are known, subjects of an arm that is not among them."""
    first: dict[str, int] = {}
    for row in sheet.rows:
        name, arm = row.cells["subject_id"], row.cells["arm"]
        if name in first:
            yield problem(
                f"{path}, row {row.number}, subject_id",
                found=f"{name!r}, which is also in row {first[name]}",
                expected="one row per subject",
                remedy="remove one of the rows",
            )
        first.setdefault(name, row.number)
        if arms and arm not in arms:
            yield unknown(f"{path}, row {row.number}, arm", arm, arms, kind="arm")
