"""The outcomes sheet: clinical endpoints, one row per subject, visit and endpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.study.analysis import ANY_VISIT, Endpoint
from cytotrial.study.consistency import unknown
from cytotrial.study.sheets import Sheet, read_sheet

LARGEST = 1e100  # far beyond any measurement, and its square is still a number


@dataclass(frozen=True)
class Outcome:
    """One endpoint of a subject at a visit; `value` is 0 or 1 or a number, None where it was not measured."""

    subject_id: str
    visit: str
    endpoint: str
    value: float | None


def read_outcomes(path: Path) -> tuple[Outcome, ...]:
    """Every outcome, in the sheet's order.

    Raises
    ------
    CytotrialError
        With every mistake of the sheet's form, rows that repeat a subject, visit and endpoint, and values that no
        statistic can be made of.
    """
    sheet = read_sheet(path, "outcomes")
    problems = [*sheet.problems, *_repeated(sheet, path), *_too_large(sheet, path)]
    if problems:
        raise CytotrialError(problems)
    return tuple(
        Outcome(
            row.cells["subject_id"],
            row.cells["visit"],
            row.cells["endpoint"],
            float(row.cells["value"]) if "value" in row.cells else None,
        )
        for row in sheet.rows
    )


def outcome_problems(
    sheet: Sheet, path: Path, *, visits: Sequence[str], subjects: Set[str], endpoints: Sequence[Endpoint] = ()
) -> Iterator[str]:
    """Every mistake of the sheet, references to visits and subjects that are not there included.

    Parameters
    ----------
    endpoints : sequence of Endpoint
        Those that are declared: of a binary one every value must be 0 or 1.
    """
    binary = {endpoint.id for endpoint in endpoints if endpoint.type == "binary"}
    yield from sheet.problems
    yield from _repeated(sheet, path)
    yield from _too_large(sheet, path)
    for row in sheet.rows:
        visit, subject = row.cells["visit"], row.cells["subject_id"]
        if visits and visit not in (*visits, ANY_VISIT):
            yield unknown(f"{path}, row {row.number}, visit", visit, (*visits, ANY_VISIT), kind="visit")
        if subjects and subject not in subjects:
            yield problem(
                f"{path}, row {row.number}, subject_id",
                found=f"{subject!r}{did_you_mean(subject, sorted(subjects))}",
                expected="a subject of the subjects sheet",
                remedy="correct it, or add the subject there",
            )
        if row.cells["endpoint"] in binary and float(row.cells.get("value", 0)) not in (0.0, 1.0):
            yield problem(
                f"{path}, row {row.number}, value",
                found=f"{row.cells['value']} of {row.cells['endpoint']}",
                expected="0 or 1, because the configuration declares the endpoint as binary",
                remedy="correct it, or declare the endpoint as continuous",
            )


def outcome_doubts(
    sheet: Sheet | None, path: Path | None, endpoints: Sequence[Endpoint], *, config: str
) -> Iterator[str]:
    """Declared endpoints of which the sheet has no row, at the visit where the declaration names one.

    Parameters
    ----------
    sheet, path : Sheet and Path, or None
        None where the configuration names no outcomes sheet.
    config : str
        The configuration's name, for the messages.
    """
    found = {(row.cells["endpoint"], row.cells["visit"]) for row in (sheet.rows if sheet else ())}
    ids = sorted({name for name, _ in found})
    for endpoint in endpoints:
        at = f" at {endpoint.visit}" if endpoint.visit else ""
        if path is None:
            lacking = "no outcomes sheet"
        elif endpoint.id not in ids:
            lacking = f"no row of it in {path}{did_you_mean(endpoint.id, ids)}"
        elif endpoint.visit and (endpoint.id, endpoint.visit) not in found:
            lacking = f"no row of it{at} in {path}"
        else:
            continue
        yield problem(
            f"{config}, endpoints, {endpoint.id}",
            found=lacking,
            expected=f"values of the endpoint{at}",
            remedy="correct the id or the visit, name the sheet, or take the endpoint out",
        )


def _repeated(sheet: Sheet, path: Path) -> Iterator[str]:
    first: dict[tuple[str, ...], int] = {}
    for row in sheet.rows:
        key = tuple(row.cells[name] for name in ("subject_id", "visit", "endpoint"))
        if key in first:
            yield problem(
                f"{path}, row {row.number}",
                found=f"{', '.join(key)}, which is also in row {first[key]}",
                expected="one row per subject, visit and endpoint",
                remedy="remove one of the rows",
            )
        first.setdefault(key, row.number)


def _too_large(sheet: Sheet, path: Path) -> Iterator[str]:
    """Values as 1e400, which the form allows and which are infinite, or whose squares would be."""
    for row in sheet.rows:
        value = float(row.cells.get("value", 0))
        if not math.isfinite(value) or abs(value) > LARGEST:
            yield problem(
                f"{path}, row {row.number}, value",
                found=row.cells["value"],
                expected=f"a number between {-LARGEST:g} and {LARGEST:g}",
                remedy="correct it, or leave the cell empty where the value is missing",
            )
