"""Last observations carried forward: a sensitivity analysis for who asks for it, never the analysis itself."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd

from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan

logger = logging.getLogger(__name__)
SUFFIX = "_locf"

METHOD = Method(
    title="Last observation carried forward",
    text="""As a sensitivity analysis that the trial's configuration asked for, in the primary analysis set a
    missing post-baseline percentage was replaced by the subject's last usable post-baseline one of the same subset
    and denominator; the baseline was never carried forward. The results are labelled as an analysis set of their
    own. The method assumes that nothing changes after the last observation, is biased where something does, and
    understates the spread; no conclusion should rest on it.""",
    references=(
        "National Research Council. The Prevention and Treatment of Missing Data in Clinical Trials. National "
        "Academies Press 2010. doi:10.17226/12955",
    ),
    libraries=("pandas",),
)


def carried_forward(
    observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan
) -> tuple[pd.DataFrame, pd.DataFrame, AnalysisPlan]:
    """The trial as if every subject had stayed as last seen: what the tables need to be made once more.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.
    plan : AnalysisPlan
        One that asks for it.

    Returns
    -------
    observations : DataFrame
        With a row more for every subset and denominator of a subject at a post-baseline visit without one, where an
        earlier post-baseline visit has one: its percentage and its logit. Sorted as before.
    subjects : DataFrame
        With the primary analysis set again as ``<primary>_locf``.
    plan : AnalysisPlan
        With that set alone.

    Raises
    ------
    ValueError
        Nobody asked for it.
    """
    if not plan.is_locf_asked:
        raise ValueError("last observations are carried forward only where the plan asks for it")
    label = f"{plan.analysis_sets[0]}{SUFFIX}"
    carried = _carried(observations, plan)
    logger.info("analysis set %s: %d values carried forward", label, len(carried))
    together = pd.concat([observations, carried], ignore_index=True) if len(carried) else observations.copy()
    together = together.sort_values(["subject_id", "visit", "subset", "denominator"], ignore_index=True)
    labelled = subjects.assign(**{label: subjects[plan.analysis_sets[0]].astype(bool)})
    return together, labelled, replace(plan, analysis_sets=(label,))


def _carried(observations: pd.DataFrame, plan: AnalysisPlan) -> pd.DataFrame:
    """The rows that are not there, as copies of the last ones that are, at the visits they stand in for."""
    series = ["subject_id", "subset", "denominator"]
    after = observations.reset_index(drop=True)
    after = after[after["visit"].isin(plan.post_baseline)]
    if after.empty:
        return after
    # Rows are carried, not their cells: a percentage without counts has no logit, and gets none from before.
    places = after.assign(place=after.index).pivot(index=series, columns="visit", values="place")
    places = places.reindex(columns=list(plan.post_baseline)).astype(float)
    filled = places.ffill(axis=1)
    row, column = np.nonzero((filled.notna() & places.isna()).to_numpy())
    copies = after.loc[filled.to_numpy()[row, column].astype(int)]
    return copies.assign(visit=np.asarray(plan.post_baseline, dtype=object)[column])
