"""Hold the configuration and its sheets against each other and collect every mistake; opens no FCS file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.columns import OVERRIDE_COLUMNS
from cytotrial.documents import file_problem
from cytotrial.errors import problem
from cytotrial.study.config import Draft, PanelFiles, Readout, Sheets, Study, draft_study
from cytotrial.study.outcomes import outcome_doubts, outcome_problems
from cytotrial.study.overrides import Override, overrides_of, overrides_sheet, target_problems
from cytotrial.study.samples import Sample, samples_of
from cytotrial.study.sheets import Sheet, read_sheet
from cytotrial.study.subjects import Subject, subject_problems, subjects_of
from cytotrial.study.tubes import (
    absent_subjects,
    baseline_doubts,
    condition_problems,
    file_doubts,
    repeated_tubes,
    unknown_references,
)


@dataclass(frozen=True)
class Checked:
    """What was read and what is wrong with it.

    Without `problems` all the rest is whole; with them `study` may be None, `samples` and `subjects` hold
    the rows that could be read, `panels` the panels whose files exist, `readouts`, `quality` and `overrides` what
    has the right form.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    study: Study | None
    samples: tuple[Sample, ...]
    subjects: tuple[Subject, ...]
    panels: tuple[PanelFiles, ...]
    readouts: tuple[Readout, ...]
    quality: Mapping[str, Any]
    overrides: tuple[Override, ...] = ()
    sheets: Sheets | None = None


def check_study(config_path: Path, root: Path) -> Checked:
    """Every mistake and doubt in the configuration and its sheets; never raises for the user's errors.

    Parameters
    ----------
    root : Path
        The working directory: where the relative paths of the configuration and the sheets begin.
    """
    draft, config = draft_study(config_path), str(config_path)
    problems, warnings = list(draft.problems), []
    problems += _absent_files(draft, config, root)
    subjects_sheet = _subjects_sheet(draft, root, problems)
    samples_sheet = _read(draft.sheets.samples, "samples", root) if draft.sheets else Sheet()
    subjects, samples = subjects_of(subjects_sheet), samples_of(samples_sheet)
    problems += samples_sheet.problems
    warnings += [*subjects_sheet.warnings, *samples_sheet.warnings]
    if draft.sheets:
        problems += _unblinding_columns(samples_sheet, draft, str(root / draft.sheets.samples))
    if draft.sheets and samples:
        problems += _sample_problems(draft, samples, subjects_sheet, root, config)
        doubts = _sample_doubts(draft, samples, samples_sheet, subjects, root)
        problems += doubts[0]
        warnings += doubts[1]
    wrong, doubtful = _outcomes(draft, subjects_sheet, root, config)
    problems += wrong
    warnings += doubtful
    overrides, wrong, doubtful = _overrides(draft, samples, samples_sheet, root)
    problems += wrong
    warnings += doubtful
    warnings += _arms_not_compared(draft, config)
    panels = tuple(panel for panel in draft.panels if not _absent_panel_files(panel, config, root))
    once = tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(warnings))
    return Checked(
        *once, draft.study, samples, subjects, panels, draft.readouts, draft.quality, overrides, draft.sheets
    )


def _absent_files(draft: Draft, config: str, root: Path) -> list[str]:
    named = vars(draft.sheets) if draft.sheets else {}
    absent = [
        file_problem(written, root=root, where=f"{config}, sheets, {name}")
        for name, written in named.items()
        if written is not None
    ]
    absent += [found for panel in draft.panels for found in _absent_panel_files(panel, config, root)]
    return [found for found in absent if found]


def _outcomes(draft: Draft, subjects: Sheet, root: Path, config: str) -> tuple[list[str], list[str]]:
    """Mistakes of the outcomes sheet, and declared endpoints it lacks; doubts only where the configuration is sound."""
    endpoints = draft.study.endpoints if draft.study else ()
    if draft.sheets is None or draft.sheets.outcomes is None:
        return [], list(outcome_doubts(None, None, endpoints, config=config))
    path = root / draft.sheets.outcomes
    if not path.is_file():
        return [], []  # told with the other absent files
    sheet, known = read_sheet(path, "outcomes"), subjects.column("subject_id")
    wrong = list(outcome_problems(sheet, path, visits=draft.visits, subjects=known, endpoints=endpoints))
    return wrong, list(outcome_doubts(sheet, path, endpoints, config=config))


