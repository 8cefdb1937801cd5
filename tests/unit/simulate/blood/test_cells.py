"""Cells one by one: medians, spreads, correlations, continua and what is left of the dead, against their parameters.

Tolerances are multiples of the sampling error of cells drawn independently: that of a median of log10 is 1.2533 SD
/ sqrt(n), of an SD it is SD / sqrt(2 n), of a correlation (1 - r^2) / sqrt(n). Seeds are fixed.
"""

from dataclasses import replace

import numpy as np
import pytest

from cytotrial.simulate.blood import cells as cells_module
from cytotrial.simulate.blood.cells import (
    AUTOFLUORESCENCE_SD,
    SIZE_TO_AUTOFLUORESCENCE,
    SIZE_TO_DYE,
    SIZE_TO_SSC,
    SMALLEST_FSC,
    Cells,
    Kinds,
    draw_cells,
)
from cytotrial.simulate.blood.populations import SUBSETS, Continuum, LogNormal, Population, Position, Remains
from cytotrial.simulate.parameters import tube_parameters
from cytotrial.simulate.seeds import stream

N = 40_000
ERRORS = 4.5  # standard errors: one of 150 000 true figures lies further out
NO_DYE = LogNormal(0.0, 0.1)  # no unspecific light, so that a dye's own can be seen
SHIPPED = tube_parameters("treg").kinds
MARKERS = sorted({marker for one in SHIPPED.populations for marker in one.markers})

T_CELL = Population(
    name="t",
    fsc=LogNormal(85_000.0, 0.07),
    ssc=LogNormal(26_000.0, 0.10),
    markers={"CD3": LogNormal(4000.0, 0.13), "CD4": LogNormal(5000.0, 0.10), "CD25": LogNormal(200.0, 0.25)},
    autofluorescence=1.0,
)
B_CELL = replace(T_CELL, name="b", markers={"CD19": LogNormal(5000.0, 0.15)})
DEAD = Population(
    name="dead",
    fsc=LogNormal(0.6, 0.14),
    ssc=LogNormal(1.6, 0.18),
    markers={"viability": LogNormal(20_000.0, 0.22), "CD25": LogNormal(3000.0, 0.4)},
    autofluorescence=2.0,
    remains=Remains(0.6, 1.6, LogNormal(0.3, 0.2)),
)
REGULATORY = Continuum(cut=0.5, slopes={"CD25": 0.85, "CD127": -0.80})
TREG = replace(
    T_CELL,
    name="treg",
    markers={"CD25": LogNormal(3000.0, 0.20), "CD127": LogNormal(400.0, 0.22), "CD4": LogNormal(5000.0, 0.10)},
    position=Position("regulatory", mean=1.0, sd=0.12),
)


def _draw(counts, populations, detectors, *, unspecific=NO_DYE, staining=None, origins=None, seed=1) -> Cells:
    return draw_cells(
        counts,
        kinds=Kinds(tuple(populations), {"regulatory": REGULATORY}, unspecific),
        detectors=[one if isinstance(one, tuple) else (one,) for one in detectors],
        staining=staining or {},
        origins=np.array([1.0] + [0.0] * (len(populations) - 1) if origins is None else origins),
        random=stream(seed, "cells"),
    )


def _errors(values: np.ndarray, level: LogNormal) -> tuple[float, float]:
    """How many standard errors the median and the SD of log10 lie from the level's."""
    log10, n = np.log10(values), len(values)
    off = float(np.median(log10)) - np.log10(level.median)
    return off / (1.2533 * level.sd / n**0.5), float(log10.std() / level.sd - 1.0) * (2.0 * n) ** 0.5


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(np.log10(one), np.log10(other))[0, 1])


def _assert_correlation(one: np.ndarray, other: np.ndarray, expected: float) -> None:
    assert _correlation(one, other) == pytest.approx(expected, abs=ERRORS * (1.0 - expected**2) / len(one) ** 0.5)


