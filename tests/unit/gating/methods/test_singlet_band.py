"""Doublets out, single cells kept, by height or by width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.gating.arguments import SingletBand
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.placing import members

Events = Callable[..., ParentEvents]


def cells(n: int = 18_000, n_doublets: int = 2_000, *, slope: float = 0.0, seed: int = 0) -> dict[str, np.ndarray]:
    """Lymphocytes and monocytes; doublets are the last: areas add up, the height is 1.08 times the larger one's."""
    rng = np.random.default_rng(seed)
    height = np.where(rng.random(n) < 0.75, 78_000.0, 110_000.0) * 10 ** rng.normal(0, 0.09, n)
    area = height * (rng.normal(1.12, 0.03, n) + slope * (height / 1e5 - 0.8))
    pairs = rng.integers(0, n, (n_doublets, 2))
    both = {
        "FSC-A": np.concatenate([area, area[pairs].sum(axis=1)]),
        "FSC-H": np.concatenate([height, 1.08 * height[pairs].max(axis=1)]),
    }
    return {**both, "FSC-W": 65_536 * both["FSC-A"] / both["FSC-H"]}


@pytest.mark.parametrize("markers", [("FSC-A", "FSC-H"), ("FSC-A", "FSC-W")])
@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
@pytest.mark.parametrize("n_doublets", [0, 800, 5000])
def test_known_doublets(parent_events: Events, markers: tuple[str, ...], gain: float, n_doublets: int) -> None:
    columns = {name: gain * values for name, values in cells(n_doublets=n_doublets).items()}
    events = parent_events(columns, markers)
    found = place("singlet_band", events, args=SingletBand())
    inside = members(events.tube, found.bounds)
    single = np.arange(len(inside)) < 18_000
    lost = 1 - inside[single].mean()
    left = inside[~single].mean() if n_doublets else 0.0
    print(f"{markers[1]} gain {gain} {n_doublets} doublets: singles lost {lost:.4f}, doublets left {left:.3f}")
    assert lost < 0.005
    assert left < 0.15  # a small cell on a large one looks single: at 6 SDs the smaller area is < 17 % of the height


def test_ratio_that_rises_with_size(parent_events: Events) -> None:
    """As on a Fortessa: the band follows, so that monocytes are not doublets."""
    events = parent_events(cells(slope=0.15), ("FSC-A", "FSC-H"))
    inside = members(events.tube, place("singlet_band", events, args=SingletBand()).bounds)
    large = events.linear("FSC-H")[:18_000] > 115_000
    print(f"large single cells kept {inside[:18_000][large].mean():.4f}, doublets left {inside[18_000:].mean():.3f}")
    assert inside[:18_000][large].mean() > 0.985
    assert inside[18_000:].mean() < 0.25


def test_height_gives_a_polygon_and_width_a_limit(parent_events: Events) -> None:
    (by_height,) = place("singlet_band", parent_events(cells(), ("FSC-A", "FSC-H")), args=SingletBand()).bounds
    (by_width,) = place("singlet_band", parent_events(cells(), ("FSC-A", "FSC-W")), args=SingletBand()).bounds
    assert (by_height.marker, by_height.side, by_height.linear) == ("FSC-A:FSC-H", "shape", None)
    assert (by_width.marker, by_width.side, by_width.coordinates) == ("FSC-W", "max", None)
    assert by_width.linear == pytest.approx(65_536 * (1.12 + 6 * 0.03), rel=0.03)


def test_mads(parent_events: Events) -> None:
    events = parent_events(cells(), ("FSC-A", "FSC-H"))
    narrow, wide = (
        members(events.tube, place("singlet_band", events, args=SingletBand(mads=mads)).bounds)[:18_000].mean()
        for mads in (2.0, 6.0)
    )
    assert narrow == pytest.approx(0.977, abs=0.015)  # 2 SDs on one side
    assert wide > narrow


def test_events_at_and_below_zero_are_no_reason_to_fail(parent_events: Events) -> None:
    columns = cells()
    columns["FSC-H"][:500] = 0.0
    columns["FSC-A"][500:1000] = -20.0
    assert place("singlet_band", parent_events(columns, ("FSC-A", "FSC-H")), args=SingletBand()).found


def test_simulated_doublets(simulate_in_memory: Callable, simulated_file: Callable) -> None:
    made = simulated_file("nk")
    singlets = made.inside()["singlets"]
    doublet = made.truth.members("doublet")
    print(
        f"{doublet.sum()} doublets, left {singlets[doublet].mean():.3f}; "
        f"others lost {1 - singlets[~doublet].mean():.4f}"
    )
    assert singlets[doublet].mean() < 0.2
