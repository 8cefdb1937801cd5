"""Method `relative_threshold`: CD56bright from the CD56dim mode, the spread below it, and the bright peak."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cytotrial.gating.arguments import RelativeThreshold
from cytotrial.gating.density import bright_mode, lowest_mode
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.numerics import crossing, log_normal_below
from cytotrial.gating.parent_events import ParentEvents

DIM, FOLD = "dim_mode", "threshold_over_dim_mode"
HELD = {FOLD: "trial"}  # a subject's own would fall as bright cells rise under treatment
# 0.05 decades of smoothing: the dim peak's SD is 0.2, and bright cells lie 0.7 to 1 decade above.
BANDWIDTH, REFERENCE_EVENTS = 0.05, 1000
PROMINENCE = 0.3
NARROWEST, WIDEST = 0.08, 0.25  # SD of the bright peak, decades; from few cells it may come out as anything


def place(events: ParentEvents, *, args: RelativeThreshold) -> Landmark:
    """A lower bound in linear units: the dim mode times a fold.

    Notes
    -----
    Bright cells are few, so the dim peak's own spread is read below its mode, where no bright cell is, and the bright
    peak's above its mode. No consensus threshold exists; absolute ones fail in lupus, whose NK cells carry more CD56
    than healthy ones.
    """
    (marker,) = events.markers
    values = events.linear(marker)
    values = np.log10(values[values > 0])
    if len(values) < args.least_events:
        return not_found(f"{len(values)} NK cells, fewer than {args.least_events}")
    if np.ptp(values) == 0:
        return not_found(f"{marker} has one value")
    width = BANDWIDTH * max(1.0, (REFERENCE_EVENTS / len(values)) ** 0.2)
    # Under IL-2 the bright cells may become the taller peak: dim is the lower one.
    dim = lowest_mode(values, bandwidth=width, least_height=args.least_height, prominence=PROMINENCE)
    below = values[values < dim] - dim
    spread = float(np.sqrt(np.mean(below**2))) if len(below) else 0.0
    at_least = float(np.log10(args.least_fold))
    bright = bright_mode(values, dim=dim, at_least=at_least, bandwidth=width, prominence=PROMINENCE)
    decades, how, is_apart = _decades(values, dim, spread, bright, args)
    fold = float(np.clip(10.0**decades, args.least_fold, args.most_fold))
    measures = {DIM: 10.0**dim, FOLD: fold}
    return Landmark(
        bounds(measures, events.markers, args=args),
        f"{fold:.2f} times the {marker}dim mode {10.0**dim:.0f}, whose lower spread is {spread:.3f} decades; {how}",
        measures,
        "" if is_apart else how,
    )


def bounds(measures: Mapping[str, float], markers: Sequence[str], *, args: RelativeThreshold) -> tuple[Bound, ...]:
    """The gate that `measures` give, whoever's they are: a file's own or its pool's; linear units."""
    (marker,) = markers
    return (Bound(marker, "min", measures[DIM] * measures[FOLD]),)


def _decades(
    values: np.ndarray, dim: float, spread: float, bright: float | None, args: RelativeThreshold
) -> tuple[float, str, bool]:
    """How far above the dim mode, in decades and in words, and whether a bright peak shows it."""
    beyond = values[values > bright] - bright if bright is not None else values[:0]
    if len(beyond) < args.least_bright or spread == 0:
        return args.sds * spread, f"no bright peak of {2 * args.least_bright} cells, so {args.sds:g} spreads", False
    bright_spread = float(np.clip(np.sqrt(np.mean(beyond**2)), NARROWEST, WIDEST))
    n_bright = 2 * len(beyond)
    n_dim = max(len(values) - n_bright, 1)

    def gained_over_lost(at: float) -> float:
        gained = math.log(n_dim) + log_normal_below(-at / spread)
        return gained - math.log(n_bright) - log_normal_below((at - (bright - dim)) / bright_spread)

    if gained_over_lost(0.0) <= 0.0 or gained_over_lost(bright - dim) >= 0.0:
        return args.sds * spread, f"the bright peak at {10.0**bright:.0f} is not apart, so {args.sds:g} spreads", False
    at = crossing(gained_over_lost, 0.0, bright - dim)
    return at, f"as many dim as bright ({10.0**bright:.0f}) cells amiss", True
