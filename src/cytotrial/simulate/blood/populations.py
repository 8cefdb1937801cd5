"""Kinds of cell: which there are, how bright they are, and where they lie on a continuum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

T_REGULATORY = ("treg_resting", "treg_effector")
T_CD4 = ("cd4_naive", "cd4_memory", "cd4_activated", *T_REGULATORY)
T_CD8 = ("cd8_t", "cd8_activated", "nkt_like")
T_CELLS = (*T_CD4, *T_CD8, "gd_t", "t_double_negative")
NK_CELLS = ("nk_dim", "nk_bright")

# A subset and the populations it is made of. CD3+CD56+ cells carry CD8 here: they are CD8 T cells, not NK.
SUBSETS: Mapping[str, tuple[str, ...]] = {
    "lymphocytes": (*T_CELLS, *NK_CELLS, "b"),
    "cd3": T_CELLS,
    "cd4": T_CD4,
    "cd8": T_CD8,
    "treg": T_REGULATORY,
    "nk": NK_CELLS,
    "cd56bright_nk": ("nk_bright",),
}


@dataclass(frozen=True)
class LogNormal:
    """Median on the linear scale 0-262143 and standard deviation of log10."""

    median: float
    sd: float


@dataclass(frozen=True)
class Continuum:
    """A course from one kind of cell to another, along which markers change together.

    Attributes
    ----------
    cut : float
        Where the truth draws the line: a cell below it is of the lower kind, from it on of the upper.
    slopes : mapping
        Marker -> log10 of its light per unit of position.
    """

    cut: float
    slopes: Mapping[str, float]


@dataclass(frozen=True)
class Position:
    """Where the cells of a population lie on a continuum; none crosses the cut, for there another kind begins.

    Attributes
    ----------
    mean, sd : float
        Normal, reflected at the cut.
    towards_cut : float
        Share of cells that are spread evenly between the mean and the cut instead: cells in transition.
    """

    continuum: str
    mean: float
    sd: float
    towards_cut: float = 0.0


@dataclass(frozen=True)
class Remains:
    """What is left of a dead or dying cell of any kind: factors on what it was.

    Attributes
    ----------
    dyes : LogNormal
        On the light of its own markers; what binds unspecifically comes on top (`Population.markers`).
    """

    fsc: float
    ssc: float
    dyes: LogNormal


@dataclass(frozen=True)
class Population:
    """One kind of cell: scatter, and the light of each marker it carries (others: unspecific binding only).

    Medians and spreads are those of the population's cells but for the few in transition: what the continuum and the
    cell's size contribute is part of `sd`, not added to it.
    """

    name: str
    fsc: LogNormal
    ssc: LogNormal
    markers: Mapping[str, LogNormal]
    autofluorescence: float = 1.0
    position: Position | None = None
    remains: Remains | None = None

    def shifted(self, log10: Mapping[str, float]) -> Population:
        """The same cells with other medians: marker, ``FSC`` or ``SSC`` -> what is added to its log10."""
        factors = {name: 10.0**shift for name, shift in log10.items()}
        remains = self.remains and replace(
            self.remains, fsc=self.remains.fsc * factors.get("FSC", 1.0), ssc=self.remains.ssc * factors.get("SSC", 1.0)
        )
        return replace(
            self,
            remains=remains,
            fsc=_scaled(self.fsc, factors.get("FSC", 1.0)),
            ssc=_scaled(self.ssc, factors.get("SSC", 1.0)),
            markers={marker: _scaled(level, factors.get(marker, 1.0)) for marker, level in self.markers.items()},
        )


def _scaled(level: LogNormal, factor: float) -> LogNormal:
    return LogNormal(level.median * factor, level.sd)
