"""Between gates in memory and rows of tables: the landmarks of one file, and the ledger of the gates used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cytotrial.columns import AGREED_GATES
from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.placing import Placed
from cytotrial.tables import number, whole

Row = dict[str, Any]


def landmark_rows(tube: Tube, placed: Iterable[Placed], *, sample: Mapping[str, Any]) -> list[Row]:
    """Rows of `columns.LANDMARKS`: one per bound that was found, one per marker where none was.

    Parameters
    ----------
    sample : mapping
        ``sample_id panel subject_id batch site condition is_control``: where the file may look for a gate it lacks.
    """
    rows = []
    for one in placed:
        common = {
            "site": None,
            **sample,
            "population": one.rule.id,
            "outcome": one.outcome,
            "reason": one.landmark.reason,
            "method": one.rule.method,
            "n_parent": one.n_parent,
            "measures": json.dumps(dict(one.landmark.measures)) if one.landmark.measures else None,
            "doubt": one.landmark.doubt or None,
            "measures_spread": json.dumps(dict(one.spread.measures)) if one.spread.measures else None,
        }
        if one.landmark.found:
            spreads = one.spread.bounds or (None,) * len(one.landmark.bounds)
            rows += [
                {**common, **_bound(bound), "spread": spread, **_axis(tube, bound.marker)}
                for bound, spread in zip(one.landmark.bounds, spreads, strict=True)
            ]
        else:
            nowhere = {"bound": None, "threshold_linear": None, "coordinates": None, "spread": None}
            markers = one.rule.markers or ("",)  # a drawn gate that is not there is on no marker
            rows += [{**common, "marker": marker, **nowhere, **_axis(tube, marker)} for marker in markers]
    return rows


def _bound(bound: Bound) -> Row:
    coordinates = None if bound.coordinates is None else json.dumps([list(point) for point in bound.coordinates])
    return {
        "marker": bound.marker,
        "bound": bound.side,
        "threshold_linear": bound.linear,
        "coordinates": coordinates,
    }


def _axis(tube: Tube, marker: str) -> Row:
    axes = [tube.axes.get(part) for part in marker.split(":")]
    if None in axes:
        return dict.fromkeys(("channel", "top", "scale", "w", "m", "a"))
    first = axes[0]
    channel = ":".join(axis.channel for axis in axes if axis)
    return {
        "channel": channel,
        "top": first.top,
        "scale": first.method,
        "w": first.w,
        "m": first.m,
        "a": first.a,
    }


def read_landmarks(rows: Iterable[Mapping[str, str | None]]) -> list[Row]:
    """Landmark rows of a table with their numbers as numbers."""
    numbers = ("threshold_linear", "top", "w", "m", "a", "spread")
    return [
        {
            **row,
            **{key: number(row[key]) for key in numbers},
            "marker": row["marker"] or "",  # none where a drawn gate is on no channel of its own, or is not there
            "n_parent": whole(row["n_parent"]),
            "is_control": row["is_control"] == "Y",
        }
        for row in rows
    ]


def axis_of(row: Mapping[str, Any]) -> Axis:
    """The gate's axis in its file, from a landmark's row; of a shape the first one. Its column is not known here."""
    return Axis(row["marker"], row["channel"], 0, row["top"], row["scale"], row["w"], row["m"], row["a"])


def gate_rows(used: Sequence[Row]) -> list[Row]:
    """Rows of `columns.AGREED_GATES` from agreed landmarks: each threshold on the gate's own scale and linear.

    What no row says (an ``uncertainty``, where nobody asked for it) is None.
    """
    rows = []
    for row in used:
        axis, linear = axis_of(row), row["threshold_linear"]
        threshold = None if linear is None else float(axis.to_scale(linear))
        scale = {"threshold": threshold, "scale": axis.name if row["scale"] else None}
        rows.append({**{key: row.get(key) for key in AGREED_GATES.columns if key not in scale}, **scale})
    return rows


def read_gates(rows: Iterable[Mapping[str, str | None]]) -> list[Row]:
    """Ledger rows of a table with their numbers as numbers."""
    numbers = ("threshold", "threshold_linear", "uncertainty")
    return [{**row, **{key: number(row[key]) for key in numbers}} for row in rows]
