"""Drawn gates as the ledger, the counts and the pictures take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cytotrial.cytometry.fcs import UnreadableFcsError
from cytotrial.gating.drawn import model
from cytotrial.gating.drawn.contents import GATINGML, GatePath
from cytotrial.gating.drawn.excerpt import named_excerpt
from cytotrial.gating.drawn.shapes import InexpressibleError, drawn_bounds, keeps_outside
from cytotrial.gating.drawn.strategy import DrawnStrategy, is_mapped
from cytotrial.gating.drawn.tube import DrawnTube
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.strategy import ROOT

# What the ledger says of a gate whose bounds cannot be written down: a shape without marker and coordinates.
NOWHERE = (Bound("", "shape"),)
# FlowKit's tables of FlowJo's scales put up to 5 events, or 1 %, on the other side of an edge (tests/reference). Beyond
# these, the gate was not drawn on this file, or has something that FlowKit does not read.
FAR_SHARE, FAR_EVENTS = 0.05, 20


@dataclass(frozen=True)
class DrawnPopulation:
    """One gate's events: its rule id, the id of the population above it, membership of both, shape (n_events,)."""

    id: str
    parent: str
    above: np.ndarray
    inside: np.ndarray

    @property
    def n_above(self) -> int:
        """Events of the population above."""
        return int(np.count_nonzero(self.above))


def landmark_of(tube: DrawnTube, strategy: DrawnStrategy, rule_id: str) -> tuple[str, Landmark]:
    """What became of one rule in a file (``found``, ``not_found``, ``not_done``), and where its gate is."""
    if rule_id in tube.absent:
        outcome, reason = tube.absent[rule_id]
        return outcome, not_found(reason)
    path = strategy.paths[rule_id]
    said = [f"drawn in {strategy.contents.file.name}: {'/'.join(path)}"]
    try:
        bounds = _bounds(tube, path, fine=False)
    except InexpressibleError as error:
        bounds = NOWHERE
        said.append(str(error))
    if keeps_outside(model.gate_at(tube.gates, path)):
        said.append("the events outside it")
    count = strategy.contents.tree(tube.name)[path].count
    if count is not None:
        said.append(f"FlowJo counted {count}")
    return "found", Landmark(bounds, "; ".join(said))


def drawn_populations(tube: DrawnTube, strategy: DrawnStrategy, *, mapped_only: bool) -> Iterator[DrawnPopulation]:
    """The gates that could be applied, in the strategy's order, as FlowKit's `gate_sample` applies them.

    Parameters
    ----------
    mapped_only : bool
        Whether gates that stand above a mapped one and are no population themselves are passed over.

    Raises
    ------
    UnreadableFcsError
        FlowKit cannot apply the gates.
    """
    try:
        results = tube.results
    except ValueError as error:
        raise UnreadableFcsError(f"FlowKit cannot apply {strategy.contents.file.name}: {error}") from error
    inside = {ROOT: np.ones(len(tube.events), dtype=bool)}
    for rule in strategy.rules:
        if rule.id in tube.absent or (mapped_only and not is_mapped(rule.id)):
            continue
        *above, name = strategy.paths[rule.id]
        members = results.get_gate_membership(name, (ROOT, *above))
        inside[rule.id] = np.asarray(members, dtype=bool)
        parent = strategy.ancestors(rule.id)[0] if mapped_only else rule.parent
        yield DrawnPopulation(rule.id, parent, inside[parent], inside[rule.id])


def doubts(tube: DrawnTube, strategy: DrawnStrategy) -> list[str]:
    """Populations that FlowKit counts otherwise than FlowJo did when the workspace was saved: flags of the file."""
    tree = strategy.contents.tree(tube.name)
    told = []
    for one in drawn_populations(tube, strategy, mapped_only=True):
        theirs, ours = tree[strategy.paths[one.id]].count, int(np.count_nonzero(one.inside))
        if theirs is not None and abs(ours - theirs) > max(FAR_SHARE * theirs, FAR_EVENTS):
            told.append(f"{one.id}: {ours} events, where FlowJo counted {theirs} in {strategy.contents.file.name}")
    return told


def picture_bounds(tube: DrawnTube, strategy: DrawnStrategy, rule_id: str) -> tuple[Bound, ...]:
    """A gate's bounds for a picture on our own scales; none where it has no outline on two channels."""
    if not tube.drawable:
        return ()
    try:
        return _bounds(tube, strategy.paths[rule_id], fine=True)
    except InexpressibleError:
        return ()


def gatingml_of(tube: DrawnTube, strategy: DrawnStrategy) -> bytes | None:
    """The file's gates as GatingML 2.0, mapped ones named by their populations; None for those of a workspace.

    FlowJo's usual scale, the biexponential of its own, is none of GatingML's.
    """
    if strategy.contents.kind != GATINGML:
        return None
    ids = {path: rule for rule, path in strategy.paths.items() if rule not in tube.absent}
    return named_excerpt(strategy.contents, ids)


def _bounds(tube: DrawnTube, path: GatePath, *, fine: bool) -> tuple[Bound, ...]:
    gate = model.gate_at(tube.gates, path)
    sides = model.sides_of(tube.gates, gate, path[-1], tube.file)
    markers = [tube.marker_of.get(-1 if side.index is None else side.index, "") for side in sides]
    axes = [tube.axes[marker] for marker in markers] if fine and all(markers) else None
    return drawn_bounds(gate, sides, markers, fine=axes)
