"""What a tube's matrices undo: levels as the parameters say, and how far the file's matrix errs from the true one."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cytotrial.simulate.instrument.optics import TOP
from cytotrial.simulate.instrument.run import NO_INCIDENTS
from cytotrial.simulate.parameters import laboratory, tube_parameters, whole_cytometer
from cytotrial.simulate.trial.plan import plan_samples, recipe_of
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.simulate.tube import Tube, TubeParameters, simulate_tube

MEDIAN_SE = 1.2533 * 1.4826  # standard error of a median: this times MAD / sqrt(n)


def calm(panel: str, *, n: int = 60_000, profile: str = "clean", **changes) -> TubeParameters:
    """A tube in whose run nothing goes wrong."""
    return replace(tube_parameters(panel, profile=profile), n_events=n, incidents=NO_INCIDENTS, **changes)


def compensated(tube: Tube, matrix: np.ndarray) -> dict[str, np.ndarray]:
    """Detector -> light of its dye once the spillover is undone."""
    columns = [tube.channels.index(name) for name in tube.detectors]
    return dict(zip(tube.detectors, (tube.events[:, columns].astype(float) @ np.linalg.inv(matrix)).T, strict=True))


def detector_of(p: TubeParameters, marker: str) -> str:
    return next(one.name for one in p.detectors if marker in one.markers)


def expected_median(p: TubeParameters, population: str, marker: str) -> float:
    """What the parameters say of a compensated median: the dye's light, and of the autofluorescence what is left."""
    names = [one.name for one in p.detectors]
    one = next(kind for kind in p.kinds.populations if kind.name == population)
    at = names.index(detector_of(p, marker))
    gain = np.array([p.gain.get(name, 1.0) for name in names])
    glow = np.array([d.autofluorescence for d in p.detectors]) * one.autofluorescence * gain
    glow += np.array([p.baseline.get(name, 0.0) for name in names])
    true = p.spillover * gain[None, :] / gain[:, None]
    light = one.markers[marker].median if marker in one.markers else 0.0
    unspecific = p.kinds.unspecific.median * one.autofluorescence
    return float(gain[at] * p.staining.get(marker, 1.0) * (light + unspecific) + (glow @ np.linalg.inv(true))[at])


def assert_medians(tube: Tube, p: TubeParameters, wanted: list[tuple[str, str]]) -> None:
    """Within 3 % of the parameters' (skewed sums of light, positions on a continuum) and sampling error."""
    light = compensated(tube, tube.true_spillover)
    for population, marker in wanted:
        values = light[detector_of(p, marker)][tube.members(population)]
        found, expected = float(np.median(values)), expected_median(p, population, marker)
        error = MEDIAN_SE * float(np.median(np.abs(values - found))) / math.sqrt(len(values))
        print(f"{population} {marker}: {found:.0f}, expected {expected:.0f} +- {error:.1f}")
        assert abs(found - expected) < 0.03 * abs(expected) + 4 * error, (population, marker)


BRIGHT = {
    "treg": [("cd4_naive", "CD3"), ("cd4_naive", "CD4"), ("cd8_t", "CD8"), ("cd4_memory", "CD127")],
    "nk": [("cd8_t", "CD3"), ("nk_dim", "CD56"), ("nk_dim", "CD16"), ("gd_t", "CD3")],
}
DARK = {"treg": [("cd8_t", "CD4"), ("cd4_naive", "CD8")], "nk": [("b", "CD3"), ("cd4_naive", "CD56")]}


@pytest.mark.parametrize("panel", ["treg", "nk"])
@pytest.mark.parametrize("profile", ["clean", "other_lab"])
def test_the_true_matrix_brings_the_medians_back(panel, profile):
    p = calm(panel, profile=profile)
    tube = simulate_tube(p, seed=12)
    assert_medians(tube, p, BRIGHT[panel] + DARK[panel])
    pairs = BRIGHT[panel] + DARK[panel]
    raw = [np.median(tube.column(detector_of(p, marker))[tube.members(population)]) for population, marker in pairs]
    off = [one / expected_median(p, *pair) - 1.0 for one, pair in zip(raw, pairs, strict=True)]
    assert np.abs(off).max() > 0.2, "nothing to compensate"


def test_gains_baselines_and_staining_of_a_tube_are_seen_through_its_true_matrix():
    p = calm("treg")
    tuned = replace(
        p,
        gain={detector_of(p, "CD3"): 0.7, detector_of(p, "CD8"): 1.5, detector_of(p, "CD127"): 1.2, "SSC-A": 1.3},
        baseline={detector_of(p, "CD4"): 300.0},
        staining={"CD4": 0.5, "CD127": 2.0},
    )
    tube, plain = simulate_tube(tuned, seed=12), simulate_tube(p, seed=12)
    assert_medians(tube, tuned, BRIGHT["treg"] + DARK["treg"])
    for channel, factor in (("SSC-A", 1.3), ("FSC-A", 1.0)):
        kept = plain.column(channel) < TOP / 1.3
        assert np.allclose(tube.column(channel)[kept], factor * plain.column(channel)[kept], rtol=1e-6, atol=0.02)


