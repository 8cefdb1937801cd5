"""Everything but the monocytes: side scatter and a dump that also stains B cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from cytotrial.gating.arguments import Corner
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.placing import members

Events = Callable[..., ParentEvents]
LYMPHOCYTE, MONOCYTE = 27_500.0, 90_000.0  # side scatter; SD 0.10 decades
# population: events, side scatter, dump, CD3: dim stains 60 +- 110, bright ones a level with 0.13 decades
CELLS = {
    "t": (5000, LYMPHOCYTE, None, 4000.0),
    "b": (1500, LYMPHOCYTE, 9000.0, None),
    "nk": (1000, LYMPHOCYTE, None, None),
    "monocytes": (1500, MONOCYTE, 6000.0, None),
}


def blood(*, gain: float = 1.0, **counts: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Side scatter, dump and CD3 of four populations, and each event's population."""
    columns: dict[str, list[np.ndarray]] = {"SSC-A": [], "dump": [], "CD3": []}
    kinds = []
    for seed, (name, (n, side, dump, cd3)) in enumerate(CELLS.items()):
        rng = np.random.default_rng(seed)
        n = counts.get(name, n)
        columns["SSC-A"].append(gain * side * 10 ** rng.normal(0, 0.10, n))
        for marker, level in (("dump", dump), ("CD3", cd3)):
            stain = rng.normal(60, 110, n) if level is None else level * 10 ** rng.normal(0, 0.13, n)
            columns[marker].append(gain * stain)
        kinds.append(np.full(n, name))
    return {name: np.concatenate(parts) for name, parts in columns.items()}, np.concatenate(kinds)


def gate(parent_events: Events, columns: dict[str, np.ndarray], **args: object) -> tuple[Landmark, ParentEvents]:
    """The landmark, and the events it was found among."""
    events = parent_events(columns, ("SSC-A", "dump"))
    return place("corner", events, args=Corner(**args)), events  # type: ignore[arg-type]


def edge(found: Landmark) -> float:
    """Where the corner begins on the dump: the height of the polygon's step."""
    return (found.bounds[0].coordinates or ())[3][1]


def test_by_hand(parent_events: Events) -> None:
    """The valley of as many lymphocytes as monocytes lies midway; the dump's edge 4 SDs above 60: 500."""
    columns, _ = blood()
    found, _ = gate(parent_events, columns)
    (bound,) = found.bounds
    print(found.reason)
    assert (bound.marker, bound.side, bound.linear) == ("SSC-A:dump", "shape", None)
    assert found.measures["SSC-A"] == pytest.approx(np.sqrt(LYMPHOCYTE * MONOCYTE), rel=0.10)
    assert edge(found) == pytest.approx(60 + 4 * 110, rel=0.10)
    assert list(found.measures) == ["SSC-A"]  # the dump's edge is its negatives'


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_monocytes_are_left_out_and_nobody_else(parent_events: Events, gain: float) -> None:
    columns, kinds = blood(gain=gain)
    found, events = gate(parent_events, columns)
    inside = members(events.tube, found.bounds)
    kept = {name: float(inside[kinds == name].mean()) for name in CELLS}
    wrong = norm.cdf(np.log10(np.sqrt(LYMPHOCYTE * MONOCYTE) / MONOCYTE) / 0.10)  # of the monocytes, midway
    print(f"gain {gain}: kept {kept}; of the monocytes {wrong:.3f} by hand")
    assert kept["monocytes"] < wrong + 0.02
    assert min(kept["t"], kept["nk"]) > 0.999
    assert kept["b"] > 0.98


def test_the_polygon_is_everything_but_the_corner(parent_events: Events) -> None:
    """Also far below zero and above the range, where compensation puts events."""
    columns, _ = blood()
    found, events = gate(parent_events, columns)
    side, dump = found.measures["SSC-A"], edge(found)
    rng = np.random.default_rng(9)
    columns = {
        "SSC-A": rng.uniform(-5e4, 5e5, 4000),
        "dump": rng.choice([-1.0, 1.0], 4000) * 10 ** rng.uniform(1.0, 5.6, 4000),
        "CD3": np.zeros(4000),
    }
    other = parent_events(columns, ("SSC-A", "dump"))
    inside = members(other.tube, found.bounds)
    corner = (columns["SSC-A"] > side) & (columns["dump"] > dump)
    within = (columns["dump"] > -events.axis("dump").top) & (columns["dump"] < 10 * events.axis("dump").top)
    assert np.array_equal(inside, ~corner & within)
    assert corner.sum() > 500


