"""Drawn gates as FlowKit reads them. FlowKit's objects leave it only inside a `DrawnTube`, for this package alone."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import flowkit as fk
import numpy as np
from flowkit.exceptions import QuadrantReferenceError

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.fcs import FcsFile
from cytotrial.gating.drawn.contents import FLOWJO, GatePath
from cytotrial.gating.flowkit_channels import column_of
from cytotrial.gating.strategy import ROOT

NO_MATRIX = (None, "uncompensated")
OWN_MATRIX = "FCS"  # GatingML's word for the matrix that the FCS file brings along
MATRIX = "the FCS file's own"


@dataclass(frozen=True)
class Side:
    """One dimension of a gate in one file.

    Attributes
    ----------
    index : int or None
        Column in the file's events; None for a ratio of channels.
    transform : object or None
        FlowKit's transform from linear values to those of the gate; None where the gate is on linear values.
    low, high : float or None
        Limits on the gate's own scale, of a rectangle or quadrant.
    """

    index: int | None
    transform: Any
    low: float | None = None
    high: float | None = None


def parse_gates(data: bytes, kind: str, sample: str) -> fk.GatingStrategy:
    """FlowKit's reading of an excerpt.

    Raises
    ------
    ValueError
        FlowKit does not read it; the text says why, on one line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == FLOWJO:
                workspace = fk.Workspace(io.BytesIO(data), load_missing_file_data=True)
                return workspace.get_gating_strategy(sample)
            return fk.parse_gating_xml(io.BytesIO(data))
    except Exception as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def gate_at(strategy: fk.GatingStrategy, path: GatePath) -> Any:
    """The gate at a path; for a quadrant the gate that it is a quadrant of."""
    *above, name = path
    try:
        return strategy.get_gate(name, (ROOT, *above))
    except QuadrantReferenceError:
        return strategy.get_gate(above[-1], (ROOT, *above[:-1]))


def all_gates(strategy: fk.GatingStrategy) -> list[Any]:
    """Every gate; a quadrant gate once, not its quadrants."""
    found = []
    for name, above in strategy.get_gate_ids():
        try:
            found.append(strategy.get_gate(name, above))
        except QuadrantReferenceError:
            continue
    return found


def columns(strategy: fk.GatingStrategy, gates: Iterable[Any], file: FcsFile) -> dict[int, bool]:
    """Columns of the file's events that some gate is on, and whether all gates there are on linear values."""
    found: dict[int, bool] = {}
    for gate in gates:
        for dimension in gate.dimensions or ():
            if isinstance(dimension, fk.RatioDimension):
                continue
            index = channel_index(strategy, dimension, _channel_name(dimension), file)
            if index is not None:
                linear = isinstance(_transform(strategy, dimension), fk.transforms.LinearTransform | None)
                found[index] = found.get(index, True) and linear
    return found


def missing_channels(strategy: fk.GatingStrategy, gate: Any, file: FcsFile) -> list[str]:
    """Names of the channels that a gate is on and the file does not have."""
    lacking = []
    for dimension in gate.dimensions or ():
        if isinstance(dimension, fk.RatioDimension):
            ids = strategy.get_transform(dimension.ratio_ref).dimensions
        else:
            ids = [_channel_name(dimension)]
        lacking += [name for name in ids if channel_index(strategy, dimension, name, file) is None]
    return lacking


def is_of_numbers(gate: Any) -> bool:
    """Whether all places of a gate are numbers: FlowKit finds no event in one that is not, and says nothing."""
    places = [getattr(one, side, None) for one in gate.dimensions or () for side in ("min", "max")]
    places += [value for one in gate.dimensions or () for value in getattr(one, "values", ())]
    shapes = [getattr(gate, name, ()) for name in ("vertices", "coordinates", "covariance_matrix")]
    flat = [np.asarray(one, dtype=float).ravel() for one in (*shapes, [one for one in places if one is not None])]
    return not any(np.isnan(one).any() for one in flat)


def _channel_name(dimension: Any) -> str:
    return str(getattr(dimension, "dimension_ref", None) or dimension.id)


def channel_index(strategy: fk.GatingStrategy, dimension: Any, name: str, file: FcsFile) -> int | None:
    """Column of a dimension's channel, looked for where FlowKit does and in its order."""
    labels = [channel.label for channel in file.channels]
    return column_of(name, file.names, labels, strategy.comp_matrices.get(dimension.compensation_ref))


