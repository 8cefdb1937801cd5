"""Whatever a trial's files show or lack: agreement never raises, and says what became of every file's every gate."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cytotrial.columns import AGREED_GATES, CONTROL_CONDITION
from cytotrial.gating.ledger import gate_rows
from cytotrial.gating.reconcile import agree
from cytotrial.gating.strategy import Rule

Make = Callable[..., Any]
Row = dict[str, Any]
TABLES = range(40)
TOPS = (262144.0, 4194304.0)
CHANNELS = ("PE-A", "FL1:A", "V450/50-A")  # a colon also joins the two names of a pair
CONDITIONS = (None, None, None, "CEF", "FMO-CD3", "FMO-CD25", "FMO PE", "unstained", "single-stain-PE")
SOURCES = {"found", "fixed", "pooled", "fmo", "fallback"}
Random = np.random.Generator


def one_of(rng: Random, choices: Any) -> Any:
    """One of them, as it is: numpy would make text of None."""
    return choices[rng.integers(len(choices))]


def strategy(rng: Random) -> list[str]:
    """Every method that learns from events or is fixed, with arguments of chance."""

    def options(*, controlled: bool = False, fallback: str = "") -> str:
        text = f", pool: {one_of(rng, ('none', 'subject', 'batch', 'site', 'trial'))}"
        text += f", align: {one_of(rng, ('file', 'batch', 'none'))}, far: {one_of(rng, ('4.0', '0.5', 'null'))}"
        text += ", control: 0.998" if controlled and rng.random() < 0.5 else ""
        return text + (f", fallback: {fallback}" if fallback and rng.random() < 0.3 else "")

    return [
        "id: in_range, markers: [FSC-A, SSC-A], method: below_range, step: quality",
        "id: steady, markers: [Time], method: steady_signal, step: quality",
        f"id: single, markers: [FSC-A, FSC-H, FSC-W], method: singlet_band{options()}",
        f"id: no_monocytes, markers: [SSC-A, dump], method: corner{options()}",
        f"id: cells, markers: [FSC-A, SSC-A], method: scatter_cluster{options()}",
        f"id: cd3, markers: [CD3], method: valley{options(controlled=True, fallback='300')}",
        "id: rest, markers: [CD3], method: opposite, args: {of: cd3}",
        f"id: cd4, markers: [CD4, CD8], method: quadrant{options(fallback='[300, 400]')}",
        f"id: treg, markers: [CD25, CD127], method: reference_population{options(controlled=True, fallback='[9, 9]')}",
        f"id: bright, markers: [CD56], method: relative_threshold{options(fallback='5000')}",
        f"id: chosen, markers: [CD3], method: fixed, args: {{threshold: 500}}{options(controlled=True)}",
    ]


def bounds_and_measures(rng: Random, rule: Rule) -> tuple[list[tuple[str, str, float | None, Any]], dict[str, float]]:
    """Bounds (marker, side, threshold, coordinates) and measures as the rule's method would give them."""
    at = [float(x) for x in 10 ** rng.normal(3.0, one_of(rng, (0.02,) * 8 + (0.3, 2.0)), 4)]
    low = -at[0] if rng.random() < 0.2 else at[0]  # a threshold below zero, of a marker that is compensated
    first, *others = rule.markers
    if rule.method in ("valley", "fixed"):
        return [(first, "min", low, None)], {first: low} if rule.method == "valley" else {}
    if rule.method == "quadrant":
        return [(first, "min", low, None), (others[0], "max", at[1], None)], {first: low, others[0]: at[1]}
    if rule.method == "reference_population":
        names = ("reference_bulk", "reference_mode", "tail_over_bulk", "clear_per_between")
        measures = dict(zip(names, (*at[:2], 1.0 + at[2] / 1e3, at[3] / 1e3), strict=True))
        return [(first, "min", at[0], None), (others[0], "max", at[1], None)], measures
    if rule.method == "relative_threshold":
        measures = {"dim_mode": at[0], "threshold_over_dim_mode": float(rng.uniform(3.6, 5.5))}
        return [(first, "min", at[0] * 4, None)], measures
    if rule.method == "below_range":
        return [(marker, "max", 262000.0, None) for marker in rule.markers], {}
    corners = [[float(x) for x in pair] for pair in rng.uniform(0, 1e5, (one_of(rng, (6, 6, 7)), 2))]
    if rule.method == "steady_signal":
        return [(first, "shape", None, [[0.0, 60.0]])], {}
    if rule.method == "singlet_band" and rng.random() < 0.5:
        return [(others[1], "max", at[0], None)], {}
    measures = {
        "scatter_cluster": {first: at[0], others[0]: at[1], "extent": at[2] / 1e4},
        "corner": {first: at[0], others[0]: low},
    }
    return [(f"{first}:{others[0]}", "shape", None, corners)], measures.get(rule.method, {})


def channel(sample: Row, marker: str) -> str:
    """A pair's two channels are joined."""
    return ":".join(sample["channel"] if ":" not in marker else f"{part} detector" for part in marker.split(":"))


