"""One file gated: how many events every population has, and the density grids of its pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import EventFile
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.engine.frames import Frame
from cytotrial.gating.engine.run import Counted, gate_events
from cytotrial.gating.gate_tree import Dimension, GateTree, Key
from cytotrial.gating.grids import TIME, GateGrid, GridCounter, GridPlan, bins, grid_plans, grids_from_arrays
from cytotrial.gating.moved_limits import MovedLimits
from cytotrial.gating.strategy import ROOT, Strategy
from cytotrial.gating.tree_from_ledger import MATRIX, ledger_tree

log = logging.getLogger(__name__)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Population:
    """A population that was counted, and the nearest ancestor that was: a step that was NOT DONE is passed over."""

    id: str
    parent: str
    n_events: int


@dataclass(frozen=True)
class GatedFile:
    """The root and every population with a gate, in the strategy's order, and the grids of those with an outline.

    Attributes
    ----------
    moved : tuple of rows
        Of `columns.MOVED_COUNTS`, without sample and panel; none where FlowKit counted.
    """

    populations: tuple[Population, ...]
    grids: tuple[GateGrid, ...]
    moved: tuple[Row, ...] = ()


def gate_file(
    file: EventFile, strategy: Strategy, gates: Sequence[Row], axes: Mapping[str, Axis], spillover: Spillover | None
) -> GatedFile:
    """Count a file's gates in one pass over its events.

    Parameters
    ----------
    gates : sequence of rows
        The file's rows of the ledger (columns.GATES, numbers as numbers).
    axes : mapping of str to Axis
        Every marker of the file.

    Raises
    ------
    UncompilableError
        The engine leaves the file to FlowKit: `gate_whole`.
    """
    tree = ledger_tree(strategy, gates, axes, spillover)
    onlooker = _Grids(grid_plans(strategy, gates, axes, acquired=_acquired(file, axes)), spillover)
    counted, moved = _counted(file, tree, strategy, gates, axes, onlooker)
    if counted.exact_compensation:
        log.info("an event lies on the edge of a gate: compensated with FlowKit's own arithmetic")
    populations = [Population(ROOT, ROOT, file.n_events)]
    for gate in tree.gates:
        populations.append(Population(gate.key[-1], _name(gate.parent), counted.counts[0][gate.key]))
    return GatedFile(tuple(populations), tuple(onlooker.grids()), moved)


def _counted(
    file: EventFile,
    tree: GateTree,
    strategy: Strategy,
    gates: Sequence[Row],
    axes: Mapping[str, Axis],
    onlooker: _Grids,
) -> tuple[Counted, tuple[Row, ...]]:
    """Counts of the gates, and rows of those at moved limits: none where these fail, which costs no file its own."""
    try:
        limits = MovedLimits(strategy, tree, gates, axes)
        counted = gate_events(file, file.names, tree, limits.tree, onlookers=[onlooker])
        return counted, tuple(limits.rows(counted.counts[1]))
    except UncompilableError as error:
        log.info("no counts at moved limits: %s", error)
    except Exception:
        log.exception("no counts at moved limits")
    onlooker.forget()
    return gate_events(file, file.names, tree, onlookers=[onlooker]), ()


def gate_whole(tube: Tube, strategy: Strategy, gates: Sequence[Row]) -> GatedFile:
    """The same through FlowKit, all events in memory: what people drew, and what the engine leaves to it."""
    from cytotrial.gating.flowkit_model import gate_tube  # FlowKit takes 1.7 s to import
    from cytotrial.gating.membership import agreed_steps

    populations = [Population(one.id, one.parent, one.n_events) for one in gate_tube(tube, strategy, gates)]
    acquired = _span(tube.linear(TIME)[[0, -1]].tolist()) if TIME in tube.axes else None
    plans = grid_plans(strategy, gates, tube.axes, acquired=acquired)
    return GatedFile(tuple(populations), tuple(grids_from_arrays(tube, agreed_steps(tube, strategy, gates), plans)))


def _name(key: Key) -> str:
    return key[-1] if key else ROOT


def _acquired(file: EventFile, axes: Mapping[str, Axis]) -> tuple[float, float] | None:
    """Time of the first and the last event, in seconds."""
    if TIME not in axes:
        return None
    return _span([float(file.linear(file.block(at, at + 1), axes[TIME].index)[0]) for at in (0, file.n_events - 1)])


def _span(times: Sequence[float]) -> tuple[float, float]:
    return min(times), max(times)


class _Grids:
    """An onlooker of the engine: events per bin, of each gate and its parent."""

    def __init__(self, plans: Sequence[GridPlan], spillover: Spillover | None) -> None:
        self._plans = plans
        self._detectors = () if spillover is None else spillover.detectors
        self.forget()

    def forget(self) -> None:
        """Begin again: the engine does."""
        self._counters = {plan.population: GridCounter(plan) for plan in self._plans}

    def see(self, key: Key, parent: Frame, inside: Frame) -> None:
        """As `engine.run.Onlooker` says."""
        counter = self._counters.get(key[-1])
        if counter is None or len(parent) == 0:
            return
        plan = counter.plan
        x = self._bins(parent, plan.x, plan.x_range)
        y = self._bins(parent, plan.y, plan.y_range)
        if inside.keep is None:
            kept = np.ones(len(parent), dtype=bool)
        else:
            kept = np.zeros(len(parent), dtype=bool)
            kept[inside.keep] = True
        counter.add(x, y, kept)

    def grids(self) -> list[GateGrid]:
        """All of them, in the order of the plans."""
        return [self._counters[plan.population].grid() for plan in self._plans]

    def _bins(self, frame: Frame, axis: Axis, span: tuple[float, float]) -> np.ndarray:
        return frame.derived((axis.marker, span), partial(self._make_bins, axis, span))

    def _make_bins(self, axis: Axis, span: tuple[float, float], frame: Frame) -> np.ndarray:
        compensated = not axis.is_linear and axis.channel in self._detectors
        return bins(axis, *span, frame.values(Dimension(axis.index, MATRIX if compensated else None)))
