"""One tube through the cytometer: parameters in, events with the truth of each out, all in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cytotrial.simulate.blood.cells import Cells, Kinds, draw_cells
from cytotrial.simulate.blood.composition import Composition
from cytotrial.simulate.blood.populations import SUBSETS
from cytotrial.simulate.form import FileForm, label
from cytotrial.simulate.instrument.optics import TOP, Detector, detect, factors, spillover_with_gain
from cytotrial.simulate.instrument.run import Incidents, Run, draw_run
from cytotrial.simulate.seeds import stream

MULTIPLETS = ("doublet", "triplet")  # labels, not populations: several cells in one event
NEVER_ALIVE = ("debris", "aggregate", "dead", "dying")  # not what a dead cell has been
LYMPHOCYTE_FSC = 87000.0  # where `ScatterOptics.area_to_height` holds
PULSE_TO_SIZE = 0.04  # a pulse lasts the longer the larger the cell, by this power of its forward scatter; assumed
NOT_IN_MULTIPLETS = ("debris", "aggregate")


@dataclass(frozen=True)
class ScatterOptics:
    """How a cytometer sees scatter.

    Attributes
    ----------
    gain : mapping
        ``FSC`` and ``SSC`` -> factor on what the populations' medians say, for this instrument's voltages.
    voltage : mapping
        ``FSC`` and ``SSC`` -> volts, for the keywords.
    area_to_height : (float, float)
        Mean and SD of A/H of single lymphocytes.
    multiplet_height : (float, float)
        Mean and SD of a multiplet's height over that of its tallest cell.
    """

    gain: Mapping[str, float]
    voltage: Mapping[str, int]
    area_to_height: tuple[float, float]
    multiplet_height: tuple[float, float]


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
    kinds : Kinds
        Levels and spreads of the populations, compensated linear scale.
    scatter : tuple of str
        Scatter channels in order, out of ``FSC-A FSC-H FSC-W SSC-A SSC-H SSC-W``.
    detectors : tuple of Detector
        Fluorescence channels in order.
    spillover : ndarray, shape (detectors, detectors)
        True spillover at gain 1, row spills into column, diagonal 1.
    recorded_spillover : ndarray, optional
        What the file's matrix says, gains included; by default the truth.
    pulse_heights : bool
        Whether fluorescence heights are recorded beside the areas.
    cytometer : str
        ``$CYT``.
    gain : mapping
        Channel -> factor on what it reports (``FSC-A`` and ``SSC-A`` too; their heights follow).
    baseline, voltage_step : mapping
        Detector -> what the electronics add to zero; detector -> relative step of its voltage.
    staining : mapping
        Marker -> factor on its dye's light.
    doublets, triplets : float
        Per other event.
    lacks_time : bool
        Whether the file has no Time.
    form : FileForm
        How the file is written.
    """

    panel: str
    n_events: int
    composition: Composition
    kinds: Kinds
    scatter: tuple[str, ...]
    scatter_optics: ScatterOptics
    detectors: tuple[Detector, ...]
    spillover: np.ndarray
    timestep: float
    cytometer: str
    recorded_spillover: np.ndarray | None = None
    pulse_heights: bool = False
    events_per_second: float = 3000.0
    doublets: float = 0.04
    triplets: float = 0.004
    incidents: Incidents = field(default_factory=Incidents)
    gain: Mapping[str, float] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
    voltage_step: Mapping[str, float] = field(default_factory=dict)
    staining: Mapping[str, float] = field(default_factory=dict)
    lacks_time: bool = False
    form: FileForm = field(default_factory=FileForm)


