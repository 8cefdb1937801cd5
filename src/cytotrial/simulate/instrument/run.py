"""The run of a tube: when each event came, and what went wrong meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


WOBBLES = 200  # parts of a run, each with a rate of its own
WOBBLE_MEMORY = 0.9  # correlation of neighbouring parts' rates


@dataclass(frozen=True)
class Incidents:
    """How often runs go wrong, and how: probabilities are per file, 1 forces and 0 forbids.

    Notes
    -----
    A clog slows the stream and moves it out of the laser: `clog_share` (from, to) of the run at `clog_rate`
    of the rate, all fluorescence times `clog_light`, FSC times `clog_fsc`. An air bubble's burst:
    `burst_seconds` at `burst_rate` times the rate, `burst_debris` of its events debris. A start-up transient:
    the first `startup_share` of events with fluorescence and FSC times `startup_light`. All light drifts evenly
    over the run by a factor of log SD `drift_sd`, and the rate wanders about its mean by `wobble_sd` (SD of its log,
    with a memory of about a twentieth of the run). All numbers are assumed; drift and wobble lie in the range of real
    files (docs/simulation.md).
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
    drift_sd: float = 0.03  # of the log of all light, from the first event to the last
    wobble_sd: float = 0.08
    fluorescence_margin: float = 0.0005  # share of events with one fluorescence channel at its top


NO_INCIDENTS = Incidents(
    clog_probability=0.0,
    burst_probability=0.0,
    startup_probability=0.0,
    drift_sd=0.0,
    wobble_sd=0.0,
    fluorescence_margin=0.0,
)


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
    wobble = _wobble(incidents.wobble_sd, random)
    seconds = _arrivals(exposure, slow + fast, duration=duration, wobble=wobble)
    in_clog = clogs & (seconds >= clog[0]) & (seconds < clog[1])
    in_burst = bursts & (seconds >= burst[0]) & (seconds < burst[1])
    drift = incidents.drift_sd * random.standard_normal()
    light = np.where(in_clog, incidents.clog_light, 1.0) * np.exp(drift * np.linspace(-0.5, 0.5, n))
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


def _wobble(sd: float, random: np.random.Generator) -> np.ndarray:
    """Factors on the rate in each of the run's `WOBBLES` parts: log-normal, each remembering the one before."""
    shocks = random.standard_normal(WOBBLES)
    log_rate = np.empty(WOBBLES)
    level = float(shocks[0])
    for part, shock in enumerate(shocks):
        level = WOBBLE_MEMORY * level + float(np.sqrt(1.0 - WOBBLE_MEMORY**2)) * float(shock)
        log_rate[part] = sd * level
    return np.exp(log_rate)


def _arrivals(
    exposure: np.ndarray,
    windows: list[tuple[tuple[float, float], float]],
    *,
    duration: float,
    wobble: np.ndarray,
) -> np.ndarray:
    """Arrival times of a Poisson process whose rate is multiplied inside each window (time-change theorem).

    `exposure` is the process at rate 1 per nominal second; the cumulative rate is piecewise linear, so its
    inverse is an interpolation.
    """
    end = max(float(exposure[-1]) * 10.0 if len(exposure) else 0.0, duration) + 1.0
    parts = np.linspace(0.0, duration, len(wobble) + 1)
    corners = np.unique([end, *parts, *(edge for window, _ in windows for edge in window)])
    middles = (corners[:-1] + corners[1:]) / 2
    rate = wobble[np.minimum(np.searchsorted(parts, middles) - 1, len(wobble) - 1)]
    for (start, stop), factor in windows:
        rate[(middles > start) & (middles < stop)] *= factor
    cumulative = np.concatenate([[0.0], np.cumsum(rate * np.diff(corners))])
    return np.interp(exposure, cumulative, corners)
