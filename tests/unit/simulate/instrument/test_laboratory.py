"""A laboratory's years: gains, lots, ageing dyes, voltages and matrices, each against the number that names it.

Tolerances are multiples of the sampling error of independent days: that of a mean is SD / sqrt(n), of an SD
SD / sqrt(2 n), of a share sqrt(p (1 - p) / n). Seeds are fixed.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from cytotrial.simulate.form import FileForm
from cytotrial.simulate.instrument.laboratory import (
    DAYS_PER_YEAR,
    PMT_POWER,
    Habit,
    InstrumentDay,
    Laboratory,
    habit_of,
    instrument_day,
    staining_factors,
)
from cytotrial.simulate.instrument.optics import Detector, spillover_with_gain
from cytotrial.simulate.parameters import PROFILES, laboratory, whole_cytometer

ERRORS = 4.0  # standard errors
PE = Detector("PE-A", ("CD3",), "PE", autofluorescence=85.0, noise=50.0, photoelectrons=0.08, voltage=540)
TANDEM = replace(PE, name="PE-Cy7-A", dye="PE-Cy7", donor="PE-A")
FITC = replace(PE, name="FITC-A", dye="FITC")
DETECTORS = (FITC, PE, TANDEM)
NAMES = tuple(one.name for one in DETECTORS)
CHANNELS = (*NAMES, "FSC-A", "SSC-A")
SPILLOVER = np.array([[1.0, 0.16, 0.0], [0.01, 1.0, 0.02], [0.0, 0.03, 1.0]])
TO_DONOR = NAMES.index("PE-Cy7-A"), NAMES.index("PE-A")
OFF_DIAGONAL = ~np.eye(3, dtype=bool)


def _day(lab: Laboratory, batch: str = "W0-day1", *, day: float = 0.0, site: str = "1", seed: int = 5) -> InstrumentDay:
    return instrument_day(lab, detectors=DETECTORS, spillover=SPILLOVER, seed=seed, site=site, batch=batch, day=day)


def _days(lab: Laboratory, n: int, **changes) -> list[InstrumentDay]:
    """As many instrument days, all on the same day of the calendar unless told."""
    return [_day(lab, f"day{k}", **changes) for k in range(n)]


def _gains(days: list[InstrumentDay]) -> np.ndarray:
    """log10, shape (days, channels)."""
    return np.log10([[one.gain[name] for name in CHANNELS] for one in days])


def _true(day: InstrumentDay, gain: dict[str, float] | None = None) -> np.ndarray:
    """What flawless controls give with the day's dyes at a day's gains."""
    return spillover_with_gain(day.spillover, np.array([(gain or day.gain)[name] for name in NAMES]))


def _assert_spread(values: np.ndarray, sd: float) -> None:
    """Columns of independent normal draws about 0."""
    n = len(values)
    assert np.abs(values.mean(axis=0)).max() < ERRORS * sd / n**0.5
    assert np.abs(values.std(axis=0) / sd - 1).max() < ERRORS / (2 * n) ** 0.5
    off = np.corrcoef(values.T) - np.eye(values.shape[1])
    assert np.abs(off).max() < ERRORS / n**0.5


def _assert_share(happened: list[bool], share: float) -> None:
    assert np.mean(happened) == pytest.approx(share, abs=ERRORS * (share * (1 - share) / len(happened)) ** 0.5)


def _assert_same(one: InstrumentDay, other: InstrumentDay) -> None:
    for name, value in vars(one).items():
        assert (
            np.array_equal(value, getattr(other, name))
            if isinstance(value, np.ndarray)
            else value == getattr(other, name)
        )


@pytest.mark.parametrize("profile", ["clean", "other_lab"])
def test_a_laboratory_that_never_wanders(profile):
    detectors, spillover = whole_cytometer(profile)
    for batch, day, site in [("a", 0.0, "1"), ("b", 40.0, "1"), ("b", 700.0, "2")]:
        one = instrument_day(
            Laboratory(), detectors=detectors, spillover=spillover, seed=1, site=site, batch=batch, day=day
        )
        assert one.gain == dict.fromkeys((*(d.name for d in detectors), "FSC-A", "SSC-A"), 1.0)
        assert one.baseline == dict.fromkeys((d.name for d in detectors), 0.0)
        assert one.dyes == dict.fromkeys((d.name for d in detectors), 1.0)
        assert one.voltage == {}
        assert np.array_equal(one.spillover, spillover) and np.array_equal(one.recorded, spillover)
    assert staining_factors(Laboratory(), ("CD3", "CD4"), seed=1, sample_id="x", week=10.0) == {"CD3": 1.0, "CD4": 1.0}


def test_days_are_the_same_in_any_order_and_each_seed_has_its_own():
    lab = laboratory("hard")
    batches = [f"day{k}" for k in range(6)]
    forward = {batch: _day(lab, batch, day=30.0 * k) for k, batch in enumerate(batches)}
    for k, batch in reversed(list(enumerate(batches))):
        _assert_same(_day(lab, batch, day=30.0 * k), forward[batch])
    assert len({one.gain["PE-A"] for one in forward.values()}) == 6
    assert _day(lab, "day0").gain != _day(lab, "day0", seed=6).gain


def test_one_habit_of_a_laboratory_does_not_move_another():
    """Each wandering has a stream of its own: what is switched on beside it changes nothing."""
    steady = _day(Laboratory(day_gain_sd=0.03), day=400.0)
    lab = Laboratory(day_gain_sd=0.03, baseline_sd=15.0, lots_per_year=1.0, lot_sd=0.05, spillover_error=0.01)
    restless = _day(lab, day=400.0)
    assert restless.gain == steady.gain
    assert restless.baseline != steady.baseline and restless.dyes != steady.dyes
    assert _day(Laboratory(baseline_sd=15.0)).baseline == _day(lab).baseline


def test_what_wanders_on_one_day_wanders_independently():
    days = _days(Laboratory(day_gain_sd=1.0, baseline_sd=1.0, spillover_error=1.0), 500)
    where = OFF_DIAGONAL & (SPILLOVER > 0)
    measured = np.array([one.recorded[where] / _true(one)[where] - 1 for one in days])
    baselines = np.array([list(one.baseline.values()) for one in days])
    _assert_spread(np.column_stack([_gains(days), baselines, measured]), 1.0)


def test_what_is_done_to_a_day_leaves_the_cytometer_as_it_was():
    before = SPILLOVER.copy()
    _days(laboratory("hard"), 20, day=300.0)
    assert np.array_equal(SPILLOVER, before)


def test_days_gains_have_the_spread_stated_channel_by_channel():
    days = _days(Laboratory(day_gain_sd=0.03), 1000)
    _assert_spread(_gains(days), 0.03)
    assert all(np.allclose(one.recorded, _true(one), rtol=1e-12) for one in days[:20])


def test_gains_within_a_range_lie_evenly_in_log_and_scatter_hardly_strays():
    days = _days(Laboratory(day_gain_range=(0.6, 1.6)), 800)
    gains = _gains(days)
    low, high = np.log10(0.6), np.log10(1.6)
    assert gains.min() >= low and gains.max() <= high
    for column in range(3):
        assert kstest(gains[:, column], "uniform", args=(low, high - low)).pvalue > 1e-3
    for column in (3, 4):
        assert kstest(gains[:, column], "uniform", args=(low / 4, (high - low) / 4)).pvalue > 1e-3
    assert np.abs(np.corrcoef(gains.T) - np.eye(5)).max() < ERRORS / 800**0.5


def test_a_sites_gain_is_the_same_on_all_its_days():
    lab = Laboratory(site_gain_sd=0.06)
    assert {tuple(one.gain.items()) for one in _days(lab, 10)} == {tuple(_day(lab, "other", day=500.0).gain.items())}
    _assert_spread(_gains([_day(lab, site=str(k)) for k in range(800)]), 0.06)


def test_a_sites_gain_and_its_days_multiply():
    site, day = Laboratory(site_gain_sd=0.06), Laboratory(day_gain_sd=0.03)
    both = _day(Laboratory(site_gain_sd=0.06, day_gain_sd=0.03)).gain
    assert both == pytest.approx({name: _day(site).gain[name] * _day(day).gain[name] for name in CHANNELS}, rel=1e-12)


def test_baselines_have_the_spread_stated():
    days = _days(Laboratory(baseline_sd=15.0), 800)
    _assert_spread(np.array([[one.baseline[name] for name in NAMES] for one in days]), 15.0)


@pytest.mark.parametrize("per_year", [1.0, 2.0])
def test_lots_change_as_often_as_stated_and_not_in_between(per_year):
    years = 3
    lab = Laboratory(lots_per_year=per_year, lot_sd=0.05, tandem_lot_sd=0.10)
    calendar = np.arange(0, int(years * DAYS_PER_YEAR), 2)
    dyes = [_day(lab, f"day{day}", day=float(day)).dyes for day in calendar]
    changes = {}
    for name in NAMES:
        light = np.array([one[name] for one in dyes])
        changes[name] = calendar[1:][np.diff(light) != 0]
        assert len(changes[name]) == pytest.approx(years * per_year, abs=1)
        assert len(set(light)) == len(changes[name]) + 1
        assert np.abs(np.diff(changes[name]) - DAYS_PER_YEAR / per_year).max() <= 2  # every other day is looked at
        assert light[0] == 1.0  # the lot with which the trial began
    assert len({found[0] for found in changes.values()}) == 3  # dyes are not bought on the same day


def test_the_first_lots_end_comes_at_any_time():
    lab = Laboratory(lots_per_year=1.0, lot_sd=0.05)
    ended = [_day(lab, site=str(k), day=0.3 * DAYS_PER_YEAR).dyes["FITC-A"] != 1.0 for k in range(600)]
    _assert_share(ended, 0.3)


def test_lots_differ_by_the_spread_stated_tandems_by_theirs():
    lab = Laboratory(lots_per_year=2.0, lot_sd=0.03, tandem_lot_sd=0.07)
    sites = [_day(lab, site=str(k), day=400.0).dyes for k in range(600)]
    light = np.log10([[one[name] for name in NAMES] for one in sites])
    _assert_spread(light[:, :2], 0.03)
    _assert_spread(light[:, 1:] / [0.03, 0.07], 1.0)


def test_lots_belong_to_the_site_and_not_to_the_day():
    lab = Laboratory(lots_per_year=1.0, lot_sd=0.05, tandem_lot_sd=0.1)
    assert _day(lab, "a", day=400.0).dyes == _day(lab, "b", day=400.0).dyes
    assert _day(lab, "a", day=400.0).dyes != _day(lab, "a", day=400.0, site="2").dyes


def test_a_tandem_loses_its_light_to_its_donors_channel_and_nowhere_else():
    lab = Laboratory(lots_per_year=1.0, tandem_decay=0.15)
    for k in range(40):
        one = _day(lab, day=23.0 * k)
        more = one.spillover - SPILLOVER
        lost = 1.0 - one.dyes["PE-Cy7-A"]
        assert 0.0 <= lost < 0.15
        assert more[TO_DONOR] * one.dyes["PE-Cy7-A"] == pytest.approx(lost, abs=1e-12)  # no light is lost on the way
        more[TO_DONOR] = 0.0
        assert (more == 0).all()


def test_only_tandems_fall_apart():
    lab = Laboratory(lots_per_year=1.0, tandem_decay=0.15)
    for k in range(10):
        dyes = _day(lab, day=40.0 * k).dyes
        assert (dyes["FITC-A"], dyes["PE-A"]) == (1.0, 1.0)


@pytest.mark.parametrize("per_year", [1.0, 2.0])
def test_a_tandem_ages_with_its_lot_and_a_new_lot_is_fresh(per_year):
    lab = Laboratory(lots_per_year=per_year, tandem_decay=0.15)
    lost = np.array([1.0 - _day(lab, day=float(day)).dyes["PE-Cy7-A"] for day in range(800)])
    steps = np.diff(lost)
    renewed = steps < 0
    assert renewed.sum() == pytest.approx(800 / DAYS_PER_YEAR * per_year, abs=1)
    assert steps[~renewed] == pytest.approx(np.full((~renewed).sum(), 0.15 / DAYS_PER_YEAR), abs=1e-12)
    assert lost[1:][renewed].max() < 0.15 / DAYS_PER_YEAR
    assert lost.max() == pytest.approx(0.15 / per_year, abs=0.15 / DAYS_PER_YEAR)


@pytest.mark.parametrize("lag", [0.0, 0.3, 1.0])
def test_controls_lag_behind_the_decay(lag):
    lab = Laboratory(lots_per_year=1.0, tandem_decay=0.15, control_lag=lag, day_gain_sd=0.03)
    for k in range(10):
        one = _day(lab, f"day{k}", day=37.0 * k)
        decayed = 1.0 - one.dyes["PE-Cy7-A"]
        seen = decayed * (1.0 - lag)
        expected = SPILLOVER.copy()
        expected[TO_DONOR] += seen / (1.0 - seen)
        gain = np.array([one.gain[name] for name in NAMES])
        assert one.recorded == pytest.approx(spillover_with_gain(expected, gain), abs=5.1e-10)  # nine decimals
        assert np.array_equal(np.abs(one.recorded - _true(one)) > 1e-9, _only(TO_DONOR) & (decayed * lag > 1e-9))


def _only(place: tuple[int, int]) -> np.ndarray:
    where = np.zeros((3, 3), dtype=bool)
    where[place] = True
    return where


def test_a_donor_that_the_instrument_lacks_gets_nothing():
    lab = Laboratory(lots_per_year=1.0, tandem_decay=0.15)
    one = instrument_day(lab, detectors=DETECTORS[::2], spillover=np.eye(2), seed=5, site="1", batch="a", day=100.0)
    assert np.array_equal(one.spillover, np.eye(2)) and np.array_equal(one.recorded, np.eye(2))


def test_voltage_steps_come_as_often_as_stated_on_any_one_detector_up_or_down():
    days = _days(Laboratory(voltage_step_share=0.3, voltage_step=0.05), 1000)
    stepped = [one.voltage for one in days if one.voltage]
    _assert_share([bool(one.voltage) for one in days], 0.3)
    assert all(len(one) == 1 and set(np.abs(list(one.values()))) == {0.05} for one in stepped)
    _assert_share([next(iter(one.values())) > 0 for one in stepped], 0.5)
    for name in NAMES:
        _assert_share([name in one for one in stepped], 1 / 3)


def test_a_voltage_step_is_the_seventh_power_in_gain():
    lab = Laboratory(day_gain_sd=0.03, voltage_step_share=1.0, voltage_step=0.05)
    assert PMT_POWER == 7.0
    for k in range(20):
        before, after = _day(replace(lab, voltage_step_share=0.0), f"day{k}"), _day(lab, f"day{k}")
        ((name, step),) = after.voltage.items()
        expected = dict(before.gain)
        expected[name] *= (1.0 + step) ** 7
        assert after.gain == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_after_a_step_a_stale_matrix_is_that_of_before(share):
    lab = Laboratory(day_gain_sd=0.03, voltage_step_share=1.0, voltage_step=0.05, stale_spillover=share)
    stale = []
    for k in range(300):
        before, after = _day(replace(lab, voltage_step_share=0.0), f"day{k}"), _day(lab, f"day{k}")
        stale.append(np.allclose(after.recorded, _true(after, dict(before.gain)), rtol=1e-12))
        assert stale[-1] != np.allclose(after.recorded, _true(after), rtol=1e-12)
    _assert_share(stale, share)


def test_without_a_step_no_matrix_is_stale():
    lab = Laboratory(day_gain_sd=0.03, voltage_step_share=0.0, stale_spillover=1.0)
    assert all(np.allclose(one.recorded, _true(one), rtol=1e-12) for one in _days(lab, 50))


def test_measured_matrices_err_by_the_spread_stated_and_their_diagonal_is_one():
    days = _days(Laboratory(day_gain_sd=0.03, spillover_error=0.02), 800)
    assert all((np.diag(one.recorded) == 1).all() and np.array_equal(one.spillover, SPILLOVER) for one in days)
    where = OFF_DIAGONAL & (SPILLOVER > 0)
    errors = np.array([one.recorded[where] / _true(one)[where] - 1 for one in days])
    _assert_spread(errors, 0.02)
    assert all((one.recorded[SPILLOVER == 0] == 0).all() for one in days)


def test_poor_controls_come_as_often_as_stated_and_err_by_their_own_spread():
    days = _days(Laboratory(spillover_mishap_share=0.2, spillover_mishap=0.08), 1000)
    poor = [one for one in days if not np.array_equal(one.recorded, SPILLOVER)]
    _assert_share([not np.array_equal(one.recorded, SPILLOVER) for one in days], 0.2)
    where = OFF_DIAGONAL & (SPILLOVER > 0)
    _assert_spread(np.array([one.recorded[where] / SPILLOVER[where] - 1 for one in poor]), 0.08)


def test_no_two_stainings_are_equal_and_their_spread_is_that_stated():
    lab = Laboratory(staining_sd=0.05, staining={"CD127": 0.45})
    markers = ("CD3", "CD127", "CD25")
    drawn = [staining_factors(lab, markers, seed=1, sample_id=f"S{k}", week=0.0) for k in range(800)]
    logs = np.log10([[one[marker] for marker in markers] for one in drawn])
    _assert_spread(logs - np.log10([1.0, 0.45, 1.0]), 0.05)


def test_staining_drifts_by_week_as_stated():
    drift = {"CD25": 0.008, "CD127": -0.006}
    lab = Laboratory(staining_sd=0.05, staining={"CD25": 2.0}, staining_drift=drift)
    markers = ("CD3", "CD127", "CD25")
    first, later = (staining_factors(lab, markers, seed=1, sample_id="S1", week=week) for week in (0.0, 10.0))
    ratios = {marker: later[marker] / first[marker] for marker in markers}
    assert ratios == pytest.approx({"CD3": 1.0, "CD127": 10**-0.06, "CD25": 10**0.08}, rel=1e-12)


def test_staining_is_the_tubes_own_whatever_the_order_of_its_markers():
    lab = Laboratory(staining_sd=0.05)
    one = staining_factors(lab, ("CD3", "CD4"), seed=1, sample_id="S1", week=0.0)
    assert staining_factors(lab, ("CD4", "CD3"), seed=1, sample_id="S1", week=0.0) == one
    assert staining_factors(lab, ("CD3", "CD4"), seed=1, sample_id="S2", week=0.0) != one
    assert staining_factors(lab, ("CD3", "CD4"), seed=2, sample_id="S1", week=0.0) != one


def test_habits_have_their_shares_of_the_days_and_the_rest_has_none():
    habits = (Habit(0.15, lacks=("viability",)), Habit(0.25, events=0.25), Habit(0.1, form=FileForm(version="2.0")))
    lab = Laboratory(habits=habits)
    found = [habit_of(lab, seed=1, batch=f"day{k}", panel="nk") for k in range(3000)]
    for habit in habits:
        _assert_share([one == habit for one in found], habit.share)
    rest = [one for one in found if one not in habits]
    _assert_share([one not in habits for one in found], 0.5)
    assert {(one.lacks, one.form, one.events) for one in rest} == {((), None, 1.0)}


def test_a_habit_is_of_one_panel_on_one_day():
    lab = Laboratory(habits=(Habit(0.5, events=0.5),))
    keys = [(f"day{k}", panel) for k in range(400) for panel in ("treg", "nk")]
    found = {key: habit_of(lab, seed=1, batch=key[0], panel=key[1]).events for key in keys}
    again = {key: habit_of(lab, seed=1, batch=key[0], panel=key[1]).events for key in reversed(keys)}
    assert found == again
    alike = [found[f"day{k}", "treg"] == found[f"day{k}", "nk"] for k in range(400)]
    _assert_share(alike, 0.5)  # what befalls one panel's files tells nothing of the other's


def test_a_laboratory_without_habits_has_none():
    found = Counter(habit_of(Laboratory(), seed=1, batch=f"day{k}", panel="nk").events for k in range(20))
    assert found == {1.0: 20}


@pytest.mark.parametrize("shares", [(0.6, 0.5), (-0.1, 0.2)])
def test_habits_share_the_days(shares):
    with pytest.raises(ValueError, match="at most 1 in all"):
        Laboratory(habits=tuple(Habit(share) for share in shares))


def test_days_have_one_kind_of_gain():
    with pytest.raises(ValueError, match="expected one of them"):
        Laboratory(day_gain_sd=0.1, day_gain_range=(0.6, 1.6))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_shipped_laboratory_can_be(profile):
    lab = laboratory(profile)
    shares = (
        lab.control_lag,
        lab.voltage_step_share,
        lab.stale_spillover,
        lab.spillover_mishap_share,
        lab.missing,
        lab.dropout,
        sum(habit.share for habit in lab.habits),
    )
    assert all(0.0 <= share <= 1.0 + 1e-9 for share in shares)
    detectors, spillover = whole_cytometer(profile)
    for k in range(30):
        one = instrument_day(
            lab, detectors=detectors, spillover=spillover, seed=2, site="1", batch=f"d{k}", day=25.0 * k
        )
        assert min(one.gain.values()) > 0 and min(one.dyes.values()) > 0
        assert (np.diag(one.recorded) == 1).all() and np.linalg.cond(one.recorded) < 50
