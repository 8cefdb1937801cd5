"""How sure a gate's place is by its own file's events: against many tubes of the same blood, whose gates are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cytotrial.gating.aliquots import ALIQUOTS, LEARNING, Spread, placement_spread
from cytotrial.gating.arguments import METHODS
from cytotrial.gating.grown_shapes import SHAPED
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.strategy import Rule

Events = Callable[..., ParentEvents]
Columns = Mapping[str, np.ndarray]
DRAWS = 200  # a standard deviation of so many is told within 5 %
LEAST, MOST = 0.8, 1.25


def two_peaks(rng: np.random.Generator, n: int) -> Columns:
    is_positive = rng.random(n) < 0.4
    return {"CD3": 10.0 ** np.where(is_positive, rng.normal(4.1, 0.3, n), rng.normal(2.6, 0.3, n))}


def cd4_cells(rng: np.random.Generator, n: int) -> Columns:
    """Conventional cells, activated ones, Treg."""
    kind = rng.choice(3, n, p=[0.90, 0.03, 0.07])
    cd25 = np.choose(kind, [2.5, 3.0, 3.6]) + rng.normal(0.0, 0.25, n)
    return {"CD25": 10.0**cd25, "CD127": 10.0 ** (np.choose(kind, [3.8, 3.5, 2.8]) + rng.normal(0.0, 0.22, n))}


def nk_cells(rng: np.random.Generator, n: int) -> Columns:
    is_bright = rng.random(n) < 0.1
    return {"CD56": 10.0 ** np.where(is_bright, rng.normal(4.2, 0.15, n), rng.normal(3.4, 0.2, n))}


BLOOD = {"valley": two_peaks, "reference_population": cd4_cells, "relative_threshold": nk_cells}


def rule_of(method: str, *markers: str) -> Rule:
    return Rule("x", "root", markers, method, METHODS[method](), "none", None, "lineage")


@pytest.fixture
def drawn(parent_events: Events) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Method and events -> thresholds of many tubes, and what each said of its own, both (DRAWS, n_bounds), scaled."""

    @cache
    def make(method: str, n: int) -> tuple[np.ndarray, np.ndarray]:
        places, spreads = [], []
        for seed in range(DRAWS):
            columns = BLOOD[method](np.random.default_rng([seed, n]), n)
            events = parent_events(columns, tuple(columns))
            rule = rule_of(method, *columns)
            found = place(method, events, args=rule.args)
            places.append([float(events.axis(one.marker).to_scale(one.linear)) for one in found.bounds])
            spreads.append(placement_spread(events, rule, found).bounds)
        return np.array(places), np.array(spreads)

    return make


def root_mean_square(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(values**2, axis=0))


@pytest.mark.parametrize(
    ("method", "n"), [("valley", 16_000), ("reference_population", 6_000), ("relative_threshold", 3_000)]
)
def test_files_say_how_far_their_gates_lie_apart(drawn: Callable, method: str, n: int) -> None:
    places, spreads = drawn(method, n)
    true, told = places.std(axis=0, ddof=1), root_mean_square(spreads)
    print(f"{method}, {n} events: SD of {DRAWS} tubes {true}, by their own aliquots {told}, ratio {told / true}")
    assert (told > LEAST * true).all() and (told < MOST * true).all()


def test_a_valley_of_few_events_is_told_within_a_factor_of_two(drawn: Callable) -> None:
    """Too sure: fewer than 2,000 events are smoothed more, so aliquots of 500 wander less than they should."""
    places, spreads = drawn("valley", 2_000)
    ratio = float((root_mean_square(spreads) / places.std(axis=0, ddof=1))[0])
    print(f"2,000 events: told over true {ratio:.2f}")
    assert 0.5 < ratio < MOST


def test_falls_with_the_root_of_the_events(drawn: Callable) -> None:
    few, many = (root_mean_square(drawn("reference_population", n)[1]) for n in (6_000, 24_000))
    print(f"6,000 events {few}, 24,000 events {many}: {few / many} times")
    assert few / many == pytest.approx([2.0, 2.0], rel=0.2)


