"""Rectangles and stretches as comparisons: which side of a limit an event is on, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.gating.engine.bounds import Limit
from cytotrial.gating.engine.errors import AmbiguousEventError
from cytotrial.gating.engine.rectangles import RectangleTest, StretchesTest, reaches
from cytotrial.gating.gate_tree import Dimension, Interval, Rectangle, Stretches

LOGICLE = Axis("CD4", "A", 2, 262144.0, "logicle", 0.5, 4.5, 0.0)
PLAIN, SCALED = Dimension(0), Dimension(2, None, LOGICLE)


def column(values, index: int = 0, dtype=np.float64) -> np.ndarray:
    events = np.zeros((len(values), 5), dtype=dtype)
    events[:, index] = values
    return events


def test_from_low_up_and_below_high(frame_of) -> None:
    values = [np.nextafter(10.0, 0), 10.0, 15.0, np.nextafter(20.0, 0), 20.0, np.nan, np.inf, -np.inf]
    frame = frame_of(column(values))
    inside = [False, True, True, True, False, False, False, False]
    assert RectangleTest(Rectangle((Interval(PLAIN, 10.0, 20.0),))).mask(frame).tolist() == inside
    outside = RectangleTest(Rectangle((Interval(PLAIN, 10.0, 20.0),), outside=True)).mask(frame)
    assert outside.tolist() == [not one for one in inside]  # also what is no number
    assert RectangleTest(Rectangle((Interval(PLAIN),))).mask(frame).all()


def test_every_interval_counts(frame_of) -> None:
    events = column([1.0, 5.0, 9.0])
    events[:, 1] = [1.0, 1.0, 7.0]
    shape = Rectangle((Interval(PLAIN, 2.0, None), Interval(Dimension(1), None, 5.0)))
    assert RectangleTest(shape).mask(frame_of(events)).tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_events_around_a_limit_on_a_scale(dtype: type, frame_of) -> None:
    """A hundred neighbouring numbers: as the scale itself says of each."""
    steps = [dtype(1234.5)]
    for _ in range(100):
        steps.append(np.nextafter(steps[-1], dtype(np.inf)))
    values = np.array(steps)
    scaled = LOGICLE.to_scale(values.astype(float))
    for limit in (scaled[50], np.nextafter(scaled[50], 0), np.nextafter(scaled[50], 1), scaled.mean()):
        mask = RectangleTest(Rectangle((Interval(SCALED, float(limit), None),))).mask(
            frame_of(column(values, 2, dtype))
        )
        assert np.array_equal(mask, scaled >= limit)


def test_a_float32_is_compared_with_the_limit_and_not_with_its_rounding() -> None:
    values = np.array([16777216.0, 16777218.0], dtype=np.float32)
    for linear, margin in ((16777216.5, 0.0), (16777216.5, 0.25), (16777217.5, 0.0)):
        limit = Limit(linear, linear, margin)
        assert reaches(values, limit, 0.0, PLAIN, exact=True).tolist() == [False, True]


def test_what_no_limit_can_tell_is_asked_of_the_scale(frame_of) -> None:
    """flowutils' logicle says -1 of NaN and of infinities: below a limit, and not above -1."""
    frame = frame_of(column([np.nan, np.inf, -np.inf, 100.0, 1e17], 2))
    below = RectangleTest(Rectangle((Interval(SCALED, None, 0.5),))).mask(frame)
    assert below.tolist() == [True, True, True, True, False]
    assert RectangleTest(Rectangle((Interval(SCALED, -0.9, None),))).mask(frame).tolist() == [False] * 3 + [True] * 2


def test_an_event_nearer_to_a_limit_than_its_rounding_is_ambiguous(frame_of, spillover) -> None:
    events = np.random.default_rng(3).uniform(0, 1000, (50, 5))
    dimension = Dimension(2, "m")
    frame = frame_of(events, {"m": spillover}, wanted={"m": [2]})
    value, margin = float(frame.values(dimension)[7]), frame.margin(dimension)
    assert 0 < margin < 1e-9
    on_it = RectangleTest(Rectangle((Interval(dimension, value, None),)))
    with pytest.raises(AmbiguousEventError):
        on_it.mask(frame)
    beside = RectangleTest(Rectangle((Interval(dimension, value + 3 * margin, None),)))
    assert not beside.mask(frame)[7]
    exact = frame_of(events, {"m": spillover}, exact=True)
    at = float(exact.values(dimension)[7])
    assert RectangleTest(Rectangle((Interval(dimension, at, None),))).mask(exact)[7]
    assert not RectangleTest(Rectangle((Interval(dimension, np.nextafter(at, np.inf), None),))).mask(exact)[7]


def test_stretches_are_joined(frame_of) -> None:
    frame = frame_of(column([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))
    mask = StretchesTest(Stretches(PLAIN, ((1.0, 2.0), (3.0, 5.0)))).mask(frame)
    assert mask.tolist() == [False, True, False, True, True, False]
    assert not StretchesTest(Stretches(PLAIN, ())).mask(frame).any()
