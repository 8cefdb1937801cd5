"""The analyses that are tried: from the published tables, and made again of counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cytotrial.errors import CytotrialError
from cytotrial.statistics.plan import PlannedSubset
from cytotrial.statistics.survival.moved import MovedGates
from cytotrial.statistics.survival.primary import Answer, Question
from cytotrial.statistics.survival.variations import Retests, published_variations

BETWEEN = Question("between_arms", "mitt", None, "treg", "cd4", "W2")
CHANGE = Question("change_from_baseline", "mitt", "IL2", "treg", "cd4", "W2")


def of(trial, *, simulations=5, moved=True):
    return Retests.of(
        trial.subsets, trial.subjects, trial.plan, MovedGates(trial.moved, simulations) if moved else None
    )


def test_published_variations_are_other_denominators_and_sets(plan):
    answers = {
        BETWEEN._replace(denominator="lymphocytes"): Answer(1.0, 1.0, 0.2, "n"),
        BETWEEN._replace(analysis_set="pp"): Answer(2.0, 2.0, 0.3),
    }
    denominators, sets = published_variations(BETWEEN, answers, plan)
    assert [(one.label, one.answer.p_value) for one in denominators.tried] == [("denominator lymphocytes", 0.2)]
    assert [(one.label, one.answer.p_value) for one in sets.tried] == [("analysis set pp", 0.3)]


def test_every_move_of_every_limit_and_every_simulation(planted):
    found = {one.gate or one.name: one for one in of(planted(hangs=True)).variations(BETWEEN)}
    assert list(found) == ["reporting_limits", "treg:cd4/CD4/min", "treg:treg/CD127/max", "treg:treg/CD25/min",
                           "gates_apart"]  # fmt: skip
    cd25 = found["treg:treg/CD25/min"]
    assert [(one.label, one.move) for one in cd25.tried] == [(f"treg/CD25/min {m:+d} SD", m) for m in (-2, -1, 1, 2)]
    assert [one.label for one in found["gates_apart"].tried] == [f"simulation {i}" for i in range(1, 6)]
    assert found["reporting_limits"].tried == ()
    assert found["reporting_limits"].note == "without below_lloq: there is none"


def test_the_percentages_with_a_limit_moved_are_those_of_its_counts(planted):
    trial = planted(hangs=True)
    # With CD4 moved, numerator and denominator lose the same share, and the changes in percent stay nearly the same.
    found = {one.gate: one for one in of(trial).variations(CHANGE)}
    counts = trial.moved[(trial.moved["marker"] == "CD25") & trial.moved["sample_id"].str.startswith("A")]
    counts = counts.assign(subject=counts["sample_id"].str[:3], visit=counts["sample_id"].str[4:6])
    total = trial.subsets[trial.subsets["denominator"] == "cd4"].set_index("sample_id")["denominator_n"]
    percent = 100.0 * counts["plus_1"] / counts["sample_id"].map(total)
    wide = counts.assign(percent=percent).pivot(index="subject", columns="visit", values="percent")
    (moved,) = [one for one in found["treg:treg/CD25/min"].tried if one.move == 1]
    assert moved.answer.estimate == pytest.approx((wide["W2"] - wide["W0"]).mean(), rel=1e-12)
    for one in found["treg:cd4/CD4/min"].tried:
        assert one.answer.estimate == pytest.approx(1.5, abs=0.2)


def test_a_subset_is_read_from_its_own_population(planted):
    trial = planted(hangs=True)
    renamed = PlannedSubset("regulatory", ("cd4", "lymphocytes"), None, "treg", "treg")
    subsets = trial.subsets.assign(subset=trial.subsets["subset"].replace("treg", "regulatory"))
    trial.plan, trial.subsets = replace(trial.plan, subsets=(renamed, trial.plan.subsets[1])), subsets
    gates = [one.gate for one in of(trial).variations(CHANGE._replace(subset="regulatory")) if one.gate]
    assert len(gates) == 3
    trial.plan = replace(trial.plan, subsets=(replace(renamed, panel="nk"), trial.plan.subsets[1]))
    assert not [one.gate for one in of(trial).variations(CHANGE._replace(subset="regulatory")) if one.gate]


def test_replicates_of_one_visit_are_moved_and_averaged(planted):
    trial = planted(hangs=True)
    again = trial.subsets.assign(sample_id=trial.subsets["sample_id"] + "_again")
    trial.subsets = type(again)(again.to_dict("records") + trial.subsets.to_dict("records"))
    found = {one.gate: one for one in of(trial).variations(CHANGE)}["treg:treg/CD25/min"]
    alone = {one.gate: one for one in of(planted(hangs=True)).variations(CHANGE)}["treg:treg/CD25/min"]
    assert found.note == "24 of 48 samples not moved: no uncertainty known"
    rise = of(planted(hangs=False)).variations(CHANGE)
    unmoved = next(one for one in rise if one.gate == "treg:treg/CD127/max").tried[1].answer.estimate
    for half, whole in zip(found.tried, alone.tried, strict=True):
        assert half.answer.estimate == pytest.approx((whole.answer.estimate + unmoved) / 2, rel=0.02)


@pytest.mark.parametrize(
    ("left_out", "note", "n_tried"),
    [
        (["A01_W2_treg"], "moved in 23 of 24 samples of IL2 and 24 of 24 samples of PBO", 4),
        (["A01_W2_treg", "B05_W0_treg"], "2 of 48 samples not moved: no uncertainty known", 4),
        (["A01_W4_treg"], "", 4),  # another visit's
        (
            [f"B{subject:02d}_W{week}_treg" for subject in range(1, 13) for week in (0, 2)],
            "moved in 24 of 24 samples of IL2 and 0 of 24 samples of PBO; "
            "not judged: moved in one arm alone, it is a difference between the arms by itself",
            0,
        ),
    ],
)
def test_moves_that_are_not_the_same_in_both_arms_are_told(planted, left_out, note, n_tried):
    trial = planted(hangs=True)
    trial.moved = trial.moved[~trial.moved["sample_id"].isin(left_out)]
    found = {one.gate or one.name: one for one in of(trial).variations(BETWEEN)}
    cd25 = found["treg:treg/CD25/min"]
    assert (cd25.note, len(cd25.tried), cd25.is_one_sided) == (note, n_tried, n_tried == 0)
    apart = found["gates_apart"]
    about = "5 simulations, seed 2020"
    assert apart.note == (f"{about}; {note}" if note else about) and len(apart.tried) == (5 if n_tried else 0)
    within = {one.gate: one for one in of(trial).variations(CHANGE)}["treg:treg/CD25/min"]
    assert len(within.tried) == 4 and "arm" not in within.note


def test_samples_moved_in_every_limit_are_counted(planted):
    trial = planted(hangs=True)
    assert of(trial).moved_words(BETWEEN) == "48 of 48 samples were moved in every limit tried"
    is_out = (trial.moved["sample_id"] == "A01_W2_treg") & (trial.moved["marker"] == "CD127")
    trial.moved = trial.moved[~is_out]
    assert of(trial).moved_words(BETWEEN) == "47 of 48 samples were moved in every limit tried"
    assert of(trial).moved_words(CHANGE) == "23 of 24 samples were moved in every limit tried"


def test_counts_of_another_run_end_the_statistics(planted):
    trial = planted(hangs=True)
    trial.moved = trial.moved.assign(n_events=trial.moved["n_events"] + np.where(trial.moved["marker"] == "CD4", 1, 0))
    with pytest.raises(CytotrialError) as caught:
        of(trial)
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "moved_counts.tsv, A01_W0_treg, treg, n_events",
        "moved_counts.tsv, A01_W0_treg, cd4, n_events",
    ]


def test_without_moves_nothing_but_the_limits_of_reporting(planted):
    assert [one.name for one in of(planted(hangs=True), moved=False).variations(BETWEEN)] == ["reporting_limits"]
    assert "gates_apart" not in {one.name for one in of(planted(hangs=True), simulations=0).variations(BETWEEN)}
