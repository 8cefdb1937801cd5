"""The arguments of every gate method: names, types, defaults, and what they mean. Light: no numpy here.

`strategy` checks a YAML file against these; the functions in `methods` take them. Values that no
source fixes (DOMAIN: "general knowledge") are defaults here, to be changed in the strategy, and
never constants inside a method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class BelowRange:
    """Events on the edge of the detector's range are not measurements.

    Attributes
    ----------
    fraction : float
        An event is kept below this fraction of the channel's linear range.
    credible_percent : float
        Where more events than this lie above the range, the range keyword itself is not believed.
    """

    fraction: float = 0.999
    credible_percent: float = 50.0


@dataclass(frozen=True)
class SteadySignal:
    """Time ranges in which rate and signals are those of the rest of the acquisition.

    Attributes
    ----------
    bin_events : int
        Events per time bin at most; bins hold equal numbers of events.
    deviations : float
        A bin is left out where the share of its events below some quantile of the file lies this many
        standard deviations from the median bin's.
    burst_rate : float
        ... or where events come this many times faster than the file's median rate.
    """

    bin_events: int = 250
    deviations: float = 5.0
    burst_rate: float = 2.5


@dataclass(frozen=True)
class SingletBand:
    """Singlets: scatter area in proportion to height, or width no more than a single cell's.

    The first marker is the area; then height and width, of which the first that the file has is used.

    Attributes
    ----------
    mads : float
        How many robust SDs above the single cells' own ratio (or width) an event may lie. The SD is that
        of the side below, where doublets do not reach.
    """

    mads: float = 6.0


@dataclass(frozen=True)
class Valley:
    """The least dense point between a negative and a positive peak.

    Attributes
    ----------
    keep : str
        ``above`` or ``below``.
    prominence : float
        Height of the smaller peak over the valley, as a share of that peak: shallower is no valley.
    least_share : float
        The smaller side holds at least this share of the events.
    least_fold : float
        The peaks lie at least this many fold apart (linear). Dead cells take up 10 times more dye than live
        ones or more; monocytes' own fluorescence is 3 times the lymphocytes', and they are not dead.
    tail_sds : float or None
        Where there is no second peak: keep the whole peak up to this many SDs of its lower half, and at
        least up to `least_fold` times its mode; ``None`` means "not found", and another file's threshold is
        borrowed.
    negative : str or None
        A population above this one in the strategy whose cells lack the marker (CD3+ cells lack CD56). The
        valley must part the marker's own negatives from the rest: where more than `most_between` of the events
        lie well above these cells and below the valley, it parts dim from bright, and the cells' upper edge is
        taken instead.
    most_between : float
        See `negative`.
    """

    keep: str = "above"
    prominence: float = 0.3
    least_share: float = 0.01
    least_fold: float = 1.0
    tail_sds: float | None = None
    negative: str | None = None
    most_between: float = 0.10


@dataclass(frozen=True)
class Quadrant:
    """A valley on each of two markers: the first kept above, the second kept below."""

    prominence: float = 0.3
    least_share: float = 0.01


@dataclass(frozen=True)
class Opposite:
    """The other side of a population gated on one marker: same threshold, other half."""

    of: str


@dataclass(frozen=True)
class ScatterCluster:
    """The lymphocyte cluster in scatter: a robust ellipse on log scatter, drawn as a polygon.

    Attributes
    ----------
    seed_marker : str or None
        A marker whose bright cells are lymphocytes and show where the cluster lies (CD3).
    coverage : float
        Share of a Gaussian cluster inside the ellipse.
    """

    seed_marker: str | None = "CD3"
    coverage: float = 0.99


@dataclass(frozen=True)
class ReferencePopulation:
    """Treg: CD25 above, and CD127 below, what the CD127hi conventional CD4 cells of the same tube show.

    Attributes
    ----------
    quantile : float
        CD25 threshold: this quantile of the CD127hi cells.
    reference_from : float
        CD127hi: at least this share of the CD127 mode. Lower shares take in more memory cells, and Treg are lost.
    fold_below : float
        CD127 threshold: the mode of the conventional cells divided by this.
    least_events : int
        Fewer CD4 cells than this: not found.
    """

    quantile: float = 0.985
    reference_from: float = 1.0
    fold_below: float = 2.6
    least_events: int = 500


@dataclass(frozen=True)
class RelativeThreshold:
    """CD56bright: the dim mode times 10^(sds x s), s the SD of log10 below the mode, bounded in folds of the mode.

    Attributes
    ----------
    sds, least_fold, most_fold : float
        The threshold's place above the dim mode.
    least_height : float
        Where there are two peaks, the lower one is the dim cells' from this share of the higher one's height up.
    """

    sds: float = 3.0
    least_fold: float = 3.0
    most_fold: float = 5.0
    least_height: float = 0.2
    least_events: int = 100


@dataclass(frozen=True)
class Fixed:
    """A threshold in linear, compensated units that a person has chosen."""

    threshold: float
    keep: str = "above"


METHODS: dict[str, type] = {
    "below_range": BelowRange,
    "steady_signal": SteadySignal,
    "singlet_band": SingletBand,
    "valley": Valley,
    "quadrant": Quadrant,
    "opposite": Opposite,
    "scatter_cluster": ScatterCluster,
    "reference_population": ReferencePopulation,
    "relative_threshold": RelativeThreshold,
    "fixed": Fixed,
}
MARKERS_OF: dict[str, tuple[int, int]] = {  # method -> fewest and most markers
    "below_range": (1, 8),
    "steady_signal": (1, 1),
    "singlet_band": (2, 3),
    "valley": (1, 1),
    "quadrant": (2, 2),
    "opposite": (1, 1),
    "scatter_cluster": (2, 2),
    "reference_population": (2, 2),
    "relative_threshold": (1, 1),
    "fixed": (1, 1),
}
LIMITS: dict[str, tuple[float, float]] = {  # argument -> least and most: beyond them a method cannot work
    "fraction": (0.0, 1.0),
    "credible_percent": (0.0, 100.0),
    "bin_events": (1, math.inf),
    "deviations": (0.0, math.inf),
    "burst_rate": (1.0, math.inf),
    "mads": (0.0, math.inf),
    "prominence": (0.0, 1.0),
    "least_share": (0.0, 0.5),
    "least_fold": (1.0, math.inf),
    "tail_sds": (0.0, math.inf),
    "coverage": (0.5, 0.9999),
    "quantile": (0.0, 1.0),
    "fold_below": (1.0, math.inf),
    "reference_from": (0.0, math.inf),
    "least_events": (1, math.inf),
    "sds": (0.0, math.inf),
    "most_fold": (1.0, math.inf),
    "least_height": (0.0, 1.0),
    "most_between": (0.0, 1.0),
}