def _without_noise(monkeypatch: pytest.MonkeyPatch, population: Population) -> Population:
    """The population with light that nothing but its continuum moves."""
    monkeypatch.setattr(cells_module, "LEAST_SD", 0.0)
    still = {marker: LogNormal(level.median, 0.0) for marker, level in population.markers.items()}
    return replace(population, fsc=replace(population.fsc, sd=0.0), ssc=replace(population.ssc, sd=0.0), markers=still)


def _places(at: Position, n: int = N, *, seed: int = 1) -> np.ndarray:
    """Where cells lie on the continuum, read off a marker whose light nothing else moves; noise must be off."""
    still = {"CD25": LogNormal(1.0, 0.0)}
    one = Population("one", LogNormal(85_000.0, 0.0), LogNormal(26_000.0, 0.0), still, position=at)
    return at.mean + np.log10(_draw([n], [one], ["CD25"], seed=seed).dyes[0]) / REGULATORY.slopes["CD25"]


def test_counts_are_exact_and_cells_come_in_the_order_of_their_populations():
    cells = _draw([5, 0, 7], [T_CELL, B_CELL, TREG], ["CD3", "CD19"])
    assert cells.population.tolist() == [0] * 5 + [2] * 7 and cells.population.dtype == np.int8
    assert cells.dyes.shape == (2, 12)
    assert {len(one) for one in (cells.fsc, cells.ssc, cells.autofluorescence)} == {12}
    assert (cells.dyes[0, :5] > 0).all() and (cells.dyes[0, 5:] == 0).all()  # this Treg carries no CD3


def test_no_cells_are_no_cells():
    cells = _draw([0, 0], [T_CELL, DEAD], ["CD3"])
    assert cells.fsc.shape == (0,) and cells.dyes.shape == (1, 0)


def test_as_many_counts_as_populations():
    with pytest.raises(ValueError):
        _draw([5], [T_CELL, B_CELL], ["CD3"])


def test_same_seed_same_cells():
    one, again, other = (_draw([50, 20], [T_CELL, DEAD], ["CD3", "CD25"], seed=seed) for seed in (1, 1, 2))
    for name in vars(one):
        assert np.array_equal(getattr(one, name), getattr(again, name)), name
    for name in ("fsc", "ssc", "dyes", "autofluorescence"):
        assert not np.array_equal(getattr(one, name), getattr(other, name)), name


def test_a_part_is_a_view():
    cells = _draw([4, 4], [T_CELL, B_CELL], ["CD3", "CD19"])
    part = cells.part(2, 6)
    assert part.population.tolist() == [0, 0, 1, 1] and part.dyes.shape == (2, 4)
    part.dyes[1, 0] = -1.0
    part.fsc[3] = -2.0
    assert cells.dyes[1, 2] == -1.0 and cells.fsc[5] == -2.0


@pytest.mark.parametrize("one", [one for one in SHIPPED.populations if not one.remains], ids=lambda one: one.name)
def test_medians_and_spreads_are_those_of_the_whole_population(one):
    """Whatever size and continuum contribute; cells in transition to the cut come on top and are left out here."""
    if one.position:
        one = replace(one, position=replace(one.position, towards_cut=0.0))
    cells = draw_cells(
        [N],
        kinds=Kinds((one,), SHIPPED.continua, NO_DYE),
        detectors=[(marker,) for marker in MARKERS],
        staining={},
        origins=np.ones(1),
        random=stream(1, one.name),
    )
    dyes = dict(zip(MARKERS, cells.dyes, strict=True))
    errors = {marker: _errors(dyes[marker], level) for marker, level in one.markers.items()}
    errors["SSC"] = _errors(cells.ssc, one.ssc)
    if one.fsc.median * 10 ** (-5 * one.fsc.sd) > SMALLEST_FSC:  # of debris the trigger cuts off the smallest
        errors["FSC"] = _errors(cells.fsc, one.fsc)
    print(one.name, {name: np.round(pair, 1).tolist() for name, pair in errors.items()})
    assert np.abs(list(errors.values())).max() < ERRORS
    assert all((dyes[marker] == 0).all() for marker in set(MARKERS) - set(one.markers))


