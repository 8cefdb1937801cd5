"""The run of a tube: Poisson arrivals, and incidents as long, as fast and as frequent as their parameters say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from cytotrial.simulate.instrument.run import NO_INCIDENTS, Incidents, Run, draw_run
from cytotrial.simulate.seeds import stream

ERRORS = 4.0  # standard errors


def _run(incidents: Incidents = NO_INCIDENTS, *, n: int = 50_000, rate: float = 1000.0, seed: int = 3) -> Run:
    return draw_run(n, events_per_second=rate, incidents=incidents, random=stream(seed, "run"))


def _assert_poisson(count: int, mean: float) -> None:
    assert count == pytest.approx(mean, abs=ERRORS * mean**0.5)


def _dispersion(seconds: np.ndarray, start: float, stop: float, bins: int) -> float:
    """Variance over mean of the counts in equal bins: 1 for Poisson arrivals, give or take sqrt(2 / bins)."""
    counts = np.histogram(seconds, bins=np.linspace(start, stop, bins + 1))[0]
    return float(counts.var(ddof=1) / counts.mean())


def test_arrivals_are_poisson():
    run = _run(n=40_000, rate=2000.0)
    assert run.seconds.shape == (40_000,) and (np.diff(run.seconds) > 0).all() and run.seconds[0] > 0
    assert run.seconds[-1] == pytest.approx(20.0, abs=ERRORS * 20.0 / 40_000**0.5)
    assert kstest(np.diff(run.seconds), "expon", args=(0, 1 / 2000)).pvalue > 1e-3
    for bins in (200, 2000):
        assert _dispersion(run.seconds, 0.0, 19.5, bins) == pytest.approx(1.0, abs=ERRORS * (2 / bins) ** 0.5)


def test_a_run_without_incidents_is_steady():
    run = _run()
    assert run.incidents == () and not run.turned_debris.any()
    assert (run.light == 1).all() and (run.fsc == 1).all()


@pytest.mark.parametrize(("share", "slowed"), [(0.05, 0.2), (0.15, 0.5)])
def test_a_clog_lasts_its_share_of_the_run_slow_and_dim(share, slowed):
    clog = replace(NO_INCIDENTS, clog_probability=1.0, clog_share=(share, share), clog_rate=slowed, clog_light=0.7)
    run = _run(clog)
    inside = run.light != 1
    assert run.incidents == ("clog",)
    assert (
        (run.light[inside] == 0.7).all() and (run.fsc[inside] == clog.clog_fsc).all() and (run.fsc[~inside] == 1).all()
    )
    assert (np.diff(np.flatnonzero(inside)) == 1).all()
    whole, length = run.seconds[-1], np.ptp(run.seconds[inside])
    assert length / whole == pytest.approx(share, rel=ERRORS * inside.sum() ** -0.5)
    assert inside.sum() / length == pytest.approx(slowed * 1000, rel=ERRORS * inside.sum() ** -0.5)


def test_arrivals_stay_poisson_within_a_clog_and_about_it():
    run = _run(replace(NO_INCIDENTS, clog_probability=1.0, clog_share=(0.3, 0.3)), n=100_000)
    inside = run.light != 1
    for part, rate in ((inside, 200.0), (~inside, 1000.0)):
        seconds = run.seconds[part]
        waits = np.diff(seconds)
        waits = waits[waits < 1.0]  # not the one across the clog
        assert waits.mean() == pytest.approx(1 / rate, rel=ERRORS / len(waits) ** 0.5)
        assert waits.std() / waits.mean() == pytest.approx(1.0, abs=ERRORS / len(waits) ** 0.5)
    seconds = run.seconds[inside]
    assert _dispersion(seconds, seconds[0], seconds[-1], 100) == pytest.approx(1.0, abs=ERRORS * (2 / 100) ** 0.5)


def test_clogs_lengths_lie_evenly_between_their_bounds():
    clog = replace(NO_INCIDENTS, clog_probability=1.0, clog_rate=1.0)  # as fast as the rest: events count the time
    low, high = clog.clog_share
    shares = np.array([np.mean(_run(clog, n=2000, seed=seed).light != 1) for seed in range(300)])
    error = (0.1 * 0.9 / 2000) ** 0.5  # of one share, by its count
    assert (shares > low - ERRORS * error).all() and (shares < high + ERRORS * error).all()
    assert shares.mean() == pytest.approx((low + high) / 2, abs=ERRORS * (high - low) / 12**0.5 / 300**0.5)
    assert shares.std() == pytest.approx(np.hypot((high - low) / 12**0.5, error), rel=0.15)


def test_windows_lie_anywhere_in_the_run():
    clog = replace(NO_INCIDENTS, clog_probability=1.0, clog_share=(0.1, 0.1), clog_rate=1.0)
    starts = [np.flatnonzero(_run(clog, n=1000, seed=seed).light != 1)[0] / 1000 for seed in range(400)]
    assert kstest(starts, "uniform", args=(0, 0.9)).pvalue > 1e-3


def test_a_burst_is_short_and_fast_and_its_debris_lies_within_it():
    everything = replace(NO_INCIDENTS, burst_probability=1.0, burst_debris=1.0)
    run = _run(everything, n=60_000, rate=3000.0)
    inside = run.turned_debris
    assert run.incidents == ("burst",)
    assert (np.diff(np.flatnonzero(inside)) == 1).all()
    assert inside.sum() == everything.burst_seconds * everything.burst_rate * 3000
    assert np.ptp(run.seconds[inside]) == pytest.approx(0.3, rel=ERRORS / inside.sum() ** 0.5)
    assert (run.light == 1).all() and (run.fsc == 1).all()
    before = run.seconds < run.seconds[inside][0]
    _assert_poisson(before.sum(), 3000 * run.seconds[inside][0])
    part = _run(replace(everything, burst_debris=0.3), n=60_000, rate=3000.0)
    assert not part.turned_debris[~inside].any()
    m = inside.sum()
    assert part.turned_debris.sum() == pytest.approx(0.3 * m, abs=ERRORS * (m * 0.21) ** 0.5)
    assert (part.seconds == run.seconds).all()
    # anywhere in the burst, not at its beginning
    assert kstest(np.flatnonzero(part.turned_debris[inside]) / m, "uniform").pvalue > 1e-3


def test_a_start_up_transient_is_the_first_of_the_events_in_light_and_fsc():
    run = _run(replace(NO_INCIDENTS, startup_probability=1.0), n=1000, rate=300.0)
    assert run.incidents == ("startup",)
    assert run.light.tolist() == run.fsc.tolist() == [0.9] * 20 + [1.0] * 980
    other = _run(replace(NO_INCIDENTS, startup_probability=1.0, startup_share=0.5, startup_light=0.6), n=10)
    assert other.light.tolist() == [0.6] * 5 + [1.0] * 5


def test_incidents_that_meet_multiply():
    clog = replace(NO_INCIDENTS, clog_probability=1.0, clog_share=(1.0, 1.0), clog_rate=1.0)
    run = _run(replace(clog, startup_probability=1.0, startup_share=0.5), n=1000)
    assert run.incidents == ("clog", "startup")
    both, clog_alone = slice(300, 500), slice(500, 700)  # in the midst of a clog as long as the run
    assert np.unique(run.light[both]) == pytest.approx([0.75 * 0.9]) and np.unique(run.fsc[both]) == pytest.approx(
        [0.85 * 0.9]
    )
    assert np.unique(run.light[clog_alone]) == [0.75] and np.unique(run.fsc[clog_alone]) == [0.85]


def test_a_burst_within_a_clog_has_the_product_of_their_rates():
    both = replace(
        NO_INCIDENTS,
        clog_probability=1.0,
        clog_share=(0.99, 0.99),
        clog_rate=0.5,
        burst_probability=1.0,
        burst_seconds=3.0,
        burst_debris=1.0,
    )
    run = _run(both, n=20_000)
    inside = run.turned_debris
    within = inside & (run.light != 1)
    assert run.incidents == ("clog", "burst") and within.sum() > 0.9 * inside.sum()
    seconds = run.seconds[within]
    assert len(seconds) / np.ptp(seconds) == pytest.approx(1000 * 0.5 * 4, rel=ERRORS / len(seconds) ** 0.5)


def test_light_drifts_evenly_about_one_and_scatter_does_not():
    drifting = replace(NO_INCIDENTS, drift_sd=0.05)
    whole = []
    for seed in range(500):
        run = _run(drifting, n=101, seed=seed)
        log = np.log(run.light)
        assert np.diff(log) == pytest.approx(np.full(100, (log[-1] - log[0]) / 100), abs=1e-12)
        assert log[50] == pytest.approx(0.0, abs=1e-12)
        assert (run.fsc == 1).all()
        whole.append(log[-1] - log[0])
    assert np.mean(whole) == pytest.approx(0.0, abs=ERRORS * 0.05 / 500**0.5)
    assert np.std(whole) == pytest.approx(0.05, rel=ERRORS / 1000**0.5)


def _rates(wobble_sd: float, runs: int, *, parts: int = 120) -> np.ndarray:
    """Events in each of a run's first parts of a two-hundredth over their mean of 100, shape (runs, parts)."""
    wandering = replace(NO_INCIDENTS, wobble_sd=wobble_sd)
    edges = np.linspace(
        0.0, parts * 0.1, parts + 1
    )  # of 20 s; a run that wanders upwards ends before its 20 s are over
    counts = [np.histogram(_run(wandering, n=20_000, seed=seed).seconds, bins=edges)[0] for seed in range(runs)]
    return np.array(counts) / 100


