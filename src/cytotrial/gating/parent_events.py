"""What a gate method sees of a file: its parent's events, one marker at a time."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.quantiles import picked
from cytotrial.cytometry.scale_table import scale_table
from cytotrial.cytometry.tube import Tube
from cytotrial.gating.density import Density, clear_density
from cytotrial.gating.in_polygon import in_polygon
from cytotrial.gating.landmarks import Bound
from cytotrial.gating.polygons import on_scale


class ParentEvents:
    """The events inside a parent population; what is made of a marker's values is made once.

    Parameters
    ----------
    tube : Tube
        The whole file.
    inside : ndarray of bool, shape (n_events,)
        Membership of the parent.
    markers : sequence of str
        The gate's markers that the file has, in the strategy's order.
    """

    def __init__(self, tube: Tube, inside: np.ndarray, markers: Sequence[str] = ()) -> None:
        self.tube = tube
        self._aliquots = 1  # of the events, this is one of so many equal parts
        self._hold(np.flatnonzero(inside), markers)

    def _hold(self, rows: np.ndarray, markers: Sequence[str]) -> None:
        self.markers = tuple(markers)
        self._rows = rows
        self._linear: dict[str, np.ndarray] = {}
        self._scaled: dict[str, np.ndarray] = {}
        self._densities: dict[str, Density | None] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def asked(self, markers: Sequence[str]) -> ParentEvents:
        """The same events for a gate on other markers."""
        same = copy(self)
        same.markers = tuple(markers)
        return same

    def every(self, step: int, first: int) -> ParentEvents:
        """Every `step`-th of the events, from number `first` on: an aliquot."""
        part = slice(first, None, step)
        some = copy(self)
        some._hold(self._rows[part], self.markers)
        some._aliquots = step
        for name in ("_linear", "_scaled"):  # what was made of all of them need not be made again
            made = {marker: np.ascontiguousarray(values[part]) for marker, values in getattr(self, name).items()}
            setattr(some, name, made)
        return some

    def within(self, bounds: Sequence[Bound]) -> ParentEvents:
        """Those of the events that are inside every bound."""
        inner = copy(self)
        inner._hold(picked(self._rows, self.inside(bounds)), ())
        return inner

    def inside(self, bounds: Sequence[Bound]) -> np.ndarray:
        """Which events are inside every bound, shape (len(self),), bool."""
        inside = np.ones(len(self), dtype=bool)
        for bound in bounds:
            inside &= self._on_its_side(bound)
        return inside

    def _on_its_side(self, bound: Bound) -> np.ndarray:
        if bound.side == "min":
            return self.linear(bound.marker) >= bound.linear
        if bound.side == "max":
            return self.linear(bound.marker) < bound.linear
        markers = bound.marker.split(":")
        if len(markers) == 1:
            values = self.linear(bound.marker)
            return np.any([(values >= low) & (values < high) for low, high in bound.coordinates or ()], axis=0)
        axes = [self.axis(marker) for marker in markers]

        def exact(rows: np.ndarray) -> np.ndarray:
            linear = [self.linear(marker).take(rows) for marker in markers]
            return np.column_stack([axis.to_scale(values) for axis, values in zip(axes, linear, strict=True)])

        return in_polygon(on_scale(bound.coordinates or (), axes), *map(self.scaled, markers), exact)

    def axis(self, marker: str) -> Axis:
        """The marker's channel and scale."""
        return self.tube.axes[marker]

    def linear(self, marker: str) -> np.ndarray:
        """Linear (compensated) values, shape (len(self),), not to be written to."""
        if marker not in self._linear:
            column = self.tube.linear(marker)
            self._linear[marker] = column if len(column) == len(self) else column.take(self._rows)
        return self._linear[marker]

    def scaled(self, marker: str) -> np.ndarray:
        """Values on the gate's own scale but for a few millionths, shape (len(self),), not to be written to."""
        if marker not in self._scaled:
            self._scaled[marker] = _nearly_scaled(self.axis(marker), self.linear(marker))
        return self._scaled[marker]

    def density(self, marker: str) -> Density | None:
        """The density on the gate's scale in which a valley may be looked for; None where there are too few events."""
        if marker not in self._densities:
            n_events = self._aliquots * len(self)
            self._densities[marker] = clear_density(self.scaled(marker), n_events=n_events)
        return self._densities[marker]

    def fluorescence(self) -> tuple[str, ...]:
        """Every fluorescence marker of the file."""
        return tuple(marker for marker, axis in self.tube.axes.items() if not axis.is_linear)


def _nearly_scaled(axis: Axis, linear: np.ndarray) -> np.ndarray:
    """Within the table's `LARGEST_ERROR`."""
    return axis.to_scale(linear) if axis.is_linear else scale_table(axis).nearly(linear)
