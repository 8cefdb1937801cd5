"""Method `below_range`: events on the upper edge of a detector's range are no measurements."""

from __future__ import annotations

import numpy as np

from cytotrial.gating.arguments import BelowRange
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: BelowRange) -> Landmark:
    """An upper bound per marker at a fraction of its linear range.

    Returns
    -------
    Landmark
        Not found where most events lie above the range: then the range keyword is wrong, not the events.
    """
    bounds = []
    for marker in events.markers:
        top = events.axis(marker).top
        beyond = 100.0 * float(np.mean(events.linear(marker) >= args.fraction * top)) if len(events) else 0.0
        if beyond > args.credible_percent:
            return not_found(f"{beyond:.0f} % of events lie above {marker}'s range of {top:g}: not a true range")
        bounds.append(Bound(marker, "max", args.fraction * top))
    return Landmark(tuple(bounds), f"{100 * args.fraction:g} % of each channel's range")