def _arms_not_compared(draft: Draft, config: str) -> list[str]:
    """The table between arms has one comparison: the first active arm with the first control."""
    if draft.study is None:
        return []
    by_role = {role: [arm.id for arm in draft.study.arms if arm.role == role] for role in ("active", "control")}
    left_out = [arm for arms in by_role.values() for arm in arms[1:]]
    if not left_out or not all(by_role.values()):
        return []
    first = f"{by_role['active'][0]} with {by_role['control'][0]}"
    return [f"{config}, arms: between_arms.tsv compares {first} only; {', '.join(left_out)} have their changes alone"]


def _unblinding_columns(sheet: Sheet, draft: Draft, where: str, *, but: Collection[str] = ()) -> list[str]:
    """Whoever places or moves a gate opens the sheet: no column (`but` these are not asked) may tell who had what."""
    telling = []
    for column in [name for name in sheet.header if name not in but]:
        values = sheet.column(column)
        if column.casefold() in ("arm", "treatment") or (values and values <= set(draft.arms)):
            telling.append(column)
    return [
        problem(
            f"{where}, {column}",
            found="the arms",
            expected="a sheet that does not tell who had what",
            remedy="move the column to the subjects sheet",
        )
        for column in telling
    ]


def _overrides(
    draft: Draft, samples: tuple[Sample, ...], samples_sheet: Sheet, root: Path
) -> tuple[tuple[Override, ...], list[str], tuple[str, ...]]:
    """The overrides that could be read, problems and warnings.

    Of a samples sheet with mistakes it cannot be told for whom they are.
    """
    if not (draft.sheets and draft.sheets.overrides and (root / draft.sheets.overrides).is_file()):
        return (), [], ()
    path = root / draft.sheets.overrides
    sheet = overrides_sheet(path)
    overrides, wrong = overrides_of(sheet, path)
    problems = [*sheet.problems, *wrong, *_unblinding_columns(sheet, draft, str(path), but=OVERRIDE_COLUMNS)]
    if not samples_sheet.problems:
        problems += target_problems(overrides, path, samples=samples, panels=draft.panel_ids)
    return overrides, problems, sheet.warnings


def _absent_panel_files(panel: PanelFiles, config: str, root: Path) -> list[str]:
    absent = (
        file_problem(written, root=root, where=f"{config}, panels, {panel.id}, {name}")
        for name, written in (("markers", panel.markers), ("gating", panel.gating), ("gate_map", panel.gate_map))
        if written is not None
    )
    return [found for found in absent if found]


def _read(written: str, schema_name: str, root: Path, *, yes_no: tuple[str, ...] = ()) -> Sheet:
    path = root / written
    return read_sheet(path, schema_name, yes_no=yes_no) if path.is_file() else Sheet()


def _subjects_sheet(draft: Draft, root: Path, problems: list[str]) -> Sheet:
    if draft.sheets is None:
        return Sheet()
    path = root / draft.sheets.subjects
    sheet = _read(draft.sheets.subjects, "subjects", root, yes_no=draft.analysis_sets)
    problems += sheet.problems
    problems += subject_problems(sheet, path, arms=draft.arms)
    return sheet


def _sample_problems(
    draft: Draft, samples: tuple[Sample, ...], subjects_sheet: Sheet, root: Path, config: str
) -> list[str]:
    sheet = str(root / draft.sheets.samples)
    known = subjects_sheet.column("subject_id")
    return [
        *repeated_tubes(samples, sheet, root=root),
        *unknown_references(samples, sheet, visits=draft.visits, panels=draft.panel_ids, subjects=known),
        *condition_problems(samples, draft.readouts, config=config),
    ]


def _sample_doubts(
    draft: Draft, samples: tuple[Sample, ...], samples_sheet: Sheet, subjects: tuple[Subject, ...], root: Path
) -> tuple[list[str], list[str]]:
    """Missing files and, of a whole sheet only, who lacks a baseline or a sample."""
    sheet = str(root / draft.sheets.samples)
    problems, warnings = file_doubts(samples, sheet, root=root)
    if samples_sheet.problems:
        return problems, warnings
    names = [subject.subject_id for subject in subjects]
    warnings += absent_subjects(samples, names, sheet=str(root / draft.sheets.subjects))
    if draft.baseline in draft.visits:
        more = baseline_doubts(samples, sheet, baseline=draft.baseline, panels=draft.panel_ids)
        problems, warnings = problems + more[0], warnings + more[1]
    return problems, warnings