def test_the_rate_wanders_by_the_spread_stated_from_the_first_part_to_the_last():
    sd, runs = 0.2, 400
    rates = _rates(sd, runs)
    spread = np.log(rates).std(axis=0)
    # a count of 100 adds 1 / 100 to the variance of the log (a little more where the rate is low)
    expected = (sd**2 + np.exp(sd**2 / 2) / 100) ** 0.5
    print("SD of the log of the rate, by tenth of the run", spread[::20].round(3), "expected", round(expected, 3))
    assert spread[0] == pytest.approx(expected, rel=ERRORS / (2 * runs) ** 0.5)
    assert spread[-1] == pytest.approx(expected, rel=ERRORS / (2 * runs) ** 0.5)
    # 120 parts with a memory of about 20 (1.9 / 0.1) are about six independent ones
    assert np.mean(spread**2) ** 0.5 == pytest.approx(expected, rel=ERRORS / (2 * 6 * runs) ** 0.5)
    # a slow part lasts longer: over time the log of the rate is lower by its variance
    assert np.log(rates).mean() == pytest.approx(-(sd**2) - 1 / 200, abs=ERRORS * sd / (6 * runs) ** 0.5)


def test_the_rate_remembers_about_a_twentieth_of_the_run():
    logs = np.log(_rates(0.3, 300))[:, 20:]
    signal = 0.09 / (0.09 + np.exp(0.045) / 100)
    for apart in (1, 10, 50):  # correlation falls by e over a twentieth of the run: ten parts
        seen = np.mean([np.corrcoef(logs[:, k], logs[:, k + apart])[0, 1] for k in range(0, 50, 10)])
        assert seen == pytest.approx(signal * np.exp(-apart / 10), abs=ERRORS / (300 * 2) ** 0.5)


