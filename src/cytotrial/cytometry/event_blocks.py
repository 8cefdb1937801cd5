"""The events of one FCS file in blocks of rows, so that memory does not grow with the file.

The values are FlowIO's own (`FlowData.as_array(preprocess=True)`), bit for bit; only how they are fetched differs.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.data_segment import DataSegment, find_data_segment
from cytotrial.cytometry.heap import keep_freed_memory
from cytotrial.cytometry.text_segment import (
    OFF_BY_ONE,
    Channel,
    TextSegment,
    UnreadableFcsError,
    one_line,
    read_text,
    read_with_flowio,
    settle,
)

BLOCK_BYTES = 2**19  # a block and what is made of it stay in a core's cache


@dataclass(frozen=True)
class Scaling:
    """How FlowIO makes linear values of one channel's stored ones; None where it leaves them.

    Attributes
    ----------
    step : float or None
        $TIMESTEP, of the time channel.
    log : tuple of float or None
        Decades, the value at zero, and $PnR, of log-amplified channels ($PnE).
    gain : float or None
        $PnG.
    """

    step: float | None = None
    log: tuple[float, float, float] | None = None
    gain: float | None = None

    @property
    def is_identity(self) -> bool:
        """Whether stored values are linear values."""
        return self == Scaling()

    def apply(self, values: np.ndarray) -> None:
        """Stored to linear, in place: FlowIO's operations on doubles, in FlowIO's order."""
        if self.step is not None:
            values *= self.step
        if self.log is not None:
            decades, log_zero, top = self.log
            values[:] = 10 ** (decades * values / top) * log_zero
        if self.gain is not None:
            values /= self.gain


class Events(ABC):
    """Events that are fetched in blocks of rows.

    Attributes
    ----------
    n_events, n_channels : int
    dtype : numpy.dtype
        Of the blocks: native byte order; float32, float64, or unsigned integers of 8, 16 or 32 bits.
    """

    n_events: int
    n_channels: int
    dtype: np.dtype

    @abstractmethod
    def block(self, start: int, stop: int) -> np.ndarray:
        """Events `start` to `stop`, shape (rows, n_channels), as stored; valid until the next call, which reuses it."""

    @abstractmethod
    def is_identity(self, column: int) -> bool:
        """Whether a column of a block holds linear values already."""

    @abstractmethod
    def linear(self, block: np.ndarray, column: int, out: np.ndarray | None = None) -> np.ndarray:
        """One column of a block in linear, uncompensated units.

        Parameters
        ----------
        block : ndarray, shape (rows, n_channels)
            As `block` gave it.
        out : ndarray of float64, shape (rows,), contiguous, optional
            Where to put it.

        Returns
        -------
        ndarray of float64, shape (rows,), contiguous
            Its own memory, or `out`.
        """

    @property
    def plain(self) -> bool:
        """Whether blocks are float32 and every column of them is linear."""
        return self.dtype == np.float32 and all(self.is_identity(column) for column in range(self.n_channels))

    def blocks(self, rows: int | None = None) -> Iterator[np.ndarray]:
        """Consecutive blocks of `rows` events, the last one shorter; each valid until the next is asked for."""
        rows = rows or max(1, BLOCK_BYTES // (self.dtype.itemsize * self.n_channels))
        for start in range(0, self.n_events, rows):
            yield self.block(start, min(start + rows, self.n_events))

    def columns(self, indices: Sequence[int]) -> np.ndarray:
        """Several channels whole, linear and uncompensated.

        Returns
        -------
        ndarray of float64, shape (len(indices), n_events)
            A new array; each channel is contiguous.
        """
        found = np.empty((len(indices), self.n_events))
        start = 0
        for block in self.blocks():
            stop = start + len(block)
            for row, column in enumerate(indices):
                self.linear(block, column, out=found[row, start:stop])
            start = stop
        return found

    def column(self, index: int) -> np.ndarray:
        """One channel whole, linear and uncompensated: a new array of float64, shape (n_events,)."""
        return self.columns([index])[0]

    def array(self) -> np.ndarray:
        """All events, linear and uncompensated: a new array of float64, shape (n_events, n_channels)."""
        found = np.empty((self.n_events, self.n_channels))
        scaled = [column for column in range(self.n_channels) if not self.is_identity(column)]
        start = 0
        for block in self.blocks():
            stop = start + len(block)
            found[start:stop] = block
            for column in scaled:
                found[start:stop, column] = self.linear(block, column)
            start = stop
        return found


class EventsInMemory(Events):
    """Linear events that are in memory already, shape (n_events, n_channels); float32 stay such."""

    def __init__(self, events: np.ndarray) -> None:
        events = np.asarray(events)
        self._events = events if events.dtype == np.float32 else events.astype(np.float64, copy=False)
        self.n_events, self.n_channels = self._events.shape
        self.dtype = self._events.dtype

    def block(self, start: int, stop: int) -> np.ndarray:
        """Events `start` to `stop`, a view."""
        return self._events[start:stop]

    def is_identity(self, column: int) -> bool:
        """Always: they are linear."""
        return True

    def linear(self, block: np.ndarray, column: int, out: np.ndarray | None = None) -> np.ndarray:
        """A copy of the column."""
        return _copied(block, column, out)


class EventFile(Events):
    """The events of an FCS file, fetched from its data segment block by block.

    Where the data segment is unusual (`streams` is False) FlowIO reads the file whole, and blocks are views of that.

    Attributes
    ----------
    text : TextSegment
        What the file says of itself.
    flags : tuple of str
        What had to be forgiven so that it could be read; `text.time_flag` is not among them.
    """

    def __init__(self, text: TextSegment, flags: Sequence[str], stored: DataSegment | EventsInMemory) -> None:
        self.text = text
        self.flags = tuple(flags)
        self.n_events, self.n_channels = stored.n_events, stored.n_channels
        self.dtype = stored.dtype
        self._stored = stored
        self._scalings = scalings_of(text.data) if self.streams else (Scaling(),) * self.n_channels
        self._identity = tuple(one.is_identity for one in self._scalings)

    @property
    def streams(self) -> bool:
        """Whether blocks come from the file; else FlowIO has read it whole."""
        return isinstance(self._stored, DataSegment)

    @property
    def names(self) -> tuple[str, ...]:
        """``$PnN`` in the file's order, stripped, as FlowKit sees them."""
        return self.text.names

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Names, labels and ranges."""
        return self.text.channels

    @property
    def spillover(self) -> Spillover | None:
        """The file's own matrix."""
        return self.text.spillover

    @property
    def spillover_problem(self) -> str | None:
        """Why what the file gives as its matrix cannot be used."""
        return self.text.spillover_problem

    def block(self, start: int, stop: int) -> np.ndarray:
        """Events `start` to `stop`, shape (rows, n_channels), as stored; valid until the next call, which reuses it.

        Raises
        ------
        OSError
            The file can no longer be read, or is shorter than it was.
        """
        return self._stored.block(start, stop)

    def is_identity(self, column: int) -> bool:
        """Whether a column of a block holds linear values already."""
        return self._identity[column]

    def linear(self, block: np.ndarray, column: int, out: np.ndarray | None = None) -> np.ndarray:
        """One column of a block in linear, uncompensated units; see `Events.linear`."""
        values = _copied(block, column, out)
        self._scalings[column].apply(values)
        return values


