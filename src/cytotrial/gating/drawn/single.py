"""One drawn gate as bounds on this file's own axes: for the methods `flowjo` and `gatingml` of a YAML strategy."""

from __future__ import annotations

from pathlib import Path

from cytotrial.errors import CytotrialError
from cytotrial.gating.drawn import model
from cytotrial.gating.drawn.contents import EVERY_SAMPLE, FLOWJO, Contents, GatePath, read_contents
from cytotrial.gating.drawn.excerpt import excerpt_of_one
from cytotrial.gating.drawn.names import file_names, name_in_workspace
from cytotrial.gating.drawn.shapes import InexpressibleError, drawn_bounds, keeps_outside
from cytotrial.gating.landmarks import Landmark, not_found
from cytotrial.gating.parent_events import ParentEvents


def place_drawn_gate(events: ParentEvents, file: str, gate: str, *, sample: str | None) -> Landmark:
    """A drawn gate's bounds in linear units, on the markers of the rule.

    Parameters
    ----------
    file : str
        The workspace or GatingML file, absolute or relative to the working directory.
    gate : str
        The gate's path in it.
    sample : str or None
        The workspace's sample whose gate it is; None: the file's own.
    """
    try:
        contents = read_contents(Path(file))
    except CytotrialError as error:
        return not_found("; ".join(error.problems))
    name, why = _sample(contents, events, sample)
    if name is None:
        return not_found(why)
    path = contents.find(gate)
    if path is None or path not in contents.tree(name):
        return not_found(f"{contents.file.name} has no gate {gate!r}{f' for {name!r}' if name else ''}")
    try:
        return _landmark(events, contents, name, path)
    except (ValueError, InexpressibleError) as error:
        return not_found(f"{contents.file.name}, {gate}: {error}")


def _sample(contents: Contents, events: ParentEvents, sample: str | None) -> tuple[str | None, str]:
    if contents.kind != FLOWJO:
        return EVERY_SAMPLE, ""
    names = (sample,) if sample is not None else file_names(events.tube.file.data)
    return name_in_workspace(contents, names)


def _landmark(events: ParentEvents, contents: Contents, name: str, path: GatePath) -> Landmark:
    gates = model.parse_gates(excerpt_of_one(contents, name, path), contents.kind, name)
    entry = contents.tree(name)[path]
    gate = model.gate_at(gates, path[-2:] if entry.kind == "Quadrant" else path[-1:])
    if keeps_outside(gate):
        raise InexpressibleError("it keeps the events outside of what was drawn")
    file, name_of = events.tube.file, {events.axis(marker).index: marker for marker in events.markers}
    lacking = model.missing_channels(gates, gate, file)
    if lacking:
        raise InexpressibleError(f"the file has no {' or '.join(lacking)} channel")
    sides = model.sides_of(gates, gate, path[-1], file)
    foreign = [file.names[side.index] for side in sides if side.index is not None and side.index not in name_of]
    if foreign:
        mapped = ", ".join(f"{marker} in {events.axis(marker).channel}" for marker in events.markers)
        raise InexpressibleError(f"it is on {', '.join(foreign)}; the panel has {mapped}")
    markers = [name_of.get(-1 if side.index is None else side.index, "") for side in sides]
    axes = [events.axis(marker) for marker in markers] if all(markers) else None
    bounds = drawn_bounds(gate, sides, markers, fine=axes)
    whose = f" ({name})" if name else ""
    return Landmark(bounds, f"drawn in {contents.file.name}{whose}: {'/'.join(path)}")