def gate(rng: Random, row: Make, rule: Rule, sample: Row, outcome: str) -> list[Row]:
    """One file's rows of one gate."""
    common = {key: value for key, value in sample.items() if key != "sample_id"} | {"population": rule.id}
    common |= {"method": rule.method, "outcome": outcome}
    if outcome == "found":
        found, measures = bounds_and_measures(rng, rule)
        return [
            row(sample["sample_id"], threshold, **common)
            | {"marker": marker, "bound": side, "coordinates": json.dumps(points) if points else None}
            | {"measures": json.dumps(measures) if measures else None, "channel": channel(sample, marker)}
            for marker, side, threshold, points in found
        ]
    rows = [row(sample["sample_id"], None, **common, marker=marker) for marker in rule.markers]
    if outcome == "not_done":
        rows[-1] |= dict.fromkeys(("channel", "top", "scale", "w", "m", "a"))
    elif sample["is_control"] and rule.control and rng.random() < 0.7:
        edge = {f"negative_{rule.markers[0]}": float(10 ** rng.normal(2.5, 0.3))}
        rows = [one | {"measures": json.dumps(edge)} for one in rows]
    return rows


def trial(rng: Random, row: Make, rules: dict[str, Rule]) -> list[Row]:
    """Landmarks of up to 30 files, of which many lack a batch, a site, a channel or the gate."""
    rows = []
    for number in range(int(rng.integers(1, 31))):
        condition = one_of(rng, CONDITIONS)
        sample = {
            "sample_id": f"S{number:02}",
            "subject_id": one_of(rng, "ABC"),
            "batch": one_of(rng, (None, "day1", "day2")),
            "site": one_of(rng, (None, "Lyon", "Graz")),
            "condition": condition,
            "is_control": bool(condition and CONTROL_CONDITION.match(condition)),
            "top": one_of(rng, TOPS[:1] * 5 + TOPS[1:]),
            "channel": one_of(rng, CHANNELS),
        }
        of_cd3 = ""
        for rule in rules.values():
            outcome = one_of(rng, ("found",) * 6 + ("not_found", "not_found", "not_done"))
            outcome = "found" if rule.method in ("fixed", "below_range") else outcome
            if rule.method == "opposite":  # it has what the other has
                rows += [
                    one
                    | {"population": rule.id, "method": "opposite", "bound": one["bound"] and "max", "measures": None}
                    for one in rows
                    if (one["sample_id"], one["population"]) == (sample["sample_id"], of_cd3)
                ]
                continue
            of_cd3 = rule.id
            rows += gate(rng, row, rule, sample, outcome)
    return rows


def in_order(rows: list[Row]) -> list[str]:
    """Rows as text, in an order of their own."""
    return sorted(json.dumps(one, sort_keys=True) for one in rows)


@pytest.mark.parametrize("seed", TABLES)
def test_every_gate_of_every_file_is_used_or_told_missing(rules: Make, row: Make, seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = rules(*strategy(rng))
    rows = trial(rng, row, own)
    used, missing = agree(rows, own)
    asked = {(one["sample_id"], one["population"]) for one in rows}
    told = Counter({(one["sample_id"], one["population"]) for one in used})
    told.update((one["sample_id"], one["population"]) for one in missing)
    assert told == Counter(asked)
    bounds = Counter((one["sample_id"], one["population"], one["marker"], one["bound"]) for one in used)
    assert set(bounds.values()) <= {1}
    assert {one["source"] for one in used} <= SOURCES
    assert all(one["reason"] for one in used) and all(one["reason"] for one in missing)
    for one in used:
        assert (one["threshold_linear"] is None) == (one["bound"] == "shape")
        assert np.isfinite(one["threshold_linear"] or 0.0)
        assert one["channel"] and "None" not in one["channel"]
    not_done = {(one["sample_id"], one["population"]) for one in rows if one["outcome"] == "not_done"}
    assert not not_done & {(one["sample_id"], one["population"]) for one in used}
    assert all(set(one) == set(AGREED_GATES.columns) for one in gate_rows(used))


@pytest.mark.parametrize("seed", TABLES[:10])
def test_order_of_the_rows_does_not_matter(rules: Make, row: Make, seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = rules(*strategy(rng))
    rows = trial(rng, row, own)
    used, missing = agree(rows, own)
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    again, missing_again = agree(shuffled, own)
    assert in_order(again) == in_order(used)
    assert in_order(missing_again) == in_order(missing)


@pytest.mark.parametrize("seed", TABLES[:10])
def test_staining_controls_change_nothing_where_no_gate_asks_for_them(rules: Make, row: Make, seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = rules(*(entry.replace(", control: 0.998", "") for entry in strategy(rng)))
    rows = trial(rng, row, own)
    without, missing = agree([one for one in rows if not one["is_control"]], own)
    used, told = agree(rows, own)
    samples = {one["sample_id"] for one in rows if not one["is_control"]}
    assert in_order([one for one in used if one["sample_id"] in samples]) == in_order(without)
    assert in_order([one for one in told if one["sample_id"] in samples]) == in_order(missing)


def test_the_tables_are_worth_it(rules: Make, row: Make) -> None:
    """Every source occurs many times over, and so do files far from their pool."""
    counts: Counter[str] = Counter()
    for seed in TABLES:
        rng = np.random.default_rng(seed)
        own = rules(*strategy(rng))
        used, missing = agree(trial(rng, row, own), own)
        counts.update(one["source"] for one in used)
        counts["far"] += sum("robust SDs" in one["reason"] for one in used)
        counts["missing"] += len(missing)
    print(counts)
    assert min(counts[name] for name in (*SOURCES, "far", "missing")) >= 30
