"""Cases in which the engine once differed from FlowKit, or came near to it: each as small as it can be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import flowkit as fk
import numpy as np
import pytest
from flowkit import Dimension, gates, transforms

NAMES = ("FSC-A", "SSC-A", "Time", "A", "B", "C")
SCALES = {
    "logicle": transforms.LogicleTransform(262144, 0.5, 4.5, 0),
    "no_width": transforms.LogicleTransform(262144, 0, 4.5, 0),
    "widest": transforms.LogicleTransform(4294967296, 4.35, 8.7, 0),
    "hyperlog": transforms.HyperlogTransform(262144, 1, 4.5, 0),
    "thin_hyperlog": transforms.HyperlogTransform(1.0, 1e-4, 2.0, 0),
    "asinh": transforms.AsinhTransform(262144, 4.5, 0),
    "log": transforms.LogTransform(262144, 4.5),
}
SPILL = np.array([[1.0, 0.13, 0.07], [0.051, 1.0, 0.2], [0.03, 0.11, 1.0]])


@pytest.fixture
def compared(random_gates: ModuleType) -> Callable[..., Any]:
    """Gates below the root on some events: both ways compared, one of `random_gates.Comparison`."""

    def compare(
        events: np.ndarray,
        *below_root: Any,
        matrices: Mapping[str, np.ndarray] | None = None,
        rows: int = 16_384,
        spill: str | None = None,
    ) -> Any:
        strategy = fk.GatingStrategy()
        for name, scale in SCALES.items():
            strategy.add_transform(name, scale)
        for name, matrix in (matrices or {}).items():
            strategy.add_comp_matrix(name, fk.Matrix(matrix, list(NAMES[3:])))
        for gate in below_root:
            strategy.add_gate(gate, ("root",))
        sample = random_gates.sample_of(events, NAMES)
        if spill is not None:
            sample.metadata["spill"] = spill
        return random_gates.compare(strategy, sample, events, rows=rows)

    return compare


def events_of(seed: int, n: int = 2000) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, 1000.0, (n, len(NAMES)))


def limits(
    name: str, channel: str, scale: str | None = None, reference: str = "uncompensated"
) -> list[gates.RectangleGate]:
    """Both sides of two limits, and what lies between them."""
    low, high = (100.0, 500.0) if scale is None else (0.3, 0.7)
    ends = {"above": (low, None), "below": (None, high), "between": (low, high), "nearly_all": (-0.5, None)}
    return [
        gates.RectangleGate(f"{name}_{which}", [Dimension(channel, reference, scale, *pair)])
        for which, pair in ends.items()
    ]


def same(found: Any) -> bool:
    """Whether gates were compiled and none has a differing event."""
    print(found)
    return found.n_gates > 0 and found.wrong == {} and found.left == ""


def on_logicle(value: float) -> float:
    return float(SCALES["logicle"].apply(np.array([[value]]))[0, 0])


def test_a_limit_between_two_float32_numbers(compared) -> None:
    """numpy rounds a float64 limit to float32 before it compares: a whole step of the events' own numbers."""
    events = events_of(0).astype(np.float32)
    events[:50, 3] = events[5, 3]
    chosen = [
        gates.RectangleGate(
            f"r{i}", [Dimension("A", "uncompensated", "logicle", on_logicle(float(events[5, 3]) * factor))]
        )
        for i, factor in enumerate((1 + 1e-8, 1 + 2e-8, 1.0, 1 - 1e-8))
    ]
    assert same(compared(events, *chosen))


