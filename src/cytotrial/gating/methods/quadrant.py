"""Method `quadrant`: the first marker above its valley, the second below its own."""

from __future__ import annotations

from cytotrial.gating.arguments import Quadrant
from cytotrial.gating.density import LEAST_EVENTS, valley
from cytotrial.gating.landmarks import Landmark, above_or_below, not_found
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: Quadrant) -> Landmark:
    """Two bounds, each from the parent's density of its marker on the gate's scale."""
    if len(events) < LEAST_EVENTS:
        return not_found(f"{len(events)} parent events, fewer than {LEAST_EVENTS}")
    bounds, reasons = [], []
    for marker, keep in zip(events.markers, ("above", "below"), strict=True):
        axis = events.axis(marker)
        found = valley(events.scaled(marker), prominence=args.prominence, least_share=args.least_share)
        if found is None:
            return not_found(f"no {marker} valley of prominence {args.prominence:g} among {len(events)} parent events")
        bounds.append(above_or_below(marker, keep, float(axis.to_linear(found.at))))
        reasons.append(
            f"{marker} valley between peaks at {float(axis.to_linear(found.left)):.0f} and "
            f"{float(axis.to_linear(found.right)):.0f}, depth {100 * found.depth:.0f} %"
        )
    return Landmark(tuple(bounds), "; ".join(reasons))
