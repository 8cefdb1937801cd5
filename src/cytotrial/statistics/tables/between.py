"""Active against control at every visit, level and change: Mann-Whitney test, Hodges-Lehmann shift, Welch's t test."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cytotrial.statistics.cells import Cells
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.two_samples import mann_whitney, welch
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import HODGES_LEHMANN, MANN_WHITNEY, WELCH
from cytotrial.statistics.tables.arm_pair import TwoSamples, comparison_family, levels_and_changes, pair_note

METHOD = Method(
    title="Differences between the arms",
    text="""The percentages at every visit, and the changes from baseline at every post-baseline visit, of the active
    arm were compared with those of the control arm by two-sided Mann-Whitney tests: exact where 40 or fewer values
    had no ties, else by the normal approximation with correction for ties and without correction for continuity. The
    shift between the arms was estimated as the median of all pairwise differences (Hodges and Lehmann), with 95 %
    limits from the order statistics of these differences at the critical value of the normal approximation without
    correction for ties, whatever the number of values; with 40 or fewer values the p-value was exact and these limits
    were not, so that at the edge of significance the two can disagree. The probability that a value of the active arm
    exceeds one of the control arm (ties counted one half; the area under the ROC curve) and Cliff's delta were
    computed from U. Differences of means were given with Welch's t test and its 95 % interval. The p-values of the
    Mann-Whitney tests were adjusted by Holm's and by Benjamini and Hochberg's method over all subsets and
    post-baseline visits of an analysis set, separately for levels and changes, primary denominators only. Subjects
    without a usable value were left out; nothing was imputed. Of several arms of one role the first was compared.""",
    references=(
        MANN_WHITNEY,
        HODGES_LEHMANN,
        "Cliff N. Dominance statistics: ordinal analyses to answer ordinal questions. Psychol Bull 1993;114:494-509. "
        "doi:10.1037/0033-2909.114.3.494",
        WELCH,
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x",
    ),
    libraries=("numpy", "scipy", "statsmodels"),
)


def between_arms(observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, subset, denominator, visit and measure of the plan.

    ``level`` is the percentage at the visit (every visit); ``change`` is visit minus baseline of the
    subjects that have both (post-baseline visits). Where arms of one role are several, the first
    active is compared with the first control arm and every row's note says so; without an active or
    a control arm there are no rows.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.BETWEEN_ARMS`; percentages and percentage points.

    Notes
    -----
    ``p_holm`` and ``p_bh`` count all subsets and post-baseline visits of one analysis set and measure,
    primary denominators only; other rows, and the level at the baseline, have none.
    """
    chosen_pair = pair_note(plan, "between arms")
    if chosen_pair is None:
        return []
    cells = Cells.of(observations, subjects, plan)
    rows = [two.key | _row(two, chosen_pair) for two in levels_and_changes(cells, plan)]
    return adjust_families(rows, family=lambda row: comparison_family(row, plan, "measure"))


def _row(two: TwoSamples, chosen_pair: str) -> dict[str, Any]:
    ranks = mann_whitney(two.active.values, two.control.values, magnitude=two.magnitude)
    means = welch(two.active.values, two.control.values, magnitude=two.magnitude)
    notes = [two.reason] if two.reason else [ranks["note"], means["note"]]
    return ranks | means | {"note": "; ".join(filter(None, (*notes, chosen_pair)))}
