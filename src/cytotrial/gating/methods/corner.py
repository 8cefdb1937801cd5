"""Method `corner`: without the events that are high on both of two markers (monocytes: side scatter and a dump)."""

from __future__ import annotations

import numpy as np

from cytotrial.cytometry.quantiles import picked
from cytotrial.gating.arguments import Corner
from cytotrial.gating.density import LEAST_EVENTS, mode, spread_below, valley, valley_in
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents

LEAST_BRIGHT = 200  # events bright on the second marker: fewer show no two populations


def place(events: ParentEvents, *, args: Corner) -> Landmark:
    """A polygon in linear units: everything but the corner above both thresholds.

    Notes
    -----
    A dump of CD14 and CD19 stains monocytes and B cells, and side scatter tells the two apart; forward and side
    scatter alone leave a tenth of the monocytes among the lymphocytes. The second marker's threshold is the upper edge
    of the cells that have the seed marker (T cells have no dump), the first one's the valley among those above it.
    """
    side, dump = events.markers
    if args.seed_marker not in events.tube.axes:
        return not_found(f"no {args.seed_marker} channel, which shows the cells without {dump}")
    seed = events.scaled(args.seed_marker)
    parted = valley_in(events.density(args.seed_marker), prominence=0.3, least_share=0.02)
    if parted is None:
        return not_found(f"no {args.seed_marker} valley among {len(events)} parent events")
    axis, values = events.axis(dump), events.scaled(dump)
    without = picked(values, seed > parted.at)
    if len(without) < LEAST_EVENTS or np.ptp(without) == 0:
        return not_found(f"{len(without)} {args.seed_marker}+ cells, too few to show {dump} negatives")
    centre = mode(without)
    edge = centre + args.sds * spread_below(without, centre)
    stained = (values > edge) & (seed <= parted.at) & (events.linear(side) > 0)
    if stained.sum() < LEAST_BRIGHT:
        return not_found(f"{int(stained.sum())} {dump}+ events, fewer than {LEAST_BRIGHT}")
    # Nonclassical monocytes carry little CD14 and lie between the two in side scatter too: they would fill the valley.
    bright = stained & (values > (edge + mode(values[stained])) / 2.0)
    # 0.1 decades of side scatter are 0.05 or so of a gate's scale: the smoothing of the one does for the other.
    found = valley(np.log10(events.linear(side)[bright]) / 2.0, prominence=args.prominence, least_share=0.02)
    if found is None:
        return not_found(f"no {side} valley of prominence {args.prominence:g} among {int(bright.sum())} {dump}+ events")
    low, high = float(10.0 ** (2.0 * found.at)), float(axis.to_linear(edge))
    peaks = [10.0 ** (2.0 * peak) for peak in (found.left, found.right)]
    return Landmark(
        (Bound(f"{side}:{dump}", "shape", None, _all_but(low, high, events.axis(side).top, axis.top)),),
        f"{dump} above {high:.0f} and {side} above {low:.0f} left out, the valley between peaks at {peaks[0]:.0f} and "
        f"{peaks[1]:.0f}",
        {side: low},  # the dump's edge is its negatives': it tells nothing of where monocytes are
    )


def _all_but(x: float, y: float, x_top: float, y_top: float) -> tuple[tuple[float, float], ...]:
    """The plane, as far as any event may lie, without the corner above x and y."""
    least_x, most_x, least_y, most_y = -x_top, 10.0 * x_top, -y_top, 10.0 * y_top
    return ((least_x, least_y), (most_x, least_y), (most_x, y), (x, y), (x, most_y), (least_x, most_y))
