"""The gates that people moved, each beside the automatic place that it had."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence

from cytotrial.report.numbers import MISSING, Cell, number, show_linear
from cytotrial.report.views import Column, Group, Row, TableView, plural

_COLUMNS = (
    Column("file, or pool", "a pool's files were moved together, by one row of the overrides sheet", numeric=False),
    Column("population", "those below it keep their gates, inside what it is now", numeric=False),
    Column("marker", numeric=False),
    Column("bound", "min: kept from here up; max: kept below here; shape: kept inside", numeric=False),
    Column("moved to", "threshold, compensated linear scale"),
    Column("was", "the automatic threshold; of a pool the median, and lowest to highest"),
    Column("source", "of the automatic gate; point at one to read how it had come about", numeric=False),
    Column("moved by", "who, and when", numeric=False),
    Column("reason", numeric=False, wide=True),
)
_ENTRY = ("population", "marker", "bound", "threshold_linear", "coordinates", "reviewer", "reviewed", "reason")


def moved_gates(gates: Sequence[Row], panels: Mapping[str, str], *, source: str) -> TableView | None:
    """One row per gate that was moved, or per pool of files; ``None`` where nobody moved one.

    Parameters
    ----------
    gates : rows of ``gates.tsv``
        A population that merely follows another one to the other side of its threshold is left out.
    panels : mapping
        Sample id to panel.
    """
    entries: dict[tuple, list[Row]] = {}
    for row in gates:
        if row["reviewer"] is not None and row["method"] != "opposite":
            where = str(row["sample_id"]) if row["pool"] in (None, "none") or row["source"] != "manual" else row["pool"]
            panel = row["panel"] or panels.get(str(row["sample_id"]), "")
            entries.setdefault((panel, where, *(str(row[name]) for name in _ENTRY)), []).append(row)
    groups: dict[str, list[list[Cell]]] = {}
    for (panel, where, *_), rows in sorted(entries.items(), key=lambda item: item[0]):
        groups.setdefault(panel, []).append(_cells(where, rows))
    if not groups:
        return None
    return TableView("Gates moved by hand", source, _COLUMNS, [Group(*item) for item in groups.items()])


def _cells(where: str, rows: Sequence[Row]) -> list[Cell]:
    first = rows[0]
    pooled = where != str(first["sample_id"])
    names = ", ".join(sorted(str(row["sample_id"]) for row in rows))
    moved = first["source"] == "manual"
    place = _place(first, "")
    return [
        Cell(f"{where} ({plural(len(rows), 'file')})", names) if pooled else Cell(where),
        Cell(str(first["population"])),
        Cell(str(first["marker"])),
        Cell(str(first["bound"])),
        Cell(place) if moved else Cell("not moved", "the reason says why", "na"),
        Cell(_before(rows) if moved else place),
        Cell(", ".join(sorted({str(row["automatic_source"] or "none") for row in rows})) if moved else "", _how(rows)),
        Cell(f"{first['reviewer']}, {first['reviewed']}"),
        Cell(str(first["reason"])),
    ]


def _place(row: Row, before: str) -> str:
    """Where a gate is; with the columns' prefix ``automatic_`` where it was."""
    linear, coordinates = row[f"{before}threshold_linear"], row[f"{before}coordinates"]
    if linear is not None:
        return show_linear(float(linear))
    part = "corner" if ":" in str(row["marker"]) else "interval"
    return plural(len(json.loads(coordinates)), part) if coordinates else MISSING


def _before(rows: Sequence[Row]) -> str:
    """Where the gates of these rows had been; NA where none of them had one."""
    given = (number(row["automatic_threshold_linear"]) for row in rows)
    values = [value for value in given if value is not None]
    if not values:
        return _place(rows[0], "automatic_")
    middle = show_linear(statistics.median(values))
    if min(values) == max(values):
        return middle
    return f"{middle} ({show_linear(min(values))} to {show_linear(max(values))})"


def _how(rows: Sequence[Row]) -> str:
    return str(rows[0]["automatic_reason"] or "") if len(rows) == 1 else "each file's own reason is in gates.tsv"
