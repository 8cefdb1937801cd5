"""A file's events as gates see them: linear, compensated, one contiguous column at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from cytotrial.cytometry.compensation import Spillover
from cytotrial.cytometry.event_blocks import Events

# Gates are placed on at most so many events of a file, evenly spread over it: a threshold read from more is no better
# known (what differs between tubes is a hundred times larger), and memory must not grow with the file.
MOST_SEEN = 2**17
ROWS = 4096  # a block and what is made of it stay in a core's cache
# Numbers multiplied in one product: so few that a linear algebra library does it in one thread, and the last digits
# are the same whatever the cores.
LARGEST_PRODUCT = 2**17


class LinearEvents:
    """Columns of events, made when first asked for.

    Parameters
    ----------
    stored : Events
        Linear and uncompensated, in blocks.
    spillover : Spillover or None
        Undone in its detectors.
    names : sequence of str
        ``$PnN`` of every channel; only looked at where there is a `spillover`.
    used : sequence of int
        Channels that will be asked for: made together, any other by itself.
    rows : ndarray of int, shape (n_events,), optional
        Which of the stored events, ascending; all where it is not given.
    """

    def __init__(
        self,
        stored: Events,
        spillover: Spillover | None = None,
        names: Sequence[str] = (),
        *,
        used: Sequence[int] = (),
        rows: np.ndarray | None = None,
    ) -> None:
        self._stored, self._rows = stored, rows
        self._spillover, self._names, self._used = spillover, tuple(names), tuple(dict.fromkeys(used))
        self._columns: dict[int, np.ndarray] = {}
        self._finite = True

    def __len__(self) -> int:
        return self._stored.n_events if self._rows is None else len(self._rows)

    def column(self, index: int) -> np.ndarray:
        """One channel's values, linear and compensated: shape (n_events,), contiguous, not to be written to."""
        if index not in self._columns:
            self._make(self._used if index in self._used else (index,))
        return self._columns[index]

    @property
    def finite(self) -> bool:
        """Whether the `used` channels, and what compensation takes into them, are numbers in every stored event."""
        for index in self._used:
            self.column(index)
        return self._finite

    @property
    def seen(self) -> LinearEvents:
        """These events, or `MOST_SEEN` of them, evenly spread from the first to the last."""
        # Not cached: events that hold themselves stay in memory until the garbage collector looks for circles.
        return self if len(self) <= MOST_SEEN else self._spread

    @cached_property
    def _spread(self) -> LinearEvents:
        rows = np.linspace(0, len(self) - 1, MOST_SEEN).astype(np.intp)
        return LinearEvents(self._stored, self._spillover, self._names, used=self._used, rows=rows)

    def _make(self, wanted: tuple[int, ...]) -> None:
        """Columns `wanted`, and whether what they are made of is finite: one walk over the stored events."""
        weights, sources = self._weights(wanted)
        made, finite, done = np.empty((len(wanted), len(self))), True, 0
        rows = max(1, LARGEST_PRODUCT // weights.size)
        with np.errstate(all="ignore"):
            for measured, chosen in self._measured(sources):
                finite = finite and bool(np.isfinite(measured.sum()) or np.isfinite(measured).all())
                part = measured if chosen is None else measured[:, chosen]
                for start in range(0, part.shape[1], rows):
                    some = part[:, start : start + rows]
                    made[:, done : done + some.shape[1]] = weights @ some
                    done += some.shape[1]
        made.flags.writeable = False
        self._columns |= dict(zip(wanted, made, strict=True))
        self._finite = finite if wanted == self._used else self._finite

    def _measured(self, channels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Block by block some channels, shape (len(channels), rows), and which of these rows are asked for."""
        space = np.empty((len(channels), ROWS))
        start = 0
        for block in self._stored.blocks(ROWS):
            measured = space[:, : len(block)]
            for values, channel in zip(measured, channels, strict=True):
                self._stored.linear(block, channel, out=values)
            chosen = None
            if self._rows is not None:
                first, last = np.searchsorted(self._rows, (start, start + len(block)))
                chosen = self._rows[first:last] - start
            yield measured, chosen
            start += len(block)

    def _weights(self, wanted: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """How much of each measured channel each wanted column takes, shape (len(wanted), n), and these n channels.

        Of a matrix' detectors all or none: one that holds no number spoils all others, as where they are solved for.
        What nobody asks for may hold anything.
        """
        everything, sources = np.eye(self._stored.n_channels), set(wanted)
        if self._spillover is not None:
            detectors = [self._names.index(name) for name in self._spillover.detectors]
            everything[np.ix_(detectors, detectors)] = np.linalg.inv(self._spillover.matrix).T
            sources |= set(detectors) if sources & set(detectors) else set()
        channels = np.array(sorted(sources))
        return np.ascontiguousarray(everything[list(wanted)][:, channels]), channels
