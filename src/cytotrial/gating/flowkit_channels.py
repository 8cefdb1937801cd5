"""Where FlowKit looks for a gate's channel in a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def column_of(name: str, names: Sequence[str], labels: Sequence[str], matrix: Any) -> int | None:
    """Column of a channel, looked for in FlowKit's order; None where it is not there.

    ``$PnN``, ``$PnS``, ``$PnN`` with FlowJo's ``_`` for a ``/``, then the fluorochromes of the dimension's matrix.

    Parameters
    ----------
    names, labels : sequences of str
        ``$PnN`` and ``$PnS`` of the file's columns, in order.
    matrix : flowkit.Matrix or None
        What the dimension is compensated with.
    """
    for known in (names, labels, [one.replace("/", "_") for one in names]):
        if name in known:
            return list(known).index(name)
    fluorochromes, detectors = (list(getattr(matrix, what, ())) for what in ("fluorochromes", "detectors"))
    detector = detectors[fluorochromes.index(name)] if name in fluorochromes else None
    return list(names).index(detector) if detector in names else None
