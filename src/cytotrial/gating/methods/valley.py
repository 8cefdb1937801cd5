"""Method `valley`: a threshold where the density between a negative and a positive peak is least."""

from __future__ import annotations

import numpy as np

from cytotrial.cytometry.quantiles import picked, quantiles
from cytotrial.gating.arguments import Valley
from cytotrial.gating.density import LEAST_EVENTS, ValleyFound, density, mode, spread_below, valley_in
from cytotrial.gating.landmarks import Landmark, above_or_below, not_found
from cytotrial.gating.parent_events import ParentEvents

# A peak below this share of the range (100 on an 18-bit scale) is noise around zero, of which no fold can be taken.
FLOOR = 100.0 / 262144.0
# Quantiles of the negatives' distance below their mode. Mirrored: cells farther above than the upper one are clear of
# the negatives; above the lower one negatives and their mirror image cancel, so what is left over are stained cells.
CLEAR, CANCELS = 0.98, 0.70
DOUBT = "dim {} cells and negatives overlap"


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
    smooth = events.density(marker)

    def far_apart(left: float, right: float) -> bool:
        low, high = float(axis.to_linear(left)), float(axis.to_linear(right))
        return high >= args.least_fold * max(low, FLOOR * axis.top)

    found = valley_in(
        smooth,
        prominence=args.prominence,
        least_share=args.least_share,
        far_apart=far_apart,
        deepest=args.deepest,
    )
    if found:
        low, high = axis.to_linear(found.left), axis.to_linear(found.right)
        at, how = float(axis.to_linear(found.at)), f"valley between {marker} peaks at {low:.0f} and {high:.0f}"
        outnumbered, below_dim = _below_dim_cells(events, marker, found, args.dim_fold)
        if below_dim is not None:
            why = f"the {marker} valley at {at:.0f} parts dim from bright cells; as many dim cells below as mirrored "
            return _bound(marker, args.keep, below_dim, why + "negatives above", DOUBT.format(marker))
        doubt = DOUBT.format(marker) if outnumbered else ""
        return _bound(marker, args.keep, at, f"{how}, depth {100 * found.depth:.0f} %", doubt)
    smooth = None if args.tail_sds is None else smooth or density(values)
    if smooth is None or smooth.height.max() == 0:
        return not_found(f"no {marker} valley of prominence {args.prominence:g} among {len(events)} parent events")
    peak = smooth.mode
    centre = float(axis.to_linear(peak))
    edge = float(axis.to_linear(peak + args.tail_sds * spread_below(values, peak)))
    how = f"no {marker} valley; {args.tail_sds:g} SDs (and {args.least_fold:g}-fold) above the only peak at "
    return _bound(marker, args.keep, max(edge, args.least_fold * centre), f"{how}{centre:.0f}")


def _bound(marker: str, keep: str, linear: float, how: str, doubt: str = "") -> Landmark:
    return Landmark((above_or_below(marker, keep, linear),), how, {marker: linear}, doubt)


def _below_dim_cells(
    events: ParentEvents, marker: str, found: ValleyFound, dim_fold: float | None
) -> tuple[bool, float | None]:
    """Whether cells clear of the negatives and below `found` outnumber those above it; then the threshold below them.

    Returns
    -------
    outnumbered : bool
    threshold : float or None
        Linear; None where the cells do not add up to a population above the negatives.

    Notes
    -----
    Noise and what spills in from other dyes spread negatives in linear units as far down as up, whatever the shape;
    cells that carry the marker are only above. So the side below the negatives' mode, mirrored, says how many of the
    events above are negatives.
    """
    if dim_fold is None:
        return False, None
    axis, scaled, linear = events.axis(marker), events.scaled(marker), events.linear(marker)
    centre = float(axis.to_linear(mode(picked(scaled, scaled < found.at))))
    above, valley_at = linear - centre, float(axis.to_linear(found.at)) - centre
    below = -above[above < 0]
    if len(below) < LEAST_EVENTS:
        return False, None
    clear, start = map(float, quantiles(below, (CLEAR, CANCELS)))
    beyond = np.count_nonzero(above >= valley_at)
    between = np.count_nonzero((above > clear) & (above < valley_at))
    between -= np.count_nonzero((above < -clear) & (above > -valley_at))
    if between <= dim_fold * beyond:
        return False, None
    stained = np.count_nonzero(above > start) - np.count_nonzero(above < -start)
    return True, centre + float(np.sort(above)[-stained]) if stained > beyond else None
