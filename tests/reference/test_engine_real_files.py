"""Every readable real file beside the checkout: random strategies, the engine's membership against FlowKit's."""

from __future__ import annotations

import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import flowio
import flowkit as fk
import numpy as np
import pytest

from cytotrial.cytometry.event_blocks import Events

# FlowKit transforms and compensates a whole file for every gate: more events would take minutes.
MOST_EVENTS = 30_000
GATES = {"rectangle": 6, "polygon": 6, "boolean": 6, "ellipsoid": 2, "quadrant": 3}
LEAST_FILES = 38
TOLERANT = {"ignore_offset_error": True, "ignore_offset_discrepancy": True}
UNREADABLE = {
    "Cytek_xP5.fcs": "24 bits",
    "Guava Muse.fcs": "several data sets",
    "coulter.lmd": "several data sets",
    "corrupted.fcs": "no FCS file",
    "sample_header.fcs": "a header only",
    "fake_large_fcs.fcs": "no events",
}


class Stored(Events):
    """Events as many files hold them, in float32: linear as they are where nothing is lost, else made linear."""

    dtype = np.dtype(np.float32)

    def __init__(self, linear: np.ndarray) -> None:
        self._linear, self._start = linear, 0
        with np.errstate(over="ignore"):
            self._single = linear.astype(np.float32)
        self.identical = [
            bool(np.array_equal(*pair, equal_nan=True)) for pair in zip(self._single.T, linear.T, strict=True)
        ]
        self.n_events, self.n_channels = linear.shape

    def block(self, start: int, stop: int) -> np.ndarray:
        self._start = start
        return self._single[start:stop]

    def linear(self, block: np.ndarray, column: int, out: np.ndarray | None = None) -> np.ndarray:
        out = np.empty(len(block)) if out is None else out
        out[:] = self._linear[self._start : self._start + len(block), column]
        return out

    def is_identity(self, column: int) -> bool:
        return self.identical[column]


@pytest.fixture(scope="module")
def files(shared: Callable[[str], Path]) -> list[Path]:
    """All real files, in a fixed order."""
    found = shared("data").rglob("*")
    return sorted(path for path in found if path.suffix.lower() in (".fcs", ".lmd"))


def opened(path: Path) -> fk.Sample | None:
    """FlowKit's own reading, the first events of it; None where it cannot read the file."""
    try:
        sample = fk.Sample(flowio_data(path), sample_id="sample")
    except Exception as error:  # noqa: BLE001 - readers fail in every way
        assert path.name in UNREADABLE, f"{path.name}: {error}"
        return None
    sample._raw_events = np.ascontiguousarray(sample.get_events("raw")[:MOST_EVENTS])
    sample.event_count = len(sample._raw_events)
    return sample


def flowio_data(path: Path) -> flowio.FlowData:
    """The file with what keeps FlowKit from its matrix or its time put aside."""
    file = flowio.FlowData(path, **TOLERANT)
    cells = [one.strip() for one in file.text.get("spillover", file.text.get("spill", "")).split(",")]
    if set(cells) & set(file.pnn_labels):  # FlowKit wants detectors that a matrix does not name to be called null
        unnamed = [file.pnn_labels[index] for index in file.fluoro_indices if file.pnn_labels[index] not in cells]
        file = flowio.FlowData(path, null_channel_list=unnamed, **TOLERANT)
    if "xxx" in file.text.get("timestep", ""):  # an anonymised number: time stays in ticks
        del file.text["timestep"]
    return file


def own_matrix(sample: fk.Sample) -> list[str]:
    """A reference to the file's own spillover, where FlowKit can use that."""
    meta = sample.get_metadata()
    text = meta.get("spillover", meta.get("spill"))
    names = [sample.pnn_labels[index] for index in sample.fluoro_indices]
    try:
        matrix = None if text is None else fk.Matrix(text, names, null_channels=sample.null_channels)
    except (ValueError, IndexError):
        return []
    return [] if matrix is None or not matrix.matrix.size else ["FCS"]


def filled_maker(random_gates: ModuleType, path: Path, sample: fk.Sample, *, is_plain: bool) -> Any:
    """A strategy of the file's own: a `random_gates.StrategyMaker`, always the same."""
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    detectors = [sample.pnn_labels[index] for index in sample.fluoro_indices]
    matrix = random_gates.random_matrix(rng, detectors, len(detectors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maker = random_gates.StrategyMaker(rng, sample, matrix=matrix, references=own_matrix(sample), is_plain=is_plain)
        for kind in rng.permutation([kind for kind, count in GATES.items() for _ in range(count)]):
            maker.add(str(kind))
    return maker


@pytest.mark.parametrize("is_plain", [False, True], ids=["edges_on_events", "edges_between_events"])
def test_random_strategies_on_real_files(is_plain: bool, files: list[Path], random_gates: ModuleType) -> None:
    total: Counter[str] = Counter()
    for path in files:
        sample = opened(path)
        if sample is None:
            total["unreadable"] += 1
            continue
        maker = filled_maker(random_gates, path, sample, is_plain=is_plain)
        raw = sample.get_events("raw")
        stored = Stored(raw)
        found = {
            form: random_gates.compare(maker.strategy, sample, events)
            for form, events in (("float64", raw), ("as stored", stored))
        }
        for form, one in found.items():
            assert (one.wrong, one.left) == ({}, ""), f"{path.name}, {form}"
        total.update(files=1, gates=one.n_gates, memberships=2 * one.n_gates * len(raw), quick=not one.is_exact)
        total.update(own="FCS" in maker.references, single=all(stored.identical))
        print(f"{path.name:60} {len(raw):6} events, {one.n_gates:3} gates, {'exact' if one.is_exact else 'quick'}")
    print(dict(total))
    assert total["files"] >= LEAST_FILES and total["gates"] > 15 * total["files"]
    # All ways were gone: FlowKit's own digits or ours, the file's matrix, events that are float32 throughout.
    assert (total["quick"] >= 20) == is_plain
    assert total["own"] >= 10 and total["single"] >= 10
