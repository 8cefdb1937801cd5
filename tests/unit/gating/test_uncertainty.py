"""How sure agreed gates are: by hand from what each file's aliquots showed and from what files hold in common."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from statistics import stdev
from typing import Any

import pytest

from cytotrial.gating.ledger import axis_of
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy import Rule
from cytotrial.gating.uncertainty import with_uncertainties

Row = dict[str, Any]
Make = Callable[..., Any]
CD3 = "id: cd3, markers: [CD3], method: valley, pool: trial, far: null"
TREG = "id: treg, markers: [CD25, CD127], method: reference_population, pool: subject, far: null"
BRIGHT = "id: bright, markers: [CD56], method: relative_threshold, pool: subject, far: null"
MEASURES = {"reference_bulk": 300.0, "reference_mode": 4000.0, "tail_over_bulk": 2.0, "clear_per_between": 1.2}
SPREADS = {"reference_bulk": 0.02, "reference_mode": 0.01, "tail_over_bulk": 0.03, "clear_per_between": 0.2}


def typical(*variances_times_events: float) -> float:
    """The middle one as a mean: the median of a chi-squared variable with three degrees of freedom is 2.366."""
    ordered = sorted(variances_times_events)
    return ordered[len(ordered) // 2] * 3.0 / 2.366


def moderated(spread: float, n: int, lent: float) -> float:
    """Variances averaged: three degrees of freedom of its own, six lent."""
    return math.sqrt((6.0 * lent / n + 3.0 * spread**2) / 9.0)


def told(rows: list[Row], rules: dict[str, Rule]) -> dict[tuple[str, str, str], float | None]:
    """Through the agreement -> sample, population, marker -> uncertainty."""
    used = with_uncertainties(agree(rows, rules)[0], rules)
    found = {(row["sample_id"], row["population"], row["marker"]): row["uncertainty"] for row in used}
    assert len(found) == len(used)
    return found


def on_scale(row: Row, relative: float) -> float:
    """A small relative SD of a row's threshold on its scale."""
    low, high = (float(axis_of(row).to_scale(row["threshold_linear"] * math.exp(by))) for by in (-relative, relative))
    return (high - low) / 2.0


def three(row: Make, **changes: Any) -> list[Row]:
    """CD3 of three files: a median, a surer and a less sure one, of different size."""
    about = {"A0": (400.0, 0.010, 1000), "B0": (420.0, 0.004, 4000), "C0": (390.0, 0.030, 500)}
    return [row(name, at, spread=sd, n_parent=n, **changes) for name, (at, sd, n) in about.items()]


def test_moderation_of_three_files_by_hand(rules: Make, row: Make) -> None:
    lent = typical(0.010**2 * 1000, 0.004**2 * 4000, 0.030**2 * 500)
    assert lent == 0.010**2 * 1000 * 3.0 / 2.366
    found = told(three(row), rules(CD3))
    expected = {("A0", 0.010, 1000), ("B0", 0.004, 4000), ("C0", 0.030, 500)}
    for name, spread, n in expected:
        print(f"{name}: own {spread}, with the others' {found[name, 'cd3', 'CD3']:.4f}")
        assert found[name, "cd3", "CD3"] == pytest.approx(moderated(spread, n, lent), rel=1e-12)


def test_a_file_whose_own_spread_is_missing_has_the_typical_one(rules: Make, row: Make) -> None:
    rows = [*three(row), row("D0", 410.0, n_parent=250)]
    expected = math.sqrt(typical(0.010**2 * 1000, 0.004**2 * 4000, 0.030**2 * 500) / 250)
    assert told(rows, rules(CD3))["D0", "cd3", "CD3"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "changes", [{"spread": None}, {"spread": 0.01, "n_parent": None}, {"spread": 0.01, "n_parent": 0}]
)
def test_where_no_file_shows_a_spread_there_is_none(rules: Make, row: Make, changes: Row) -> None:
    assert told([row("A0", 400.0, **changes), row("B0", 410.0, **changes)], rules(CD3)) == {
        ("A0", "cd3", "CD3"): None,
        ("B0", "cd3", "CD3"): None,
    }


def test_one_file_alone_and_a_spread_of_nought(rules: Make, row: Make) -> None:
    (alone,) = told([row("A0", 400.0, spread=0.01)], rules(CD3)).values()
    assert alone == pytest.approx(moderated(0.01, 1000, typical(0.01**2 * 1000)))
    (nought,) = told([row("A0", 400.0, spread=0.0)], rules(CD3)).values()
    assert nought == 0.0


