"""Who is in a tube, what a multiplet looks like, and what the run does: events against the truth of each."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cytotrial.simulate.blood.populations import SUBSETS, LogNormal
from cytotrial.simulate.instrument.optics import TOP
from cytotrial.simulate.instrument.run import NO_INCIDENTS
from cytotrial.simulate.parameters import tube_parameters
from cytotrial.simulate.tube import (
    LYMPHOCYTE_FSC,
    MULTIPLETS,
    PULSE_TO_SIZE,
    TubeParameters,
    simulate_tube,
)


def calm(panel: str, *, n: int = 60_000, profile: str = "clean", **changes) -> TubeParameters:
    """A tube in whose run nothing goes wrong."""
    return replace(tube_parameters(panel, profile=profile), n_events=n, incidents=NO_INCIDENTS, **changes)


# Who is in the tube


@pytest.mark.parametrize("panel", ["treg", "nk"])
@pytest.mark.parametrize("profile", ["clean", "other_lab"])
def test_composition_and_multiplets_are_within_multinomial_error(panel, profile):
    n = 100_000
    p = calm(panel, n=n, profile=profile)
    tube = simulate_tube(p, seed=11)
    odds = 1.0 + p.doublets + p.triplets
    expected = {name: share / odds for name, share in p.composition.shares().items()}
    expected |= {"doublet": p.doublets / odds, "triplet": p.triplets / odds}
    assert tube.populations == (*p.kinds.names, *MULTIPLETS) and set(expected) == set(tube.populations)
    shares = np.array([expected[name] for name in tube.populations])
    counts = np.bincount(tube.labels, minlength=len(tube.populations))
    z = (counts - n * shares) / np.sqrt(n * shares * (1 - shares))
    print({name: round(float(one), 2) for name, one in zip(tube.populations, z, strict=True)})
    assert np.abs(z).max() < 4 and min(counts) > 0
    assert [tube.count(name) for name in tube.populations] == counts.tolist()


@pytest.mark.parametrize("treg", [0.0, 0.01, 0.20])
@pytest.mark.parametrize("bright", [0.03, 0.25])
def test_shares_can_be_replaced(treg, bright):
    p = calm("treg")
    tube = simulate_tube(
        replace(p, composition=replace(p.composition, treg_of_cd4=treg, cd56bright_of_nk=bright)), seed=18
    )
    for part, whole, share in [("treg", "cd4", treg), ("cd56bright_nk", "nk", bright)]:
        n = tube.count(whole)
        assert abs(tube.count(part) - n * share) <= 4 * math.sqrt(n * share * (1 - share))


def test_counts_are_sums_of_members_and_the_dead_are_nobodys():
    tube = simulate_tube(calm("treg", n=20_000), seed=17)
    names = np.array(tube.populations)[tube.labels]
    for subset in (*SUBSETS, *tube.populations):
        members = tube.members(subset)
        assert tube.count(subset) == members.sum() > 0, subset
        assert set(names[members]) == set(SUBSETS.get(subset, (subset,)))
    not_alive = ("dead", "dying", "debris", "aggregate", *MULTIPLETS)
    not_lymphocytes = ("monocyte", "monocyte_nonclassical", "granulocyte", "basophil", *not_alive)
    assert tube.count("lymphocytes") == (~np.isin(names, not_lymphocytes)).sum()
    assert tube.count("cd4") + tube.count("cd8") + tube.count("gd_t") + tube.count("t_double_negative") == tube.count(
        "cd3"
    )


# What a multiplet looks like: cells of two sizes and no noise, so that its sums can be told


def two_sizes(small: float, large: float, lost: float) -> TubeParameters:
    """Lymphocytes of one FSC-A, the other whole cells of another; debris and clumps of a third."""
    p = calm("treg", n=40_000)
    size = dict.fromkeys(p.kinds.names, large) | dict.fromkeys(SUBSETS["lymphocytes"], small)
    size |= dict.fromkeys(("debris", "aggregate"), lost)
    populations = tuple(
        replace(one, fsc=LogNormal(size[one.name], 0.0)) if one.remains is None else one for one in p.kinds.populations
    )
    optics = replace(p.scatter_optics, area_to_height=(1.25, 0.0), multiplet_height=(1.5, 0.0))
    composition = replace(p.composition, dead=0.0, dying=0.0)
    return replace(
        p,
        kinds=replace(p.kinds, populations=populations),
        scatter_optics=optics,
        composition=composition,
        doublets=0.3,
        triplets=0.2,
    )


def height_of(area: float) -> float:
    """FSC-H of one such cell: A/H is 1.25 for a lymphocyte and grows a little with the size."""
    return area / (1.25 * (area / LYMPHOCYTE_FSC) ** PULSE_TO_SIZE)


@pytest.mark.parametrize(("multiplet", "n_cells"), [("doublet", 2), ("triplet", 3)])
def test_areas_of_a_multiplet_add_up_and_its_height_follows_the_tallest(multiplet, n_cells):
    p = two_sizes(20_000.0, 37_000.0, 50_000.0)
    tube = simulate_tube(p, seed=15)
    there = tube.members(multiplet)
    area, height = tube.column("FSC-A")[there].astype(float), tube.column("FSC-H")[there].astype(float)
    shares = p.composition.shares()
    whole = {name: share for name, share in shares.items() if name not in ("debris", "aggregate")}
    small = sum(whole[name] for name in SUBSETS["lymphocytes"]) / sum(whole.values())
    seen = 0
    for n_large in range(n_cells + 1):
        mine = np.isclose(area, (n_cells - n_large) * 20_000.0 + n_large * 37_000.0, atol=1.0)
        tallest = height_of(37_000.0 if n_large else 20_000.0) * 1.5
        assert height[mine] == pytest.approx(tallest, abs=0.02)
        share = math.comb(n_cells, n_large) * small ** (n_cells - n_large) * (1 - small) ** n_large
        error = math.sqrt(len(area) * share * (1 - share))
        print(f"{multiplet} with {n_large} large cells: {mine.sum()}, expected {len(area) * share:.0f} +- {error:.0f}")
        assert abs(mine.sum() - len(area) * share) < 4 * error
        seen += mine.sum()
    assert seen == len(area)  # no debris, no clump
    single = tube.members("lymphocytes")
    assert tube.column("FSC-A")[single] == pytest.approx(20_000.0, abs=0.02)
    assert tube.column("FSC-H")[single] == pytest.approx(height_of(20_000.0), abs=0.02)
    assert tube.column("FSC-W")[single] == pytest.approx(65536 * 20_000 / height_of(20_000.0), abs=0.1)


def test_light_and_side_scatter_of_a_doublet_are_those_of_two_cells():
    """All whole cells naive CD4: twice the light, twice the side scatter, but for the spread of a sum."""
    p = calm("treg")
    nothing = dict.fromkeys(vars(p.composition), 0.0)
    only = replace(p.composition, **{**nothing, "debris": 0.1, "cd4_of_cd3": 1.0, "naive_of_conventional_cd4": 1.0})
    tube = simulate_tube(replace(p, composition=only, doublets=0.5, triplets=0.0), seed=19)
    assert {tube.populations[one] for one in np.unique(tube.labels)} == {"cd4_naive", "debris", "doublet"}
    names = [detector.name for detector in p.detectors]
    raw = np.column_stack([tube.column(name).astype(float) for name in names])
    light = (raw @ np.linalg.inv(tube.true_spillover))[:, [one.markers for one in p.detectors].index(("CD3",))]
    for values in (light, tube.column("SSC-A").astype(float), tube.column("FSC-A").astype(float)):
        one, two = values[tube.members("cd4_naive")], values[tube.members("doublet")]
        error = math.hypot(two.std() / math.sqrt(len(two)), 2 * one.std() / math.sqrt(len(one)))
        print(f"mean of doublets {two.mean():.0f}, of two cells {2 * one.mean():.0f} +- {error:.0f}")
        assert abs(two.mean() - 2 * one.mean()) < 4 * error


@pytest.mark.parametrize("profile", ["clean", "other_lab"])
def test_doublets_stand_out_from_single_cells(profile):
    p = calm("treg", profile=profile)
    tube = simulate_tube(p, seed=15)
    mean, sd = p.scatter_optics.area_to_height
    area, height = tube.column("FSC-A").astype(float), tube.column("FSC-H").astype(float)
    inside = area < TOP
    single = tube.members("lymphocytes") & inside
    ratio = area / height / (area / p.scatter_optics.gain["FSC"] / LYMPHOCYTE_FSC) ** PULSE_TO_SIZE
    n = single.sum()
    assert ratio[single].mean() == pytest.approx(mean, abs=4 * sd / math.sqrt(n))
    assert ratio[single].std() == pytest.approx(sd, rel=4 / math.sqrt(2 * n))
    assert np.median(ratio[tube.members("doublet") & inside]) > mean + 6 * sd


# The run


def test_debris_of_a_burst_lies_in_the_burst():
    burst = replace(NO_INCIDENTS, burst_probability=1.0, burst_debris=1.0, burst_seconds=0.4, burst_rate=5.0)
    p = replace(calm("nk"), incidents=burst)
    tube = simulate_tube(p, seed=21)
    assert tube.incidents == ("burst",)
    debris = tube.members("debris")
    seconds = tube.column("Time").astype(float) * p.timestep
    rate = np.histogram(seconds, bins=np.arange(0.0, seconds[-1], 0.1))[0] / 0.1
    fast = np.flatnonzero(rate > 3 * p.events_per_second)
    start, stop = (fast[0] + 1) * 0.1, fast[-1] * 0.1  # bins wholly inside
    inside = (seconds >= start) & (seconds < stop)
    share = p.composition.shares()["debris"] / (1 + p.doublets + p.triplets)
    outside = (seconds < start - 0.2) | (seconds > stop + 0.2)
    n = outside.sum()
    print(f"burst {start:.1f}-{stop:.1f} s, {inside.sum()} events, debris outside {debris[outside].mean():.4f}")
    assert 0.15 < stop - start <= 0.4 and debris[inside].all()
    assert abs(debris[outside].mean() - share) < 4 * math.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_bursts_share_of_debris(share):
    burst = replace(NO_INCIDENTS, burst_probability=1.0, burst_debris=share, burst_seconds=1e9)
    p = replace(calm("nk"), incidents=burst)  # the whole run is a burst
    tube = simulate_tube(p, seed=22)
    usual = p.composition.shares()["debris"] / (1 + p.doublets + p.triplets)
    expected = share + (1 - share) * usual
    assert abs(tube.members("debris").mean() - expected) < 4 * math.sqrt(expected * (1 - expected) / p.n_events)


def test_time_is_in_ticks_ascending_and_at_the_asked_rate():
    p = calm("nk", events_per_second=400.0)
    tube = simulate_tube(p, seed=16)
    ticks = tube.column("Time")
    assert (np.diff(ticks) >= 0).all() and ticks[-1] > 0
    assert 60_000 / (ticks[-1] * p.timestep) == pytest.approx(400, rel=4 / math.sqrt(60_000))
    assert tube.seconds == pytest.approx(ticks[-1] * p.timestep, rel=1e-5)


def test_cells_come_in_random_order():
    tube = simulate_tube(calm("nk"), seed=16)
    for name in ("cd4_naive", "nk_dim", "debris", "doublet"):
        member = tube.members(name).astype(float)
        assert abs(np.corrcoef(member[1:], member[:-1])[0, 1]) < 4.5 / math.sqrt(len(member)), name
        assert abs(np.corrcoef(member, np.arange(len(member)))[0, 1]) < 4.5 / math.sqrt(len(member)), name


@pytest.mark.parametrize("what", ["staining", "baseline", "voltage_step"])
def test_names_that_are_not_there_are_refused(what):
    """They would change nothing, in silence."""
    with pytest.raises(ValueError, match=f"{what}: found .'cd3'."):
        simulate_tube(replace(tube_parameters("nk"), n_events=10, **{what: {"cd3": 0.1}}), seed=1)
