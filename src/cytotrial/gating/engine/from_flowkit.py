"""FlowKit's GatingStrategy as a `GateTree`, as far as the engine goes. No other part of it imports FlowKit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flowkit as fk
import numpy as np
from flowkit.exceptions import QuadrantReferenceError

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.flowkit_channels import column_of
from cytotrial.gating.gate_tree import (
    ROOT_KEY,
    Combination,
    Dimension,
    Ellipsoid,
    Gate,
    GateScale,
    GateTree,
    Interval,
    Key,
    Polygon,
    Rectangle,
    Shape,
)

UNCOMPENSATED = (None, "uncompensated")
OWN_MATRIX = "FCS"


@dataclass(frozen=True)
class Channels:
    """How FlowKit finds a file's columns: ``$PnN``, ``$PnS``, and which are fluorescence detectors; `spill` as text."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    fluorescence: tuple[int, ...]
    null: tuple[str, ...] = ()
    spill: str | None = None

    @classmethod
    def of(cls, sample: fk.Sample) -> Channels:
        """Those of a FlowKit sample."""
        meta = sample.get_metadata()
        return cls(
            tuple(sample.pnn_labels),
            tuple(sample.pns_labels),
            tuple(sample.fluoro_indices),
            tuple(sample.null_channels or ()),
            meta.get("spillover", meta.get("spill")),
        )


class FlowKitScale:
    """One of FlowKit's transforms that is no logicle and no asinh.

    Attributes
    ----------
    least : float or None
        The least linear value that it is a number for.
    is_regular : bool
        Whether it rises from end to end: flowutils' hyperlog often does not, for its iteration ends early.
    """

    def __init__(self, transform: Any) -> None:
        self._transform = transform
        self.least = 0.0 if isinstance(transform, fk.transforms.LogTransform) else None
        self.is_regular = _is_regular(transform)

    def to_scale(self, linear: np.ndarray) -> np.ndarray:
        """As FlowKit transforms a column; shape as given."""
        column = np.ascontiguousarray(linear, dtype=np.float64).reshape(-1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._transform.apply(column.copy()), dtype=np.float64).reshape(np.shape(linear))


def _is_regular(transform: Any) -> bool:
    if isinstance(transform, fk.transforms.LinearTransform):
        return transform.param_t + transform.param_a > 0
    if isinstance(transform, fk.transforms.LogTransform):
        return transform.param_t > 0 and transform.param_m > 0
    if isinstance(transform, fk.transforms.WSPLogTransform):
        return transform.offset > 0 and transform.decades > 0
    return isinstance(transform, fk.transforms.WSPBiexTransform)


def gate_tree(strategy: fk.GatingStrategy, channels: Channels, *, sample_id: str | None = None) -> GateTree:
    """Every gate of a strategy, for the file whose channels are given.

    Parameters
    ----------
    sample_id : str, optional
        Whose custom gates stand in for the strategy's own.

    Raises
    ------
    UncompilableError
        Some gate is of a kind that only FlowKit applies; the text says which.
    """
    reader = _Reader(strategy, channels)
    gates: dict[Key, Gate] = {}
    waiting = [(name, tuple(path)) for name, path in strategy.get_gate_ids()]
    while waiting:
        later = []
        for name, path in waiting:
            found = _gates_at(strategy, reader, name, path, sample_id)
            needed = {member for one in found for member in _members(one.shape)} | {one.parent for one in found}
            if all(one == ROOT_KEY or one in gates for one in needed):
                gates.update((one.key, one) for one in found)
            else:
                later.append((name, path))
        if len(later) == len(waiting):
            raise UncompilableError(f"gates that need each other: {', '.join(name for name, _ in later)}")
        waiting = later
    return GateTree(tuple(gates.values()), reader.matrices)


def _members(shape: Shape) -> tuple[Key, ...]:
    return tuple(key for key, _ in shape.members) if isinstance(shape, Combination) else ()


def _gates_at(
    strategy: fk.GatingStrategy, reader: _Reader, name: str, path: tuple[str, ...], sample_id: str | None
) -> list[Gate]:
    """The gate at a path; of a quadrant gate all quadrants: below it in paths, but gating its parent's events."""
    try:
        gate = strategy.get_gate(name, path, sample_id=sample_id)
    except QuadrantReferenceError:
        return []  # came with the gate that it is a quadrant of
    parent = tuple(path[1:])
    if isinstance(gate, fk.gates.QuadrantGate):
        return [Gate((*parent, name, one), parent, reader.quadrant(gate, one)) for one in gate.quadrants]
    return [Gate((*parent, name), parent, reader.shape(gate))]


