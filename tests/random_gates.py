"""Random FlowKit strategies whose edges lie on events' values, events on those edges, and both ways compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import flowkit as fk
import numpy as np
from flowkit import Dimension, QuadrantDivider, gates, transforms

from cytotrial.cytometry.event_blocks import Events, EventsInMemory
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.engine.from_flowkit import Channels, gate_tree
from cytotrial.gating.engine.run import gate_events

OWN = "m"  # the name of a strategy's matrix
FCS = "FCS"  # the file's own
KINDS = ("rectangle", "polygon", "ellipsoid", "quadrant", "boolean")


@dataclass(frozen=True)
class Comparison:
    """One strategy on one file: gates compared, those with differing events (and how many), and what the engine did."""

    n_gates: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    is_exact: bool = False
    left: str = ""


def sample_of(events: np.ndarray, names: Sequence[str]) -> fk.Sample:
    """A sample of these very events: FlowKit's own way with an array goes through float32."""
    sample = fk.Sample(np.zeros(events.shape, dtype=np.float32), sample_id="sample", channel_labels=list(names))
    sample._raw_events = np.ascontiguousarray(events, dtype=np.float64)
    return sample


def compare(
    strategy: fk.GatingStrategy, sample: fk.Sample, events: Events | np.ndarray | None = None, *, rows: int = 16_384
) -> Comparison:
    """The engine's membership against FlowKit's; `events`: the sample's own, stored otherwise."""
    with np.errstate(all="ignore"):
        theirs = strategy.gate_sample(sample)
    events = sample.get_events("raw") if events is None else events
    events = EventsInMemory(events) if isinstance(events, np.ndarray) else events
    try:
        tree = gate_tree(strategy, Channels.of(sample))
        ours = gate_events(events, sample.pnn_labels, tree, membership=True, rows=rows)
    except UncompilableError as error:
        return Comparison(left=str(error))
    differing = {
        "/".join(key): int((inside != theirs.get_gate_membership(key[-1], ("root", *key[:-1]))).sum())
        for key, inside in ours.membership.items()
    }
    wrong = {key: number for key, number in differing.items() if number}
    wrong |= {
        f"{key}: counted {count}": count for key, count in ours.counts[0].items() if count != ours.membership[key].sum()
    }
    return Comparison(len(differing), wrong, ours.exact_compensation)


@dataclass(frozen=True)
class Edge:
    """Two events that a gate's edge was put on, and its columns."""

    rows: tuple[int, int]
    columns: tuple[int, ...]


def scales(rng: np.random.Generator, top: float) -> dict[str, Any]:
    """One of each of FlowKit's transforms for values up to `top`: id -> transform."""
    m, a = float(rng.choice([4.0, 4.5, 5.5, 7.0])), float(rng.choice([0.0, 0.0, 0.5]))
    # At both ends, 0 and m / 2, flowutils' logicle fails for some values and says -1.
    w = float(rng.choice([0.3, 0.5, 1.0, 1.5, 0.0 if a == 0.0 else 0.1, (m - a) / 2]))
    return {
        "logicle": transforms.LogicleTransform(top, w, m, a),
        "asinh": transforms.AsinhTransform(top, m, a),
        "linear": transforms.LinearTransform(top, rng.choice([0.0, 100.0])),
        "log": transforms.LogTransform(top, m),
        "hyperlog": transforms.HyperlogTransform(top, rng.choice([0.5, 1.0]), m, a),
        "biex": transforms.WSPBiexTransform(rng.choice([0.0, 1.0]), rng.choice([-10.0, -100.0]), 4.418540, top),
        "wsplog": transforms.WSPLogTransform(rng.choice([0.1, 10.0]), 4.0),
    }


def random_matrix(rng: np.random.Generator, names: Sequence[str], count: int) -> fk.Matrix | None:
    """A well-conditioned spillover of some detectors, in any order; None for none."""
    if count == 0:
        return None
    spill = rng.uniform(0.0, 0.3 * min(1.0, 4.0 / count), (count, count)) * (rng.random((count, count)) < 0.7)
    detectors = [str(one) for one in rng.permutation(list(names))[:count]]
    return fk.Matrix(np.where(np.eye(count, dtype=bool), 1.0, spill), detectors)


