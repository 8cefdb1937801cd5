"""Counts with one limit of a gate a little elsewhere, for every limit of a file, from the same pass over its events."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from cytotrial.columns import MOVES
from cytotrial.cytometry.axis import Axis
from cytotrial.gating.gate_tree import Dimension, Gate, GateTree, Interval, Key, Polygon, Rectangle, Shape
from cytotrial.gating.grown_shapes import grown
from cytotrial.gating.polygons import on_scale
from cytotrial.gating.strategy import Strategy

PLACES = tuple(sorted(MOVES))  # in uncertainties of the limit; 0: where it is
STEPS = tuple(pairwise(PLACES))  # the slices of events between two places of a limit
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Limit:
    """One limit of a population's gate, and of those that are its other side.

    Attributes
    ----------
    keeps_above : bool
        Whether the gate keeps the events from the limit up; of a shape False: it keeps what is within.
    opposites : tuple of str
        Populations that keep exactly the other side of a threshold.
    slices : mapping of (int, int) to tuple of shapes
        Slice -> gates, each inside the one before, that keep the events of the population's parent which lie between
        two places of the limit and inside every other limit of the gate.
    """

    population: str
    marker: str
    bound: str
    keeps_above: bool
    opposites: tuple[str, ...]
    slices: Mapping[tuple[int, int], tuple[Shape, ...]]

    @property
    def roots(self) -> tuple[str, ...]:
        """The populations whose own gate has the limit."""
        return self.population, *self.opposites


class MovedLimits:
    """What is counted of one file beside its gates: the events in slices around every limit, population by population.

    Parameters
    ----------
    tree : GateTree
        The file's gates, as `tree_from_ledger.ledger_tree` makes them.
    gates : sequence of rows
        The file's rows of the ledger (columns.GATES, numbers as numbers).
    axes : mapping of str to Axis

    Notes
    -----
    Only events between two places of a limit change sides: a few hundred, whatever the file holds. So each slice is a
    gate of its own, and what lies below the moved population is gated again among these few.
    """

    def __init__(self, strategy: Strategy, tree: GateTree, gates: Sequence[Row], axes: Mapping[str, Axis]) -> None:
        self._limits = list(_limits(strategy, tree, gates, axes))
        self._below = _families(tree)
        self.tree = replace(tree, gates=(*tree.gates, *self._gates_of_slices({gate.key: gate for gate in tree.gates})))

    def rows(self, counts: Mapping[Key, int]) -> Iterator[dict[str, Any]]:
        """Rows of `columns.MOVED_COUNTS`, without sample and panel.

        Parameters
        ----------
        counts : mapping
            Gate of `tree` -> events.
        """
        for number, limit in enumerate(self._limits):
            own = {"population": limit.population, "marker": limit.marker, "bound": limit.bound}
            for root in limit.roots:
                # What moves up takes events from a population that keeps those above, and gives them to the other side.
                sign = -1 if limit.keeps_above == (root == limit.population) else 1
                for counted in self._below[root]:
                    among = (counted,) if counted != root else ()
                    slices = {step: counts[_slice(number, step) + among] for step in STEPS}
                    n = counts[(counted,)]
                    # A rim that is no farther out everywhere could let one event cross twice.
                    moved = {name: max(0, n + sign * _crossed(move, slices)) for move, name in MOVES.items()}
                    yield {**own, "counted": counted, **moved}

    def _gates_of_slices(self, gates: Mapping[Key, Gate]) -> Iterator[Gate]:
        for number, limit in enumerate(self._limits):
            for step, shapes in limit.slices.items():
                key, above = _slice(number, step), gates[(limit.population,)].parent
                for depth, shape in enumerate(shapes[:-1]):
                    yield Gate((*key, f"within {depth}"), above, shape)
                    above = (*key, f"within {depth}")
                yield Gate(key, above, shapes[-1])
                for root in limit.roots:
                    for name in self._below[root][1:]:
                        gate = gates[(name,)]
                        parent = key if gate.parent == (root,) else key + gate.parent
                        yield replace(gate, key=(*key, name), parent=parent)


def _slice(number: int, step: tuple[int, int]) -> Key:
    return f"limit {number}", f"{step[0]} to {step[1]}"


def _crossed(move: int, slices: Mapping[tuple[int, int], int]) -> int:
    """Events between a limit's place and where it is moved to: above zero where it moves up."""
    if move > 0:
        return sum(n for (low, _), n in slices.items() if 0 <= low < move)
    return -sum(n for (_, high), n in slices.items() if move < high <= 0)


