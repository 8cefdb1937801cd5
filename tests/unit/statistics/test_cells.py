"""Whose values a cell has, and why it has none."""

from __future__ import annotations

import math

import pytest

from cytotrial.statistics.cells import Cells

VALUES = {
    ("A2", "W0"): 20.0, ("A2", "W2"): 22.0,
    ("A1", "W0"): 10.0, ("A1", "W2"): 11.0,
    ("A3", "W2"): 33.0,
    ("B1", "W0"): 12.0,
    ("B2", "W2"): 14.0,
}  # fmt: skip
NK = ("nk", "lymphocytes")


@pytest.fixture
def cells(plan, subjects, observe):
    return Cells.of(observe(VALUES), subjects, plan)


def test_a_level_has_the_arms_subjects_of_the_set_in_the_order_of_their_names(cells):
    assert list(cells.level("mitt", "IL2", *NK, "W2").values) == [11.0, 22.0, 33.0]
    assert list(cells.level("pp", "IL2", *NK, "W2").values) == [11.0, 22.0]
    assert cells.level("mitt", "IL2", *NK, "W2").reason == ""


def test_a_change_is_of_the_subjects_with_both_and_remembers_how_large_the_values_were(cells):
    change = cells.change("mitt", "IL2", *NK, "W2")

    assert (list(change.values), change.magnitude, change.reason) == ([1.0, 2.0], 16.5, "")


def test_why_there_are_no_pairs(cells, plan, subjects, observe):
    assert cells.pairs("mitt", "PBO", *NK, "W2").reason == "no subject has usable values at both W0 and W2"
    assert cells.pairs("mitt", "PBO", *NK, "W4").reason == "no usable value at W4"
    assert cells.pairs("mitt", "IL2", "treg", "cd4", "W2").reason == "no usable value at W0"
    one_arm = Cells.of(observe(VALUES), subjects[subjects["arm"] == "IL2"], plan)
    assert one_arm.pairs("mitt", "PBO", *NK, "W2").reason == "no subject of this arm in the analysis set"
    assert one_arm.change("mitt", "PBO", *NK, "W2").reason == "no subject of PBO in the analysis set"


def test_a_value_missing_on_the_scale_is_not_there(plan, subjects, observe):
    observations = observe(VALUES).assign(logit=[0.0, 1.0, math.nan, 1.5, 2.0, 0.1, 0.2])

    pairs = Cells.of(observations, subjects, plan, scale="logit").pairs("mitt", "IL2", *NK, "W2")

    assert (list(pairs.before), list(pairs.after)) == ([0.0], [1.0])


def test_no_observation_at_all(plan, subjects, observe):
    cells = Cells.of(observe({}), subjects, plan)

    assert cells.level("mitt", "IL2", *NK, "W0").reason == "no usable value in IL2"
    assert cells.pairs("mitt", "IL2", *NK, "W2").before.size == 0
