"""What a gate method sees of a file: its parent's events, one marker at a time."""

from __future__ import annotations

from collections.abc import Sequence

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
    """

    def __init__(
        self,
        tube: Tube,
        inside: np.ndarray,
        markers: Sequence[str],
    ) -> None:
        self.tube = tube
        self.inside = inside
        self.markers = tuple(markers)

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

    def fluorescence(self) -> tuple[str, ...]:
        """Every fluorescence marker of the file."""
        return tuple(marker for marker, axis in self.tube.axes.items() if not axis.is_linear)
