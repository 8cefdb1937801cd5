"""The overrides sheet: gates that a person moved, each with who, when and why. It knows no arm and no event."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.study.consistency import unknown
from cytotrial.study.samples import Sample
from cytotrial.study.sheets import Row, Sheet, read_sheet

WIDTHS = ("sample", "subject", "batch", "site", "trial")  # a narrower one is in force before a wider one
LEAST_VERTICES = 3
MOST_SHOWN = 8  # names in a list of those that are known
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Override:
    """One bound of one gate, as a person wants it, in one sample or in a pool of a panel's samples.

    Attributes
    ----------
    sample_id, pool : str or None
        One of the two; `pool` is ``subject ID``, ``batch NAME``, ``site NAME`` or ``trial``.
    panel : str or None
        The pool's panel; a sample's may be left out.
    marker, bound : str
        As the ledger writes them: ``CD25`` and ``min``, ``FSC-A:SSC-A`` and ``shape``.
    threshold, threshold_linear : float or None
        On the gate's own scale, or in linear units; one of them for ``min`` and ``max``.
    coordinates : tuple of pairs, or None
        A shape's vertices in linear units; for Time the kept intervals in seconds.
    row : int
        As a spreadsheet counts.
    """

    sample_id: str | None
    pool: str | None
    panel: str | None
    population: str
    marker: str
    bound: str
    threshold: float | None
    threshold_linear: float | None
    coordinates: Points | None
    reviewer: str
    date: str
    reason: str
    row: int

    @property
    def width(self) -> str:
        """``sample subject batch site trial``: how far it reaches."""
        return "sample" if self.pool is None else self.pool.split()[0]

    @property
    def of(self) -> str | None:
        """The subject, batch or site that its pool names."""
        return None if self.pool is None else self.pool.partition(" ")[2].strip() or None

    @property
    def precedence(self) -> tuple[int, str, int]:
        """Of two overrides of one gate the greater is in force: the narrower, then the later, then the lower row."""
        return -WIDTHS.index(self.width), self.date, self.row

    @property
    def told(self) -> str:
        """Who and when, for reasons and flags."""
        return f"{self.reviewer}, {self.date}"

    def covers(self, sample: Sample) -> bool:
        """Whether it is meant for `sample`; a pool takes in every condition and the staining controls."""
        if self.pool is None:
            return sample.sample_id == self.sample_id
        place = {"subject": sample.subject_id, "batch": sample.batch, "site": sample.site, "trial": None}[self.width]
        return sample.panel == self.panel and place == self.of


def in_force(overrides: Iterable[Override], sample: Sample) -> list[Override]:
    """The overrides that count for `sample`, the strongest last."""
    return strongest(one for one in overrides if one.covers(sample))


def strongest(overrides: Iterable[Override]) -> list[Override]:
    """One override per population, marker and bound; and, of a gate's thresholds and shape, the stronger alone."""
    ordered = sorted(overrides, key=lambda one: one.precedence)
    chosen = {(one.population, one.marker, one.bound): one for one in ordered}
    is_shape = {one.population: one.bound == "shape" for one in ordered}
    kept = (one for one in chosen.values() if (one.bound == "shape") == is_shape[one.population])
    return sorted(kept, key=lambda one: one.precedence)


def read_overrides(path: Path) -> tuple[Override, ...]:
    """Every override, in the sheet's order; a header without rows is a sheet without overrides.

    Raises
    ------
    CytotrialError
        With every mistake of the sheet's form.
    """
    sheet = overrides_sheet(path)
    overrides, problems = overrides_of(sheet, path)
    if sheet.problems or problems:
        raise CytotrialError([*sheet.problems, *problems])
    return overrides


def overrides_sheet(path: Path) -> Sheet:
    """The sheet at `path`, its cells held against the schema; never raises for the user's errors."""
    return read_sheet(path, "overrides", may_be_empty=True)


def overrides_of(sheet: Sheet, path: Path) -> tuple[tuple[Override, ...], list[str]]:
    """The overrides of the rows that have the right form, and what is wrong with the others."""
    overrides, problems = [], []
    for row in sheet.rows:
        wrong = list(_row_problems(row, f"{path}, row {row.number}"))
        problems += wrong
        if not wrong:
            overrides.append(_override(row))
    return tuple(overrides), problems


def _override(row: Row) -> Override:
    cells = row.cells
    pool = cells.get("pool")
    return Override(
        sample_id=cells.get("sample_id"),
        pool=None if pool is None else " ".join(pool.split()),
        panel=cells.get("panel"),
        population=cells["population"],
        marker=cells["marker"],
        bound=cells["bound"],
        threshold=float(cells["threshold"]) if "threshold" in cells else None,
        threshold_linear=float(cells["threshold_linear"]) if "threshold_linear" in cells else None,
        coordinates=_points(cells["coordinates"]) if "coordinates" in cells else None,
        reviewer=" ".join(cells["reviewer"].split()),
        date=cells["date"],
        reason=" ".join(cells["reason"].split()),
        row=row.number,
    )


