"""Shares of the kinds of cell in one tube: by hand, of their parents, and refused."""

from dataclasses import fields, replace

import numpy as np
import pytest

from cytotrial.simulate.blood.composition import Composition
from cytotrial.simulate.blood.populations import SUBSETS
from cytotrial.simulate.parameters import TRIALS, tube_parameters

HALVES = Composition(
    monocytes=0.1,
    granulocytes=0.1,
    basophils=0.05,
    debris=0.1,
    dead=0.05,
    dying=0.05,
    aggregates=0.05,
    nonclassical_of_monocytes=0.2,
    nk_of_lymphocytes=0.1,
    b_of_lymphocytes=0.1,
    cd4_of_cd3=0.5,
    cd8_of_cd3=0.25,
    gd_of_double_negative=0.4,
    treg_of_cd4=0.1,
    resting_of_treg=0.25,
    cd56bright_of_nk=0.2,
    nkt_like_of_cd8=0.1,
    activated_of_cd8=0.2,
    naive_of_conventional_cd4=0.5,
    activated_of_conventional_cd4=0.1,
)
# lymphocytes 0.5 -> T 0.4, NK 0.05, B 0.05; T -> CD4 0.2, CD8 0.1, neither 0.1; CD4 -> Treg 0.02, others 0.18
BY_HAND = {
    "cd4_naive": 0.09,
    "cd4_memory": 0.072,
    "cd4_activated": 0.018,
    "treg_resting": 0.005,
    "treg_effector": 0.015,
    "cd8_t": 0.07,
    "cd8_activated": 0.02,
    "nkt_like": 0.01,
    "gd_t": 0.04,
    "t_double_negative": 0.06,
    "nk_dim": 0.04,
    "nk_bright": 0.01,
    "b": 0.05,
    "monocyte": 0.08,
    "monocyte_nonclassical": 0.02,
    "granulocyte": 0.1,
    "basophil": 0.05,
    "debris": 0.1,
    "dead": 0.05,
    "dying": 0.05,
    "aggregate": 0.05,
}
CONVENTIONAL = ("cd4_naive", "cd4_memory", "cd4_activated")
DOUBLE_NEGATIVE = ("gd_t", "t_double_negative")
ALL = tuple(BY_HAND)
# field -> the populations that it counts, and the parent of which it is a share
PARENTS = {
    "monocytes": (("monocyte", "monocyte_nonclassical"), ALL),
    "granulocytes": (("granulocyte",), ALL),
    "basophils": (("basophil",), ALL),
    "debris": (("debris",), ALL),
    "dead": (("dead",), ALL),
    "dying": (("dying",), ALL),
    "aggregates": (("aggregate",), ALL),
    "nonclassical_of_monocytes": (("monocyte_nonclassical",), ("monocyte", "monocyte_nonclassical")),
    "nk_of_lymphocytes": (SUBSETS["nk"], SUBSETS["lymphocytes"]),
    "b_of_lymphocytes": (("b",), SUBSETS["lymphocytes"]),
    "cd4_of_cd3": (SUBSETS["cd4"], SUBSETS["cd3"]),
    "cd8_of_cd3": (SUBSETS["cd8"], SUBSETS["cd3"]),
    "gd_of_double_negative": (("gd_t",), DOUBLE_NEGATIVE),
    "treg_of_cd4": (SUBSETS["treg"], SUBSETS["cd4"]),
    "resting_of_treg": (("treg_resting",), SUBSETS["treg"]),
    "cd56bright_of_nk": (("nk_bright",), SUBSETS["nk"]),
    "nkt_like_of_cd8": (("nkt_like",), SUBSETS["cd8"]),
    "activated_of_cd8": (("cd8_activated",), SUBSETS["cd8"]),
    "naive_of_conventional_cd4": (("cd4_naive",), CONVENTIONAL),
    "activated_of_conventional_cd4": (("cd4_activated",), CONVENTIONAL),
}


def _random(seed: int) -> Composition:
    """Any shares that fit: those of one parent together stay below 0.9."""
    random = np.random.default_rng(seed)
    draws = {field.name: float(random.uniform(0.02, 0.12)) for field in fields(Composition)}
    wide = ("treg_of_cd4", "resting_of_treg", "cd56bright_of_nk", "nonclassical_of_monocytes", "gd_of_double_negative")
    pairs = ("cd4_of_cd3", "cd8_of_cd3", "nk_of_lymphocytes", "naive_of_conventional_cd4", "nkt_like_of_cd8")
    return Composition(
        **draws
        | {name: float(random.uniform(0.0, 1.0)) for name in wide}
        | {name: float(random.uniform(0.0, 0.45)) for name in pairs}
    )


