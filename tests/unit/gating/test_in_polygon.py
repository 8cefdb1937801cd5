"""The raster and the polygon say the same of every event."""

from __future__ import annotations

import numpy as np
import pytest
from flowutils.gating import points_in_polygon

from cytotrial.cytometry.scale_table import LARGEST_ERROR
from cytotrial.gating.in_polygon import FEW, in_polygon

Rng = np.random.Generator


def star(rng: Rng) -> np.ndarray:
    """Corners anywhere: edges that cross each other."""
    return rng.normal(0.0, 1.0, (int(rng.integers(3, 30)), 2))


def ellipse(rng: Rng) -> np.ndarray:
    """Of any width, also thinner than a cell."""
    angles = np.linspace(0.0, 2.0 * np.pi, int(rng.integers(5, 41)), endpoint=False)
    return rng.normal(0.0, 1.0, 2) + np.column_stack([np.cos(angles), np.sin(angles)]) * 10.0 ** rng.uniform(
        -6.0, 0.5, 2
    )


def on_a_lattice(rng: Rng) -> np.ndarray:
    """Upright and level edges, corners on top of each other."""
    return rng.integers(-3, 4, (int(rng.integers(3, 20)), 2)) / 2.0


def corner(rng: Rng) -> np.ndarray:
    """The whole plane but one corner, reaching far beyond all events."""
    x, y = rng.normal(0.0, 1.0, 2)
    return np.array([(-30.0, -30.0), (90.0, -30.0), (90.0, y), (x, y), (x, 120.0), (-30.0, 120.0)])


def beside(rng: Rng) -> np.ndarray:
    """Where no event is."""
    return star(rng) + 40.0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n", [FEW - 1, FEW])
@pytest.mark.parametrize("shape", [star, ellipse, on_a_lattice, corner, beside])
def test_every_event_as_the_polygon_says(shape: object, n: int, seed: int) -> None:
    """Places are known to the limit of `nearly`; many events lie on the lattice, some on corners."""
    rng = np.random.default_rng(seed)
    corners = shape(rng)
    exact = rng.normal(0.0, 1.0, (n, 2))
    exact[::3] = np.round(exact[::3] * 2.0) / 2.0
    exact[: len(corners)] = corners
    near = exact + rng.uniform(-LARGEST_ERROR, LARGEST_ERROR, exact.shape)
    asked = []

    def places(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return np.ascontiguousarray(exact[rows])

    found = in_polygon(corners, near[:, 0].copy(), near[:, 1].copy(), places)
    assert np.array_equal(found, points_in_polygon(corners, exact))
    print(shape.__name__, seed, f"{found.mean():.3f} inside, {asked[0]} of {n} asked")


def test_few_are_asked_one_by_one() -> None:
    """What makes it fast: of a cluster in its own ellipse some per cent lie in a cell of the rim."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    events = rng.normal(0.0, 0.3, (20_000, 2))
    asked = []

    def places(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return events[rows]

    in_polygon(np.column_stack([np.cos(angles), np.sin(angles)]), events[:, 0].copy(), events[:, 1].copy(), places)
    assert sum(asked) < 0.03 * len(events)


@pytest.mark.parametrize("value", [0.0, 1.0, 2.0])
def test_all_events_in_one_place(value: float) -> None:
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    events = np.full((FEW + 1, 2), value)
    found = in_polygon(corners, events[:, 0].copy(), events[:, 1].copy(), lambda rows: events[rows])
    assert found.tolist() == points_in_polygon(corners, events).tolist()
