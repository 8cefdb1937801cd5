"""The cytometer: spillover, photon and electronic noise, arrival times, and what goes wrong in a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TOP = 262143.0  # the highest value an 18-bit FACSDiva channel holds; there is no lower limit


@dataclass(frozen=True)
class Detector:
    """A fluorescence channel: its ``$PnN``, markers, ``$PnS``, electronic noise (SD, linear) and volts."""

    name: str
    markers: tuple[str, ...]
    label: str
    noise: float
    voltage: int


@dataclass(frozen=True)
class Incidents:
    """How often runs go wrong, and how: probabilities are per file, 1 forces and 0 forbids.

    Notes
    -----
    A clog slows the stream and moves it out of the laser: `clog_share` (from, to) of the run at `clog_rate`
    of the rate, all fluorescence times `clog_light`, FSC times `clog_fsc`. An air bubble's burst:
    `burst_seconds` at `burst_rate` times the rate, `burst_debris` of its events debris. A start-up transient:
    the first `startup_share` of events with fluorescence and FSC times `startup_light`. All numbers are
    assumed.
    """

    clog_probability: float = 0.10
    clog_share: tuple[float, float] = (0.05, 0.15)
    clog_rate: float = 0.2
    clog_light: float = 0.75
    clog_fsc: float = 0.85
    burst_probability: float = 0.03
    burst_seconds: float = 0.3
    burst_rate: float = 4.0
    burst_debris: float = 0.3
    startup_probability: float = 0.20
    startup_share: float = 0.02
    startup_light: float = 0.9
    fluorescence_margin: float = 0.0005  # share of events with one fluorescence channel at its top


NO_INCIDENTS = Incidents(clog_probability=0.0, burst_probability=0.0, startup_probability=0.0, fluorescence_margin=0.0)


@dataclass(frozen=True)
class Run:
    """One tube's run: when each event came, and what the incidents did to it.

    Attributes
    ----------
    seconds : ndarray, shape (n,)
        Arrival times, ascending.
    light, fsc : ndarray, shape (n,)
        Factors on all fluorescence and on forward scatter; 1 in a steady stream.
    turned_debris : ndarray of bool, shape (n,)
        Events that a burst replaced by debris.
    incidents : tuple of str
        ``clog``, ``burst``, ``startup``: what happened.
    """

    seconds: np.ndarray
    light: np.ndarray
    fsc: np.ndarray
    turned_debris: np.ndarray
    incidents: tuple[str, ...]


def draw_run(n: int, *, events_per_second: float, incidents: Incidents, random: np.random.Generator) -> Run:
    """`n` Poisson arrivals with the incidents that chance sends.

    Parameters
    ----------
    n : int
        Events in the tube.
    events_per_second : float
        Mean rate while the stream is steady.
    """
    clogs = random.random() < incidents.clog_probability
    bursts = random.random() < incidents.burst_probability
    startup = random.random() < incidents.startup_probability
    duration = n / events_per_second
    clog = _window(random, length=random.uniform(*incidents.clog_share) * duration, duration=duration)
    burst = _window(random, length=min(incidents.burst_seconds, duration), duration=duration)
    slow = [(clog, incidents.clog_rate)] if clogs else []
    fast = [(burst, incidents.burst_rate)] if bursts else []
    exposure = np.cumsum(random.standard_exponential(n)) / events_per_second
    seconds = _arrivals(exposure, slow + fast)
    in_clog = clogs & (seconds >= clog[0]) & (seconds < clog[1])
    in_burst = bursts & (seconds >= burst[0]) & (seconds < burst[1])
    light = np.where(in_clog, incidents.clog_light, 1.0)
    first = round(incidents.startup_share * n) if startup else 0
    light[:first] *= incidents.startup_light
    fsc = np.where(in_clog, incidents.clog_fsc, 1.0)
    fsc[:first] *= incidents.startup_light
    happened = {"clog": in_clog.any(), "burst": in_burst.any(), "startup": first > 0}
    return Run(
        seconds=seconds,
        light=light,
        fsc=fsc,
        turned_debris=in_burst & (random.random(n) < incidents.burst_debris),
        incidents=tuple(name for name, did in happened.items() if did),
    )


def _window(random: np.random.Generator, *, length: float, duration: float) -> tuple[float, float]:
    start = random.uniform(0.0, max(duration - length, 0.0))
    return start, start + length


def _arrivals(exposure: np.ndarray, windows: list[tuple[tuple[float, float], float]]) -> np.ndarray:
    """Arrival times of a Poisson process whose rate is multiplied inside each window (time-change theorem).

    `exposure` is the process at rate 1 per nominal second; the cumulative rate is piecewise linear, so its
    inverse is an interpolation.
    """
    end = float(exposure[-1]) * 10.0 + 1.0 if len(exposure) else 1.0
    corners = np.unique([0.0, end, *(edge for window, _ in windows for edge in window)])
    middles = (corners[:-1] + corners[1:]) / 2
    rate = np.ones_like(middles)
    for (start, stop), factor in windows:
        rate[(middles > start) & (middles < stop)] *= factor
    cumulative = np.concatenate([[0.0], np.cumsum(rate * np.diff(corners))])
    return np.interp(exposure, cumulative, corners)


def spillover_with_gain(spillover: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The matrix a compensation control would give once each detector's gain is as in `gain`.

    Row i is a dye, measured in units of its own detector: M[i, j] * gain[j] / gain[i], the diagonal stays 1.
    """
    return spillover * gain[None, :] / gain[:, None]


def detect(
    light: np.ndarray,
    *,
    spillover: np.ndarray,
    gain: np.ndarray,
    noise: np.ndarray,
    photoelectrons_per_unit: float,
    random: np.random.Generator,
) -> np.ndarray:
    """What the detectors report for the light: linear, uncompensated, not clipped, shape (n, detectors).

    Notes
    -----
    ``y = light @ spillover`` in a fixed order of additions; photon noise N(0, y / photoelectrons_per_unit)
    comes before the gain and electronic noise N(0, noise^2) after it: a lower gain costs signal, not noise.
    """
    y = np.zeros_like(light)
    for row in range(light.shape[1]):  # not BLAS: its order of additions differs between machines
        for column in np.flatnonzero(spillover[row]):
            y[:, column] += light[:, row] * spillover[row, column]
    y += np.sqrt(y / photoelectrons_per_unit) * random.standard_normal(y.shape)
    return y * gain + noise * random.standard_normal(y.shape)


def gains(names: tuple[str, ...], gain: Mapping[str, float]) -> np.ndarray:
    """One factor per channel name, 1 where `gain` does not name it.

    Raises
    ------
    ValueError
        `gain` names a channel that is not there, or a factor is not positive.
    """
    wrong = {name: factor for name, factor in gain.items() if name not in names or factor <= 0}
    if wrong:
        raise ValueError(f"gain of unknown channels, or not positive: {wrong}; channels: {names}")
    return np.array([gain.get(name, 1.0) for name in names], dtype=float)
