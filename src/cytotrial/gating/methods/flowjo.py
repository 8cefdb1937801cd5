"""Method `flowjo`: a gate that a person drew in a FlowJo workspace."""

from __future__ import annotations

from cytotrial.gating.arguments import FlowJo
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: FlowJo) -> Landmark:
    """The bounds that the workspace has for this file, or for the sample whose gate is taken for all, linear."""
    from cytotrial.gating.drawn.single import place_drawn_gate  # imports FlowKit

    return place_drawn_gate(events, args.file, args.gate, sample=args.sample)
