"""Whose values a cell has, and why it has none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cytotrial.statistics.cells import Cells, without_events

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

    assert (list(change.values), change.magnitude, change.reason) == ([1.0, 2.0], 22.0, "")
    assert change.percents.tolist() == [[10.0, 11.0], [20.0, 22.0]]


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
    assert pairs.percents.tolist() == [[20.0, 22.0]]


def test_a_percentage_without_counts_is_no_missing_value(plan, subjects, observe):
    observations = observe(VALUES).assign(logit=lambda t: t["percent"].where(t["visit"] != "W0") / 10)
    cells = Cells.of(observations, subjects, plan, scale="logit")

    assert cells.pairs("mitt", "IL2", *NK, "W2").reason == "no counts at W0, no logit"
    assert cells.level("mitt", "IL2", *NK, "W0").reason == "no counts in IL2, no logit"
    assert cells.change("mitt", "IL2", *NK, "W2").reason == "no counts in IL2, no logit"
    assert cells.level("mitt", "PBO", *NK, "W4").reason == "no usable value in PBO"
    apart = observe(VALUES).assign(logit=[1.0, math.nan, math.nan, 2.0, 3.0, 4.0, 5.0])
    cells = Cells.of(apart, subjects, plan, scale="logit")
    assert cells.pairs("mitt", "IL2", *NK, "W2").reason == "no subject has counts at both W0 and W2, no logit"


def test_complete_at_several_visits(plan, subjects, observe):
    cells = Cells.of(observe({**VALUES, ("A2", "W4"): 24.0, ("B2", "W0"): 1.0, ("B1", "W4"): 2.0}), subjects, plan)

    assert cells.complete("mitt", "IL2", *NK, ("W0", "W2", "W4")).values.tolist() == [[20.0, 22.0, 24.0]]
    found = cells.complete("mitt", "PBO", *NK, ("W0", "W2", "W4"))
    assert (found.values.shape, found.reason) == ((0, 3), "no subject has usable values at all of W0, W2, W4")


def test_percentages_of_no_event_or_of_events_only_have_no_logits_to_compare():
    zeros, hundreds = np.zeros((2, 2)), np.full(3, 100.0)

    assert without_events(zeros, zeros[0]).startswith("no event in any sample: logits would differ by the denominators")
    assert without_events(hundreds).startswith("every event in all samples: logits would differ by the denominators")
    assert without_events(zeros, hundreds) == without_events(zeros, np.array([0.1])) == without_events(zeros[:0]) == ""


def test_no_observation_at_all(plan, subjects, observe):
    cells = Cells.of(observe({}), subjects, plan)

    assert cells.level("mitt", "IL2", *NK, "W0").reason == "no usable value in IL2"
    assert cells.pairs("mitt", "IL2", *NK, "W2").before.size == 0