def test_negatives_scatter_below_zero_and_nothing_is_clipped_there():
    p = calm("nk")
    tube = simulate_tube(p, seed=13)
    cd56 = compensated(tube, tube.true_spillover)[detector_of(p, "CD56")][tube.members("cd4")]
    print(f"compensated CD56 of CD4 cells: {(cd56 < 0).mean():.1%} below 0, least {cd56.min():.0f}")
    assert 0.05 < (cd56 < 0).mean() < 0.5
    for name in tube.detectors:
        column = tube.column(name)
        assert column.min() < 0 and (column == column.min()).sum() == 1


def test_a_clean_laboratorys_matrix_is_the_truth_and_the_file_says_so():
    plan = TrialPlan("he2020", 3, 2, known_visits("he2020", ("W0", "W24")), profile="clean")
    for sample in plan_samples(plan):
        p = replace(recipe_of(plan, sample).parameters, n_events=50)
        tube = simulate_tube(p, seed=3, key=(sample.sample_id,))
        assert np.array_equal(tube.spillover, tube.true_spillover)
        assert np.array_equal(tube.spillover, tube_parameters(sample.panel).spillover)


@cache
def clinics_days(n_trials: int) -> list[TubeParameters]:
    """One treg tube of every instrument day of some trials."""
    found = []
    for seed in range(n_trials):
        plan = TrialPlan("he2020", seed, 30, known_visits("he2020"), profile="clinic")
        first = {sample.batch: sample for sample in plan_samples(plan) if sample.panel == "treg"}
        found += [recipe_of(plan, sample).parameters for sample in first.values()]
    return found


def test_a_clinics_matrix_errs_as_the_laboratory_states():
    """Without the days of a stepped voltage: entries err by `spillover_error`, on poor days by `spillover_mishap`."""
    lab, normal, poor, n_days = laboratory("clinic"), [], 0, 0
    for p in clinics_days(5):
        if p.voltage_step:
            continue
        tube = simulate_tube(replace(p, n_events=5), seed=1)
        donors = {(d.name, d.donor) for d in p.detectors}
        names = tube.detectors
        entries = [
            (i, j)
            for i, j in zip(*np.nonzero(tube.true_spillover), strict=True)
            if i != j and (names[i], names[j]) not in donors
        ]
        errors = np.array([tube.spillover[i, j] / tube.true_spillover[i, j] - 1.0 for i, j in entries])
        assert np.array_equal(np.diag(tube.spillover), np.ones(len(names)))
        assert ((tube.spillover == 0) == (tube.true_spillover == 0)).all()
        n_days += 1
        if errors.std() > math.sqrt(lab.spillover_error * lab.spillover_mishap):  # far from either, with 20 entries
            poor += 1
        else:
            normal.append(errors)
    errors = np.concatenate(normal)
    print(f"{n_days} days, {poor} poor; on the others {len(errors)} entries err by {errors.std():.5f}")
    assert errors.std() == pytest.approx(lab.spillover_error, rel=4 / math.sqrt(2 * len(errors)))
    assert abs(errors.mean()) < 4 * lab.spillover_error / math.sqrt(len(errors))
    share = lab.spillover_mishap_share
    assert poor > 0 and abs(poor - n_days * share) < 4 * math.sqrt(n_days * share * (1 - share))


def test_a_clinics_controls_lag_behind_the_decay_of_tandems():
    lab = laboratory("clinic")
    detectors, fresh = whole_cytometer("clinic")
    names = [one.name for one in detectors]
    tandem = next(one for one in detectors if one.donor == detector_of(tube_parameters("treg"), "CD127"))
    base = fresh[names.index(tandem.name), names.index(tandem.donor)]
    ratios, decays = [], []
    for p in clinics_days(5):
        if p.voltage_step:
            continue
        row, column = (([one.name for one in p.detectors]).index(name) for name in (tandem.name, tandem.donor))
        gain = p.gain[tandem.donor] / p.gain[tandem.name]
        odds = p.spillover[row, column] - base  # decay / (1 - decay)
        decay = odds / (1.0 + odds)
        seen = decay * (1.0 - lab.control_lag)
        ratios.append(p.recorded_spillover[row, column] / gain / (base + seen / (1.0 - seen)) - 1.0)
        decays.append(decay)
    sd = math.hypot(lab.spillover_error, lab.spillover_mishap * math.sqrt(lab.spillover_mishap_share))
    print(f"decay {min(decays):.4f} to {max(decays):.4f}; recorded over expected - 1: {np.mean(ratios):.5f}")
    assert 0.0 < max(decays) < lab.tandem_decay * 1.0 / lab.lots_per_year + 1e-9
    assert max(decays) > 0.6 * lab.tandem_decay / lab.lots_per_year
    assert abs(np.mean(ratios)) < 4 * sd / math.sqrt(len(ratios))
    # the lag itself is larger than that error, so a laboratory without it would fail here
    assert np.mean(decays) * lab.control_lag / (base + np.mean(decays)) > 8 * sd / math.sqrt(len(ratios))