def _families(tree: GateTree) -> dict[str, tuple[str, ...]]:
    """Population -> itself and all that are below it, parents first."""
    found: dict[str, list[str]] = {}
    for gate in tree.gates:
        name = gate.key[-1]
        found[name] = [name]
        for above in found:
            if gate.parent and gate.parent[-1] in found[above] and above != name:
                found[above].append(name)
    return {name: tuple(below) for name, below in found.items()}


def _limits(strategy: Strategy, tree: GateTree, gates: Sequence[Row], axes: Mapping[str, Axis]) -> Iterator[Limit]:
    own = {gate.key[-1]: gate for gate in tree.gates}
    rules = {rule.id: rule for rule in strategy.rules if rule.id in own}
    opposite = [rule for rule in rules.values() if rule.method == "opposite"]
    for row in gates:
        population, rule = row["population"], rules.get(row["population"])
        if rule is None or rule in opposite or not _can_move(row):
            continue
        gate = own[population]
        if isinstance(gate.shape, Polygon):
            slices = dict(_rims(rule.method, row, gate.shape, axes))
        elif isinstance(gate.shape, Rectangle):
            slices = dict(_bands(row, gate.shape, axes[row["marker"]]))
        else:
            continue
        others = [one.id for one in opposite if one.args.of == population and own[one.id].parent == gate.parent]
        yield Limit(population, row["marker"], row["bound"], row["bound"] == "min", tuple(others), slices)


def _can_move(row: Row) -> bool:
    """Whether a limit is unsure by something that can be gone to: a shape that shrinks by all its extent is none."""
    uncertainty = row["uncertainty"]
    furthest = 1.0 if row["bound"] == "shape" else math.inf
    return uncertainty is not None and 0.0 < PLACES[-1] * uncertainty < furthest


def _bands(row: Row, shape: Rectangle, axis: Axis) -> Iterator[tuple[tuple[int, int], tuple[Shape, ...]]]:
    """Slices on either side of a threshold; its own place is exactly that of the gate, the others are linear."""
    (own,) = (one for one in shape.intervals if one.dimension.index == axis.index)
    others = tuple(one for one in shape.intervals if one is not own)
    linear = replace(own.dimension, scale=None)
    moved = [move for move in PLACES if move]
    places = axis.to_linear([row["threshold"] + move * row["uncertainty"] for move in moved])
    edges = {move: (linear, float(place)) for move, place in zip(moved, places, strict=True)}
    edges[0] = (own.dimension, row["threshold"])
    wide = tuple(others) + _between(edges[PLACES[0]], edges[PLACES[-1]])
    for low, high in STEPS:
        yield (low, high), (Rectangle(wide), Rectangle(_between(edges[low], edges[high])))


def _between(low: tuple[Dimension, float], high: tuple[Dimension, float]) -> tuple[Interval, ...]:
    if low[0] == high[0]:
        return (Interval(low[0], low[1], high[1]),)
    return Interval(low[0], low=low[1]), Interval(high[0], high=high[1])


def _rims(
    method: str, row: Row, shape: Polygon, axes: Mapping[str, Axis]
) -> Iterator[tuple[tuple[int, int], tuple[Shape, ...]]]:
    """Slices between a shape's rim and those of the same shape grown or shrunk."""
    points = json.loads(row["coordinates"])
    own = [axes[marker] for marker in row["marker"].split(":")]

    def at(move: int, *, outside: bool = False) -> Polygon:
        vertices = shape.vertices
        if move:
            moved = on_scale(grown(method, points, move * row["uncertainty"]), own).tolist()
            vertices = tuple((x, y) for x, y in moved)
        return replace(shape, vertices=vertices, outside=outside)

    wide = (at(PLACES[-1]), at(PLACES[0], outside=True))
    for low, high in STEPS:
        yield (low, high), (*wide, at(low, outside=True), at(high))
