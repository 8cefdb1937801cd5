"""Method `reference_population`: Treg gates from the tube's own CD127hi conventional CD4 cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cytotrial.cytometry.quantiles import picked, quantiles
from cytotrial.gating.arguments import ReferencePopulation
from cytotrial.gating.density import mode
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents

# What a gate rests on. BULK and MODE are of the tube (gain, lot, spillover), TAIL and CLEAR of the subject. CLEAR rises
# with the Treg: the pool's lowest is that of a visit without treatment, and holds for the others too.
BULK, MODE, TAIL, CLEAR = "reference_bulk", "reference_mode", "tail_over_bulk", "clear_per_between"
HELD = {TAIL: "median", CLEAR: "lowest"}
# Smoothing for the CD127 mode (0-to-1 scale): naive and memory cells make one broad peak of SD 0.06, whose mode
# wanders with a narrower one. Measured on simulated tubes of 7,000 events: SD of the Treg error 5.3 % with 0.012.
MODE_BANDWIDTH = 0.03
# Clearly Treg, and between them and the conventional cells: decades of log10(CD25 / tail) + log10(mode / CD127). Treg
# lie near 1.2 (simulated, and by the levels that OMIP-004 panels show), activated cells near 0.4.
CLEAR_FROM, BETWEEN = 0.95, (0.35, 0.75)
SMALLEST = 50.0 / 262144.0  # of the range: near zero a ratio says nothing, and the logarithm is smoothed from here on
MOST_TIGHTENED, MOST_LOOSENED = 0.21, 0.14  # decades
SHARE_OF_CD25 = 0.8  # of the tightening: CD127 is stained less evenly from lot to lot


def place(events: ParentEvents, *, args: ReferencePopulation) -> Landmark:
    """CD25 above the reference's upper tail, CD127 a fold below its mode; linear units.

    Notes
    -----
    CD25hi CD127lo after Seddiki 2006, doi:10.1084/jem.20060468. A density valley of the Treg themselves is
    never asked for: at 5 % of CD4 there often is none. The reference holds most CD4 cells in every sample,
    is stained in the same tube, and moves with gain and lot as the Treg do. Activated cells (CD25+ CD127int) lie
    between; where they are many for few Treg, the threshold at which as many Treg are lost as others gained is higher.
    """
    activation, exclusion = events.markers
    if len(events) < args.least_events:
        return not_found(f"{len(events)} CD4 cells, fewer than {args.least_events}")
    axis = events.axis(exclusion)
    peak = float(axis.to_linear(mode(events.scaled(exclusion), bandwidth=MODE_BANDWIDTH)))
    cd25, cd127 = events.linear(activation), events.linear(exclusion)
    reference = cd127 >= args.reference_from * peak
    n_reference = int(reference.sum())
    if peak <= 0 or n_reference < args.least_events // 5:
        return not_found(f"no {exclusion}hi reference: {n_reference} cells from the mode of {peak:.0f} up")
    bulk, tail = (float(value) for value in quantiles(picked(cd25, reference), (args.bulk, args.tail)))
    if bulk <= 0:
        return not_found(f"the reference's {activation} is not above zero")
    # log10(CD25 / tail) + log10(mode / CD127), its logarithm not taken event by event.
    top, other_top = events.axis(activation).top, axis.top
    apart = _positive(cd25, top) / _positive(cd127, other_top) * (_positive(peak, other_top) / _positive(tail, top))
    clear = np.count_nonzero(apart > 10.0**CLEAR_FROM)
    between = np.count_nonzero((apart > 10.0 ** BETWEEN[0]) & (apart < 10.0 ** BETWEEN[1]))
    measures = {BULK: bulk, MODE: peak, TAIL: tail / bulk, CLEAR: (clear + 0.5) / (between + 0.5)}
    overlaps = measures[CLEAR] < args.least_clear
    return Landmark(
        bounds(measures, events.markers, args=args),
        f"{n_reference} {exclusion}hi cells: {activation} up to {tail:.0f} at {100 * args.tail:g} %, {exclusion} mode "
        f"{peak:.0f}; {clear} clearly {activation}hi{exclusion}lo cells, {between} between",
        measures,
        f"{clear} clearly {activation}hi{exclusion}lo cells and {between} between these and the others"
        if overlaps
        else "",
    )


def bounds(measures: Mapping[str, float], markers: Sequence[str], *, args: ReferencePopulation) -> tuple[Bound, ...]:
    """The gate that `measures` give, whoever's they are: a file's own or its pool's; linear units."""
    activation, exclusion = markers
    tighter = float(np.clip(-args.balance * np.log10(measures[CLEAR]), -MOST_LOOSENED, MOST_TIGHTENED))
    low = measures[BULK] * measures[TAIL] * args.fold_above * 10.0 ** (SHARE_OF_CD25 * tighter)
    high = measures[MODE] / args.fold_below / 10.0 ** ((1.0 - SHARE_OF_CD25) * tighter)
    return Bound(activation, "min", float(low)), Bound(exclusion, "max", float(high))


def _positive(linear: np.ndarray | float, top: float) -> np.ndarray:
    """The value itself, smoothed where noise around zero would make its logarithm anything."""
    least = SMALLEST * top
    return (linear + np.sqrt(np.square(linear) + least**2)) / 2.0
