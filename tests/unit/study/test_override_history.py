"""The history of overrides: what was once in the sheet stays, whatever is done to the sheet."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cytotrial.columns import OVERRIDE_COLUMNS, OVERRIDE_HISTORY
from cytotrial.study.override_history import recorded
from cytotrial.study.overrides import Override
from cytotrial.tables import read_table, write_table

BLANK: dict[str, Any] = dict.fromkeys(OVERRIDE_COLUMNS)
GOOD: dict[str, Any] = {"population": "cd3", "marker": "CD3", "bound": "min", "threshold": 0.4}
WHO = {"reviewer": "AB", "date": "2026-01-05", "reason": "too low", "row": 2}
A = Override(**(BLANK | GOOD | WHO | {"sample_id": "A0"}))
B = replace(A, sample_id="B0", row=3)
POOL = replace(A, sample_id=None, pool="trial", panel="treg", threshold=None, threshold_linear=900.0, row=4)


class History:
    """A history on disk: each sheet as one run of the workflow sees it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "override_history.tsv"

    def run(self, *sheet: Override) -> list[tuple[str, str, str]]:
        """Entry, state and whether it is in the sheet, after a run on this sheet."""
        before = read_table(self.path, OVERRIDE_HISTORY) if self.path.exists() else []
        write_table(self.path, OVERRIDE_HISTORY, recorded(before, sheet))
        after = read_table(self.path, OVERRIDE_HISTORY)
        for old, new in zip(before, after, strict=False):  # append-only: the content of an entry never changes
            assert {name: old[name] for name in ("entry", *OVERRIDE_COLUMNS)} == {
                name: new[name] for name in ("entry", *OVERRIDE_COLUMNS)
            }
        assert len(after) >= len(before)
        return [(str(row["entry"]), str(row["state"]), str(row["in_sheet"])) for row in after]


def test_nobody_moved_anything(tmp_path: Path) -> None:
    assert History(tmp_path).run() == []
    assert (tmp_path / "override_history.tsv").read_text(encoding="utf-8") == "\t".join(OVERRIDE_HISTORY.columns) + "\n"


def test_entries_are_numbered_as_they_come(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.run(A) == [("0001", "in_force", "Y")]
    assert history.run(B, A) == [("0001", "in_force", "Y"), ("0002", "in_force", "Y")]
    assert [row["sample_id"] for row in read_table(history.path)] == ["A0", "B0"]


def test_a_changed_row_is_another_entry(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(A)
    assert history.run(replace(A, threshold=0.5)) == [("0001", "replaced", "N"), ("0002", "in_force", "Y")]
    assert [row["threshold"] for row in read_table(history.path)] == ["0.4", "0.5"]


def test_a_changed_reason_is_another_entry(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(A)
    assert history.run(replace(A, reason="another")) == [("0001", "replaced", "N"), ("0002", "in_force", "Y")]


def test_a_row_taken_out_is_withdrawn(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(A, B)
    assert history.run(B) == [("0001", "withdrawn", "N"), ("0002", "in_force", "Y")]
    assert history.run() == [("0001", "withdrawn", "N"), ("0002", "withdrawn", "N")]


def test_what_has_left_never_comes_back(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(A)
    history.run()
    assert history.run(A) == [("0001", "withdrawn", "N"), ("0002", "in_force", "Y")]
    history.run(replace(A, threshold=0.5))
    assert history.run(A) == [
        ("0001", "withdrawn", "N"),
        ("0002", "replaced", "N"),
        ("0003", "replaced", "N"),
        ("0004", "in_force", "Y"),
    ]


def test_an_older_row_that_stays_in_the_sheet_is_replaced_and_may_return(tmp_path: Path) -> None:
    history = History(tmp_path)
    later = replace(A, threshold=0.5, date="2026-02-01", row=3)
    assert history.run(A, later) == [("0001", "replaced", "Y"), ("0002", "in_force", "Y")]
    assert history.run(A) == [("0001", "in_force", "Y"), ("0002", "replaced", "N")]


def test_a_samples_row_and_a_pools_are_in_force_together(tmp_path: Path) -> None:
    """The pool's counts in all other files."""
    assert {state for _, state, _ in History(tmp_path).run(A, POOL)} == {"in_force"}


def test_a_shape_replaces_thresholds(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(A)
    shape = replace(
        A, bound="shape", marker="CD3:CD4", threshold=None, coordinates=((0.0, 0.5), (1.0, 2.0), (3.0, 1.0))
    )
    assert history.run(shape) == [("0001", "replaced", "N"), ("0002", "in_force", "Y")]
    assert [row["coordinates"] for row in read_table(history.path)] == [None, "[[0.0, 0.5], [1.0, 2.0], [3.0, 1.0]]"]


def test_naming_the_panel_of_a_sample_keeps_the_gate_the_same(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(A)
    assert history.run(replace(A, panel="treg")) == [("0001", "replaced", "N"), ("0002", "in_force", "Y")]


def test_a_row_written_twice_is_one_entry(tmp_path: Path) -> None:
    assert History(tmp_path).run(A, replace(A, row=9)) == [("0001", "in_force", "Y")]


def test_the_same_again_changes_no_byte(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(A, POOL)
    history.run(B, POOL)
    before = history.path.read_bytes()
    history.run(B, POOL)
    assert history.path.read_bytes() == before


def orders(rows: Sequence[Override]) -> list[list[Override]]:
    """The rows in many orders; numbers of rows as their order gives them."""
    random.seed(4)
    shuffled = [random.sample(rows, len(rows)) for _ in range(20)]
    return [[replace(one, row=n) for n, one in enumerate(order, start=2)] for order in shuffled]


def test_the_order_of_the_sheet_changes_no_byte(tmp_path: Path) -> None:
    rows = [A, B, POOL, replace(A, marker="CD8"), replace(A, date="2025-12-31"), replace(B, date="2026-03-01")]
    made = {str(recorded([], order)) for order in orders(rows)}
    assert len(made) == 1


def test_a_hundred_entries_stay_in_their_order(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.run(*(replace(A, threshold=n / 100, row=n, date=f"2026-01-{n % 28 + 1:02}") for n in range(120)))
    rows = read_table(history.path)
    assert [row["entry"] for row in rows] == [f"{n:04}" for n in range(1, 121)]
    assert sum(row["state"] == "in_force" for row in rows) == 1
