"""Counts at moved limits: each is what one gets when the gate itself is moved and all events are gated anew."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest

from cytotrial.columns import MOVED_COUNTS, MOVES
from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.event_blocks import EventsInMemory, open_events
from cytotrial.cytometry.tube import Tube
from cytotrial.gating import gated_file
from cytotrial.gating.arguments import METHODS
from cytotrial.gating.engine.run import gate_events
from cytotrial.gating.gated_file import GatedFile, gate_file, gate_whole
from cytotrial.gating.grown_shapes import SHAPED, grown
from cytotrial.gating.moved_limits import MovedLimits
from cytotrial.gating.strategy import ROOT, Rule, Strategy
from cytotrial.gating.tree_from_ledger import ledger_tree

Row = dict[str, Any]
Counts = Mapping[str, int]
WIDER = 10.0  # times the uncertainty of a file alone: enough events change sides for a mistake to be seen


def moved(gates: Iterable[Row], strategy: Strategy, limit: Row, by: int) -> list[Row]:
    """The ledger with one limit elsewhere, and that of the population's opposites; nothing else is moved then."""
    rules = {rule.id: rule for rule in strategy.rules}
    out = []
    for row in gates:
        rule, place = rules[row["population"]], {}
        follows = rule.method == "opposite" and rule.args.of == limit["population"]
        is_own = (row["population"], row["bound"]) == (limit["population"], limit["bound"])
        if row["marker"] == limit["marker"] and (is_own or follows):
            if row["bound"] == "shape":
                shape = grown(rule.method, json.loads(row["coordinates"]), by * limit["uncertainty"])
                place = {"coordinates": json.dumps(shape)}
            else:
                place = {"threshold": row["threshold"] + by * limit["uncertainty"]}
        out.append({**row, **place, "uncertainty": None})
    return out


def with_limits(gates: Iterable[Row], strategy: Strategy) -> list[Row]:
    """The limits that have rows of their own: an opposite's is the other's."""
    opposites = {rule.id for rule in strategy.rules if rule.method == "opposite"}
    return [row for row in gates if row["uncertainty"] and row["population"] not in opposites]


def assert_all_are_recounted(
    rows: Iterable[Row], gates: list[Row], strategy: Strategy, recount: Callable[[list[Row]], Counts]
) -> int:
    """Every limit's every move, and that populations without a row keep their count; how many counts did change."""
    found = {(row["population"], row["marker"], row["bound"], row["counted"]): row for row in rows}
    base, changed, left = recount([{**row, "uncertainty": None} for row in gates]), 0, set(found)
    for limit in with_limits(gates, strategy):
        key = limit["population"], limit["marker"], limit["bound"]
        for by, column in ((move, name) for move, name in MOVES.items() if move):
            anew = recount(moved(gates, strategy, limit, by))
            for population, n in anew.items():
                row = found.get((*key, population), {"n_events": base[population], column: base[population]})
                left.discard((*key, population))
                assert (row["n_events"], row[column]) == (base[population], n), (*key, by, population)
                changed += n != base[population]
    assert not left, "rows of limits that nobody can move"
    return changed


def counts(found: GatedFile) -> dict[str, int]:
    return {one.id: one.n_events for one in found.populations}


def gated(tube: Tube, strategy: Strategy, gates: list[Row]) -> GatedFile:
    return gate_file(open_events(tube.file.path), strategy, gates, tube.axes, tube.spillover)


def widened(gates: Iterable[Row]) -> list[Row]:
    return [{**row, "uncertainty": row["uncertainty"] and WIDER * row["uncertainty"]} for row in gates]


def lacking(tube: Tube, *markers: str) -> Tube:
    return dataclasses.replace(tube, axes={name: axis for name, axis in tube.axes.items() if name not in markers})


@pytest.fixture
def ledger(simulated_file: Callable, ledger_of: Callable[..., list[Row]]) -> Callable[..., Any]:
    """A simulated tube's panel and what it lacks -> tube, strategy, ledger with wide uncertainties."""

    def make(panel: str, *without: str) -> tuple[Tube, Strategy, list[Row]]:
        made = simulated_file(panel)
        tube = lacking(made.tube, *without)
        return tube, made.strategy, widened(ledger_of(tube, made.strategy))

    return make


@pytest.mark.parametrize(
    ("panel", "without", "n_limits"),
    [("treg", (), 10), ("nk", (), 7), ("nk", ("FSC-H", "dump"), 6), ("treg", ("viability",), 9)],
)
def test_every_count_of_a_file(ledger: Callable, panel: str, without: tuple[str, ...], n_limits: int) -> None:
    """Without a height, singlets are gated on width: a threshold in linear units."""
    tube, strategy, gates = ledger(panel, *without)
    found = gated(tube, strategy, gates)
    limits = with_limits(gates, strategy)
    print([(row["population"], row["marker"], round(row["uncertainty"], 4)) for row in limits])
    assert len(limits) == n_limits
    n = assert_all_are_recounted(found.moved, gates, strategy, lambda rows: counts(gated(tube, strategy, rows)))
    print(f"{len(found.moved)} rows, {n} counts other than at the gate's own place")
    assert n > 3 * len(found.moved)
    assert all(set(row) == set(MOVED_COUNTS.columns) - {"sample_id", "panel"} for row in found.moved)


