"""Frames of events in memory, as tests of the engine's parts need them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.gating.engine.compensation import FlowKitCompensation, QuickCompensation
from cytotrial.gating.engine.frames import Block, Frame


@pytest.fixture
def names() -> tuple[str, ...]:
    """``$PnN`` of five channels; the last three are detectors."""
    return ("FSC-A", "Time", "A", "B", "C")


@pytest.fixture
def spillover() -> Spillover:
    """Of the three detectors, not in the file's order."""
    matrix = np.array([[1.0, 0.13, 0.07], [0.051, 1.0, 0.2], [0.03, 0.11, 1.0]])
    return Spillover(("C", "A", "B"), matrix, "test")


@pytest.fixture
def frame_of(names: tuple[str, ...]) -> Callable[..., Frame]:
    """All of some events as one block's frame."""

    def make(
        events: np.ndarray,
        matrices: Mapping[str, Spillover] | None = None,
        *,
        exact: bool = False,
        wanted: Mapping[str, Sequence[int]] | None = None,
    ) -> Frame:
        stored = EventsInMemory(events)
        if exact:
            compensation = FlowKitCompensation(matrices or {}, names, events.astype(np.float64))
        else:
            compensation = QuickCompensation(matrices or {}, names)
        block = Block(stored, compensation, 0, stored.block(0, len(events)))
        return Frame(block, wanted={name: tuple(columns) for name, columns in (wanted or {}).items()})

    return make
