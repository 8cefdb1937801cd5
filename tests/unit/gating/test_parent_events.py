"""What a method sees: the parent's events alone, each column made once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.cytometry.scale import Scale
from cytotrial.cytometry.scale_table import LARGEST_ERROR
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.density import density
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.parent_events import ParentEvents

N = 6000
SQUARE = ((-500.0, 40_000.0), (9_000.0, 40_000.0), (9_000.0, 80_000.0), (-500.0, 80_000.0))


@pytest.fixture
def tube(make_tube: Callable[..., Tube]) -> Tube:
    rng = np.random.default_rng(4)
    return make_tube(
        {
            "FSC-A": rng.uniform(20_000.0, 100_000.0, N),
            "CD3": rng.normal(2_000.0, 4_000.0, N),
            "CD4": 10.0 ** rng.normal(3.0, 0.5, N),
            "Time": np.sort(rng.uniform(0.0, 10.0, N)),
        }
    )


@pytest.fixture
def half(tube: Tube) -> tuple[ParentEvents, np.ndarray]:
    """Every second event, and which these are."""
    inside = np.arange(N) % 2 == 0
    return ParentEvents(tube, inside, ("CD3", "CD4")), inside


def test_only_the_parents_events(tube: Tube, half: tuple[ParentEvents, np.ndarray]) -> None:
    events, inside = half
    assert (len(events), events.markers) == (N // 2, ("CD3", "CD4"))
    for marker in tube.axes:
        assert np.array_equal(events.linear(marker), tube.linear(marker)[inside])
    assert events.fluorescence() == ("CD3", "CD4")


def test_on_the_gates_scale(tube: Tube, half: tuple[ParentEvents, np.ndarray]) -> None:
    events, inside = half
    exact = tube.axes["CD3"].to_scale(tube.linear("CD3")[inside])
    assert 0.0 < np.abs(events.scaled("CD3") - exact).max() <= LARGEST_ERROR
    assert np.array_equal(events.scaled("FSC-A"), events.linear("FSC-A"))


@pytest.mark.parametrize("bits", [10, 18, 24, 26, 32])
def test_on_the_gates_scale_whatever_the_range(make_tube: Callable[..., Tube], bits: int) -> None:
    top = 2.0**bits
    values = top * np.concatenate([np.linspace(-0.01, 0.01, 3000), np.geomspace(1e-9, 2.0, 3000)])
    tube = make_tube({"CD3": values}, top=top, scale=Scale(m=4.5 + max(0.0, np.log10(top / 2**18)), w=0.5))
    found = ParentEvents(tube, np.ones(6000, dtype=bool)).scaled("CD3")
    assert np.abs(found - tube.axes["CD3"].to_scale(values)).max() <= LARGEST_ERROR


def test_each_column_is_made_once_whoever_asks(half: tuple[ParentEvents, np.ndarray]) -> None:
    events, _ = half
    other = events.asked(("CD4",))
    assert (other.markers, events.markers) == (("CD4",), ("CD3", "CD4"))
    assert other.linear("CD4") is events.linear("CD4")
    assert other.scaled("CD3") is events.scaled("CD3")
    assert other.density("CD4") is events.density("CD4")
    assert np.array_equal(events.density("CD4").counts, density(events.scaled("CD4")).counts)


def test_density_of_too_few(tube: Tube) -> None:
    assert ParentEvents(tube, np.arange(N) < 49).density("CD3") is None
    assert ParentEvents(tube, np.arange(N) < 50).density("CD3") is not None


def test_within(tube: Tube, half: tuple[ParentEvents, np.ndarray]) -> None:
    """Lower bounds are inside, upper ones are not; those within those within are of the same file still."""
    events, inside = half
    edge = float(tube.linear("CD3")[10])
    cd3, fsc, time = tube.linear("CD3"), tube.linear("FSC-A"), tube.linear("Time")
    for bounds, wanted in [
        ([Bound("CD3", "min", edge)], cd3 >= edge),
        ([Bound("CD3", "max", edge)], cd3 < edge),
        ([Bound("CD3", "min", 0.0), Bound("CD3", "max", edge)], (cd3 >= 0.0) & (cd3 < edge)),
        (
            [Bound("Time", "shape", None, ((1.0, 2.0), (5.0, 9.0)))],
            ((time >= 1) & (time < 2)) | ((time >= 5) & (time < 9)),
        ),
        ([Bound("CD3:FSC-A", "shape", None, SQUARE)], (cd3 > -500) & (cd3 < 9e3) & (fsc > 4e4) & (fsc < 8e4)),
        ([Bound("CD3", "min", 1e9)], cd3 > 1e9),
    ]:
        events.linear("CD4")
        inner = events.within(bounds)
        assert np.array_equal(inner.linear("CD4"), tube.linear("CD4")[inside & wanted])
        assert np.array_equal(events.inside(bounds), wanted[inside])
        assert np.array_equal(
            inner.within([Bound("CD4", "min", 900.0)]).linear("CD3"),
            cd3[inside & wanted & (tube.linear("CD4") >= 900.0)],
        )


def test_nobody(tube: Tube) -> None:
    events = ParentEvents(tube, np.zeros(N, dtype=bool))
    assert len(events) == len(events.linear("CD3")) == len(events.scaled("CD3")) == 0
    assert len(events.within([Bound("CD3:FSC-A", "shape", None, SQUARE)])) == 0
