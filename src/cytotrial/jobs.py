"""What the workflow's rules ask of the sheets: which jobs there are, and which files each needs. Light imports only."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from cytotrial.commands.check import check_everything
from cytotrial.cytometry.panel import load_panel
from cytotrial.gating.drawn.named_gates import gate_files
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.study.config import Study
from cytotrial.study.job_blocks import Block, job_blocks
from cytotrial.study.overrides import Override, in_force
from cytotrial.study.samples import Sample
from cytotrial.tables import read_table

FLOWKIT_PERCENT = 2.0
# Of a panel. Each pays for Python's start, and Snakemake's scheduler for every job that is ready: 250 jobs cost it
# 100 s of CPU (9.27.1). So many keep a workstation's cores busy.
MOST_JOBS = 24
MOST_WORDS = 300  # letters of a reason on the console


@dataclass(frozen=True)
class Jobs:
    """A checked trial as jobs: one per block of subjects and panel."""

    study: Study
    samples: tuple[Sample, ...]
    overrides: tuple[Override, ...] = ()

    @cached_property
    def blocks(self) -> dict[tuple[str, str], Block]:
        """Every job of the gating rules, by panel and name of the block."""
        return {(one.panel, one.name): one for one in job_blocks(self.samples, self.subjects_per_job)}

    @property
    def subjects_per_job(self) -> int:
        """How many subjects a gating job takes: as the configuration says, else one, and more in a large trial."""
        of_panel = Counter(panel for panel, _ in {(one.panel, one.subject_id) for one in self.samples})
        default = -(-max(of_panel.values(), default=1) // MOST_JOBS)
        return int(self.study.run.get("subjects_per_job", default))

    @property
    def flowkit_percent(self) -> float:
        """Share of the files that FlowKit gates again."""
        return float(self.study.run.get("flowkit_percent", FLOWKIT_PERCENT))

    def subjects(self, panel: str, block: str) -> list[str]:
        """The subjects of a job."""
        return list(self.blocks[panel, block].subjects)

    def files(self, panel: str, block: str) -> list[Sample]:
        """The files of a job; by id, so that the sheet's order makes no job run again."""
        return self._files[panel, block]

    @cached_property
    def _files(self) -> dict[tuple[str, str], list[Sample]]:
        of = {(panel, subject): name for (panel, name), one in self.blocks.items() for subject in one.subjects}
        found: dict[tuple[str, str], list[Sample]] = {}
        for one in sorted(self.samples, key=lambda sample: sample.sample_id):
            found.setdefault((one.panel, of[one.panel, one.subject_id]), []).append(one)
        return found

    def existing_fcs(self, panel: str, block: str) -> list[str]:
        """Their paths; one that does not exist is left to the job, which records it as failed."""
        return list(self.sizes_mb(panel, block))

    def all_fcs(self) -> list[str]:
        """Every file of the trial that exists."""
        return [path for job in self.blocks for path in self.existing_fcs(*job)]

    def sizes_mb(self, panel: str, block: str) -> dict[str, float]:
        """Size in MB of each file of a job that exists."""
        return self._sizes[panel, block]

    @cached_property
    def _sizes(self) -> dict[tuple[str, str], dict[str, float]]:
        """Every file is looked at once: each rule asks, and a network's file system is slow to answer."""
        paths = {job: [one.fcs for one in files] for job, files in self._files.items()}
        return {
            job: {path: Path(path).stat().st_size / 1e6 for path in own if Path(path).is_file()}
            for job, own in paths.items()
        }

    def rows(self, panel: str, block: str) -> str:
        """The sheet's rows for a job as text: the job re-runs when its own rows change, not when others do."""
        return "; ".join(str(one) for one in _without_row_numbers(self.files(panel, block)))

    def moved(self, panel: str, block: str) -> str:
        """The overrides in force for a job's files as text: the job re-runs when one of these changes."""
        told = {one.sample_id: in_force(self.overrides, one) for one in self.files(panel, block)}
        return "; ".join(f"{name}: {_without_row_numbers(moved)}" for name, moved in told.items() if moved)

    def overrides_sheet(self, panel: str, block: str) -> list[str]:
        """The overrides sheet for a job that it moves a gate of; the others neither read it nor depend on it."""
        return [str(self.study.sheets.overrides)] if self.study.sheets and self.moved(panel, block) else []

    def largest_mb(self, panel: str, block: str) -> float:
        """Size of the largest file of a job, in MB."""
        return max(self.sizes_mb(panel, block).values(), default=0.0)

    def drawing_mb(self, panel: str) -> float:
        """Size of the workspace or GatingML file that people drew a panel's strategy in, in MB; 0 where none did."""
        return Path(self.panel_file(panel, "gating")).stat().st_size / 1e6 if self.gate_map(panel) else 0.0

    def panel_files(self) -> list[str]:
        """Every panel's marker, gating and matrix files: the report shows them."""
        named = [path for one in self.study.panels for path in (one.markers, one.gating, one.gate_map) if path]
        return sorted({*named, *(path for panel in self.study.panels for path in self.matrix_files(panel.id))})

    def matrix_files(self, panel: str) -> list[str]:
        """The compensation matrix that a panel names, if it names one."""
        compensation = load_panel(Path(self.panel_file(panel, "markers"))).compensation
        return [] if compensation in ("fcs", "none") else [compensation]

    def gate_map(self, panel: str) -> list[str]:
        """The gate map of a panel whose strategy people drew."""
        return [one.gate_map for one in self.study.panels if one.id == panel and one.gate_map]

    def drawn_files(self, panel: str) -> list[str]:
        """The workspaces and GatingML files that single gates of a panel's strategy are in."""
        return [] if self.gate_map(panel) else _gate_files(self.panel_file(panel, "gating"))

    def panel_file(self, panel: str, what: str) -> str:
        """Path of a panel's ``markers`` or ``gating`` file."""
        return str(getattr(next(one for one in self.study.panels if one.id == panel), what))


