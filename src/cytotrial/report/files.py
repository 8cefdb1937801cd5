"""The page's first section: which files failed or are flagged, why, and what was not done."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cytotrial.report.numbers import MISSING, Cell, show, show_count
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Row, TableView, flat, plural, words

# A figure in a reason, not one inside a name: "kept 61.2 %" has one, CD56, W10 and S-014 have none.
_FIGURE = re.compile(r"(?<![\w.-])[-\u2212]?\d[\d.,\u202f]*(?![\w-])")
_FILE_COLUMNS = (
    Column("file", "sample_id", numeric=False),
    Column("why", numeric=False, wide=True),
    Column("panel", numeric=False),
    Column("subject", numeric=False),
    Column("visit", numeric=False),
    Column("events", "events in the file"),
)


@dataclass(frozen=True)
class FileSection:
    """What the first section shows; tables are ``None`` where they would be empty."""

    counts: dict[str, int]
    failed: TableView | None
    flagged: TableView | None
    flag_reasons: TableView | None
    not_done: list[str]
    live: str
    coverage: TableView


def file_section(status: Sequence[Row], trial: Trial, *, source: str) -> FileSection:
    """The first section from the rows of ``status.tsv``."""
    by_status = {word: [row for row in status if row["status"] == word] for word in ("failed", "flagged")}
    counted = Counter(str(row["status"]) for row in status)
    flagged = by_status["flagged"]
    return FileSection(
        counts={word: counted[word] for word in ("ok", "flagged", "failed")},
        failed=_file_table("Failed files", by_status["failed"], trial, source=source),
        flagged=_file_table("Flagged files", flagged, trial, source=source),
        flag_reasons=_reason_table(flagged, source=source),
        not_done=not_done_sentences(status),
        live=live_sentence(status),
        coverage=_coverage(status, trial, source=source),
    )


def reason_kind(reason: str) -> str:
    """A reason without its figures, so that like reasons are counted together.

    Examples
    --------
    >>> reason_kind("live: 61.2 % of singlets, below 70 %")
    'live: … % of singlets, below … %'
    >>> reason_kind("no CD56 channel at W10")
    'no CD56 channel at W10'
    """
    return _FIGURE.sub("…", reason)


def split_reasons(text: str | None) -> list[str]:
    """The reasons of one file; "; " stands between them.

    Examples
    --------
    >>> split_reasons("few events; no Time"), split_reasons(None)
    (['few events', 'no Time'], [])
    """
    return [part.strip() for part in (text or "").split(";") if part.strip()]


def not_done_sentences(status: Sequence[Row]) -> list[str]:
    """One sentence per step that was not done and its reason, most files first."""
    counted: Counter[tuple[str, str]] = Counter()
    for row in status:
        for entry in set(split_reasons(row["not_done"])):
            step, _, reason = entry.partition(":")
            counted[step.strip(), reason.strip() or "no reason given"] += 1
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [f"{step}: NOT DONE in {n} of {plural(len(status), 'file')}: {why}" for (step, why), n in ordered]


def live_sentence(status: Sequence[Row]) -> str:
    """What it means that the step ``live`` was NOT DONE; nothing where it was done in every file."""
    counts = []
    for panel in sorted({str(row["panel"]) for row in status}):
        own = [row for row in status if row["panel"] == panel]
        steps = [{entry.partition(":")[0].strip() for entry in split_reasons(row["not_done"])} for row in own]
        lacking = sum("live" in names for names in steps)
        if lacking:
            counts.append(f"{lacking} of {plural(len(own), 'file')} of panel {panel}")
    if not counts:
        return ""
    return (
        f"The step live was not done in {' and '.join(counts)}: without a viability dye dead cells are counted "
        "and may inflate CD3-CD56+ NK counts."
    )


def _file_table(caption: str, rows: Sequence[Row], trial: Trial, *, source: str) -> TableView | None:
    if not rows:
        return None
    ordered = sorted(
        rows, key=lambda row: (str(row["subject_id"]), trial.visit_rank(row["visit"]), str(row["sample_id"]))
    )
    cells = [
        [
            Cell(row["sample_id"] or MISSING),
            Cell("; ".join(split_reasons(row["reasons"])) or "no reason was recorded"),
            *words(*(row[name] or MISSING for name in ("panel", "subject_id", "visit"))),
            Cell(show_count(row["n_events"])),
        ]
        for row in ordered
    ]
    return TableView(caption, source, _FILE_COLUMNS, flat(cells))


def _reason_table(flagged: Sequence[Row], *, source: str) -> TableView | None:
    counted: Counter[str] = Counter()
    example: dict[str, tuple[str, str]] = {}
    for row in sorted(flagged, key=lambda row: str(row["sample_id"])):
        kinds = {reason_kind(reason): reason for reason in reversed(split_reasons(row["reasons"]))}
        counted.update(kinds.keys())
        for kind, reason in kinds.items():
            example.setdefault(kind, (reason, str(row["sample_id"])))
    if not counted:
        return None
    cells = [
        [Cell(kind), Cell(str(n)), Cell(f"{example[kind][0]} ({example[kind][1]})")]
        for kind, n in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]
    columns = (
        Column("reason", numeric=False, wide=True),
        Column("files"),
        Column("for example", numeric=False, wide=True),
    )
    return TableView("Why files are flagged; a file can have several reasons", source, columns, flat(cells))


def _coverage(status: Sequence[Row], trial: Trial, *, source: str) -> TableView:
    """Subjects with a file per panel and visit, whatever the condition, and those with failed files only."""
    visits = [visit.id for visit in trial.study.visits]
    panels = sorted({str(row["panel"]) for row in status})
    total = len(trial.subjects)
    cells = []
    for panel in panels:
        line = [Cell(panel)]
        for visit in visits:
            rows = [row for row in status if row["panel"] == panel and row["visit"] == visit]
            present = {row["subject_id"] for row in rows}
            failed = present - {row["subject_id"] for row in rows if row["status"] != "failed"}
            line.append(_coverage_cell(len(present), len(failed), total))
        cells.append(line)
    columns = (Column("panel", numeric=False), *(Column(visit) for visit in visits))
    return TableView(f"Subjects with a file, of {total} in the subjects sheet", source, columns, flat(cells))


def _coverage_cell(present: int, failed: int, total: int) -> Cell:
    missing = max(total - present, 0)
    share = show(100 * present / total, decimals=0) if total else "NA"
    title = f"{share} % of the subjects; {missing} without a file; {failed} with failed files only"
    return Cell(f"{present}" + (f" ({failed} failed)" if failed else ""), title, "quiet" if missing == 0 else "")
