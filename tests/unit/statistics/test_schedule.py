"""Peaks, troughs and carry-over from the dosing, and the weights of what is asked of them."""

from __future__ import annotations

import logging
import math

import pytest

from cytotrial.statistics.plan import Schedule
from cytotrial.statistics.schedule import contrasts_of, schedule_of, with_exposure

VISITS = ("W0", "W2", "W4", "W6", "W8", "W10", "W12", "W16", "W20", "W24")
WEEKS = {visit: float(visit[1:]) for visit in VISITS}
DOSING = [(0.0, 2.0), (4.0, 6.0), (8.0, 10.0)]


def found(dosing, visits=VISITS, baseline="W0", weeks=None) -> Schedule:
    return schedule_of(visits, weeks or [WEEKS[visit] for visit in visits], baseline=baseline, dosing=dosing)


def test_blocks_of_two_weeks_on_and_off():
    schedule = found(DOSING)

    assert schedule.peak == ("W2", "W6", "W10")
    assert schedule.trough == ("W4", "W8", "W12")
    assert schedule.exposure == ("W0", "W2", "W4", "W6", "W8", "W10", "W12")
    assert schedule.carry_over == ("W16", "W20", "W24")
    assert found(DOSING[::-1]) == schedule, "in whatever order they are written"


@pytest.mark.parametrize(
    ("dosing", "why"),
    [
        ([], ""),
        ([(0.0, 12.0)], "there is one dosing period, and so no break between two"),
        ([(0.0, 2.0), (2.0, 4.0)], "W2, W4 would be at the end of a dosing period and of a break at once"),
        ([(30.0, 32.0), (40.0, 42.0)], "no visit after the baseline is within 0.5 weeks of the end of a dosing period"),
        ([(0.0, 2.0), (5.0, 6.0)], "no visit after the baseline is within 0.25 weeks of the end of a break"),
    ],
    ids=["none", "one block", "no break between", "no visit near", "no visit at the end of a break"],
)
def test_without_blocks_and_breaks_at_visits_there_is_no_schedule_and_the_log_says_why(dosing, why, caplog):
    with caplog.at_level(logging.INFO):
        assert found(dosing) == Schedule()
    assert caplog.messages == ([f"no peaks and troughs from the dosing periods: {why}"] if why else [])


def test_short_blocks_in_days():
    """Given on days 0 to 1 and 4 to 5: half a week would be every visit."""
    days = {"D0": 0, "D1": 1, "D2": 2, "D4": 4, "D5": 5, "D8": 8, "D14": 14}
    dosing = [(0.0, 1 / 7), (4 / 7, 5 / 7)]

    schedule = schedule_of(tuple(days), [day / 7 for day in days.values()], baseline="D0", dosing=dosing)

    assert (schedule.peak, schedule.trough, schedule.carry_over) == (("D1", "D5"), ("D4", "D8"), ("D14",))


def test_a_single_dose_has_no_length_to_take_a_quarter_of():
    schedule = found([(0.0, 0.0), (4.0, 6.0)], weeks=[0.0, 2.0, 4.4, 6.4, 8.0, 10.0, 12.0, 16.0, 20.0, 24.0])

    assert (schedule.peak, schedule.trough) == (("W6",), ("W4", "W10"))


def test_only_the_nearest_visit_belongs_to_an_end_and_of_two_the_earlier():
    visits = ("START", "A", "B", "C", "D", "E", "F")
    weeks = [0.0, 1.6, 2.1, 4.0, 5.7, 6.3, 8.0]

    schedule = found(DOSING[:2], visits, baseline="START", weeks=weeks)

    assert (schedule.peak, schedule.trough) == (("B", "D"), ("C", "F"))


def test_a_visit_half_a_week_off_still_belongs():
    weeks = [0.0, 2.5, 4.4, 6.6, 8.0, 10.0, 12.0, 16.0, 20.0, 24.0]

    assert found(DOSING, weeks=weeks).peak == ("W2", "W10")


def test_the_baseline_and_visits_before_it_are_none():
    visits = ("W2", "W4", "W6", "W8", "W10", "W12")

    assert found(DOSING, visits, baseline="W4").peak == ("W6", "W10")


def test_carry_over_that_is_named_stays():
    named = Schedule(peak=("W2",), trough=("W4",))

    assert with_exposure(VISITS, named, baseline="W0", carry_over=("W24",)).carry_over == ("W24",)
    assert with_exposure(VISITS, named, baseline="W0", carry_over=()).carry_over == ()
    assert with_exposure(VISITS, named, baseline="W0").carry_over == VISITS[3:]
    assert with_exposure(VISITS, Schedule(), baseline="W0", carry_over=("W24",)) == Schedule(carry_over=("W24",))


def test_weights_by_hand():
    contrasts = {one.id: one for one in contrasts_of(found(DOSING), WEEKS, baseline="W0")}

    assert list(contrasts) == ["peak", "trough", "peak_minus_trough", "auc", "carry_over"]
    third = 1 / 3
    assert contrasts["peak"].weights == {"W2": third, "W6": third, "W10": third}
    assert contrasts["peak_minus_trough"].weights == {
        "W2": third, "W4": -third, "W6": third, "W8": -third, "W10": third, "W12": -third,
    }  # fmt: skip
    # Intervals of 2 weeks in 12: each visit has 2/12 but the last, half of that; the baseline's change is 0.
    assert contrasts["auc"].weights == pytest.approx(dict.fromkeys(VISITS[1:6], 1 / 6) | {"W12": 1 / 12})
    assert contrasts["carry_over"].visits == ("W16", "W20", "W24")


def test_unequal_intervals():
    schedule = Schedule(peak=("W2",), trough=("W8",), exposure=("W0", "W2", "W8"))
    (auc,) = [one for one in contrasts_of(schedule, WEEKS, baseline="W0") if one.id == "auc"]

    # 0 to 2 and 2 to 8 weeks: (2 + 6) / 2 and 6 / 2, over 8.
    assert auc.weights == pytest.approx({"W2": 0.5, "W8": 0.375})


@pytest.mark.parametrize("week", [math.nan, 0.0])
def test_visits_without_weeks_have_no_area(week):
    contrasts = contrasts_of(found(DOSING), dict.fromkeys(VISITS, week), baseline="W0")

    assert [one.id for one in contrasts if one.note] == ["auc"]
    assert [one.weights for one in contrasts if one.note] == [{}]


def test_visits_are_told_in_order_of_time():
    schedule = Schedule(peak=("W10", "W2"), trough=("W4",), exposure=VISITS[:6])

    told = {one.id: one.visits for one in contrasts_of(schedule, WEEKS, baseline="W0")}
    assert told["peak"] == ("W2", "W10")
    assert told["peak_minus_trough"] == ("W2", "W4", "W10")


def test_without_a_schedule_nothing_is_asked():
    assert contrasts_of(Schedule(), WEEKS, baseline="W0") == ()
