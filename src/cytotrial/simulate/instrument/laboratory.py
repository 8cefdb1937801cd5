"""A laboratory over the years: its instrument days, reagent lots, ageing dyes, and how its files are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from cytotrial.simulate.form import FileForm
from cytotrial.simulate.instrument.optics import Detector
from cytotrial.simulate.instrument.run import Incidents
from cytotrial.simulate.seeds import stream

PMT_POWER = 7.0  # a photomultiplier's gain goes with about the seventh power of its voltage
DAYS_PER_YEAR = 365.25
MOST_DECAY = 0.9  # of a tandem's light: then it would long have been thrown away


@dataclass(frozen=True)
class Habit:
    """One way in which some instrument days' files differ: which share of days, and how.

    Attributes
    ----------
    share : float
        Of the instrument days.
    lacks : tuple of str
        Scatter channels, ``Time`` or markers that the files do not have.
    form : FileForm, optional
        How they are written; by default as all others.
    events : float
        Share of the trial's number that they hold.
    pulse_heights : bool
        Whether each fluorescence area has its height beside it, under the same ``$PnS``.
    """

    share: float
    lacks: tuple[str, ...] = ()
    form: FileForm | None = None
    events: float = 1.0
    pulse_heights: bool = False


@dataclass(frozen=True)
class Laboratory:
    """How far a laboratory's instrument and reagents wander; all 0 for one that never does.

    Attributes
    ----------
    day_gain_sd : float
        SD of log10 of each channel's gain between instrument days.
    day_gain_range : (float, float), optional
        Gains of the days lie evenly (in log) between these instead; sites and voltage steps come on top.
    site_gain_sd : float
        SD of log10 of each channel's gain between sites.
    baseline_sd : float
        SD of what a day's electronics add to zero, linear.
    staining_sd : float
        SD of log10 of each dye's light between tubes.
    staining : mapping
        Marker -> lasting factor on its dye's light.
    staining_drift : mapping
        Marker -> log10 per week on trial, whatever the subject's arm.
    lots_per_year : float
        Reagent lots; each dye's light changes with its lot. 0 for one lot that lasts, and ages, for ever.
    lot_sd, tandem_lot_sd : float
        SD of log10 between lots, of ordinary dyes and of tandems.
    tandem_decay : float
        Share of its light that a tandem dye loses in a year of its lot's life, to the benefit of its donor's channel.
    control_lag : float
        Share of that decay which the compensation controls do not show.
    voltage_step_share, voltage_step : float
        Share of instrument days on which one detector's voltage is another, and the relative step.
    stale_spillover : float
        Share of such days on which the compensation was not measured again.
    spillover_error : float
        Relative SD of every off-diagonal entry of a matrix as measured, on all days.
    spillover_mishap_share, spillover_mishap : float
        Share of instrument days on which the controls were poor, and the relative SD then.
    missing, dropout : float
        Probability that a later visit gave no sample, completely at random; and per visit that a subject leaves for
        good, the likelier the less it responds. No sheet holds the response itself: this is not at random.
    """

    day_gain_sd: float = 0.0
    day_gain_range: tuple[float, float] | None = None
    site_gain_sd: float = 0.0
    baseline_sd: float = 0.0
    staining_sd: float = 0.0
    staining: Mapping[str, float] = field(default_factory=dict)
    staining_drift: Mapping[str, float] = field(default_factory=dict)
    lots_per_year: float = 0.0
    lot_sd: float = 0.0
    tandem_lot_sd: float = 0.0
    tandem_decay: float = 0.0
    control_lag: float = 0.0
    voltage_step_share: float = 0.0
    voltage_step: float = 0.0
    stale_spillover: float = 0.0
    spillover_error: float = 0.0
    spillover_mishap_share: float = 0.0
    spillover_mishap: float = 0.0
    missing: float = 0.0
    dropout: float = 0.0
    incidents: Incidents = field(default_factory=Incidents)
    habits: tuple[Habit, ...] = ()

    def __post_init__(self) -> None:
        shares = [habit.share for habit in self.habits]
        if min(shares, default=0.0) < 0 or sum(shares) > 1.0 + 1e-9:
            raise ValueError(f"habits: found shares {shares}, expected none below 0 and at most 1 in all")
        if self.day_gain_range and self.day_gain_sd:
            raise ValueError("found day_gain_sd and day_gain_range, expected one of them")


@dataclass(frozen=True)
class InstrumentDay:
    """One instrument day as it was: everything its tubes share.

    Attributes
    ----------
    gain : mapping
        Channel -> factor on what it reports.
    baseline : mapping
        Detector -> what it adds to zero.
    voltage : mapping
        Detector -> relative step of its voltage; only those that stepped.
    dyes : mapping
        Detector -> factor on its dye's light: lot and age.
    spillover : ndarray, shape (detectors, detectors)
        True matrix at gain 1.
    recorded : ndarray, shape (detectors, detectors)
        The matrix in the day's files, in the units of its gains.
    """

    gain: Mapping[str, float]
    baseline: Mapping[str, float]
    voltage: Mapping[str, float]
    dyes: Mapping[str, float]
    spillover: np.ndarray
    recorded: np.ndarray


def instrument_day(
    laboratory: Laboratory,
    *,
    detectors: tuple[Detector, ...],
    spillover: np.ndarray,
    seed: int,
    site: str,
    batch: str,
    day: float,
) -> InstrumentDay:
    """What the instrument and the reagents are on one day; the same for every panel and in any order.

    Parameters
    ----------
    detectors : tuple of Detector
        All of the cytometer, whatever a panel uses.
    spillover : ndarray, shape (detectors, detectors)
        At gain 1, with fresh dyes.
    day : float
        Days since the trial began.
    """
    names = tuple(detector.name for detector in detectors)
    channels = (*names, "FSC-A", "SSC-A")
    gain = _site_gain(laboratory, channels, seed=seed, site=site)
    for name, factor in _day_gain(laboratory, channels, seed=seed, batch=batch).items():
        gain[name] *= factor
    before_step = np.array([gain[name] for name in names])
    voltage = _voltage_steps(laboratory, names, seed=seed, batch=batch)
    for name, step in voltage.items():
        gain[name] *= (1.0 + step) ** PMT_POWER
    dyes, age = _lots(laboratory, detectors, seed=seed, site=site, day=day)
    tandems = np.array([bool(detector.donor) for detector in detectors])
    decay = np.where(tandems, np.minimum(laboratory.tandem_decay * age, MOST_DECAY), 0.0)
    true = _with_decay(spillover, detectors, decay)
    controls = _with_decay(spillover, detectors, decay * (1.0 - laboratory.control_lag))
    stale = bool(voltage) and stream(seed, "stale", batch).random() < laboratory.stale_spillover
    measured_at = before_step if stale else np.array([gain[name] for name in names])
    recorded = controls * measured_at[None, :] / measured_at[:, None]
    random = stream(seed, "baseline", batch)
    return InstrumentDay(
        gain=gain,
        baseline=dict(zip(names, (laboratory.baseline_sd * random.standard_normal(len(names))).tolist(), strict=True)),
        voltage=voltage,
        dyes={name: dyes[name] * (1.0 - decay[i]) for i, name in enumerate(names)},
        spillover=true,
        recorded=_measured(recorded, laboratory, seed=seed, batch=batch),
    )


def staining_factors(
    laboratory: Laboratory, markers: tuple[str, ...], *, seed: int, sample_id: str, week: float
) -> dict[str, float]:
    """Marker -> factor on its dye's light in this tube: no two stainings are equal."""
    random = stream(seed, "staining", sample_id)
    draws = laboratory.staining_sd * random.standard_normal(len(markers))
    drift = [laboratory.staining_drift.get(marker, 0.0) * week for marker in sorted(markers)]
    return {
        marker: laboratory.staining.get(marker, 1.0) * 10.0 ** (float(draw) + slope)
        for marker, draw, slope in zip(sorted(markers), draws, drift, strict=True)
    }


