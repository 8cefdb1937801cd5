"""The section on gates: where they came from, what each step kept, how many events each population has."""

from __future__ import annotations

import base64
import re
import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cytotrial.cytometry.axis import Axis
from cytotrial.errors import CytotrialError, problem
from cytotrial.report.numbers import MISSING, Cell, number, show, show_count, show_linear
from cytotrial.report.views import Column, Group, Row, TableView, plural, words

SOURCES = ("found", "pooled", "fallback", "fixed", "manual", "fmo")
PICTURE_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
MOST_PICTURES = 120
NO_PANEL = "files that are not in status.tsv"
_PARAMETER = re.compile(r"([TWMA])=([^,)]+)")  # of a scale, as the ledger names it


@dataclass(frozen=True)
class GatePicture:
    """A sample's gates as a picture, carried in the page itself."""

    sample_id: str
    data_uri: str


def gate_table(
    gates: Sequence[Row], populations: Sequence[Row], panels: Mapping[str, str], *, source: str
) -> TableView:
    """How many files have each gate from each source, and the median and range of its threshold.

    Parameters
    ----------
    gates, populations : rows of ``gates.tsv`` and ``populations.tsv``
    panels : mapping
        Sample id to panel.
    """
    by_gate: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in gates:
        key = (_panel(row, panels), str(row["population"]), str(row["marker"]), str(row["bound"]))
        by_gate.setdefault(key, []).append(row)
    ancestry = lineage(populations)
    groups: dict[str, list[list[Cell]]] = {}
    for key in sorted(by_gate, key=lambda key: (key[0], ancestry.get(key[1], (key[1],)), key[2:])):
        groups.setdefault(key[0], []).append([*words(*key[1:]), *_gate_cells(by_gate[key])])
    columns = [Column(name, numeric=False) for name in ("population", "marker", "bound")]
    columns += [
        Column("files"),
        *(Column(name) for name in SOURCES),
        Column("with reason", "files whose gate has a remark in the ledger"),
    ]
    columns += [Column("median", "threshold, compensated linear scale"), Column("range", "lowest to highest")]
    columns.append(
        Column("SD of place", "median uncertainty: of a threshold in linear units, of a shape in % of its extent")
    )
    return TableView("Gates by source", source, columns, [Group(*item) for item in groups.items()])


def step_table(steps: Sequence[Row], panels: Mapping[str, str], *, source: str) -> TableView:
    """Per panel and event-quality step: files in which it was done, and the share of events it kept."""
    by_step: dict[tuple[str, float, str], list[Row]] = {}
    for row in steps:
        key = (_panel(row, panels), number(row["order"]) or 0.0, str(row["step"]))
        by_step.setdefault(key, []).append(row)
    groups: dict[str, list[list[Cell]]] = {}
    for panel, order, step in sorted(by_step):
        rows = by_step[panel, order, step]
        done = [row for row in rows if row["done"] == "Y"]
        kept = [float(row["percent_kept"]) for row in done if row["percent_kept"] is not None]
        middle, lowest = (statistics.median(kept), min(kept)) if kept else (None, None)
        cells = [f"{len(done)} of {len(rows)}", show(middle, decimals=1), show(lowest, decimals=1)]
        groups.setdefault(panel, []).append(words(step, *cells))
    columns = (
        Column("step", numeric=False),
        Column("done in files"),
        Column("median % kept"),
        Column("lowest % kept"),
    )
    return TableView("Event-quality steps", source, columns, [Group(*item) for item in groups.items()])


def population_table(populations: Sequence[Row], panels: Mapping[str, str], *, source: str) -> TableView:
    """Per panel and population: its parent, its events, and its share of the parent."""
    by_population: dict[tuple[str, str], list[Row]] = {}
    for row in populations:
        by_population.setdefault((_panel(row, panels), str(row["population"])), []).append(row)
    ancestry = lineage(populations)
    groups: dict[str, list[list[Cell]]] = {}
    for panel, name in sorted(by_population, key=lambda key: (key[0], ancestry.get(key[1], (key[1],)))):
        rows = by_population[panel, name]
        events = [float(row["n_events"]) for row in rows if row["n_events"] is not None]
        shares = [
            100 * float(row["n_events"]) / float(row["n_parent"])
            for row in rows
            if row["n_events"] is not None and row["n_parent"] is not None and float(row["n_parent"]) > 0
        ]
        cells = [
            rows[0]["parent"] or MISSING,
            f"{len(events)} of {len(rows)}",
            show_count(statistics.median(events) if events else None),
            show_count(min(events) if events else None),
            show(statistics.median(shares) if shares else None),
        ]
        groups.setdefault(panel, []).append(words(name, *cells))
    columns = (
        *(Column(name, numeric=False) for name in ("population", "parent")),
        Column("counted in files"),
        Column("median events"),
        Column("fewest events"),
        Column("median % of parent"),
    )
    return TableView("Populations", source, columns, [Group(*item) for item in groups.items()])


