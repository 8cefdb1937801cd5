"""Columns as gates see them: compensated as FlowKit would, contiguous, of the whole file or evenly spread over it."""

from __future__ import annotations

import gc
import subprocess
import weakref
from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.cytometry import linear_events
from cytotrial.cytometry.compensation import Spillover, compensate
from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.cytometry.linear_events import ROWS, LinearEvents

NAMES = ("FSC-A", "B-A", "V-A", "SSC-A", "R-A", "Time")
SPILL = Spillover(("R-A", "B-A", "V-A"), np.array([[1.0, 0.2, 0.05], [0.1, 1.0, 0.0], [0.3, 0.02, 1.0]]), "SPILL")


def measured(n: int = 2 * ROWS + 17) -> np.ndarray:
    """Events of six channels, Time ascending."""
    events = np.random.default_rng(3).normal(2000.0, 900.0, (n, len(NAMES)))
    events[:, 5] = np.arange(n) / 100.0
    return events


def linear(
    events: np.ndarray, *, spillover: Spillover | None = SPILL, used: tuple[int, ...] = (0, 1, 4, 5)
) -> LinearEvents:
    """These events with their spillover undone."""
    return LinearEvents(EventsInMemory(events), spillover, NAMES, used=used)


@pytest.mark.parametrize("n", [1, 5, ROWS, 2 * ROWS + 17])
def test_compensated_as_flowkit_does(n: int) -> None:
    """Detectors in another order than the file's, some of them not asked for; light and time are left alone."""
    events = measured(n)
    made, wanted = linear(events), compensate(events, SPILL, NAMES)
    assert len(made) == n
    for index in range(len(NAMES)):
        assert made.column(index) == pytest.approx(wanted[:, index], rel=1e-12, abs=1e-9)
    for index in (0, 3, 5):
        assert np.array_equal(made.column(index), events[:, index])


def test_without_spillover() -> None:
    events = measured(100)
    made = linear(events, spillover=None)
    assert all(np.array_equal(made.column(index), events[:, index]) for index in range(len(NAMES)))


def test_columns_are_contiguous_and_made_once() -> None:
    made = linear(measured())
    column = made.column(4)
    assert column.flags.c_contiguous
    assert made.column(4) is column
    with pytest.raises(ValueError, match="read-only"):
        column[0] = 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("channel", "finite"), [(4, False), (2, False), (0, False), (3, True)])
def test_finite(bad: float, channel: int, finite: bool) -> None:
    """A detector that is not asked for (V) is taken into those that are; side scatter is nobody's business."""
    events = measured()
    events[ROWS + 5, channel] = bad
    made = linear(events)
    made.column(3)  # made by itself, it says nothing of the others
    assert made.finite is finite


def test_a_detector_spoils_its_neighbours_also_where_nothing_spills() -> None:
    """FlowKit solves for all of them at once: such an event is in no gate."""
    events = measured()
    events[0, 2] = np.nan
    nothing = Spillover(SPILL.detectors, np.eye(3), "SPILL")
    assert not linear(events, spillover=nothing).finite
    assert np.isnan(compensate(events, nothing, NAMES)[0, 1])


def test_finite_where_no_detector_is_asked_for() -> None:
    events = measured()
    events[0, 4] = np.nan
    assert linear(events, used=(0, 5)).finite


def test_huge_values_are_numbers() -> None:
    """Their sum is not."""
    events = np.full((300, len(NAMES)), 1.7e308)
    assert linear(events, spillover=None).finite


def test_a_usual_file_is_seen_whole() -> None:
    made = linear(measured())
    assert made.seen is made


def test_seen_events_are_freed_with_their_last_user() -> None:
    made = linear(measured())
    made.seen.column(4)
    gone = weakref.ref(made)
    gc.disable()  # a circle would wait for it, and a job of many files hold several files' events meanwhile
    try:
        del made
        assert gone() is None
    finally:
        gc.enable()


def test_a_very_large_file_is_seen_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_events, "MOST_SEEN", 1000)
    events = measured()
    made, wanted = linear(events), compensate(events, SPILL, NAMES)
    seen = made.seen
    assert len(seen) == 1000
    assert seen is made.seen
    rows = np.round(seen.column(5) * 100.0).astype(int)
    assert (rows[0], rows[-1]) == (0, len(events) - 1)
    assert set(np.diff(rows)) <= {8, 9}
    assert seen.column(4) == pytest.approx(wanted[rows, 4], rel=1e-12)
    assert len(made.column(4)) == len(events)


def test_what_is_no_number_is_noticed_where_it_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_events, "MOST_SEEN", 1000)
    events = measured()
    events[1, 4] = np.nan
    seen = linear(events).seen
    assert np.isfinite(seen.column(4)).all()
    assert not seen.finite


PROGRAM = """
import hashlib, numpy as np
from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.cytometry.linear_events import LinearEvents
rng = np.random.default_rng(0)
n = {n}
matrix = np.eye(n) + np.triu(rng.random((n, n)) * 0.1, 1)
names = [str(i) for i in range(n)]
events = EventsInMemory(rng.normal(0, 1e4, (30_000, n)))
made = LinearEvents(events, Spillover(tuple(names), matrix, ""), names, used=range(n))
print(hashlib.sha256(b"".join(made.column(i).tobytes() for i in range(n))).hexdigest())
"""


@pytest.mark.parametrize("n_channels", [7, 40])
def test_same_digits_whatever_the_threads(run_with_threads: Callable[[str, int], str], n_channels: int) -> None:
    program = PROGRAM.format(n=n_channels)
    assert run_with_threads(program, 1) == run_with_threads(program, 2)


@pytest.fixture
def run_with_threads(programs: dict[str, str]) -> Callable[[str, int], str]:
    """What a program prints where the linear algebra library may use so many threads."""

    def run(program: str, threads: int) -> str:
        asked = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        line = ["python", "-c", program]
        done = subprocess.run(line, capture_output=True, text=True, env=programs | asked, timeout=60, check=True)
        return done.stdout

    return run
