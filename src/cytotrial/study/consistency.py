"""Do the parts of a config.yaml fit each other: repeated ids, references to nothing, order in time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from cytotrial.documents import text_of
from cytotrial.errors import did_you_mean, problem


def consistency_problems(document: Mapping[str, Any], *, where: str) -> list[str]:
    """Every contradiction inside `document`; sections of the wrong form are left to the schema."""
    return [
        *_repeated_ids(document, where),
        *_unknown_baseline(document, where),
        *_visit_times(document, where),
        *_dosing_times(document, where),
        *_readout_panels(document, where),
        *_quality_limits(document, where),
    ]


def entries(document: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    """The entries of a list section that are mappings."""
    found = document.get(section)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def section_ids(document: Mapping[str, Any], section: str) -> tuple[str, ...]:
    """The ids a section declares, as far as they can be read; ``panels`` is a mapping, the others lists."""
    found = document.get(section)
    if isinstance(found, dict):
        return tuple(found)
    if not isinstance(found, list):
        return ()
    named = (item.get("id") if isinstance(item, dict) else item for item in found)
    return tuple(text_of(name) for name in named if is_id(name))


def is_id(value: Any) -> bool:
    """Can `value` be read as an id: text or number, not a truth value."""
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _repeated_ids(document: Mapping[str, Any], where: str) -> Iterator[str]:
    for section in ("arms", "visits", "readouts", "analysis_sets"):
        for name, times in Counter(section_ids(document, section)).items():
            if times > 1:
                yield problem(
                    f"{where}, {section}",
                    found=f"{name!r} {times} times",
                    expected="each id once",
                    remedy="rename or remove the others",
                )
    for readout in entries(document, "readouts"):
        names = readout.get("denominators")
        for name, times in Counter(map(text_of, names if isinstance(names, list) else ())).items():
            if times > 1:
                yield problem(
                    f"{where}, readouts, {text_of(readout.get('id'))}, denominators",
                    found=f"{name!r} {times} times",
                    expected="each denominator once",
                    remedy="remove the others",
                )


def _unknown_baseline(document: Mapping[str, Any], where: str) -> Iterator[str]:
    trial, visits = document.get("trial"), section_ids(document, "visits")
    baseline = trial.get("baseline") if isinstance(trial, dict) else None
    if visits and is_id(baseline) and text_of(baseline) not in visits:
        yield unknown(f"{where}, trial, baseline", text_of(baseline), visits, kind="visit")


def unknown(where: str, name: str, known: Iterable[str], *, kind: str) -> str:
    """The sentence for a reference to a `kind` that is not declared."""
    known = list(known)
    return problem(
        where,
        found=f"{name!r}{did_you_mean(name, known)}",
        expected=f"a known {kind}: {', '.join(known)}",
        remedy=f"correct it, or declare the {kind} in the configuration",
    )


def _visit_times(document: Mapping[str, Any], where: str) -> Iterator[str]:
    before: tuple[str, float] | None = None
    for visit in entries(document, "visits"):
        place = f"{where}, visits, {text_of(visit.get('id'))}"
        week = yield from _week(visit, "", place)
        if week is None:
            continue
        if before and week < before[1]:
            yield problem(
                place,
                found=f"week {week:g} after {before[0]!r} at week {before[1]:g}",
                expected="visits in order of time",
                remedy="put the visits in order, or correct the week",
            )
        before = (text_of(visit.get("id")), week)


def _week(entry: Mapping[str, Any], prefix: str, place: str) -> Iterator[str]:
    """Yield what is wrong with ``<prefix>week`` or ``<prefix>day``; return the week, or None."""
    given = [name for name in (f"{prefix}week", f"{prefix}day") if name in entry]
    if len(given) != 1:
        yield problem(
            place,
            found="both" if given else f"neither {prefix}week nor {prefix}day",
            expected=f"{prefix}week: NUMBER or {prefix}day: NUMBER",
            remedy="give one of the two",
        )
        return None
    value = entry[given[0]]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None  # the schema says so
    if not math.isfinite(value):
        yield problem(f"{place}, {given[0]}", found=f"{value}", expected="a number", remedy="correct it")
        return None
    return float(value) if given[0].endswith("week") else float(value) / 7


def _dosing_times(document: Mapping[str, Any], where: str) -> Iterator[str]:
    for number, period in enumerate(entries(document, "dosing"), start=1):
        place = f"{where}, dosing, entry {number}"
        start = yield from _week(period, "from_", place)
        end = yield from _week(period, "to_", place)
        if start is not None and end is not None and end < start:
            yield problem(
                place,
                found=f"an end (week {end:g}) before the start (week {start:g})",
                expected="a period that ends after it starts",
                remedy="swap or correct them",
            )


def _readout_panels(document: Mapping[str, Any], where: str) -> Iterator[str]:
    panels = section_ids(document, "panels")
    for readout in entries(document, "readouts"):
        panel = readout.get("panel")
        if panels and is_id(panel) and text_of(panel) not in panels:
            yield unknown(
                f"{where}, readouts, {text_of(readout.get('id'))}, panel",
                text_of(panel),
                panels,
                kind="panel",
            )


def _quality_limits(document: Mapping[str, Any], where: str) -> Iterator[str]:
    quality = document.get("quality")
    if not isinstance(quality, dict):
        return
    windows = quality.get("plausible_percent")
    pairs = [
        f"{text_of(readout.get('id'))}/{text_of(name)}"
        for readout in entries(document, "readouts")
        for name in (readout.get("denominators") if isinstance(readout.get("denominators"), list) else ())
    ]
    for pair, window in (windows if isinstance(windows, dict) else {}).items():
        place = f"{where}, quality, plausible_percent, {pair}"
        if pairs and pair not in pairs:
            yield unknown(place, pair, pairs, kind="readout/denominator pair")
        if isinstance(window, list) and len(window) == 2 and all(map(_is_number, window)) and window[0] >= window[1]:
            yield problem(place, found=f"{window[0]} to {window[1]}", expected="[low, high]", remedy="swap them")
    yield from _event_limits(quality.get("reportable"), f"{where}, quality, reportable")


def _event_limits(reportable: Any, place: str) -> Iterator[str]:
    names = ("not_reported", "lloq", "min_events")
    given = reportable if isinstance(reportable, dict) else {}
    limits = [(name, given[name]) for name in names if _is_number(given.get(name))]
    for (low, less), (high, more) in pairwise(limits):
        if less > more:
            yield problem(
                place,
                found=f"{low} {less} above {high} {more}",
                expected="not_reported <= lloq <= min_events",
                remedy="correct the limits",
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