@pytest.mark.parametrize(
    ("panel", "population", "marker", "by"), [("treg", "treg", "CD25", -3), ("nk", "cd3", "CD3", 2)]
)
def test_flowkit_counts_a_moved_gate_so_too(
    ledger: Callable, panel: str, population: str, marker: str, by: int
) -> None:
    tube, strategy, gates = ledger(panel)
    (limit,) = [row for row in gates if (row["population"], row["marker"]) == (population, marker)]
    flowkit = counts(gate_whole(tube, strategy, moved(gates, strategy, limit, by)))
    rows = [row for row in gated(tube, strategy, gates).moved if row["population"] == population]
    told = {row["counted"]: row[MOVES[by]] for row in rows if row["marker"] == marker}
    print(f"{marker} of {population} moved by {by}: {told}")
    assert told == {name: flowkit[name] for name in told} and population in told


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_the_counts_themselves_owe_nothing_to_the_moved_ones(ledger: Callable, panel: str) -> None:
    tube, strategy, gates = ledger(panel)
    bare = [{**row, "uncertainty": None} for row in gates]
    with_rows, without = gated(tube, strategy, gates), gated(tube, strategy, bare)
    assert with_rows.populations == without.populations
    for ours, theirs in zip(with_rows.grids, without.grids, strict=True):
        assert np.array_equal(ours.inside, theirs.inside) and np.array_equal(ours.parent, theirs.parent)
    assert without.moved == () and len(with_rows.moved) > 20


def test_no_uncertainty_no_rows(ledger: Callable) -> None:
    """None and nought; the others' rows stay."""
    tube, strategy, gates = ledger("nk")
    whole = gated(tube, strategy, gates).moved
    for nothing in (None, 0.0):
        some = [{**row, "uncertainty": nothing} if row["population"] == "cd3" else row for row in gates]
        rest = gated(tube, strategy, some).moved
        assert rest == tuple(row for row in whole if row["population"] != "cd3") and len(rest) < len(whole)


def test_the_order_of_the_ledgers_rows_is_of_no_matter(ledger: Callable) -> None:
    tube, strategy, gates = ledger("treg")

    def told(rows: list[Row]) -> set[tuple[Any, ...]]:
        return {tuple(row.values()) for row in gated(tube, strategy, rows).moved}

    assert told(gates) == told(gates[::-1])


