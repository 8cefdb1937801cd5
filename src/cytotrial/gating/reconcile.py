"""Agreement between files: a gate that a file's own data do not show is borrowed from its pool, and says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from cytotrial.gating.landmarks import FLIPPED
from cytotrial.gating.strategy import Rule

# How wide a pool is looked for, from the one the strategy declares outwards. In each, files of the borrower's own
# batch come first: they were measured alike.
WIDER = {"none": (), "subject": ("subject", "trial"), "batch": ("batch", "trial"), "trial": ("trial",)}
Row = Mapping[str, Any]


def agree(landmarks: Sequence[Row], rules: Mapping[str, Rule]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The gates that will be used, and the populations that have none.

    Parameters
    ----------
    landmarks : sequence of rows
        All files of one panel; columns of `columns.LANDMARKS`, numbers already numbers.
    rules : mapping
        Population id -> rule of that panel's strategy.

    Returns
    -------
    used, not_placed : lists of rows
        `used` has the landmark's columns with ``source`` and ``pool`` added; `not_placed` those of
        `columns.NOT_PLACED`. Source is ``found``, ``fixed``, ``pooled`` or ``fallback``.
    """
    used: list[dict[str, Any]] = []
    not_placed: list[dict[str, Any]] = []
    for population, rule in rules.items():
        rows = [row for row in landmarks if row["population"] == population]
        found = [row for row in rows if row["outcome"] == "found"]
        source = "fixed" if rule.method in ("fixed", "below_range") else "found"
        used += [{**row, "source": source, "pool": "none"} for row in found]
        for sample in sorted({row["sample_id"] for row in rows if row["outcome"] != "found"}):
            own = [row for row in rows if row["sample_id"] == sample]
            lacks_channel = own[0]["outcome"] == "not_done"
            borrowed = [] if lacks_channel else _borrow(own, found, rule) or _fall_back(own, rule)
            if borrowed:
                used += borrowed
            else:
                not_placed.append({key: own[0][key] for key in ("sample_id", "population", "outcome", "reason")})
    return _with_opposites(used, not_placed, rules)


def _borrow(own: Sequence[Row], found: Sequence[Row], rule: Rule) -> list[dict[str, Any]]:
    """The pool's robust location: the median of each threshold, the vertex-wise median of each shape."""
    usable = set(rule.usable_markers({row["marker"] for row in own if row["channel"]}))
    for width in WIDER[rule.pool]:
        donors = [row for row in found if _same_pool(width, row, own[0]) and usable.issuperset(_parts(row))]
        donors = [row for row in donors if _alike(row, own)]
        if not donors:
            continue
        own_batch = [row for row in donors if row["batch"] is not None and row["batch"] == own[0]["batch"]]
        donors = own_batch or donors
        n_files = len({row["sample_id"] for row in donors})
        name = f"{width} {own[0][_POOL_COLUMN[width]]}" if width != "trial" else "trial"
        if own_batch and width != "batch":
            name += f", batch {own[0]['batch']}"
        borrowed = []
        for marker, bound in sorted({(row["marker"], row["bound"]) for row in donors}):
            same = [row for row in donors if (row["marker"], row["bound"]) == (marker, bound)]
            borrowed.append(
                _on_own_axis(own, marker, bound, _middle(same))
                | {
                    "source": "pooled",
                    "pool": name,
                    "reason": f"{own[0]['reason']}, so the median of {n_files} files",
                }
            )
        return borrowed
    return []


def _parts(row: Row) -> list[str]:
    return row["marker"].split(":")


_POOL_COLUMN = {"subject": "subject_id", "batch": "batch"}


def _alike(row: Row, own: Sequence[Row]) -> bool:
    """Whether a donor was stained and measured as the borrower: never a control, same condition, same range."""
    if row["is_control"] or row["condition"] != own[0]["condition"]:
        return False
    ranges = {one["marker"]: one["top"] for one in own}
    return all(ranges.get(part) == row["top"] for part in _parts(row)[:1])


def _same_pool(width: str, row: Row, own: Row) -> bool:
    column = _POOL_COLUMN.get(width)
    return column is None or (own[column] is not None and row[column] == own[column])


def _middle(rows: Sequence[Row]) -> dict[str, Any]:
    if rows[0]["bound"] != "shape":
        return {"threshold_linear": median(row["threshold_linear"] for row in rows), "coordinates": None}
    shapes = [json.loads(row["coordinates"]) for row in rows]
    size = len(shapes[0])
    shapes = [shape for shape in shapes if len(shape) == size]
    vertices = [[median(shape[i][axis] for shape in shapes) for axis in (0, 1)] for i in range(size)]
    return {"threshold_linear": None, "coordinates": json.dumps(vertices)}


def _fall_back(own: Sequence[Row], rule: Rule) -> list[dict[str, Any]]:
    if not rule.fallback:
        return []
    from cytotrial.gating.placing import fallback_bounds

    return [
        _on_own_axis(own, bound.marker, bound.side, {"threshold_linear": bound.linear, "coordinates": None})
        | {"source": "fallback", "pool": "none", "reason": f"{own[0]['reason']}, so the strategy's fallback"}
        for bound in fallback_bounds(rule)
    ]


def _on_own_axis(own: Sequence[Row], marker: str, bound: str, place: Mapping[str, Any]) -> dict[str, Any]:
    """The file's own channel and scale with a borrowed place: instruments of one pool may differ in range."""
    first = marker.split(":")[0]
    row = next(row for row in own if row["marker"] == first)
    channel = ":".join(next(r["channel"] for r in own if r["marker"] == part) for part in marker.split(":"))
    return {**row, "marker": marker, "bound": bound, "channel": channel, **place}


def _with_opposites(
    used: list[dict[str, Any]], not_placed: list[dict[str, Any]], rules: Mapping[str, Rule]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A population that is another's opposite has exactly the other's agreed threshold, wherever that came from."""
    for population, rule in rules.items():
        if rule.method != "opposite":
            continue
        others = [row for row in used if row["population"] == rule.args.of]
        used = [row for row in used if row["population"] != population]
        used += [
            {
                **row,
                "population": population,
                "bound": FLIPPED[row["bound"]],
                "method": "opposite",
                "reason": f"the other side of {rule.args.of}",
            }
            for row in others
        ]
        placed = {row["sample_id"] for row in others}
        not_placed = [r for r in not_placed if r["population"] != population or r["sample_id"] not in placed]
    return used, not_placed