def test_a_spread_smaller_than_what_explains_it_grows_to_that_and_a_little():
    thin = replace(TREG, markers={"CD25": LogNormal(3000.0, 0.01)})
    cells = _draw([N], [thin], ["CD25"])
    explained = np.hypot(SIZE_TO_DYE * thin.fsc.sd, REGULATORY.slopes["CD25"] * thin.position.sd)
    expected = LogNormal(3000.0, float(np.hypot(explained, cells_module.LEAST_SD)))
    assert np.abs(_errors(cells.dyes[0], expected)).max() < ERRORS


def test_a_large_cell_scatters_stains_and_glows_more():
    cells = _draw([N], [T_CELL], ["CD3", "CD4", "CD25"])
    fsc_sd = T_CELL.fsc.sd
    _assert_correlation(cells.fsc, cells.ssc, SIZE_TO_SSC * fsc_sd / T_CELL.ssc.sd)
    for marker, light in zip(("CD3", "CD4", "CD25"), cells.dyes, strict=True):
        _assert_correlation(cells.fsc, light, SIZE_TO_DYE * fsc_sd / T_CELL.markers[marker].sd)
    with_size = SIZE_TO_AUTOFLUORESCENCE * fsc_sd
    _assert_correlation(cells.fsc, cells.autofluorescence, with_size / np.hypot(with_size, AUTOFLUORESCENCE_SD))
    _assert_correlation(
        cells.dyes[0], cells.dyes[1], SIZE_TO_DYE**2 * fsc_sd**2 / (0.13 * 0.10)
    )  # of one and the same cell
    assert min(SIZE_TO_SSC, SIZE_TO_DYE, SIZE_TO_AUTOFLUORESCENCE) > 0


def test_autofluorescence_has_its_populations_factor():
    for factor in (1.0, 3.0):
        glow = _draw([N], [replace(T_CELL, autofluorescence=factor)], ["CD3"]).autofluorescence
        sd = float(np.hypot(SIZE_TO_AUTOFLUORESCENCE * T_CELL.fsc.sd, AUTOFLUORESCENCE_SD))
        assert np.abs(_errors(glow, LogNormal(factor, sd))).max() < ERRORS


def test_no_cell_scatters_less_than_the_trigger_and_none_piles_up_there():
    debris = replace(T_CELL, fsc=LogNormal(6000.0, 0.30))
    fsc = _draw([N], [debris], ["CD3"]).fsc
    assert fsc.min() > SMALLEST_FSC
    # log10(5000 / 6000) / 0.3 = -0.264: 39.6 % would be below, and are as far above the threshold instead
    just_above = np.mean(fsc < SMALLEST_FSC * 1.02)
    expected = 2 * 0.3853 * 0.0086 / 0.30  # twice the normal density there, times the width in log10
    assert just_above == pytest.approx(expected, abs=ERRORS * (expected / N) ** 0.5)


def test_neither_do_the_dead_scatter_less_than_the_trigger():
    shrunken = replace(DEAD, remains=replace(DEAD.remains, fsc=0.01))
    assert _draw([0, N], [T_CELL, shrunken], ["CD3"]).fsc.min() >= SMALLEST_FSC


