"""Counts of one gated file as rows: every population, and every quality step with what it took away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.gated_file import Population
from cytotrial.gating.strategy import ROOT, Rule, Strategy

Row = dict[str, Any]
KINDS = {  # of a quality step's method, or of its id where a person drew its gate
    "below_range": "margins",
    "steady_signal": "time",
    "singlet_band": "doublets",
    "in_range": "margins",
    "steady_time": "time",
    "singlets": "doublets",
    "live": "dead",
}


def population_rows(
    sample_id: str, strategy: Strategy, populations: Sequence[Population], reasons: Mapping[str, str]
) -> list[Row]:
    """Rows of `columns.POPULATIONS`: every population of the strategy; NA with its reason where it was not gated."""
    gated = {population.id: population for population in populations}
    rows = []
    for name in strategy.population_ids:
        one = gated.get(name)
        if one is None:
            rows.append(unmeasured(sample_id, name, reasons.get(name, "an ancestor was not gated")))
            continue
        rows.append(
            {
                "sample_id": sample_id,
                "population": name,
                "parent": None if name == ROOT else one.parent,
                "n_events": one.n_events,
                "n_parent": None if name == ROOT else gated[one.parent].n_events,
                "reason": None,
            }
        )
    return rows


def unmeasured(sample_id: str, population: str, reason: str) -> Row:
    """The row of a population that was not measured: NA, and why."""
    return {
        "sample_id": sample_id,
        "population": population,
        "parent": None,
        "n_events": None,
        "n_parent": None,
        "reason": reason,
    }


def step_rows(
    sample_id: str, strategy: Strategy, populations: Sequence[Population], why: Mapping[str, str]
) -> list[Row]:
    """Rows of `columns.QUALITY_STEPS`: events in and out of each quality step, or NOT DONE and why.

    Parameters
    ----------
    why : mapping
        Population -> how its gate was placed, or why it was not.
    """
    gated = {population.id: population for population in populations}
    undrawn = strategy.undrawn_steps if isinstance(strategy, DrawnStrategy) else ()
    rows = []
    for order, rule in enumerate((rule for rule in strategy.rules if rule.step == "quality"), start=1):
        one = gated.get(rule.id)
        n_in = gated[one.parent].n_events if one else None
        rows.append(
            {
                "sample_id": sample_id,
                "step": rule.id,
                "kind": kind_of(rule),
                "order": order,
                "done": one is not None,
                "n_in": n_in,
                "n_out": one.n_events if one else None,
                "percent_kept": 100.0 * one.n_events / n_in if one and n_in else None,
                "reason": ("" if one else "NOT DONE: ") + why.get(rule.id, "no gate"),
            }
        )
    return rows + [_undrawn(sample_id, step, order) for order, step in enumerate(undrawn, start=len(rows) + 1)]


def _undrawn(sample_id: str, step: str, order: int) -> Row:
    """The row of a step that a drawn strategy has no gate for."""
    counts = {"done": False, "n_in": None, "n_out": None, "percent_kept": None}
    reason = "NOT DONE: the gate map names no gate for it"
    return {"sample_id": sample_id, "step": step, "kind": KINDS[step], "order": order, **counts, "reason": reason}


def kind_of(rule: Rule) -> str:
    """What a quality step takes away: ``margins time doublets dead`` or ``other``."""
    if rule.id in KINDS and rule.method in ("flowjo", "gatingml"):  # what was drawn shows in its name alone
        return KINDS[rule.id]
    return KINDS.get(rule.method, "dead" if "viability" in rule.markers else "other")
