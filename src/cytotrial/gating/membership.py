"""Who is inside which agreed gate, without FlowKit: for pictures only. The engine counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytotrial.cytometry.tube import Tube
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.landmarks import Bound, bounds_of
from cytotrial.gating.placing import members
from cytotrial.gating.strategy import ROOT, Rule, Strategy


@dataclass(frozen=True)
class GatedStep:
    """One gate of one file: its bounds (linear), its parent's events and those inside; both shape (n_events,)."""

    rule: Rule
    bounds: tuple[Bound, ...]
    parent: np.ndarray
    inside: np.ndarray


def agreed_steps(tube: Tube, strategy: Strategy, gates: Sequence[Mapping[str, Any]]) -> list[GatedStep]:
    """Every gate that was used in a file, in the strategy's order; steps that were not done are passed over."""
    if isinstance(strategy, DrawnStrategy):
        return _drawn_steps(tube, strategy)
    inside: dict[str, np.ndarray | None] = {ROOT: np.ones(len(tube.events), dtype=bool)}
    steps = []
    for rule in strategy.rules:
        parent = inside[rule.parent]
        bounds = bounds_of([row for row in gates if row["population"] == rule.id])
        if parent is None or not bounds:
            inside[rule.id] = parent if rule.may_be_skipped else None
            continue
        step = GatedStep(rule, bounds, parent, parent & members(tube, bounds))
        inside[rule.id] = step.inside
        steps.append(step)
    return steps


def _drawn_steps(tube: Tube, strategy: DrawnStrategy) -> list[GatedStep]:
    """Drawn gates with their events as FlowKit counts them; without bounds where no picture can show them."""
    from cytotrial.gating.drawn.landmarks import drawn_populations, picture_bounds

    rules = {rule.id: rule for rule in strategy.rules}
    return [
        GatedStep(rules[one.id], picture_bounds(tube, strategy, one.id), one.above, one.inside)
        for one in drawn_populations(tube, strategy, mapped_only=False)
    ]