@pytest.mark.parametrize("mean", [0.3, 0.7])
def test_no_cell_crosses_the_cut_and_those_that_would_come_back_by_as_much(mean, monkeypatch):
    monkeypatch.setattr(cells_module, "LEAST_SD", 0.0)
    places = _places(Position("regulatory", mean, sd=0.2))
    below = mean < REGULATORY.cut
    # 1e-12: what log10 of a power of 10 loses
    assert (places < REGULATORY.cut + 1e-12).all() if below else (places > REGULATORY.cut - 1e-12).all()
    near = np.mean(np.abs(places - REGULATORY.cut) < 0.1)
    expected = 0.2417  # normal mass between 0.5 and 1.5 SD: 0.1 on either side of a cut 1 SD away
    assert near == pytest.approx(expected, abs=ERRORS * (expected * (1 - expected) / N) ** 0.5)


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_cells_in_transition_lie_evenly_between_the_mean_and_the_cut(mean, monkeypatch):
    """On both sides of the cut there are cells however narrow the populations are: nothing separates the two kinds."""
    monkeypatch.setattr(cells_module, "LEAST_SD", 0.0)
    places = _places(Position("regulatory", mean, sd=0.02, towards_cut=0.2))
    way = np.abs(places - mean) / abs(REGULATORY.cut - mean)
    shares = np.histogram(way, bins=[0.2, 0.4, 0.6, 0.8, 1.0])[0] / N  # the 10 % beyond 5 SD are in transition
    assert np.abs(shares - 0.04).max() < ERRORS * (0.04 / N) ** 0.5
    assert ((places > mean - 0.12) & (places < mean + 0.12)).mean() > 0.8
    assert (np.sign(places - REGULATORY.cut) == np.sign(mean - REGULATORY.cut)).all()
    lonely = _places(Position("regulatory", mean, sd=0.02))
    assert np.abs(lonely - REGULATORY.cut).min() > 0.3


def test_two_kinds_meet_at_the_cut(monkeypatch):
    """Where both kinds have cells in transition the density runs through the cut: a continuum without a gap."""
    monkeypatch.setattr(cells_module, "LEAST_SD", 0.0)
    both = [Position("regulatory", mean, 0.1, towards_cut=0.2) for mean in (0.0, 1.0)]
    places = np.concatenate([_places(at, seed=seed) for seed, at in enumerate(both)])
    slices = np.histogram(places, bins=[0.44, 0.46, 0.48, 0.50, 0.52, 0.54, 0.56])[0]
    expected = N * 0.2 * 0.02 / 0.5
    assert np.abs(slices - expected).max() < ERRORS * expected**0.5


@pytest.mark.parametrize(
    "one", [TREG, *(one for one in SHIPPED.populations if one.name in SUBSETS["treg"])], ids=lambda one: one.name
)
def test_within_treg_the_brighter_cd25_the_dimmer_cd127(one):
    at = replace(one.position, towards_cut=0.0)
    continua = {"regulatory": REGULATORY} if one is TREG else SHIPPED.continua
    slopes = continua[at.continuum].slopes
    cells = draw_cells(
        [N],
        kinds=Kinds((replace(one, position=at),), continua, NO_DYE),
        detectors=[("CD25",), ("CD127",), ("CD4",)],
        staining={},
        origins=np.ones(1),
        random=stream(3, one.name),
    )
    by_size = SIZE_TO_DYE**2 * one.fsc.sd**2
    sds = one.markers["CD25"].sd, one.markers["CD127"].sd
    expected = (slopes["CD25"] * slopes["CD127"] * at.sd**2 + by_size) / (sds[0] * sds[1])
    print(one.name, _correlation(cells.dyes[0], cells.dyes[1]), expected)
    assert slopes["CD25"] > 0 > slopes["CD127"] and expected < 0
    _assert_correlation(cells.dyes[0], cells.dyes[1], expected)
    _assert_correlation(
        cells.dyes[0], cells.dyes[2], by_size / (sds[0] * one.markers["CD4"].sd)
    )  # not on the continuum


def test_cells_in_transition_go_with_every_marker_of_the_continuum(monkeypatch):
    still = _without_noise(monkeypatch, replace(TREG, position=Position("regulatory", 1.0, 0.1, towards_cut=0.1)))
    cells = _draw([N], [still], ["CD25", "CD127", "CD4"])
    cd25, cd127 = (np.log10(cells.dyes[row] / still.markers[name].median) for row, name in enumerate(("CD25", "CD127")))
    assert cd127 == pytest.approx(cd25 * REGULATORY.slopes["CD127"] / REGULATORY.slopes["CD25"], abs=1e-9)
    assert np.ptp(cells.dyes[2]) < 1e-6


