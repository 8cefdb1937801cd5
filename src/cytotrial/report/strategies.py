"""How each panel's populations are found: its marker map and gating strategy, read and put in words."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.cytometry.panel import Panel, load_panel
from cytotrial.cytometry.scale import Scale
from cytotrial.errors import CytotrialError
from cytotrial.gating.arguments import METHODS
from cytotrial.gating.drawn.strategy import DrawnStrategy
from cytotrial.gating.strategy import ROOT, Rule, Strategy
from cytotrial.gating.strategy_file import DRAWINGS, load_strategy
from cytotrial.report.numbers import Cell
from cytotrial.report.views import Column, TableView, flat, plural, words
from cytotrial.study.config import PanelFiles

# What the bundled strategies' populations are; shown only where the population's lineage has all these markers.
PHENOTYPES = {
    "cd3": "CD3+",
    "cd4": "CD3+CD4+CD8-",
    "cd8": "CD3+CD8+CD4-",
    "treg": "CD4+ CD25hi CD127lo",
    "nk": "CD3-CD56+",
    "cd56bright_nk": "CD3-CD56bright",
}
_CD = re.compile(r"CD\d+")
_COLUMNS = tuple(
    Column(label, title, numeric=False, wide=wide)
    for label, title, wide in (
        ("population", "in gating order", False),
        ("phenotype", "of the populations that the bundled strategies define", False),
        ("parent", "the population it is gated in", False),
        ("markers", "", False),
        ("method", "described below the tables", False),
        ("arguments (not default)", "set otherwise than the package does, or without a default", True),
        ("arguments (default)", "", False),
        ("pool", "whose files lend a gate where a file shows none of its own", False),
    )
)
_FALLBACK = Column("fallback", "linear thresholds where there is nothing to borrow either", numeric=False)


@dataclass(frozen=True)
class Document:
    """A file that the page carries as it is."""

    name: str
    text: str
    sha256: str


@dataclass(frozen=True)
class PanelDocuments:
    """One panel as its files describe it; ``None`` where a file is not there or has mistakes, and `notes` say so."""

    id: str
    gating_name: str
    strategy: Strategy | None
    compensation: str | None
    documents: tuple[Document, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class StrategyView:
    """What the page shows of one panel."""

    panel: str
    sentences: Sequence[str]
    table: TableView | None
    notes: Sequence[str]


def read_panel_files(files: PanelFiles) -> PanelDocuments:
    """A panel's two files, its gate map and its compensation matrix where it has them, from the working directory.

    Never raises for the user's errors: the page is of results that are there, and says what it could not read.
    """
    panel, strategy = Path(files.markers), Path(files.gating)
    gate_map = [Path(files.gate_map)] if files.gate_map else []
    notes = []
    read: list[Any] = []
    for path, load, kind in (
        (panel, load_panel, "marker map"),
        (strategy, lambda path: load_strategy(path, *gate_map), "gating strategy"),
    ):
        content, note = _loaded(path, load, kind)
        read.append(content)
        notes += note
    markers: Panel | None = read[0]
    compensation = markers.compensation if markers else None
    paths = [panel, strategy, *gate_map]
    if compensation not in (None, "fcs", "none"):
        paths.append(Path(str(compensation)))
        compensation = page_name(paths[-1])
        notes += [] if paths[-1].is_file() else [_absent(paths[-1], "compensation matrix")]
    documents = tuple(_document(path) for path in paths if path.is_file())
    return PanelDocuments(files.id, page_name(strategy), read[1], compensation, documents, tuple(notes))


def page_name(path: Path) -> str:
    """A path as written; of an absolute one folder and file, as no path of the machine enters the page.

    Examples
    --------
    >>> page_name(Path("config/panels/nk.yaml")), page_name(Path("/data/trial/nk.yaml"))
    ('config/panels/nk.yaml', 'trial/nk.yaml')
    """
    return "/".join(path.parts[1:][-2:]) if path.is_absolute() else path.as_posix()


def strategy_view(panel: PanelDocuments) -> StrategyView:
    """One panel in words, with one row per population in gating order."""
    sentences, table = [], None
    if panel.strategy:
        sentences.append(f"Strategy {panel.strategy.name}. {_places(panel.strategy)}")
        table = _table(panel.strategy, f"Populations of panel {panel.id}", panel.gating_name)
    if isinstance(panel.strategy, DrawnStrategy):
        sentences.append(f"Compensation: as {panel.strategy.name} has it.")
    elif panel.compensation:
        sentences.append(f"Compensation: {compensation_words(panel.compensation)}.")
    return StrategyView(panel.id, sentences, table, panel.notes)


def method_sentences(panels: Sequence[PanelDocuments]) -> list[tuple[str, str]]:
    """Every method that some population is found by, and what it does, in the package's order."""
    used = {rule.method for panel in panels if panel.strategy for rule in panel.strategy.rules}
    return [
        (name, " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split()))
        for name, kind in METHODS.items()
        if name in used
    ]


def compensation_words(source: str) -> str:
    """Where the spillover matrix is from.

    Examples
    --------
    >>> compensation_words("none")
    "none, the files' values are used as they are"
    """
    if source == "fcs":
        return "each FCS file's own spillover matrix"
    if source == "none":
        return "none, the files' values are used as they are"
    return f"the matrix of {source} for every file, in place of the files' own"


def phenotype(rule: Rule, strategy: Strategy) -> str:
    """What cells a population of the bundled strategies is; nothing for ids, or lineages, that are not theirs."""
    wanted = PHENOTYPES.get(rule.id, "")
    by_id = {one.id: one for one in strategy.rules}
    gated_on: set[str] = set()
    above: Rule | None = rule
    while above:
        gated_on.update(above.markers)
        above = None if above.parent == ROOT else by_id.get(above.parent)
    return wanted if gated_on.issuperset(_CD.findall(wanted)) else ""


def _loaded(path: Path, load: Any, kind: str) -> tuple[Any, list[str]]:
    """What `load` makes of a file, or ``None`` and why."""
    if not path.is_file():
        return None, [_absent(path, kind)]
    try:
        return load(path), []
    except CytotrialError as error:
        mistakes = plural(len(error.problems), "mistake")
        return None, [f"The {kind} {page_name(path)} has {mistakes}; cytotrial check names them."]


def _absent(path: Path, kind: str) -> str:
    return f"The {kind} {page_name(path)} was not there when this page was made."


def _document(path: Path) -> Document:
    content = path.read_bytes()
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    if path.suffix.lower() in DRAWINGS:  # large, and it names people and folders of the laboratory
        text = f"A file of {-(-len(content) // 1000):,} kB that is not copied into this page."
    return Document(page_name(path), text, hashlib.sha256(content).hexdigest())


def _places(strategy: Strategy) -> str:
    """Where the strategy's gates live, in words."""
    if isinstance(strategy, DrawnStrategy):
        return f"Its gates were drawn by hand; they are applied as {strategy.name} has them, on its own scales."
    return _scale(strategy.scale)


def _scale(scale: Scale) -> str:
    numbers = f"M {scale.m:g}, A {scale.a:g}"
    wider = ""
    if scale.method == "logicle":
        numbers = f"W {scale.w:g}, {numbers}"
        wider = "; a file whose negative values reach further gets a larger W"
    return f"Fluorescence gates are on the {scale.method} scale: {numbers}; T is each channel's own range{wider}."


def _table(strategy: Strategy, caption: str, source: str) -> TableView:
    lent = any(rule.fallback for rule in strategy.rules)
    rows = []
    for rule in strategy.rules:
        row = words(rule.id, phenotype(rule, strategy), rule.parent, ", ".join(rule.markers), rule.method)
        row += [*_arguments(rule.args), Cell(rule.pool)]
        if lent:
            row.append(Cell(", ".join(_plain(value) for value in rule.fallback or ()) or "none"))
        rows.append(row)
    return TableView(caption, source, (*_COLUMNS, *([_FALLBACK] if lent else [])), flat(rows))


def _arguments(args: Any) -> list[Cell]:
    """Two cells: the arguments the strategy sets otherwise than the package, or must set; and the others."""
    own, default = [], []
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        if field.name == "file":
            value = page_name(Path(value))
        (default if value == field.default else own).append(f"{field.name}={_plain(value)}")
    return [Cell(", ".join(own)), Cell(", ".join(default), css="quiet")]


def _plain(value: Any) -> str:
    """A value as a strategy file writes it."""
    if value is None:
        return "null"
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)
