"""What a tube's file shall hold: channels and their order, the top of the scale, rounding, the same bytes again."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from cytotrial.simulate.form import LABEL_STYLES, FileForm, label
from cytotrial.simulate.instrument.optics import TOP
from cytotrial.simulate.instrument.run import NO_INCIDENTS
from cytotrial.simulate.parameters import PROFILES, tube_parameters
from cytotrial.simulate.tube import TubeParameters, simulate_tube


def calm(panel: str, *, n: int = 60_000, profile: str = "clean", **changes) -> TubeParameters:
    """A tube in whose run nothing goes wrong."""
    return replace(tube_parameters(panel, profile=profile), n_events=n, incidents=NO_INCIDENTS, **changes)


# Channels


@pytest.mark.parametrize("panel", ["treg", "nk"])
@pytest.mark.parametrize("profile", PROFILES)
def test_shapes_and_names(panel, profile):
    p = replace(tube_parameters(panel, profile=profile), n_events=700)
    tube = simulate_tube(p, seed=1)
    names = tuple(detector.name for detector in p.detectors)
    assert tube.events.shape == (700, len(tube.channels)) and tube.events.dtype == np.float32
    assert len(set(tube.channels)) == len(tube.channels)
    assert np.isfinite(tube.events).all()
    assert tube.labels.shape == (700,) and tube.labels.dtype == np.int8
    assert tube.labels.min() >= 0 and tube.labels.max() < len(tube.populations)
    assert tube.detectors == names and set(tube.markers) == set(names)
    assert tube.spillover.shape == tube.true_spillover.shape == (len(names), len(names))
    for column, name in enumerate(tube.channels):
        assert np.array_equal(tube.column(name), tube.events[:, column])


@pytest.mark.parametrize("panel", ["treg", "nk"])
@pytest.mark.parametrize(("time_first", "lacks_time"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("heights", [False, True])
def test_channels_in_order(panel, time_first, lacks_time, heights):
    p = calm(panel, n=300, pulse_heights=heights, lacks_time=lacks_time, form=FileForm(time_first=time_first))
    tube, plain = simulate_tube(p, seed=2), simulate_tube(calm(panel, n=300), seed=2)
    areas = tuple(detector.name for detector in p.detectors)
    expected = (*p.scatter, *areas, *((name[:-1] + "H" for name in areas) if heights else ()))
    if not lacks_time:
        expected = ("Time", *expected) if time_first else (*expected, "Time")
    assert tube.channels == expected
    for name in set(tube.channels) & set(plain.channels):
        assert np.array_equal(tube.column(name), plain.column(name)), name


@pytest.mark.parametrize("style", LABEL_STYLES)
def test_labels_of_areas_and_heights_are_alike(style):
    p = calm("nk", n=10, pulse_heights=True, form=FileForm(label_style=style))
    tube = simulate_tube(p, seed=2)
    expected = {detector.name: label(detector.markers, detector.dye, style) for detector in p.detectors}
    assert tube.markers == expected | {name[:-1] + "H": written for name, written in expected.items()}


def test_fluorescence_heights_follow_their_areas():
    p = calm("treg", pulse_heights=True)
    tube = simulate_tube(p, seed=3)
    mean, sd = p.scatter_optics.area_to_height
    for detector in p.detectors:
        area = tube.column(detector.name).astype(float)
        bright = (area > 100 * detector.noise) & (area < TOP)
        ratio = area[bright] / tube.column(detector.name[:-1] + "H")[bright]
        assert bright.sum() > 100
        assert np.median(ratio) == pytest.approx(mean, abs=6 * sd / math.sqrt(bright.sum()))
        assert np.corrcoef(area, tube.column(detector.name[:-1] + "H"))[0, 1] > 0.99


def test_a_tube_without_a_detector_has_neither_its_column_nor_its_dye():
    p = calm("treg")
    lost = next(index for index, detector in enumerate(p.detectors) if "viability" in detector.markers)
    kept = [index for index in range(len(p.detectors)) if index != lost]
    fewer = replace(p, detectors=tuple(p.detectors[index] for index in kept), spillover=p.spillover[np.ix_(kept, kept)])
    whole, tube = simulate_tube(p, seed=4), simulate_tube(fewer, seed=4)
    name = p.detectors[lost].name
    assert tube.channels == tuple(one for one in whole.channels if one != name)
    assert tube.detectors == tuple(one for one in whole.detectors if one != name)
    assert np.array_equal(tube.spillover, whole.spillover[np.ix_(kept, kept)])
    spilled = next(p.detectors[index].name for index in kept if p.spillover[lost, index] > 0.05)
    dead = [one.column(spilled)[one.members("dead")].astype(float) for one in (whole, tube)]
    print(f"{spilled} of dead cells: {np.median(dead[0]):.0f} with {name}, {np.median(dead[1]):.0f} without")
    assert np.median(dead[0]) > 2 * np.median(dead[1])


# The top of the scale


@pytest.mark.parametrize("profile", ["clean", "other_lab"])
@pytest.mark.parametrize(("light", "name"), [("FSC", "aggregate"), ("SSC", "granulocyte"), ("FSC", "monocyte")])
def test_the_top_of_the_scatter_holds_what_leaves_it(profile, light, name):
    p = calm("treg", n=60_000, profile=profile)
    tube = simulate_tube(p, seed=14)
    one = next(kind for kind in p.kinds.populations if kind.name == name)
    level = one.fsc if light == "FSC" else one.ssc
    median = level.median * p.scatter_optics.gain[light]
    share = 1.0 - NormalDist(math.log10(median), level.sd).cdf(math.log10(TOP))
    column = tube.column(f"{light}-A")
    members = tube.members(name)
    n = members.sum()
    print(f"{name} {light}: {(column[members] >= TOP).mean():.4f} at the top, expected {share:.4f}")
    assert abs((column[members] >= TOP).sum() - n * share) <= 4 * math.sqrt(n * share * (1 - share)) + 1
    assert (column[tube.members("lymphocytes")] >= TOP).mean() < 1e-3


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_is_above_the_top_and_nothing_is_cut_off_below(profile):
    p = replace(tube_parameters("treg", profile=profile), n_events=60_000, pulse_heights=True)
    tube = simulate_tube(p, seed=5)
    for channel in tube.channels:
        if channel != "Time":
            assert tube.column(channel).max() <= np.float32(TOP), channel
    for name in tube.detectors:
        column = tube.column(name)
        assert column.min() < 0 and (column == column.min()).sum() == 1, name


def test_a_few_events_have_one_detector_at_its_top():
    n, share = 50_000, 0.02
    p = calm("treg", n=n)
    tubes = [
        simulate_tube(replace(p, incidents=replace(NO_INCIDENTS, fluorescence_margin=margin)), seed=14)
        for margin in (0.0, share)
    ]
    before, after = (np.array([tube.column(name) for name in tube.detectors]) for tube in tubes)
    hit = before != after
    assert (after[hit] == np.float32(TOP)).all() and hit.sum(axis=0).max() == 1
    print(f"{hit.sum()} events of {n * share:.0f}, by detector {hit.sum(axis=1)}")
    assert abs(hit.sum() - n * share) < 4 * math.sqrt(n * share * (1 - share))
    assert np.abs(hit.sum(axis=1) - hit.sum() / len(hit)).max() < 4 * math.sqrt(hit.sum() / len(hit))


# Values


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_values_are_rounded_as_facsdiva_stores_them(panel):
    tube = simulate_tube(calm(panel, n=5000, pulse_heights=True), seed=23)
    for channel in tube.channels:
        decimals = 1 if channel == "Time" else 2
        column = tube.column(channel)
        again = np.round(column.astype(float), decimals).astype(np.float32)
        assert np.array_equal(again, column), channel
        coarser = np.round(column.astype(float), decimals - 1).astype(np.float32)
        assert not np.array_equal(coarser, column), f"{channel}: nothing that could have been rounded"


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_tubes_of_next_to_nothing(n, panel):
    p = replace(tube_parameters(panel, profile="hard"), n_events=n, pulse_heights=True)
    for seed in range(15):  # every kind of incident
        tube = simulate_tube(p, seed=seed)
        assert tube.events.shape == (n, len(tube.channels)) and np.isfinite(tube.events).all()
        assert len(tube.labels) == n


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_same_seed_same_bytes_and_key_or_seed_or_panel_make_another_tube(panel):
    p = replace(tube_parameters(panel, profile="clinic"), n_events=500)
    first = simulate_tube(p, seed=1, key=("a",))
    again = simulate_tube(p, seed=1, key=("a",))
    assert first.events.tobytes() == again.events.tobytes() and first.labels.tobytes() == again.labels.tobytes()
    others = [simulate_tube(p, seed=1, key=("b",)), simulate_tube(p, seed=2, key=("a",))]
    others.append(simulate_tube(replace(p, panel="another"), seed=1, key=("a",)))
    for other in others:
        assert other.events.tobytes() != first.events.tobytes()
        assert other.labels.tobytes() != first.labels.tobytes()
        assert abs(np.corrcoef(other.column("FSC-A"), first.column("FSC-A"))[0, 1]) < 4.5 / math.sqrt(500)