@cache
def _gate_files(strategy: str) -> list[str]:
    """Read once: every job of a panel asks."""
    return gate_files(load_strategy(Path(strategy)))


def _without_row_numbers(rows: Sequence[Sample | Override]) -> list[tuple[tuple[str, object], ...]]:
    return [tuple(sorted((k, v) for k, v in vars(one).items() if k != "row")) for one in rows]


def load_jobs(config: Path, root: Path) -> Jobs:
    """The checked trial, or the end of the run with every mistake on standard error and status 2.

    It is called while Snakemake reads the workflow: nothing has been opened but text.
    """
    if shutil.which("cytotrial") is None:  # called as .venv/bin/snakemake, without activating the environment
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    checked = check_everything(config, root)
    for warning in checked.warnings:
        sys.stderr.write(f"WARNING: {warning}\n")
    if checked.problems or checked.study is None:
        sys.stderr.writelines(f"ERROR: {line}\n" for line in checked.problems)
        sys.exit(2)
    return Jobs(checked.study, checked.samples, checked.overrides)


def outcome(results: Path) -> str:
    """How the run ended, for the console: files by status, every reason of a failure once, and where to look.

    Nothing where a run that asked for something else has made no status.
    """
    status, report = results / "tables" / "status.tsv", results / "report" / "index.html"
    if not status.exists():
        return ""
    rows = read_table(status)
    counts = Counter(row["status"] for row in rows)
    told = [f"{len(rows)} files: " + ", ".join(f"{counts[word]} {word}" for word in ("ok", "flagged", "failed"))]
    reasons = Counter(str(row["reasons"]) for row in rows if row["status"] == "failed")
    told += [f"  failed, {number} x: {reason[:MOST_WORDS]}" for reason, number in sorted(reasons.items())]
    return "\n".join([*told, f"Every reason is in {status}; the report is {report}\n"])
