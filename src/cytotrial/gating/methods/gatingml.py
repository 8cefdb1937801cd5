"""Method `gatingml`: a gate that a person drew, from a GatingML 2.0 file."""

from __future__ import annotations

from cytotrial.gating.arguments import GatingMl
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: GatingMl) -> Landmark:
    """The gate's bounds, linear; the same for every file."""
    from cytotrial.gating.drawn.single import place_drawn_gate  # imports FlowKit

    return place_drawn_gate(events, args.file, args.gate, sample=None)
