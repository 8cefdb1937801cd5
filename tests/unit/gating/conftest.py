"""Builders that the tests of the agreement share: rules as a strategy file has them, landmarks as tables give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytotrial.cytometry.tube import Tube
from cytotrial.gating.ledger import gate_rows, landmark_rows, read_gates, read_landmarks
from cytotrial.gating.placing import place_gates
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.gating.uncertainty import with_uncertainties
from cytotrial.tables import format_cell

Row = dict[str, Any]
TOP = 262144.0


@pytest.fixture
def rules(tmp_path: Path) -> Callable[..., dict[str, Rule]]:
    """``rules(entry, ...)``: the rules of a strategy with these entries below the root, which stays as ``s.yaml``."""

    def make(*entries: str) -> dict[str, Rule]:
        path = tmp_path / "s.yaml"
        lines = [f"  - {{parent: root, {entry}}}" for entry in entries]
        path.write_text("\n".join(["populations:", *lines, ""]), encoding="utf-8")
        return {rule.id: rule for rule in load_strategy(path).rules}

    return make


def landmark(sample: str, threshold: float | None, **changes: Any) -> Row:
    """A landmark of CD3, found where it has a threshold, which is then its measure too.

    The subject is the sample's letter; whatever else differs is said in `changes`.
    """
    found = threshold is not None
    row = {
        "sample_id": sample,
        "panel": "treg",
        "subject_id": sample[0],
        "batch": None,
        "site": None,
        "condition": None,
        "is_control": False,
        "population": "cd3",
        "marker": "CD3",
        "bound": "min" if found else None,
        "outcome": "found" if found else "not_found",
        "threshold_linear": threshold,
        "coordinates": None,
        "reason": "seen" if found else "no valley",
        "method": "valley",
        "n_parent": 1000,
        "doubt": None,
        "spread": None,
        "measures_spread": None,
        "channel": "APC-A",
        "top": TOP,
        "scale": "logicle",
        "w": 1.0,
        "m": 4.5,
        "a": 0.0,
        **changes,
    }
    return {"measures": json.dumps({row["marker"]: threshold}) if found else None, **row}


def reference(sample: str, measures: dict[str, float] | None, **changes: Any) -> list[Row]:
    """A landmark of Treg: two rows with the same measures, or not found; the bounds are what these measures give."""
    from cytotrial.gating.arguments import ReferencePopulation
    from cytotrial.gating.methods.reference_population import bounds

    common = {"population": "treg", "method": "reference_population", **changes}
    channels = {"CD25": "PE-A", "CD127": "FITC-A"}
    if measures is None:
        return [landmark(sample, None, **common, marker=name, channel=channels[name]) for name in channels]
    return [
        landmark(
            sample,
            one.linear,
            **{"measures": json.dumps(measures), "bound": one.side, "marker": one.marker} | common,
            channel=channels[one.marker],
        )
        for one in bounds(measures, ("CD25", "CD127"), args=ReferencePopulation())
    ]


def relative(sample: str, dim: float | None, fold: float = 4.0, **changes: Any) -> Row:
    """A landmark of CD56bright: the dim mode and the fold above it."""
    common = {"population": "bright", "method": "relative_threshold", "marker": "CD56", "channel": "PE-Cy7-A"}
    if dim is None:
        return landmark(sample, None, **common | changes)
    measures = json.dumps({"dim_mode": dim, "threshold_over_dim_mode": fold})
    return landmark(sample, dim * fold, **common | {"measures": measures} | changes)


@pytest.fixture
def row() -> Callable[..., Row]:
    """`landmark`."""
    return landmark


@pytest.fixture
def treg() -> Callable[..., list[Row]]:
    """`reference`."""
    return reference


@pytest.fixture
def bright() -> Callable[..., Row]:
    """`relative`."""
    return relative


@pytest.fixture
def told() -> Callable[[list[Row]], dict[str, tuple[Any, ...]]]:
    """Gates that are used -> sample -> threshold, source, pool of the lower bound (or the only one)."""

    def make(used: list[Row]) -> dict[str, tuple[Any, ...]]:
        ordered = sorted(used, key=lambda one: one["bound"] == "min")
        return {one["sample_id"]: (one["threshold_linear"], one["source"], one["pool"]) for one in ordered}

    return make


@pytest.fixture(scope="session")
def ledger_of() -> Callable[..., list[Row]]:
    """A tube's gates through both tables, as the workflow makes them: ``ledger_of(tube, strategy)``."""

    def make(tube: Tube, strategy: Strategy) -> list[Row]:
        sample = dict.fromkeys(("batch", "condition", "site")) | {"panel": "p", "subject_id": "s", "is_control": False}
        rows = landmark_rows(tube, place_gates(tube, strategy), sample={"sample_id": tube.sample_id, **sample})
        rules = {rule.id: rule for rule in strategy.rules}
        used, _ = agree(read_landmarks(_as_text(rows)), rules)
        return read_gates(_as_text(gate_rows(with_uncertainties(used, rules))))

    return make


def _as_text(rows: list[Row]) -> list[Row]:
    """Rows as they come back from a table."""
    return [{k: None if format_cell(v) == "NA" else format_cell(v) for k, v in row.items()} for row in rows]