@pytest.mark.parametrize(
    ("dump", "cd3"), [(6000.0, 4000.0), (1100.0, 60.0)], ids=["T cells on monocytes", "nonclassical monocytes"]
)
def test_who_lies_between_does_not_fill_the_valley(parent_events: Events, dump: float, cd3: float) -> None:
    """Doublets have CD3, nonclassical monocytes little CD14, and the side scatter of either lies in the valley."""
    columns, _ = blood()
    rng = np.random.default_rng(8)
    between = {"SSC-A": (np.sqrt(LYMPHOCYTE * MONOCYTE), 0.08), "dump": (dump, 0.08), "CD3": (cd3, 0.10)}
    more = {name: level * 10 ** rng.normal(0, sd, 900) for name, (level, sd) in between.items()}
    found, _ = gate(parent_events, {name: np.append(columns[name], more[name]) for name in columns})
    print(found.reason)
    assert found.measures["SSC-A"] == pytest.approx(np.sqrt(LYMPHOCYTE * MONOCYTE), rel=0.10)


def test_as_many_sds_as_the_strategy_says(parent_events: Events) -> None:
    columns, _ = blood()
    two, six = (edge(gate(parent_events, columns, sds=sds)[0]) for sds in (2.0, 6.0))
    assert two == pytest.approx(60 + 2 * 110, rel=0.10)
    assert six > 60 + 5 * 110


def test_another_seed(parent_events: Events) -> None:
    columns, _ = blood()
    columns["CD5"] = columns.pop("CD3")
    assert gate(parent_events, columns, seed_marker="CD5")[0].found
    assert gate(parent_events, columns)[0].reason == "no CD3 channel, which shows the cells without dump"


# Not found.


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"t": 0}, "no CD3 valley among 4000 parent events"),
        ({"b": 0, "nk": 0, "monocytes": 0}, "no CD3 valley among 5000 parent events"),
        ({"t": 45, "b": 600, "nk": 100, "monocytes": 600}, "45 CD3+ cells, too few to show dump negatives"),
        ({"b": 100, "monocytes": 50}, "dump+ events, fewer than 200"),
        ({"monocytes": 0}, "no SSC-A valley of prominence 0.3 among"),
        ({"b": 0}, "no SSC-A valley of prominence 0.3 among"),
        ({"b": 0, "monocytes": 0}, "dump+ events, fewer than 200"),
    ],
)
def test_not_found(parent_events: Events, counts: dict[str, int], reason: str) -> None:
    """Without B cells there is nobody to tell the monocytes from: no gate, and they stay in."""
    columns, _ = blood(**counts)
    found, _ = gate(parent_events, columns)
    print(found.reason)
    assert not found.found
    assert reason in found.reason


def test_a_dump_of_one_value(parent_events: Events) -> None:
    columns, _ = blood()
    columns["dump"] = np.full(len(columns["dump"]), 5.0)
    reason = gate(parent_events, columns)[0].reason
    assert reason.endswith(" CD3+ cells, too few to show dump negatives")


def test_scatter_below_zero_is_passed_over(parent_events: Events) -> None:
    """A baseline that is set too high makes a few such events; of those no logarithm is taken."""
    columns, _ = blood()
    columns["SSC-A"][::50] *= -1.0
    found, _ = gate(parent_events, columns)
    assert found.measures["SSC-A"] == pytest.approx(np.sqrt(LYMPHOCYTE * MONOCYTE), rel=0.10)
    columns["SSC-A"] = -np.abs(columns["SSC-A"])
    assert gate(parent_events, columns)[0].reason == "0 dump+ events, fewer than 200"
