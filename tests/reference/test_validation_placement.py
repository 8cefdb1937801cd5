"""The validation's replicate tubes: what the ledger says of gates and percentages, beside how far they really move."""

from __future__ import annotations

import importlib
import math
from types import SimpleNamespace

import pandas as pd
import pytest

MODULES = ("ledger_percentages", "placement", "placement_section")


@pytest.fixture(scope="module")
def validation(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        yield SimpleNamespace(**{name: importlib.import_module(f"benchmarks.validation.{name}") for name in MODULES})


def test_gates_between_replicates_worked_by_hand(validation):
    """Two bloods of two tubes: SDs root(2) x 0.1 and 0, root mean square 0.1; fixed gates and second rows left out."""
    gate = {"panel": "nk", "population": "nk", "marker": "CD56", "bound": "min", "source": "found", "pool": "none"}
    rows = [
        {"sample_id": name, **gate, "threshold": threshold, "uncertainty": uncertainty}
        for name, threshold, uncertainty in (("a1", 0.4, 0.3), ("a2", 0.6, 0.4), ("b1", 0.5, 0.3), ("b2", 0.5, None))
    ]
    rows += [{**row, "population": "other", "bound": "max"} for row in rows]
    rows += [{**row, "marker": "FSC-A", "source": "fixed"} for row in rows[:4]]
    rows += [{**row, "marker": "shape", "threshold": None} for row in rows[:4]]
    blood = {name: name[0] for name in ("a1", "a2", "b1", "b2")}
    (one,) = validation.placement.between_replicates(pd.DataFrame(rows), blood).to_dict("records")
    assert (one["population"], one["bound"], one["bloods"], one["pool"]) == ("nk", "min", 2, "none")
    assert one["sd"] == pytest.approx(0.1)
    assert one["uncertainty"] == pytest.approx(math.sqrt((0.09 + 0.16 + 0.09) / 3))
    assert validation.placement.relative_error(8) == pytest.approx(1 / math.sqrt(32))


@pytest.fixture
def replicate_tubes():
    """Two bloods of two tubes; NK of lymphocytes, measured 10 and 12, 8 and 8 % where 10 is true; one or two limits."""
    rows = [
        {"sample_id": name, "subset": "nk", "denominator": "lymphocytes", "numerator_n": n, "denominator_n": 1000}
        | {"percent": n / 10, "qc_flag": "ok"}
        for name, n in (("a1", 100), ("a2", 120), ("b1", 80), ("b2", 80))
    ]
    limit = {"population": "nk", "marker": "CD56", "bound": "min"}
    moved = [{"sample_id": row["sample_id"], **limit, "counted": "nk", "minus_1": 110, "plus_1": 100} for row in rows]
    moved.append({**moved[0], "counted": "cd56bright_nk", "minus_1": 9, "plus_1": 1})
    other = {"population": "lymphocytes", "marker": "SSC", "bound": "max"}
    moved.append({**moved[0], **other, "counted": "lymphocytes", "minus_1": 900, "plus_1": 1000})
    moved.append({**moved[0], **other, "counted": "nk", "minus_1": 95, "plus_1": 100})
    subsets = pd.DataFrame(rows)
    truth = subsets[["sample_id", "subset", "denominator"]].assign(percent=10.0)
    return SimpleNamespace(subsets=subsets, truth=truth, moved_counts=pd.DataFrame(moved))


def test_ledger_and_gating_error_of_percentages_worked_by_hand(validation, replicate_tubes):
    blood = {name: name[0] for name in ("a1", "a2", "b1", "b2")}
    table = validation.ledger_percentages.uncertainty_of_percentages(replicate_tubes, blood).set_index("subset")
    assert table.loc["nk", "tubes"] == 4 and math.isnan(table.loc["cd4", "predicted"])
    # SDs between tubes: log(1.2) / root 2 and none
    assert table.loc["nk", "sd"] == pytest.approx(100 * math.log(1.2) / 2)
    one, other = math.log(100 / 110) / 2, (math.log(100 / 1000) - math.log(95 / 900)) / 2
    assert table.loc["nk", "predicted"] == pytest.approx(100 * math.sqrt((4 * one**2 + other**2) / 4))


def test_limit_of_the_denominator_alone_leaves_the_numerator(validation, replicate_tubes):
    """Only the denominator of a1 moves, from 900 to 1000; a2 loses all cells, b1 and b2 have no known limit."""
    moved = replicate_tubes.moved_counts.iloc[[5, 1]].copy()
    moved.loc[1, "plus_1"] = 0
    found = validation.ledger_percentages.predicted_sd(replicate_tubes.subsets, moved)
    assert found["a1"] == pytest.approx(math.log(1000 / 900) / 2)
    assert found.drop("a1").isna().all() and list(found.index) == ["a1", "a2", "b1", "b2"]


def test_percentages_that_are_not_reported_are_not_compared(validation, replicate_tubes):
    replicate_tubes.subsets.loc[[0, 2], "qc_flag"] = "not_reported"
    blood = {name: name[0] for name in ("a1", "a2", "b1", "b2")}
    table = validation.ledger_percentages.uncertainty_of_percentages(replicate_tubes, blood).set_index("subset")
    assert table.loc["nk", "tubes"] == 2 and math.isnan(table.loc["nk", "sd"])


def test_page_says_how_far_the_ledger_is_off(validation):
    """Ratios 0.72 and 1.48 of 8 bloods, 17.7 % each: one is more than two errors above."""
    gates = pd.DataFrame({"panel": "nk", "population": ["nk", "cd3"], "marker": "CD3", "bound": "min", "pool": "none"})
    gates = gates.assign(bloods=8, sd=[0.72, 1.48], uncertainty=1.0)
    subsets = pd.DataFrame({"subset": ["nk"], "bloods": [8], "sd": [0.2], "sd_true": [0.1]})
    ledger = pd.DataFrame(
        {"subset": ["nk", "treg"], "tubes": [24, 0], "sd": [3.0, math.nan], "predicted": [2.0, math.nan]}
    )
    one = validation.placement.Placement(gates, subsets, ledger)
    results = SimpleNamespace(placement={"clean": one})
    page = " ".join(" ".join(validation.placement_section.placement_section(results)).split())
    assert "within -28 to +48 % of the ledger's uncertainty; 1 of them" in page and "above it, 0 as far below" in page
    assert "| nk | 24 | 3.00 | 2.00 | 1.50 |" in page and "| treg | 0 | - | - | - |" in page
