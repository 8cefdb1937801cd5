"""A file's agreed gates with those that a person moved: what will be counted, the automatic place beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytotrial.columns import GATES
from cytotrial.cytometry.axis import Axis
from cytotrial.gating.landmarks import FLIPPED
from cytotrial.gating.rule_bounds import Form, gate_forms, markers_of
from cytotrial.gating.strategy import Rule, Strategy
from cytotrial.study.overrides import Override
from cytotrial.study.samples import Sample

MANUAL = "manual"
Row = dict[str, Any]


@dataclass(frozen=True)
class Settled:
    """What is used in one file: rows of `columns.GATES`, and of `columns.NOT_PLACED` where there is no gate."""

    gates: list[Row]
    missing: list[Row]


def settle_gates(
    gates: Sequence[Row],
    missing: Sequence[Row],
    overrides: Sequence[Override],
    *,
    sample: Sample,
    strategy: Strategy,
    axes: Mapping[str, Axis],
) -> Settled:
    """The gates that are used in a file.

    Parameters
    ----------
    gates, missing : sequences of rows
        The file's rows of `columns.AGREED_GATES` (numbers as numbers) and of `columns.NOT_PLACED`.
    overrides : sequence of Override
        Those in force for the file, the strongest last.
    axes : mapping
        The file's own: thresholds on its scale and linear ones become each other.

    Notes
    -----
    A moved gate leaves its children's gates where they were, inside a parent that has changed; a population that is
    another's opposite follows that one. An override that the file cannot be given (it lacks the channel, or only one
    of the two bounds of a gate that was not found is there) leaves the automatic gate and says so.
    """
    settled: dict[str, list[Row]] = {}
    absent = {str(row["population"]): dict(row) for row in missing}
    for rule in strategy.rules:
        automatic = [{name: row.get(name) for name in GATES.columns} for row in gates if row["population"] == rule.id]
        by_hand = [one for one in overrides if one.population == rule.id]
        without = absent.get(rule.id, {"sample_id": sample.sample_id, "population": rule.id, "outcome": "not_found"})
        why_none = without.get("reason") or "it had no gate"
        if by_hand:
            form, obstacle = _form_for(rule, axes, automatic, by_hand)
            if obstacle:
                automatic = [_left(row, by_hand[-1], obstacle) for row in automatic]
                absent[rule.id] = {**without, "reason": _unapplied(why_none, by_hand[-1], obstacle)}
            else:
                automatic = _moved(form, axes, automatic, by_hand, sample=sample, rule=rule, why_none=why_none)
        elif rule.method == "opposite" and any(row["source"] == MANUAL for row in settled[rule.args.of]):
            automatic = _followed(rule, settled[rule.args.of], automatic, why_none)
        settled[rule.id] = automatic
        if automatic:
            absent.pop(rule.id, None)
    return Settled([row for rows in settled.values() for row in rows], list(absent.values()))


def _form_for(
    rule: Rule, axes: Mapping[str, Axis], automatic: Sequence[Row], by_hand: Sequence[Override]
) -> tuple[Form, str]:
    """The form that the strongest override asks for, or why the file cannot be given it."""
    wanted = (by_hand[-1].marker, by_hand[-1].bound)
    forms = [form for form in gate_forms(rule) if wanted in form]
    usable = [form for form in forms if markers_of(form) <= axes.keys()]
    if not usable:
        lacking = sorted({marker for form in forms for marker in markers_of(form) if marker not in axes})
        return (), f"the file has no {' or '.join(lacking)} channel" if lacking else f"{rule.id} has no such bound"
    known = {(row["marker"], row["bound"]) for row in automatic} | {(one.marker, one.bound) for one in by_hand}
    lacking = [f"{bound} of {marker}" for marker, bound in usable[0] if (marker, bound) not in known]
    return usable[0], f"nothing says where its {' and '.join(lacking)} is" if lacking else ""


def _left(row: Row, override: Override, obstacle: str) -> Row:
    reason = _unapplied(str(row["reason"]), override, obstacle)
    return {**row, "reason": reason, "reviewer": override.reviewer, "reviewed": override.date}


def _unapplied(reason: str, override: Override, obstacle: str) -> str:
    told = override.told.replace(";", ",")  # reasons of one file stand in a line with semicolons between them
    return f"{reason}, and not moved as {told} asked: {obstacle}"


def _moved(
    form: Form,
    axes: Mapping[str, Axis],
    automatic: Sequence[Row],
    by_hand: Sequence[Override],
    *,
    sample: Sample,
    rule: Rule,
    why_none: str,
) -> list[Row]:
    before = {(row["marker"], row["bound"]): row for row in automatic}
    rows = []
    for marker, bound in form:
        chosen = next((one for one in by_hand if (one.marker, one.bound) == (marker, bound)), None)
        if chosen is None:
            rows.append(before[marker, bound])
            continue
        own = [axes[part] for part in marker.split(":")]
        rows.append(
            {
                **dict.fromkeys(GATES.columns),
                "sample_id": sample.sample_id,
                "population": rule.id,
                "marker": marker,
                "bound": bound,
                **_place(chosen, own[0]),
                "source": MANUAL,
                "pool": chosen.pool or "none",
                "reason": chosen.reason,
                "panel": sample.panel,
                "channel": ":".join(axis.channel for axis in own),
                "scale": own[0].name,
                "method": rule.method,
                "n_parent": automatic[0]["n_parent"] if automatic else None,
                **_automatic(before.get((marker, bound)), automatic, why_none),
                "reviewer": chosen.reviewer,
                "reviewed": chosen.date,
            }
        )
    return rows


def _place(override: Override, axis: Axis) -> Row:
    """Where the gate is, on its own scale and linear; a shape's coordinates are linear."""
    if override.coordinates is not None:
        return {"coordinates": json.dumps([list(point) for point in override.coordinates])}
    if override.threshold is not None:
        return {"threshold": override.threshold, "threshold_linear": float(axis.to_linear(override.threshold))}
    return {"threshold": float(axis.to_scale(override.threshold_linear)), "threshold_linear": override.threshold_linear}


def _automatic(row: Row | None, rows: Sequence[Row], why_none: str) -> Row:
    """What stood there before: the same bound's place, or in words a gate of another form, or why there was none."""
    if row is not None:
        kept = ("threshold", "threshold_linear", "coordinates", "source", "reason")
        return {f"automatic_{name}": row[name] for name in kept}
    if not rows:
        return {"automatic_reason": why_none}
    bounds = ", ".join(
        f"{one['bound']} of {one['marker']}" + ("" if one["bound"] == "shape" else f" {one['threshold_linear']:g}")
        for one in rows
    )
    return {"automatic_source": rows[0]["source"], "automatic_reason": f"{bounds}: {rows[0]['reason']}"}


def _followed(rule: Rule, others: Sequence[Row], automatic: Sequence[Row], why_none: str) -> list[Row]:
    """The other side of a moved threshold."""
    before = {(row["marker"], row["bound"]): row for row in automatic}
    rows = []
    for other in others:
        bound = FLIPPED[other["bound"]]
        rows.append(
            {
                **other,
                "population": rule.id,
                "bound": bound,
                "method": rule.method,
                "reason": f"the other side of {rule.args.of}",
                **dict.fromkeys(name for name in GATES.columns if name.startswith("automatic_")),
                **_automatic(before.get((other["marker"], bound)), automatic, why_none),
            }
        )
    return rows
