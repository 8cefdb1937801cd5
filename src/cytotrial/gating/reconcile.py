"""Agreement between files: held over a pool, borrowed where a file's own data do not show a gate, or show another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from cytotrial.gating.landmarks import FLIPPED
from cytotrial.gating.methods import held, rebuilt
from cytotrial.gating.pools import FileGate, Peers, Row, pool_name
from cytotrial.gating.robust import far_files
from cytotrial.gating.staining_controls import from_control
from cytotrial.gating.strategy import Rule

BY_A_PERSON = ("fixed", "below_range", "flowjo", "gatingml")  # methods that learn nothing from the file's events
Used = list[dict[str, Any]]


def agree(landmarks: Sequence[Row], rules: Mapping[str, Rule]) -> tuple[Used, Used]:
    """The gates that will be used, and the populations that have none.

    Parameters
    ----------
    landmarks : sequence of rows
        All files of one panel; columns of `columns.LANDMARKS`, numbers already numbers.
    rules : mapping
        Population id -> rule of that panel's strategy.

    Returns
    -------
    used, not_placed : lists of rows
        `used` has the landmark's columns with ``source`` and ``pool`` added; `not_placed` those of
        `columns.NOT_PLACED`. Source is ``found``, ``fixed``, ``pooled``, ``fmo`` or ``fallback``.

    Notes
    -----
    A pool's numbers are medians of what each file's method read, never of events of several files thrown together:
    a file of ten times the events counts once.
    """
    used: Used = []
    not_placed: Used = []
    by_population: dict[str, dict[str, list[Row]]] = {}
    for row in landmarks:
        by_population.setdefault(row["population"], {}).setdefault(row["sample_id"], []).append(row)
    for population, rule in rules.items():
        files = [_file(rows) for _, rows in sorted(by_population.get(population, {}).items())]
        gates, missing = _agree_on(files, rule)
        used += gates
        not_placed += missing
    return _with_opposites(used, not_placed, rules)


def _file(rows: Sequence[Row]) -> FileGate:
    measures = rows[0].get("measures")
    return FileGate(tuple(rows), json.loads(measures) if isinstance(measures, str) else measures or {})


def _agree_on(files: Sequence[FileGate], rule: Rule) -> tuple[Used, Used]:
    """One population's gates in all files."""
    found = [one for one in files if one.found]
    far = far_files(found, rule, held(rule.method)) if rule.pool != "none" and rule.far is not None else {}
    trusted = Peers(one for one in found if one.sample_id not in far)
    used: Used = []
    missing: Used = []
    for one in files:
        gate = _own(one, trusted, rule) if one.found and one.sample_id not in far else []
        if not gate and one.first["outcome"] != "not_done":
            why = far.get(one.sample_id) or one.first["reason"]
            gate = _borrowed(one, why, trusted, rule) or _fallen_back(one, why, rule)
            if not gate and one.found:  # far from the others, and nobody to borrow from
                gate = _own(one, Peers([one]), rule)
        gate = from_control(one, gate, files, rule) if rule.control else gate
        if gate:
            used += gate
        else:
            missing.append({key: one.first[key] for key in ("sample_id", "population", "outcome", "reason")})
    return used, missing


def _own(one: FileGate, trusted: Peers, rule: Rule) -> Used:
    """The file's own gate; of a method that rests on several numbers with those that files hold in common."""
    source = "fixed" if rule.method in BY_A_PERSON else "found"
    shared = held(rule.method) if rule.pool != "none" else {}
    if not shared or len(trusted.pool("trial" if "trial" in shared.values() else rule.pool, one)) < 2:
        return [{**row, "source": source, "pool": "none"} for row in one.rows]
    measures = _aligned(one, trusted, rule)
    how = one.first["reason"]
    for name, held_as in shared.items():
        width = "trial" if held_as == "trial" else rule.pool
        pool = trusted.pool(width, one) or [one]
        measures[name] = _in_common(pool, name, held_as)
        word = "lowest" if held_as == "lowest" else "median"
        how += f"; {name} {measures[name]:.3g}, the {word} of the {len(pool)} files of {pool_name(width, one)}"
    widest = "trial" if set(shared.values()) == {"trial"} else rule.pool
    return _rows_of(one, measures, rule, how, source=source, pool=pool_name(widest, one))


def _aligned(one: FileGate, trusted: Peers, rule: Rule) -> dict[str, float]:
    """The measures that follow the instrument: the file's own, its batch's, or (``none``) held like the others.

    A batch's is the subject's typical value times the factor by which the batch's files stand off their own
    subjects' typical values: many subjects' reference populations say how the instrument stood that day.
    """
    batch = trusted.pool("batch", one)
    if rule.align == "file" or not (batch if rule.align == "batch" else trusted.pool(rule.pool, one)):
        return dict(one.measures)  # a file without a batch or site is in nobody's pool
    aligned = {}
    for name in one.measures:
        factors = [other.measures[name] / trusted.middle("subject", other, name) for other in batch]
        typical = trusted.middle("subject" if rule.align == "batch" else rule.pool, one, name)
        aligned[name] = typical * (median(factors) if rule.align == "batch" else 1.0)
    return aligned


