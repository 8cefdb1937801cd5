"""Kinds of cell: subsets that nest, levels that shift, continua whose line is the truth's line."""

from dataclasses import replace

import pytest

from cytotrial.simulate.blood.populations import (
    NK_CELLS,
    SUBSETS,
    T_CD4,
    T_CD8,
    T_CELLS,
    T_REGULATORY,
    Continuum,
    LogNormal,
    Population,
    Position,
)
from cytotrial.simulate.parameters import tube_parameters

TREG = Population(
    name="treg",
    fsc=LogNormal(90_000.0, 0.06),
    ssc=LogNormal(26_000.0, 0.10),
    markers={"CD25": LogNormal(3000.0, 0.2), "CD127": LogNormal(400.0, 0.25)},
    autofluorescence=1.5,
    position=Position("regulatory", 1.0, 0.1, 0.05),
)
KINDS = tube_parameters("treg").kinds


def test_subsets_nest_and_no_cell_is_of_two_kinds():
    for part, whole in [("treg", "cd4"), ("cd4", "cd3"), ("cd8", "cd3"), ("cd56bright_nk", "nk")]:
        assert set(SUBSETS[part]) < set(SUBSETS[whole]) < set(SUBSETS["lymphocytes"])
    assert not set(SUBSETS["cd4"]) & set(SUBSETS["cd8"])
    assert not set(SUBSETS["cd3"]) & set(SUBSETS["nk"])
    assert all(len(set(names)) == len(names) for names in SUBSETS.values())
    assert (SUBSETS["cd4"], SUBSETS["cd8"], SUBSETS["cd3"]) == (T_CD4, T_CD8, T_CELLS)
    assert (SUBSETS["treg"], SUBSETS["nk"]) == (T_REGULATORY, NK_CELLS)


def test_every_subset_is_made_of_kinds_that_there_are_and_none_is_dead():
    by_name = {one.name: one for one in KINDS.populations}
    assert len(by_name) == len(KINDS.populations)
    assert set(SUBSETS["lymphocytes"]) <= set(by_name)
    assert not any(by_name[name].remains for name in SUBSETS["lymphocytes"])


@pytest.mark.parametrize(
    ("subset", "marker", "carried"),
    [("cd3", "CD3", True), ("cd4", "CD4", True), ("cd8", "CD8", True), ("nk", "CD3", False), ("cd4", "CD8", False)],
)
def test_a_subset_carries_the_marker_that_defines_it(subset, marker, carried):
    held = {one.name: marker in one.markers for one in KINDS.populations if one.name in SUBSETS[subset]}
    assert held == dict.fromkeys(SUBSETS[subset], carried)


@pytest.mark.parametrize(
    ("continuum", "whole", "upper"), [("regulatory", "cd4", "treg"), ("maturation", "nk", "cd56bright_nk")]
)
def test_the_cut_of_a_continuum_is_where_the_truth_draws_its_line(continuum, whole, upper):
    on_it = {
        one.name: one.position.mean >= KINDS.continua[continuum].cut
        for one in KINDS.populations
        if one.position and one.position.continuum == continuum
    }
    assert on_it == {name: name in SUBSETS[upper] for name in SUBSETS[whole]}


def test_every_position_lies_on_a_continuum_that_there_is():
    places = [one.position.continuum for one in KINDS.populations if one.position]
    assert places and set(places) <= set(KINDS.continua)


def test_shifted_moves_medians_by_powers_of_ten_and_leaves_the_rest():
    moved = TREG.shifted({"CD25": 0.3, "FSC": -0.1, "SSC": 1.0})
    assert moved.markers["CD25"].median == pytest.approx(3000 * 1.995262, rel=1e-6)
    assert moved.fsc.median == pytest.approx(90_000 / 1.258925, rel=1e-6)
    assert moved.ssc.median == pytest.approx(260_000)
    assert moved.markers["CD127"] == TREG.markers["CD127"]
    spreads = (moved.fsc.sd, moved.ssc.sd, moved.markers["CD25"].sd)
    assert spreads == (TREG.fsc.sd, TREG.ssc.sd, TREG.markers["CD25"].sd)
    assert replace(moved, fsc=TREG.fsc, ssc=TREG.ssc, markers=TREG.markers) == TREG
    assert TREG.markers["CD25"].median == 3000.0  # the original is as it was


def test_shifted_gives_no_cell_a_marker_that_it_lacks():
    assert TREG.shifted({"CD8": 0.5}) == TREG
    assert TREG.shifted({}) == TREG


def test_shifts_add_up():
    twice = TREG.shifted({"CD25": 0.1, "SSC": 0.2}).shifted({"CD25": 0.2, "SSC": -0.2})
    assert twice.markers["CD25"].median == pytest.approx(TREG.shifted({"CD25": 0.3}).markers["CD25"].median)
    assert twice.ssc.median == pytest.approx(TREG.ssc.median)


def test_kinds_are_values_that_nobody_changes_by_accident():
    for one, name in [(TREG, "name"), (TREG.fsc, "median"), (TREG.position, "mean"), (Continuum(0.5, {}), "cut")]:
        with pytest.raises(AttributeError):
            setattr(one, name, 0)
