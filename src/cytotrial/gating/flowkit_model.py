"""Agreed gates as FlowKit gates: the only place that counts events. FlowKit's objects leave it for `exchange` alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flowkit as fk
import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.drawn.landmarks import drawn_populations
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.polygons import on_scale
from cytotrial.gating.strategy import ROOT, Strategy

# GatingML has one set of ids for all it holds; a population's has neither point nor hyphen.
MATRIX = "spillover-matrix"


@dataclass(frozen=True)
class Population:
    """A population that was gated: its parent in this file, and its events.

    Attributes
    ----------
    parent : str
        The nearest ancestor that was gated: a step that was NOT DONE is passed over.
    inside : ndarray of bool, shape (n_events,)
        Membership, as FlowKit's `GatingStrategy.gate_sample` gives it.
    """

    id: str
    parent: str
    inside: np.ndarray

    @property
    def n_events(self) -> int:
        """Events inside."""
        return int(np.count_nonzero(self.inside))


def gate_tube(tube: Tube, strategy: Strategy, gates: Sequence[Mapping[str, Any]]) -> list[Population]:
    """Apply a file's agreed gates through FlowKit.

    Parameters
    ----------
    gates : sequence of rows
        The file's rows of the ledger (columns.GATES, numbers as numbers).

    Returns
    -------
    list of Population
        The root and every population with a gate whose ancestors could be gated, in the strategy's order.
    """
    if isinstance(strategy, DrawnStrategy):
        return _gate_as_drawn(tube, strategy)
    model, parents = build_model(tube, strategy, gates)
    sample = fk.Sample(tube.file.data, sample_id=tube.sample_id, subsample=1)
    results = model.gate_sample(sample, cache_events=True)
    everything = np.ones(len(tube.events), dtype=bool)
    populations = [Population(ROOT, ROOT, everything)]
    for name, parent in parents.items():
        populations.append(Population(name, parent, np.asarray(results.get_gate_membership(name), dtype=bool)))
    return populations


def _gate_as_drawn(tube: Tube, strategy: DrawnStrategy) -> list[Population]:
    drawn = drawn_populations(tube, strategy, mapped_only=True)
    everything = np.ones(len(tube.events), dtype=bool)
    return [Population(ROOT, ROOT, everything), *(Population(one.id, one.parent, one.inside) for one in drawn)]


def build_model(
    tube: Tube, strategy: Strategy, gates: Sequence[Mapping[str, Any]]
) -> tuple[fk.GatingStrategy, dict[str, str]]:
    """FlowKit's GatingStrategy for one file, and each gated population's parent.

    Gates are named by population id. A step of several time intervals is one rectangle each, joined by a
    Boolean gate that has the step's id.
    """
    model = fk.GatingStrategy()
    if tube.spillover is not None:
        detectors = list(tube.spillover.detectors)
        matrix = fk.Matrix(tube.spillover.matrix, detectors, detectors)  # unnamed fluorochromes are no valid GatingML
        model.add_comp_matrix(MATRIX, matrix)
    for axis in _distinct_scales(tube):
        model.add_transform(_transform_id(axis), _transform(axis))
    attach: dict[str, str | None] = {ROOT: ROOT}  # population -> where its children hang; None: nowhere
    paths: dict[str, tuple[str, ...]] = {ROOT: (ROOT,)}
    parents: dict[str, str] = {}
    for rule in strategy.rules:
        own = [row for row in gates if row["population"] == rule.id]
        parent = attach[rule.parent]
        if parent is None or not own:
            attach[rule.id] = parent if rule.may_be_skipped else None
            continue
        for gate in _gates(rule.id, tube, own, paths[parent]):
            model.add_gate(gate, gate_path=paths[parent])
        attach[rule.id] = rule.id
        parents[rule.id] = parent
        paths[rule.id] = (*paths[parent], rule.id)
    return model, parents


def _gates(name: str, tube: Tube, rows: Sequence[Mapping[str, Any]], path: tuple[str, ...]) -> list[Any]:
    shape = next((row for row in rows if row["bound"] == "shape"), None)
    if shape is None:
        return [fk.gates.RectangleGate(name, _bounded_dimensions(tube, rows))]
    points = json.loads(shape["coordinates"])
    markers = shape["marker"].split(":")
    if len(markers) == 2:
        vertices = on_scale(points, [tube.axes[marker] for marker in markers]).tolist()
        return [fk.gates.PolygonGate(name, [_dimension(tube, marker) for marker in markers], vertices)]
    return _intervals(name, tube, markers[0], points, path)


def _bounded_dimensions(tube: Tube, rows: Sequence[Mapping[str, Any]]) -> list[fk.Dimension]:
    limits: dict[str, dict[str, float]] = {}
    for row in rows:
        limits.setdefault(row["marker"], {})[row["bound"]] = row["threshold"]
    return [_dimension(tube, marker, low=side.get("min"), high=side.get("max")) for marker, side in limits.items()]


def _intervals(name: str, tube: Tube, marker: str, intervals: Sequence[Any], path: tuple[str, ...]) -> list[Any]:
    if len(intervals) == 1:
        return [fk.gates.RectangleGate(name, [_dimension(tube, marker, low=intervals[0][0], high=intervals[0][1])])]
    parts = [
        fk.gates.RectangleGate(f"{name}.{number}", [_dimension(tube, marker, low=low, high=high)])
        for number, (low, high) in enumerate(intervals, start=1)
    ]
    references = [{"ref": part.gate_name, "path": path, "complement": False} for part in parts]
    return [*parts, fk.gates.BooleanGate(name, "or", references)]


def _dimension(tube: Tube, marker: str, *, low: float | None = None, high: float | None = None) -> fk.Dimension:
    axis = tube.axes[marker]
    compensated = tube.spillover is not None and not axis.is_linear
    return fk.Dimension(
        axis.channel,
        compensation_ref=MATRIX if compensated else "uncompensated",
        transformation_ref=None if axis.is_linear else _transform_id(axis),
        range_min=low,
        range_max=high,
    )


def _distinct_scales(tube: Tube) -> list[Axis]:
    return list({_transform_id(axis): axis for axis in tube.axes.values() if not axis.is_linear}.values())


def _transform_id(axis: Axis) -> str:
    name = f"{axis.method}_T{axis.top!r}_W{axis.w!r}_M{axis.m!r}_A{axis.a!r}"
    return name.replace(".", "_").replace("+", "").replace("-", "m")


def _transform(axis: Axis) -> Any:
    if axis.method == "logicle":
        return fk.transforms.LogicleTransform(axis.top, axis.w, axis.m, axis.a)
    return fk.transforms.AsinhTransform(axis.top, axis.m, axis.a)