def _copied(block: np.ndarray, column: int, out: np.ndarray | None) -> np.ndarray:
    if out is None:
        return block[:, column].astype(np.float64)
    out[:] = block[:, column]
    return out


def open_events(path: Path) -> EventFile:
    """Read a file's header and text, and find its events.

    Raises
    ------
    UnreadableFcsError
        The file is missing, empty, broken or without events, or $TOT is not what the data segment holds.
    """
    keep_freed_memory()
    text = read_text(path)
    if text.n_events == 0:
        raise UnreadableFcsError("0 events")
    segment = find_data_segment(text)
    if segment is None:
        return _read_whole(text)
    return EventFile(text, (*text.flags, OFF_BY_ONE) if segment.off_by_one else text.flags, segment)


def scalings_of(data: Any) -> tuple[Scaling, ...]:
    """How each channel's stored values become linear, as `flowio.FlowData.as_array` has it, in the file's order."""
    found = []
    for number in sorted(data.channels):
        entry = data.channels[number]
        decades, log_zero = entry["pne"]
        step = float(data.text.get("timestep", 1.0)) if number - 1 == data.time_index else 1.0
        found.append(
            Scaling(
                step if step != 1.0 else None,
                (decades, log_zero, entry["pnr"]) if decades > 0 else None,
                entry["png"] if entry["png"] not in (0.0, 1.0) else None,
            )
        )
    return tuple(found)


def _read_whole(text: TextSegment) -> EventFile:
    data, flags = read_with_flowio(text.path, only_text=False)
    settle(data)
    if data.events is None:
        bits = sorted({str(value) for key, value in data.text.items() if re.fullmatch(r"p\d+b", key)})
        raise UnreadableFcsError(f"events in words of {', '.join(bits)} bits, which FlowIO does not read")
    try:
        events = data.as_array(preprocess=True)
    except ValueError as error:
        raise UnreadableFcsError(f"events: {one_line(error)}") from error
    if len(events) != text.n_events:
        raise UnreadableFcsError(f"$TOT says {text.n_events} events, the data segment holds {len(events)}")
    return EventFile(text, flags, EventsInMemory(events))