def test_light_does_not_know_of_the_rate():
    run = _run(replace(NO_INCIDENTS, wobble_sd=0.3))
    assert (run.light == 1).all() and (run.fsc == 1).all() and (np.diff(run.seconds) > 0).all()
    assert run.incidents == () and not run.turned_debris.any()


@pytest.mark.parametrize("name", ["clog", "burst", "startup"])
@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_incidents_come_as_often_as_asked(name, probability):
    asked = replace(NO_INCIDENTS, **{f"{name}_probability": probability})
    runs = [_run(asked, n=3000, rate=3000.0, seed=seed) for seed in range(300)]
    share = np.mean([run.incidents == (name,) for run in runs])
    assert share == pytest.approx(probability, abs=ERRORS * (probability * (1 - probability) / 300) ** 0.5)
    assert {run.incidents for run in runs} <= {(), (name,)}


def test_an_incident_does_not_hang_on_another():
    asked = replace(NO_INCIDENTS, clog_probability=0.5, burst_probability=0.5, startup_probability=0.5)
    runs = [_run(asked, n=3000, rate=300.0, seed=seed) for seed in range(800)]
    happened = np.array([[name in run.incidents for name in ("clog", "burst", "startup")] for run in runs])
    pairs = np.corrcoef(happened.T)[np.triu_indices(3, 1)]
    assert np.abs(pairs).max() < ERRORS / 800**0.5


def test_what_is_forced_happens_together_too():
    """Runs of five seconds: a burst ends them early, yet the clog that was to come has its place."""
    forced = replace(NO_INCIDENTS, clog_probability=1.0, burst_probability=1.0, startup_probability=1.0)
    runs = [_run(forced, n=1500, rate=300.0, seed=seed) for seed in range(200)]
    assert [run.incidents for run in runs] == [("clog", "burst", "startup")] * 200


def test_only_a_burst_turns_events_into_debris():
    asked = replace(Incidents(), burst_probability=0.5, burst_debris=1.0)
    for seed in range(40):
        run = _run(asked, n=3000, rate=300.0, seed=seed)
        assert run.turned_debris.any() == ("burst" in run.incidents)


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_events(n):
    always = replace(Incidents(), clog_probability=1.0, burst_probability=1.0, startup_probability=1.0)
    run = _run(always, n=n)
    assert {len(one) for one in (run.seconds, run.light, run.fsc, run.turned_debris)} == {n}
    assert "startup" not in run.incidents


def test_same_seed_same_run():
    one, again, other = (_run(Incidents(), n=500, seed=seed) for seed in (1, 1, 2))
    for name in ("seconds", "light", "fsc", "turned_debris"):
        assert np.array_equal(getattr(one, name), getattr(again, name))
    assert not np.array_equal(one.seconds, other.seconds)