def habit_of(laboratory: Laboratory, *, seed: int, batch: str, panel: str) -> Habit:
    """How the files of one panel are written on one day; the habits' shares are of the days, the rest has none."""
    left = stream(seed, "habit", batch, panel).random()
    for habit in laboratory.habits:
        if left < habit.share:
            return habit
        left -= habit.share
    return Habit(1.0)


def _site_gain(laboratory: Laboratory, channels: tuple[str, ...], *, seed: int, site: str) -> dict[str, float]:
    draws = laboratory.site_gain_sd * stream(seed, "site", site).standard_normal(len(channels))
    return dict(zip(channels, np.power(10.0, draws).tolist(), strict=True))


def _day_gain(laboratory: Laboratory, channels: tuple[str, ...], *, seed: int, batch: str) -> dict[str, float]:
    random = stream(seed, "gain", batch)
    draws = laboratory.day_gain_sd * random.standard_normal(len(channels))
    if laboratory.day_gain_range:
        low, high = (math.log10(edge) for edge in laboratory.day_gain_range)
        draws = low + (high - low) * random.random(len(channels))
        draws[-2:] *= 0.25  # scatter is set by eye on the lymphocytes, so it never strays that far
    return dict(zip(channels, np.power(10.0, draws).tolist(), strict=True))


