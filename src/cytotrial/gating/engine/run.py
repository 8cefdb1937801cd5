"""One pass over a file's events: counts of every gate, and on demand membership and density grids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np

from cytotrial.cytometry.event_blocks import Events
from cytotrial.gating.engine.compensation import FlowKitCompensation, QuickCompensation
from cytotrial.gating.engine.errors import AmbiguousEventError, UncompilableError
from cytotrial.gating.engine.frames import Block, Compensation, Frame
from cytotrial.gating.engine.plan import Node, Plan
from cytotrial.gating.engine.polygons import ShapeTest
from cytotrial.gating.gate_tree import GateTree, Key

VALUES = 131_072 * 14  # of a block: fewer cost more in calls, more cost memory


class Onlooker(Protocol):
    """Someone who sees every gate's events on the way, block by block."""

    def see(self, key: Key, parent: Frame, inside: Frame) -> None:
        """The events of gate `key` of the first tree, and those of its parent."""
        ...

    def forget(self) -> None:
        """Begin again: what has been seen was not exact enough."""
        ...


@dataclass(frozen=True)
class Counted:
    """What a pass found.

    Attributes
    ----------
    counts : sequence of mappings
        For each tree: gate -> events inside.
    membership : mapping of str to ndarray
        Gate of the first tree -> shape (n_events,), bool; empty where not asked for.
    exact_compensation : bool
        Whether some event lay so near to an edge that FlowKit's own arithmetic was used.
    """

    counts: Sequence[Mapping[Key, int]]
    membership: Mapping[Key, np.ndarray] = field(default_factory=dict)
    exact_compensation: bool = False


def gate_events(
    events: Events,
    names: Sequence[str],
    *trees: GateTree,
    membership: bool = False,
    onlookers: Iterable[Onlooker] = (),
    rows: int | None = None,
) -> Counted:
    """Gate a file.

    Parameters
    ----------
    names : sequence of str
        ``$PnN`` of the file's columns, in order.
    trees : GateTree
        The file's gates, and any number of variants (a threshold moved, say): what they share is gated once.
    membership : bool
        Whether each event's membership is kept: one byte per event and gate.
    onlookers : iterable of Onlooker
        Each is told of the first tree's gates.
    rows : int, optional
        Events of a block.

    Raises
    ------
    UncompilableError
        A gate, or an event on the edge of one, is left to FlowKit itself.

    Notes
    -----
    Gates become comparisons of linear values, the same for every event as FlowKit's `GatingStrategy.gate_sample`
    (Spidlen 2015, Gating-ML 2.0, doi:10.1002/cyto.a.22690). Only the channels that a gate asks for are fetched, only
    for events inside its parent. An event so near to an edge that the rounding of its compensation could decide is
    noticed, and the file is gated again with FlowKit's arithmetic.
    """
    plan = _compiled(trees)
    rows = rows or max(1, VALUES // len(names))
    matrices, onlookers = plan.matrices, tuple(onlookers)
    quick = QuickCompensation(matrices, tuple(names))
    try:
        return _pass(events, plan, quick, membership=membership, onlookers=onlookers, rows=rows)
    except AmbiguousEventError:
        pass
    for one in onlookers:
        one.forget()
    exact = FlowKitCompensation(matrices, tuple(names), events.array())
    try:
        return _pass(events, plan, exact, membership=membership, onlookers=onlookers, rows=rows)
    except AmbiguousEventError as error:
        raise UncompilableError(str(error)) from error


@lru_cache(maxsize=4)
def _compiled(trees: tuple[GateTree, ...]) -> Plan:
    """Compiled once where many files share their gates."""
    return Plan(trees)


@np.errstate(all="ignore")  # events that are no numbers are a matter of course
def _pass(
    events: Events,
    plan: Plan,
    compensation: Compensation,
    *,
    membership: bool,
    onlookers: Sequence[Onlooker],
    rows: int,
) -> Counted:
    totals = np.zeros(len(plan.nodes), dtype=np.int64)
    first = plan.trees[0]
    kept = {key: np.zeros(events.n_events, dtype=bool) for key in first} if membership else {}
    for start in range(0, events.n_events, rows):
        raw = events.block(start, min(start + rows, events.n_events))
        block = Block(events, compensation, start, raw)
        frames: dict[int, Frame] = {}
        root = Frame(block, wanted=plan.wanted)
        for node in plan.nodes:
            parent = root if node.parent is None else frames[node.parent.number]
            is_needed = bool(node.is_needed or membership or onlookers)
            inside, keep = _inside(node, parent, frames, numbers=is_needed)
            totals[node.number] += inside
            if is_needed:
                frames[node.number] = Frame(block, parent, keep, wanted=node.wanted)
        for key, node in first.items():
            _tell(key, node, frames, root, onlookers, kept, start)
    counts = [{key: int(totals[node.number]) for key, node in nodes.items()} for nodes in plan.trees]
    return Counted(counts, kept, compensation.exact)


def _inside(node: Node, parent: Frame, frames: Mapping[int, Frame], *, numbers: bool) -> tuple[int, np.ndarray | None]:
    """How many of the parent's events a gate keeps, and on demand which; None: all."""
    if isinstance(node.test, ShapeTest):
        rows = node.test.rows(parent)
        return len(rows), None if len(rows) == len(parent) else rows
    mask = node.test.mask(parent, frames) if node.members else node.test.mask(parent)
    inside = int(np.count_nonzero(mask))
    return inside, np.flatnonzero(mask) if numbers and inside < len(parent) else None


def _tell(
    key: Key,
    node: Node,
    frames: Mapping[int, Frame],
    root: Frame,
    onlookers: Sequence[Onlooker],
    kept: Mapping[Key, np.ndarray],
    start: int,
) -> None:
    if not onlookers and not kept:
        return
    inside = frames[node.number]
    if kept:
        kept[key][start : start + len(inside.block)] = inside.inside()
    for one in onlookers:
        one.see(key, root if node.parent is None else frames[node.parent.number], inside)
