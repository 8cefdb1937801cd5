"""The samples sheet: one row per FCS file, and nothing about arms."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from cytotrial.columns import CONTROL_CONDITION
from cytotrial.errors import CytotrialError
from cytotrial.study.sheets import Row, Sheet, read_sheet


@dataclass(frozen=True)
class Sample:
    """One FCS file; `fcs` is the path as written, `row` the row as a spreadsheet counts."""

    sample_id: str
    fcs: str
    subject_id: str
    visit: str
    panel: str
    condition: str | None
    batch: str | None
    replicate: str | None
    lymphocytes_per_ul: float | None
    row: int
    site: str | None = None

    @property
    def is_control(self) -> bool:
        """Is this a staining control (FMO, single stain, unstained), which is not reported."""
        return self.condition is not None and CONTROL_CONDITION.match(self.condition) is not None


def read_samples(path: Path, *, panel: str | None = None, subjects: Container[str] | None = None) -> tuple[Sample, ...]:
    """Every sample, or those of one panel and some subjects, in the sheet's order.

    Parameters
    ----------
    panel, subjects : optional
        Other rows are not looked at: a job's share of a sheet of ten thousand rows.

    Raises
    ------
    CytotrialError
        With every mistake of the sheet's form: header, cells, characters of the ids.
    """

    def is_wanted(cells: Mapping[str, str]) -> bool:
        return panel in (None, cells.get("panel")) and (subjects is None or cells.get("subject_id") in subjects)

    sheet = read_sheet(path, "samples", only=None if panel is None and subjects is None else is_wanted)
    if sheet.problems:
        raise CytotrialError(sheet.problems)
    return samples_of(sheet)


def samples_of(sheet: Sheet) -> tuple[Sample, ...]:
    """The samples of the rows that could be read."""
    return tuple(_sample(row) for row in sheet.rows)


def _sample(row: Row) -> Sample:
    cells = row.cells
    lymphocytes = cells.get("lymphocytes_per_ul")
    return Sample(
        sample_id=cells["sample_id"],
        fcs=cells["fcs"],
        subject_id=cells["subject_id"],
        visit=cells["visit"],
        panel=cells["panel"],
        condition=cells.get("condition"),
        batch=cells.get("batch"),
        replicate=cells.get("replicate"),
        lymphocytes_per_ul=None if lymphocytes is None else float(lymphocytes),
        row=row.number,
        site=cells.get("site"),
    )
