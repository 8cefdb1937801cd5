"""Every percentage of a gated trial beside its truth, with what the workflow said of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.gating.workflow import Gated
from cytotrial.simulate.trial.plan import SamplePlan

KEY = ["sample_id", "subset", "denominator"]
OWN_DATA = ("found", "fixed")  # gates from anything else were borrowed or moved, and flag their file
# Relative error in percent beyond which a gate stands in the wrong place: what docs/simulation.md's continua leave
# open for Treg and CD56bright, and more than counting could do for the others.
BAD_PLACEMENT = {"cd4": 10.0, "cd8": 10.0, "nk": 10.0, "treg": 15.0, "cd56bright_nk": 15.0}
COLUMNS = {
    "design": "trial and profile",
    "seed": "of the trial",
    "sample_id": "file",
    "subject_id": "whose blood",
    "arm": "which the gates did not know",
    "visit": "of the trial",
    "batch": "instrument day",
    "subset": "readout",
    "denominator": "of which it is a percentage",
    "is_primary": "whether that is the subset's primary denominator",
    "truth": "percentage that the file really holds, live single cells",
    "truth_n": "events of it, numerator",
    "truth_of_n": "and denominator",
    "measured": "percentage of the workflow; missing where it reports none",
    "measured_n": "events of it, numerator",
    "measured_of_n": "and denominator",
    "error": "measured - truth, percentage points",
    "error_%": "100 x (measured - truth) / truth",
    "counting_sd_%": "binomial SD of a percentage counted on so many events, in percent of it",
    "bad": "whether the relative error is beyond BAD_PLACEMENT",
    "qc_flag": "of subsets.tsv",
    "qc_reason": "of subsets.tsv",
    "status": "of status.tsv",
    "status_reasons": "of status.tsv",
    "gate_source": "of the subset's own gate in gates.tsv",
    "gate_reason": "of the subset's own gate in gates.tsv",
    "flagged": "whether the number carries any flag, its file's included",
    "gate_flagged": "whether the subset's own gate was not found in the file's own data",
}


def numbers_of(gated: Gated, samples: Sequence[SamplePlan], *, design: str, seed: int) -> pd.DataFrame:
    """One row per sample, subset and denominator; columns as in `COLUMNS`.

    Raises
    ------
    ValueError
        A number that has a truth is not among the results, not even as missing.
    """
    truth, measured = (_named(table, name) for table, name in ((gated.truth, "truth"), (gated.subsets, "measured")))
    measured = measured.drop(columns=["panel", "condition", "week", "ci_low", "ci_high"])
    both = truth.merge(measured, on=KEY, how="left", validate="one_to_one")
    if both["qc_flag"].isna().any():
        raise ValueError(f"{design}, seed {seed}: {both.loc[both['qc_flag'].isna(), 'sample_id'].iloc[0]} has no row")
    status = gated.status.rename(columns={"reasons": "status_reasons"})[["sample_id", "status", "status_reasons"]]
    both = both.merge(status, on="sample_id", validate="many_to_one").merge(_who(samples), on="sample_id")
    both = both.merge(_own_gates(gated.gates), on=["sample_id", "subset"], how="left")
    both = with_errors(both.assign(design=design, seed=seed, is_primary=both["is_primary"] == "Y"))
    flagged = (both["qc_flag"] != "ok") & both["measured"].notna()
    borrowed = both["gate_source"].notna() & ~both["gate_source"].isin(OWN_DATA)
    return both.assign(flagged=flagged, gate_flagged=borrowed)[list(COLUMNS)]


def _named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Percentage and counts under the name of whose they are."""
    return table.rename(columns={"percent": name, "numerator_n": f"{name}_n", "denominator_n": f"{name}_of_n"})


def with_errors(both: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``subset truth truth_of_n measured`` with their errors; of a truth of 0 no relative one can be told."""
    error = both["measured"] - both["truth"]
    share = both["truth"].where(both["truth"] > 0) / 100.0
    relative = error / share
    return both.assign(
        **{
            "error": error,
            "error_%": relative,
            "counting_sd_%": 100.0 * np.sqrt((1.0 - share) / (share * both["truth_of_n"])),
            "bad": relative.abs() > both["subset"].map(BAD_PLACEMENT),
        }
    )


def _who(samples: Sequence[SamplePlan]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"sample_id": one.sample_id, "arm": one.subject.arm, "batch": one.batch} for one in samples], dtype=str
    )


def _own_gates(gates: pd.DataFrame) -> pd.DataFrame:
    """Sample and population -> sources and reasons of its bounds, each said once. Readouts bear their gate's name."""
    grouped = gates.groupby(["sample_id", "population"], sort=True)
    said = grouped[["source", "reason"]].agg(lambda words: "; ".join(dict.fromkeys(words.dropna())))
    return said.reset_index().rename(columns={"population": "subset", "source": "gate_source", "reason": "gate_reason"})
