"""How sure a gate's place is in one file: the file's events as four smaller tubes, each with the gate placed anew."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import stdev

from cytotrial.gating.grown_shapes import SHAPED, extent_spread
from cytotrial.gating.landmarks import Bound, Landmark
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.strategy import Rule

ALIQUOTS, LEAST_ALIQUOTS = 4, 3  # of which so many must show the gate
# The others learn nothing from the events, or (steady time) have no limit of which one could say how far it is off.
LEARNING = ("valley", "quadrant", "reference_population", "relative_threshold", *SHAPED)


@dataclass(frozen=True)
class Spread:
    """Standard deviations of what a method placed and measured; nothing where they could not be told.

    Attributes
    ----------
    bounds : tuple of float
        One for each bound of the landmark: on the gate's scale; of a shape as a share of its extent.
    measures : mapping of str to float
        Of each measure's natural logarithm.
    """

    bounds: tuple[float, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)


def placement_spread(events: ParentEvents, rule: Rule, landmark: Landmark) -> Spread:
    """By how much a gate would have come out elsewhere, had other events of the same tube been measured.

    Parameters
    ----------
    events : ParentEvents
        Those that the gate was placed by.
    landmark : Landmark
        What came out.

    Notes
    -----
    Every fourth event makes an aliquot: four tubes of the same blood, stain and voltages, none of which shares an event
    with another. The SD between their gates over the square root of four is the file's own: what is looked for (a
    valley or a mode of a density smoothed by a fixed width, a quantile, a robust line) comes nearer with the root of
    the number of events. The parent's gate is taken as it is. Three degrees of freedom tell little of one file: files
    are taken together in `uncertainty`. (Random groups: Wolter, Introduction to Variance Estimation, 2007, chapter 2,
    doi:10.1007/978-0-387-35099-8.)
    """
    if rule.method not in LEARNING or not landmark.found:
        return Spread()
    shown = [place(rule.method, events.every(ALIQUOTS, first), args=rule.args) for first in range(ALIQUOTS)]
    shown = [one for one in shown if _form(one) == _form(landmark)]
    if len(shown) < LEAST_ALIQUOTS:
        return Spread()
    whole = math.sqrt(ALIQUOTS)
    columns = zip(*(one.bounds for one in shown), strict=True)
    bounds = [_spread(events, rule, own, others) for own, others in zip(landmark.bounds, columns, strict=True)]
    names = [name for name in landmark.measures if all(one.measures[name] > 0 for one in shown)]
    measures = {name: stdev(math.log(one.measures[name]) for one in shown) / whole for name in names}
    return Spread(tuple(one / whole for one in bounds), measures)


def _form(landmark: Landmark) -> tuple[tuple[str, str], ...]:
    return tuple((bound.marker, bound.side) for bound in landmark.bounds)


def _spread(events: ParentEvents, rule: Rule, own: Bound, others: Sequence[Bound]) -> float:
    if own.side == "shape":
        return extent_spread(rule.method, own, others)
    axis = events.axis(own.marker)
    return stdev(float(axis.to_scale(other.linear)) for other in others)
