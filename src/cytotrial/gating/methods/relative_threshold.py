"""Method `relative_threshold`: CD56bright from the CD56dim mode and the spread below it."""

from __future__ import annotations

import numpy as np

from cytotrial.gating.arguments import RelativeThreshold
from cytotrial.gating.density import lowest_mode
from cytotrial.gating.landmarks import Bound, Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents


def place(events: ParentEvents, *, args: RelativeThreshold) -> Landmark:
    """A lower bound in linear units: the dim mode times 10^(sds x s), within bounds in folds of the mode.

    Notes
    -----
    s is the SD of log10 below the mode, where no bright cell is. No consensus threshold exists; absolute
    ones fail in lupus, whose NK cells carry more CD56 than healthy ones.
    """
    (marker,) = events.markers
    values = events.linear(marker)
    values = np.log10(values[values > 0])
    if len(values) < args.least_events:
        return not_found(f"{len(values)} NK cells, fewer than {args.least_events}")
    if np.ptp(values) == 0:
        return not_found(f"{marker} has one value")
    # 0.05 decades of smoothing: the dim peak's SD is 0.2, and bright cells lie 0.7 to 1 decade above.
    # Under IL-2 the bright cells may become the taller peak: dim is the lower one.
    width = 0.05 * max(1.0, (1000 / len(values)) ** 0.2)
    dim = lowest_mode(values, bandwidth=width, least_height=args.least_height, prominence=0.3)
    below = values[values < dim] - dim
    spread = float(np.sqrt(np.mean(below**2))) if len(below) else 0.0
    fold = float(np.clip(10.0 ** (args.sds * spread), args.least_fold, args.most_fold))
    return Landmark(
        (Bound(marker, "min", 10.0**dim * fold),),
        f"{fold:.2f} times the {marker}dim mode {10.0**dim:.0f}, whose lower spread is {spread:.3f} decades",
    )