@dataclass(frozen=True)
class Tube:
    """The events of one tube and the truth about each.

    Attributes
    ----------
    events : ndarray of float32, shape (n, channels)
        Linear, uncompensated, Time in ticks; as the file holds them where its numbers are floats.
    channels : tuple of str
        ``$PnN`` of each column.
    markers : mapping
        ``$PnN`` -> ``$PnS`` of the fluorescence channels.
    labels : ndarray of int8, shape (n,)
        Index into `populations` of what each event really is.
    populations : tuple of str
        Names of the labels; ``doublet`` and ``triplet`` are the last.
    spillover : ndarray, shape (detectors, detectors)
        The file's compensation matrix.
    true_spillover : ndarray, shape (detectors, detectors)
        What it should have been, gains included.
    detectors : tuple of str
        Names of their rows and columns.
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
    true_spillover: np.ndarray
    detectors: tuple[str, ...]
    incidents: tuple[str, ...]
    seconds: float

    def members(self, subset: str) -> np.ndarray:
        """Which events are live single cells of `subset` (``SUBSETS``) or of a population, shape (n,)."""
        names = SUBSETS.get(subset, (subset,))
        return np.isin(self.labels, [self.populations.index(name) for name in names])

    def count(self, subset: str) -> int:
        """How many live single cells of `subset` the tube really holds."""
        by_label = np.bincount(self.labels, minlength=len(self.populations))
        return int(sum(by_label[self.populations.index(name)] for name in SUBSETS.get(subset, (subset,))))

    def column(self, channel: str) -> np.ndarray:
        """One channel as recorded (linear, uncompensated), shape (n,)."""
        return self.events[:, self.channels.index(channel)]


@dataclass(frozen=True)
class _Events:
    """What passes the laser, in order of arrival: single cells, multiplets, a burst's debris."""

    labels: np.ndarray
    area: np.ndarray  # FSC
    height: np.ndarray  # FSC
    side_area: np.ndarray
    side_height: np.ndarray
    dyes: np.ndarray
    glow: np.ndarray


def simulate_tube(parameters: TubeParameters, *, seed: int, key: tuple[str, ...] = ("tube",)) -> Tube:
    """Draw the cells, send them through the cytometer, return its events with their truth.

    Parameters
    ----------
    parameters : TubeParameters
    seed : int
    key : tuple of str
        What this tube is called; another key under the same seed is an independent tube.

    Raises
    ------
    ValueError
        `gain`, `baseline`, `voltage_step` or `staining` names what the tube has not, or a gain is not positive.

    Notes
    -----
    Values are rounded to 0.01 (Time to 0.1 ticks) as FACSDiva stores them, which also keeps the last bit of
    the processor's arithmetic out of the file.
    """
    _check_names(parameters)
    random = stream(seed, "events", parameters.panel, *key)
    p = parameters
    run = draw_run(p.n_events, events_per_second=p.events_per_second, incidents=p.incidents, random=random)
    events = _draw_events(p, run, random)
    names = tuple(d.name for d in p.detectors)
    gain = factors((*names, "FSC-A", "SSC-A"), p.gain)
    fluorescence = detect(
        events.dyes,
        glow=events.glow,
        stream=run.light,
        spillover=p.spillover,
        detectors=p.detectors,
        gain=gain[:-2],
        baseline=np.array([p.baseline.get(name, 0.0) for name in names]),
        random=random,
    )
    _saturate(fluorescence, p.incidents.fluorescence_margin, random)
    columns = _scatter_columns(p, events, run, gain[-2], gain[-1]) | dict(zip(names, fluorescence, strict=True))
    if p.pulse_heights:
        columns |= _height_columns(p, names, fluorescence, random)
    true = spillover_with_gain(p.spillover, gain[:-2])
    return Tube(
        events=_as_recorded(p, columns, run),
        channels=_channels(p, columns),
        markers=_labels(p, columns),
        labels=events.labels,
        populations=(*p.kinds.names, *MULTIPLETS),
        spillover=true if p.recorded_spillover is None else p.recorded_spillover,
        true_spillover=true,
        detectors=names,
        incidents=run.incidents,
        seconds=float(run.seconds[-1]) if p.n_events else 0.0,
    )


