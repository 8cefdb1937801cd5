"""Method `singlet_band`: single cells by scatter area over height, or by width where that is what the file has."""

from __future__ import annotations

import numpy as np

from cytotrial.cytometry.quantiles import median, picked, quantiles, quantiles_of_sorted
from cytotrial.gating.arguments import SingletBand
from cytotrial.gating.density import spread_below
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.numerics import robust_line
from cytotrial.gating.parent_events import ParentEvents

LEAST_EVENTS = 200
SLICES = 12
FEW = 2_000  # values that tell where nearly the largest lies
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
    middle = float(median(values))
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
    if not usable.all():
        a, h = picked(a, usable), picked(h, usable)
    if len(a) < LEAST_EVENTS:
        return not_found(f"{len(a)} events with positive {area} and {height}, fewer than {LEAST_EVENTS}")
    order = _by_size(h)
    slices = np.array_split(order, SLICES)[:-1]  # the largest heights hold the most doublets
    ratio = a / h
    middles, spreads = np.transpose([_middle_and_spread(np.sort(ratio.take(part))) for part in slices])
    centres = np.array([_middle(h.take(part)) for part in slices])
    spread = float(median(spreads))
    if spread == 0 or np.ptp(centres) == 0:
        return not_found(f"{height if np.ptp(centres) == 0 else f'{area} over {height}'} has one value")
    slope, intercept = robust_line(middles, centres)
    usual, knots = float(h[order[len(order) // 2]]), KNOTS * float(h.max())
    limit = (intercept + slope * knots + args.mads * spread) * knots
    shape = [(float(x), float(y)) for x, y in zip(limit, knots, strict=True)] + [(0.0, float(knots[-1]))]
    return Landmark(
        (Bound(f"{area}:{height}", "shape", None, tuple(shape)),),
        f"{area}/{height} up to {args.mads:g} SDs of {spread:.3f} above {intercept + slope * usual:.3f}",
    )


def _by_size(values: np.ndarray) -> np.ndarray:
    """Places of positive values in ascending order but for 1/32,000 of nearly the largest one.

    Numbers of sixteen bits are put in order by counting, several times faster than any others.
    """
    top = 2.0 * float(quantiles(values[:: -(-len(values) // FEW)], (0.99,))[0])
    return np.argsort(np.minimum(values * (65535.0 / top), 65535.0).astype(np.uint16), kind="stable")


def _middle_and_spread(values: np.ndarray) -> tuple[float, float]:
    """The median, and `spread_below` it, of values in ascending order."""
    middle = _middle(values)
    below = values[: np.searchsorted(values, middle)]
    return middle, 1.4826 * (middle - _middle(below)) if len(below) else 0.0


def _middle(values: np.ndarray) -> float:
    """The median of values in ascending order."""
    return float(quantiles_of_sorted(values, (0.5,))[0])