@pytest.mark.parametrize("scale", [None, "logicle", "no_width", "hyperlog", "asinh", "log"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_numbers_and_huge_ones(scale: str | None, dtype: type, compared) -> None:
    """flowutils' logicle and hyperlog say -1 of NaN, of both infinities and of what they cannot invert."""
    events = events_of(1)
    events[:8, 3] = [np.nan, np.inf, -np.inf, 1e200, -1e200, 1e36, -1e36, 1e20]
    with np.errstate(over="ignore"):
        events = events.astype(dtype)
    assert same(compared(events, *limits("r", "A", scale), rows=64))


@pytest.mark.parametrize(("scale", "spread"), [("no_width", 1e-9), ("widest", 1e9), ("thin_hyperlog", 1.0)])
def test_scales_whose_iteration_ends_early(scale: str, spread: float, compared) -> None:
    """-1 for some ordinary values: these scales do not rise, and have no limits in linear units."""
    events = events_of(2)
    events[:, 3:] = np.random.default_rng(2).normal(0.0, spread, (len(events), 3))
    failing = SCALES[scale].apply(events[:, [3]]) == -1.0
    assert failing.any()  # else this shows nothing
    corners = [(-1.5, -1.5), (0.6, -0.9), (0.3, 0.7)]
    dimensions = [Dimension("A", transformation_ref=scale), Dimension("B", transformation_ref=scale)]
    chosen = [*limits("r", "A", scale), gates.PolygonGate("p", dimensions, corners)]
    assert same(compared(events, *chosen))
    assert same(compared(events, *limits("c", "A", scale, "m"), matrices={"m": SPILL}))


@pytest.mark.parametrize("channel", [3, 4, 5])
def test_no_number_in_any_detector(channel: int, compared) -> None:
    """The largest of several is lost where the first is a number and the second none."""
    events = events_of(3)
    events[7, channel], events[9, channel], events[11, channel] = np.nan, np.inf, 1e300
    chosen = [*limits("a", "A", None, "m"), *limits("b", "B", "logicle", "m"), *limits("c", "C", "log", "m")]
    found = compared(events, *chosen, matrices={"m": SPILL})
    assert same(found) and found.is_exact


def test_a_logarithm_of_the_smallest_negative_number(compared) -> None:
    """Divided by the top of the scale it is -0.0, which has a logarithm below every limit."""
    events = events_of(4)
    events[:6, 3] = [-5e-324, 5e-324, -0.0, 0.0, -1e-300, -1e-200]
    assert same(compared(events, *limits("r", "A", "log")))


def test_compensated_zeros_on_a_logarithm(compared) -> None:
    """Rounding makes them tiny numbers of either sign, and only one of the signs has a logarithm."""
    events = events_of(5)
    events[:500, 3:] = np.array([[0.1, 0.2, 0.3]]) @ SPILL - [0.1, 0.0, 0.0] @ SPILL
    found = compared(events, *limits("r", "A", "log", "m"), matrices={"m": SPILL})
    assert same(found) and found.is_exact


@pytest.mark.parametrize("far", [1e4, 1e7, 1e12, 3e17, 1e18, 1e25])
def test_a_polygon_with_corners_far_away(far: float, compared) -> None:
    """At 3e17 the rounding of the corners moves flowutils' edges by many cells of the raster."""
    dimensions = [Dimension("FSC-A"), Dimension("SSC-A")]
    polygons = [
        gates.PolygonGate("p", dimensions, [(-far, -far), (far, far), (far, -3 * far)]),
        gates.PolygonGate("q", dimensions, [(-far, -far), (2 * far + 300, 2 * far), (far, -3 * far)]),
        gates.PolygonGate("r", dimensions, [(-far, -2 * far + 100), (far, 2 * far + 777), (far, -3 * far)]),
    ]
    assert same(compared(events_of(6, 5000), *polygons))


def test_events_on_a_small_part_of_an_ellipse(compared) -> None:
    """The corners that stand for it in the raster are then many cells away from it."""
    rng = np.random.default_rng(7)
    events = events_of(7)
    angles = rng.uniform(0.010, 0.011, len(events))
    events[:, 0] = 1e5 * np.cos(angles) + rng.uniform(-2, 2, len(events))
    events[:, 1] = 1e5 * np.sin(angles) + rng.uniform(-2, 2, len(events))
    dimensions = [Dimension("FSC-A"), Dimension("SSC-A")]
    found = compared(events, gates.EllipsoidGate("e", dimensions, (0, 0), [[1e10, 0], [0, 1e10]], 1.0))
    assert same(found)


def triangle(low: Sequence[float], width: Sequence[float]) -> list[tuple[float, float]]:
    places = ((0.1, 0.1), (0.9, 0.15), (0.5, 0.95))
    return [(low[0] + a * width[0], low[1] + b * width[1]) for a, b in places]


def test_float32_events_close_together_far_from_nought(compared) -> None:
    """A raster's cell finer than float32 can say."""
    events = events_of(8, 3000)
    low = (3.3e6, 7.7e6)
    events[:, :2] = np.array(low) + 3.0 * events[:, :2] / 1000.0
    polygon = gates.PolygonGate("p", [Dimension("FSC-A"), Dimension("SSC-A")], triangle(low, (3.0, 3.0)))
    assert same(compared(events.astype(np.float32), polygon))


@pytest.mark.parametrize(("scale", "places"), [("logicle", (5000.0, 9000.0)), ("asinh", (21.3, 33.7))])
def test_events_close_together_on_a_scale(scale: str, places: tuple[float, float], compared) -> None:
    """A raster's cell finer than the scale's table."""
    events = events_of(9, 3000)
    events[:, 3:5] = np.array(places) * (1.0 + 1e-8 * events[:, 3:5])
    low, high = (SCALES[scale].apply(np.array(places) * factor) for factor in (1.0, 1.0 + 1e-5))
    width = high - low
    dimensions = [Dimension("A", transformation_ref=scale), Dimension("B", transformation_ref=scale)]
    assert same(compared(events, gates.PolygonGate("p", dimensions, triangle(low, width))))


def test_equal_events_and_a_polygon_without_width(compared) -> None:
    events = np.zeros((3000, len(NAMES)))
    events[1500:, 0] = 5.0
    dimensions = [Dimension("FSC-A"), Dimension("SSC-A")]
    polygons = [
        gates.PolygonGate("line", dimensions, [(0, 0), (5, 0), (10, 0)]),
        gates.PolygonGate("point", dimensions, [(5, 0), (5, 0), (5, 0)]),
        gates.PolygonGate("corner", dimensions, [(0, 0), (5, 0), (5, 5), (0, 5)]),
    ]
    for stored in (events, events.astype(np.float32)):
        assert same(compared(stored, *polygons))


@pytest.mark.parametrize("direction", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_an_event_on_the_tip_of_a_spike(direction: tuple[int, int], compared) -> None:
    """All corners of the box in which FlowKit's value may lie are outside, and it is inside."""
    wrong = []
    for seed in range(10):
        events = events_of(seed, 300)
        tip = (events[:, 3:] @ np.linalg.inv(SPILL))[5, :2]
        ends = [tip + 500.0 * np.array(direction) + side * 1e-9 * np.array(direction[::-1]) for side in (-1, 1)]
        spike = gates.PolygonGate("p", [Dimension("A", "m"), Dimension("B", "m")], [tip, *ends])
        found = compared(events, spike, matrices={"m": SPILL})
        assert found.is_exact
        wrong.append(found.wrong)
    assert wrong == [{}] * 10


def test_a_matrix_of_any_name(compared) -> None:
    chosen = [*limits("r", "A", None, "measured"), *limits("u", "A"), *limits("f", "B", None, "FCS")]
    text = "3,A,B,C," + ",".join(str(one) for one in (SPILL**2).ravel())
    assert same(compared(events_of(10), *chosen, matrices={"measured": SPILL}, spill=text))


def test_the_files_own_matrix_where_there_is_none(compared) -> None:
    found = compared(events_of(11), *limits("r", "A", "logicle", "FCS"))
    assert same(found) and found.n_gates == 4


def test_what_flowkit_compensates_though_it_was_not_asked(compared) -> None:
    """One channel of a gate asks for a matrix: FlowKit undoes it in all of them."""
    gate = gates.RectangleGate(
        "r", [Dimension("A", "uncompensated", None, 100, 500), Dimension("B", "m", None, 50, 700)]
    )
    assert same(compared(events_of(12), gate, matrices={"m": 3.0 * SPILL}))


def test_boolean_of_quadrants_and_gates_elsewhere(random_gates: ModuleType) -> None:
    """A combination's members need not lie below its parent, and a quadrant has its gate's name in its path."""
    strategy = fk.GatingStrategy()
    divider = fk.QuadrantDivider("d", "A", "uncompensated", [300.0, 600.0])
    ranges = [(None, 300.0), (300.0, 600.0), (600.0, None)]
    quadrants = [gates.Quadrant(f"q{i}", ["d"], [one]) for i, one in enumerate(ranges)]
    strategy.add_gate(gates.QuadrantGate("quad", [divider], quadrants), ("root",))
    strategy.add_gate(gates.RectangleGate("r", [Dimension("B", range_max=400)]), ("root", "quad", "q1"))
    strategy.add_gate(gates.RectangleGate("s", [Dimension("C", range_min=200)]), ("root",))
    members = [
        {"ref": "q0", "path": ("root", "quad"), "complement": True},
        {"ref": "r", "path": ("root", "quad", "q1"), "complement": False},
    ]
    for name, operation in (("either", "or"), ("both", "and")):
        strategy.add_gate(gates.BooleanGate(name, operation, members), ("root", "s"))
    strategy.add_gate(gates.BooleanGate("neither", "not", members[:1]), ("root", "s"))
    events = events_of(13)
    found = random_gates.compare(strategy, random_gates.sample_of(events, NAMES), events, rows=7)
    assert same(found) and found.n_gates == 8
