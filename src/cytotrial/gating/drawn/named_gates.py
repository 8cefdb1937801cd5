"""Single drawn gates that a YAML strategy names (methods `flowjo` and `gatingml`): checked before any run. Light."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cytotrial.documents import file_problem
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.gating.drawn.contents import BOOLEAN_NODES, FLOWJO, GATINGML, Contents, read_contents
from cytotrial.gating.drawn.schema import schema_problems
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.strategy import Rule, Strategy

KIND_OF = {FLOWJO: "a FlowJo 10 workspace", GATINGML: "a GatingML 2.0 file"}


def gate_files(strategy: Strategy) -> list[str]:
    """The files that single gates of a YAML strategy are in, as written."""
    if isinstance(strategy, DrawnStrategy):
        return []
    return sorted({rule.args.file for rule in strategy.rules if rule.method in KIND_OF})


def named_gate_problems(strategy: Strategy, *, where: str, root: Path) -> list[str]:
    """Files that are not there or cannot be read, and gates that they do not have.

    Parameters
    ----------
    where : str
        The strategy's file, for messages.
    root : Path
        The working directory: where the paths of the files begin.
    """
    if isinstance(strategy, DrawnStrategy):
        return []
    problems: list[str] = []
    read: dict[str, Contents | None] = {}
    for rule in strategy.rules:
        if rule.method not in KIND_OF:
            continue
        place = f"{where}, populations, {rule.id}, args"
        file = rule.args.file
        if file not in read:
            read[file] = _read(file, f"{place}, file", root, problems)
        contents = read[file]
        if contents is not None:
            problems += _gate_problems(rule, contents, place)
    return problems


def _read(file: str, where: str, root: Path, problems: list[str]) -> Contents | None:
    absent = file_problem(file, root=root, where=where)
    if absent:
        problems.append(absent)
        return None
    try:
        contents = read_contents(root / file)
    except CytotrialError as error:
        problems += error.problems
        return None
    problems += schema_problems(contents)
    return contents


def _gate_problems(rule: Rule, contents: Contents, where: str) -> Iterator[str]:
    name = contents.file.name
    if contents.kind != rule.method:
        wanted = KIND_OF[rule.method]
        remedy = f"say method: {contents.kind}, or name another file"
        yield problem(f"{where}, file", found=KIND_OF[contents.kind], expected=wanted, remedy=remedy)
        return
    sample = getattr(rule.args, "sample", None)
    if sample is not None and sample.casefold() not in {one.casefold() for one in contents.samples}:
        found = f"{sample!r}{did_you_mean(sample, contents.samples)}"
        yield problem(f"{where}, sample", found=found, expected=f"a sample of {name}", remedy="correct it")
    path = contents.find(rule.args.gate)
    entry = contents.entry(path) if path else None
    if entry is None:
        found = f"{rule.args.gate!r}{contents.near(rule.args.gate)}"
        remedy = "write the names from the first gate down, joined by /"
        yield problem(f"{where}, gate", found=found, expected=f"a gate of {name}", remedy=remedy)
    elif entry.kind in (*BOOLEAN_NODES, "BooleanGate", "QuadrantGate"):
        remedy = "name a gate that was drawn, or use the whole file as the panel's strategy"
        expected = "a rectangle, polygon, ellipse or quadrant"
        yield problem(f"{where}, gate", found=f"the {entry.kind} {rule.args.gate!r}", expected=expected, remedy=remedy)
