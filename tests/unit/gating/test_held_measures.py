"""Numbers that files hold in common: a method's gate rebuilt from a file's own measures and its pool's."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from cytotrial.gating.arguments import METHODS
from cytotrial.gating.methods import held
from cytotrial.gating.reconcile import agree

Make = Callable[..., Any]
TREG = "id: treg, markers: [CD25, CD127], method: reference_population, pool: %s"
BRIGHT = "id: bright, markers: [CD56], method: relative_threshold, pool: %s"
FOLD = 1.45  # the CD25 threshold: so many times the reference's upper quantile


def measures(bulk: float = 400.0, tail: float = 1.5, clear: float = 1.0, mode: float = 2000.0) -> dict[str, float]:
    """What `reference_population` reads from a file."""
    return {
        "reference_bulk": bulk,
        "reference_mode": mode,
        "tail_over_bulk": tail,
        "clear_per_between": clear,
    }


def reason(used: list[dict[str, Any]], sample: str) -> str:
    """Why a file's gate lies where it lies: the same for its bounds."""
    (found,) = {one["reason"] for one in used if one["sample_id"] == sample}
    return found


def test_which_measures_are_held() -> None:
    assert dict(held("reference_population")) == {"tail_over_bulk": "median", "clear_per_between": "lowest"}
    assert dict(held("relative_threshold")) == {"threshold_over_dim_mode": "trial"}
    others = set(METHODS) - {"reference_population", "relative_threshold"}
    assert not any(held(name) for name in others)


# Median and lowest: Treg.


def test_median_and_lowest_of_the_subject(rules: Make, treg: Make, told: Make) -> None:
    """The tail is a trait of the subject: its median. The Treg's share is the lowest: that of a visit untreated."""
    rows = [
        *treg("A0", measures(bulk=400.0, tail=1.5, clear=0.2)),
        *treg("A2", measures(bulk=500.0, tail=1.9, clear=0.1)),
        *treg("A4", measures(bulk=300.0, tail=1.6, clear=0.28)),
        *treg("B0", measures(bulk=400.0, tail=3.0, clear=2.0)),
        *treg("B2", measures(bulk=400.0, tail=5.0, clear=1.0)),
    ]
    used, missing = agree(rows, rules(TREG % "subject"))
    tighter = 10 ** (0.8 * 0.2)  # 0.1 clear cells per one between: one decade, 0.2 decades tighter, 0.8 of it CD25's
    found = told(used)
    for sample, bulk in {"A0": 400.0, "A2": 500.0, "A4": 300.0}.items():
        assert found[sample] == (pytest.approx(bulk * 1.6 * FOLD * tighter), "found", "subject A")
    for sample in ("B0", "B2"):
        assert found[sample] == (pytest.approx(400.0 * 4.0 * FOLD), "found", "subject B")
    assert missing == []
    assert reason(used, "A2").startswith("seen; tail_over_bulk 1.6, the median of the 3 files of subject A; ")
    assert reason(used, "A2").endswith("clear_per_between 0.1, the lowest of the 3 files of subject A")


def test_a_visit_whose_staining_failed_is_not_the_lowest(rules: Make, treg: Make, told: Make) -> None:
    """No treatment raises the others threefold: 0.02 beside 1.0 and 1.2 is a fault, and 0.9 holds."""
    visits = {"A0": 1.0, "A2": 1.2, "A4": 0.02, "A6": 0.9}
    rows = [row for name, clear in visits.items() for row in treg(name, measures(bulk=500.0, clear=clear))]
    used, _ = agree(rows, rules(TREG % "subject"))
    assert "clear_per_between 0.9, the lowest" in reason(used, "A0")
    assert len({threshold for threshold, *_ in told(used).values()}) == 1


def test_both_bounds_are_rebuilt(rules: Make, treg: Make) -> None:
    rows = [*treg("A0", measures(mode=2600.0, clear=0.2)), *treg("A2", measures(mode=1300.0, clear=0.1))]
    used, _ = agree(rows, rules(TREG % "subject"))
    bounds = {(one["sample_id"], one["marker"], one["bound"]): one for one in used}
    assert set(bounds) == {(sample, *end) for sample in ("A0", "A2") for end in (("CD25", "min"), ("CD127", "max"))}
    lower = 10 ** (0.2 * 0.2)
    assert bounds["A0", "CD127", "max"]["threshold_linear"] == pytest.approx(1000.0 / lower)
    assert bounds["A2", "CD127", "max"]["threshold_linear"] == pytest.approx(500.0 / lower)
    assert bounds["A0", "CD127", "max"]["channel"] == "FITC-A"
    assert bounds["A0", "CD25", "min"]["channel"] == "PE-A"


