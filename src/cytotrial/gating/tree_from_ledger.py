"""A file's rows of the ledger as the gates that are counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover
from cytotrial.gating.gate_tree import (
    ROOT_KEY,
    Dimension,
    Gate,
    GateTree,
    Interval,
    Key,
    Polygon,
    Rectangle,
    Shape,
    Stretches,
)
from cytotrial.gating.polygons import on_scale
from cytotrial.gating.strategy import ROOT, Strategy

# GatingML has one set of ids for all it holds; a population's has neither point nor hyphen.
MATRIX = "spillover-matrix"
Row = Mapping[str, Any]


def ledger_tree(
    strategy: Strategy, gates: Sequence[Row], axes: Mapping[str, Axis], spillover: Spillover | None
) -> GateTree:
    """Every population that has a gate and whose ancestors could be gated, in the strategy's order.

    A gate's key is its population's id alone; its parent is the nearest ancestor that was gated: a step that was NOT
    DONE is passed over.

    Parameters
    ----------
    gates : sequence of rows
        The file's rows of the ledger (columns.GATES, numbers as numbers).
    axes : mapping of str to Axis
        Every marker of the file.
    spillover : Spillover or None
        What is undone in fluorescence channels.
    """
    reader = _Reader(axes, spillover)
    attach: dict[str, Key | None] = {ROOT: ROOT_KEY}  # population -> where its children hang; None: nowhere
    found = []
    for rule in strategy.rules:
        own = [row for row in gates if row["population"] == rule.id]
        parent = attach[rule.parent]
        if parent is None or not own:
            attach[rule.id] = parent if rule.may_be_skipped else None
            continue
        attach[rule.id] = (rule.id,)
        found.append(Gate((rule.id,), parent, reader.shape(own)))
    return GateTree(tuple(found), {} if spillover is None else {MATRIX: spillover})


class _Reader:
    def __init__(self, axes: Mapping[str, Axis], spillover: Spillover | None) -> None:
        self._axes = axes
        self._detectors = () if spillover is None else spillover.detectors

    def shape(self, rows: Sequence[Row]) -> Shape:
        """One population's rows as one gate."""
        drawn = next((row for row in rows if row["bound"] == "shape"), None)
        if drawn is None:
            return self._rectangle(rows)
        points = json.loads(drawn["coordinates"])
        markers = drawn["marker"].split(":")
        if len(markers) == 2:
            vertices = on_scale(points, [self._axes[marker] for marker in markers]).tolist()
            x, y = (self._dimension(marker) for marker in markers)
            return Polygon((x, y), tuple((a, b) for a, b in vertices))
        return Stretches(self._dimension(markers[0]), tuple((float(a), float(b)) for a, b in points))

    def _rectangle(self, rows: Sequence[Row]) -> Rectangle:
        limits: dict[str, dict[str, float]] = {}
        for row in rows:
            limits.setdefault(row["marker"], {})[row["bound"]] = row["threshold"]
        return Rectangle(
            tuple(
                Interval(self._dimension(marker), side.get("min"), side.get("max")) for marker, side in limits.items()
            )
        )

    def _dimension(self, marker: str) -> Dimension:
        axis = self._axes[marker]
        if axis.is_linear:  # scatter and time: never compensated, and gated as they are
            return Dimension(axis.index)
        return Dimension(axis.index, MATRIX if axis.channel in self._detectors else None, axis)
