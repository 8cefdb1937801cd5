"""A file whose gate lies far from those measured alike: told by robust deviations, and then borrowing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cytotrial.gating.pools import FileGate
from cytotrial.gating.reconcile import agree
from cytotrial.gating.robust import LEAST_FILES, LEAST_SD, LINEAR_PART, MAD_TO_SD, decades, far_files
from cytotrial.gating.strategy import Rule

Make = Callable[..., Any]
ENTRY = "id: cd3, markers: [CD3], method: valley, pool: trial"


def spread_out(middle: float, sd: float, n: int) -> list[float]:
    """n thresholds whose median is `middle` and whose robust SD, in decades, is `sd`: evenly on both sides."""
    steps = np.linspace(-2.0, 2.0, n) * sd / MAD_TO_SD
    return [float(middle * 10**step) for step in steps]


@pytest.fixture
def gates(row: Make) -> Make:
    """``gates(values, first="A", ...)``: a found threshold for each, subjects A, B, C, ..."""

    def make(values: list[float], *, first: str = "A", **changes: Any) -> list[dict[str, Any]]:
        return [row(f"{chr(ord(first) + i)}0", value, **changes) for i, value in enumerate(values)]

    return make


def files(rows: list[dict[str, Any]]) -> list[FileGate]:
    """One file per row."""
    return [FileGate((row,), {"CD3": row["threshold_linear"]}) for row in rows]


# How far.


@pytest.mark.parametrize("direction", [-1.0, 1.0])
@pytest.mark.parametrize(("sds", "is_far"), [(3.5, False), (4.6, True), (8.0, True)])
def test_in_robust_sds(rules: Make, gates: Make, sds: float, is_far: bool, direction: float) -> None:
    """A pool of 21 around 20,000 whose robust SD is 0.10 decades, and one file beside it."""
    odd = 2e4 * 10 ** (direction * sds * 0.10)
    rows = [*gates(spread_out(2e4, 0.10, 21)), *gates([odd], first="X")]
    logs = np.log10([row["threshold_linear"] for row in rows])
    deviations = np.abs(logs - np.median(logs))
    by_hand = deviations[-1] / (1.4826 * np.median(deviations))
    found = far_files(files(rows), rules(ENTRY)["cd3"], ())
    print(f"{sds} SDs of the 21, {by_hand:.2f} of the 22: {found}")
    assert set(found) == ({"X0"} if is_far else set())
    assert bool(by_hand > 4.0) is is_far
    if is_far:
        assert f" is {by_hand:.1f} robust SDs from the 22 files" in found["X0"]


def test_a_pool_that_agrees_to_the_last_digit_has_a_least_spread(rules: Make, gates: Make) -> None:
    """0.08 decades: 4 of them are 2.1-fold."""
    rule = rules(ENTRY)["cd3"]
    for factor, is_far in ((10 ** (3.9 * LEAST_SD), False), (10 ** (4.2 * LEAST_SD), True)):
        found = far_files(files([*gates([1e4] * 9), *gates([1e4 * factor], first="X")]), rule, ())
        assert set(found) == ({"X0"} if is_far else set()), factor


@pytest.mark.parametrize(("far", "whom"), [(4.0, {"X0"}), (6.0, set()), (0.5, {"X0"})])
def test_the_strategy_says_how_far(rules: Make, gates: Make, far: float, whom: set[str]) -> None:
    rows = [*gates([1e4] * 9), *gates([1e4 * 10 ** (5 * LEAST_SD)], first="X")]
    assert set(far_files(files(rows), rules(f"{ENTRY}, far: {far}")["cd3"], ())) == whom


def test_the_reason_has_the_figures(rules: Make, gates: Make) -> None:
    rows = [*gates([1e4] * 9), *gates([1e5], first="X")]
    reason = far_files(files(rows), rules(ENTRY)["cd3"], ())["X0"]
    sds = (decades(files(rows)[-1], "CD3") - decades(files(rows)[0], "CD3")) / LEAST_SD
    assert reason == f"CD3 100000 is {sds:.1f} robust SDs from the 10 files of trial (median 10000)"
    assert sds == pytest.approx(12.5, abs=0.01)


@pytest.mark.parametrize("n", [LEAST_FILES - 1, LEAST_FILES])
def test_six_files_at_least(rules: Make, gates: Make, n: int) -> None:
    """The file itself is one of them."""
    rows = [*gates([1e4] * (n - 1)), *gates([1e6], first="X")]
    assert set(far_files(files(rows), rules(ENTRY)["cd3"], ())) == ({"X0"} if n >= 6 else set())


def test_one_file_of_ten_times_the_events_counts_once(rules: Make, gates: Make) -> None:
    rows = [*gates([1e4] * 6), *gates([1e5], first="X", n_parent=10_000_000)]
    assert set(far_files(files(rows), rules(ENTRY)["cd3"], ())) == {"X0"}


def test_near_zero_a_threshold_is_noise(rules: Make, gates: Make) -> None:
    """20 and -30 are not 'minus three halves times' apart: both lie in the linear part of an 18-bit range."""
    values = [20.0, -30.0, 5.0, 0.0, 12.0, -8.0, 31.0, 18.0]
    assert far_files(files(gates(values)), rules(ENTRY)["cd3"], ()) == {}
    assert set(far_files(files([*gates(values), *gates([2000.0], first="X")]), rules(ENTRY)["cd3"], ())) == {"X0"}


@pytest.mark.parametrize(("value", "top"), [(1e5, 2.0**18), (-70.0, 2.0**18), (1e5, 2.0**22), (3e-3, 2.0**18)])
def test_decades_of_an_intensity(row: Make, value: float, top: float) -> None:
    one = FileGate((row("A0", value, top=top),), {"CD3": value})
    scaled = value / (LINEAR_PART * top)
    assert decades(one, "CD3") == pytest.approx(math.log10(scaled + math.sqrt(scaled**2 + 1)))


def test_decades_of_a_ratio(row: Make) -> None:
    assert decades(FileGate((row("A0", 5.0),), {"extent": 0.01}), "extent") == pytest.approx(-2.0)


def test_held_measures_are_no_reason(row: Make, rules: Make) -> None:
    """Those differ between subjects by nature."""
    made = [FileGate((row(f"{x}0", 5.0),), {"bulk": 5.0, "trait": 1.0}) for x in "ABCDEFG"]
    made.append(FileGate((row("X0", 5.0),), {"bulk": 5.0, "trait": 90.0}))
    rule = rules(ENTRY)["cd3"]
    assert far_files(made, rule, ("trait",)) == {}
    assert set(far_files(made, rule, ())) == {"X0"}


def test_any_measure_may_be_the_far_one(row: Make, rules: Make) -> None:
    made = [FileGate((row(f"{x}0", 5.0),), {"FSC-A": 9e4, "extent": 0.05}) for x in "ABCDEFG"]
    made.append(FileGate((row("X0", 5.0),), {"FSC-A": 9e4, "extent": 0.5}))
    assert far_files(made, rules(ENTRY)["cd3"], ())["X0"].startswith("extent 0.5 is 12.5 robust SDs")


# Whom a file is held against.


def test_a_file_is_judged_within_its_batch(rules: Make, gates: Make) -> None:
    """Six files of a day on which the gain was ten times higher are not odd; one of them at the old gain is."""
    old = gates([1e3] * 12, batch="day1")
    new = [*gates([1e4] * 6, first="N", batch="day2")]
    rule = rules(ENTRY)["cd3"]
    assert far_files(files([*old, *new]), rule, ()) == {}
    found = far_files(files([*old, *new, *gates([1e3], first="X", batch="day2")]), rule, ())
    assert set(found) == {"X0"}
    assert "from the 7 files of batch day2 (median 10000)" in found["X0"]


def test_a_small_batch_is_judged_within_the_trial(rules: Make, gates: Make) -> None:
    old, new = gates([1e3] * 12, batch="day1"), gates([1e4] * 5, first="N", batch="day2")
    found = far_files(files([*old, *new]), rules(ENTRY)["cd3"], ())
    assert set(found) == {f"{x}0" for x in "NOPQR"}
    assert "from the 17 files of trial (median 1000)" in found["N0"]


@pytest.mark.parametrize("unlike", [{"condition": "CEF"}, {"top": 4194304.0}, {"is_control": True}])
def test_only_files_alike_are_compared(rules: Make, gates: Make, unlike: dict[str, Any]) -> None:
    """Another stimulation, range or a staining control is neither far nor makes others far."""
    rows = [*gates([1e3] * 7), *gates([1e5] * 5, first="N", **unlike)]
    assert far_files(files(rows), rules(ENTRY)["cd3"], ()) == {}


# What becomes of it.


def test_a_far_file_borrows_and_says_so(rules: Make, gates: Make, told: Make) -> None:
    rows = [*gates([1e3, 1.1e3, 0.9e3, 1e3, 1.2e3, 0.8e3]), *gates([1e5], first="X")]
    used, missing = agree(rows, rules(ENTRY))
    assert told(used)["X0"] == (1000.0, "pooled", "trial")
    assert told(used)["A0"] == (1000.0, "found", "none")
    reason = next(one["reason"] for one in used if one["sample_id"] == "X0")
    assert reason.startswith("CD3 100000 is ")
    assert reason.endswith(" robust SDs from the 7 files of trial (median 1000), so the median of 6 files")
    assert missing == []


def test_a_far_file_lends_to_nobody(rules: Make, gates: Make, row: Make, told: Make) -> None:
    """Not even to another visit of its own subject."""
    rows = [*gates([1e3] * 7), row("X0", 1e5), row("X2", None)]
    used, _ = agree(rows, rules(ENTRY.replace("trial", "subject")))
    assert told(used)["X2"] == (1000.0, "pooled", "trial")


@pytest.mark.parametrize("entry", [f"{ENTRY}, far: null", ENTRY.replace("pool: trial", "pool: none")])
def test_a_files_own_placement_can_always_be_believed(rules: Make, gates: Make, told: Make, entry: str) -> None:
    used, _ = agree([*gates([1e3] * 7), *gates([1e5], first="X")], rules(entry))
    assert told(used)["X0"] == (1e5, "found", "none")


def test_far_from_the_others_and_nobody_to_borrow_from(rules: Make, row: Make, told: Make) -> None:
    """Everybody is far from the median that lies in the gap between them: then each keeps its own gate."""
    rows = [row(f"{x}0", 1e2) for x in "ABC"] + [row(f"{x}0", 1e4) for x in "NOP"]
    used, missing = agree(rows, rules(f"{ENTRY}, far: 0.5"))
    assert {threshold for threshold, *_ in told(used).values()} == {1e2, 1e4}
    assert {source for _, source, _ in told(used).values()} == {"found"}
    assert missing == []


def test_a_method_whose_gate_rests_on_several_numbers(rules: Make, treg: Make, told: Make) -> None:
    """A tube whose reference population is 30 times dimmer in CD25 was not stained with it."""
    measures = {"reference_bulk": 500.0, "reference_mode": 2000.0, "tail_over_bulk": 1.5, "clear_per_between": 1.0}
    rows = [row for x in "ABCDEFG" for row in treg(f"{x}0", measures)]
    rows += treg("X0", measures | {"reference_bulk": 15.0})
    used, _ = agree(rows, rules("id: treg, markers: [CD25, CD127], method: reference_population, pool: trial"))
    found = told(used)
    assert found["X0"] == (pytest.approx(500 * 1.5 * 1.45), "pooled", "trial")
    assert found["A0"] == (pytest.approx(500 * 1.5 * 1.45), "found", "trial")
    (reason,) = {one["reason"] for one in used if one["sample_id"] == "X0"}
    assert reason.startswith("reference_bulk 15 is ")


def test_four_robust_sds_unless_the_strategy_says_otherwise() -> None:
    assert Rule("cd3", "root", ("CD3",), "valley", None, "trial", None, "lineage").far == 4.0