def test_files_of_another_condition_or_range_are_another_kind(rules: Make, row: Make) -> None:
    alone = told(three(row), rules(CD3))
    others = [row(f"{name}1", 400.0, spread=0.2, condition="stimulated") for name in "ABC"]
    others += [row(f"{name}2", 400.0, spread=0.2, top=1024.0) for name in "ABC"]
    found = told([*three(row), *others], rules(CD3))
    assert {key: found[key] for key in alone} == alone
    assert found["A1", "cd3", "CD3"] > 0.1


def test_a_borrowed_gate_is_as_sure_as_files_agree(rules: Make, row: Make) -> None:
    rows = three(row)
    between = stdev(float(axis_of(one).to_scale(one["threshold_linear"])) for one in rows)
    found = told([*rows, row("D0", None)], rules(CD3))
    assert found["D0", "cd3", "CD3"] == pytest.approx(between, rel=1e-12)
    assert told([*rows[:2], row("D0", None)], rules(CD3))["D0", "cd3", "CD3"] is None


def test_a_borrowed_shape_says_nothing(rules: Make, row: Make) -> None:
    """Also where shapes of a pool have another number of vertices."""
    scatter = rules("id: lymphocytes, markers: [FSC-A, SSC-A], method: scatter_cluster, pool: trial, far: null")
    common = {"population": "lymphocytes", "method": "scatter_cluster", "channel": "FSC-A:SSC-A", "scale": "linear"}
    triangle = [[1e5, 1e5], [2e5, 1e5], [1e5, 3e5]]
    rows = [
        row(
            f"{name}0",
            0.0,
            **common,
            marker="FSC-A:SSC-A",
            bound="shape",
            spread=0.02,
            coordinates=json.dumps([*triangle, [1e5, 2e5]][: 4 if name == "A" else 3]),
            measures=json.dumps({"FSC-A": 1e5, "SSC-A": 2e5, "extent": 0.1}),
        )
        | {"threshold_linear": None}
        for name in "ABCD"
    ]
    lacking = {**common, "scale": "linear"}
    rows += [row("E0", None, **lacking | {"marker": marker, "channel": marker}) for marker in ("FSC-A", "SSC-A")]
    found = told(rows, scatter)
    assert found["E0", "lymphocytes", "FSC-A:SSC-A"] is None
    assert found["A0", "lymphocytes", "FSC-A:SSC-A"] == pytest.approx(moderated(0.02, 1000, typical(0.4)))


def test_what_nothing_in_the_events_placed_has_none(rules: Make, row: Make) -> None:
    fixed = rules("id: cd3, markers: [CD3], method: fixed, args: {threshold: 300.0}")
    assert set(told([row("A0", 300.0, method="fixed", spread=0.01)], fixed).values()) == {None}
    fallback = rules(f"{CD3}, fallback: [700.0]")
    assert set(told([row("A0", None)], fallback).values()) == {None}


def test_an_opposite_is_as_sure_as_its_other_side(rules: Make, row: Make) -> None:
    both = rules(CD3, "id: cd3_negative, markers: [CD3], method: opposite, args: {of: cd3}")
    flipped = [{**one, "population": "cd3_negative", "bound": "max", "spread": None} for one in three(row)]
    borrows = [row("D0", None), row("D0", None, population="cd3_negative")]
    found = told([*three(row), *flipped, *borrows], both)
    for sample in ("A0", "B0", "C0", "D0"):
        assert found[sample, "cd3_negative", "CD3"] == found[sample, "cd3", "CD3"] is not None


# Gates that rest on several numbers.


def lone(treg: Make, **changes: Any) -> list[Row]:
    return treg("A0", MEASURES, measures_spread=json.dumps(SPREADS), **changes)


def test_numbers_of_a_file_alone_add_up_by_their_slopes(rules: Make, treg: Make) -> None:
    """CD25 = bulk x tail x fold over clear^0.16, CD127 = mode / fold x clear^0.04; each moderated by itself alone."""
    rows = lone(treg)
    more = math.sqrt((6.0 * 3.0 / 2.366 + 3.0) / 9.0)  # what the file lends to itself
    parts = {"CD25": (0.02, 0.03, 0.16 * 0.2), "CD127": (0.01, 0.04 * 0.2)}
    found = told(rows, rules(TREG))
    for row in rows:
        expected = on_scale(row, more * math.hypot(*parts[row["marker"]]))
        print(f"{row['marker']}: {found['A0', 'treg', row['marker']]:.5f}, by hand {expected:.5f}")
        assert found["A0", "treg", row["marker"]] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("n", [2, 4, 16])