@pytest.mark.parametrize("pool", ["site", "batch", "trial"])
def test_pools_that_the_strategy_declares(rules: Make, treg: Make, told: Make, pool: str) -> None:
    here, there = {"site": "Lyon", "batch": "day1"}, {"site": "Graz", "batch": "day2"}
    tails = {"A0": 1.0, "B0": 2.0, "C0": 6.0}
    rows = [row for name, tail in tails.items() for row in treg(name, measures(tail=tail), **here)]
    rows += [row for name in ("D0", "E0", "F0") for row in treg(name, measures(tail=9.0), **there)]
    used, _ = agree(rows, rules(TREG % pool))
    tail = 7.5 if pool == "trial" else 2.0
    name = {"site": "site Lyon", "batch": "batch day1", "trial": "trial"}[pool]
    assert told(used)["A0"] == (pytest.approx(400.0 * tail * FOLD), "found", name)


@pytest.mark.parametrize("pool", ["none", "subject", "batch", "site"])
def test_a_file_alone_has_its_own(rules: Make, treg: Make, told: Make, pool: str) -> None:
    """Also where another subject, condition or range is there."""
    rows = [
        *treg("A0", measures(tail=1.5)),
        *treg("A2", measures(tail=9.0), condition="CEF"),
        *treg("A4", measures(tail=9.0), top=4194304.0),
        *treg("B0", measures(tail=9.0)),
    ]
    used, _ = agree(rows, rules(TREG % pool))
    assert told(used)["A0"] == (pytest.approx(400.0 * 1.5 * FOLD), "found", "none")
    assert reason(used, "A0") == "seen"


def test_pool_none_holds_nothing(rules: Make, treg: Make, told: Make) -> None:
    used, _ = agree([*treg("A0", measures(tail=1.5)), *treg("A2", measures(tail=9.0))], rules(TREG % "none"))
    assert told(used)["A0"] == (pytest.approx(400.0 * 1.5 * FOLD), "found", "none")


def test_a_treated_visit_does_not_move_the_gate_of_another(rules: Make, treg: Make, told: Make) -> None:
    """More Treg at a later visit: the lowest stays that of the first."""
    before = [*treg("A0", measures(clear=1.0)), *treg("A2", measures(clear=2.0))]
    one, two = (told(agree([*before, *treg("A4", measures(clear=c))], rules(TREG % "subject"))[0]) for c in (2.0, 50.0))
    assert one == two


def test_a_borrowed_gate_is_the_donors(rules: Make, treg: Make, told: Make) -> None:
    """Three visits of one subject with the same reference and the same gate: the fourth, too small, borrows that."""
    visits = {"A0": 1.0, "A2": 5.0, "A4": 5.0}
    rows = [row for name, clear in visits.items() for row in treg(name, measures(bulk=500.0, clear=clear))]
    found = told(agree([*rows, *treg("A6", None)], rules(TREG % "subject"))[0])
    assert found["A6"][1:] == ("pooled", "subject A")
    assert found["A6"][0] == pytest.approx(found["A0"][0])


# Of all files: CD56bright.


def test_the_fold_is_the_trials_and_the_dim_mode_the_files_own(rules: Make, bright: Make, told: Make) -> None:
    rows = [bright("A0", 4000.0, 3.6), bright("A2", 3000.0, 3.6), bright("B0", 6000.0, 4.0), bright("C0", 5000.0, 5.4)]
    rows.append(bright("D0", 5000.0, 5.5, condition="CEF"))
    used, _ = agree(rows, rules(BRIGHT % "subject"))
    found = {sample: threshold for sample, (threshold, *_) in told(used).items()}
    fold = median([3.6, 3.6, 4.0, 5.4])
    assert found == pytest.approx(
        {"A0": 4000 * fold, "A2": 3000 * fold, "B0": 6000 * fold, "C0": 5000 * fold, "D0": 5000 * 5.5}
    )
    assert reason(used, "A0") == "seen; threshold_over_dim_mode 3.8, the median of the 4 files of trial"
    assert {source for _, source, _ in told(used).values()} == {"found"}


def test_the_ledger_names_the_pool_that_was_asked(rules: Make, bright: Make, told: Make) -> None:
    used, _ = agree([bright("A0", 4000.0, 3.6), bright("B0", 4000.0, 4.0)], rules(BRIGHT % "batch"))
    assert {pool for *_, pool in told(used).values()} == {"trial"}


# Aligned: the measures that follow the instrument.


