"""Method `singlet_band`: single cells by scatter area over height, or by width where that is what the file has."""

from __future__ import annotations

import numpy as np
from scipy.stats import theilslopes

from cytotrial.gating.arguments import SingletBand
from cytotrial.gating.density import spread_below
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents

LEAST_EVENTS = 200
SLICES = 12
# Knots of the limit's line, as shares of the largest height seen: it is straight in the ratio, so
# slightly curved in area against height.
KNOTS = np.linspace(0.0, 1.05, 9)


def place(events: ParentEvents, *, args: SingletBand) -> Landmark:
    """An upper limit on area for a given height, as a polygon; or an upper limit on width.

    Notes
    -----
    Area over height rises slowly with size in real files (0.98 to 1.26 between debris and monocytes on a
    Fortessa), so the single cells' ratio is a robust line over slices of height (Theil-Sen), and its
    spread that of the side below, which doublets do not reach.
    """
    area, *others = events.markers
    if len(events) < LEAST_EVENTS:
        return not_found(f"{len(events)} parent events, fewer than {LEAST_EVENTS}")
    if "-W" in others[0]:
        return _width(events, others[0], args)
    return _ratio(events, area, others[0], args)


def _width(events: ParentEvents, marker: str, args: SingletBand) -> Landmark:
    values = events.linear(marker)
    middle = float(np.median(values))
    spread = spread_below(values, middle)
    if spread == 0:
        return not_found(f"{marker} has one value")
    return Landmark(
        (Bound(marker, "max", middle + args.mads * spread),),
        f"median {marker} {middle:.0f} plus {args.mads:g} SDs of {spread:.0f}",
    )


def _ratio(events: ParentEvents, area: str, height: str, args: SingletBand) -> Landmark:
    a, h = events.linear(area), events.linear(height)
    usable = (a > 0) & (h > 0)
    a, h = a[usable], h[usable]
    if len(a) < LEAST_EVENTS:
        return not_found(f"{len(a)} events with positive {area} and {height}, fewer than {LEAST_EVENTS}")
    order = np.argsort(h, kind="stable")
    slices = np.array_split(order, SLICES)[:-1]  # the largest heights hold the most doublets
    centres = np.array([np.median(h[part]) for part in slices])
    middles = np.array([np.median(a[part] / h[part]) for part in slices])
    spreads = [spread_below(a[part] / h[part], middle) for part, middle in zip(slices, middles, strict=True)]
    spread = float(np.median(spreads))
    if spread == 0 or np.ptp(centres) == 0:
        return not_found(f"{height if np.ptp(centres) == 0 else f'{area} over {height}'} has one value")
    slope, intercept = theilslopes(middles, centres)[:2]
    knots = KNOTS * float(h.max())
    limit = (intercept + slope * knots + args.mads * spread) * knots
    shape = [(float(x), float(y)) for x, y in zip(limit, knots, strict=True)] + [(0.0, float(knots[-1]))]
    return Landmark(
        (Bound(f"{area}:{height}", "shape", None, tuple(shape)),),
        f"{area}/{height} up to {args.mads:g} SDs of {spread:.3f} above {intercept + slope * np.median(h):.3f}",
    )
