"""Simulated files through the workflow's own verbs, in processes that stay instead of Snakemake's jobs.

Not a step of gating is repeated here: files are written and read, and each verb runs as its rule runs it. So the
numbers are the workflow's; what is saved is the start of Python for every job, the check by FlowKit, and the pictures.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from cytotrial import cli
from cytotrial.columns import GATES, MOVED_COUNTS, STATUS, SUBSETS, TRUTH, Table
from cytotrial.simulate.fcs.keywords import fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.parameters import PANELS
from cytotrial.simulate.trial.plan import SamplePlan, recipe_of
from cytotrial.simulate.trial.sheets import write_config, write_sheets
from cytotrial.simulate.trial.subjects import TrialPlan
from cytotrial.simulate.trial.write import true_counts
from cytotrial.simulate.tube import simulate_tube
from cytotrial.tables import write_table

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Gated:
    """A trial's tables after gating, as the workflow writes them, and the truth that its verbs never saw."""

    truth: pd.DataFrame
    subsets: pd.DataFrame
    status: pd.DataFrame
    gates: pd.DataFrame
    moved_counts: pd.DataFrame


@dataclass(frozen=True)
class Job:
    """One subject's files of one panel: what one job of the workflow handles."""

    panel: str
    subject: str
    samples: tuple[SamplePlan, ...]


def gate_trial(
    plan: TrialPlan,
    samples: Sequence[SamplePlan],
    *,
    folder: Path,
    pool: Executor,
    replicates: Mapping[str, str] | None = None,
) -> Gated:
    """Write the samples' files under `folder`, gate them as the workflow does, take the files away again.

    Parameters
    ----------
    pool : Executor
        Of processes that `quiet` has made ready; one job each at a time.
    replicates : mapping, optional
        Sample id -> replicate, for the samples sheet.
    """
    _write_trial(folder, plan, samples, replicates or {})
    jobs = jobs_of(samples)
    truth = [row for rows in pool.map(partial(_simulate_and_place, plan=plan, folder=folder), jobs) for row in rows]
    write_table(folder / "truth.tsv", TRUTH, truth)
    config, interim, tables = folder / "config", folder / "results/interim", folder / "results/tables"
    strategies = [f"{panel}={config / 'gating' / panel}.yaml" for panel in PANELS]
    folders = dict.fromkeys(("landmarks", "gates", "not_placed"), interim)
    verb("agree-gates", gating=strategies, samples=config / "samples.tsv", **folders)
    for _ in pool.map(partial(_apply, folder=folder), jobs):
        pass
    own = dict.fromkeys(("intake", "gates", "not_placed", "populations", "steps", "moved_counts"), interim)
    verb("tabulate", config=config / "config.yaml", samples=config / "samples.tsv", **own, out=tables)
    return Gated(
        truth=_read(folder / "truth.tsv", TRUTH),
        **{name: _read(tables / f"{name}.tsv", table) for name, table in _TABLES.items()},
    )


_TABLES = {"subsets": SUBSETS, "status": STATUS, "gates": GATES, "moved_counts": MOVED_COUNTS}


def jobs_of(samples: Sequence[SamplePlan]) -> list[Job]:
    """The workflow's jobs: one per subject and panel."""
    own: dict[tuple[str, str], list[SamplePlan]] = {}
    for sample in samples:
        own.setdefault((sample.panel, sample.subject.subject_id), []).append(sample)
    return [Job(panel, subject, tuple(files)) for (panel, subject), files in sorted(own.items())]


def quiet() -> None:
    """A process's first act: what a verb merely notes is not printed; errors are."""
    logging.disable(logging.WARNING)


def verb(name: str, **options: Any) -> None:
    """Run a verb of the command line here; an option takes a value or a list of them.

    Raises
    ------
    RuntimeError
        The verb refused; it has said why.
    """
    words = [name]
    for option, value in options.items():
        values = value if isinstance(value, list) else [value]
        words += [f"--{option.replace('_', '-')}", *map(str, values)]
    if cli.main(words) != 0:
        raise RuntimeError(f"cytotrial {' '.join(words)}: failed")


def _write_trial(folder: Path, plan: TrialPlan, samples: Sequence[SamplePlan], replicates: Mapping[str, str]) -> None:
    """The trial's configuration and sheets; paths of the files from the file system's root."""
    strategies = {panel: (CHECKOUT / f"config/gating/{panel}.yaml").read_text(encoding="utf-8") for panel in PANELS}
    write_config(folder / "config", plan=plan, gating=strategies)
    write_sheets(folder / "config", plan=plan, samples=samples, fcs_folder=str(folder.resolve() / "fcs"))
    if replicates:
        sheet = folder / "config/samples.tsv"
        rows = pd.read_csv(sheet, sep="\t", dtype=str)
        rows.assign(replicate=rows["sample_id"].map(replicates)).to_csv(sheet, sep="\t", index=False)


def _simulate_and_place(job: Job, *, plan: TrialPlan, folder: Path) -> list[dict[str, Any]]:
    """Write a job's files, place their gates; rows of the truth."""
    truth: list[dict[str, Any]] = []
    for sample in job.samples:
        recipe = recipe_of(plan, sample)
        parameters = recipe.parameters
        tube = simulate_tube(parameters, seed=plan.seed, key=(sample.sample_id,))
        keywords = fcs_keywords(tube, parameters, specimen=recipe.specimen)
        write_fcs(folder / "fcs" / sample.file, tube.events, keywords=keywords, form=parameters.form)
        truth += true_counts(sample.sample_id, tube, panel=sample.panel, composition=parameters.composition)
    there = folder / "results/interim" / job.panel / job.subject
    verb("place-gates", **_own(job, folder), landmarks=there / "landmarks.tsv", intake=there / "intake.tsv")
    return truth


def _apply(job: Job, *, folder: Path) -> None:
    """Count a job's files through their agreed gates; they are not needed any more then."""
    there = folder / "results/interim" / job.panel / job.subject
    verb(
        "apply-gates",
        **_own(job, folder),
        intake=there / "intake.tsv",
        gates=there / "agreed_gates.tsv",
        not_placed=there / "not_agreed.tsv",
        populations=there / "populations.tsv",
        steps=there / "quality_steps.tsv",
        ledger=there / "gates.tsv",
        ungated=there / "not_placed.tsv",
        moved_counts=there / "moved_counts.tsv",
        grids=there / "grids",
    )
    for sample in job.samples:
        (folder / "fcs" / sample.file).unlink()


def _own(job: Job, folder: Path) -> dict[str, Any]:
    config = folder / "config"
    return {
        "samples": config / "samples.tsv",
        "subjects": job.subject,
        "panel": job.panel,
        "markers": config / f"panels/{job.panel}.yaml",
        "gating": config / f"gating/{job.panel}.yaml",
    }


def _read(path: Path, table: Table) -> pd.DataFrame:
    """A table of the workflow; its key and every other text stays text, NA is missing."""
    texts = dict.fromkeys((*table.key, "subject_id", "visit", "panel", "condition"), str)
    return pd.read_csv(path, sep="\t", dtype=texts, float_precision="round_trip")