DAYS = {  # sample: day, CD25 of the reference; the gain of day 2 is a third higher, but for noise
    "A0": ("day1", 90.0),
    "A2": ("day2", 150.0),
    "B0": ("day1", 200.0),
    "B2": ("day2", 400.0),
    "C0": ("day1", 50.0),
    "C2": ("day2", 100.0),
}


@pytest.fixture
def two_days(treg: Make) -> list[dict[str, Any]]:
    """Three subjects on two days each, the same CD127 always."""
    return [row for name, (day, bulk) in DAYS.items() for row in treg(name, measures(bulk=bulk), batch=day)]


def aligned_bulk(used: list[dict[str, Any]], told: Make, sample: str) -> float:
    """The CD25 of the reference that the gate rests on."""
    return told(used)[sample][0] / (1.5 * FOLD)


def test_aligned_by_the_file(rules: Make, two_days: list[dict[str, Any]], told: Make) -> None:
    used, _ = agree(two_days, rules(TREG % "subject" + ", align: file"))
    assert {name: aligned_bulk(used, told, name) for name in DAYS} == pytest.approx(
        {name: bulk for name, (_, bulk) in DAYS.items()}
    )
    assert used == agree(two_days, rules(TREG % "subject"))[0]  # as where nothing is said


def test_aligned_by_the_batch(rules: Make, two_days: list[dict[str, Any]], told: Make) -> None:
    """Day 2 stands 1.25, 1.33 and 1.33 times its subjects' typical values: times 1.33, whatever A2 itself says."""
    used, _ = agree(two_days, rules(TREG % "subject" + ", align: batch"))
    typical = {"A": 120.0, "B": 300.0, "C": 75.0}
    day1, day2 = median([90 / 120, 200 / 300, 50 / 75]), median([150 / 120, 400 / 300, 100 / 75])
    by_hand = {name: typical[name[0]] * (day1 if day == "day1" else day2) for name, (day, _) in DAYS.items()}
    assert {name: aligned_bulk(used, told, name) for name in DAYS} == pytest.approx(by_hand)
    mode = {one["threshold_linear"] for one in used if one["marker"] == "CD127"}
    assert sorted(mode) == pytest.approx([2000.0 / 2.6] * len(mode))


def test_a_batch_stands_off_its_subjects_whatever_pool_the_tail_is_held_over(
    rules: Make, two_days: list[dict[str, Any]], told: Make
) -> None:
    one, other = (agree(two_days, rules(TREG % pool + ", align: batch"))[0] for pool in ("subject", "trial"))
    assert [aligned_bulk(one, told, name) for name in DAYS] == pytest.approx(
        [aligned_bulk(other, told, name) for name in DAYS]
    )


def test_aligned_by_nothing(rules: Make, two_days: list[dict[str, Any]], told: Make) -> None:
    used, _ = agree(two_days, rules(TREG % "subject" + ", align: none"))
    typical = {"A": 120.0, "B": 300.0, "C": 75.0}
    assert {name: aligned_bulk(used, told, name) for name in DAYS} == pytest.approx(
        {name: typical[name[0]] for name in DAYS}
    )
    used, _ = agree(two_days, rules(TREG % "trial" + ", align: none"))
    assert [aligned_bulk(used, told, name) for name in DAYS] == pytest.approx([125.0] * len(DAYS))


@pytest.mark.parametrize("align", ["file", "batch", "none"])
@pytest.mark.parametrize("pool", ["subject", "batch", "site", "trial"])
def test_a_file_in_nobodys_pool_is_aligned_by_itself(
    rules: Make, bright: Make, told: Make, pool: str, align: str
) -> None:
    """It has no batch and no site; its fold is the trial's none the less."""
    rows = [bright("A0", 4000.0, 3.6), bright("B0", 7000.0, 4.0, batch="day1", site="Lyon")]
    used, missing = agree(rows, rules(f"{BRIGHT % pool}, align: {align}"))
    shared = pool == "trial" and align == "none"
    assert told(used)["A0"][0] == pytest.approx((5500.0 if shared else 4000.0) * 3.8)
    assert missing == []


def test_order_of_files_and_rows_does_not_matter(rules: Make, two_days: list[dict[str, Any]]) -> None:
    own = rules(TREG % "subject" + ", align: batch")
    shuffled = list(two_days)
    random.Random(3).shuffle(shuffled)

    def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(agree(rows, own)[0], key=lambda one: (one["sample_id"], one["marker"]))

    assert shuffled != two_days
    assert in_order(shuffled) == in_order(two_days)