def _check_names(p: TubeParameters) -> None:
    """ValueError where a marker or a detector is named that is not there: it would change nothing, in silence."""
    markers = {marker for kind in p.kinds.populations for marker in kind.markers}
    detectors = {detector.name for detector in p.detectors}
    for what, found, known in (
        ("staining", p.staining, markers),
        ("baseline", p.baseline, detectors),
        ("voltage_step", p.voltage_step, detectors),
    ):
        unknown = sorted(set(found) - known)
        if unknown:
            raise ValueError(f"{what}: found {unknown}, expected some of {sorted(known)}")


def _draw_events(p: TubeParameters, run: Run, random: np.random.Generator) -> _Events:
    """Single cells and multiplets in a random order; a burst's debris where the burst is."""
    names = p.kinds.names
    by_name = p.composition.shares()
    shares = np.clip([by_name[name] for name in names], 0.0, None)
    shares /= shares.sum()
    whole = np.where([name in NOT_IN_MULTIPLETS for name in names], 0.0, shares)
    alive = np.where([name in NEVER_ALIVE for name in names], 0.0, shares)
    n_debris = int(run.turned_debris.sum())
    odds = np.array([1.0, p.doublets, p.triplets])
    n_single, n_double, n_triple = random.multinomial(p.n_events - n_debris, odds / odds.sum())
    counts = random.multinomial(n_single, shares)
    counts[names.index("debris")] += n_debris
    n_members = 2 * n_double + 3 * n_triple
    members = random.multinomial(n_members, _normalised(whole)) if n_members else np.zeros(len(names), dtype=int)
    drawn = [
        draw_cells(
            n,
            kinds=p.kinds,
            detectors=tuple(d.markers for d in p.detectors),
            staining=p.staining,
            origins=_normalised(alive),
            random=random,
        )
        for n in (counts, members)
    ]
    singles, multiplets = (_pulses(p, cells, random) for cells in drawn)
    joined = _join(p, singles, multiplets, (int(n_double), int(n_triple)), random)
    return _in_order(joined, _order(joined.labels, names.index("debris"), run.turned_debris, random))


def _normalised(shares: np.ndarray) -> np.ndarray:
    """Shares that add to 1; all alike where there are none."""
    return shares / shares.sum() if shares.sum() > 0 else np.full(len(shares), 1.0 / len(shares))


def _pulses(p: TubeParameters, cells: Cells, random: np.random.Generator) -> _Events:
    """Each cell as an event of its own: heights follow from areas, the less the larger the cell (a longer pulse)."""
    mean, sd = p.scatter_optics.area_to_height
    longer = (cells.fsc / LYMPHOCYTE_FSC) ** PULSE_TO_SIZE
    height, side_height = (
        area / (longer * (mean + sd * random.standard_normal(len(area)))) for area in (cells.fsc, cells.ssc)
    )
    return _Events(cells.population, cells.fsc, height, cells.ssc, side_height, cells.dyes, cells.autofluorescence)


def _join(
    p: TubeParameters, singles: _Events, members: _Events, n: tuple[int, int], random: np.random.Generator
) -> _Events:
    """Singles, then doublets, then triplets: areas and light of their cells add up, heights hardly."""
    shuffled = random.permutation(len(members.labels))
    first_triple = len(singles.labels) + n[0]
    groups = [shuffled[: 2 * n[0]].reshape(2, n[0]), shuffled[2 * n[0] :].reshape(3, n[1])]

    def added(of: str) -> np.ndarray:
        values = getattr(members, of)
        sums = [values[..., group].sum(axis=-2) for group in groups]
        return np.concatenate([getattr(singles, of), *sums], axis=-1)

    mean, sd = p.scatter_optics.multiplet_height
    taller = np.maximum(mean + sd * random.standard_normal(sum(n)), 1.0)

    def tallest(of: str) -> np.ndarray:
        values = getattr(members, of)
        tops = np.concatenate([values[group].max(axis=0) for group in groups])
        return np.concatenate([getattr(singles, of), tops * taller])

    labels = np.full(len(singles.labels) + sum(n), len(p.kinds.populations), dtype=np.int8)
    labels[: len(singles.labels)] = singles.labels
    labels[first_triple:] += 1
    return _Events(
        labels,
        added("area"),
        tallest("height"),
        added("side_area"),
        tallest("side_height"),
        added("dyes"),
        added("glow"),
    )


