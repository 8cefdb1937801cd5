"""The same blood stained several times: what is one, what differs, and how the measured percentages scatter."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from benchmarks.gating.compare import numbers_of
from benchmarks.gating.designs import Size, baseline_of, plan_of
from benchmarks.gating.measures import NAN, root_mean_square
from benchmarks.gating.workflow import gate_trial
from cytotrial.simulate.trial.plan import SamplePlan, plan_samples

REPLICATES = 3
DESIGNS = ("he2020/clinic", "he2020/other_lab")
DAYS = {"on one day": False, "on three days": True}  # a blood's stainings: on one instrument day, or each on its own
# One central analyst on three replicates of a sample in one laboratory (Finak 2016, doi:10.1038/srep20686), CV in %.
# Its NK figure is of an NK subset; it stands beside all NK cells.
CENTRAL_ANALYST = {"cd4": 0.8, "cd8": 0.9, "treg": 3.4, "nk": 2.5}
WORDS = {
    "bloods": "with two measured replicates or more",
    "cv_true_%": "CV of what the tubes of a blood really hold: other cells of the same blood were drawn. The floor",
    "cv_measured_%": "CV of the measured percentages of the same tubes",
    "cv_added_%": "the root of the difference of their squares, what gating adds; 0 where that is negative",
    "cv_ratio_%": "CV of measured / true: how the gates' own error differs between the tubes of a blood",
    "cv_analyst_%": "CV of one central analyst on human replicates, counting included (doi:10.1038/srep20686)",
}


@dataclass(frozen=True)
class Replicates:
    """The tubes of some bloods, and which replicate each is."""

    samples: tuple[SamplePlan, ...]
    number: dict[str, str]


def stained_again(samples: Sequence[SamplePlan], *, several_days: bool) -> Replicates:
    """Each sample as `REPLICATES` tubes of its blood.

    Notes
    -----
    The composition of the lymphocytes and the levels of each kind of cell belong to subject and visit, and stay. By
    its own name a tube gets its own cells, debris and dead cells, staining, run and noise; by the name of its own
    instrument day (`several_days`) its own gains, baseline, voltages, spillover and error of its matrix. Reagent lots
    stay: they belong to the calendar.
    """
    tubes, number = [], {}
    for sample in samples:
        for repeat in map(str, range(1, REPLICATES + 1)):
            name = f"{sample.sample_id}_r{repeat}"
            batch = f"{sample.batch}-r{repeat}" if several_days else sample.batch
            tubes.append(replace(sample, sample_id=name, batch=batch))
            number[name] = repeat
    return Replicates(tuple(tubes), number)


def run_replicates(design: str, size: Size, pool: Executor, *, several_days: bool) -> pd.DataFrame:
    """The baseline bloods of one trial of a design (its first seed), stained and gated `REPLICATES` times.

    The tubes are gated as one trial whose samples sheet names the replicate. Columns of `compare.COLUMNS`.
    """
    whole = plan_of(design, size.seeds[0], size)
    plan = replace(whole, visits=tuple(pair for pair in whole.visits if pair[0] == baseline_of(design)))
    again = stained_again(plan_samples(plan), several_days=several_days)
    with tempfile.TemporaryDirectory() as folder:
        gated = gate_trial(plan, again.samples, folder=Path(folder), pool=pool, replicates=again.number)
    return numbers_of(gated, again.samples, design=design, seed=plan.seed)


def run_all(size: Size, pool: Executor, *, designs: Sequence[str] = DESIGNS) -> dict[str, pd.DataFrame]:
    """Design and days -> `repeatability` of its replicates."""
    return {
        f"{design}, {days}": repeatability(run_replicates(design, size, pool, several_days=several))
        for design in designs
        for days, several in DAYS.items()
    }


def repeatability(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per subset under its primary denominator, columns as in `WORDS`; CVs over bloods are root mean squares.

    A tube that was not measured counts neither among the measured nor among the true.
    """
    primary = rows[rows["is_primary"]].dropna(subset=["measured"])
    table = {}
    for subset, own in primary.groupby("subset", sort=True):
        own = own.assign(ratio=own["measured"] / own["truth"].where(own["truth"] > 0))
        by_blood = own.groupby(["seed", "subject_id", "visit"])
        cvs = {of: root_mean_square(by_blood[of].agg(cv_percent)) for of in ("truth", "measured", "ratio")}
        true, measured = cvs["truth"], cvs["measured"]
        table[subset] = {
            "bloods": int((by_blood.size() > 1).sum()),
            "cv_true_%": true,
            "cv_measured_%": measured,
            "cv_added_%": math.sqrt(max(measured**2 - true**2, 0.0)),
            "cv_ratio_%": cvs["ratio"],
            "cv_analyst_%": CENTRAL_ANALYST.get(str(subset), NAN),
        }
    return pd.DataFrame.from_dict(table, orient="index", columns=list(WORDS))


def cv_percent(values: pd.Series) -> float:
    """Coefficient of variation in percent, SD with n - 1; NaN of fewer than two."""
    return 100.0 * float(values.std()) / float(values.mean()) if len(values) > 1 else NAN