class _Reader:
    """FlowKit's gates of one strategy on one file's channels."""

    def __init__(self, strategy: fk.GatingStrategy, channels: Channels) -> None:
        self._strategy, self._channels = strategy, channels
        self.matrices: dict[str, Spillover] = {}
        self._scales: dict[str, GateScale | None] = {}

    def shape(self, gate: Any) -> Shape:
        """A gate that is no quadrant gate."""
        if isinstance(gate, fk.gates.BooleanGate):
            members = tuple(((*one["path"][1:], one["ref"]), bool(one["complement"])) for one in gate.gate_refs)
            return Combination(gate.type, members)
        dimensions = self._dimensions(gate)
        if isinstance(gate, fk.gates.RectangleGate):
            limits = ((one.min, one.max) for one in gate.dimensions)
            return Rectangle(_intervals(dimensions, limits), bool(gate.use_complement))
        if isinstance(gate, fk.gates.PolygonGate) and len(dimensions) == 2:
            vertices = tuple((float(x), float(y)) for x, y in gate.vertices)
            return Polygon((dimensions[0], dimensions[1]), vertices, bool(gate.use_complement))
        if isinstance(gate, fk.gates.EllipsoidGate):
            covariance = tuple(tuple(map(float, row)) for row in gate.covariance_matrix)
            return Ellipsoid(dimensions, tuple(map(float, gate.coordinates)), covariance, float(gate.distance_square))
        raise UncompilableError(f"{gate.gate_name} is a {type(gate).__name__}")

    def quadrant(self, gate: Any, name: str) -> Rectangle:
        """One quadrant of a quadrant gate."""
        dimensions = dict(zip((one.id for one in gate.dimensions), self._dimensions(gate), strict=True))
        quadrant = gate.quadrants[name]
        limits = [quadrant.get_divider_range(one) for one in quadrant.divider_refs]
        return Rectangle(_intervals([dimensions[one] for one in quadrant.divider_refs], limits))

    def _dimensions(self, gate: Any) -> tuple[Dimension, ...]:
        if any(isinstance(one, fk.RatioDimension) for one in gate.dimensions):
            raise UncompilableError(f"{gate.gate_name} is on a ratio of channels")
        references = {one.compensation_ref for one in gate.dimensions if one.compensation_ref not in UNCOMPENSATED}
        if len(references) > 1:
            raise UncompilableError(f"{gate.gate_name} mixes matrices")
        # FlowKit undoes the matrix in all of a gate's channels where one of them asks for it.
        matrix = self._matrix(references.pop()) if references else None
        detectors = self.matrices[matrix].detectors if matrix else ()
        dimensions = []
        for one in gate.dimensions:
            index = self._index(one, gate.gate_name)
            compensated = self._channels.names[index] in detectors
            dimensions.append(Dimension(index, matrix if compensated else None, self._scale(one.transformation_ref)))
        if len({one.index for one in dimensions}) < len(dimensions):  # FlowKit would transform it twice, or fail
            raise UncompilableError(f"{gate.gate_name} asks for a channel twice")
        return tuple(dimensions)

    def _index(self, dimension: Any, gate: str) -> int:
        name = getattr(dimension, "dimension_ref", None) or dimension.id
        matrix = self._strategy.comp_matrices.get(dimension.compensation_ref)
        index = column_of(name, self._channels.names, self._channels.labels, matrix)
        if index is None:
            raise UncompilableError(f"{gate}: no channel {name}")
        return index

    def _matrix(self, reference: str) -> str | None:
        if reference in self.matrices:
            return reference
        names = [self._channels.names[i] for i in self._channels.fluorescence]
        if reference == OWN_MATRIX:
            if self._channels.spill is None:
                return None  # GatingML 2.0: without a matrix in the file, as measured
            try:
                matrix = fk.Matrix(self._channels.spill, names, null_channels=list(self._channels.null))
            except ValueError as error:
                raise UncompilableError(f"the file's own matrix cannot be used ({error})") from error
        else:
            matrix = self._strategy.comp_matrices[reference]
        if not isinstance(matrix, fk.Matrix) or not set(matrix.detectors) <= set(names):
            raise UncompilableError(f"the matrix {reference} is not one of this file's detectors alone")
        values = np.asarray(matrix.matrix, dtype=float)
        self.matrices[reference] = Spillover(tuple(matrix.detectors), values, reference)
        return reference

    def _scale(self, reference: str | None) -> GateScale | None:
        if reference is None:
            return None
        if reference not in self._scales:
            one = self._strategy.get_transform(reference)
            if isinstance(one, fk.transforms.LogicleTransform):
                scale: GateScale = Axis("", "", 0, one.param_t, "logicle", one.param_w, one.param_m, one.param_a)
            elif isinstance(one, fk.transforms.AsinhTransform):
                scale = Axis("", "", 0, one.param_t, "asinh", 0.0, one.param_m, one.param_a)
            else:
                scale = FlowKitScale(one)
            self._scales[reference] = scale
        return self._scales[reference]


def _intervals(dimensions: Sequence[Dimension], limits: Any) -> tuple[Interval, ...]:
    return tuple(
        Interval(one, None if low is None else float(low), None if high is None else float(high))
        for one, (low, high) in zip(dimensions, limits, strict=True)
    )
