"""The history of the overrides sheet: every entry ever seen, in the order they came, none ever taken out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cytotrial.columns import OVERRIDE_COLUMNS
from cytotrial.study.overrides import Override, strongest

IN_FORCE, REPLACED, WITHDRAWN = "in_force", "replaced", "withdrawn"
PLACE = ("sample_id", "pool", "panel", "population", "marker", "bound")
DIGITS = 4  # so that entries sort as text in the order they came
Row = dict[str, Any]


def recorded(history: Sequence[Mapping[str, Any]], overrides: Sequence[Override]) -> list[Row]:
    """The history brought up to the sheet as it is now.

    Parameters
    ----------
    history : sequence of rows
        `columns.OVERRIDE_HISTORY` as it was: text, None where missing.

    Returns
    -------
    list of rows
        Those of `history`, of which ``state`` and ``in_sheet`` alone may differ, then the sheet's new entries.

    Notes
    -----
    An entry is a row's content: a cell that was changed makes another entry. The first one stays, ``replaced`` where
    another entry now says where the same gate lies, else ``withdrawn``. An entry that has left the sheet never comes
    back: the same row written again is a new one.
    """
    now = _entries(overrides)
    present = {_content(row) for row in now}
    force = [_entry(one) for group in _by_reach(overrides) for one in strongest(group)]
    rows: list[Row] = []
    for row in history:
        if row["in_sheet"] == "N":
            rows.append({**row, "in_sheet": False})  # its state is what it became when it left
        else:
            rows.append({**row, "state": _state(row, force), "in_sheet": _content(row) in present})
    known = {_content(row) for row in rows if row["in_sheet"]}
    for row in now:
        if _content(row) not in known:
            number = f"{len(rows) + 1:0{DIGITS}}"
            rows.append({"entry": number, **row, "state": _state(row, force), "in_sheet": True})
    return rows


def _entries(overrides: Iterable[Override]) -> list[Row]:
    """The sheet's rows as entries, each content once, older before newer."""
    ordered = sorted(overrides, key=lambda one: (one.date, *(str(getattr(one, name)) for name in PLACE), one.row))
    return list({_content(row): row for row in map(_entry, ordered)}.values())


def _entry(one: Override) -> Row:
    row = {name: getattr(one, name) for name in OVERRIDE_COLUMNS}
    row["coordinates"] = None if one.coordinates is None else json.dumps([list(point) for point in one.coordinates])
    return {name: None if value is None else str(value) for name, value in row.items()}


def _content(row: Mapping[str, Any]) -> tuple:
    return tuple(row[name] for name in OVERRIDE_COLUMNS)


def _by_reach(overrides: Iterable[Override]) -> list[list[Override]]:
    groups: dict[tuple, list[Override]] = {}
    for one in overrides:
        groups.setdefault(_reach(_entry(one)), []).append(one)
    return list(groups.values())


def _reach(row: Mapping[str, Any]) -> tuple:
    """Whose gates are moved; a sample has one panel, whether the row names it or not."""
    return (row["sample_id"],) if row["sample_id"] else (row["pool"], row["panel"])


def _state(row: Mapping[str, Any], force: Sequence[Row]) -> str:
    """In force; replaced where another entry places the same bound, or makes a shape of thresholds or the reverse."""
    rivals = [one for one in force if _reach(one) == _reach(row) and one["population"] == row["population"]]
    if any(_content(one) == _content(row) for one in rivals):
        return IN_FORCE
    same = [one for one in rivals if (one["marker"], one["bound"]) == (row["marker"], row["bound"])]
    other_kind = [one for one in rivals if (one["bound"] == "shape") != (row["bound"] == "shape")]
    return REPLACED if same or other_kind else WITHDRAWN