def test_a_cell_without_the_marker_binds_a_little_of_the_dye():
    unspecific = LogNormal(15.0, 0.35)
    for factor in (1.0, 3.0):  # a kind that glows more binds more
        one = replace(T_CELL, autofluorescence=factor)
        light = _draw([N], [one], ["CD8"], unspecific=unspecific, staining={"CD8": 2.0}).dyes[0]
        whole = LogNormal(15.0 * factor * 2.0, float(np.hypot(unspecific.sd, T_CELL.fsc.sd)))
        assert np.abs(_errors(light, whole)).max() < ERRORS


def test_unspecific_light_comes_on_top_of_a_markers_own(monkeypatch):
    still = _without_noise(monkeypatch, T_CELL)
    cells = _draw([3], [still], ["CD3", "CD8"], unspecific=LogNormal(15.0, 0.0))
    assert cells.dyes == pytest.approx(np.array([[4015.0] * 3, [15.0] * 3]))


def test_two_markers_in_one_detector_add_up(monkeypatch):
    still = _without_noise(monkeypatch, replace(T_CELL, markers=T_CELL.markers | B_CELL.markers))
    b = _without_noise(monkeypatch, B_CELL)
    dump = ("CD19", "CD4")
    cells = _draw([1, 1], [still, b], [dump], unspecific=LogNormal(15.0, 0.0), staining={"CD19": 2.0, "CD4": 0.5})
    # one dye of a dump binds unspecifically, that of its first marker: 2 x 15
    assert cells.dyes[0].tolist() == pytest.approx([2 * 5000 + 0.5 * 5000 + 30, 2 * 5000 + 30])


def test_in_a_dump_of_two_the_dead_carry_both(monkeypatch):
    sticky = replace(DEAD, markers={"CD19": LogNormal(400.0, 0.0), "CD4": LogNormal(300.0, 0.0)})
    remains = replace(_without_noise(monkeypatch, sticky), remains=Remains(0.6, 1.6, LogNormal(0.3, 0.0)))
    still = _without_noise(monkeypatch, T_CELL)
    cells = _draw([0, 2], [still, remains], [("CD19", "CD4")], staining={"CD19": 2.0})
    assert cells.dyes[0].tolist() == pytest.approx([0.3 * 5000 + 2 * 400 + 300] * 2)


def test_staining_is_a_factor_on_its_dye_and_on_nothing_else():
    populations, counts, detectors = [T_CELL, B_CELL, DEAD], [200, 100, 100], ["CD3", "CD25", "CD19"]
    unspecific = LogNormal(15.0, 0.35)
    plain = _draw(counts, populations, detectors, unspecific=unspecific)
    stained = _draw(counts, populations, detectors, unspecific=unspecific, staining={"CD25": 2.5})
    assert stained.dyes[1] == pytest.approx(2.5 * plain.dyes[1], rel=1e-12)
    assert np.array_equal(stained.dyes[[0, 2]], plain.dyes[[0, 2]])
    for name in ("population", "fsc", "ssc", "autofluorescence"):
        assert np.array_equal(getattr(stained, name), getattr(plain, name)), name


def test_the_dead_are_shrunken_granular_faded_and_take_up_the_viability_dye():
    cells = _draw([0, N], [T_CELL, DEAD], ["CD3", "CD8", "viability"])
    left = DEAD.remains
    expected = {
        "fsc": LogNormal(T_CELL.fsc.median * left.fsc, float(np.hypot(T_CELL.fsc.sd, DEAD.fsc.sd))),
        "ssc": LogNormal(T_CELL.ssc.median * left.ssc, float(np.hypot(T_CELL.ssc.sd, DEAD.ssc.sd))),
        "CD3": LogNormal(4000.0 * left.dyes.median, float(np.hypot(0.13, left.dyes.sd))),
        "viability": DEAD.markers["viability"],
    }
    seen = {"fsc": cells.fsc, "ssc": cells.ssc, "CD3": cells.dyes[0], "viability": cells.dyes[2]}
    for name, level in expected.items():
        assert np.abs(_errors(seen[name], level)).max() < ERRORS, name
    assert (cells.population == 1).all()
    assert (cells.dyes[1] == 0).all()  # it never had CD8 and does not bind it here
    alive = _draw([N, 0], [T_CELL, DEAD], ["viability"], unspecific=LogNormal(15.0, 0.35))
    assert cells.dyes[2].min() > 2.0 * alive.dyes[0].max()
    assert np.median(cells.autofluorescence) / np.median(alive.autofluorescence) == pytest.approx(2.0, rel=0.02)


