"""One tube through the cytometer: parameters in, events with the truth of each out, all in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cytotrial.simulate.cells import (
    DOUBLET,
    SUBSETS,
    Composition,
    LogNormal,
    Population,
    draw_cells,
    draw_light,
    draw_scatter,
)
from cytotrial.simulate.cytometer import (
    TOP,
    Detector,
    Incidents,
    Run,
    detect,
    draw_run,
    gains,
    spillover_with_gain,
)
from cytotrial.simulate.seeds import stream

NOT_IN_DOUBLETS = ("debris", "aggregate")


@dataclass(frozen=True)
class TubeParameters:
    """Everything that decides a tube but chance; change fields with ``dataclasses.replace``.

    Attributes
    ----------
    panel : str
        ``treg`` or ``nk``.
    n_events : int
        Events written, doublets and debris included.
    composition : Composition
        Shares of the populations.
    populations : tuple of Population
        Levels and spreads, compensated linear scale.
    autofluorescence : mapping
        Marker -> distribution, linear.
    scatter : tuple of str
        Scatter channels in order, out of ``FSC-A FSC-H FSC-W SSC-A``.
    detectors : tuple of Detector
        Fluorescence channels in order.
    spillover : tuple of tuple of float
        True spillover at gain 1, row spills into column, diagonal 1.
    gain : mapping
        Channel -> factor on what it reports (``FSC-A`` and ``SSC-A`` too; FSC-H follows FSC-A).
    staining : mapping
        Marker -> factor on its dye's light.
    doublets : float
        Doublets per other event.
    """

    panel: str
    n_events: int
    composition: Composition
    populations: tuple[Population, ...]
    autofluorescence: Mapping[str, LogNormal]
    scatter: tuple[str, ...]
    detectors: tuple[Detector, ...]
    spillover: tuple[tuple[float, ...], ...]
    scatter_voltage: Mapping[str, int]
    photoelectrons_per_unit: float
    timestep: float
    singlet_area_to_height: tuple[float, float]
    doublet_height: float
    events_per_second: float = 3000.0
    doublets: float = 0.04
    incidents: Incidents = field(default_factory=Incidents)
    gain: Mapping[str, float] = field(default_factory=dict)
    staining: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Tube:
    """The events of one tube and the truth about each.

    Attributes
    ----------
    events : ndarray of float32, shape (n, channels)
        As the file holds them: linear, uncompensated, Time in ticks.
    channels : tuple of str
        ``$PnN`` of each column; Time is the last.
    markers : mapping
        ``$PnN`` -> ``$PnS`` of the fluorescence channels.
    labels : ndarray of int8, shape (n,)
        Index into `populations` of what each event really is.
    populations : tuple of str
        Names of the labels; ``doublet`` is the last.
    spillover : ndarray, shape (detectors, detectors)
        The file's true compensation matrix, gains included.
    detectors : tuple of str
        Names of its rows and columns.
    incidents : tuple of str
        Which of clog, burst, startup happened.
    seconds : float
        Length of the run.
    """

    events: np.ndarray
    channels: tuple[str, ...]
    markers: Mapping[str, str]
    labels: np.ndarray
    populations: tuple[str, ...]
    spillover: np.ndarray
    detectors: tuple[str, ...]
    incidents: tuple[str, ...]
    seconds: float

    def members(self, subset: str) -> np.ndarray:
        """Which events are live single cells of `subset` (``SUBSETS``) or of a population, shape (n,)."""
        names = SUBSETS.get(subset, (subset,))
        return np.isin(self.labels, [self.populations.index(name) for name in names])

    def count(self, subset: str) -> int:
        """How many live single cells of `subset` the tube really holds."""
        return int(np.count_nonzero(self.members(subset)))

    def column(self, channel: str) -> np.ndarray:
        """One channel as recorded (linear, uncompensated), shape (n,)."""
        return self.events[:, self.channels.index(channel)]


def simulate_tube(parameters: TubeParameters, *, seed: int, key: tuple[str, ...] = ("tube",)) -> Tube:
    """Draw the cells, send them through the cytometer, return its events with their truth.

    Parameters
    ----------
    parameters : TubeParameters
    seed : int
    key : tuple of str
        What this tube is called; another key under the same seed is an independent tube.

    Notes
    -----
    Values are rounded to 0.01 (Time to 0.1 ticks) as FACSDiva stores them, which also keeps the last bit of
    the processor's arithmetic out of the file.
    """
    random = stream(seed, "events", parameters.panel, *key)
    p = parameters
    run = draw_run(p.n_events, events_per_second=p.events_per_second, incidents=p.incidents, random=random)
    labels, cells, partners, paired = _draw_events(p, run, random)
    fsc, height, ssc, light = _combine(p, cells, partners, paired, random)
    names = tuple(d.name for d in p.detectors)
    gain = gains((*names, "FSC-A", "SSC-A"), p.gain)
    fluorescence = detect(
        light * run.light[:, None],
        spillover=np.array(p.spillover),
        gain=gain[:-2],
        noise=np.array([d.noise for d in p.detectors]),
        photoelectrons_per_unit=p.photoelectrons_per_unit,
        random=random,
    )
    _saturate(fluorescence, p.incidents.fluorescence_margin, random)
    scatter = _scatter_columns(p.scatter, fsc * run.fsc * gain[-2], height * run.fsc * gain[-2], ssc * gain[-1])
    ticks = np.round(run.seconds / p.timestep, 1)
    linear = np.round(np.minimum(np.column_stack([*scatter, fluorescence]), TOP), 2)
    return Tube(
        events=np.column_stack([linear, ticks]).astype(np.float32),
        channels=(*p.scatter, *names, "Time"),
        markers={d.name: d.label for d in p.detectors},
        labels=labels,
        populations=(*(one.name for one in p.populations), DOUBLET),
        spillover=spillover_with_gain(np.array(p.spillover), gain[:-2]),
        detectors=names,
        incidents=run.incidents,
        seconds=float(run.seconds[-1]) if p.n_events else 0.0,
    )


def _draw_events(
    p: TubeParameters, run: Run, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Label of each event, its (first) cell, the partners' cells, and where the doublets are."""
    names = [one.name for one in p.populations]
    by_name = p.composition.shares()
    shares = np.array([by_name[name] for name in names])
    cells = draw_cells(shares, n=p.n_events, random=random)
    cells[run.turned_debris] = names.index("debris")
    single_only = np.array([name in NOT_IN_DOUBLETS for name in names])
    paired = ~run.turned_debris & (random.random(p.n_events) < p.doublets / (1.0 + p.doublets))
    whole = np.where(single_only, 0.0, shares)
    cells[paired] = draw_cells(whole, n=int(paired.sum()), random=random)
    partners = draw_cells(whole, n=int(paired.sum()), random=random)
    labels = cells.copy()
    labels[paired] = len(names)
    return labels, cells, partners, paired


