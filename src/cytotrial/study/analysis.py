"""What config.yaml declares about the analysis: clinical endpoints, families of tests, the schedule's visits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cytotrial.documents import text_of
from cytotrial.errors import problem
from cytotrial.study.consistency import entries, is_id, section_ids, unknown

# The statistics cannot be imported here: a test holds these words equal to theirs.
ANY_VISIT = "ANY"  # of an outcome that belongs to the whole trial, as an adverse event does
LOCF_SUFFIX = "_locf"  # of the primary analysis set's name, where last observations are carried forward
TESTS_WITHIN_ARMS = ("paired_t", "wilcoxon")
TESTS_BETWEEN_ARMS = (
    "mann_whitney_level",
    "mann_whitney_change",
    "ancova_percent",
    "ancova_logit",
    "mixed_model_percent",
    "mixed_model_logit",
)
# The families of every trial, whose names no declared one can have.
BUILT_IN_FAMILIES = tuple(
    f"{scope}_{test}"
    for scope, tests in (("all", (*TESTS_WITHIN_ARMS, *TESTS_BETWEEN_ARMS)), ("all_arms", TESTS_WITHIN_ARMS))
    for test in tests
)


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
    """The section ``analysis``; visits of the schedule are None where the dosing periods are to tell.

    An empty `carry_over` means that there is none.
    """

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
            order=int(entry["order"]) if "order" in entry else None,
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
    """Every contradiction of the sections ``endpoints`` and ``analysis``; what has the wrong form the schema tells."""
    visits = section_ids(document, "visits")
    if ANY_VISIT in visits:
        yield problem(
            f"{where}, visits, {ANY_VISIT}",
            found=f"a visit called {ANY_VISIT}",
            expected=f"another id: in the outcomes sheet {ANY_VISIT} stands for the whole trial",
            remedy="rename the visit",
        )
    yield from _endpoint_problems(document, visits, where)
    section = document.get("analysis")
    if isinstance(section, dict):
        yield from _schedule_problems(section, document, f"{where}, analysis, schedule")
        yield from _family_problems(section, document, f"{where}, analysis, families")
        yield from _locf_problems(section, document, where)


def _endpoint_problems(document: Mapping[str, Any], visits: tuple[str, ...], where: str) -> Iterator[str]:
    found = [entry for entry in entries(document, "endpoints") if is_id(entry.get("id"))]
    keys = [f"{text_of(entry['id'])} at {text_of(entry.get('visit', 'no visit'))}" for entry in found]
    yield from _repeated(keys, f"{where}, endpoints")
    first: dict[str, Mapping[str, Any]] = {}
    for entry in found:
        name, place = text_of(entry["id"]), f"{where}, endpoints, {text_of(entry['id'])}"
        yield from _unknown_names([entry.get("visit")], (*visits, ANY_VISIT), "visit", f"{place}, visit")
        if ("order" in entry) != ("visit" in entry):
            has, lacks = ("order", "visit") if "order" in entry else ("visit", "order")
            yield problem(
                place,
                found=f"{has} {text_of(entry[has])} and no {lacks}",
                expected="both where the endpoint is tested in the hierarchy, else neither",
                remedy=f"add {lacks}: ..., or remove {has}",
            )
        for key, default in (("type", None), ("role", "efficacy")):
            before, now = first.setdefault(name, entry).get(key, default), entry.get(key, default)
            if before != now:
                yield problem(
                    f"{place}, {key}",
                    found=f"{text_of(now)} and, in an entry above, {text_of(before)}",
                    expected=f"the same {key} wherever the endpoint is named",
                    remedy="correct one of them",
                )
    yield from _order_problems([entry["order"] for entry in found if "order" in entry], f"{where}, endpoints, order")


def _order_problems(orders: list[Any], place: str) -> Iterator[str]:
    if not all(type(order) is not bool and isinstance(order, int) and order > 0 for order in orders):
        return  # the schema says so
    if sorted(orders) != list(range(1, len(orders) + 1)):
        yield problem(
            place,
            found=", ".join(map(text_of, sorted(orders))),
            expected="1, 2, 3 and so on, each once: the places in the hierarchy",
            remedy="number them anew",
        )


def _schedule_problems(section: Mapping[str, Any], document: Mapping[str, Any], place: str) -> Iterator[str]:
    schedule = section.get("schedule")
    phase_of: dict[str, str] = {}
    for phase, names in (schedule if isinstance(schedule, dict) else {}).items():
        yield from _visit_problems(names, document, f"{place}, {phase}")
        for name in dict.fromkeys(text_of(name) for name in names if is_id(name)) if isinstance(names, list) else ():
            other = phase_of.setdefault(name, phase)
            if other != phase:
                yield problem(
                    f"{place}, {phase}",
                    found=f"{name!r}, which is in {other} too",
                    expected="each visit in one of peak, trough and carry_over",
                    remedy="remove it from one of them",
                )
    yield from _early_carry_over(phase_of, section_ids(document, "visits"), f"{place}, carry_over")


def _early_carry_over(phase_of: Mapping[str, str], visits: tuple[str, ...], place: str) -> Iterator[str]:
    """Visits that are said to come after the peaks and troughs and do not; of those that are declared."""
    cyclic = [visit for visit in visits if phase_of.get(visit) in ("peak", "trough")]
    for name in visits[: visits.index(cyclic[-1])] if cyclic else ():
        if phase_of.get(name) == "carry_over":
            yield problem(
                place,
                found=f"{name!r}, which comes before the {phase_of[cyclic[-1]]} {cyclic[-1]!r}",
                expected="visits after the last peak and the last trough",
                remedy="remove it",
            )


def _family_problems(section: Mapping[str, Any], document: Mapping[str, Any], place: str) -> Iterator[str]:
    found = [family for family in entries(section, "families") if is_id(family.get("id"))]
    yield from _repeated([family["id"] for family in found], place)
    roles = {entry.get("role") for entry in entries(document, "arms")}
    for family in found:
        here = f"{place}, {text_of(family['id'])}"
        yield from _repeated(family.get("subsets"), f"{here}, subsets")
        yield from _unknown_names(
            family.get("subsets"), section_ids(document, "readouts"), "readout", f"{here}, subsets"
        )
        yield from _visit_problems(family.get("visits"), document, f"{here}, visits")
        if text_of(family["id"]) in BUILT_IN_FAMILIES:
            yield problem(
                f"{here}, id",
                found="the name of a family that every trial has",
                expected="another name",
                remedy="rename it",
            )
        if family.get("test") in TESTS_BETWEEN_ARMS and roles in ({"active"}, {"control"}):
            yield problem(
                f"{here}, test",
                found=f"{family['test']}, a test between arms, in a trial of {next(iter(roles))} arms alone",
                expected=f"one of {', '.join(TESTS_WITHIN_ARMS)}",
                remedy="choose one of these, or correct the roles of the arms",
            )


def _locf_problems(section: Mapping[str, Any], document: Mapping[str, Any], where: str) -> Iterator[str]:
    names = section_ids(document, "analysis_sets")
    carried = f"{names[0]}{LOCF_SUFFIX}" if names else ""
    if section.get("locf") is True and carried in names:
        yield problem(
            f"{where}, analysis_sets",
            found=repr(carried),
            expected=f"another name: {names[0]} with last observations carried forward is called that",
            remedy="rename the analysis set and its column, or remove locf",
        )


def _visit_problems(names: Any, document: Mapping[str, Any], place: str) -> Iterator[str]:
    """Visits that are not declared, that are named twice, or that do not come after the baseline."""
    visits, trial = section_ids(document, "visits"), document.get("trial")
    baseline = trial.get("baseline") if isinstance(trial, dict) else None
    yield from _repeated(names, place)
    yield from _unknown_names(names, visits, "visit", place)
    if not is_id(baseline) or text_of(baseline) not in visits:
        return
    after = visits[visits.index(text_of(baseline)) + 1 :]
    for name in names if isinstance(names, list) else ():
        if is_id(name) and text_of(name) in visits and text_of(name) not in after:
            is_baseline = text_of(name) == text_of(baseline)
            yield problem(
                place,
                found=f"{text_of(name)!r}, {'the baseline' if is_baseline else 'a visit before the baseline'}",
                expected=f"a visit after the baseline{': ' if after else ''}{', '.join(after)}",
                remedy="remove it",
            )


def _repeated(names: Any, place: str) -> Iterator[str]:
    listed = [text_of(name) for name in names if is_id(name)] if isinstance(names, list) else []
    for name, times in Counter(listed).items():
        if times > 1:
            yield problem(place, found=f"{name!r} {times} times", expected="each once", remedy="remove the others")


def _unknown_names(names: Any, known: tuple[str, ...], kind: str, place: str) -> Iterator[str]:
    for name in dict.fromkeys(names) if isinstance(names, list) and all(map(is_id, names)) else ():
        if known and text_of(name) not in known:
            yield unknown(place, text_of(name), known, kind=kind)
