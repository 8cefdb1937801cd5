"""FCS intake: one file, hashed, its header and text read with FlowIO, its events fetched when they are asked for.

That a second, independent reader agrees on header and text is `second_reader`'s business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import Events, open_events
from cytotrial.cytometry.text_segment import Channel, UnreadableFcsError, check_file, read_with_flowio, settle

__all__ = ["Channel", "FcsFile", "UnreadableFcsError", "read_fcs"]


@dataclass(frozen=True)
class FcsFile:
    """A file that can be read.

    Attributes
    ----------
    spillover, spillover_problem
        The file's own matrix, or why what it gives as one cannot be used; both None where it gives none.
    flags : tuple of str
        What was not as it should be, though the file can be used.
    stored : Events
        The events, linear and uncompensated, in blocks or whole.
    path : Path or None
        None where the events come from no file.
    """

    sha256: str
    version: str
    channels: tuple[Channel, ...]
    spillover: Spillover | None
    spillover_problem: str | None
    instrument: str | None
    acquired: str | None
    flags: tuple[str, ...]
    stored: Events = field(repr=False)
    path: Path | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """``$PnN`` in the file's order."""
        return tuple(channel.name for channel in self.channels)

    @property
    def n_events(self) -> int:
        """Events in the file: $TOT, which is what its data segment holds."""
        return self.stored.n_events

    @cached_property
    def events(self) -> np.ndarray:
        """All events, shape (n_events, n_channels): gain, log amplification and the time step are undone."""
        return self.stored.array()

    def column(self, index: int) -> np.ndarray:
        """One channel, linear and uncompensated: a new contiguous array of float64, shape (n_events,)."""
        return self.stored.column(index)

    @cached_property
    def data(self) -> Any:
        """FlowIO's own object, from which FlowKit makes its sample; the file is read again, whole.

        Raises
        ------
        UnreadableFcsError
            The file is no longer what it was, or the events come from none.
        """
        if self.path is None:
            raise UnreadableFcsError("events without a file")
        data, _ = read_with_flowio(self.path, only_text=False)
        settle(data)
        return data


def read_fcs(path: Path, *, header_flags: Sequence[str] = ()) -> FcsFile:
    """Read one FCS file: hashed whole, header and text read, the events found.

    Parameters
    ----------
    header_flags : sequence of str
        What the second reader had to say of header and text; goes among the file's flags.

    Raises
    ------
    UnreadableFcsError
        The file is missing, empty, broken, without events, or holds other than $TOT events.
    """
    sha256 = _sha256(path)
    found = open_events(path)
    text = found.text
    return FcsFile(
        sha256=sha256,
        version=text.version,
        channels=text.channels,
        spillover=text.spillover,
        spillover_problem=text.spillover_problem,
        instrument=text.instrument,
        acquired=text.acquired,
        flags=(*found.flags, *header_flags, *([text.time_flag] if text.time_flag else [])),
        stored=found,
        path=path,
    )


def _sha256(path: Path) -> str:
    check_file(path)
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFcsError(f"it cannot be opened: {error.strerror}") from error