def test_shares_worked_out_by_hand():
    assert HALVES.shares() == pytest.approx(BY_HAND)


def test_the_shares_are_those_of_all_kinds_of_cell():
    assert set(HALVES.shares()) == set(tube_parameters("treg").kinds.names)


def test_every_field_is_checked_below():
    assert set(PARENTS) == {field.name for field in fields(Composition)}


@pytest.mark.parametrize("seed", range(5))
def test_each_share_of_its_parent_is_recovered_and_all_add_to_one(seed):
    composition = _random(seed)
    shares = composition.shares()
    recovered = {
        name: sum(shares[one] for one in part) / sum(shares[one] for one in whole)
        for name, (part, whole) in PARENTS.items()
    }
    assert recovered == pytest.approx(vars(composition), rel=1e-12)
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert min(shares.values()) >= 0.0


@pytest.mark.parametrize("name", sorted(PARENTS))
@pytest.mark.parametrize("wrong", [-0.01, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused_by_its_name(name, wrong):
    with pytest.raises(ValueError, match=rf"shares outside 0..1: .*'{name}'"):
        replace(HALVES, **{name: wrong})


@pytest.mark.parametrize(
    ("too_much", "parent"),
    [
        ({"debris": 0.61}, "events"),
        ({"nk_of_lymphocytes": 0.91}, "lymphocytes"),
        ({"cd4_of_cd3": 0.76}, "CD3"),
        ({"nkt_like_of_cd8": 0.81}, "CD8"),
        ({"naive_of_conventional_cd4": 0.91}, "conventional CD4"),
    ],
)
def test_shares_that_exceed_their_parent_are_refused_by_its_name(too_much, parent):
    with pytest.raises(ValueError, match=rf"exceed it: \{{'{parent}': 1\.0"):
        replace(HALVES, **too_much)


@pytest.mark.parametrize(
    ("full", "empty"),
    [
        ({"debris": 0.6}, SUBSETS["lymphocytes"]),
        ({"nk_of_lymphocytes": 0.9}, SUBSETS["cd3"]),
        ({"cd4_of_cd3": 0.75}, DOUBLE_NEGATIVE),
        ({"nkt_like_of_cd8": 0.8}, ("cd8_t",)),
        ({"naive_of_conventional_cd4": 0.9}, ("cd4_memory",)),
    ],
)
def test_shares_may_fill_their_parent_and_leave_nothing(full, empty):
    shares = replace(HALVES, **full).shares()
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert [shares[name] for name in empty] == pytest.approx([0.0] * len(empty), abs=1e-12)


def test_percent_by_hand():
    assert HALVES.percent("treg", "cd4") == pytest.approx(10.0)
    assert HALVES.percent("cd4", "lymphocytes") == pytest.approx(40.0)  # 0.2 of 0.5
    assert HALVES.percent("cd8", "cd3") == pytest.approx(25.0)
    assert HALVES.percent("nk", "lymphocytes") == pytest.approx(10.0)
    assert HALVES.percent("cd56bright_nk", "nk") == pytest.approx(20.0)
    assert HALVES.percent("cd3", "lymphocytes") == pytest.approx(80.0)
    assert HALVES.percent("treg", "treg") == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("none_left", "denominator"),
    [
        ({"nk_of_lymphocytes": 0.0}, "nk"),
        ({"cd4_of_cd3": 0.0}, "cd4"),
        ({"nk_of_lymphocytes": 0.5, "b_of_lymphocytes": 0.5}, "cd3"),
        ({"nk_of_lymphocytes": 0.9, "b_of_lymphocytes": 0.1}, "cd3"),  # 1 - 0.9 - 0.1 is -3e-17 in doubles
        ({"debris": 0.6}, "lymphocytes"),
    ],
)
def test_no_percentage_of_nothing(none_left, denominator):
    subset = {"nk": "cd56bright_nk", "cd4": "treg"}.get(denominator, "cd4")
    assert replace(HALVES, **none_left).percent(subset, denominator) is None


@pytest.mark.parametrize("trial", TRIALS)
def test_every_trials_average_tube_can_be(trial):
    shares = tube_parameters("nk", trial=trial).composition.shares()
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12) and min(shares.values()) > 0
