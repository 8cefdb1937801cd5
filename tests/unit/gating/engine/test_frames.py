"""Populations within a block: which rows they are, and that columns are fetched once, and only where asked for."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.gating.engine.compensation import QuickCompensation
from cytotrial.gating.engine.errors import AmbiguousEventError
from cytotrial.gating.engine.frames import Block, Frame
from cytotrial.gating.gate_tree import Dimension

EVENTS = np.random.default_rng(1).uniform(0.0, 1000.0, (20, 5))


class Counting(EventsInMemory):
    """Events that note which columns were asked for."""

    def __init__(self, events: np.ndarray) -> None:
        super().__init__(events)
        self.asked: list[int] = []

    def linear(self, raw: np.ndarray, column: int) -> np.ndarray:
        self.asked.append(column)
        return super().linear(raw, column)


def below(frame: Frame, keep: list[int] | None, **wanted) -> Frame:
    return Frame(frame.block, frame, None if keep is None else np.array(keep, dtype=int), wanted=wanted)


def test_rows_and_values_down_a_chain_of_parents(frame_of) -> None:
    root = frame_of(EVENTS)
    child = below(root, [2, 5, 7, 11])
    same = below(child, None)
    grandchild = below(same, [1, 3])
    assert grandchild.rows.tolist() == [5, 11] and (len(root), len(same), len(grandchild)) == (20, 4, 2)
    assert np.flatnonzero(grandchild.inside()).tolist() == [5, 11]
    assert root.rows is None and root.inside().all()
    assert np.array_equal(grandchild.values(Dimension(3)), EVENTS[[5, 11], 3])
    assert below(child, []).values(Dimension(0)).tolist() == []


def test_a_column_is_fetched_once_and_no_other_is() -> None:
    events = Counting(EVENTS)
    root = Frame(Block(events, QuickCompensation({}, ()), 0, events.block(0, 20)), wanted={})
    child, other = below(root, [1, 2]), below(root, [3])
    for frame in (child, other, root, child):
        frame.values(Dimension(4))
    assert events.asked == [4]


def test_float32_columns_stay_as_they_are(frame_of) -> None:
    single = EVENTS.astype(np.float32)
    assert frame_of(single).values(Dimension(0)).dtype == np.float32
    assert frame_of(EVENTS).values(Dimension(0)).dtype == np.float64


def test_compensated_columns_with_those_that_are_wanted_later(frame_of, spillover, names) -> None:
    root = frame_of(EVENTS, {"m": spillover}, wanted={"m": [2, 4]})
    child = below(root, [3, 4, 9], m=(2,))
    first = root.values(Dimension(2, "m"))
    indices = [names.index(one) for one in spillover.detectors]
    expected = EVENTS.copy()
    expected[:, indices] = EVENTS[:, indices] @ np.linalg.inv(spillover.matrix)
    assert np.allclose(first, expected[:, 2], rtol=1e-12)
    assert np.allclose(child.values(Dimension(4, "m")), expected[[3, 4, 9], 4], rtol=1e-12)


def test_a_compensated_column_that_no_gate_wants_is_compensated_too(frame_of, spillover) -> None:
    """An onlooker may ask for a picture's other channel."""
    root = frame_of(EVENTS, {"m": spillover}, wanted={"m": [2]})
    root.values(Dimension(2, "m"))
    other = root.values(Dimension(3, "m"))
    alone = frame_of(EVENTS, {"m": spillover}, wanted={"m": [3]}).values(Dimension(3, "m"))
    assert np.allclose(other, alone, rtol=1e-12)
    assert not np.allclose(other, EVENTS[:, 3])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e16, -1e16])
def test_which_populations_are_tame(value: float, frame_of) -> None:
    events = EVENTS.copy()
    events[5, 0] = value
    root = frame_of(events)
    assert not root.is_tame(Dimension(0)) and root.is_tame(Dimension(1))
    assert below(root, [1, 2]).is_tame(Dimension(0)) and not below(root, [4, 5]).is_tame(Dimension(0))
    assert below(root, []).is_tame(Dimension(0))


def test_a_margin_only_where_digits_are_not_flowkits(frame_of, spillover) -> None:
    quick = frame_of(EVENTS, {"m": spillover}, wanted={"m": [2]})
    exact = frame_of(EVENTS, {"m": spillover}, exact=True)
    assert quick.margin(Dimension(2, "m")) > 0.0
    assert quick.margin(Dimension(2)) == exact.margin(Dimension(2, "m")) == 0.0
    with pytest.raises(AmbiguousEventError):
        quick.demand_flowkits_digits(Dimension(2, "m"))
    quick.demand_flowkits_digits(Dimension(2))
    exact.demand_flowkits_digits(Dimension(2, "m"))


@pytest.mark.parametrize("detector", [2, 3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_margin_where_a_detector_holds_no_number(detector: int, dtype: type, frame_of, spillover) -> None:
    events = EVENTS.astype(dtype)
    events[5, detector] = np.nan
    with pytest.raises(AmbiguousEventError):
        frame_of(events, {"m": spillover}, wanted={"m": [2]}).margin(Dimension(2, "m"))


def test_what_is_derived_is_made_once_and_handed_down(frame_of) -> None:
    made = []

    def doubled(frame: Frame) -> np.ndarray:
        made.append(len(frame))
        return 2.0 * frame.values(Dimension(0))

    root = frame_of(EVENTS)
    root.derived("doubled", doubled)
    assert np.array_equal(below(root, [4, 6]).derived("doubled", doubled), 2.0 * EVENTS[[4, 6], 0])
    assert made == [20]