def _row_problems(row: Row, where: str) -> Iterator[str]:
    cells = row.cells
    if ("sample_id" in cells) == ("pool" in cells):
        found = "both a sample_id and a pool" if "pool" in cells else "neither a sample_id nor a pool"
        expected = "the sample, or the pool of samples, whose gate is moved"
        yield problem(where, found=found, expected=expected, remedy="fill one of the two")
    elif "pool" in cells and "panel" not in cells:
        expected = "the panel whose gates are moved"
        yield problem(f"{where}, panel", found="nothing", expected=expected, remedy="name the pool's panel")
    try:
        date.fromisoformat(cells["date"])
    except ValueError:
        expected = "a day of the calendar as YYYY-MM-DD"
        yield problem(f"{where}, date", found=repr(cells["date"]), expected=expected, remedy="correct it")
    yield from _place_problems(row, where)


def _place_problems(row: Row, where: str) -> Iterator[str]:
    """Whether it says where the gate is to be, once, and as its bound needs it."""
    cells = row.cells
    given = [name for name in ("threshold", "threshold_linear", "coordinates") if name in cells]
    wanted = ["coordinates"] if cells["bound"] == "shape" else ["threshold", "threshold_linear"]
    if len(given) != 1 or given[0] not in wanted:
        yield problem(
            where,
            found=" and ".join(given) or "no place for the gate",
            expected=f"{' or '.join(wanted)} alone for the bound {cells['bound']}",
            remedy="fill that cell and empty the others",
        )
        return
    if given == ["threshold"] and "sample_id" not in cells and "pool" in cells:
        yield problem(
            f"{where}, threshold",
            found="a value on the gate's own scale for a whole pool",
            expected="one place for all its files, whose scales may differ",
            remedy="write it as threshold_linear, in linear units",
        )
    if given == ["coordinates"]:
        yield from _shape_problems(cells["coordinates"], cells["marker"], f"{where}, coordinates")
    elif not math.isfinite(float(cells[given[0]])):
        yield problem(f"{where}, {given[0]}", found=cells[given[0]], expected="a finite number", remedy="correct it")


def _shape_problems(text: str, marker: str, where: str) -> Iterator[str]:
    try:
        points = _points(text)
    except ValueError:
        expected = "JSON, [[x, y], [x, y], ...] in numbers"
        yield problem(where, found=repr(text[:60]), expected=expected, remedy="copy the form of gates.tsv's own shapes")
        return
    if ":" in marker:
        if len(set(points)) < LEAST_VERTICES:
            found, expected = f"{len(set(points))} different vertices", f"{LEAST_VERTICES} or more"
            yield problem(where, found=found, expected=expected, remedy="add the missing ones")
        return
    wrong = next((pair for pair in points if pair[0] >= pair[1]), None)
    if wrong or not points:
        found = f"the interval {list(wrong)}" if wrong else "no interval"
        remedy = "correct it; seconds, as gates.tsv writes them"
        yield problem(where, found=found, expected="intervals [from, to] of " + marker, remedy=remedy)


def _points(text: str) -> Points:
    """Pairs of finite numbers from JSON; ValueError where it is anything else."""
    found = json.loads(text)  # JSONDecodeError is a ValueError
    if not isinstance(found, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in found):
        raise ValueError("no list of pairs")
    if not all(_is_number(value) for pair in found for value in pair):
        raise ValueError("not numbers")
    return tuple((float(x), float(y)) for x, y in found)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def target_problems(
    overrides: Sequence[Override], path: Path, *, samples: Sequence[Sample], panels: Sequence[str]
) -> Iterator[str]:
    """Overrides of samples, panels, subjects, batches and sites that are not in the samples sheet."""
    by_id = {sample.sample_id: sample for sample in samples}
    for one in overrides:
        where = f"{path}, row {one.row}"
        if one.panel is not None and panels and one.panel not in panels:
            yield unknown(f"{where}, panel", one.panel, panels, kind="panel")
        elif one.pool is not None:
            yield from _pool_problem(one, where, [sample for sample in samples if sample.panel == one.panel])
        elif one.sample_id not in by_id:
            found = f"{one.sample_id!r}{did_you_mean(str(one.sample_id), by_id)}"
            expected = "a sample of the samples sheet"
            yield problem(f"{where}, sample_id", found=found, expected=expected, remedy="correct it")
        elif one.panel not in (None, by_id[one.sample_id].panel):
            expected = f"{one.sample_id}'s own panel, {by_id[one.sample_id].panel}"
            yield problem(f"{where}, panel", found=repr(one.panel), expected=expected, remedy="correct it or empty it")


def _pool_problem(one: Override, where: str, samples: Sequence[Sample]) -> Iterator[str]:
    if any(one.covers(sample) for sample in samples):
        return
    if not samples:
        found, expected = f"{one.panel!r}, which has no sample", "a panel with samples"
        yield problem(f"{where}, panel", found=found, expected=expected, remedy="correct or remove the row")
        return
    column = {"subject": "subject_id"}.get(one.width, one.width)
    known = sorted({str(value) for sample in samples if (value := getattr(sample, column))})
    shown = f": {', '.join(known[:MOST_SHOWN])}{', ...' if len(known) > MOST_SHOWN else ''}" if known else ""
    yield problem(
        f"{where}, pool",
        found=f"{one.pool!r}{did_you_mean(str(one.of), known)}, of which there is no {one.panel} sample",
        expected=f"a {one.width} of the samples sheet{shown}",
        remedy="correct it" if known else f"fill the column {column} of the samples sheet",
    )