def test_a_number_held_over_a_pool_is_as_sure_as_a_median(rules: Make, treg: Make, n: int) -> None:
    """The tail, which alone is unsure here: of n visits the median, by their SD, pi / 2 more variance than a mean."""
    logs = [math.log(2.0) + 0.05 * (-1) ** visit for visit in range(n)]
    sure = dict.fromkeys(SPREADS, 0.0)
    rows = [
        row
        for visit, tail in enumerate(logs)
        for row in treg(f"A{visit}", {**MEASURES, "tail_over_bulk": math.exp(tail)}, measures_spread=json.dumps(sure))
    ]
    rows += treg("B0", MEASURES, measures_spread=json.dumps(sure))  # another subject's, who holds nothing with them
    used = with_uncertainties(agree(rows, rules(TREG))[0], rules(TREG))
    own = next(row for row in used if (row["sample_id"], row["marker"]) == ("A0", "CD25"))
    expected = on_scale(own, math.sqrt(math.pi / 2.0) * stdev(logs) / math.sqrt(n))
    print(f"{n} visits: {own['uncertainty']:.5f}, by hand {expected:.5f}")
    assert own["uncertainty"] == pytest.approx(expected, rel=1e-3)


def test_of_a_lowest_number_one_file_tells(rules: Make, treg: Make) -> None:
    """How many Treg there are for activated cells differs between visits by nature: that makes no gate unsure."""
    sure = json.dumps(dict.fromkeys(SPREADS, 0.0))
    clear = {"A0": 1.0, "A1": 1.2, "A2": 1.5}
    rows = [
        one
        for name, share in clear.items()
        for one in treg(name, {**MEASURES, "clear_per_between": share}, measures_spread=sure)
    ]
    assert set(told(rows, rules(TREG)).values()) == {0.0}


def test_a_number_held_over_the_trial(rules: Make, bright: Make) -> None:
    """CD56bright: the fold of all files, whoever's; the dim mode is each file's own."""
    folds = {"A0": 4.0, "A1": 4.4, "B0": 3.8, "C0": 4.2}
    spread = json.dumps({"dim_mode": 0.01, "threshold_over_dim_mode": 0.5})
    rows = [bright(name, 3000.0, fold, measures_spread=spread) for name, fold in folds.items()]
    used = with_uncertainties(agree(rows, rules(BRIGHT))[0], rules(BRIGHT))
    fold = math.sqrt(math.pi / 2.0) * stdev(math.log(one) for one in folds.values()) / 2.0
    mode = moderated(0.01, 1000, typical(0.01**2 * 1000))
    for row in used:
        assert row["uncertainty"] == pytest.approx(on_scale(row, math.hypot(fold, mode)), rel=1e-3)


def test_of_one_visit_the_files_own_spread_is_all_there_is(rules: Make, treg: Make) -> None:
    """Another subject's visits make it no surer."""
    spread = {"measures_spread": json.dumps(SPREADS)}
    others = [row for visit in range(3) for row in treg(f"B{visit}", MEASURES, **spread)]
    alone, among = (told(rows, rules(TREG)) for rows in (lone(treg), [*lone(treg), *others]))
    assert among["A0", "treg", "CD25"] == pytest.approx(alone["A0", "treg", "CD25"], rel=1e-9)
    assert among["B0", "treg", "CD25"] < among["A0", "treg", "CD25"]


def test_files_without_a_batch_share_none(rules: Make, treg: Make) -> None:
    """No two files of an unknown batch are of the same: each aligns itself, and is as sure as by itself."""
    batched = rules(f"{TREG}, align: batch")
    rows = [row for name in "AB" for row in treg(f"{name}0", MEASURES, measures_spread=json.dumps(SPREADS))]
    assert told(rows, batched) == pytest.approx(told(rows, rules(TREG)), rel=1e-9)


def test_without_a_pool_each_file_is_as_sure_as_by_itself(rules: Make, treg: Make) -> None:
    """Its measures are its own, whatever they would align with."""
    alone = rules(TREG.replace("pool: subject", "pool: none"))
    rows = [
        one
        for number, name in enumerate(("A0", "A1", "B0"))
        for one in treg(
            name,
            {**MEASURES, "reference_bulk": 300.0 + 90.0 * number},
            measures_spread=json.dumps(SPREADS),
            batch="B1",
        )
    ]
    for align in ("batch", "none"):
        aligned = rules(TREG.replace("pool: subject", f"pool: none, align: {align}"))
        assert told(rows, aligned) == pytest.approx(told(rows, alone), rel=1e-9)