def test_a_mistake_costs_no_count(ledger: Callable, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    tube, strategy, gates = ledger("nk")
    before = gated(tube, strategy, gates)
    monkeypatch.setattr(gated_file, "MovedLimits", fail)
    after = gated(tube, strategy, gates)
    assert (after.populations, after.moved) == (before.populations, ())
    assert "no counts at moved limits" in caplog.text


@pytest.mark.parametrize("huge", [0.34, 5.0, math.inf, math.nan])
def test_an_absurd_uncertainty_costs_no_count(ledger: Callable, huge: float) -> None:
    """A cluster smaller by more than it is large, a threshold nowhere on the scale."""
    tube, strategy, gates = ledger("treg")
    absurd = [{**row, "uncertainty": row["uncertainty"] and huge} for row in gates]
    assert gated(tube, strategy, absurd).populations == gated(tube, strategy, gates).populations


# Small trees of every shape, by chance.

AXES = {
    "FSC-A": Axis("FSC-A", "A", 0, 262144.0),
    "SSC-A": Axis("SSC-A", "B", 1, 262144.0),
    **{
        f"CD{number}": Axis(f"CD{number}", f"D{number}", 1 + number, 262144.0, "logicle", 1.0, 4.5, 0.0)
        for number in (1, 2, 3)
    },
}
NAMES = tuple(axis.channel for axis in AXES.values())
MARKERS = {"scatter_cluster": ("FSC-A", "SSC-A"), "singlet_band": ("FSC-A", "SSC-A"), "corner": ("SSC-A", "CD1")}


def random_file(rng: np.random.Generator, n: int = 1_500) -> EventsInMemory:
    scatter = 10.0 ** rng.normal(4.5, 0.25, (n, 2))
    dyes = 10.0 ** rng.normal(3.0, 0.7, (n, 3)) - rng.normal(100.0, 80.0, (n, 3))
    return EventsInMemory(np.column_stack([scatter, dyes]))


def random_shape(rng: np.random.Generator, method: str) -> list[list[float]]:
    if method == "corner":
        x, y = 10.0 ** rng.normal([4.6, 3.2], 0.2)
        return [[-3e5, -3e5], [3e6, -3e5], [3e6, y], [x, y], [x, 3e6], [-3e5, 3e6]]
    if method == "singlet_band":
        heights, ratio = np.linspace(0.0, 3e5, 9), rng.uniform(1.0, 1.6)
        return [*([ratio * one, one] for one in heights.tolist()), [0.0, 3e5]]
    angles = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    rim = np.column_stack([np.cos(angles), np.sin(angles)]) @ rng.normal(0.0, 0.25, (2, 2))
    return (10.0 ** (rng.normal(4.5, 0.1, 2) + rim)).tolist()


def random_gate(rng: np.random.Generator, rule: Rule) -> list[Row]:
    """Its rows of the ledger: a shape, or one limit of each marker."""
    if rule.method in SHAPED:
        bound = {"bound": "shape", "threshold": None, "coordinates": json.dumps(random_shape(rng, rule.method))}
        uncertainty = rng.choice([None, 0.0, 0.02, 0.08])
        return [{"population": rule.id, "marker": ":".join(rule.markers), **bound, "uncertainty": uncertainty}]
    return [
        {
            "population": rule.id,
            "marker": marker,
            "bound": str(rng.choice(["min", "max"])),
            "threshold": float(rng.normal(0.5, 0.08)),
            "coordinates": None,
            "uncertainty": rng.choice([None, 0.0, 0.01, 0.05]),
        }
        for marker in rule.markers
    ]


def random_strategy(rng: np.random.Generator) -> tuple[Strategy, list[Row]]:
    """Eight populations anywhere in the tree, opposites of some of them; some without a gate of their own."""
    rules: list[Rule] = []
    gates: list[Row] = []
    for number in range(8):
        method = str(rng.choice(["valley", "valley", "quadrant", *SHAPED]))
        markers = MARKERS.get(method) or tuple(rng.permutation(["CD1", "CD2", "CD3"]))[: 1 + (method == "quadrant")]
        parent = str(rng.choice([ROOT, *(rule.id for rule in rules)]))
        step = str(rng.choice(["lineage", "quality"]))
        rules.append(Rule(f"p{number}", parent, markers, method, METHODS[method](), "none", None, step))
        own = random_gate(rng, rules[-1]) if rng.random() < 0.9 else []
        gates += own
        if method == "valley" and own and rng.random() < 0.6:
            args = METHODS["opposite"](of=f"p{number}")
            rules.append(Rule(f"o{number}", parent, markers, "opposite", args, "none", None, "lineage"))
            flipped = {"min": "max", "max": "min"}[own[0]["bound"]]
            gates.append({**own[0], "population": f"o{number}", "bound": flipped})
    return Strategy("s", None, tuple(rules)), gates  # type: ignore[arg-type]


def recounted(events: EventsInMemory, strategy: Strategy, gates: list[Row]) -> dict[str, int]:
    (found,) = gate_events(events, NAMES, ledger_tree(strategy, gates, AXES, None)).counts
    return {key[-1]: n for key, n in found.items()}


def moved_rows(events: EventsInMemory, strategy: Strategy, gates: list[Row]) -> list[Row]:
    limits = MovedLimits(strategy, ledger_tree(strategy, gates, AXES, None), gates, AXES)
    (found,) = gate_events(events, NAMES, limits.tree, rows=400).counts
    return list(limits.rows(found))


@pytest.mark.parametrize("seed", range(25))
def test_any_tree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    events, (strategy, gates) = random_file(rng), random_strategy(rng)
    rows = moved_rows(events, strategy, gates)
    n = assert_all_are_recounted(rows, gates, strategy, lambda changed: recounted(events, strategy, changed))
    print(f"{len(gates)} rows of the ledger, {len(rows)} rows of moved counts, {n} counts changed")


def test_trees_by_chance_have_limits_that_matter() -> None:
    """Of most seeds; and opposites with populations below them among them."""
    n_changed, below_opposites = 0, 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        events, (strategy, gates) = random_file(rng), random_strategy(rng)
        for row in moved_rows(events, strategy, gates):
            n_changed += row["plus_3"] != row["n_events"] or row["minus_3"] != row["n_events"]
            below_opposites += "o" in {above[0] for above in strategy.ancestors(row["counted"])}
    print(f"{n_changed} rows with a count that changes, {below_opposites} of populations below an opposite")
    assert n_changed > 150 and below_opposites > 20


def test_two_limits_of_one_marker() -> None:
    """A population between two thresholds: what lies beyond the other one is not counted with it."""
    events = random_file(np.random.default_rng(1))
    rule = Rule("dim", ROOT, ("CD1",), "valley", METHODS["valley"](), "none", None, "lineage")
    common = {"population": "dim", "marker": "CD1", "coordinates": None, "uncertainty": 0.04}
    gates = [{**common, "bound": "min", "threshold": 0.50}, {**common, "bound": "max", "threshold": 0.58}]
    strategy = Strategy("s", None, (rule,))  # type: ignore[arg-type]
    rows = moved_rows(events, strategy, gates)
    assert len(rows) == 2
    assert_all_are_recounted(rows, gates, strategy, lambda changed: recounted(events, strategy, changed))
