"""What gates a FlowJo workspace or a GatingML file has, by their paths. Light: neither numpy nor FlowKit here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.gating.drawn.xml_file import KINDS, read_xml

FLOWJO, GATINGML = "flowjo", "gatingml"
OLDEST_FLOWJO = 10
GATING = "{http://www.isac-net.org/std/Gating-ML/v2.0/gating}"
DATATYPES = "{http://www.isac-net.org/std/Gating-ML/v2.0/datatypes}"
TRANSFORMATIONS = "{http://www.isac-net.org/std/Gating-ML/v2.0/transformations}"
BOOLEAN_NODES = ("AndNode", "OrNode", "NotNode")
EVERY_SAMPLE = ""  # the one tree of a GatingML file, which is for whatever file it is applied to
GatePath = tuple[str, ...]  # names from the first gate below the root down to the gate itself


@dataclass(frozen=True)
class GateEntry:
    """One gate as its file lists it.

    Attributes
    ----------
    kind : str
        ``PolygonGate``, ``AndNode``, ``Quadrant`` ...
    refers_to : tuple of paths
        Of a Boolean gate: the gates it is made of.
    count : int or None
        The events FlowJo itself counted when the workspace was saved.
    """

    path: GatePath
    kind: str
    refers_to: tuple[GatePath, ...] = ()
    count: int | None = None

    @property
    def holds_events(self) -> bool:
        """Whether it is a population: a quadrant gate is only a set of dividers, its quadrants hold the events."""
        return self.kind != "QuadrantGate"


Tree = Mapping[GatePath, GateEntry]


@dataclass(frozen=True)
class Contents:
    """A file's gates.

    Attributes
    ----------
    kind : str
        ``flowjo`` or ``gatingml``.
    samples : tuple of str
        Names of the workspace's samples, as often as they occur; none in a GatingML file.
    trees : mapping
        Sample name -> path -> gate. A GatingML file's one tree has the name `EVERY_SAMPLE`.
    """

    file: Path
    kind: str
    samples: tuple[str, ...]
    trees: Mapping[str, Tree] = field(repr=False)

    def tree(self, sample: str) -> Tree:
        """The gates of one sample; in a GatingML file the same for all."""
        return self.trees[EVERY_SAMPLE if self.kind == GATINGML else sample]

    def paths(self) -> list[GatePath]:
        """Every path that some sample has, in the file's order."""
        return list(dict.fromkeys(path for tree in self.trees.values() for path in tree))

    def entry(self, path: GatePath) -> GateEntry | None:
        """The gate at `path` in the first sample that has it."""
        return next((tree[path] for tree in self.trees.values() if path in tree), None)

    def find(self, written: str) -> GatePath | None:
        """The path that a user has written: names joined by ``/``, with or without ``root/`` before them.

        A GatingML id is unique in its file and may stand alone.
        """
        steps = written.strip().strip("/")
        for wanted in (steps, steps.removeprefix("root/")):
            for path in self.paths():
                if "/".join(path) == wanted or (self.kind == GATINGML and path[-1] == wanted):
                    return path
        return None

    def near(self, written: str) -> str:
        """`` (did you mean 'T cells/CD4/Treg'?)``: a gate of that name elsewhere, else a path that looks like it."""
        last = written.strip("/").rpartition("/")[2].casefold()
        namesakes = ["/".join(path) for path in self.paths() if path[-1].casefold() == last]
        if namesakes:
            return f" (did you mean {' or '.join(repr(path) for path in namesakes[:3])}?)"
        return did_you_mean(written, ["/".join(path) for path in self.paths()])


def needed(tree: Tree, path: GatePath) -> tuple[GatePath, ...]:
    """All that a gate stands on: itself, the gates above it, and what a Boolean gate among them refers to."""
    found: dict[GatePath, None] = {}
    waiting = [path]
    while waiting:
        here = waiting.pop()
        if here in found or here not in tree:
            continue
        found[here] = None
        waiting += [here[:-1], *tree[here].refers_to]
    return tuple(found)


def read_contents(path: Path) -> Contents:
    """List the gates of a FlowJo workspace or GatingML file.

    Raises
    ------
    CytotrialError
        It is neither, of a FlowJo before 10, or its gates refer to gates that it does not have.
    """
    root = read_xml(path)
    if root.tag == f"{GATING}Gating-ML":
        return Contents(path, GATINGML, (), {EVERY_SAMPLE: _gatingml_tree(path, root)})
    version = str(root.get("flowJoVersion", ""))
    if root.tag != "Workspace" or not version.partition(".")[0].isdigit():
        element = str(root.tag).rpartition("}")[2]
        found = f"the root element {element!r}" + ("" if version else " without a FlowJo version")
        raise CytotrialError(problem(str(path), found=found, expected=KINDS, remedy="export it again from FlowJo 10"))
    if int(version.partition(".")[0]) < OLDEST_FLOWJO:
        found, remedy = f"a workspace of FlowJo {version}", "open and save it in FlowJo 10"
        raise CytotrialError(problem(str(path), found=found, expected=KINDS, remedy=remedy))
    nodes = [node for sample in root.findall("SampleList/Sample") for node in sample.findall("SampleNode")]
    if not nodes:
        expected, remedy = "a workspace with samples", "add the FCS files in FlowJo"
        raise CytotrialError(problem(str(path), found="no sample", expected=expected, remedy=remedy))
    names = [str(node.get("name", "")) for node in nodes]
    trees = {name: _flowjo_tree(node) for name, node in zip(names, nodes, strict=True)}
    return Contents(path, FLOWJO, tuple(names), trees)


