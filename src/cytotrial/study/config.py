"""The trial as its config.yaml says: arms, visits, dosing, sheets, panels, readouts, analysis sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cytotrial.documents import load_schema, plain, read_yaml, schema_problems, shown, text_of
from cytotrial.errors import CytotrialError, problem
from cytotrial.study.analysis import Analysis, Endpoint, analysis_of, analysis_problems, endpoints_of
from cytotrial.study.consistency import consistency_problems, entries, section_ids

DAYS_PER_WEEK = 7.0


@dataclass(frozen=True)
class Arm:
    """One arm; `role` is ``active`` or ``control``."""

    id: str
    label: str
    role: str


@dataclass(frozen=True)
class Visit:
    """One planned visit; `week` counts from the first dose, negative before it."""

    id: str
    week: float


@dataclass(frozen=True)
class Dosing:
    """One dosing period, in weeks."""

    from_week: float
    to_week: float


@dataclass(frozen=True)
class Sheets:
    """Paths of the sheets, as written: absolute, or relative to the working directory."""

    samples: str
    subjects: str
    outcomes: str | None
    overrides: str | None


@dataclass(frozen=True)
class PanelFiles:
    """One panel: its marker map, its gating strategy and, where people drew that, its gate map; paths as written."""

    id: str
    markers: str
    gating: str
    gate_map: str | None = None


@dataclass(frozen=True)
class Readout:
    """One subset to report, under each of `denominators`; the first is the primary one."""

    id: str
    label: str
    panel: str
    population: str
    denominators: tuple[str, ...]
    condition: str | None


@dataclass(frozen=True)
class Study:
    """A trial's design. Who is in which arm is not here: that is in the subjects sheet alone."""

    id: str
    title: str
    baseline: str
    synthetic: bool
    arms: tuple[Arm, ...]
    visits: tuple[Visit, ...]
    dosing: tuple[Dosing, ...]
    sheets: Sheets | None
    panels: tuple[PanelFiles, ...]
    readouts: tuple[Readout, ...]
    analysis_sets: tuple[str, ...]
    quality: Mapping[str, Any]
    run: Mapping[str, Any]
    endpoints: tuple[Endpoint, ...] = ()
    analysis: Analysis = field(default_factory=Analysis)


@dataclass(frozen=True)
class Draft:
    """A configuration as read: every mistake in it, and the parts that are well formed in spite of them."""

    problems: tuple[str, ...]
    study: Study | None = None
    arms: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    panel_ids: tuple[str, ...] = ()
    analysis_sets: tuple[str, ...] = ()
    baseline: str | None = None
    sheets: Sheets | None = None
    panels: tuple[PanelFiles, ...] = ()
    readouts: tuple[Readout, ...] = ()
    quality: Mapping[str, Any] = field(default_factory=dict)


def load_study(path: Path, *, tables_only: bool = False) -> Study:
    """The trial that `path` describes.

    Parameters
    ----------
    tables_only : bool
        Only ``trial``, ``arms``, ``visits``, ``readouts`` and ``analysis_sets`` are required: enough for
        statistics on a table of percentages, where there are no sheets and no panels.

    Raises
    ------
    CytotrialError
        With every mistake in the file.
    """
    draft = draft_study(path, tables_only=tables_only)
    if draft.study is None:
        raise CytotrialError(draft.problems)
    return draft.study


def draft_study(path: Path, *, tables_only: bool = False) -> Draft:
    """What can be read of the trial that `path` describes; never raises for the user's errors."""
    try:
        document = read_yaml(path)
    except CytotrialError as error:
        return Draft(error.problems)
    if not isinstance(document, dict):
        wanted = "a mapping with the keys trial, arms, visits, ..."
        remedy = "start from the bundled config/config.yaml"
        return Draft((problem(str(path), found=shown(document), expected=wanted, remedy=remedy),))
    schema = load_schema("config")
    if not tables_only:
        schema["required"] = [*schema["required"], "sheets", "panels"]
    problems = schema_problems(document, schema, where=str(path))
    problems += consistency_problems(document, where=str(path))
    problems += analysis_problems(document, where=str(path))
    if problems:
        return _parts(document, schema, tuple(problems))
    return _parts(document, schema, (), _study(document))


