"""Agreement between files: held over a pool, borrowed where a file's own data do not show a gate, or show another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cytotrial.gating.landmarks import FLIPPED
from cytotrial.gating.methods import held, rebuilt
from cytotrial.gating.pools import FileGate, Peers, Row, pool_name
from cytotrial.gating.robust import far_files
from cytotrial.gating.staining_controls import Controls, from_control
from cytotrial.gating.strategy import Rule

BY_A_PERSON = ("fixed", "below_range", "flowjo", "gatingml")  # methods that learn nothing from the file's events
MOST_RAISED = 3.0  # times a treatment may raise a measure whose lowest value is held; assumed
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
    disbelieved: dict[str, set[str]] = {}  # population -> samples whose own placement of it is not believed
    by_population: dict[str, dict[str, list[Row]]] = {}
    for row in landmarks:
        by_population.setdefault(row["population"], {}).setdefault(row["sample_id"], []).append(row)
    for population, rule in rules.items():
        files = [_file(rows) for _, rows in sorted(by_population.get(population, {}).items())]
        above = rule.args.of if rule.method == "opposite" else rule.parent
        amiss = disbelieved.get(above, set())
        far = {
            one.sample_id: f"the file's own {above} gate was not believed" for one in files if one.sample_id in amiss
        }
        if rule.pool != "none" and rule.far is not None:
            believed = [one for one in files if one.found and one.sample_id not in far]
            far |= far_files(believed, rule, held(rule.method))
        # A step of event quality a little off leaves the lineages inside it where they are; a lineage does not.
        disbelieved[population] = set() if rule.may_be_skipped else set(far)
        gates, missing = _agree_on(files, rule, far)
        used += gates
        not_placed += missing
    return _with_opposites(used, not_placed, rules)


def _file(rows: Sequence[Row]) -> FileGate:
    measures = rows[0].get("measures")
    return FileGate(tuple(rows), json.loads(measures) if isinstance(measures, str) else measures or {})


def _agree_on(files: Sequence[FileGate], rule: Rule, far: Mapping[str, str]) -> tuple[Used, Used]:
    """One population's gates in all files; `far`: sample -> why its own placement is not believed."""
    trusted = Peers(one for one in files if one.found and one.sample_id not in far)
    controls = Controls(files, rule.markers[0]) if rule.control else None
    used: Used = []
    missing: Used = []
    for one in files:
        gate = _own(one, trusted, rule) if one.found and one.sample_id not in far else []
        if not gate and one.first["outcome"] != "not_done":
            why = far.get(one.sample_id) or one.first["reason"]
            gate = _borrowed(one, why, trusted, rule) or _fallen_back(one, why, rule)
            if not gate and one.found:
                gate = [{**row, "doubt": f"{why}, and nobody lends"} for row in _own(one, Peers([one]), rule)]
        gate = from_control(one, gate, controls, rule) if controls else gate
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
    if measures != one.measures:
        how += f"; {', '.join(name for name in measures if name not in shared)} by {rule.align} alignment"
    common, told = _in_common(one, trusted, rule, shared)
    widest = "trial" if set(shared.values()) == {"trial"} else rule.pool
    return _rows_of(one, measures | common, rule, how + told, source=source, pool=pool_name(widest, one))


def _in_common(one: FileGate, trusted: Peers, rule: Rule, shared: Mapping[str, str]) -> tuple[dict[str, float], str]:
    """What the files hold in common, and in words; nothing of a measure that no file like this one has."""
    common, told = {}, ""
    for name, held_as in shared.items():
        width = "trial" if held_as == "trial" else rule.pool
        values = trusted.values(width, one, name)
        if not values:
            continue
        word, common[name] = "median", trusted.middle(width, one, name)
        if held_as == "lowest" and rule.pool == "subject":
            # A visit whose staining failed is lower than treatment could have raised the others.
            word, common[name] = "lowest", min(value for value in values if value >= common[name] / MOST_RAISED)
        told += f"; {name} {common[name]:.3g}, the {word} of the {len(values)} files of {pool_name(width, one)}"
    return common, told


def _aligned(one: FileGate, trusted: Peers, rule: Rule) -> dict[str, float]:
    """The measures that follow the instrument: the file's own, its batch's, or (``none``) held like the others.

    A batch's is the subject's typical value times the factor by which the batch's files stand off their own
    subjects' typical values: many subjects' reference populations say how the instrument stood that day.
    """
    if rule.align == "file" or not trusted.pool("batch" if rule.align == "batch" else rule.pool, one):
        return dict(one.measures)  # a file without a batch or site is in nobody's pool
    aligned = {}
    for name in one.measures:
        typical = trusted.middle("subject" if rule.align == "batch" else rule.pool, one, name)
        aligned[name] = typical * (trusted.drift(one, name) if rule.align == "batch" else 1.0)
    return aligned


def _rows_of(one: FileGate, measures: Mapping[str, float], rule: Rule, reason: str, *, source: str, pool: str) -> Used:
    markers = rule.usable_markers({part for row in one.rows for part in row["marker"].split(":") if row["channel"]})
    common = {"source": source, "pool": pool, "reason": reason}
    common |= {"doubt": None} if source == "pooled" else {}
    return [
        _on_own_axis(one, bound.marker, bound.side, {"threshold_linear": bound.linear, "coordinates": None}) | common
        for bound in rebuilt(rule.method, measures, markers, args=rule.args)
    ]


def _borrowed(one: FileGate, why: str, trusted: Peers, rule: Rule) -> Used:
    """The nearest pool's robust location: medians of its measures, or of its bounds, vertex by vertex for a shape."""
    markers = {part for row in one.rows for part in row["marker"].split(":") if row["channel"]}
    usable, shared = frozenset(rule.usable_markers(markers)), held(rule.method)
    for name, files in trusted.nearest(rule.pool, one):
        lenders = trusted.lenders(files, usable)
        if lenders is None:
            continue
        reason = f"{why}, so the median of {len(lenders.files)} files"
        if shared:
            common, told = _in_common(one, trusted, rule, shared)
            return _rows_of(one, lenders.measures | common, rule, reason + told, source="pooled", pool=name)
        return [
            _on_own_axis(one, marker, bound, place)
            | {"source": "pooled", "pool": name, "reason": reason, "doubt": None}
            for marker, bound, place in lenders.bounds
        ]
    return []


def _fallen_back(one: FileGate, why: str, rule: Rule) -> Used:
    if not rule.fallback:
        return []
    from cytotrial.gating.placing import fallback_bounds

    return [
        _on_own_axis(one, bound.marker, bound.side, {"threshold_linear": bound.linear, "coordinates": None})
        | {"source": "fallback", "pool": "none", "reason": f"{why}, so the strategy's fallback", "doubt": None}
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
                "doubt": None,
            }
            for row in others
        ]
        placed = {row["sample_id"] for row in others}
        not_placed = [r for r in not_placed if r["population"] != population or r["sample_id"] not in placed]
    return used, not_placed
