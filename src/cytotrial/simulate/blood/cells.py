"""Cells one by one: their size, their scatter and the light of their dyes, correlated as in one and the same cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cytotrial.simulate.blood.populations import Continuum, LogNormal, Population, Position

LN10 = float(np.log(10.0))
# How far a cell's size goes with the rest, as powers of its forward scatter; assumed, such that correlations in a
# lymphocyte gate lie in the range of real files: FSC and SSC 0.24 to 0.59, FSC and a bright marker up to 0.33.
SIZE_TO_SSC = 0.6
SIZE_TO_DYE = 0.4
SIZE_TO_AUTOFLUORESCENCE = 0.8
AUTOFLUORESCENCE_SD = 0.12  # of log10, over what the size explains
LEAST_SD = 0.03  # of log10, what size and continuum never explain
SMALLEST_FSC = 5000.0  # the trigger's threshold: what scatters less is not recorded


@dataclass(frozen=True)
class Kinds:
    """The kinds of cell there are and what they share.

    Attributes
    ----------
    populations : tuple of Population
    continua : mapping
        Name -> `Continuum`.
    unspecific : LogNormal
        Light of a dye on a cell, whether it has the marker or not: in proportion to its size and its kind's
        autofluorescence; in a dump that of the first marker's dye.
    """

    populations: tuple[Population, ...]
    continua: Mapping[str, Continuum]
    unspecific: LogNormal

    @property
    def names(self) -> tuple[str, ...]:
        """The populations' names, in order."""
        return tuple(one.name for one in self.populations)


@dataclass(frozen=True)
class Cells:
    """Cells in the order of their populations, linear units.

    Attributes
    ----------
    population : ndarray of int8, shape (n,)
    fsc, ssc : ndarray, shape (n,)
        Areas.
    dyes : ndarray, shape (detectors, n)
        Light of the dye each detector is there for, before any spillover.
    autofluorescence : ndarray, shape (n,)
        Factor on the detectors' autofluorescence.
    """

    population: np.ndarray
    fsc: np.ndarray
    ssc: np.ndarray
    dyes: np.ndarray
    autofluorescence: np.ndarray

    def part(self, start: int, stop: int) -> Cells:
        """Some of the cells, a view."""
        where = slice(start, stop)
        return Cells(
            self.population[where], self.fsc[where], self.ssc[where], self.dyes[:, where], self.autofluorescence[where]
        )


def draw_cells(
    counts: Sequence[int],
    *,
    kinds: Kinds,
    detectors: Sequence[tuple[str, ...]],
    staining: Mapping[str, float],
    origins: np.ndarray,
    random: np.random.Generator,
) -> Cells:
    """As many cells of each population as `counts` says.

    Parameters
    ----------
    counts : sequence of int
        One per population.
    detectors : sequence of tuple of str
        The markers whose dye each detector is there for; two markers in one detector add up (a dump).
    staining : mapping
        Marker -> factor on its dye's light; 1 where not named.
    origins : ndarray, shape (populations,)
        Shares of what dead and dying cells have been.
    """
    total = int(sum(counts))
    cells = Cells(
        population=np.repeat(np.arange(len(kinds.populations), dtype=np.int8), counts),
        fsc=np.empty(total),
        ssc=np.empty(total),
        dyes=np.empty((len(detectors), total)),
        autofluorescence=np.empty(total),
    )
    painter = _Painter(kinds, tuple(detectors), staining, random)
    start = 0
    for population, n in zip(kinds.populations, counts, strict=True):
        block = cells.part(start, start + int(n))
        if population.remains:
            painter.paint_remains(population, block, origins)
        else:
            painter.paint(population, block)
        start += int(n)
    np.maximum(cells.fsc, SMALLEST_FSC * SMALLEST_FSC / cells.fsc, out=cells.fsc)
    return cells