def test_what_the_dead_bind_comes_on_top_of_what_they_carried(monkeypatch):
    still, left = _without_noise(monkeypatch, T_CELL), _without_noise(monkeypatch, DEAD)
    left = replace(left, remains=Remains(0.6, 1.6, LogNormal(0.3, 0.0)))
    cells = _draw([0, 1], [still, left], ["CD25", "CD3"], unspecific=LogNormal(15.0, 0.0), staining={"CD25": 2.0})
    assert cells.dyes[:, 0].tolist() == pytest.approx([2 * (0.3 * (200 + 15) + 3000), 0.3 * (4000 + 15)])


def test_a_dead_cell_still_shows_what_it_was():
    origins = np.array([0.7, 0.3, 0.0])
    cells = _draw([0, 0, N], [T_CELL, B_CELL, DEAD], ["CD3", "CD19"], origins=origins)
    was_t = cells.dyes[0] > 0
    assert ((cells.dyes[1] > 0) == ~was_t).all()  # each was one or the other
    assert was_t.mean() == pytest.approx(0.7, abs=ERRORS * (0.21 / N) ** 0.5)
    faded = LogNormal(4000.0 * 0.3, float(np.hypot(0.13, 0.2)))
    assert np.abs(_errors(cells.dyes[0][was_t], faded)).max() < ERRORS


def test_the_dyes_of_one_dead_cell_fade_together():
    cells = _draw([0, N], [T_CELL, DEAD], ["CD3", "CD4"])
    shared = SIZE_TO_DYE**2 * T_CELL.fsc.sd**2 + DEAD.remains.dyes.sd**2
    _assert_correlation(cells.dyes[0], cells.dyes[1], shared / (np.hypot(0.13, 0.2) * np.hypot(0.10, 0.2)))


@pytest.mark.parametrize("name", ["dead", "dying"])
def test_of_the_shipped_dead_t_cells_stay_apart_from_b_cells_by_their_cd3(name):
    by_name = {one.name: one for one in SHIPPED.populations}
    trio = (by_name["cd4_memory"], by_name["b"], by_name[name])
    cells = draw_cells(
        [0, 0, N],
        kinds=replace(SHIPPED, populations=trio),
        detectors=[("CD3",), ("CD19",), ("viability",)],
        staining={},
        origins=np.array([0.5, 0.5, 0.0]),
        random=stream(4, name),
    )
    half = N // 2 - 5 * int(N**0.5), N // 2 + 5 * int(N**0.5)  # the first half were T cells, give or take chance
    t_cells, b_cells = cells.dyes[0, : half[0]], cells.dyes[0, half[1] :]
    print(name, np.median(t_cells), np.median(b_cells))
    fade, sticky = trio[2].remains.dyes.median, trio[2].markers["CD3"].median
    # a B cell has what sticks and faded unspecific light: medians add up to within the spread of the smaller part
    assert 0.95 * sticky < np.median(b_cells) < 1.05 * (sticky + 2.0 * fade * SHIPPED.unspecific.median)
    assert np.median(t_cells) > fade * trio[0].markers["CD3"].median
    assert np.median(t_cells) > 2.0 * np.median(b_cells)
    assert np.median(cells.dyes[2]) == pytest.approx(trio[2].markers["viability"].median, rel=0.02)


def test_a_shift_moves_the_dead_too():
    """`Population.shifted` promises other medians, of the dead as of the living."""
    plain, moved = (_draw([0, 2000], [T_CELL, one], ["CD3"]) for one in (DEAD, DEAD.shifted({"FSC": 0.1, "SSC": -0.2})))
    assert moved.fsc / plain.fsc == pytest.approx(np.full(2000, 10**0.1), rel=1e-9)
    assert moved.ssc / plain.ssc == pytest.approx(np.full(2000, 10**-0.2), rel=1e-9)
