"""The gate map: which gate of a workspace is which population; read, and every mistake told at once. Light."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cytotrial.cytometry.scale import Scale
from cytotrial.documents import read_yaml, shown, text_of
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.gating.arguments import METHODS
from cytotrial.gating.drawn.contents import FLOWJO, Contents, GatePath, needed, read_contents
from cytotrial.gating.drawn.schema import schema_problems
from cytotrial.gating.drawn.strategy import QUALITY_STEPS, DrawnStrategy, is_mapped
from cytotrial.gating.strategy import ROOT, Rule

KEYS = ("populations", "samples")
WANTED = "populations: {population id: gate path} and, where names differ, samples: {sample id: name in the workspace}"
OPTIONAL = ("lymphocytes",)
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def load_drawn_strategy(drawing: Path, gate_map: Path) -> DrawnStrategy:
    """The strategy of a FlowJo workspace or GatingML file, its populations named by a gate map.

    Raises
    ------
    CytotrialError
        Every mistake in either file, one line each.
    """
    problems: list[str] = []
    document, contents = _read(gate_map, drawing, problems)
    if document is None or contents is None:
        raise CytotrialError(problems)
    paths = _paths(str(gate_map), document.get("populations"), contents, problems)
    samples = _samples(str(gate_map), document.get("samples"), contents, problems)
    problems += _reused(str(gate_map), paths)
    if problems:
        raise CytotrialError(problems)
    rules, by_rule = _rules(paths, contents)
    return DrawnStrategy(drawing.name, Scale(), rules, contents, by_rule, samples)


def _read(gate_map: Path, drawing: Path, problems: list[str]) -> tuple[Mapping[str, Any] | None, Contents | None]:
    document, contents = None, None
    try:
        document = read_yaml(gate_map)
        if not isinstance(document, dict):
            problems.append(problem(str(gate_map), found=shown(document), expected=WANTED, remedy="write the map"))
            document = None
    except CytotrialError as error:
        problems += error.problems
    try:
        contents = read_contents(drawing)
        problems += schema_problems(contents)
    except CytotrialError as error:
        problems += error.problems
    unknown = [key for key in document or () if key not in KEYS]
    problems += [
        problem(
            f"{gate_map}, {key}",
            found=f"the unknown key {key!r}{did_you_mean(key, KEYS)}",
            expected=f"only {' and '.join(KEYS)}",
            remedy="correct or remove it",
        )
        for key in unknown
    ]
    return document, contents


def _paths(where: str, given: Any, contents: Contents, problems: list[str]) -> dict[str, GatePath]:
    where = f"{where}, populations"
    if not isinstance(given, dict) or not given:
        wanted, remedy = "{population id: gate path}, at least one", "name the gates that are to be counted"
        problems.append(problem(where, found=shown(given), expected=wanted, remedy=remedy))
        return {}
    found: dict[str, GatePath] = {}
    for name, written in given.items():
        if not _ID.fullmatch(name) or name == ROOT:
            wanted = f"letters, digits and _, and not {ROOT}"
            problems.append(problem(f"{where}, {name}", found=f"the id {name!r}", expected=wanted, remedy="rename it"))
        elif written is None or isinstance(written, dict | list | bool):
            wanted, remedy = 'a gate path in quotes, as in "T cells/CD4"', "write the path"
            problems.append(problem(f"{where}, {name}", found=shown(written), expected=wanted, remedy=remedy))
        else:
            path = _path(f"{where}, {name}", text_of(written), contents, problems)
            found |= {name: path} if path else {}
    return found


def _path(where: str, written: str, contents: Contents, problems: list[str]) -> GatePath | None:
    found, file = contents.find(written), contents.file.name
    if found is None:
        near = contents.near(written)
        remedy = "write the names from the first gate down, joined by /"
        problems.append(problem(where, found=f"{written!r}{near}", expected=f"a gate of {file}", remedy=remedy))
        return None
    entry = contents.entry(found)
    if entry is not None and not entry.holds_events:
        quadrants = ", ".join(repr(path[-1]) for path in contents.paths() if path[:-1] == found)
        remedy = f"name one of its quadrants: {quadrants}"
        problems.append(problem(where, found=f"the quadrant gate {written!r}", expected="a population", remedy=remedy))
        return None
    slashed = _slashed(contents, found)
    if slashed:
        remedy = f"rename it in {'FlowJo' if contents.kind == FLOWJO else 'the file'} and save it again"
        wanted = "no / in the name of a gate that has gates below it or in a Boolean gate"
        problems.append(problem(where, found=f"the gate {slashed!r} on its way", expected=wanted, remedy=remedy))
        return None
    return found


def _slashed(contents: Contents, path: GatePath) -> str | None:
    """A gate that FlowKit cannot walk through: it takes the slash in its name for a step down."""
    for tree in contents.trees.values():
        for one in needed(tree, path):
            above = one[:-1] if one == path else one
            bad = next((name for name in above if "/" in name), None)
            if bad is not None:
                return bad
    return None


def _samples(where: str, given: Any, contents: Contents, problems: list[str]) -> dict[str, str]:
    where = f"{where}, samples"
    if given is None:
        return {}
    if contents.kind != FLOWJO:
        wanted, remedy = "none: a GatingML file has the same gates for every sample", "remove the key"
        problems.append(problem(where, found="names of samples", expected=wanted, remedy=remedy))
        return {}
    if not isinstance(given, dict):
        wanted = "{sample id: name in the workspace}"
        problems.append(problem(where, found=shown(given), expected=wanted, remedy="correct it"))
        return {}
    known = {name.casefold() for name in contents.samples}
    for sample, name in given.items():
        if isinstance(name, dict | list | bool) or name is None or text_of(name).casefold() not in known:
            near = did_you_mean(name, contents.samples) if isinstance(name, str) else ""
            wanted = f"a sample of {contents.file.name}"
            problems.append(
                problem(f"{where}, {sample}", found=f"{shown(name)}{near}", expected=wanted, remedy="correct it")
            )
    return {sample: text_of(name) for sample, name in given.items()}


def _reused(where: str, paths: Mapping[str, GatePath]) -> Iterator[str]:
    first: dict[GatePath, str] = {}
    for name, path in paths.items():
        if path in first:
            yield problem(
                f"{where}, populations, {name}",
                found=f"the gate of {first[path]} again",
                expected="each gate once",
                remedy="remove one of the two",
            )
        first.setdefault(path, name)


def _rules(paths: Mapping[str, GatePath], contents: Contents) -> tuple[tuple[Rule, ...], dict[str, GatePath]]:
    """A rule per gate on the way to the mapped ones, parents above children, else in the map's order."""
    names = {path: name for name, path in paths.items()}
    placed: dict[GatePath, Rule] = {}
    for path in paths.values():
        parent = ROOT
        for depth in range(1, len(path) + 1):
            here = path[:depth]
            entry = contents.entry(here)
            if entry is not None and not entry.holds_events:
                continue
            name = names.get(here, "/".join((ROOT, *here)))
            placed.setdefault(here, _rule(name, parent, here, contents))
            parent = name
    return tuple(placed.values()), {rule.id: path for path, rule in placed.items()}


def _rule(name: str, parent: str, path: GatePath, contents: Contents) -> Rule:
    args = METHODS[contents.kind](file=contents.file.name, gate="/".join(path))
    step = "quality" if name in QUALITY_STEPS else "optional" if name in OPTIONAL else "lineage"
    return Rule(name, parent, (), contents.kind, args, "none", None, step if is_mapped(name) else "lineage")