def _combine(
    p: TubeParameters,
    cells: np.ndarray,
    partners: np.ndarray,
    paired: np.ndarray,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """FSC area, FSC height, SSC area and light of each event; a doublet's areas and light add up."""
    everyone = np.concatenate([cells, partners])
    n = len(cells)
    fsc, ssc = draw_scatter(everyone, populations=p.populations, random=random)
    mean, sd = p.singlet_area_to_height
    height = fsc / (mean + sd * random.standard_normal(len(everyone)))
    light = draw_light(
        everyone,
        populations=p.populations,
        detectors=tuple(d.markers for d in p.detectors),
        autofluorescence=p.autofluorescence,
        staining=p.staining,
        random=random,
    )
    for values in (fsc, ssc, light):
        values[:n][paired] += values[n:]
    height[:n][paired] = p.doublet_height * np.maximum(height[:n][paired], height[n:])
    return fsc[:n], height[:n], ssc[:n], light[:n]


def _saturate(fluorescence: np.ndarray, share: float, random: np.random.Generator) -> None:
    """Put one channel of a few events at the top of its scale, in place."""
    hit = np.flatnonzero(random.random(len(fluorescence)) < share)
    fluorescence[hit, random.integers(fluorescence.shape[1], size=len(hit))] = TOP


def _scatter_columns(
    names: tuple[str, ...], area: np.ndarray, height: np.ndarray, side: np.ndarray
) -> list[np.ndarray]:
    """The scatter channels in the order of `names`; FSC-W is 65536 A / H, as FACSDiva's is."""
    area, height = np.minimum(area, TOP), np.minimum(height, TOP)
    columns = {"FSC-A": area, "FSC-H": height, "FSC-W": 65536.0 * area / height, "SSC-A": side}
    return [columns[name] for name in names]