@dataclass(frozen=True)
class _Painter:
    """Fills blocks of cells of one population in place."""

    kinds: Kinds
    detectors: tuple[tuple[str, ...], ...]
    staining: Mapping[str, float]
    random: np.random.Generator

    def paint(self, population: Population, block: Cells) -> None:
        n = len(block.fsc)
        if n == 0:
            return
        size = population.fsc.sd * self.random.standard_normal(n)
        block.fsc[:] = population.fsc.median * _power(size)
        ssc_sd = _rest(population.ssc.sd, SIZE_TO_SSC * population.fsc.sd)
        block.ssc[:] = population.ssc.median * _power(SIZE_TO_SSC * size + self._noise(ssc_sd, n))
        glow = SIZE_TO_AUTOFLUORESCENCE * size + self._noise(AUTOFLUORESCENCE_SD, n)
        block.autofluorescence[:] = population.autofluorescence * _power(glow)
        position = self._position(population.position, n)
        for row, markers in enumerate(self.detectors):
            light = block.dyes[row]
            unspecific = self.kinds.unspecific
            factor = unspecific.median * population.autofluorescence * self.staining.get(markers[0], 1.0)
            light[:] = factor * _power(size + self._noise(unspecific.sd, n))
            for marker in markers:
                if marker in population.markers:
                    light += self._dye(marker, population, size, position)

    def paint_remains(self, population: Population, block: Cells, origins: np.ndarray) -> None:
        """Dead cells are some other kind's cells: shrunken, faded, and sticky."""
        n = len(block.fsc)
        remains = population.remains
        assert remains is not None
        start = 0
        for origin, m in zip(self.kinds.populations, self.random.multinomial(n, origins), strict=True):
            self.paint(origin, block.part(start, start + int(m)))
            start += int(m)
        block.fsc[:] *= remains.fsc * _power(self._noise(population.fsc.sd, n))
        block.ssc[:] *= remains.ssc * _power(self._noise(population.ssc.sd, n))
        block.autofluorescence[:] *= population.autofluorescence
        block.dyes[:] *= remains.dyes.median * _power(self._noise(remains.dyes.sd, n))
        for row, markers in enumerate(self.detectors):
            for marker in markers:
                if marker in population.markers:
                    sticky = population.markers[marker]
                    factor = sticky.median * self.staining.get(marker, 1.0)
                    block.dyes[row] += factor * _power(self._noise(sticky.sd, n))

    def _dye(self, marker: str, population: Population, size: np.ndarray, position: np.ndarray | None) -> np.ndarray:
        level, at = population.markers[marker], population.position
        shift = SIZE_TO_DYE * size
        explained = SIZE_TO_DYE * population.fsc.sd
        if position is not None and at is not None:
            slope = self.kinds.continua[at.continuum].slopes.get(marker, 0.0)
            shift += slope * position
            explained = float(np.hypot(explained, slope * at.sd))
        shift += self._noise(_rest(level.sd, explained), len(size))
        return level.median * self.staining.get(marker, 1.0) * _power(shift)

    def _position(self, at: Position | None, n: int) -> np.ndarray | None:
        """Deviations from the population's mean place on its continuum, none beyond the cut."""
        if at is None:
            return None
        position = at.mean + self._noise(at.sd, n)
        if at.towards_cut:
            moving = self.random.random(n) < at.towards_cut
            cut = self.kinds.continua[at.continuum].cut
            position[moving] = at.mean + (cut - at.mean) * self.random.random(int(moving.sum()))
        cut = self.kinds.continua[at.continuum].cut
        away = np.abs(position - cut)
        return (cut - away if at.mean < cut else cut + away) - at.mean

    def _noise(self, sd: float, n: int) -> np.ndarray:
        return sd * self.random.standard_normal(n)


def _power(log10: np.ndarray) -> np.ndarray:
    return np.exp(LN10 * log10)


def _rest(sd: float, explained: float) -> float:
    """What is left of a spread once a part is explained."""
    return float(np.sqrt(max(sd * sd - explained * explained, LEAST_SD * LEAST_SD)))
