"""Gate trees compiled: every gate's test once, however many variants of the trees share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cytotrial.cytometry.compensation import Spillover
from cytotrial.gating.engine.frames import Frame
from cytotrial.gating.engine.polygons import ellipsoid_test, polygon_test
from cytotrial.gating.engine.rectangles import RectangleTest, StretchesTest
from cytotrial.gating.gate_tree import (
    ROOT_KEY,
    Combination,
    Dimension,
    Ellipsoid,
    Gate,
    GateTree,
    Key,
    Polygon,
    Rectangle,
    Shape,
    Stretches,
)

Wanted = dict[str, tuple[int, ...]]


@dataclass
class Node:
    """A gate below another, in one or several trees.

    Attributes
    ----------
    key : tuple of str
        Its name in the first tree that has it.
    members : tuple of Node
        Those that a combination joins.
    wanted : mapping
        Matrix -> compensated columns that gates on its events ask for, or gates below those.
    is_needed : bool
        Whether some gate asks for its events.
    """

    number: int
    key: Key
    parent: Node | None
    shape: Shape
    test: Any
    members: tuple[Node, ...] = ()
    wanted: Wanted = field(default_factory=dict)
    is_needed: bool = False


class CombinationTest:
    """Events of other gates joined."""

    def __init__(self, operation: str, members: Sequence[tuple[Node, bool]]) -> None:
        self._operation, self._members = operation, tuple(members)

    def mask(self, frame: Frame, frames: Mapping[int, Frame]) -> np.ndarray:
        """Membership, shape (len(frame),), bool."""
        masks = [frames[node.number].inside() ^ inverted for node, inverted in self._members]
        if self._operation == "not":  # of its only member
            joined = ~masks[0]
        else:
            joined = (np.logical_and if self._operation == "and" else np.logical_or).reduce(masks)
        rows = frame.rows
        return joined if rows is None else joined.take(rows)


class Plan:
    """All distinct gates of some trees, parents first.

    Attributes
    ----------
    nodes : list of Node
    trees : list of mappings
        For each tree: key -> node.
    matrices : mapping of str to Spillover
        Those of all trees.
    wanted : mapping
        As `Node.wanted`, for all events of the file.

    Raises
    ------
    ValueError
        Two trees call different matrices by one name.
    """

    def __init__(self, trees: Sequence[GateTree]) -> None:
        self.matrices = _shared_matrices(trees)
        self.nodes: list[Node] = []
        self.trees: list[dict[Key, Node]] = []
        known: dict[Any, Node] = {}
        for tree in trees:
            nodes: dict[Key, Node] = {}
            for gate in tree.gates:
                nodes[gate.key] = self._node(gate, nodes, known)
            self.trees.append(nodes)
        self.wanted = self._share_wishes()

    def _node(self, gate: Gate, nodes: Mapping[Key, Node], known: dict[Any, Node]) -> Node:
        parent = None if gate.parent == ROOT_KEY else nodes[gate.parent]
        members = tuple(nodes[key] for key, _ in gate.shape.members) if isinstance(gate.shape, Combination) else ()
        # The same shape on the same events is the same gate; a combination is, where it joins the same gates.
        shape = gate.shape if not members else (gate.shape, tuple(one.number for one in members))
        same = (None if parent is None else parent.number, shape)
        if same not in known:
            node = Node(len(self.nodes), gate.key, parent, gate.shape, _test(gate.shape, members), members)
            for needed in (*members, *([parent] if parent else [])):
                needed.is_needed = True
            self.nodes.append(node)
            known[same] = node
        return known[same]

    def _share_wishes(self) -> Wanted:
        """Tell every population which compensated columns are asked for below it."""
        wishes: list[set[tuple[str, int]]] = [set() for _ in self.nodes]
        of_root: set[tuple[str, int]] = set()
        for node in reversed(self.nodes):
            own = {(one.matrix, one.index) for one in dimensions_of(node.shape) if one.matrix is not None}
            above = of_root if node.parent is None else wishes[node.parent.number]
            above |= own | wishes[node.number]
            node.wanted = _by_matrix(wishes[node.number])
        return _by_matrix(of_root)


def _shared_matrices(trees: Sequence[GateTree]) -> dict[str, Spillover]:
    shared: dict[str, Spillover] = {}
    for name, one in ((name, one) for tree in trees for name, one in tree.matrices.items()):
        other = shared.setdefault(name, one)
        if other.detectors != one.detectors or not np.array_equal(other.matrix, one.matrix):
            raise ValueError(f"variants of a file's gates with two matrices {name}")
    return shared


def dimensions_of(shape: Shape) -> tuple[Dimension, ...]:
    """The channels of a gate."""
    if isinstance(shape, Rectangle):
        return tuple(one.dimension for one in shape.intervals)
    if isinstance(shape, Stretches):
        return (shape.dimension,)
    return () if isinstance(shape, Combination) else tuple(shape.dimensions)


def _by_matrix(wishes: set[tuple[str, int]]) -> Wanted:
    found: Wanted = {}
    for matrix, index in sorted(wishes):
        found[matrix] = (*found.get(matrix, ()), index)
    return found


def _test(shape: Shape, members: Sequence[Node]) -> Any:
    if isinstance(shape, Rectangle):
        return RectangleTest(shape)
    if isinstance(shape, Stretches):
        return StretchesTest(shape)
    if isinstance(shape, Polygon):
        return polygon_test(shape)
    if isinstance(shape, Ellipsoid):
        return ellipsoid_test(shape)
    inverted = [flag for _, flag in shape.members]
    return CombinationTest(shape.operation, list(zip(members, inverted, strict=True)))