def _order(labels: np.ndarray, debris: int, turned: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Which event comes when: at random, but for debris at each place that a burst has turned into debris."""
    places = np.flatnonzero(turned)
    order = np.empty(len(labels), dtype=np.intp)
    extra = np.flatnonzero(labels == debris)[: len(places)]
    rest = np.ones(len(labels), dtype=bool)
    rest[extra] = False
    order[~turned] = random.permutation(np.flatnonzero(rest))
    order[places] = extra
    return order


def _in_order(events: _Events, order: np.ndarray) -> _Events:
    return _Events(*(value[..., order] for value in vars(events).values()))


def _saturate(fluorescence: np.ndarray, share: float, random: np.random.Generator) -> None:
    """Put one channel of a few events at the top of its scale, in place."""
    hit = np.flatnonzero(random.random(fluorescence.shape[1]) < share)
    fluorescence[random.integers(len(fluorescence), size=len(hit)), hit] = TOP


def _scatter_columns(
    p: TubeParameters, events: _Events, run: Run, forward: float, side: float
) -> dict[str, np.ndarray]:
    """The scatter channels; a width is 65536 A / H, as FACSDiva's is."""
    forward, side = forward * p.scatter_optics.gain["FSC"], side * p.scatter_optics.gain["SSC"]
    pulses = {
        "FSC-A": events.area * run.fsc * forward,
        "FSC-H": events.height * run.fsc * forward,
        "SSC-A": events.side_area * side,
        "SSC-H": events.side_height * side,
    }
    clipped = {name: np.minimum(values, TOP) for name, values in pulses.items()}
    for light in ("FSC", "SSC"):
        clipped[f"{light}-W"] = 65536.0 * clipped[f"{light}-A"] / clipped[f"{light}-H"]
    return {name: clipped[name] for name in p.scatter}


def _height_columns(
    p: TubeParameters, names: tuple[str, ...], areas: np.ndarray, random: np.random.Generator
) -> dict[str, np.ndarray]:
    mean, sd = p.scatter_optics.area_to_height
    ratio = mean + sd * random.standard_normal(areas.shape[1])
    return {
        f"{name.removesuffix('-A')}-H": area / ratio + 0.3 * detector.noise * random.standard_normal(len(area))
        for name, area, detector in zip(names, areas, p.detectors, strict=True)
    }


def _as_recorded(p: TubeParameters, columns: Mapping[str, np.ndarray], run: Run) -> np.ndarray:
    """The file's columns in their order, rounded and cut off at the top, shape (n, channels), float32."""
    events = np.empty((p.n_events, len(columns) + (not p.lacks_time)), dtype=np.float32)
    first = int(p.form.time_first and not p.lacks_time)
    for place, values in enumerate(columns.values(), start=first):
        events[:, place] = np.round(np.minimum(values, TOP), 2)
    if not p.lacks_time:
        events[:, 0 if first else -1] = np.round(run.seconds / p.timestep, 1)
    return events


def _channels(p: TubeParameters, columns: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    if p.lacks_time:
        return tuple(columns)
    return ("Time", *columns) if p.form.time_first else (*columns, "Time")


def _labels(p: TubeParameters, columns: Mapping[str, np.ndarray]) -> dict[str, str]:
    """``$PnS`` of the fluorescence channels, heights as their areas."""
    by_stem = {d.name.removesuffix("-A"): label(d.markers, d.dye, p.form.label_style) for d in p.detectors}
    return {name: by_stem[name[:-2]] for name in columns if name[:-2] in by_stem}