def _parts(
    document: Mapping[str, Any],
    schema: Mapping[str, Any],
    problems: tuple[str, ...],
    study: Study | None = None,
) -> Draft:
    def whole(value: Any, *steps: str) -> bool:
        part: Any = schema
        for step in steps:
            part = part[step]
        return value is not None and not schema_problems(value, {**part, "$defs": schema["$defs"]}, where="")

    trial, sheets, quality = document.get("trial"), document.get("sheets"), document.get("quality")
    panels = document.get("panels") if isinstance(document.get("panels"), dict) else {}
    panel, readout = ("properties", "panels", "additionalProperties"), ("properties", "readouts", "items")
    return Draft(
        problems=problems,
        study=study,
        arms=section_ids(document, "arms"),
        visits=section_ids(document, "visits"),
        panel_ids=section_ids(document, "panels"),
        analysis_sets=section_ids(document, "analysis_sets"),
        baseline=text_of(trial["baseline"]) if whole(trial, "properties", "trial") else None,
        sheets=_sheets(sheets) if whole(sheets, "properties", "sheets") else None,
        panels=tuple(_panel_files(name, files) for name, files in panels.items() if whole(files, *panel)),
        readouts=tuple(_readout(entry) for entry in entries(document, "readouts") if whole(entry, *readout)),
        quality=plain(quality) if whole(quality, "properties", "quality") else {},
    )


def _study(document: Mapping[str, Any]) -> Study:
    """The study of a `document` in which no mistake was found."""
    trial = document["trial"]
    return Study(
        id=text_of(trial["id"]),
        title=text_of(trial.get("title", trial["id"])),
        baseline=text_of(trial["baseline"]),
        synthetic=trial.get("synthetic", False),
        arms=tuple(_arm(entry) for entry in document["arms"]),
        visits=tuple(Visit(text_of(entry["id"]), _weeks(entry, "")) for entry in document["visits"]),
        dosing=tuple(Dosing(_weeks(entry, "from_"), _weeks(entry, "to_")) for entry in document.get("dosing") or ()),
        sheets=_sheets(document.get("sheets")),
        panels=tuple(_panel_files(name, files) for name, files in (document.get("panels") or {}).items()),
        readouts=tuple(_readout(entry) for entry in document["readouts"]),
        analysis_sets=tuple(text_of(name) for name in document["analysis_sets"]),
        quality=plain(document.get("quality") or {}),
        run=plain(document.get("run") or {}),
        endpoints=endpoints_of(document),
        analysis=analysis_of(document),
    )


def _arm(entry: Mapping[str, Any]) -> Arm:
    return Arm(text_of(entry["id"]), text_of(entry.get("label", entry["id"])), entry["role"])


def _weeks(entry: Mapping[str, Any], prefix: str) -> float:
    """A time point in weeks, given as ``<prefix>week`` or ``<prefix>day``."""
    if f"{prefix}week" in entry:
        return float(entry[f"{prefix}week"])
    return float(entry[f"{prefix}day"]) / DAYS_PER_WEEK


def _panel_files(name: str, files: Mapping[str, Any]) -> PanelFiles:
    return PanelFiles(name, files["markers"], files["gating"], files.get("gate_map"))


def _sheets(section: Mapping[str, Any] | None) -> Sheets | None:
    if section is None:
        return None
    return Sheets(section["samples"], section["subjects"], section.get("outcomes"), section.get("overrides"))


def _readout(entry: Mapping[str, Any]) -> Readout:
    condition = entry.get("condition")
    return Readout(
        id=text_of(entry["id"]),
        label=text_of(entry.get("label", entry["id"])),
        panel=text_of(entry["panel"]),
        population=text_of(entry["population"]),
        denominators=tuple(text_of(name) for name in entry["denominators"]),
        condition=None if condition is None else text_of(condition),
    )
