"""Who belongs to which analysis set and arm."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pandas as pd

from cytotrial.statistics.plan import AnalysisPlan

logger = logging.getLogger(__name__)


def members(subjects: pd.DataFrame, *, analysis_set: str, arm: str) -> list[str]:
    """The subjects of one arm in one analysis set, sorted.

    Parameters
    ----------
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.
    """
    chosen = subjects[subjects[analysis_set].astype(bool) & (subjects["arm"] == arm)]
    return sorted(str(subject) for subject in chosen["subject_id"])


def log_members(subjects: pd.DataFrame, plan: AnalysisPlan, measured: Iterable[str]) -> None:
    """One INFO line per analysis set: the subjects of each arm, and those with a usable value."""
    measured = set(measured)
    for analysis_set in plan.analysis_sets:
        counts = []
        for arm in plan.arms:
            chosen = members(subjects, analysis_set=analysis_set, arm=arm)
            counts.append(f"{arm} {len(chosen)} subjects ({len(measured & set(chosen))} with a usable value)")
        logger.info("analysis set %s: %s", analysis_set, ", ".join(counts))
