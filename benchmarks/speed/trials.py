"""SYNTHETIC trials of so many patients: ``python -m benchmarks.speed.trials FOLDER --patients 60 --events 100000``."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.speed.files import DRAWN, repeated
from benchmarks.speed.processes import CHECKOUT
from benchmarks.speed.sheets import read_sheet, write_sheet
from cytotrial.simulate.fcs.keywords import fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.parameters import PANELS
from cytotrial.simulate.trial.plan import SamplePlan, plan_samples, recipe_of
from cytotrial.simulate.trial.sheets import write_config, write_sheets
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.simulate.tube import simulate_tube

VISITS = ("W0", "W2", "W6", "W10", "W12")
SEED = 1
SPARE = 1.2  # times as many are enrolled as needed: some leave the trial


def plan_trial(patients: int, events: int) -> tuple[TrialPlan, list[SamplePlan]]:
    """As many patients of he2020 as asked for, half of them in each arm, who came to every visit: two tubes each time.

    Raises
    ------
    ValueError
        An odd number of patients.
    """
    if patients % 2:
        raise ValueError(f"found {patients} patients, expected as many in one arm as in the other")
    plan = TrialPlan(
        "he2020",
        SEED,
        int(SPARE * patients / 2) + 2,
        known_visits("he2020", VISITS),
        events=dict.fromkeys(PANELS, events),
        missing=0.0,
    )
    own: dict[str, dict[str, list[SamplePlan]]] = {}
    for sample in plan_samples(plan):
        own.setdefault(sample.subject.arm, {}).setdefault(sample.subject.subject_id, []).append(sample)
    kept = []
    for subjects in own.values():
        complete = [files for files in subjects.values() if len(files) == len(VISITS) * len(PANELS)]
        kept += complete[: patients // 2]
    return plan, [sample for files in kept for sample in files]


def write_trial(folder: Path, patients: int, events: int, *, files: int | None = None, cores: int = 1) -> int:
    """Write a trial that the workflow can run, and return the number of its files.

    Parameters
    ----------
    events : int
        Per file; 0: empty files, for dry runs.
    files : int, optional
        So many of the files; by default all.
    """
    plan, samples = plan_trial(patients, min(events, DRAWN) or 1)
    samples = samples[:files]
    config = folder / "config"
    gating = {panel: (CHECKOUT / f"config/gating/{panel}.yaml").read_text(encoding="utf-8") for panel in PANELS}
    write_config(config, plan=plan, gating=gating)
    write_sheets(config, plan=plan, samples=samples, fcs_folder="fcs")
    for sheet in ("subjects.tsv", "outcomes.tsv"):
        _keep_subjects(config / sheet, {one.subject.subject_id for one in samples})
    (folder / "fcs").mkdir(parents=True, exist_ok=True)
    if not events:
        for sample in samples:
            (folder / "fcs" / sample.file).touch()
        return len(samples)
    with ProcessPoolExecutor(cores) as pool:
        list(pool.map(partial(_write, plan=plan, n_events=events, folder=folder / "fcs"), samples, chunksize=4))
    return len(samples)


def _write(sample: SamplePlan, *, plan: TrialPlan, n_events: int, folder: Path) -> None:
    recipe = recipe_of(plan, sample)
    tube = simulate_tube(recipe.parameters, seed=plan.seed, key=(sample.sample_id,))
    keywords = fcs_keywords(tube, recipe.parameters, specimen=recipe.specimen)
    events = repeated(tube.events, n_events, seed=plan.seed)
    write_fcs(folder / sample.file, events, keywords=keywords, form=recipe.parameters.form)


def _keep_subjects(sheet: Path, subjects: set[str]) -> None:
    head, rows = read_sheet(sheet)
    write_sheet(sheet, head, [row for row in rows if row["subject_id"] in subjects])


def main() -> None:
    """Write the trial and print the number of its files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.trials", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, required=True)
    parser.add_argument("--events", type=int, required=True, help="per file; 0: empty files, for dry runs")
    parser.add_argument("--files", type=int, help="so many of them only")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    how = {"files": arguments.files, "cores": arguments.cores}
    print(write_trial(arguments.folder, arguments.patients, arguments.events, **how))


if __name__ == "__main__":
    main()
