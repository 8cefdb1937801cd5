"""One trial from FCS bytes to p-values, and the same statistics of what its files really hold."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.gating.workflow import Gated, gate_trial, verb
from benchmarks.validation.hypothesis_tests import EFFECTS, TESTS, Array, Values, p_values_of_tables
from benchmarks.validation.study import ACTIVE, ANALYSIS_SET, CONTROL, PEAKS, PRIMARY, Size, fcs_plan
from cytotrial.columns import SUBSETS as SUBSETS_TABLE
from cytotrial.commands.statistics import analysis_plan
from cytotrial.simulate.trial.plan import plan_samples
from cytotrial.statistics.cells import Cells
from cytotrial.statistics.observations import is_usable, usable_values
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.study.config import load_study
from cytotrial.tables import write_table

KEY = ["sample_id", "subset", "denominator"]
COUNTS = ["numerator_n", "denominator_n", "percent"]
SUBSETS_OF = {"gated": "results/tables/subsets.tsv", "truth": "subsets_truth.tsv"}  # the first as tabulate wrote it
PASSED_ON = ("subject_id", "visit", "week", "panel", "condition", "is_primary")


@dataclass(frozen=True)
class Statistics:
    """What the statistics make of one trial's percentages, primary denominators.

    Attributes
    ----------
    p : mapping
        Test of `TESTS` -> shape (n_subsets, n_visits after the baseline).
    effect : mapping
        Name of `EFFECTS` -> same shape, percentage points.
    active, control : Values
        What was tested; shape (n_subsets, n_visits, n_subjects).
    """

    p: Mapping[str, Array]
    effect: Mapping[str, Array]
    active: Values
    control: Values


@dataclass(frozen=True)
class Trial:
    """A simulated trial as its gates show it, and as its files are: the same subjects in the same order.

    Attributes
    ----------
    counts : DataFrame
        ``subject_id subset true_n true_of_n measured_n measured_of_n``, a row per sample and subset, primary
        denominators; the measured ones NaN where nothing is reported.
    """

    seed: int
    n_files: int
    counts: pd.DataFrame
    gated: Statistics
    truth: Statistics

    @property
    def n_not_reported(self) -> int:
        """Percentages that the gates did not give."""
        return int(self.counts["measured_n"].isna().sum())

    @property
    def readings(self) -> dict[str, Statistics]:
        """Both by their names."""
        return {"gated": self.gated, "truth": self.truth}


def run_trials(
    design: str, seeds: Sequence[int], size: Size, pool: Executor, *, subjects_per_arm: int
) -> Iterator[Trial]:
    """Simulate, gate and analyse one trial per seed; what was done is told on stderr."""
    for number, seed in enumerate(seeds, start=1):
        start = time.perf_counter()
        trial = run_trial(design, seed, pool, subjects_per_arm=subjects_per_arm, events=size.events)
        taken = time.perf_counter() - start
        place = f"{design}, seed {seed}, {number} of {len(seeds)}"
        sys.stderr.write(f"{place}: {trial.n_files} SYNTHETIC files in {taken:.0f} s\n")
        yield trial


def run_trial(design: str, seed: int, pool: Executor, *, subjects_per_arm: int, events: tuple[int, ...]) -> Trial:
    """One trial of a design through the product's verbs, from its files and from its truth."""
    plan = fcs_plan(design, seed, subjects_per_arm=subjects_per_arm, events=events)
    samples = plan_samples(plan)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gated = gate_trial(plan, samples, folder=folder, pool=pool)
        write_table(folder / SUBSETS_OF["truth"], SUBSETS_TABLE, truth_as_subsets(gated).to_dict("records"))
        found = dict(zip(SUBSETS_OF, pool.map(partial(_statistics, folder=folder), SUBSETS_OF), strict=True))
    return Trial(seed, len(samples), counts_of(gated), **found)


def counts_of(gated: Gated) -> pd.DataFrame:
    """Events of every subset as they are and as gated; columns as of `Trial.counts`."""
    primary = gated.subsets[gated.subsets["denominator"] == gated.subsets["subset"].map(PRIMARY)]
    measured = ["measured_n", "measured_of_n"]
    truth = gated.truth[[*KEY, *COUNTS[:2]]].set_axis([*KEY, "true_n", "true_of_n"], axis="columns")
    both = primary.rename(columns=dict(zip(COUNTS, measured, strict=False))).merge(truth, on=KEY)
    both.loc[~is_usable(both), measured] = np.nan
    return both[["subject_id", "subset", "true_n", "true_of_n", *measured]]


def truth_as_subsets(gated: Gated) -> pd.DataFrame:
    """``subsets.tsv`` as it would be if every cell were counted where it belongs.

    Raises
    ------
    ValueError
        A row without a truth.
    """
    rows = gated.subsets[[*KEY, *PASSED_ON]].merge(gated.truth[[*KEY, *COUNTS]], on=KEY, validate="one_to_one")
    if len(rows) != len(gated.subsets):
        raise ValueError(f"found a truth of {len(rows)} rows of subsets.tsv, expected one of {len(gated.subsets)}")
    rows = rows.assign(ci_low=np.nan, ci_high=np.nan, qc_flag="ok", qc_reason=None)
    return rows[list(SUBSETS_TABLE.columns)]


def _statistics(name: str, *, folder: Path) -> Statistics:
    """The verb `statistics` on the table of `SUBSETS_OF`, and the values that it tested."""
    subsets, stats = folder / SUBSETS_OF[name], folder / f"stats_{name}"
    config, sheet = folder / "config/config.yaml", folder / "config/subjects.tsv"
    verb("statistics", config=config, subsets=subsets, subjects=sheet, out=stats)
    tables = {source.table: read(stats / f"{source.table}.tsv") for source in (*TESTS.values(), *EFFECTS.values())}
    plan = replace(analysis_plan(load_study(config, tables_only=True)), analysis_sets=(ANALYSIS_SET,))
    subjects = read(sheet)
    subjects[ANALYSIS_SET] = subjects[ANALYSIS_SET] == "Y"
    active, control = values_of(read(subsets), subjects, plan)
    return Statistics(
        p=p_values_of_tables(tables, PEAKS),
        effect=p_values_of_tables(tables, PEAKS, EFFECTS),
        active=active,
        control=control,
    )


def values_of(subsets: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> tuple[Values, Values]:
    """The active and the control arm's usable values under the primary denominators, as the statistics lay them out."""
    observations = usable_values(subsets, subjects, plan)
    cells = {scale: Cells.of(observations, subjects, plan, scale=scale) for scale in ("percent", "logit")}
    active, control = (
        Values(
            **{
                scale: np.stack([one.matrix(ANALYSIS_SET, arm, *key)[0].T for key in PRIMARY.items()])
                for scale, one in cells.items()
            }
        )
        for arm in (ACTIVE, CONTROL)
    )
    return active, control


def read(path: Path) -> pd.DataFrame:
    """A table of the product; texts stay texts, ``NA`` is missing."""
    texts = ("sample_id", "subject_id", "visit", "panel", "condition", "arm", "site", "replicate")
    return pd.read_csv(path, sep="\t", dtype=dict.fromkeys(texts, str), float_precision="round_trip")
