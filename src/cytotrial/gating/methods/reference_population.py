"""Method `reference_population`: Treg gates from the tube's own CD127hi conventional CD4 cells."""

from __future__ import annotations

import numpy as np

from cytotrial.gating.arguments import ReferencePopulation
from cytotrial.gating.density import mode
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: ReferencePopulation) -> Landmark:
    """CD25 above a quantile of the reference, CD127 below a fraction of its mode; linear units.

    Notes
    -----
    CD25hi CD127lo after Seddiki 2006, doi:10.1084/jem.20060468. A density valley of the Treg themselves is
    never asked for: at 5 % of CD4 there often is none. The reference holds most CD4 cells in every sample,
    is stained in the same tube, and moves with gain and lot as the Treg do.
    """
    activation, exclusion = events.markers
    if len(events) < args.least_events:
        return not_found(f"{len(events)} CD4 cells, fewer than {args.least_events}")
    axis = events.axis(exclusion)
    peak_scaled = mode(events.scaled(exclusion))
    peak = float(axis.to_linear(peak_scaled))
    reference = events.linear(exclusion) >= peak
    if peak <= 0 or reference.sum() < args.least_events // 5:
        return not_found(f"no {exclusion}hi reference: its mode is {peak:.0f}, with {int(reference.sum())} cells above")
    threshold = float(np.quantile(events.linear(activation)[reference], args.quantile))
    if threshold <= 0:
        return not_found(f"the reference's {activation} is not above zero")
    return Landmark(
        (Bound(activation, "min", threshold), Bound(exclusion, "max", peak / args.fold_below)),
        f"{activation} above {100 * args.quantile:g} % of {int(reference.sum())} {exclusion}hi cells; "
        f"{exclusion} below their mode {peak:.0f} / {args.fold_below:g}",
    )