class StrategyMaker:
    """Adds random gates to a strategy.

    Parameters
    ----------
    sample : flowkit.Sample
        Whose events the edges are put on: those of the first half of its events, so that the others can be moved.
    references : sequence of str
        The matrices that a gate may ask for, by name; gates on uncompensated values there are anyway.
    on_rims : bool
        Whether ellipsoids' rims go through events too: those are left to FlowKit.
    is_plain : bool
        Whether all is as in daily work: edges between events, and scales that rise from end to end.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        sample: fk.Sample,
        *,
        matrix: fk.Matrix | None = None,
        references: Sequence[str] = (),
        on_rims: bool = False,
        is_plain: bool = False,
    ) -> None:
        self.rng, self.sample, self.on_rims, self.is_plain = rng, sample, on_rims, is_plain
        self.references = [*references, *([OWN] if matrix is not None else [])]
        self.strategy = fk.GatingStrategy()
        if matrix is not None:
            self.strategy.add_comp_matrix(OWN, matrix)
        raw = sample.get_events("raw")
        largest = float(np.nanmax(np.where(np.isfinite(raw), np.abs(raw), 0.0), initial=1.0))
        self.scales = scales(rng, 2.0 ** np.ceil(np.log2(min(max(largest, 2.0), 2.0**32))))
        if is_plain:
            self.scales.pop("hyperlog")
            top = self.scales["asinh"].param_t
            self.scales["logicle"] = transforms.LogicleTransform(top, float(rng.choice([0.5, 1.0, 1.5])), 4.5, 0.0)
        for name, one in self.scales.items():
            self.strategy.add_transform(name, one)
        self.edges: list[Edge] = []
        self.places: list[tuple[str, tuple[str, ...]]] = []

    def add(self, kind: str) -> None:
        """A gate of a kind (`KINDS`) below the root or below one of the gates before it."""
        name = f"{kind}{len(self.places)}"
        parent = ("root",)
        if self.places and self.rng.random() < 0.6:
            above, path = self.places[self.rng.integers(len(self.places))]
            parent = (*path, above)
        gate = getattr(self, f"_{kind}")(name)
        self.strategy.add_gate(gate, parent)
        if kind == "quadrant":
            self.places += [(one, (*parent, name)) for one in gate.quadrants]
        else:
            self.places.append((name, parent))

    def crowded(self, events: np.ndarray) -> np.ndarray:
        """The events with their second half moved onto edges, or a few last digits beside them; in their own dtype."""
        events, half = events.copy(), len(events) // 2
        for row in range(half, len(events)) if self.edges else ():
            edge = self.edges[self.rng.integers(len(self.edges))]
            a, b = (events[one].astype(float) for one in edge.rows)
            share = self.rng.choice([0.0, 0.0, 0.0, 0.5, self.rng.random()])
            with np.errstate(all="ignore"):
                moved = (a + share * (b - a) if share else a).astype(events.dtype)
                for column in edge.columns:
                    for _ in range(self.rng.integers(0, 4)):
                        towards = events.dtype.type(self.rng.choice([-np.inf, np.inf]))
                        moved[column] = np.nextafter(moved[column], towards)
            events[row] = moved
        return events

    def _dimensions(self, count: int) -> list[dict[str, Any]]:
        """Arguments of some channels of a gate: all with one matrix, as FlowKit has it."""
        n_channels = len(self.sample.pnn_labels)
        columns = self.rng.choice(n_channels, min(count, n_channels), replace=False)
        reference = self.rng.choice(["uncompensated", *self.references])
        chosen = []
        for column in columns:
            bright = column in self.sample.fluoro_indices
            scale = self.rng.choice([*self.scales]) if bright and self.rng.random() < 0.8 else None
            if not bright and self.rng.random() < 0.2:
                scale = "linear"
            chosen.append(
                {
                    "name": self.sample.pnn_labels[column],
                    "column": int(column),
                    "compensation_ref": str(reference) if bright else "uncompensated",
                    "transformation_ref": None if scale is None else str(scale),
                }
            )
        return chosen

    def _values(self, chosen: Sequence[dict[str, Any]]) -> np.ndarray:
        """What FlowKit would gate, shape (n_events, len(chosen))."""
        gate = gates.RectangleGate("asked", [_dimension(one) for one in chosen])
        with np.errstate(all="ignore"):
            values = self.strategy._preprocess_sample_events(self.sample, gate).to_numpy()
        self.strategy.clear_cache()  # it is kept by the sample's name, whatever its events
        return values

    def _edge(self, values: np.ndarray, chosen: Sequence[dict[str, Any]]) -> int:
        """An event of the first half that an edge is put on."""
        known = np.flatnonzero(np.isfinite(values[: max(len(values) // 2, 1)]).all(axis=1))
        if not len(known):
            return 0
        a, b = self.rng.choice(known, 2)
        self.edges.append(Edge((int(a), int(b)), tuple(one["column"] for one in chosen)))
        return int(a)

    def _threshold(self, values: np.ndarray, chosen: Sequence[dict[str, Any]]) -> float:
        """Half of the time an event's very value."""
        row = self._edge(values[:, None], chosen)
        if self.rng.random() < 0.5 and np.isfinite(values[row]) and not self.is_plain:
            return float(values[row])
        known = values[np.isfinite(values)]
        return float(self.rng.uniform(*np.quantile(known, [0.02, 0.98]))) if len(known) else 0.5

    def _rectangle(self, name: str) -> gates.RectangleGate:
        chosen = self._dimensions(self.rng.integers(1, 4))
        dimensions = []
        for one, values in zip(chosen, self._values(chosen).T, strict=True):
            ends: list[float | None] = sorted(self._threshold(values, [one]) for _ in range(2))
            open_end = self.rng.integers(4)
            if open_end < 2:
                ends[open_end] = None
            dimensions.append(_dimension(one, *ends))
        return gates.RectangleGate(name, dimensions, use_complement=bool(self.rng.random() < 0.25))

    def _polygon(self, name: str) -> gates.PolygonGate:
        chosen = self._dimensions(2)
        values = self._values(chosen)
        vertices = values[[self._edge(values, chosen) for _ in range(self.rng.integers(3, 9))]]
        vertices = np.where(np.isfinite(vertices), vertices, 0.5)
        if self.is_plain:
            vertices = vertices + self.rng.normal(0.0, 0.01, vertices.shape) * (np.ptp(vertices, axis=0) + 0.01)
        style = self.rng.choice(["as drawn", "around", "far"])  # as drawn: its edges cross
        if style != "as drawn":
            away = vertices - vertices.mean(axis=0)
            vertices = vertices[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]
        if style == "far":
            vertices[0] += self.rng.normal(0.0, 1e4, 2) * (1.0 + np.ptp(vertices, axis=0))
        dimensions = [_dimension(one) for one in chosen]
        return gates.PolygonGate(name, dimensions, vertices.tolist(), use_complement=bool(self.rng.random() < 0.25))

    def _ellipsoid(self, name: str) -> gates.EllipsoidGate:
        chosen = self._dimensions(self.rng.integers(2, 4))
        values = self._values(chosen)
        mean = np.nan_to_num(values[self._edge(values, chosen)], nan=0.5, posinf=0.5, neginf=0.5)
        spread = np.nanstd(np.where(np.isfinite(values), values, np.nan), axis=0)
        spread = np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
        shape = self.rng.normal(size=(len(chosen), len(chosen))) + 2.0 * np.eye(len(chosen))
        covariance = (shape @ shape.T) * np.outer(spread, spread) / 9.0
        square = float(self.rng.uniform(0.5, 4.0))
        if self.on_rims:
            away = values - mean
            known = ((away @ np.linalg.inv(covariance)) * away).sum(axis=1)
            rim = known[self._edge(values, chosen)]
            square = float(rim) if np.isfinite(rim) else square
        dimensions = [_dimension(one) for one in chosen]
        return gates.EllipsoidGate(name, dimensions, mean.tolist(), covariance.tolist(), square)

    def _quadrant(self, name: str) -> gates.QuadrantGate:
        chosen = self._dimensions(self.rng.integers(1, 3))
        dividers, ranges = [], []
        for number, (one, values) in enumerate(zip(chosen, self._values(chosen).T, strict=True)):
            cuts = sorted({self._threshold(values, [one]) for _ in range(self.rng.integers(1, 3))})
            rest = {key: value for key, value in one.items() if key not in ("name", "column")}
            dividers.append(QuadrantDivider(f"{name}d{number}", one["name"], values=cuts, **rest))
            ranges.append(list(zip([None, *cuts], [*cuts, None], strict=True)))
        ids = [one.id for one in dividers]
        quadrants = [
            gates.Quadrant(f"{name}q{number}", ids, list(limits)) for number, limits in enumerate(product(*ranges))
        ]
        return gates.QuadrantGate(name, dividers, quadrants)

    def _boolean(self, name: str) -> Any:
        if not self.places:
            return self._rectangle(name)
        operation = str(self.rng.choice(["and", "or", "not"]))
        count = 1 if operation == "not" else int(self.rng.integers(1, 4))
        chosen = [self.places[self.rng.integers(len(self.places))] for _ in range(count)]
        members = [{"ref": one, "path": path, "complement": bool(self.rng.random() < 0.3)} for one, path in chosen]
        return gates.BooleanGate(name, operation, members)


def _dimension(one: dict[str, Any], low: float | None = None, high: float | None = None) -> Dimension:
    return Dimension(one["name"], one["compensation_ref"], one["transformation_ref"], low, high)
