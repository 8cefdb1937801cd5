"""Spillover undone for a gate's events: one product with the inverse, or FlowKit's own solution where digits decide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cytotrial.cytometry.compensation import Spillover, compensate
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.engine.frames import EPSILON, Block

ROOM = 16.0  # times the bound that rounding theory gives for both ways of solving


class _Inverse:
    """A matrix' inverse on the span of the file's columns that hold its detectors."""

    def __init__(self, spillover: Spillover, indices: list[int]) -> None:
        self.first, self.last = min(indices), max(indices) + 1
        self.detectors = indices
        try:
            inverse = np.linalg.inv(spillover.matrix)
        except np.linalg.LinAlgError as error:
            raise UncompilableError(f"the matrix {spillover.source} has no inverse ({error})") from error
        self.inverse = np.zeros((self.last - self.first, self.last - self.first))
        places = np.array(indices) - self.first
        self.inverse[np.ix_(places, places)] = inverse
        # Forward error of solving, Higham 2002, doi:10.1137/1.9780898718027, theorem 9.4.
        growth = float((np.abs(inverse) @ np.abs(spillover.matrix) @ np.abs(inverse)).sum(axis=0).max())
        self.relative_margin = ROOM * len(indices) * EPSILON * growth

    def weights(self, wanted: tuple[int, ...]) -> np.ndarray:
        """Columns of the inverse for the file's columns `wanted`, as rows."""
        return np.ascontiguousarray(self.inverse[:, [column - self.first for column in wanted]].T)


class QuickCompensation:
    """By the inverse, in blocks: as exact as FlowKit's solution but for the last digits."""

    exact = False

    def __init__(self, matrices: Mapping[str, Spillover], names: tuple[str, ...]) -> None:
        self._inverses = {
            name: _Inverse(one, [names.index(detector) for detector in one.detectors]) for name, one in matrices.items()
        }
        self._weights: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}
        self._single: dict[str, bool] = {}

    def columns(self, block: Block, rows: np.ndarray | None, matrix: str, wanted: tuple[int, ...]) -> np.ndarray:
        """As `frames.Compensation` says."""
        inverse = self._inverses[matrix]
        weights = self._weights.get((matrix, wanted))
        if weights is None:
            weights = self._weights[matrix, wanted] = inverse.weights(wanted)
        if self._is_single(block, matrix):
            raw = block.raw if rows is None else block.raw.take(rows, axis=0)
            return weights @ raw[:, inverse.first : inverse.last].astype(np.float64).T
        measured = np.zeros((inverse.last - inverse.first, len(block) if rows is None else len(rows)))
        for column in inverse.detectors:
            values = block.column(column)
            measured[column - inverse.first] = values if rows is None else values.take(rows)
        return weights @ measured

    def margin(self, block: Block, matrix: str) -> float:
        """As `frames.Compensation` says; not finite where some event is not: that is left to FlowKit's arithmetic."""
        inverse = self._inverses[matrix]
        if self._is_single(block, matrix):
            largest = block.largest
        else:
            largest = float(np.max([np.abs(block.column(column)).max() for column in inverse.detectors]))  # NaN is kept
        return inverse.relative_margin * largest

    def _is_single(self, block: Block, matrix: str) -> bool:
        """Whether the detectors' stored numbers are float32 and linear."""
        if matrix not in self._single:
            detectors = self._inverses[matrix].detectors
            self._single[matrix] = block.raw.dtype == np.float32 and all(map(block.events.is_identity, detectors))
        return self._single[matrix]


class FlowKitCompensation:
    """The whole file at once with the arithmetic of flowutils, which FlowKit uses: the same digits.

    A solver's last digits depend on how many events it is given; so all must be held, and this is for the file that
    has an event on an edge.
    """

    exact = True

    def __init__(self, matrices: Mapping[str, Spillover], names: tuple[str, ...], measured: np.ndarray) -> None:
        self._compensated = {
            name: np.asfortranarray(compensate(measured, one, names)) for name, one in matrices.items()
        }

    def columns(self, block: Block, rows: np.ndarray | None, matrix: str, wanted: tuple[int, ...]) -> np.ndarray:
        """As `frames.Compensation` says."""
        part = self._compensated[matrix][block.start : block.start + len(block)]
        return np.stack([part[:, column] if rows is None else part[rows, column] for column in wanted])

    def margin(self, block: Block, matrix: str) -> float:
        """None at all."""
        return 0.0