def read_pictures(
    folders: Sequence[Path], panels: Mapping[str, str], *, first: Collection[str] = (), most: int = MOST_PICTURES
) -> tuple[dict[str, list[GatePicture]], int]:
    """The pictures ``<sample_id>.svg`` and ``.png`` of `folders`, by panel and sample; and how many were left out.

    Parameters
    ----------
    folders : sequence of Path
        Searched with all that is in them; a picture of a sample without panel is of another trial or run.
    panels : mapping
        Sample id to panel.
    first : collection of str
        Samples whose pictures are taken in before the others': those that a person has to look at.
    most : int
        So many pictures at most, or the page of a large trial becomes too heavy to open.

    Raises
    ------
    CytotrialError
        Some of `folders` is no folder.
    """
    missing = [
        problem(str(folder), found="no folder", expected="pictures <sample_id>.svg or .png", remedy="check the path")
        for folder in folders
        if not folder.is_dir()
    ]
    if missing:
        raise CytotrialError(missing)
    inside = (path for folder in folders for path in folder.rglob("*"))
    files = [path for path in inside if path.suffix.lower() in PICTURE_TYPES and path.stem in panels]
    files.sort(key=lambda path: (path.stem not in first, path.stem))
    pictures: dict[str, list[GatePicture]] = {}
    for path in files[:most]:
        content = base64.b64encode(path.read_bytes()).decode("ascii")
        uri = f"data:{PICTURE_TYPES[path.suffix.lower()]};base64,{content}"
        pictures.setdefault(panels[path.stem], []).append(GatePicture(path.stem, uri))
    return dict(sorted(pictures.items())), max(0, len(files) - most)


def _panel(row: Row, panels: Mapping[str, str]) -> str:
    return row.get("panel") or panels.get(str(row["sample_id"]), NO_PANEL)


def _gate_cells(rows: Sequence[Row]) -> list[Cell]:
    counted = Counter(row["source"] for row in rows)
    linear = [float(row["threshold_linear"]) for row in rows if row["threshold_linear"] is not None]
    cells = [Cell(str(len(rows)))]
    cells += [Cell(str(counted[name]), css="" if counted[name] else "quiet") for name in SOURCES]
    cells.append(Cell(str(sum(row["reason"] is not None for row in rows)), css=""))
    if not linear:
        none = Cell(MISSING, "a shape has no threshold", "na")
        return [*cells, none, none, _place_cell(rows)]
    spread = f"{show_linear(min(linear))} to {show_linear(max(linear))}"
    return [*cells, Cell(show_linear(statistics.median(linear))), Cell(spread), _place_cell(rows)]


def _place_cell(rows: Sequence[Row]) -> Cell:
    """How sure the gate's place is in the file in the middle."""
    known = [row for row in rows if row["uncertainty"] is not None]
    if not known:
        return Cell(MISSING, "nothing in the events placed it, or too few files show how it varies", "na")
    title = f"known in {len(known)} of {plural(len(rows), 'file')}"
    if known[0]["threshold"] is None:
        return Cell(f"{show(100 * statistics.median(float(row['uncertainty']) for row in known), decimals=1)} %", title)
    return Cell(show_linear(statistics.median(map(_linear_sd, known))), title)


def _linear_sd(row: Row) -> float:
    """Uncertainty of a threshold in linear units: half of what one SD to either side on the gate's scale comes to."""
    method, _, rest = str(row["scale"] or "linear").partition("(")
    given = {name: float(value) for name, value in _PARAMETER.findall(rest)}
    axis = Axis("", "", 0, given.get("T", 0.0), method, given.get("W", 0.0), given.get("M", 0.0), given.get("A", 0.0))
    place, sd = float(row["threshold"] or 0.0), float(row["uncertainty"] or 0.0)
    low, high = axis.to_linear(np.array([place - sd, place + sd]))
    return float(high - low) / 2


def lineage(populations: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """Each population's ancestors and itself, so that sorting puts children below their parents."""
    parents = {str(row["population"]): row["parent"] for row in populations}
    found = {}
    for name in parents:
        path = [name]
        while (parent := parents.get(path[0])) is not None and parent not in path:
            path.insert(0, parent)
        found[name] = tuple(path)
    return found
