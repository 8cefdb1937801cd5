"""Time ranges: incidents are left out, what merely varies is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.gating.arguments import SteadySignal
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.simulate.parameters import tube_parameters

Events = Callable[..., ParentEvents]
N, RATE = 30_000, 3000.0


def run(seed: int = 0, *, n: int = N) -> dict[str, np.ndarray]:
    """A steady run of 10 s: scatter and two stains, one of them of two populations."""
    rng = np.random.default_rng(seed)
    return {
        "FSC-A": 90_000 * 10 ** rng.normal(0, 0.09, n),
        "SSC-A": 27_000 * 10 ** rng.normal(0, 0.12, n),
        "CD3": np.where(rng.random(n) < 0.6, 4000 * 10 ** rng.normal(0, 0.13, n), rng.normal(50, 120, n)),
        "CD25": 300 * 10 ** rng.normal(0, 0.3, n),
        "Time": np.sort(rng.uniform(0, n / RATE, n)),
    }


def kept(columns: dict[str, np.ndarray], parent_events: Events, **args: float) -> tuple[np.ndarray, Landmark]:
    """Membership by the found intervals."""
    found = place("steady_signal", parent_events(columns, ("Time",)), args=SteadySignal(**args))
    (bound,) = found.bounds
    time = columns["Time"]
    return np.any([(time >= a) & (time < b) for a, b in bound.coordinates or ()], axis=0), found


@pytest.mark.parametrize("seed", range(8))
def test_steady_run_is_kept_whole(parent_events: Events, seed: int) -> None:
    inside, found = kept(run(seed), parent_events)
    print(found.reason)
    assert inside.mean() > 0.97  # a bin in a hundred by chance, with its neighbours


@pytest.mark.parametrize(
    ("share", "light"),
    [
        (0.02, 0.6),
        (0.05, 0.75),
        (0.10, 0.75),
        (0.15, 0.75),
        (0.30, 0.75),
        (0.10, 0.6),
        (0.20, 0.6),
    ],
)
@pytest.mark.parametrize("signals", [("CD3", "CD25", "FSC-A"), ("FSC-A",)])
def test_clog(parent_events: Events, signals: tuple[str, ...], share: float, light: float) -> None:
    """From 4 s on the signals are at a part of what they were."""
    columns = run()
    clog = (columns["Time"] > 4.0) & (columns["Time"] < 4.0 + 10.0 * share)
    for marker in signals:
        columns[marker] = np.where(clog, light * columns[marker], columns[marker])
    inside, found = kept(columns, parent_events)
    print(signals, found.reason, f"clog left out {1 - inside[clog].mean():.3f}, rest kept {inside[~clog].mean():.3f}")
    assert inside[clog].mean() < 0.02
    assert inside[~clog].mean() > 0.93


def test_burst(parent_events: Events) -> None:
    """0.3 s at six times the rate, of the same cells: the rate alone shows it."""
    columns = run()
    late = columns["Time"] > 6.0
    n_burst = 5000
    first = int(np.argmax(late))
    time = columns["Time"].copy()
    time[first : first + n_burst] = np.linspace(6.0, 6.28, n_burst)
    time[first + n_burst :] = np.linspace(6.3, 9.0, N - first - n_burst)
    columns["Time"] = time
    burst = np.zeros(N, dtype=bool)
    burst[first : first + n_burst] = True
    inside, found = kept(columns, parent_events)
    print(found.reason, f"burst left out {1 - inside[burst].mean():.3f}, rest kept {inside[~burst].mean():.3f}")
    assert inside[burst].mean() < 0.06
    assert inside[~burst].mean() > 0.93


def test_start_up(parent_events: Events) -> None:
    """The first 2 % at 0.6 of the gain."""
    columns = run()
    early = columns["Time"] < 0.2
    for marker in ("CD3", "CD25"):
        columns[marker] = np.where(early, 0.6 * columns[marker], columns[marker])
    inside, found = kept(columns, parent_events)
    print(found.reason)
    assert inside[early].mean() < 0.05
    assert inside[~early].mean() > 0.95


def test_slow_drift_is_kept(parent_events: Events) -> None:
    """4 % over the whole run: no range of time is unlike the rest."""
    columns = run()
    drift = 1 + 0.04 * (columns["Time"] / columns["Time"].max() - 0.5)
    for marker in ("CD3", "CD25", "FSC-A"):
        columns[marker] = columns[marker] * drift
    inside, found = kept(columns, parent_events)
    print(found.reason)
    assert inside.mean() > 0.97


@pytest.mark.parametrize("seed", range(4))
def test_heavy_tailed_mixture_is_kept(parent_events: Events, seed: int) -> None:
    """Debris, bright cells and outliers far away in every bin: steady all the same."""
    rng = np.random.default_rng(seed)
    columns = run(seed)
    columns["CD25"] = 100 * rng.standard_cauchy(N) + np.where(rng.random(N) < 0.5, 0.0, 5000.0)
    columns["FSC-A"] = np.where(rng.random(N) < 0.3, 5000 * rng.pareto(1.5, N), columns["FSC-A"])
    inside, found = kept(columns, parent_events)
    print(found.reason)
    assert inside.mean() > 0.95


@pytest.mark.parametrize("tick", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
def test_ties_in_time(parent_events: Events, tick: float) -> None:
    """Older instruments tick ten times a second: several bins in one tick are no burst."""
    columns = run()
    columns["Time"] = np.floor(columns["Time"] / tick) * tick
    inside, found = kept(columns, parent_events)
    print(tick, found.reason)
    assert inside.mean() > 0.97


def test_clog_with_ties(parent_events: Events) -> None:
    columns = run()
    columns["Time"] = np.floor(columns["Time"] / 0.1) * 0.1
    clog = (columns["Time"] >= 4.0) & (columns["Time"] < 5.0)
    columns["CD25"] = np.where(clog, 0.5 * columns["CD25"], columns["CD25"])
    inside, _ = kept(columns, parent_events)
    assert inside[clog].mean() < 0.15
    assert inside[~clog].mean() > 0.85


def test_events_in_any_order(parent_events: Events) -> None:
    columns = run()
    shuffle = np.random.default_rng(1).permutation(N)
    assert kept({k: v[shuffle] for k, v in columns.items()}, parent_events)[1] == kept(columns, parent_events)[1]


def test_intervals_are_apart_and_in_order(parent_events: Events) -> None:
    columns = run()
    for low in (2.0, 6.0):
        bad = (columns["Time"] > low) & (columns["Time"] < low + 0.3)
        columns["CD25"] = np.where(bad, 4 * columns["CD25"], columns["CD25"])
    _, found = kept(columns, parent_events)
    flat = [edge for pair in found.bounds[0].coordinates or () for edge in pair]
    assert len(flat) == 6
    assert flat == sorted(set(flat))
    assert found.bounds[0].side == "shape"


def test_last_event_is_kept(parent_events: Events) -> None:
    inside, _ = kept(run(), parent_events)
    assert inside[0]
    assert inside[-1]


def test_few_events(parent_events: Events) -> None:
    assert not place("steady_signal", parent_events(run(n=900), ("Time",)), args=SteadySignal()).found
    assert place("steady_signal", parent_events(run(n=1000), ("Time",)), args=SteadySignal()).found


def test_nothing_steady(parent_events: Events) -> None:
    found = place("steady_signal", parent_events(run(), ("Time",)), args=SteadySignal(deviations=0.0))
    assert (found.found, found.reason) == (False, "no steady stretch of time")


@pytest.mark.parametrize("incident", ["clog", "burst"])
def test_incidents_of_the_simulator(simulate_in_memory: Callable, incident: str) -> None:
    base = tube_parameters("nk")
    incidents = dataclasses.replace(base.incidents, **{f"{incident}_probability": 1.0})
    made = simulate_in_memory(dataclasses.replace(base, incidents=incidents, n_events=40_000), seed=1)
    assert incident in made.truth.incidents
    steady = next(one for one in made.placed() if one.rule.id == "steady_time")
    print(incident, "->", steady.landmark.reason)
    assert "left out" in steady.landmark.reason


@pytest.mark.parametrize("light", [0.3, 0.5])
def test_a_change_over_much_of_the_run_is_not_its_own_excuse(parent_events: Events, light: float) -> None:
    """The bins' own scatter is no measure of noise where many of them differ: the changed 42 % go."""
    columns = run()
    late = columns["Time"] > np.quantile(columns["Time"], 0.58)
    for marker in ("CD3", "CD25"):
        columns[marker] = np.where(late, light * columns[marker], columns[marker])
    inside, found = kept(columns, parent_events)
    print(found.reason)
    assert inside[late].mean() < 0.05 and inside[~late].mean() > 0.9
