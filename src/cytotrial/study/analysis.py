"""What config.yaml declares about the analysis: clinical endpoints, families of tests, the schedule's visits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cytotrial.documents import text_of
from cytotrial.errors import problem
from cytotrial.study.consistency import entries, is_id, section_ids, unknown

ANY_VISIT = "ANY"  # of an outcome that belongs to the whole trial, as an adverse event does


@dataclass(frozen=True)
class Endpoint:
    """A clinical endpoint; `order` is its place in the hierarchy and `visit` when it is tested there, or None."""

    id: str
    label: str
    type: str
    role: str
    order: int | None
    visit: str | None


@dataclass(frozen=True)
class DeclaredFamily:
    """Tests whose p-values are adjusted together; empty `subsets` or `visits` mean all of them."""

    id: str
    test: str
    subsets: tuple[str, ...]
    visits: tuple[str, ...]
    method: str


@dataclass(frozen=True)
class Analysis:
    """The section ``analysis``; visits of the schedule are None where the dosing periods are to tell."""

    peak: tuple[str, ...] | None = None
    trough: tuple[str, ...] | None = None
    carry_over: tuple[str, ...] | None = None
    families: tuple[DeclaredFamily, ...] = ()
    locf: bool = False


def endpoints_of(document: Mapping[str, Any]) -> tuple[Endpoint, ...]:
    """The endpoints of a `document` in which no mistake was found."""
    return tuple(
        Endpoint(
            id=text_of(entry["id"]),
            label=text_of(entry.get("label", entry["id"])),
            type=entry["type"],
            role=entry.get("role", "efficacy"),
            order=entry.get("order"),
            visit=text_of(entry["visit"]) if "visit" in entry else None,
        )
        for entry in document.get("endpoints") or ()
    )


def analysis_of(document: Mapping[str, Any]) -> Analysis:
    """The section ``analysis`` of a `document` in which no mistake was found."""
    section = document.get("analysis") or {}
    schedule = section.get("schedule") or {}
    phases = {name: _texts(schedule[name]) if name in schedule else None for name in ("peak", "trough", "carry_over")}
    families = tuple(
        DeclaredFamily(
            id=text_of(entry["id"]),
            test=entry["test"],
            subsets=_texts(entry.get("subsets") or ()),
            visits=_texts(entry.get("visits") or ()),
            method=entry["method"],
        )
        for entry in section.get("families") or ()
    )
    return Analysis(**phases, families=families, locf=section.get("locf", False))


def _texts(names: Any) -> tuple[str, ...]:
    return tuple(text_of(name) for name in names)


def analysis_problems(document: Mapping[str, Any], *, where: str) -> Iterator[str]:
    """Every reference of the sections ``endpoints`` and ``analysis`` to nothing, and every repetition."""
    visits, readouts = section_ids(document, "visits"), section_ids(document, "readouts")
    yield from _endpoint_problems(document, visits, where)
    section = document.get("analysis")
    if not isinstance(section, dict):
        return
    schedule = section.get("schedule") if isinstance(section.get("schedule"), dict) else {}
    for phase, names in schedule.items():
        yield from _unknown_names(names, visits, "visit", f"{where}, analysis, schedule, {phase}")
    families = entries(section, "families")
    yield from _repeated([family.get("id") for family in families], f"{where}, analysis, families")
    for family in families:
        place = f"{where}, analysis, families, {text_of(family.get('id'))}"
        yield from _unknown_names(family.get("subsets"), readouts, "readout", f"{place}, subsets")
        yield from _unknown_names(family.get("visits"), visits, "visit", f"{place}, visits")


def _endpoint_problems(document: Mapping[str, Any], visits: tuple[str, ...], where: str) -> Iterator[str]:
    found = entries(document, "endpoints")
    keys = [f"{text_of(entry.get('id'))} at {text_of(entry.get('visit', 'all visits'))}" for entry in found]
    yield from _repeated(keys, f"{where}, endpoints")
    yield from _repeated([entry["order"] for entry in found if "order" in entry], f"{where}, endpoints, order")
    for entry in found:
        place = f"{where}, endpoints, {text_of(entry.get('id'))}"
        yield from _unknown_names([entry.get("visit")], (*visits, ANY_VISIT), "visit", f"{place}, visit")
        if "order" in entry and "visit" not in entry:
            yield problem(
                place,
                found=f"order {entry['order']} and no visit",
                expected="the visit at which an endpoint of the hierarchy is tested",
                remedy="add visit: VISIT",
            )


def _repeated(names: list[Any], place: str) -> Iterator[str]:
    for name, times in Counter(text_of(name) for name in names if is_id(name)).items():
        if times > 1:
            yield problem(place, found=f"{name!r} {times} times", expected="each once", remedy="remove the others")


def _unknown_names(names: Any, known: tuple[str, ...], kind: str, place: str) -> Iterator[str]:
    for name in names if isinstance(names, list) else ():
        if known and is_id(name) and text_of(name) not in known:
            yield unknown(place, text_of(name), known, kind=kind)
