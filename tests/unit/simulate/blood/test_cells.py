"""Shares of populations, and the light of cells."""

from dataclasses import replace

import numpy as np
import pytest

from cytotrial.simulate.cells import SUBSETS, Composition, draw_cells, draw_light
from cytotrial.simulate.defaults import tube_parameters
from cytotrial.simulate.seeds import stream

HALVES = Composition(
    monocytes=0.1,
    granulocytes=0.1,
    debris=0.1,
    dead=0.1,
    aggregates=0.1,
    nk_of_lymphocytes=0.1,
    b_of_lymphocytes=0.1,
    cd4_of_cd3=0.5,
    cd8_of_cd3=0.25,
    treg_of_cd4=0.1,
    cd56bright_of_nk=0.2,
    nkt_like_of_cd8=0.1,
    naive_of_conventional_cd4=0.5,
    activated_of_conventional_cd4=0.1,
)


def test_shares_worked_out_by_hand():
    # lymphocytes 0.5 -> T 0.4, NK 0.05, B 0.05; T -> CD4 0.2, CD8 0.1, neither 0.1; CD4 -> Treg 0.02
    expected = {
        "cd4_naive": 0.09,
        "cd4_memory": 0.072,
        "cd4_activated": 0.018,
        "treg": 0.02,
        "cd8_t": 0.09,
        "nkt_like": 0.01,
        "t_double_negative": 0.1,
        "nk_dim": 0.04,
        "nk_bright": 0.01,
        "b": 0.05,
        **dict.fromkeys(("monocyte", "granulocyte", "debris", "dead", "aggregate"), 0.1),
    }
    assert HALVES.shares() == pytest.approx(expected)
    assert sum(HALVES.shares().values()) == pytest.approx(1.0)


def test_subsets_nest_and_no_dead_cell_or_monocyte_is_a_lymphocyte():
    for part, whole in [("treg", "cd4"), ("cd4", "cd3"), ("cd8", "cd3"), ("cd56bright_nk", "nk")]:
        assert set(SUBSETS[part]) < set(SUBSETS[whole]) < set(SUBSETS["lymphocytes"])
    assert not set(SUBSETS["cd3"]) & set(SUBSETS["nk"])
    assert set(SUBSETS["lymphocytes"]) == set(HALVES.shares()) - {
        "monocyte",
        "granulocyte",
        "debris",
        "dead",
        "aggregate",
    }


@pytest.mark.parametrize("wrong", [{"treg_of_cd4": 1.01}, {"dead": -0.1}, {"nk_of_lymphocytes": 0.95}, {"debris": 0.7}])
def test_impossible_shares_are_refused(wrong):
    with pytest.raises(ValueError, match="shares"):
        replace(HALVES, **wrong)


def test_counts_are_multinomial_and_cells_are_shuffled():
    shares = np.array([0.5, 0.3, 0.2])
    cells = draw_cells(shares, n=100_000, random=stream(1, "x"))
    z = (np.bincount(cells) - 1e5 * shares) / np.sqrt(1e5 * shares * (1 - shares))
    print("z of the counts", z)
    assert np.abs(z).max() < 4
    assert np.abs(np.bincount(cells[:10_000]) / 10_000 - shares).max() < 0.02  # no population comes first


def test_light_has_the_populations_median_and_spread():
    p = tube_parameters("treg")
    names = [one.name for one in p.populations]
    cells = np.full(40_000, names.index("treg"), dtype=np.int8)
    light = draw_light(
        cells,
        populations=p.populations,
        detectors=(("CD25",), ("CD8",)),
        autofluorescence=p.autofluorescence,
        staining={"CD25": 2.0},
        random=stream(1, "light"),
    )
    # 2 x 3000 of dye (SD 0.2 of log10) + 70 of autofluorescence; a Treg carries no CD8: autofluorescence, 120
    assert np.median(light[:, 0]) == pytest.approx(6070, rel=0.015)
    assert np.log10(light[:, 0]).std() == pytest.approx(0.2, rel=0.03)
    assert np.median(light[:, 1]) == pytest.approx(120, rel=0.015)
