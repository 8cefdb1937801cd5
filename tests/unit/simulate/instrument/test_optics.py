"""Noise, gain, spillover and the incidents of a run."""

from dataclasses import replace

import numpy as np
import pytest

from cytotrial.simulate.cytometer import NO_INCIDENTS, detect, draw_run, gains, spillover_with_gain
from cytotrial.simulate.seeds import stream

SPILL = np.array([[1.0, 0.2], [0.05, 1.0]])


def _seen(light, *, gain, noise=(0.0, 0.0), photoelectrons=0.6):
    return detect(
        np.tile(light, (50_000, 1)),
        spillover=SPILL,
        gain=np.array(gain),
        noise=np.array(noise),
        photoelectrons_per_unit=photoelectrons,
        random=stream(2, "noise"),
    )


def test_noise_is_photons_then_electronics():
    y = _seen([6000.0, 100.0], gain=(1.0, 1.0), noise=(50.0, 50.0))
    # 6000 + 5 and 100 + 1200; variance y / 0.6 + 50^2
    assert y.mean(axis=0) == pytest.approx([6005, 1300], rel=0.002)
    assert y.std(axis=0) == pytest.approx([(6005 / 0.6 + 2500) ** 0.5, (1300 / 0.6 + 2500) ** 0.5], rel=0.02)


def test_gain_scales_light_and_its_noise_but_not_the_electronics():
    y = _seen([6000.0, 0.0], gain=(0.5, 1.0), noise=(40.0, 0.0))
    assert y[:, 0].mean() == pytest.approx(3000, rel=0.002)
    assert y[:, 0].std() == pytest.approx((0.25 * 6000 / 0.6 + 1600) ** 0.5, rel=0.02)


def test_the_matrix_of_the_day_undoes_the_spill_at_any_gain():
    light, gain = np.array([6000.0, 100.0]), np.array([0.7, 1.4])
    matrix = spillover_with_gain(SPILL, gain)
    assert matrix == pytest.approx(np.array([[1.0, 0.4], [0.025, 1.0]]))
    assert (light @ SPILL * gain) @ np.linalg.inv(matrix) == pytest.approx(light * gain)


def test_gains_of_unknown_channels_are_refused():
    assert gains(("A", "B"), {"B": 0.7}).tolist() == [1.0, 0.7]
    with pytest.raises(ValueError, match="unknown"):
        gains(("A",), {"C": 1.0})
    with pytest.raises(ValueError, match="positive"):
        gains(("A",), {"A": 0.0})


def test_arrivals_are_poisson():
    run = draw_run(40_000, events_per_second=2000, incidents=NO_INCIDENTS, random=stream(3, "run"))
    waits = np.diff(run.seconds)
    assert waits.mean() == pytest.approx(1 / 2000, rel=0.02)
    assert waits.std() / waits.mean() == pytest.approx(1.0, rel=0.03)  # exponential waiting times
    assert run.incidents == () and not run.turned_debris.any() and (run.light == 1).all()


def test_a_clog_lasts_its_share_of_the_run_at_a_fifth_of_the_rate():
    clog = replace(NO_INCIDENTS, clog_probability=1.0, clog_share=(0.10, 0.10))
    run = draw_run(50_000, events_per_second=1000, incidents=clog, random=stream(4, "run"))
    inside = run.light == 0.75
    assert run.incidents == ("clog",)
    assert inside.sum() == pytest.approx(0.2 * 0.10 * 50_000, rel=0.12)  # 5 s at 200 per second: 1000 +- 32
    assert np.ptp(run.seconds[inside]) == pytest.approx(5.0, rel=0.02)
    assert (np.diff(np.flatnonzero(inside)) == 1).all() and (run.fsc[inside] == 0.85).all()


def test_a_burst_is_short_fast_and_part_debris():
    burst = replace(NO_INCIDENTS, burst_probability=1.0)
    run = draw_run(30_000, events_per_second=3000, incidents=burst, random=stream(5, "run"))
    debris = run.seconds[run.turned_debris]
    inside = ((run.seconds >= debris.min()) & (run.seconds <= debris.max())).sum()
    assert inside == pytest.approx(0.3 * 4 * 3000, rel=0.08)
    assert len(debris) / inside == pytest.approx(0.3, rel=0.1)


def test_a_start_up_transient_is_the_first_fiftieth():
    run = draw_run(
        1000,
        events_per_second=300,
        incidents=replace(NO_INCIDENTS, startup_probability=1.0),
        random=stream(6, "run"),
    )
    assert run.light.tolist() == [0.9] * 20 + [1.0] * 980


def test_incidents_come_as_often_as_asked():
    runs = [draw_run(50, events_per_second=300, incidents=_often(), random=stream(k, "r")) for k in range(600)]
    share = sum("startup" in run.incidents for run in runs) / 600
    assert share == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / 600) ** 0.5)


def _often():
    return replace(NO_INCIDENTS, startup_probability=0.2)
