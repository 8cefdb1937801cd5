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
    deepest : bool
        Of several valleys take the deepest, in place of the one that parts the events best. For a dye whose positives
        lie far off (dead cells): a population that another dye spills into is no part of them.
    dim_fold : float or None
        For a marker whose stained cells are dim or bright (CD56): where the cells that lie clear of the negatives
        and yet below the valley outnumber those above it by this factor, the valley parts dim from bright. The
        threshold is then put where as many dim cells are lost as negatives gained, the negatives' upper side being
        the mirror image of their lower one. None: the valley is never doubted.
    """

    keep: str = "above"
    prominence: float = 0.3
    least_share: float = 0.01
    least_fold: float = 1.0
    tail_sds: float | None = None
    deepest: bool = False
    dim_fold: float | None = None


@dataclass(frozen=True)
class Quadrant:
    """A valley on each of two markers: the first kept above, the second kept below.

    The second is looked for among the cells that the first keeps, where that shows one: CD4+ cells that carry some
    CD8 are a population of their own, far below the valley of the CD8+ cells.
    """

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
class Corner:
    """Everything but the events high on both markers: the first is a scatter, the second a dump or lineage marker.

    Attributes
    ----------
    seed_marker : str
        A marker whose bright cells lack the second one, and show where its negatives end (CD3).
    sds : float
        Their upper edge: this many SDs of their lower half above their mode, on the gate's scale.
    prominence : float
        Of the first marker's valley among the cells above that edge: where there is none, there is no corner.
    """

    seed_marker: str = "CD3"
    sds: float = 4.0
    prominence: float = 0.3


@dataclass(frozen=True)
class ReferencePopulation:
    """Treg: CD25 above, and CD127 below, what the CD127hi conventional CD4 cells of the same tube show.

    Attributes
    ----------
    reference_from : float
        The reference: CD4 cells of at least this share of the CD127 mode. Lower shares take in more memory cells.
    bulk, tail : float
        Two quantiles of the reference's CD25. The lower one follows the tube's gain, lot and spillover; the upper one,
        as a multiple of the lower, is a trait of the subject and is held over its pool.
    fold_above : float
        CD25 threshold: this many times the upper quantile ...
    fold_below : float
        ... and CD127 threshold: the mode of the reference divided by this,
    balance : float
        ... where as many cells are clearly Treg as lie between them and the conventional cells. Where fewer are, both
        thresholds are tightened by `balance` decades in all per decade of that ratio, where more are, loosened: the
        threshold at which as many cells are lost as gained moves so. Held over the pool, like the tail.
    least_clear : float
        Where that ratio is less, Treg and activated cells overlap, and the file is flagged.
    least_events : int
        Fewer CD4 cells than this: not found.
    """

    reference_from: float = 1.0
    bulk: float = 0.80
    tail: float = 0.95
    fold_above: float = 1.45
    fold_below: float = 2.6
    balance: float = 0.2
    least_clear: float = 0.6
    least_events: int = 500


@dataclass(frozen=True)
class RelativeThreshold:
    """CD56bright: above the dim mode by a number of folds, that the two peaks' spreads and sizes give.

    Where there is a bright peak, the threshold at which as many dim cells lie above as bright ones below; where
    there is none, `sds` spreads of the dim cells. The folds are held over the pool, the dim mode is each file's own.

    Attributes
    ----------
    sds : float
        Without a bright peak: 10^(sds x s), s the SD of log10 below the dim mode.
    least_fold, most_fold : float
        The threshold's place above the dim mode, at least and at most.
    least_height : float
        Where there are two peaks, the lower one is the dim cells' from this share of the higher one's height up.
    least_bright : int
        Fewer cells above the bright peak than this show no peak.
    """

    sds: float = 3.0
    least_fold: float = 3.6
    most_fold: float = 5.5
    least_height: float = 0.2
    least_bright: int = 20
    least_events: int = 100


@dataclass(frozen=True)
class Fixed:
    """A threshold in linear, compensated units that a person has chosen."""

    threshold: float
    keep: str = "above"


@dataclass(frozen=True)
class FlowJo:
    """A gate that a person drew in FlowJo 10: its place in a workspace, edges straight on the scale it was drawn on.

    The panel's compensation applies, not the workspace's, and the population's own parent.

    Attributes
    ----------
    file : str
        The workspace (.wsp), absolute or relative to the working directory.
    gate : str
        The gate's path there: names from the first gate down, joined by ``/``.
    sample : str or None
        A sample of the workspace whose gate is taken for every file; ``None``: each file's own, by its name.
    """

    file: str
    gate: str
    sample: str | None = None


@dataclass(frozen=True)
class GatingMl:
    """A gate that a person drew, from a GatingML 2.0 file, edges straight on the scale it was drawn on.

    The panel's compensation applies, and the population's own parent.

    Attributes
    ----------
    file : str
        The GatingML file, absolute or relative to the working directory.
    gate : str
        The gate's id there, or its path.
    """

    file: str
    gate: str


METHODS: dict[str, type] = {
    "below_range": BelowRange,
    "steady_signal": SteadySignal,
    "singlet_band": SingletBand,
    "valley": Valley,
    "quadrant": Quadrant,
    "opposite": Opposite,
    "scatter_cluster": ScatterCluster,
    "corner": Corner,
    "reference_population": ReferencePopulation,
    "relative_threshold": RelativeThreshold,
    "fixed": Fixed,
    "flowjo": FlowJo,
    "gatingml": GatingMl,
}
MARKERS_OF: dict[str, tuple[int, int]] = {  # method -> fewest and most markers
    "below_range": (1, 8),
    "steady_signal": (1, 1),
    "singlet_band": (2, 3),
    "valley": (1, 1),
    "quadrant": (2, 2),
    "opposite": (1, 1),
    "scatter_cluster": (2, 2),
    "corner": (2, 2),
    "reference_population": (2, 2),
    "relative_threshold": (1, 1),
    "fixed": (1, 1),
    "flowjo": (1, 8),
    "gatingml": (1, 8),
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
    "bulk": (0.0, 1.0),
    "tail": (0.0, 1.0),
    "fold_above": (0.1, math.inf),
    "balance": (0.0, 1.0),
    "least_clear": (0.0, math.inf),
    "fold_below": (1.0, math.inf),
    "reference_from": (0.0, math.inf),
    "least_events": (1, math.inf),
    "sds": (0.0, math.inf),
    "most_fold": (1.0, math.inf),
    "least_height": (0.0, 1.0),
    "dim_fold": (0.0, math.inf),
    "least_bright": (2, math.inf),
}
