"""The lymphocytes' cluster: with a seed marker, without, and when it is not there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.gating.arguments import ScatterCluster
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.placing import members

Events = Callable[..., ParentEvents]
# population: events, FSC-A, SSC-A, share of CD3+
POPULATIONS = {
    "lymphocytes": (6800, 87_000, 27_500, 0.75),
    "monocytes": (1500, 125_000, 78_000, 0.0),
    "granulocytes": (300, 120_000, 185_000, 0.0),
    "debris": (900, 14_000, 9_000, 0.0),
}


def blood(*, gain: float = 1.0, seed: int = 0, **counts: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scatter and CD3 of four populations, and which events are lymphocytes (SDs 0.09 and 0.125 decades)."""
    rng = np.random.default_rng(seed)
    fsc, ssc, cd3, truth = [], [], [], []
    for name, (n, forward, side, positive) in POPULATIONS.items():
        n = counts.get(name, n)
        spread = 3.0 if name == "debris" else 1.0
        fsc.append(gain * forward * 10 ** rng.normal(0, 0.09 * spread, n))
        ssc.append(gain * side * 10 ** rng.normal(0, 0.125 * spread, n))
        stained = rng.random(n) < positive
        cd3.append(np.where(stained, 4000 * 10 ** rng.normal(0, 0.13, n), rng.normal(60, 110, n)))
        truth.append(np.full(n, name == "lymphocytes"))
    columns = dict(zip(("FSC-A", "SSC-A", "CD3"), map(np.concatenate, (fsc, ssc, cd3)), strict=True))
    return columns, np.concatenate(truth)


def gate(events: ParentEvents, **args: object) -> tuple[Landmark, np.ndarray]:
    """The landmark and membership."""
    found = place("scatter_cluster", events, args=ScatterCluster(**args))  # type: ignore[arg-type]
    return found, members(events.tube, found.bounds)


@pytest.mark.parametrize("seed_marker", ["CD3", None])
@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
@pytest.mark.parametrize("seed", [0, 1])
def test_lymphocytes(parent_events: Events, seed_marker: str | None, gain: float, seed: int) -> None:
    columns, truth = blood(gain=gain, seed=seed)
    found, inside = gate(parent_events(columns, ("FSC-A", "SSC-A")), seed_marker=seed_marker)
    print(f"{found.reason}: kept {inside[truth].mean():.3f}, purity {truth[inside].mean():.3f}")
    assert inside[truth].mean() > 0.95
    assert truth[inside].mean() > 0.95
    assert ("seeded by CD3+ cells" if seed_marker else "densest cluster") in found.reason


@pytest.mark.parametrize("seed_marker", ["CD19", None])
def test_seed_marker_that_the_file_lacks(parent_events: Events, seed_marker: str | None) -> None:
    columns, truth = blood()
    found, inside = gate(parent_events(columns, ("FSC-A", "SSC-A")), seed_marker=seed_marker)
    assert "densest cluster of low side scatter" in found.reason
    assert truth[inside].mean() > 0.95


def test_seed_marker_that_shows_nothing(parent_events: Events) -> None:
    """A tube without stained T cells: then as without a seed marker."""
    columns, truth = blood()
    columns["CD3"] = np.random.default_rng(0).normal(60, 110, len(truth))
    found, inside = gate(parent_events(columns, ("FSC-A", "SSC-A")))
    assert "densest cluster" in found.reason
    assert truth[inside].mean() > 0.95


@pytest.mark.parametrize("seed_marker", ["CD3", None])
def test_more_monocytes_than_lymphocytes(parent_events: Events, seed_marker: str | None) -> None:
    """Their centres are 4 SDs apart, so 15 % of the monocytes lie within the ellipse's 3: purity 0.80 at best."""
    columns, truth = blood(monocytes=5000, lymphocytes=3000)
    found, inside = gate(parent_events(columns, ("FSC-A", "SSC-A")), seed_marker=seed_marker)
    print(f"{found.reason}: kept {inside[truth].mean():.3f}, purity {truth[inside].mean():.3f}")
    assert inside[truth].mean() > 0.95
    assert truth[inside].mean() > 0.72


def test_three_times_more_monocytes_is_said(parent_events: Events) -> None:
    """The fit then runs away to the monocytes; its width gives it away, and another file's gate is borrowed."""
    columns, _ = blood(monocytes=9000, lymphocytes=3000)
    found, _ = gate(parent_events(columns, ("FSC-A", "SSC-A")))
    assert not found.found
    assert found.reason.endswith("no lymphocyte cluster")


def test_covers_what_it_says(parent_events: Events) -> None:
    columns, truth = blood(monocytes=0, granulocytes=0, debris=0, lymphocytes=20_000)
    for coverage in (0.9, 0.99):
        _, inside = gate(parent_events(columns, ("FSC-A", "SSC-A")), coverage=coverage)
        print(f"coverage {coverage}: {inside[truth].mean():.4f}")
        assert inside[truth].mean() == pytest.approx(coverage, abs=0.012)


def test_a_centre_that_stands_still_from_the_start(parent_events: Events) -> None:
    """Events mirrored at one place, the seeds' own middle: the spread must still grow to that of all of them."""
    rng = np.random.default_rng(2)
    away = rng.normal(0.0, 1.0, (10_000, 2)) * (0.09, 0.125)
    places = 10.0 ** (np.log10((87_000.0, 27_500.0)) + np.vstack([away, -away]))
    stained = np.tile(np.arange(10_000) >= 1000, 2)  # without negatives there is no valley, and no seed
    cd3 = np.where(stained, 4000.0 * 10.0 ** rng.normal(0.0, 0.13, 20_000), rng.normal(60.0, 110.0, 20_000))
    columns = {"FSC-A": places[:, 0], "SSC-A": places[:, 1], "CD3": cd3}
    found, inside = gate(parent_events(columns, ("FSC-A", "SSC-A")))
    print(found.reason, inside.mean())
    assert "seeded by CD3+ cells" in found.reason
    assert inside.mean() == pytest.approx(0.99, abs=0.006)


def test_polygon(parent_events: Events) -> None:
    columns, _ = blood()
    (bound,) = gate(parent_events(columns, ("FSC-A", "SSC-A")))[0].bounds
    assert (bound.marker, bound.side, bound.linear) == ("FSC-A:SSC-A", "shape", None)
    corners = np.array(bound.coordinates)
    assert corners.shape == (40, 2)
    assert (corners > 0).all()


@pytest.mark.parametrize("n", [0, 199])
def test_few_events(parent_events: Events, n: int) -> None:
    columns, _ = blood()
    found = place(
        "scatter_cluster",
        parent_events({k: v[:n] for k, v in columns.items()}, ("FSC-A", "SSC-A")),
        args=ScatterCluster(),
    )
    assert found.reason == f"{n} events with positive scatter, fewer than 200"


def test_scatter_without_any_cluster(parent_events: Events) -> None:
    rng = np.random.default_rng(0)
    columns = {"FSC-A": 10 ** rng.uniform(2, 5.4, 20_000), "SSC-A": 10 ** rng.uniform(2, 5.4, 20_000)}
    found = place("scatter_cluster", parent_events(columns, ("FSC-A", "SSC-A")), args=ScatterCluster())
    print(found.reason)
    assert not found.found
