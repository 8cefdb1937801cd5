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
    the first `startup_share` of events with fluorescence and FSC times `startup_light`. Fluorescence drifts evenly
    over the run by a factor of log SD `drift_sd`, and the rate wanders about its mean by `wobble_sd` (SD of its log,
    with a memory of about a twentieth of the run). All numbers are assumed; drift and wobble lie in the range of real
    files (docs/simulation.md).
    """

    clog_probability: float = 0.0
    clog_share: tuple[float, float] = (0.05, 0.15)
    clog_rate: float = 0.2
    clog_light: float = 0.75
    clog_fsc: float = 0.85
    burst_probability: float = 0.0
    burst_seconds: float = 0.3
    burst_rate: float = 4.0
    burst_debris: float = 0.3
    startup_probability: float = 0.0
    startup_share: float = 0.02
    startup_light: float = 0.9
    drift_sd: float = 0.0  # of the log of the fluorescence, from the first event to the last
    wobble_sd: float = 0.0
    fluorescence_margin: float = 0.0  # share of events with one fluorescence channel at its top


NO_INCIDENTS = Incidents()


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

    Notes
    -----
    Incidents cover stretches of events, not of a clock that they themselves would move: what happens, happens whole.
    """
    clogs = random.random() < incidents.clog_probability
    bursts = random.random() < incidents.burst_probability
    startup = random.random() < incidents.startup_probability
    slow = incidents.clog_rate * random.uniform(*incidents.clog_share)
    clog = _stretch(n, share=slow / (slow + 1.0 - slow / incidents.clog_rate), happens=clogs, random=random)
    in_burst = incidents.burst_seconds * incidents.burst_rate * events_per_second
    burst = _stretch(n, share=min(in_burst / max(n, 1), 1.0), happens=bursts, random=random)
    rate = _wobble(incidents.wobble_sd, random)[np.arange(n) * WOBBLES // max(n, 1)]
    rate[clog] *= incidents.clog_rate
    rate[burst] *= incidents.burst_rate
    seconds = np.cumsum(random.standard_exponential(n) / rate) / events_per_second
    drift = incidents.drift_sd * random.standard_normal()
    light = np.exp(drift * np.linspace(-0.5, 0.5, n))
    fsc = np.ones(n)
    light[clog] *= incidents.clog_light
    fsc[clog] *= incidents.clog_fsc
    first = round(incidents.startup_share * n) if startup else 0
    light[:first] *= incidents.startup_light
    fsc[:first] *= incidents.startup_light
    turned = np.zeros(n, dtype=bool)
    turned[burst] = random.random(burst.stop - burst.start) < incidents.burst_debris
    happened = {"clog": clog.stop > clog.start, "burst": burst.stop > burst.start, "startup": first > 0}
    names = tuple(name for name, did in happened.items() if did)
    return Run(seconds=seconds, light=light, fsc=fsc, turned_debris=turned, incidents=names)


def _stretch(n: int, *, share: float, happens: bool, random: np.random.Generator) -> slice:
    """A run of neighbouring events somewhere in the tube; empty where nothing happens."""
    length = round(share * n)
    start = int(random.integers(0, n - length + 1))
    return slice(start, start + length) if happens else slice(0, 0)


def _wobble(sd: float, random: np.random.Generator) -> np.ndarray:
    """Factors on the rate in each of the run's `WOBBLES` parts: log-normal, each remembering the one before."""
    shocks = random.standard_normal(WOBBLES)
    news = float(np.sqrt(1.0 - WOBBLE_MEMORY**2))
    for part in range(1, WOBBLES):
        shocks[part] = WOBBLE_MEMORY * shocks[part - 1] + news * shocks[part]
    return np.exp(sd * shocks)
