"""GatingML 2.0's compliance set: the engine's membership is FlowKit's, gate for gate and event for event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flowkit as fk
import pytest

from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.engine.from_flowkit import Channels, gate_tree
from cytotrial.gating.engine.run import gate_events
from cytotrial.gating.gate_tree import GateTree

REFUSED = "gml_range_gate_attr_testing.xml"  # breaks the schema on purpose
# All that the engine leaves to FlowKit: gates on a ratio of two channels.
RATIOS = {"RatRange1", "RatRange1a", "RatRange2"}


@pytest.fixture(scope="module")
def compliance(shared: Callable[[str], Path]) -> Path:
    """GatingML 2.0's compliance set."""
    return shared("data/flowkit/gate_ref")


@pytest.fixture(scope="module")
def sample(compliance: Path) -> fk.Sample:
    """Its events, as FlowKit reads them."""
    return fk.Sample(compliance / "data1.fcs", sample_id="data1")


def compiled(strategy: fk.GatingStrategy, sample: fk.Sample) -> tuple[GateTree, set[str]]:
    """The strategy without those gates that the engine leaves to FlowKit, and their names."""
    left: set[str] = set()
    while True:
        try:
            return gate_tree(strategy, Channels.of(sample)), left
        except UncompilableError as error:
            name = str(error).split()[0]
            assert name not in left, error
            strategy.remove_gate(name)
            left.add(name)


def test_every_gate_event_for_event(compliance: Path, sample: fk.Sample) -> None:
    raw = sample.get_events("raw")
    total, left, names, kinds = 0, set(), set(), set()
    for gml in sorted((compliance / "gml").glob("*.xml")):
        if gml.name == REFUSED:
            continue
        theirs = fk.parse_gating_xml(gml).gate_sample(sample)
        tree, here = compiled(fk.parse_gating_xml(gml), sample)
        ours = gate_events(EventsInMemory(raw), sample.pnn_labels, tree, membership=True, rows=1000)
        wrong = {
            "/".join(key): int((inside != theirs.get_gate_membership(key[-1], ("root", *key[:-1]))).sum())
            for key, inside in ours.membership.items()
        }
        assert wrong == dict.fromkeys(wrong, 0), gml.name
        assert ours.counts[0] == {key: int(inside.sum()) for key, inside in ours.membership.items()}
        print(f"{gml.name:50} {len(wrong):2} gates compiled, {len(here)} left to FlowKit, {len(raw)} events each")
        total += len(wrong)
        left |= here
        names |= {key[-1] for key in ours.membership}
        kinds |= {type(gate.shape).__name__ for gate in tree.gates}
    print(f"{total} gates, {total * len(raw)} memberships, none different; left to FlowKit: {sorted(left)}")
    assert left == RATIOS
    assert kinds == {"Rectangle", "Polygon", "Ellipsoid", "Combination"}
    # Every truth of the set is of a gate that was compiled, but for the ratios (and one that has another name).
    truths = {path.stem.removeprefix("Results_") for path in (compliance / "truth").glob("*.txt")}
    assert truths - names == RATIOS | {"ParQuadRect"}
