"""Cells: which populations there are, how many of each, and the light their dyes give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

T_CD4 = ("cd4_naive", "cd4_memory", "cd4_activated", "treg")
T_CD8 = ("cd8_t", "nkt_like")
T_CELLS = (*T_CD4, *T_CD8, "t_double_negative")
NK_CELLS = ("nk_dim", "nk_bright")

# A subset and the populations it is made of. CD3+CD56+ cells carry CD8 here: they are CD8 T cells, not NK.
SUBSETS: Mapping[str, tuple[str, ...]] = {
    "lymphocytes": (*T_CELLS, *NK_CELLS, "b"),
    "cd3": T_CELLS,
    "cd4": T_CD4,
    "cd8": T_CD8,
    "treg": ("treg",),
    "nk": NK_CELLS,
    "cd56bright_nk": ("nk_bright",),
}
DOUBLET = "doublet"  # a label, not a population: two cells in one event


@dataclass(frozen=True)
class LogNormal:
    """Median on the linear scale 0-262143 and standard deviation of log10."""

    median: float
    sd: float


@dataclass(frozen=True)
class Population:
    """One kind of cell: scatter, and the light of each marker it carries (others: autofluorescence only)."""

    name: str
    fsc: LogNormal
    ssc: LogNormal
    markers: Mapping[str, LogNormal]
    autofluorescence_factor: float = 1.0


@dataclass(frozen=True)
class Composition:
    """Who is in the tube: shares of events, then shares of their parents.

    The shares of events are of all events before doublets; lymphocytes are what the others leave.

    Raises
    ------
    ValueError
        A share is outside 0..1, or shares of one parent exceed it.
    """

    monocytes: float
    granulocytes: float
    debris: float
    dead: float
    aggregates: float
    nk_of_lymphocytes: float
    b_of_lymphocytes: float
    cd4_of_cd3: float
    cd8_of_cd3: float
    treg_of_cd4: float
    cd56bright_of_nk: float
    nkt_like_of_cd8: float
    naive_of_conventional_cd4: float
    activated_of_conventional_cd4: float

    def __post_init__(self) -> None:
        outside = {name: share for name, share in vars(self).items() if not 0.0 <= share <= 1.0}
        if outside:
            raise ValueError(f"shares outside 0..1: {outside}")
        sums = {
            "events": self.monocytes + self.granulocytes + self.debris + self.dead + self.aggregates,
            "lymphocytes": self.nk_of_lymphocytes + self.b_of_lymphocytes,
            "CD3": self.cd4_of_cd3 + self.cd8_of_cd3,
            "conventional CD4": self.naive_of_conventional_cd4 + self.activated_of_conventional_cd4,
        }
        over = {parent: total for parent, total in sums.items() if total > 1.0 + 1e-9}
        if over:
            raise ValueError(f"shares of one parent exceed it: {over}")

    def shares(self) -> dict[str, float]:
        """Population -> share of all events (before doublets); the shares add to 1."""
        others = {
            "monocyte": self.monocytes,
            "granulocyte": self.granulocytes,
            "debris": self.debris,
            "dead": self.dead,
            "aggregate": self.aggregates,
        }
        lymphocytes = 1.0 - sum(others.values())
        t = lymphocytes * (1.0 - self.nk_of_lymphocytes - self.b_of_lymphocytes)
        nk = lymphocytes * self.nk_of_lymphocytes
        cd4, cd8 = t * self.cd4_of_cd3, t * self.cd8_of_cd3
        conventional = cd4 * (1.0 - self.treg_of_cd4)
        naive, activated = self.naive_of_conventional_cd4, self.activated_of_conventional_cd4
        return {
            "cd4_naive": conventional * naive,
            "cd4_memory": conventional * (1.0 - naive - activated),
            "cd4_activated": conventional * activated,
            "treg": cd4 * self.treg_of_cd4,
            "cd8_t": cd8 * (1.0 - self.nkt_like_of_cd8),
            "nkt_like": cd8 * self.nkt_like_of_cd8,
            "t_double_negative": t - cd4 - cd8,
            "nk_dim": nk * (1.0 - self.cd56bright_of_nk),
            "nk_bright": nk * self.cd56bright_of_nk,
            "b": lymphocytes * self.b_of_lymphocytes,
            **others,
        }


def draw_cells(shares: np.ndarray, *, n: int, random: np.random.Generator) -> np.ndarray:
    """Populations of `n` cells in random order, indices into `shares`, shape (n,); counts are multinomial."""
    probabilities = np.clip(shares, 0.0, None)
    counts = random.multinomial(n, probabilities / probabilities.sum())
    cells = np.repeat(np.arange(len(shares), dtype=np.int8), counts)
    random.shuffle(cells)
    return cells


def draw_scatter(
    cells: np.ndarray, *, populations: tuple[Population, ...], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """FSC area and SSC area of each cell, linear, two arrays of shape (n,)."""
    fsc = _log_normal(cells, [p.fsc for p in populations], random)
    ssc = _log_normal(cells, [p.ssc for p in populations], random)
    return fsc, ssc


def draw_light(
    cells: np.ndarray,
    *,
    populations: tuple[Population, ...],
    detectors: tuple[tuple[str, ...], ...],
    autofluorescence: Mapping[str, LogNormal],
    staining: Mapping[str, float],
    random: np.random.Generator,
) -> np.ndarray:
    """Light of each cell's dyes and its autofluorescence, linear, shape (n, detectors), before any spillover.

    Parameters
    ----------
    cells : ndarray of int, shape (n,)
        Index of each cell's population.
    detectors : tuple of tuple of str
        The markers whose dye each detector is there for; two markers in one detector add up (a dump).
    autofluorescence : mapping
        By marker; a detector takes that of its first marker.
    staining : mapping
        Marker -> factor on the dye's light; 1 where not named.
    """
    factors = np.array([p.autofluorescence_factor for p in populations])
    light = np.empty((len(cells), len(detectors)))
    for column, markers in enumerate(detectors):
        own = autofluorescence[markers[0]]
        light[:, column] = factors[cells] * 10.0 ** (np.log10(own.median) + own.sd * random.standard_normal(len(cells)))
        for marker in markers:
            dye = _log_normal(cells, [p.markers.get(marker) for p in populations], random)
            light[:, column] += staining.get(marker, 1.0) * dye
    return light


def _log_normal(cells: np.ndarray, by_population: list[LogNormal | None], random: np.random.Generator) -> np.ndarray:
    """One value per cell from its population's distribution; 0 where the population has none."""
    median = np.array([one.median if one else 0.0 for one in by_population])
    sd = np.array([one.sd if one else 0.0 for one in by_population])
    return median[cells] * 10.0 ** (sd[cells] * random.standard_normal(len(cells)))
