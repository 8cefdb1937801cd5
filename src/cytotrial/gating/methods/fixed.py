"""Method `fixed`: a threshold that a person has chosen."""

from __future__ import annotations

from cytotrial.gating.arguments import Fixed
from cytotrial.gating.landmarks import Landmark, above_or_below
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: Fixed) -> Landmark:
    """The strategy's own threshold, in linear compensated units."""
    (marker,) = events.markers
    return Landmark((above_or_below(marker, args.keep, args.threshold),), "fixed in the strategy")
