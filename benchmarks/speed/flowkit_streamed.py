"""FlowKit gating some files one after another, as a whole process.

``python -m benchmarks.speed.flowkit_streamed FILE ...``: default arguments, one file in memory at a time.
"""

from __future__ import annotations

import flowkit as fk

from benchmarks.speed.answers import Counts, asked, say, write_membership
from benchmarks.speed.gates import CHANNELS, LOGICLE, MARKERS, MATRIX, gate_tree, matrix
from cytotrial.gating.gate_tree import Dimension, Ellipsoid, Gate, Interval, Polygon, Rectangle

SCALE = "logicle"


def main() -> None:
    """Gate file by file and say what was counted."""
    arguments = asked()
    strategy = flowkit_strategy()
    counts: Counts = {}
    for path in arguments.files:
        sample = fk.Sample(str(path))
        results = strategy.gate_sample(sample)
        names = [name for name, _ in strategy.get_gate_ids()]
        counts[path.name] = {name: int(results.get_gate_count(name)) for name in names}
        if arguments.membership:
            members = {name: results.get_gate_membership(name) for name in names}
            write_membership(arguments.membership, path, members)
    say(counts)


def flowkit_strategy() -> fk.GatingStrategy:
    """The gates of `gate_tree` as FlowKit's, written out here: nothing of the package converts them."""
    strategy = fk.GatingStrategy()
    strategy.add_comp_matrix(MATRIX, fk.Matrix(matrix(), list(MARKERS), list(MARKERS)))
    strategy.add_transform(SCALE, fk.transforms.LogicleTransform(LOGICLE.top, LOGICLE.w, LOGICLE.m, LOGICLE.a))
    for gate in gate_tree().gates:
        strategy.add_gate(_gate(gate), gate_path=("root", *gate.parent))
    return strategy


def _gate(gate: Gate) -> object:
    name, shape = gate.key[-1], gate.shape
    if isinstance(shape, Rectangle):
        return fk.gates.RectangleGate(name, [_dimension(one.dimension, one) for one in shape.intervals])
    if isinstance(shape, Polygon):
        return fk.gates.PolygonGate(name, [_dimension(one) for one in shape.dimensions], list(shape.vertices))
    assert isinstance(shape, Ellipsoid), shape
    dimensions = [_dimension(one) for one in shape.dimensions]
    covariance = [list(row) for row in shape.covariance]
    return fk.gates.EllipsoidGate(name, dimensions, list(shape.mean), covariance, shape.distance_square)


def _dimension(dimension: Dimension, interval: Interval | None = None) -> fk.Dimension:
    return fk.Dimension(
        CHANNELS[dimension.index],
        compensation_ref="uncompensated" if dimension.matrix is None else dimension.matrix,
        transformation_ref=None if dimension.scale is None else SCALE,
        range_min=None if interval is None else interval.low,
        range_max=None if interval is None else interval.high,
    )


if __name__ == "__main__":
    main()
