"""Builders that tests of several rooms share: FCS files byte by byte, tubes in memory, simulated tubes with truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.cytometry.fcs import Channel, FcsFile
from cytotrial.cytometry.linear_events import LinearEvents
from cytotrial.cytometry.panel import MarkerRule, Panel, load_panel
from cytotrial.cytometry.scale import Scale
from cytotrial.cytometry.tube import LINEAR_MARKERS, Tube, open_tube, tube_of
from cytotrial.gating.parent_events import ParentEvents
from cytotrial.gating.placing import Placed, members, place_gates
from cytotrial.gating.strategy import Strategy
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.simulate import tube as simulated
from cytotrial.simulate.fcs.keywords import Specimen, fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.parameters import tube_parameters

CHECKOUT = Path(__file__).resolve().parents[2]
TOP = 262144.0
TEXT_START = 256
DTYPES = {"F": "f4", "D": "f8", "I": "u2"}


def fcs_bytes(
    events: np.ndarray,
    names: Sequence[str],
    *,
    keywords: Mapping[str, str | None] | None = None,
    version: str = "3.1",
    datatype: str = "F",
    little_endian: bool = True,
    end_shift: int = 0,
    header_data_start_shift: int = 0,
) -> bytes:
    """An FCS file of its own making (no line of the package's writer): any keyword can be changed, None removes it.

    `end_shift` moves the data segment's last byte in header and text; `header_data_start_shift` its first byte in the
    header alone.
    """
    data = np.asarray(events).astype(("<" if little_endian else ">") + DTYPES[datatype]).tobytes()
    bits = str(8 * np.dtype(DTYPES[datatype]).itemsize)
    text = {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$NEXTDATA": "0",
        "$MODE": "L",
        "$DATATYPE": datatype,
        "$BYTEORD": "1,2,3,4" if little_endian else "4,3,2,1",
        "$PAR": str(len(names)),
        "$TOT": str(len(events)),
    }
    for number, name in enumerate(names, start=1):
        text |= {f"$P{number}N": name, f"$P{number}B": bits, f"$P{number}E": "0,0", f"$P{number}R": "262144"}
    text |= keywords or {}
    # Offsets as 12 digits: their length, and so the text's, is known beforehand.
    kept = {key: value for key, value in text.items() if value is not None}
    body = "|".join(part for pair in kept.items() for part in pair)
    length = len(f"|{body}|$BEGINDATA|{0:012}|$ENDDATA|{0:012}|".encode())
    start = TEXT_START + length
    end = start + len(data) - 1 + end_shift if data else 0
    written = f"|{body}|$BEGINDATA|{start:012}|$ENDDATA|{end:012}|".encode()
    offsets = (TEXT_START, TEXT_START + length - 1, start + header_data_start_shift, end, 0, 0)
    header = f"FCS{version}    " + "".join(f"{offset:>8}" for offset in offsets)
    return header.encode().ljust(TEXT_START) + written + data + b"\x00" * max(end_shift, 0)


@pytest.fixture
def make_fcs(tmp_path: Path) -> Callable[..., Path]:
    """`fcs_bytes` written to a file: ``make_fcs(events, names, name="x.fcs", ...) -> path``."""

    def make(events: np.ndarray, names: Sequence[str], *, name: str = "made.fcs", **options: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(fcs_bytes(events, names, **options))
        return path

    return make


def tube_with(columns: Mapping[str, np.ndarray], *, scale: Scale | None = None, top: float = TOP) -> Tube:
    """A tube in memory: marker -> linear values; markers with a scatter's or time's name are linear, others logicle."""
    scale = scale or Scale()
    axes = {}
    for index, marker in enumerate(columns):
        if marker in LINEAR_MARKERS:
            axes[marker] = Axis(marker, marker, index, top)
        else:
            width = scale.w if scale.method == "logicle" else 0.0
            axes[marker] = Axis(marker, f"{marker} detector-A", index, top, scale.method, width, scale.m, scale.a)
    events = np.column_stack([np.asarray(values, dtype=float) for values in columns.values()])
    return Tube("made", None, axes, None, LinearEvents(EventsInMemory(events), used=range(len(axes))))  # type: ignore[arg-type]


@pytest.fixture
def make_tube() -> Callable[..., Tube]:
    """`tube_with`."""
    return tube_with


@pytest.fixture
def parent_events() -> Callable[..., ParentEvents]:
    """Columns and markers -> all events of such a tube, as a gate method sees them."""

    def make(columns: Mapping[str, np.ndarray], markers: Sequence[str], **options: Any) -> ParentEvents:
        tube = tube_with(columns, **options)
        return ParentEvents(tube, np.ones(len(tube.events), dtype=bool), markers)

    return make


@dataclass(frozen=True)
class Simulated:
    """A simulated tube with its truth, ready for gating."""

    truth: simulated.Tube
    tube: Tube
    strategy: Strategy

    def placed(self) -> list[Placed]:
        """Where the gates belong."""
        return place_gates(self.tube, self.strategy)

    def inside(self) -> dict[str, np.ndarray]:
        """Membership of every population, by the events' linear values: no FlowKit."""
        found = {"root": np.ones(len(self.tube.events), dtype=bool)}
        for one in self.placed():
            parent = found[one.rule.parent]
            found[one.rule.id] = parent & members(self.tube, one.landmark.bounds) if one.landmark.found else parent
        return found

    def error(self, subset: str, denominator: str) -> float:
        """Relative error of a percentage, in percent of the true one."""
        inside = self.inside()
        got = inside[subset].sum() / inside[denominator].sum()
        true = self.truth.count(subset) / self.truth.count(denominator)
        return 100.0 * (got / true - 1.0)


@cache
def strategy_of(panel: str) -> Strategy:
    """The bundled strategy."""
    return load_strategy(CHECKOUT / f"config/gating/{panel}.yaml")


def panel_of(panel: str, *, dump: bool) -> Panel:
    """The demonstration's panel; with `dump` its CD14 and CD19 are mapped, whatever the demonstration says."""
    found = load_panel(CHECKOUT / f"config/panels/{panel}.yaml")
    mapped = {"dump": MarkerRule("PerCP-Cy5-5-A", None, True)} if dump and panel == "nk" else {}
    return replace(found, markers={**found.markers, **mapped})


def simulate(
    parameters: simulated.TubeParameters, *, seed: int, factor: float = 1.0, top: float = TOP, dump: bool = False
) -> Simulated:
    """One simulated tube in memory: the events as FlowIO would hand them, Time in seconds.

    `factor` multiplies every value but Time, as on an instrument with that `top`; `dump` as in `panel_of`.
    """
    truth = simulated.simulate_tube(parameters, seed=seed)
    events = truth.events.astype(float)
    time = truth.channels.index("Time")
    events *= np.where(np.arange(len(truth.channels)) == time, parameters.timestep, factor)
    names = enumerate(truth.channels)
    channels = tuple(Channel(index, name, truth.markers.get(name, ""), top) for index, name in names)
    spillover = Spillover(truth.detectors, truth.spillover, "SPILL")
    file = FcsFile("", "FCS3.0", channels, spillover, None, None, None, (), EventsInMemory(events))
    strategy = strategy_of(parameters.panel)
    panel = panel_of(parameters.panel, dump=dump)
    return Simulated(truth, tube_of(file, panel, strategy.scale, sample_id="simulated", shown="x.fcs"), strategy)


@pytest.fixture(scope="session")
def simulate_in_memory() -> Callable[..., Simulated]:
    """`simulate`."""
    return simulate


@pytest.fixture(scope="session")
def simulated_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Simulated]:
    """A simulated tube, its dump mapped, written as FCS and read back for FlowKit; one per panel and size."""

    @cache
    def make(panel: str, n_events: int = 15_000) -> Simulated:
        parameters = tube_parameters(panel)
        parameters = simulated.TubeParameters(**{**vars(parameters), "n_events": n_events})
        truth = simulated.simulate_tube(parameters, seed=1)
        path = tmp_path_factory.mktemp("simulated") / f"{panel}.fcs"
        about = Specimen(path.name, "S1", "T", "E", datetime(2020, 1, 1), "test")
        write_fcs(path, truth.events, keywords=fcs_keywords(truth, parameters, specimen=about))
        strategy = strategy_of(panel)
        return Simulated(truth, open_tube(path, panel_of(panel, dump=True), strategy.scale, sample_id=panel), strategy)

    return make