def _in_common(files: Iterable[FileGate], name: str, held_as: str | None) -> float:
    """What files say together of a measure: the lowest, or the median; every file counts once."""
    values = [one.measures[name] for one in files]
    return float(min(values) if held_as == "lowest" else median(values))


def _rows_of(one: FileGate, measures: Mapping[str, float], rule: Rule, reason: str, *, source: str, pool: str) -> Used:
    markers = rule.usable_markers({part for row in one.rows for part in row["marker"].split(":") if row["channel"]})
    common = {"source": source, "pool": pool, "reason": reason}
    return [
        _on_own_axis(one, bound.marker, bound.side, {"threshold_linear": bound.linear, "coordinates": None}) | common
        for bound in rebuilt(rule.method, measures, markers, args=rule.args)
    ]


def _borrowed(one: FileGate, why: str, trusted: Peers, rule: Rule) -> Used:
    """The nearest pool's robust location: medians of its measures, or of its bounds, vertex by vertex for a shape."""
    usable = set(rule.usable_markers({part for row in one.rows for part in row["marker"].split(":") if row["channel"]}))
    shared = held(rule.method)
    for name, files in trusted.nearest(rule.pool, one):
        pool = [other for other in files if usable.issuperset(_parts(other))]
        if not pool:
            continue
        reason = f"{why}, so the median of {len(pool)} files"
        if shared:
            own_pool = name.startswith(pool_name(rule.pool, one))  # the lowest of all subjects would be an extreme
            measures = {key: _in_common(pool, key, shared.get(key) if own_pool else None) for key in pool[0].measures}
            return _rows_of(one, measures, rule, reason, source="pooled", pool=name)
        bounds = sorted({(row["marker"], row["bound"]) for other in pool for row in other.rows})
        return [
            _on_own_axis(one, marker, bound, _median_bound(pool, marker, bound))
            | {"source": "pooled", "pool": name, "reason": reason}
            for marker, bound in bounds
        ]
    return []


def _parts(one: FileGate) -> list[str]:
    return [part for row in one.rows for part in row["marker"].split(":")]


def _median_bound(pool: Sequence[FileGate], marker: str, bound: str) -> dict[str, Any]:
    rows = [row for one in pool for row in one.rows if (row["marker"], row["bound"]) == (marker, bound)]
    if bound != "shape":
        return {"threshold_linear": median(row["threshold_linear"] for row in rows), "coordinates": None}
    shapes = [json.loads(row["coordinates"]) for row in rows]
    size = len(shapes[0])
    shapes = [shape for shape in shapes if len(shape) == size]
    vertices = [[median(shape[i][axis] for shape in shapes) for axis in (0, 1)] for i in range(size)]
    return {"threshold_linear": None, "coordinates": json.dumps(vertices)}


def _fallen_back(one: FileGate, why: str, rule: Rule) -> Used:
    if not rule.fallback:
        return []
    from cytotrial.gating.placing import fallback_bounds

    return [
        _on_own_axis(one, bound.marker, bound.side, {"threshold_linear": bound.linear, "coordinates": None})
        | {"source": "fallback", "pool": "none", "reason": f"{why}, so the strategy's fallback"}
        for bound in fallback_bounds(rule)
    ]


def _on_own_axis(one: FileGate, marker: str, bound: str, place: Mapping[str, Any]) -> dict[str, Any]:
    """The file's own channel and scale with another place: instruments of one pool may differ in range."""
    channels = {row["marker"]: row["channel"] for row in one.rows}  # one row for the pair where a shape was found
    parts = marker.split(":")
    channel = channels.get(marker) or ":".join(channels[part] for part in parts)
    row = next(row for row in one.rows if row["marker"].split(":")[0] == parts[0])
    return {**row, "marker": marker, "bound": bound, "channel": channel, **place}


def _with_opposites(used: Used, not_placed: Used, rules: Mapping[str, Rule]) -> tuple[Used, Used]:
    """A population that is another's opposite has exactly the other's agreed threshold, wherever that came from."""
    for population, rule in rules.items():
        if rule.method != "opposite":
            continue
        others = [row for row in used if row["population"] == rule.args.of]
        used = [row for row in used if row["population"] != population]
        used += [
            {
                **row,
                "population": population,
                "bound": FLIPPED[row["bound"]],
                "method": "opposite",
                "reason": f"the other side of {rule.args.of}",
            }
            for row in others
        ]
        placed = {row["sample_id"] for row in others}
        not_placed = [r for r in not_placed if r["population"] != population or r["sample_id"] not in placed]
    return used, not_placed