def _voltage_steps(laboratory: Laboratory, names: tuple[str, ...], *, seed: int, batch: str) -> dict[str, float]:
    random = stream(seed, "voltage", batch)
    happens, which, up = random.random(), int(random.integers(len(names))), random.random() < 0.5
    if happens >= laboratory.voltage_step_share:
        return {}
    return {names[which]: laboratory.voltage_step if up else -laboratory.voltage_step}


def _lots(
    laboratory: Laboratory, detectors: tuple[Detector, ...], *, seed: int, site: str, day: float
) -> tuple[dict[str, float], np.ndarray]:
    """Factor on each dye's light from its lot, and the lot's age in years, by detector."""
    lights, ages = {}, []
    for detector in detectors:
        start = float(stream(seed, "lot", site, detector.name).random())  # dyes are not bought on the same day
        lots = day / DAYS_PER_YEAR * laboratory.lots_per_year + start
        sd = laboratory.tandem_lot_sd if detector.donor else laboratory.lot_sd
        lot = int(lots)
        first = 0.0 if lot == 0 else float(stream(seed, "lot", site, detector.name, str(lot)).standard_normal())
        lights[detector.name] = 10.0 ** (sd * first)
        ages.append((lots - lot) / laboratory.lots_per_year if laboratory.lots_per_year else day / DAYS_PER_YEAR)
    return lights, np.array(ages)


def _with_decay(spillover: np.ndarray, detectors: tuple[Detector, ...], decay: np.ndarray) -> np.ndarray:
    """The matrix once each tandem has lost `decay` of its light to its donor's channel."""
    names = [detector.name for detector in detectors]
    aged = spillover.copy()
    for row, detector in enumerate(detectors):
        if detector.donor in names and decay[row] > 0:
            aged[row, names.index(detector.donor)] += decay[row] / (1.0 - decay[row])
    return aged


def _measured(matrix: np.ndarray, laboratory: Laboratory, *, seed: int, batch: str) -> np.ndarray:
    """The matrix as compensation controls give it, entries with their relative errors; the diagonal stays 1."""
    random = stream(seed, "spillover", batch)
    poor = random.random() < laboratory.spillover_mishap_share
    sd = laboratory.spillover_mishap if poor else laboratory.spillover_error
    error = 1.0 + sd * random.standard_normal(matrix.shape)
    np.fill_diagonal(error, 1.0)
    # rounded: the text in the file must not hold the last bit of a processor's arithmetic
    return np.round(matrix * error, 9)