def flowjo_gates(parent: Any) -> Iterator[Any]:
    """The elements of the gates directly below a sample's or a population's element."""
    for group in parent.findall("Subpopulations"):
        for element in group:
            if element.tag == "Population" or element.tag in BOOLEAN_NODES:
                yield element


def _flowjo_tree(node: Any) -> Tree:
    elements = dict(_walk(node, ()))
    by_text = {"/".join(path): path for path in elements}
    return {path: _flowjo_entry(path, element, by_text) for path, element in elements.items()}


def _walk(parent: Any, above: GatePath) -> Iterator[tuple[GatePath, Any]]:
    for element in flowjo_gates(parent):
        path = (*above, str(element.get("name", "")))
        yield path, element
        yield from _walk(element, path)


def _flowjo_entry(path: GatePath, element: Any, by_text: Mapping[str, GatePath]) -> GateEntry:
    if element.tag in BOOLEAN_NODES:
        names = [str(one.get("name", "")) for one in element.findall("Dependents/Dependent")]
        kind, refers_to = element.tag, tuple(by_text.get(name, tuple(name.split("/"))) for name in names)
    else:
        shapes = [str(shape.tag).rpartition("}")[2] for gate in element.findall("Gate") for shape in gate]
        kind, refers_to = shapes[0] if shapes else "no gate", ()
    count = str(element.get("count", ""))  # -1 where FlowJo had not counted yet
    return GateEntry(path, str(kind), refers_to, int(count) if count.isdigit() else None)


def _gatingml_tree(file: Path, root: Any) -> Tree:
    gates = [element for element in root if element.get(f"{GATING}id") and str(element.tag).endswith("Gate")]
    parents: dict[str, str | None] = {}
    kinds: dict[str, str] = {}
    references: dict[str, list[str]] = {}
    for element in gates:
        name = element.get(f"{GATING}id")
        kinds[name] = str(element.tag).removeprefix(GATING)
        parents[name] = element.get(f"{GATING}parent_id")
        references[name] = [str(one.get(f"{GATING}ref")) for one in element.iter(f"{GATING}gateReference")]
        for quadrant in filter(None, (one.get(f"{GATING}id") for one in element.findall(f"{GATING}Quadrant"))):
            kinds[quadrant], parents[quadrant] = "Quadrant", name
    _check_references(file, root, parents, references)
    paths = {name: _path(file, name, parents) for name in kinds}
    return {
        path: GateEntry(path, kinds[name], tuple(paths[one] for one in references.get(name, ())))
        for name, path in paths.items()
    }


def _check_references(
    file: Path, root: Any, parents: Mapping[str, str | None], references: Mapping[str, Sequence[str]]
) -> None:
    named = [(name, parent) for name, parent in parents.items() if parent is not None]
    named += [(name, one) for name, ones in references.items() for one in ones]
    wrong = [(f"gate {name}", other, "gate", list(parents)) for name, other in named if other not in parents]
    known = [str(element.get(f"{TRANSFORMATIONS}id")) for element in root]
    for attribute, word in (
        (f"{GATING}transformation-ref", "scale"),
        (f"{DATATYPES}transformation-ref", "ratio"),
        (f"{GATING}compensation-ref", "matrix"),
    ):
        for element in root.iter(f"{GATING}dimension", f"{GATING}divider", f"{DATATYPES}new-dimension"):
            other = element.get(attribute)
            if other not in (None, "uncompensated", "FCS", *known):
                wrong.append((f"line {element.sourceline}", other, word, known))
    problems = [
        problem(
            f"{file}, {where}",
            found=f"a reference to {other!r}",
            expected=f"a {word} of this file{did_you_mean(other, candidates)}",
            remedy="export it again from the program that made it",
        )
        for where, other, word, candidates in wrong
    ]
    if problems:
        raise CytotrialError(problems)


def _path(file: Path, name: str, parents: Mapping[str, str | None]) -> GatePath:
    steps: list[str] = []
    above: str | None = name
    while above is not None:
        if above in steps:
            found, remedy = "a gate that is its own ancestor", "export it again from the program that made it"
            raise CytotrialError(
                problem(f"{file}, gate {name}", found=found, expected="a tree of gates", remedy=remedy)
            )
        steps.insert(0, above)
        above = parents[above]
    return tuple(steps)