@pytest.mark.parametrize("align", ["file", "batch", "none"])
@pytest.mark.parametrize("pool", ["none", "subject", "batch", "site", "trial"])
def test_any_pool_and_alignment(rules: Make, treg: Make, bright: Make, pool: str, align: str) -> None:
    """Every one that a strategy may ask for gives numbers; files with and without batch and site."""
    wanted = [one.replace("pool: subject", f"pool: {pool}, align: {align}") for one in (TREG, BRIGHT)]
    rows = []
    for number, name in enumerate(("A0", "A1", "B0", "C0")):
        about = {} if name == "C0" else {"batch": "B1", "site": "Lyon"}
        measures = {key: value * 1.01**number for key, value in MEASURES.items()}
        rows += treg(name, measures, measures_spread=json.dumps(SPREADS), **about)
        own = json.dumps({"dim_mode": 0.01, "threshold_over_dim_mode": 0.1})
        rows.append(bright(name, 3000.0 * 1.01**number, 4.0 + 0.1 * number, measures_spread=own, **about))
    rows += [*treg("D0", None), bright("D0", None)]
    found = told(rows, rules(*wanted))
    measured = [value for (sample, *_), value in found.items() if sample != "D0"]
    assert len(measured) == 12 and all(value is not None and 0.0 < value < 0.1 for value in measured)


def test_thresholds_that_all_come_from_staining_controls(rules: Make, row: Make) -> None:
    """Every subject has an FMO tube: no gate is the file's own any more, and each is as sure as its cells' edge."""
    controlled = rules(f"{CD3}, control: 0.998")
    fmo = {"is_control": True, "condition": "FMO-CD3", "measures": json.dumps({"negative_CD3": 600.0})}
    rows = [one for name in "ABC" for one in (row(f"{name}0", 400.0, spread=0.01), row(f"{name}1", None, **fmo))]
    used = with_uncertainties(agree(rows, controlled)[0], controlled)
    assert [(one["sample_id"], one["source"]) for one in used] == [(f"{name}0", "fmo") for name in "ABC"]
    assert [one["uncertainty"] for one in used] == pytest.approx([moderated(0.01, 1000, typical(0.1))] * 3)


def test_corners_that_are_all_raised_to_staining_controls(rules: Make, treg: Make) -> None:
    """CD25 of every file: there is no file whose own CD25 gate is used, and the other bound is as it was."""
    controlled = rules(f"{TREG}, control: 0.998")
    fmo = {"is_control": True, "condition": "FMO-CD25"}
    shown = {"measures": json.dumps({"negative_CD25": 2000.0})}
    rows = []
    for name in "ABC":
        rows += treg(f"{name}0", MEASURES, measures_spread=json.dumps(SPREADS))
        rows += [one | shown for one in treg(f"{name}1", None, **fmo)]
    used = with_uncertainties(agree(rows, controlled)[0], controlled)
    told_of = {(one["sample_id"], one["marker"]): (one["source"], one["uncertainty"]) for one in used}
    for name in "ABC":
        (source, uncertainty), (other, _) = told_of[f"{name}0", "CD25"], told_of[f"{name}0", "CD127"]
        assert (source, other) == ("fmo", "found") and uncertainty is not None and 0.0 < uncertainty < 0.1


def test_a_threshold_at_or_below_zero_has_none(rules: Make, treg: Make) -> None:
    """Only a staining control can put one there: no logarithm tells how far it may be off."""
    controlled = rules(TREG)
    used = agree([*lone(treg), *treg("B0", MEASURES, measures_spread=json.dumps(SPREADS))], controlled)[0]
    used = [{**one, "threshold_linear": -5.0} if one["sample_id"] == "B0" else one for one in used]
    found = {(one["sample_id"], one["marker"]): one["uncertainty"] for one in with_uncertainties(used, controlled)}
    assert found["B0", "CD25"] is None and found["A0", "CD25"] is not None


@pytest.mark.parametrize("as_text", [True, False])
def test_neither_the_order_of_rows_nor_how_numbers_are_given(
    rules: Make, treg: Make, bright: Make, row: Make, as_text: bool
) -> None:
    wanted = rules(CD3, TREG, BRIGHT)
    rows = three(row)
    for number, name in enumerate(("A0", "A1", "B0", "B1", "C0")):
        measures = {**MEASURES, "tail_over_bulk": 2.0 + 0.1 * number, "reference_bulk": 300.0 + 7.0 * number}
        rows += treg(name, measures, measures_spread=json.dumps(SPREADS))
        own = {"dim_mode": 0.01, "threshold_over_dim_mode": 0.1}
        rows.append(bright(name, 3000.0 + 50.0 * number, 4.0 + 0.1 * number, measures_spread=json.dumps(own)))
    given = told(rows, wanted)
    columns = ("measures", "measures_spread")
    if not as_text:
        rows = [{**one, **{name: one[name] and json.loads(one[name]) for name in columns}} for one in rows]
    random.Random(1).shuffle(rows)
    assert told(rows, wanted) == pytest.approx(given, rel=1e-12) and None not in given.values()


def test_what_the_agreement_said_stays(rules: Make, row: Make) -> None:
    used = agree([*three(row), row("D0", None)], rules(CD3))[0]
    with_them = with_uncertainties(used, rules(CD3))
    assert [{key: one[key] for key in one if key != "uncertainty"} for one in with_them] == used
    assert all("uncertainty" not in one for one in used)
