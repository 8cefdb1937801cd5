"""The ledger's uncertainty of each gate beside how far the gate really moves between tubes of one blood."""

from __future__ import annotations

import math
import tempfile
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.gating.measures import root_mean_square
from benchmarks.gating.replicates import REPLICATES, stained_again
from benchmarks.gating.workflow import Gated, gate_trial
from benchmarks.validation.ledger_percentages import uncertainty_of_percentages
from benchmarks.validation.study import BASELINE, PRIMARY, REPLICATE_SEED, TRIAL, fcs_plan
from cytotrial.simulate.trial.plan import plan_samples

GATE = ["panel", "population", "marker", "bound"]


@dataclass(frozen=True)
class Placement:
    """What the replicates of some bloods tell.

    Attributes
    ----------
    gates : DataFrame
        ``panel population marker bound pool bloods sd uncertainty``: on the gate's own scale, both root mean squares
        over the bloods; `sd` is of the thresholds between the tubes of a blood.
    subsets : DataFrame
        ``subset bloods sd sd_true``: percentage points between the tubes of a blood, gated and as the files are.
    ledger : DataFrame
        `uncertainty_of_percentages`: what gating adds to them, and what the ledger says of that.
    """

    gates: pd.DataFrame
    subsets: pd.DataFrame
    ledger: pd.DataFrame


def placement(laboratory: str, *, bloods: int, events: tuple[int, ...], pool: Executor) -> Placement:
    """Gate the baseline bloods of a trial, each stained `REPLICATES` times on its instrument day."""
    per_arm = math.ceil(bloods / 2)
    design = f"{TRIAL}/{laboratory}"
    plan = fcs_plan(design, REPLICATE_SEED, subjects_per_arm=per_arm, events=events, visits=(BASELINE,))
    again = stained_again(plan_samples(plan), several_days=False)
    with tempfile.TemporaryDirectory() as folder:
        gated = gate_trial(plan, again.samples, folder=Path(folder), pool=pool, replicates=again.number)
    blood = {name: name.rsplit("_r", 1)[0] for name in again.number}
    return Placement(
        gates=between_replicates(gated.gates, blood),
        subsets=percentages_between_replicates(gated, blood),
        ledger=uncertainty_of_percentages(gated, blood),
    )


def between_replicates(gates: pd.DataFrame, blood: dict[str, str]) -> pd.DataFrame:
    """`Placement.gates` of a ledger: cuts that the data placed, each once.

    Parameters
    ----------
    gates : DataFrame
        Columns of ``gates.tsv``.
    blood : mapping
        Sample id -> whose blood it is.
    """
    placed = gates[gates["threshold"].notna() & (gates["source"] != "fixed")]
    # One cut has several rows: the other side of it, the next quadrant.
    placed = placed.sort_values(["sample_id", *GATE]).drop_duplicates(["sample_id", "marker", "threshold"])
    placed = placed.assign(
        blood=placed["sample_id"].map(blood),
        pool=placed["pool"].str.split().str[0],
        uncertainty=placed["uncertainty"].astype(float),
    )
    rows = []
    for key, own in placed.groupby(GATE, sort=True):
        sds = own.groupby("blood")["threshold"].std()
        rows.append(
            {
                **dict(zip(GATE, key, strict=True)),
                "pool": ", ".join(sorted(own["pool"].unique())),
                "bloods": int(sds.notna().sum()),
                "sd": root_mean_square(sds),
                "uncertainty": root_mean_square(own["uncertainty"]),
            }
        )
    return pd.DataFrame(rows, columns=[*GATE, "pool", "bloods", "sd", "uncertainty"])


def percentages_between_replicates(gated: Gated, blood: dict[str, str]) -> pd.DataFrame:
    """`Placement.subsets`, primary denominators."""
    found = {}
    for name, table in (("sd", gated.subsets), ("sd_true", gated.truth)):
        rows = table[table["denominator"] == table["subset"].map(PRIMARY)]
        sds = rows.groupby(["subset", rows["sample_id"].map(blood)])["percent"].std()
        found[name] = sds.groupby("subset").agg(root_mean_square)
        found.setdefault("bloods", sds.groupby("subset").count())
    return pd.DataFrame(found).reindex(list(PRIMARY)).rename_axis("subset").reset_index()


def relative_error(bloods: int) -> float:
    """Standard error of a pooled SD of so many bloods, relative to it: 1 / root(2 x degrees of freedom)."""
    return 1.0 / math.sqrt(2.0 * bloods * (REPLICATES - 1)) if bloods else float(np.nan)
