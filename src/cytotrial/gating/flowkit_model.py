"""A file's gates as FlowKit's: the truth that every count must equal, and what GatingML is written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flowkit as fk
import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.fcs import FcsFile
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.drawn.landmarks import drawn_populations
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.gate_tree import (
    ROOT_KEY,
    Combination,
    Dimension,
    Ellipsoid,
    Gate,
    GateTree,
    Interval,
    Key,
    Polygon,
    Rectangle,
    Stretches,
)
from cytotrial.gating.strategy import ROOT, Strategy
from cytotrial.gating.tree_from_ledger import ledger_tree


@dataclass(frozen=True)
class Population:
    """A population that FlowKit gated: its parent in this file, and its events.

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
    """Apply a file's gates through FlowKit itself.

    Parameters
    ----------
    gates : sequence of rows
        The file's rows of the ledger (columns.GATES, numbers as numbers).

    Returns
    -------
    list of Population
        The root and every population with a gate whose ancestors could be gated, in the strategy's order.
    """
    everything = Population(ROOT, ROOT, np.ones(len(tube.events), dtype=bool))
    if isinstance(strategy, DrawnStrategy):
        drawn = drawn_populations(tube, strategy, mapped_only=True)
        return [everything, *(Population(one.id, one.parent, one.inside) for one in drawn)]
    tree = ledger_tree(strategy, gates, tube.axes, tube.spillover)
    results = _gated(tube.file, tree)
    populations = [everything]
    for gate in tree.gates:
        inside = np.asarray(results.get_gate_membership(gate.key[-1]), dtype=bool)
        populations.append(Population(gate.key[-1], gate.parent[-1] if gate.parent else ROOT, inside))
    return populations


def flowkit_counts(file: FcsFile, tree: GateTree) -> dict[str, int]:
    """Events of a file inside each gate of a tree, the root's among them, as FlowKit counts them."""
    results = _gated(file, tree)
    counts = {gate.key[-1]: int(results.get_gate_count(gate.key[-1])) for gate in tree.gates}
    return {ROOT: file.n_events, **counts}


def _gated(file: FcsFile, tree: GateTree) -> Any:
    sample = fk.Sample(file.data, sample_id="file", subsample=1)
    return flowkit_strategy(tree, file.names).gate_sample(sample, cache_events=True)


def flowkit_strategy(tree: GateTree, names: Sequence[str]) -> fk.GatingStrategy:
    """FlowKit's GatingStrategy of a tree; gates are named by the last word of their key.

    Parameters
    ----------
    names : sequence of str
        ``$PnN`` of the file's columns, in order.

    Notes
    -----
    Several stretches are one rectangle each, joined by a Boolean gate that has the name.
    """
    strategy = fk.GatingStrategy()
    for name, spillover in tree.matrices.items():
        detectors = list(spillover.detectors)
        # Unnamed fluorochromes are no valid GatingML.
        strategy.add_comp_matrix(name, fk.Matrix(spillover.matrix, detectors, detectors))
    writer = _Writer(strategy, tuple(names))
    for gate in tree.gates:
        writer.add(gate)
    return strategy


class _Writer:
    def __init__(self, strategy: fk.GatingStrategy, names: tuple[str, ...]) -> None:
        self._strategy, self._names = strategy, names
        self._paths: dict[Key, tuple[str, ...]] = {ROOT_KEY: (ROOT,)}

    def add(self, gate: Gate) -> None:
        """Give FlowKit one gate; its parent has been given."""
        path, name = self._paths[gate.parent], gate.key[-1]
        for one in self._gates(name, gate, path):
            self._strategy.add_gate(one, gate_path=path)
        self._paths[gate.key] = (*path, name)

    def _gates(self, name: str, gate: Gate, path: tuple[str, ...]) -> list[Any]:
        shape = gate.shape
        if isinstance(shape, Rectangle):
            sides = [self._bounded(one) for one in shape.intervals]
            return [fk.gates.RectangleGate(name, sides, use_complement=shape.outside)]
        if isinstance(shape, Stretches):
            return self._stretches(name, shape, path)
        if isinstance(shape, Combination):
            references = [
                {"ref": key[-1], "path": self._paths[key][:-1], "complement": inverted}
                for key, inverted in shape.members
            ]
            return [fk.gates.BooleanGate(name, shape.operation, references)]
        sides = [self._dimension(one) for one in shape.dimensions]
        if isinstance(shape, Polygon):
            vertices = [list(point) for point in shape.vertices]
            return [fk.gates.PolygonGate(name, sides, vertices, use_complement=shape.outside)]
        return [_ellipsoid(name, sides, shape)]

    def _stretches(self, name: str, shape: Stretches, path: tuple[str, ...]) -> list[Any]:
        intervals = [Interval(shape.dimension, low, high) for low, high in shape.ranges]
        if len(intervals) == 1:
            return [fk.gates.RectangleGate(name, [self._bounded(intervals[0])])]
        parts = [
            fk.gates.RectangleGate(f"{name}.{number}", [self._bounded(one)])
            for number, one in enumerate(intervals, start=1)
        ]
        references = [{"ref": part.gate_name, "path": path, "complement": False} for part in parts]
        return [*parts, fk.gates.BooleanGate(name, "or", references)]

    def _bounded(self, interval: Interval) -> fk.Dimension:
        return self._dimension(interval.dimension, low=interval.low, high=interval.high)

    def _dimension(self, one: Dimension, *, low: float | None = None, high: float | None = None) -> fk.Dimension:
        return fk.Dimension(
            self._names[one.index],
            compensation_ref=one.matrix or "uncompensated",
            transformation_ref=None if one.scale is None else self._scale(one.scale),
            range_min=low,
            range_max=high,
        )

    def _scale(self, axis: Any) -> str:
        if not isinstance(axis, Axis):
            raise TypeError(f"{axis} is no scale of ours")
        name = f"{axis.method}_T{axis.top!r}_W{axis.w!r}_M{axis.m!r}_A{axis.a!r}"
        name = name.replace(".", "_").replace("+", "").replace("-", "m")
        if name not in self._strategy.transformations:
            self._strategy.add_transform(name, _transform(axis))
        return name


def _ellipsoid(name: str, sides: list[fk.Dimension], shape: Ellipsoid) -> fk.gates.EllipsoidGate:
    covariance = [list(row) for row in shape.covariance]
    return fk.gates.EllipsoidGate(name, sides, list(shape.mean), covariance, shape.distance_square)


def _transform(axis: Axis) -> Any:
    if axis.method == "logicle":
        return fk.transforms.LogicleTransform(axis.top, axis.w, axis.m, axis.a)
    return fk.transforms.AsinhTransform(axis.top, axis.m, axis.a)
