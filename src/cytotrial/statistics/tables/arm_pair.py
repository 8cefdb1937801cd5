"""The two arms that are compared: what both have at every visit, and what is said where arms are more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from cytotrial.statistics.cells import Cells, Sample
from cytotrial.statistics.plan import AnalysisPlan

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TwoSamples:
    """The active and the control arm's values of one row.

    Attributes
    ----------
    key : dict
        ``analysis_set subset denominator visit measure``.
    """

    key: dict[str, str]
    active: Sample
    control: Sample

    @property
    def reason(self) -> str:
        """Which arms have no value, and why; empty where both have."""
        return "; ".join(filter(None, (self.active.reason, self.control.reason)))

    @property
    def magnitude(self) -> float:
        """The largest of the values that both were computed from, without sign; 0 of levels."""
        return max(self.active.magnitude, self.control.magnitude)


def levels_and_changes(cells: Cells, plan: AnalysisPlan) -> Iterator[TwoSamples]:
    """Every analysis set, percentage, visit and measure: ``level`` at all visits, ``change`` after the baseline."""
    if plan.pair is None:
        return
    active, control = plan.pair
    measures = [(visit, "level") for visit in plan.visits] + [(visit, "change") for visit in plan.post_baseline]
    for analysis_set in plan.analysis_sets:
        for subset, denominator in plan.percentages():
            for visit, measure in measures:
                values = cells.level if measure == "level" else cells.change
                where = subset, denominator, visit
                names = ("analysis_set", "subset", "denominator", "visit", "measure")
                yield TwoSamples(
                    dict(zip(names, (analysis_set, *where, measure), strict=True)),
                    values(analysis_set, active, *where),
                    values(analysis_set, control, *where),
                )


def pair_note(plan: AnalysisPlan, comparison: str) -> str | None:
    """What every row's note says of the choice of arms: empty where there was none; None without a comparison.

    Parameters
    ----------
    comparison : str
        Its name, for the log.
    """
    if plan.pair is None:
        missing = "active" if plan.control else "control"
        logger.info("%s: no comparison between arms, the trial has no %s arm", comparison, missing)
        return None
    if len(plan.active) == len(plan.control) == 1:
        return ""
    note = f"several arms: {plan.pair[0]} compared with {plan.pair[1]}"
    logger.info("%s: %s", comparison, note)
    return note


def comparison_family(row: dict[str, str], plan: AnalysisPlan, *by: str) -> tuple[str, ...] | None:
    """Analysis set and, say, measure, arm or scale of the rows that are tested together; None for a row outside.

    Outside are the baseline, visits before it, and all denominators but the primary one.

    Parameters
    ----------
    by : str
        The columns besides the analysis set that tell the families apart.
    """
    if row["visit"] not in plan.post_baseline or not plan.is_primary(row["subset"], row["denominator"]):
        return None
    return row["analysis_set"], *(row[name] for name in by)
