"""The same gates with one of them a little elsewhere: counted beside them, they show how much hangs on its place."""

from __future__ import annotations

from dataclasses import replace

from cytotrial.gating.gate_tree import Gate, GateTree, Interval, Key, Rectangle


def with_limits_moved(tree: GateTree, key: Key, by: float) -> GateTree:
    """The tree with every limit of one gate moved up by `by` (down where negative).

    `engine.run.gate_events` counts any number of such trees in one pass over the events; what they share is gated once.

    Parameters
    ----------
    key : tuple of str
        A gate that is a rectangle.
    by : float
        In units of the gate's own scale; linear where it has none.

    Raises
    ------
    KeyError
        The tree has no such gate.
    TypeError
        The gate is no rectangle: it has no single limit to move.
    """
    if key not in {gate.key for gate in tree.gates}:
        raise KeyError(key)
    return replace(tree, gates=tuple(_moved(gate, by) if gate.key == key else gate for gate in tree.gates))


def _moved(gate: Gate, by: float) -> Gate:
    if not isinstance(gate.shape, Rectangle):
        raise TypeError(f"{'/'.join(gate.key)} is no rectangle but a {type(gate.shape).__name__}")
    intervals = tuple(
        Interval(one.dimension, _shifted(one.low, by), _shifted(one.high, by)) for one in gate.shape.intervals
    )
    return replace(gate, shape=replace(gate.shape, intervals=intervals))


def _shifted(limit: float | None, by: float) -> float | None:
    return None if limit is None else limit + by
