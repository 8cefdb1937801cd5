"""Walk the strategy down one file and ask each method where its gate belongs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from cytotrial.cytometry.tube import Tube
from cytotrial.gating.aliquots import Spread, placement_spread
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.landmarks import FLIPPED, Bound, Landmark, not_found
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.staining_controls import control_landmark
from cytotrial.gating.strategy import ROOT, Rule, Strategy

log = logging.getLogger(__name__)
Populations = dict[str, ParentEvents | None]  # None: nothing is known of who is inside


@dataclass(frozen=True)
class Placed:
    """One rule's outcome in one file.

    Attributes
    ----------
    outcome : str
        ``found``, ``not_found`` (the data do not show it) or ``not_done`` (the file lacks the channel).
    n_parent : int or None
        Parent events the method saw.
    spread : Spread
        By how much other events of the tube would have put the gate elsewhere.
    """

    rule: Rule
    outcome: str
    landmark: Landmark
    n_parent: int | None
    spread: Spread = field(default_factory=Spread)


def place_gates(tube: Tube, strategy: Strategy, *, condition: str | None = None) -> list[Placed]:
    """Every rule's landmark in one file, in the strategy's order.

    A gate that is not found lets its children see its fallback where the strategy gives one, else (where
    it may be skipped) its parent's events, else nothing: then the children are not found either.

    Parameters
    ----------
    condition : str, optional
        The file's condition in the samples sheet: a staining control shows what cells without a dye look like.

    Notes
    -----
    Of a very large file only the events of `Tube.seen` are looked at.
    """
    if isinstance(strategy, DrawnStrategy):
        return _place_drawn(tube, strategy)
    tube = tube.seen
    inside: Populations = {ROOT: _everything(tube)}
    placed: list[Placed] = []
    for rule in strategy.rules:
        parent = inside[rule.parent]
        outcome = _as_control(tube, rule, strategy, inside, condition) if rule.control else None
        outcome = outcome or _place_one(tube, rule, parent, {p.rule.id: p.landmark for p in placed})
        placed.append(outcome)
        inside[rule.id] = _members(outcome, parent)
        log.info("%s %s: %s, %s", tube.sample_id, rule.id, outcome.outcome, outcome.landmark.reason)
    return placed


def _place_drawn(tube: Tube, strategy: DrawnStrategy) -> list[Placed]:
    from cytotrial.gating.drawn.landmarks import drawn_populations, landmark_of  # imports FlowKit

    n_above = {one.id: one.n_above for one in drawn_populations(tube, strategy, mapped_only=False)}
    placed = [Placed(rule, *landmark_of(tube, strategy, rule.id), n_above.get(rule.id)) for rule in strategy.rules]
    for one in placed:
        log.info("%s %s: %s, %s", tube.sample_id, one.rule.id, one.outcome, one.landmark.reason)
    return placed


def _as_control(
    tube: Tube, rule: Rule, strategy: Strategy, inside: Populations, condition: str | None
) -> Placed | None:
    """What a staining control says of a gate, among its parent's cells or the nearest ancestor's that it shows.

    An unstained tube shows no CD3+ cells and so none of their children: there, all lymphocytes lack the dye.
    """
    markers = rule.usable_markers(tube.axes)
    shown, events = next((one, inside[one]) for one in strategy.ancestors(rule.id) if inside[one] is not None)
    if not markers:
        return None
    events = events.asked(markers)
    landmark = control_landmark(events, rule, condition, among=shown)
    return Placed(rule, "not_found", landmark, len(events)) if landmark else None


def _place_one(tube: Tube, rule: Rule, parent: ParentEvents | None, earlier: Mapping[str, Landmark]) -> Placed:
    markers = rule.usable_markers(tube.axes)
    if not markers:
        lacking = " or ".join(marker for marker in rule.markers if marker not in tube.axes)
        return Placed(rule, "not_done", not_found(f"no {lacking} channel"), None)
    if parent is None:
        return Placed(rule, "not_found", not_found(f"its parent {rule.parent} was not found"), None)
    events = parent.asked(markers)
    if rule.method == "opposite":
        landmark = opposite(earlier[rule.args.of], rule.args.of)
    else:
        landmark = place(rule.method, events, args=rule.args)
    outcome = "found" if landmark.found else "not_found"
    return Placed(rule, outcome, landmark, len(events), _spread(events, rule, landmark))


def _spread(events: ParentEvents, rule: Rule, landmark: Landmark) -> Spread:
    """How sure the place is; unknown where that cannot be computed: the gate stands."""
    try:
        return placement_spread(events, rule, landmark)
    except Exception:
        log.exception("%s %s: no uncertainty", events.tube.sample_id, rule.id)
        return Spread()


def opposite(landmark: Landmark, of: str) -> Landmark:
    """The other half of a one-sided gate: min (kept from here up) becomes max (kept below here)."""
    if not landmark.found:
        return not_found(f"{of} was not found")
    return Landmark(
        tuple(replace(bound, side=FLIPPED[bound.side]) for bound in landmark.bounds),
        f"the other side of {of}",
    )


def _members(placed: Placed, parent: ParentEvents | None) -> ParentEvents | None:
    if parent is None:
        return None
    bounds = placed.landmark.bounds
    if not bounds and placed.outcome == "not_found" and placed.rule.fallback:
        bounds = fallback_bounds(placed.rule)
    if not bounds:
        return parent if placed.rule.may_be_skipped else None
    return parent.within(bounds)


def fallback_bounds(rule: Rule) -> tuple[Bound, ...]:
    """The strategy's own thresholds for when no file shows the gate; linear units."""
    sides = {"quadrant": ("min", "max"), "reference_population": ("min", "max")}.get(rule.method)
    if sides is None:
        side = "max" if rule.method == "below_range" or getattr(rule.args, "keep", "above") == "below" else "min"
        sides = (side,) * len(rule.markers)
    return tuple(
        Bound(marker, side, value) for marker, side, value in zip(rule.markers, sides, rule.fallback or (), strict=True)
    )


def members(tube: Tube, bounds: tuple[Bound, ...]) -> np.ndarray:
    """Events within every bound, shape (n_events,); for finding gates only: what is counted, the engine gates."""
    return _everything(tube).inside(bounds)


def _everything(tube: Tube) -> ParentEvents:
    return ParentEvents(tube, np.ones(len(tube.events), dtype=bool))
