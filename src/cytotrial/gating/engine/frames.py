"""One population's events within a block: columns are fetched when a gate asks, from no more rows than needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from cytotrial.cytometry.event_blocks import Events
from cytotrial.gating.engine.bounds import LARGEST
from cytotrial.gating.engine.errors import AmbiguousEventError
from cytotrial.gating.gate_tree import Dimension

EPSILON = float(np.finfo(float).eps)


class Compensation(Protocol):
    """How a block's compensated columns are made: quickly, or with FlowKit's own arithmetic."""

    exact: bool

    def columns(self, block: Block, rows: np.ndarray | None, matrix: str, wanted: tuple[int, ...]) -> np.ndarray:
        """Compensated columns `wanted` of some rows (None: all), shape (len(wanted), n_rows), float64."""
        ...

    def margin(self, block: Block, matrix: str) -> float:
        """How far, in linear units, its values may be from FlowKit's."""
        ...


class Block:
    """Consecutive events of a file.

    Parameters
    ----------
    start : int
        Number of the first event.
    raw : ndarray, shape (n, n_channels)
        As stored.
    """

    def __init__(self, events: Events, compensation: Compensation, start: int, raw: np.ndarray) -> None:
        self.events, self.compensation, self.start, self.raw = events, compensation, start, raw
        self._largest: float | None = None
        self._margins: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self.raw)

    def column(self, index: int) -> np.ndarray:
        """Linear, uncompensated values, contiguous; float32 where the file has such and nothing is to be undone."""
        if self.raw.dtype == np.float32 and self.events.is_identity(index):
            return np.ascontiguousarray(self.raw[:, index])
        return self.events.linear(self.raw, index)

    def margin(self, matrix: str) -> float:
        """How far this block's compensated values may be from FlowKit's, in linear units."""
        if matrix not in self._margins:
            self._margins[matrix] = self.compensation.margin(self, matrix)
        return self._margins[matrix]

    def is_tame(self, matrix: str | None, index: int) -> bool:
        """Whether a column of all events is known to hold numbers only, none beyond `bounds.LARGEST`."""
        if matrix is None:
            return self.events.is_identity(index) and self.largest <= LARGEST
        # A margin is more than the rounding of the largest compensated value.
        return not self.compensation.exact and self.margin(matrix) <= EPSILON * LARGEST

    @property
    def largest(self) -> float:
        """The largest stored magnitude of the block; not finite where some event is not."""
        if self._largest is None:
            self._largest = max(float(self.raw.max()), -float(self.raw.min()))
        return self._largest


class Frame:
    """Some events of a block.

    Parameters
    ----------
    parent : Frame or None
        The frame that these events were chosen from; None: all events of the block.
    keep : ndarray of int or None
        Which of the parent's events, in their order; None: all.
    wanted : mapping of str to tuple of int
        Matrix -> compensated columns that gates on these events, or on events among them, ask for.
    """

    def __init__(
        self,
        block: Block,
        parent: Frame | None = None,
        keep: np.ndarray | None = None,
        *,
        wanted: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.block, self.parent, self.keep, self._wanted = block, parent, keep, wanted
        self._cache: dict[Any, np.ndarray] = {}
        self._tame: dict[tuple[str | None, int], bool] = {}
        self._rows: np.ndarray | None = None
        self._places: dict[int, np.ndarray | None] = {}

    def __len__(self) -> int:
        if self.keep is not None:
            return len(self.keep)
        return len(self.parent) if self.parent is not None else len(self.block)

    @property
    def rows(self) -> np.ndarray | None:
        """These events' rows in the block; None: all."""
        if self.parent is None:
            return None
        above = self.parent.rows
        if self.keep is None or above is None:
            return self.keep if above is None else above
        if self._rows is None:
            self._rows = above.take(self.keep)
        return self._rows

    def inside(self) -> np.ndarray:
        """Membership among the block's events, shape (len(block),), bool."""
        rows = self.rows
        if rows is None:
            return np.ones(len(self.block), dtype=bool)
        mask = np.zeros(len(self.block), dtype=bool)
        mask[rows] = True
        return mask

    def values(self, dimension: Dimension) -> np.ndarray:
        """Linear values of a gate's channel, shape (len(self),), compensated where the dimension says so."""
        if dimension.matrix is None:
            return self._column((None, dimension.index))
        key = (dimension.matrix, dimension.index)
        if not self._has(key):
            wanted = self._wanted.get(dimension.matrix, ())
            wanted = wanted if dimension.index in wanted else (*wanted, dimension.index)
            made = self.block.compensation.columns(self.block, self.rows, dimension.matrix, wanted)
            self._cache.update(((dimension.matrix, column), made[i]) for i, column in enumerate(wanted))
        return self._column(key)

    def margin(self, dimension: Dimension) -> float:
        """How far `values` may be from FlowKit's, in linear units."""
        if dimension.matrix is None or self.block.compensation.exact:
            return 0.0
        margin = self.block.margin(dimension.matrix)
        if not margin < np.inf:
            raise AmbiguousEventError("an event is not a finite number")
        return margin

    def is_tame(self, dimension: Dimension) -> bool:
        """Whether all of `values` are numbers, and none beyond `bounds.LARGEST`."""
        return self._is_tame((dimension.matrix, dimension.index))

    def demand_flowkits_digits(self, dimension: Dimension) -> None:
        """Raise AmbiguousEventError where `values` are compensated but for the last digits."""
        if dimension.matrix is not None and not self.block.compensation.exact:
            raise AmbiguousEventError("a value that a scale must be asked for itself")

    def derived(self, key: Any, make: Any) -> np.ndarray:
        """Something made of these events' values once, ``make(self)``, and handed down to the frames below."""
        if not self._has(key):
            self._cache[key] = make(self)
        return self._column(key)

    def _is_tame(self, key: tuple[str | None, int]) -> bool:
        if key not in self._tame:
            self._tame[key] = self.block.is_tame(*key)
            if not self._tame[key] and self.parent is not None and self.parent._has(key):
                self._tame[key] = self.parent._is_tame(key)  # of all of them, or perhaps of these
            if not self._tame[key]:
                values = self._column(key)
                self._tame[key] = len(values) == 0 or bool(values.max() <= LARGEST and values.min() >= -LARGEST)
        return self._tame[key]

    def _has(self, key: Any) -> bool:
        return key in self._cache or (self.parent is not None and self.parent._has(key))

    def _column(self, key: Any) -> np.ndarray:
        """From the nearest frame above that has it: what lies between need not."""
        if key not in self._cache:
            above = self.parent
            while above is not None and above.parent is not None and key not in above._cache:
                above = above.parent
            if above is None:
                self._cache[key] = self.block.column(key[1])
            else:
                values, places = above._column(key), self._places_in(above)
                self._cache[key] = values if places is None else values.take(places)
        return self._cache[key]

    def _places_in(self, above: Frame) -> np.ndarray | None:
        """Where these events are among those of a frame above; None: they are the same."""
        if above is self.parent or self.parent is None:
            return self.keep
        if id(above) not in self._places:
            between = self.parent._places_in(above)
            composed = self.keep if between is None or self.keep is None else between.take(self.keep)
            self._places[id(above)] = between if self.keep is None else composed
        return self._places[id(above)]
