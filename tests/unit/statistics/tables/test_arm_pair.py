"""Which arms, visits and measures are compared, and what is said of the choice."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from cytotrial.statistics.cells import Cells
from cytotrial.statistics.tables.arm_pair import comparison_family, levels_and_changes, pair_note


def test_levels_at_all_visits_and_changes_after_the_baseline(plan, subjects, observe):
    cells = Cells.of(observe({("A1", "W2"): 3.0}), subjects, plan)

    found = list(levels_and_changes(cells, plan))

    assert len(found) == 2 * 3 * (3 + 2)
    (one,) = [two for two in found if list(two.key.values()) == ["mitt", "nk", "lymphocytes", "W2", "level"]]
    assert (list(one.active.values), one.reason) == ([3.0], "no usable value in PBO")


def test_without_a_pair_of_arms_nothing_is_compared(plan, subjects, observe, caplog):
    single = replace(plan, arms=("IL2",), control=())

    with caplog.at_level(logging.INFO):
        assert pair_note(single, "ANCOVA") is None

    assert caplog.messages == ["ANCOVA: no comparison between arms, the trial has no control arm"]
    assert list(levels_and_changes(Cells.of(observe({}), subjects, single), single)) == []


def test_a_choice_among_arms_is_said(plan):
    assert pair_note(plan, "x") == ""
    assert pair_note(replace(plan, control=("PBO", "SHAM")), "x") == "several arms: IL2 compared with PBO"


@pytest.mark.parametrize(
    ("visit", "denominator", "family"),
    [("W2", "cd4", ("mitt", "logit")), ("W0", "cd4", None), ("W2", "lymphocytes", None)],
)
def test_families_are_of_primary_denominators_after_the_baseline(plan, visit, denominator, family):
    row = {"analysis_set": "mitt", "subset": "treg", "denominator": denominator, "visit": visit, "scale": "logit"}

    assert comparison_family(row, plan, "scale") == family
    if family:
        assert comparison_family(row | {"arm": "PBO"}, plan, "arm", "scale") == ("mitt", "PBO", "logit")
