"""Every method on next to nothing: not found with a reason, never a crash, never a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.gating.arguments import METHODS, Fixed
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents

COLUMNS = ("FSC-A", "FSC-H", "FSC-W", "SSC-A", "Time", "CD3", "CD4", "CD8", "dump")
MARKERS = {
    "steady_signal": ("Time",),
    "singlet_band": ("FSC-A", "FSC-H"),
    "valley": ("CD3",),
    "quadrant": ("CD4", "CD8"),
    "scatter_cluster": ("FSC-A", "SSC-A"),
    "corner": ("SSC-A", "dump"),
    "reference_population": ("CD4", "CD8"),
    "relative_threshold": ("CD3",),
}
NOT_BY_EVENTS = {"below_range", "fixed", "opposite", "flowjo", "gatingml"}
Events = Callable[..., ParentEvents]


def test_every_method_that_places_by_events_is_here() -> None:
    assert set(MARKERS) | NOT_BY_EVENTS == set(METHODS)


def same(n: int, value: float) -> dict[str, np.ndarray]:
    """n events, all of one value."""
    return {name: np.full(n, value) for name in COLUMNS}


def one_peak(n: int) -> dict[str, np.ndarray]:
    """n events around 2,000 in every channel, none of which says anything of another."""
    rng = np.random.default_rng(0)
    return {name: rng.normal(2000.0, 300.0, n) for name in COLUMNS}


def assert_not_found(method: str, events: ParentEvents) -> None:
    """With a reason, and without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = place(method, events, args=METHODS[method]())
    print(method, len(events), "->", found.reason)
    assert not found.found
    assert found.reason
    assert not found.measures


@pytest.mark.parametrize("method", MARKERS)
@pytest.mark.parametrize(
    ("n", "value"), [(0, 0.0), (1, 500.0), (30, 500.0), (5000, 0.0), (5000, 500.0), (5000, -50.0), (5000, np.nan)]
)
def test_too_few_events_or_one_value(parent_events: Events, method: str, n: int, value: float) -> None:
    """No file with a NaN gets as far as a method: `tube_of` refuses it."""
    assert_not_found(method, parent_events(same(n, value), MARKERS[method]))


@pytest.mark.parametrize("method", MARKERS)
@pytest.mark.parametrize("n", [1, 2, 3, 10, 49])
def test_a_handful_of_events(parent_events: Events, method: str, n: int) -> None:
    assert_not_found(method, parent_events(one_peak(n), MARKERS[method]))


@pytest.mark.parametrize("method", sorted(set(MARKERS) - {"steady_signal"}))
def test_nothing_above_zero(parent_events: Events, method: str) -> None:
    """Time below zero is still steady; scatter, and cells without a stain, are nothing."""
    columns = {name: values - 9000.0 for name, values in one_peak(3000).items()}
    assert_not_found(method, parent_events(columns, MARKERS[method]))


def test_one_width(parent_events: Events) -> None:
    found = place("singlet_band", parent_events(same(5000, 500.0), ("FSC-A", "FSC-W")), args=METHODS["singlet_band"]())
    assert (found.found, found.reason) == (False, "FSC-W has one value")


def test_one_height_and_many_areas(parent_events: Events) -> None:
    columns = same(5000, 500.0) | {"FSC-A": np.linspace(400.0, 600.0, 5000)}
    found = place("singlet_band", parent_events(columns, ("FSC-A", "FSC-H")), args=METHODS["singlet_band"]())
    assert (found.found, found.reason) == (False, "FSC-H has one value")


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("valley", "no CD3 valley of prominence 0.3 among 5000 parent events"),
        ("quadrant", "no CD4 valley of prominence 0.3 among 5000 parent events"),
        ("corner", "no CD3 valley among 5000 parent events"),
    ],
)
def test_one_mode(parent_events: Events, method: str, told: str) -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(200.0, 60.0, 5000) for name in COLUMNS}
    found = place(method, parent_events(columns, MARKERS[method]), args=METHODS[method]())
    assert (found.found, found.reason) == (False, told)


def test_quadrant_with_one_of_its_valleys(parent_events: Events) -> None:
    rng = np.random.default_rng(0)
    two = np.concatenate([rng.normal(100.0, 60.0, 2500), rng.lognormal(8.5, 0.2, 2500)])
    found = place(
        "quadrant", parent_events({"CD4": two, "CD8": np.full(5000, 3.0)}, ("CD4", "CD8")), args=METHODS["quadrant"]()
    )
    assert not found.found
    assert found.reason.startswith("no CD8 valley")


def test_nothing_but_a_person_decides_a_fixed_gate(parent_events: Events) -> None:
    found = place("fixed", parent_events(same(0, 0.0), ("CD3",)), args=Fixed(700.0, "below"))
    (bound,) = found.bounds
    assert (bound.marker, bound.side, bound.linear) == ("CD3", "max", 700.0)


def test_range_does_not_depend_on_the_events(parent_events: Events) -> None:
    found = place("below_range", parent_events(same(0, 0.0), ("FSC-A", "SSC-A")), args=METHODS["below_range"]())
    assert [(b.marker, b.side, b.linear) for b in found.bounds] == [
        ("FSC-A", "max", 0.999 * 262144),
        ("SSC-A", "max", 0.999 * 262144),
    ]


@pytest.mark.parametrize(("n_beyond", "is_found"), [(0, True), (50, True), (51, False), (100, False)])
def test_a_range_that_most_events_lie_above_is_no_range(parent_events: Events, n_beyond: int, is_found: bool) -> None:
    values = np.where(np.arange(100) < n_beyond, 5e5, 100.0)
    found = place("below_range", parent_events({"FSC-A": values}, ("FSC-A",)), args=METHODS["below_range"]())
    assert found.found is is_found
    if not is_found:
        assert found.reason == f"{n_beyond} % of events lie above FSC-A's range of 262144: not a true range"
