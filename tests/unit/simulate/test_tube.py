"""A tube's events against the truth of each: composition, levels, compensation, doublets, clipping, time."""

from dataclasses import replace

import numpy as np
import pytest

from cytotrial.simulate.cells import DOUBLET
from cytotrial.simulate.cytometer import NO_INCIDENTS
from cytotrial.simulate.defaults import tube_parameters
from cytotrial.simulate.tube import Tube, simulate_tube


def _calm(panel: str, *, n: int = 60_000, trial: str = "he2020", **changes):
    return replace(tube_parameters(panel, trial=trial), n_events=n, incidents=NO_INCIDENTS, **changes)


def _compensated(tube: Tube) -> np.ndarray:
    columns = [tube.channels.index(name) for name in tube.detectors]
    return tube.events[:, columns].astype(float) @ np.linalg.inv(tube.spillover)


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_composition_is_within_its_binomial_error(panel):
    p = _calm(panel, n=200_000)
    tube = simulate_tube(p, seed=11)
    doublets = p.doublets / (1 + p.doublets)
    expected = {name: share * (1 - doublets) for name, share in p.composition.shares().items()}
    expected[DOUBLET] = doublets
    counts = np.bincount(tube.labels, minlength=len(tube.populations))
    shares = np.array([expected[name] for name in tube.populations])
    z = (counts - 200_000 * shares) / np.sqrt(200_000 * shares * (1 - shares))
    print(dict(zip(tube.populations, z.round(2), strict=True)))
    assert np.abs(z).max() < 4


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
def test_the_tubes_own_matrix_brings_the_medians_back(gain):
    parameters = _calm("treg", gain={"PE-Cy7-A": gain, "APC-A": 1.1})
    parameters = replace(parameters, composition=replace(parameters.composition, treg_of_cd4=0.2))
    tube = simulate_tube(parameters, seed=12)
    light = dict(zip(tube.detectors, _compensated(tube).T, strict=True))
    treg, cd8 = tube.members("treg"), tube.members("cd8_t")
    # dye + autofluorescence, times the detector's gain; 3 200 Tregs put 1 % on a median
    assert np.median(light["PE-Cy7-A"][treg]) == pytest.approx(gain * 3070, rel=0.03)
    assert np.median(light["APC-A"][treg]) == pytest.approx(1.1 * 420, rel=0.05)
    assert np.median(light["Pacific Blue-A"][treg]) == pytest.approx(4950, rel=0.03)
    # a CD8 cell has CD25 110 + 70; 21 % of its 14 000 of CD8 sits on top before compensation
    assert np.median(tube.column("PE-Cy7-A")[cd8]) > gain * 2500
    assert np.median(light["PE-Cy7-A"][cd8]) == pytest.approx(gain * 185, abs=25)
    assert np.median(light["Pacific Blue-A"][cd8]) == pytest.approx(150, abs=15)


def test_negatives_scatter_below_zero_and_nothing_is_clipped_there():
    tube = simulate_tube(_calm("nk"), seed=13)
    cd56 = _compensated(tube)[:, tube.detectors.index("PE-Cy7-A")][tube.members("cd4")]
    below = (cd56 < 0).mean()
    print(f"compensated CD56 of CD4 cells below 0: {below:.1%}, least {cd56.min():.0f}")
    assert 0.10 < below < 0.45
    assert tube.column("PE-Cy7-A").min() < -50


def test_the_top_of_the_scale_holds_clumps_and_a_few_saturated_events():
    parameters = tube_parameters("treg")
    tube = simulate_tube(replace(parameters, n_events=100_000), seed=14)
    assert tube.events[:, :-1].max() == 262143.0
    margin = (tube.column("FSC-A") >= 262143) | (tube.column("SSC-A") >= 262143)
    assert 0.005 < margin.mean() < 0.02
    saturated = np.mean([(tube.column(name) >= 262143).mean() for name in tube.detectors]) * len(tube.detectors)
    assert saturated == pytest.approx(0.0005, rel=0.5)


def test_doublets_add_areas_and_stand_out_from_single_cells():
    tube = simulate_tube(_calm("treg"), seed=15)
    ratio = tube.column("FSC-A") / tube.column("FSC-H")
    inside = tube.column("FSC-A") < 262143
    single, pair = tube.members("lymphocytes") & inside, tube.members(DOUBLET) & inside
    assert ratio[single].mean() == pytest.approx(1.12, abs=0.003)
    assert ratio[single].std() == pytest.approx(0.03, rel=0.05)
    # two equal cells: A = 2a, H = 1.08 a / 1.12 -> 2.07; unequal ones less
    assert 1.5 < np.median(ratio[pair]) < 2.1
    assert np.median(tube.column("FSC-A")[pair]) > 1.7 * np.median(tube.column("FSC-A")[single])
    width = tube.column("FSC-W")[single]
    assert width == pytest.approx(65536 * ratio[single], rel=1e-4)


def test_time_is_in_ticks_ascending_and_at_the_asked_rate():
    tube = simulate_tube(_calm("nk", events_per_second=400.0), seed=16)
    ticks = tube.column("Time")
    assert (np.diff(ticks) >= 0).all()
    assert 60_000 / (ticks[-1] * 0.01) == pytest.approx(400, rel=0.03)
    thirds = [np.isin(np.arange(60_000) // 20_000, k) for k in range(3)]
    shares = [tube.members("nk")[third].mean() for third in thirds]
    assert np.ptp(shares) < 0.012  # cells are shuffled in time


def test_dead_cells_and_doublets_are_no_ones_members():
    tube = simulate_tube(_calm("treg"), seed=17)
    names = np.array(tube.populations)[tube.labels]
    others = ("monocyte", "granulocyte", "debris", "dead", "aggregate", "doublet")
    assert tube.count("lymphocytes") == (~np.isin(names, others)).sum()
    assert tube.count("dead") > 0 and not (tube.members("lymphocytes") & tube.members("dead")).any()
    assert tube.count("cd4") + tube.count("cd8") + tube.count("t_double_negative") == tube.count("cd3")


@pytest.mark.parametrize("treg", [0.01, 0.20])
@pytest.mark.parametrize("bright", [0.03, 0.25])
def test_fractions_can_be_replaced(treg, bright):
    parameters = _calm("treg")
    composition = replace(parameters.composition, treg_of_cd4=treg, cd56bright_of_nk=bright)
    tube = simulate_tube(replace(parameters, composition=composition), seed=18)
    for part, whole, share in [("treg", "cd4", treg), ("cd56bright_nk", "nk", bright)]:
        n = tube.count(whole)
        assert abs(tube.count(part) - n * share) < 4 * np.sqrt(n * share * (1 - share))


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tubes_of_next_to_nothing(n):
    parameters = replace(tube_parameters("treg"), n_events=n)
    for seed in range(40):  # every kind of incident
        tube = simulate_tube(parameters, seed=seed)
        assert tube.events.shape == (n, len(tube.channels)) and np.isfinite(tube.events).all()


def test_same_seed_same_events_and_key_or_panel_make_others():
    parameters = replace(tube_parameters("nk"), n_events=500)
    first = simulate_tube(parameters, seed=1, key=("a",)).events
    assert first.tobytes() == simulate_tube(parameters, seed=1, key=("a",)).events.tobytes()
    assert first.tobytes() != simulate_tube(parameters, seed=1, key=("b",)).events.tobytes()
    assert first.tobytes() != simulate_tube(parameters, seed=2, key=("a",)).events.tobytes()
