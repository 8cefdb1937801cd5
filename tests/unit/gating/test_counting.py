"""Counts as rows: every population of the strategy, measured or not, and every quality step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cytotrial.columns import POPULATIONS, QUALITY_STEPS
from cytotrial.gating.counting import kind_of, population_rows, step_rows
from cytotrial.gating.flowkit_model import Population
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy

STRATEGY = """\
populations:
  - {id: in_range, parent: root, markers: [FSC-A], method: below_range, step: quality}
  - {id: steady, parent: in_range, markers: [Time], method: steady_signal, step: quality}
  - {id: singlets, parent: steady, markers: [FSC-A, FSC-H], method: singlet_band, step: quality}
  - {id: live, parent: singlets, markers: [viability], method: valley, step: quality}
  - {id: clean, parent: live, markers: [dump], method: valley, step: quality}
  - {id: cd3, parent: clean, markers: [CD3], method: valley}
  - {id: cd4, parent: cd3, markers: [CD4], method: valley}
"""


@pytest.fixture
def strategy(tmp_path: Path) -> Strategy:
    """Five quality steps and two lineages."""
    (tmp_path / "s.yaml").write_text(STRATEGY, encoding="utf-8")
    return load_strategy(tmp_path / "s.yaml")


def counted(**n_events: tuple[str, int]) -> list[Population]:
    """Populations of a file of 100 events: id -> parent, events."""
    return [Population(name, parent, np.arange(100) < n) for name, (parent, n) in n_events.items()]


POPULATED = counted(
    root=("root", 100), in_range=("root", 90), singlets=("in_range", 80), live=("singlets", 0), cd3=("live", 0)
)
REASONS = {"steady": "no Time channel", "clean": "no dump channel", "cd4": "no CD4 channel"}


def test_every_population_of_the_strategy(strategy: Strategy) -> None:
    rows = population_rows("s1", strategy, POPULATED, REASONS)
    assert all(set(row) == set(POPULATIONS.columns) for row in rows)
    assert [(r["population"], r["parent"], r["n_events"], r["n_parent"], r["reason"]) for r in rows] == [
        ("root", None, 100, None, None),
        ("in_range", "root", 90, 100, None),
        ("steady", None, None, None, "no Time channel"),
        ("singlets", "in_range", 80, 90, None),
        ("live", "singlets", 0, 80, None),
        ("clean", None, None, None, "no dump channel"),
        ("cd3", "live", 0, 0, None),
        ("cd4", None, None, None, "no CD4 channel"),
    ]


def test_population_without_a_reason_of_its_own(strategy: Strategy) -> None:
    row = population_rows("s1", strategy, POPULATED, {})[-1]
    assert (row["n_events"], row["reason"]) == (None, "an ancestor was not gated")


def test_quality_steps(strategy: Strategy) -> None:
    rows = step_rows("s1", strategy, POPULATED, {**REASONS, "in_range": "99.9 %"})
    assert all(set(row) == set(QUALITY_STEPS.columns) for row in rows)
    told = [(r["step"], r["kind"], r["order"], r["done"], r["n_in"], r["n_out"], r["percent_kept"]) for r in rows]
    assert told == [
        ("in_range", "margins", 1, True, 100, 90, 90.0),
        ("steady", "time", 2, False, None, None, None),
        ("singlets", "doublets", 3, True, 90, 80, pytest.approx(800 / 9)),
        ("live", "dead", 4, True, 80, 0, 0.0),
        ("clean", "other", 5, False, None, None, None),
    ]
    assert rows[0]["reason"] == "99.9 %"
    assert rows[1]["reason"] == "NOT DONE: no Time channel"


def test_nothing_in_is_no_percentage(strategy: Strategy) -> None:
    empty = counted(root=("root", 0), in_range=("root", 0))
    row = step_rows("s1", strategy, empty, {})[0]
    assert (row["done"], row["n_in"], row["percent_kept"]) == (True, 0, None)


def test_kind_of(strategy: Strategy) -> None:
    assert [kind_of(rule) for rule in strategy.rules] == [
        "margins",
        "time",
        "doublets",
        "dead",
        "other",
        "other",
        "other",
    ]
