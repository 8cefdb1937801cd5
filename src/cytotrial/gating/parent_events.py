"""What a gate method sees of a file: its parent's events, one marker at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.cytometry.tube import Tube


class ParentEvents:
    """The events inside a parent population.

    Parameters
    ----------
    tube : Tube
        The whole file.
    inside : ndarray of bool, shape (n_events,)
        Membership of the parent.
    markers : sequence of str
        The gate's markers that the file has, in the strategy's order.
    populations : mapping, optional
        Membership of the populations placed before, for methods that look at another one; None where not found.
    """

    def __init__(
        self,
        tube: Tube,
        inside: np.ndarray,
        markers: Sequence[str],
        populations: Mapping[str, np.ndarray | None] | None = None,
    ) -> None:
        self.tube = tube
        self.inside = inside
        self.markers = tuple(markers)
        self.populations = populations or {}

    def __len__(self) -> int:
        return int(np.count_nonzero(self.inside))

    def axis(self, marker: str) -> Axis:
        """The marker's channel and scale."""
        return self.tube.axes[marker]

    def linear(self, marker: str) -> np.ndarray:
        """Linear (compensated) values, shape (len(self),)."""
        return self.tube.linear(marker)[self.inside]

    def scaled(self, marker: str) -> np.ndarray:
        """Values on the gate's own scale, shape (len(self),)."""
        return self.axis(marker).to_scale(self.linear(marker))

    def scaled_of(self, population: str, marker: str) -> np.ndarray:
        """Another population's values on the gate's own scale; empty where it was not found."""
        inside = self.populations.get(population)
        values = self.tube.linear(marker)
        return self.axis(marker).to_scale(values[inside] if inside is not None else values[:0])

    def fluorescence(self) -> tuple[str, ...]:
        """Every fluorescence marker of the file."""
        return tuple(marker for marker, axis in self.tube.axes.items() if not axis.is_linear)