def sides_of(strategy: fk.GatingStrategy, gate: Any, name: str, file: FcsFile) -> list[Side]:
    """The dimensions of a gate; of a quadrant gate those that its quadrant `name` is bounded in."""
    if isinstance(gate, fk.gates.QuadrantGate):
        quadrant = gate.quadrants[name]
        dividers = [one for one in gate.dimensions if one.id in quadrant.divider_refs]
        limits = [quadrant.get_divider_range(one.id) for one in dividers]
    else:
        dividers = list(gate.dimensions or ())
        limits = [(getattr(one, "min", None), getattr(one, "max", None)) for one in dividers]
    sides = []
    for dimension, (low, high) in zip(dividers, limits, strict=True):
        if isinstance(dimension, fk.RatioDimension):
            sides.append(Side(None, None, low, high))
            continue
        index = channel_index(strategy, dimension, _channel_name(dimension), file)
        sides.append(Side(index, _transform(strategy, dimension), low, high))
    return sides


def _transform(strategy: fk.GatingStrategy, dimension: Any) -> Any:
    return strategy.get_transform(dimension.transformation_ref) if dimension.transformation_ref else None


def compensations(gates: Iterable[Any]) -> list[str]:
    """The matrices that some gate is compensated with, by their names in the file, the first gate's first."""
    named = [one.compensation_ref for gate in gates for one in gate.dimensions or ()]
    return list(dict.fromkeys(str(name) for name in named if name not in NO_MATRIX))


def use_own_matrix(strategy: fk.GatingStrategy, gates: Sequence[Any], spillover: Spillover | None) -> None:
    """Give the gates that ask for the FCS file's own matrix the one that our reading of it has; None: no matrix.

    FlowKit knows fewer of the keywords that a matrix can stand under, and refuses one that leaves a fluorescence
    channel out.
    """
    name = "uncompensated"
    if spillover is not None:
        name, detectors = MATRIX, list(spillover.detectors)
        strategy.add_comp_matrix(MATRIX, fk.Matrix(spillover.matrix, detectors, detectors))
    for gate in gates:
        for dimension in gate.dimensions or ():
            if dimension.compensation_ref == OWN_MATRIX:
                dimension.compensation_ref = name


def matrix_of(strategy: fk.GatingStrategy, name: str, file: FcsFile, source: str) -> Spillover | None:
    """A matrix of the file of gates with this FCS file's names; None where it unmixes more than it compensates.

    Raises
    ------
    ValueError
        It cannot be this file's, or cannot be undone; the text says why.
    """
    matrix = strategy.comp_matrices[name]
    if not isinstance(matrix, fk.Matrix):
        return None
    by_flowjo = {one.replace("/", "_"): one for one in file.names}
    detectors = tuple(one if one in file.names else by_flowjo.get(one, one) for one in matrix.detectors)
    lacking = [one for one in detectors if one not in file.names]
    if lacking:
        raise ValueError(f"the matrix {name} of {source} is for {', '.join(map(str, lacking))}, which the file has not")
    values = np.asarray(matrix.matrix, dtype=float)
    if values.shape != (len(detectors), len(detectors)) or not np.isfinite(values).all():
        raise ValueError(f"the matrix {name} of {source} is not {len(detectors)} by {len(detectors)} numbers")
    if np.linalg.matrix_rank(values) < len(detectors):
        raise ValueError(f"the matrix {name} of {source} has no inverse")
    return Spillover(detectors, values, source)


def apply_gates(strategy: fk.GatingStrategy, file: FcsFile, sample_id: str, kind: str) -> Any:
    """FlowKit's results for all gates.

    Raises
    ------
    ValueError
        FlowKit cannot apply them; the text says why, on one line.
    """
    try:
        return strategy.gate_sample(fk_sample(file, sample_id, kind), cache_events=True)
    except Exception as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def fk_sample(file: FcsFile, sample_id: str, kind: str) -> fk.Sample:
    """FlowKit's sample of our reading of a file; a workspace knows its channels with ``_`` for ``/``."""
    return fk.Sample(file.data, sample_id=sample_id, subsample=1, use_flowjo_labels=kind == FLOWJO)