def test_measures_are_told_of_their_logarithm(parent_events: Events) -> None:
    """Numbers of another unit, four times as large, are as sure."""
    columns = nk_cells(np.random.default_rng(1), 4_000)
    rule = rule_of("relative_threshold", "CD56")
    told = []
    for factor in (1.0, 4.0):
        events = parent_events({name: factor * values for name, values in columns.items()}, rule.markers)
        told.append(placement_spread(events, rule, place(rule.method, events, args=rule.args)).measures)
    assert set(told[0]) == {"dim_mode", "threshold_over_dim_mode"} and min(told[0].values()) > 0
    assert told[1] == pytest.approx(told[0], rel=1e-3)


def test_aliquots_share_no_event_and_hold_all(parent_events: Events) -> None:
    events = parent_events({"CD3": np.arange(1_003.0)}, ("CD3",))
    assert len(events.scaled("CD3")) == 1_003  # made before, and cut to the aliquot's events
    parts = [events.every(ALIQUOTS, first) for first in range(ALIQUOTS)]
    assert [len(one) for one in parts] == [251, 251, 251, 250]
    assert sorted(np.concatenate([one.linear("CD3") for one in parts])) == list(range(1_003))
    for one in parts:
        assert one.markers == ("CD3",)
        assert np.array_equal(one.scaled("CD3"), events.scaled("CD3")[one.linear("CD3").astype(int)])


def test_gates_of_a_parent_are_told_by_its_events_alone(parent_events: Events) -> None:
    """Also where an aliquot reads a marker that nobody asked for before."""
    columns = dict(two_peaks(np.random.default_rng(2), 8_000))
    inside = np.arange(8_000) % 2 == 0
    alone = parent_events({name: values[inside] for name, values in columns.items()}, ("CD3",))
    among = ParentEvents(parent_events(columns, ("CD3",)).tube, inside, ("CD3",))
    rule = rule_of("valley", "CD3")
    found = place("valley", alone, args=rule.args)
    assert placement_spread(among, rule, found) == placement_spread(alone, rule, found) != Spread()


def test_too_few_events_tell_nothing(parent_events: Events) -> None:
    """A valley asks for 50 events: aliquots of 45 show none, though the file does."""
    rule = rule_of("valley", "CD3")
    events = parent_events(two_peaks(np.random.default_rng(3), 180), ("CD3",))
    found = place("valley", events, args=rule.args)
    assert found.found and placement_spread(events, rule, found) == Spread()


@pytest.mark.parametrize("method", sorted(set(METHODS) - set(LEARNING)))
def test_methods_that_learn_nothing_tell_nothing(parent_events: Events, method: str) -> None:
    rule = replace(rule_of("valley", "CD3"), method=method)
    events = parent_events(two_peaks(np.random.default_rng(4), 4_000), ("CD3",))
    found = place("valley", events, args=METHODS["valley"]())
    assert found.found and placement_spread(events, rule, found) == Spread()


def test_a_gate_that_was_not_found_tells_nothing(parent_events: Events) -> None:
    events = parent_events(two_peaks(np.random.default_rng(5), 4_000), ("CD3",))
    assert placement_spread(events, rule_of("valley", "CD3"), Landmark((), "no valley")) == Spread()


def test_every_method_that_learns_is_named() -> None:
    """A new method must say whether its gates can be told by resampling."""
    others = {"below_range", "steady_signal", "opposite", "fixed", "flowjo", "gatingml"}
    assert set(LEARNING) | others == set(METHODS) and set(SHAPED) < set(LEARNING)


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_every_gate_of_a_simulated_tube_is_told(simulated_file: Callable, panel: str) -> None:
    """One number for each bound, none of them nought; shapes a small share of their extent."""
    for one in simulated_file(panel).placed():
        if one.rule.method in LEARNING:
            print(f"{one.rule.id}: {one.spread.bounds}")
            assert len(one.spread.bounds) == len(one.landmark.bounds) > 0
            assert all(0.0 < spread < 0.05 for spread in one.spread.bounds)
            assert set(one.spread.measures) == set(one.landmark.measures)
        else:
            assert one.spread == Spread()
