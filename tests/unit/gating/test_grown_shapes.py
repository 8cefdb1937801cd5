"""Shapes a little larger: what grows, what stays, and how far shapes of known size lie apart."""

from __future__ import annotations

from itertools import pairwise
from statistics import stdev

import numpy as np
import pytest

from cytotrial.gating.arguments import METHODS, ScatterCluster
from cytotrial.gating.grown_shapes import SHAPED, extent_spread, grown
from cytotrial.gating.in_polygon import in_polygon
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.methods import place

ANGLES = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
LEANING = np.array([[0.08, 0.0], [0.03, 0.06]])  # of log10 scatter
ELLIPSE = tuple(
    map(tuple, 10.0 ** (np.array([4.8, 4.4]) + np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]) @ LEANING.T))
)
HEIGHTS = np.linspace(0.0, 1.05, 9) * 2e5
BAND = (*zip(((1.1 + 1e-7 * HEIGHTS) * HEIGHTS).tolist(), HEIGHTS.tolist(), strict=True), (0.0, float(HEIGHTS[-1])))
CORNER = ((-3e5, -3e5), (3e6, -3e5), (3e6, 900.0), (4e4, 900.0), (4e4, 3e6), (-3e5, 3e6))
SHAPES = {"scatter_cluster": ELLIPSE, "singlet_band": BAND, "corner": CORNER}


def test_every_method_of_shapes_is_here() -> None:
    assert set(SHAPES) == set(SHAPED) <= set(METHODS)


@pytest.mark.parametrize("method", SHAPED)
def test_by_nothing_is_the_same(method: str) -> None:
    assert np.allclose(grown(method, SHAPES[method], 0.0), SHAPES[method], rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("method", SHAPED)
def test_there_and_back(method: str) -> None:
    """A tenth further, then an eleventh less."""
    larger = grown(method, SHAPES[method], 0.1)
    assert not np.allclose(larger, SHAPES[method], rtol=1e-2)
    assert np.allclose(grown(method, larger, -1.0 / 11.0), SHAPES[method], rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("method", SHAPED)
def test_the_larger_holds_the_smaller(method: str) -> None:
    """Every event inside is inside the grown shape, and some more are."""
    rng = np.random.default_rng(1)
    points = 10.0 ** rng.uniform(4.0, 5.3, (20_000, 2)) if method != "corner" else rng.uniform(-1e3, 1e5, (20_000, 2))
    sizes = [inside(grown(method, SHAPES[method], by), points) for by in (-0.15, -0.05, 0.0, 0.05, 0.15)]
    print(f"{method}: {[int(one.sum()) for one in sizes]} of {len(points)}")
    for smaller, larger in pairwise(sizes):
        assert (larger | ~smaller).all() and larger.sum() > smaller.sum()


def inside(shape: tuple[tuple[float, float], ...], points: np.ndarray) -> np.ndarray:
    return in_polygon(np.array(shape), points[:, 0], points[:, 1], lambda rows: points[rows])


def test_a_cluster_keeps_its_centre_and_form() -> None:
    """On log10: each vertex a tenth further from the centre, in its own direction."""
    own, larger = np.log10(ELLIPSE), np.log10(grown("scatter_cluster", ELLIPSE, 0.1))
    assert larger.mean(axis=0) == pytest.approx([4.8, 4.4])
    assert np.allclose(larger - [4.8, 4.4], 1.1 * (own - [4.8, 4.4]), atol=1e-12)


@pytest.mark.parametrize("method", ["singlet_band", "corner"])
def test_the_first_axis_alone_is_moved(method: str) -> None:
    own, larger = np.array(SHAPES[method]), np.array(grown(method, SHAPES[method], 0.1))
    assert np.array_equal(own[:, 1], larger[:, 1])
    assert np.allclose(larger[:, 0], 1.1 * own[:, 0], rtol=1e-12)


@pytest.mark.parametrize("method", SHAPED)
def test_spread_of_shapes_of_known_size(method: str) -> None:
    amounts = (-0.04, 0.0, 0.01, 0.07)
    marker = "SSC-A:dump" if method == "corner" else "FSC-A:SSC-A"
    own, *others = (Bound(marker, "shape", None, grown(method, SHAPES[method], by)) for by in (0.0, *amounts))
    assert extent_spread(method, own, others) == pytest.approx(stdev(amounts), rel=1e-9)
    assert extent_spread(method, own, [own, own, own]) == pytest.approx(0.0, abs=1e-12)


def test_a_cluster_that_is_moved_and_not_larger_is_spread_too() -> None:
    """By 0.02 decades to either side, of a reach of some 0.08: what counts is where the rim lies."""
    sides = [Bound("FSC-A:SSC-A", "shape", None, tuple((x * 10.0**by, y) for x, y in ELLIPSE)) for by in (-0.02, 0.02)]
    own = Bound("FSC-A:SSC-A", "shape", None, ELLIPSE)
    assert 0.1 < extent_spread("scatter_cluster", own, sides) < 0.4


def test_bands_are_compared_at_the_same_height() -> None:
    """One limit, drawn as far as two files' heights go: their knots lie elsewhere, and nothing differs."""
    shapes = []
    for most in (1.5e5, 2.0e5):
        heights = np.linspace(0.0, most, 9)
        areas = (1.0 + 2e-6 * heights) * heights
        shapes.append(Bound("FSC-A:FSC-H", "shape", None, (*zip(areas, heights, strict=True), (0.0, most))))
    assert extent_spread("singlet_band", shapes[0], shapes) == pytest.approx(0.0, abs=1e-12)


def test_shapes_that_methods_place_can_be_grown(parent_events) -> None:
    rng = np.random.default_rng(3)
    scatter = 10.0 ** rng.normal([4.9, 4.4], [0.05, 0.08], (5_000, 2))
    events = parent_events({"FSC-A": scatter[:, 0], "SSC-A": scatter[:, 1]}, ("FSC-A", "SSC-A"))
    (found,) = place("scatter_cluster", events, args=ScatterCluster(seed_marker=None)).bounds
    kept = [int(inside(grown("scatter_cluster", found.coordinates, by), scatter).sum()) for by in (-0.1, 0.0, 0.1)]
    print(f"events inside, a tenth smaller, as placed, a tenth larger: {kept}")
    assert kept[0] < kept[1] < kept[2] and kept[1] == pytest.approx(0.99 * 5_000, rel=0.01)
