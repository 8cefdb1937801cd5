"""The engine's membership is FlowKit's, event for event: random strategies on events that crowd on their edges."""

from __future__ import annotations

from collections import Counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = ("FSC-A", "SSC-A", "Time", "A", "B", "C", "D")
DETECTORS = NAMES[3:]
WILD = np.array(
    [np.nan, np.inf, -np.inf, 1e300, -1e200, 1e38, 1e16, -1e16, -0.0, 1e-42, -1e-310, 5e-324], dtype=np.float64
)
KINDS = ("rectangle", "polygon", "ellipsoid", "quadrant", "boolean")
EXAMPLES = 100


def random_events(rng: np.random.Generator, style: str, n: int) -> np.ndarray:
    """Events of a style: ``ordinary``, ``zeros``, ``tight`` (a small spread far from nought) or ``wild``."""
    events = np.empty((n, len(NAMES)))
    events[:, 0] = rng.normal(60_000, 20_000, n).round()
    events[:, 1] = rng.normal(30_000, 20_000, n).round(2)
    events[:, 2] = np.sort(rng.uniform(0, 500, n))
    events[:, 3:] = 10 ** rng.normal(2.5, 1.0, (n, 4)) * rng.choice([1, 1, 1, -0.05], (n, 4))
    if style == "zeros":
        events[rng.random(events.shape) < 0.3] = 0.0
        events = events.round()
    if style == "tight":
        events[:, :3] = events[:, :3] * 1e-5 + rng.choice([0.0, 1e6, 3e7, -1e5], 3)
        events[:, 3:] = events[:, 3:] * 1e-7 + rng.choice([0.0, 1e3, 2e4, -500.0], 4)
    if style == "wild":
        places = rng.random(events.shape) < 0.01
        events[places] = rng.choice(WILD, places.sum())
    return events


def tally(found: Any, n: int) -> Counter[str]:
    """What one example adds to the figures."""
    return Counter(
        strategies=1, left=bool(found.left), exact=found.is_exact, gates=found.n_gates, memberships=found.n_gates * n
    )


@pytest.mark.parametrize("style", ["ordinary", "zeros", "tight", "wild"])
def test_any_strategy_event_for_event(style: str, random_gates: ModuleType) -> None:
    seen: Counter[str] = Counter()

    @settings(derandomize=True, max_examples=EXAMPLES, deadline=None)
    @given(
        seed=st.integers(0, 2**32 - 1),
        n=st.sampled_from([3, 40, 300, 1500, 3000]),
        rows=st.sampled_from([7, 64, 500, 16_384]),
        dtype=st.sampled_from([np.float32, np.float64]),
        n_detectors=st.sampled_from([0, 2, 3, 4]),
        kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=8),
        is_crowded=st.booleans(),
    )
    def examples(seed, n, rows, dtype, n_detectors, kinds, is_crowded):
        rng = np.random.default_rng(seed)
        with np.errstate(all="ignore"):
            events = random_events(rng, style, n).astype(dtype)
        matrix = random_gates.random_matrix(rng, DETECTORS, n_detectors)
        maker = random_gates.StrategyMaker(rng, random_gates.sample_of(events, NAMES), matrix=matrix)
        for kind in kinds:
            maker.add(kind)
        events = maker.crowded(events) if is_crowded else events
        sample = random_gates.sample_of(events, NAMES)
        found = random_gates.compare(maker.strategy, sample, events, rows=max(rows, n // 100))
        assert found.wrong == {}
        assert found.left == "" or "ellipsoid" in kinds
        seen.update(tally(found, n))

    examples()
    print(style, dict(seen))
    assert seen["left"] <= 0.1 * seen["strategies"] and seen["gates"] > 100
    assert 0 < seen["exact"] < seen["strategies"]


def test_rims_are_right_or_left_to_flowkit(random_gates: ModuleType) -> None:
    """Ellipsoids whose rim goes through an event, whose side a product's last digits decide."""
    seen: Counter[str] = Counter()
    for seed in range(EXAMPLES):
        rng = np.random.default_rng(seed)
        events = random_events(rng, "ordinary", 300)
        maker = random_gates.StrategyMaker(rng, random_gates.sample_of(events, NAMES), on_rims=True)
        for kind in rng.choice(["rectangle", "ellipsoid"], 3):
            maker.add(str(kind))
        found = random_gates.compare(maker.strategy, random_gates.sample_of(events, NAMES), events)
        assert found.wrong == {}
        seen.update(tally(found, len(events)))
    print(dict(seen))
    assert 0 < seen["left"] < seen["strategies"]
