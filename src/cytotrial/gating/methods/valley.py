"""Method `valley`: a threshold where the density between a negative and a positive peak is least."""

from __future__ import annotations

import numpy as np

from cytotrial.gating.arguments import Valley
from cytotrial.gating.density import LEAST_EVENTS, density, mode, spread_below, valley
from cytotrial.gating.landmarks import Landmark, above_or_below, not_found
from cytotrial.gating.parent_events import ParentEvents

# A peak below this share of the range (100 on an 18-bit scale) is noise around zero, of which no fold can be taken.
FLOOR = 100.0 / 262144.0
# SDs above the mode of the cells that lack the marker: their upper edge, and where no other cell that lacks it is
# found in number (monocytes' own fluorescence is 3-fold the lymphocytes').
EDGE_SDS, BEYOND_SDS = 4.0, 6.0


def place(events: ParentEvents, *, args: Valley) -> Landmark:
    """A one-sided bound on the gate's only marker, found on the gate's scale.

    Returns
    -------
    Landmark
        Not found where there are too few events or no valley of the asked prominence (unless `tail_sds`
        gives the edge of the only peak).
    """
    (marker,) = events.markers
    if len(events) < LEAST_EVENTS:
        return not_found(f"{len(events)} parent events, fewer than {LEAST_EVENTS}")
    axis, values = events.axis(marker), events.scaled(marker)

    def far_apart(left: float, right: float) -> bool:
        low, high = float(axis.to_linear(left)), float(axis.to_linear(right))
        return high >= args.least_fold * max(low, FLOOR * axis.top)

    found = valley(values, prominence=args.prominence, least_share=args.least_share, far_apart=far_apart)
    negative = _negative(events, marker, args)
    if found and negative:
        edge, beyond = (negative[0] + sds * negative[1] for sds in (EDGE_SDS, BEYOND_SDS))
        from_here, to_here = float(axis.to_linear(beyond)), float(axis.to_linear(found.at))
        if _dim_share(events.linear(marker), from_here, to_here, mode=axis.to_linear(negative[0])) > args.most_between:
            return Landmark(
                (above_or_below(marker, args.keep, float(axis.to_linear(edge))),),
                f"the {marker} valley at {float(axis.to_linear(found.at)):.0f} lies beyond dim cells, so the upper "
                f"edge of {args.negative}",
            )
    if found:
        low, high = axis.to_linear(found.left), axis.to_linear(found.right)
        return Landmark(
            (above_or_below(marker, args.keep, float(axis.to_linear(found.at))),),
            f"valley between {marker} peaks at {low:.0f} and {high:.0f}, depth {100 * found.depth:.0f} %",
        )
    if args.tail_sds is None or density(values).height.max() == 0:
        return not_found(f"no {marker} valley of prominence {args.prominence:g} among {len(events)} parent events")
    peak = mode(values)
    centre = float(axis.to_linear(peak))
    edge = float(axis.to_linear(peak + args.tail_sds * spread_below(values, peak)))
    return Landmark(
        (above_or_below(marker, args.keep, max(edge, args.least_fold * centre)),),
        f"no {marker} valley; {args.tail_sds:g} SDs (and {args.least_fold:g}-fold) above the only peak at {centre:.0f}",
    )


def _dim_share(linear: np.ndarray, low: float, high: float, *, mode: float) -> float:
    """Share of events between `low` and `high`, less those as far on the other side of the negatives' mode.

    What spills in from brighter dyes spreads negatives as far down as up; cells that carry the marker are only above.
    """
    above = np.mean((linear > low) & (linear < high))
    mirrored = np.mean((linear < 2.0 * mode - low) & (linear > 2.0 * mode - high))
    return float(above - mirrored)


def _negative(events: ParentEvents, marker: str, args: Valley) -> tuple[float, float] | None:
    """Mode and lower SD, on the gate's scale, of the population that lacks the marker; None where there is none."""
    values = events.scaled_of(args.negative, marker) if args.negative else np.empty(0)
    if len(values) < LEAST_EVENTS:
        return None
    centre = mode(values)
    return centre, spread_below(values, centre)
