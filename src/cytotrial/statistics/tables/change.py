"""Change from baseline within each arm: paired t test and Wilcoxon's signed-rank test at every visit."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cytotrial.statistics.cells import Cells
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.paired import paired_change
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import HODGES_LEHMANN, STUDENT, WILCOXON
from cytotrial.statistics.tables.arm_pair import comparison_family

METHOD = Method(
    title="Change from baseline within the arms",
    text="""Within each arm the percentages at every post-baseline visit were compared with those at the baseline visit
    by two-sided paired t tests, over the subjects with usable values at both; no other visit stood in for the
    baseline, and nothing was imputed. Mean changes were given with 95 % confidence intervals, and relative to the
    standard deviation of the changes (dz). Wilcoxon's signed-rank test left changes of zero out, gave tied changes
    mid-ranks, and was exact given the ranks with up to 200 changes, else by the normal approximation with correction
    for ties and without correction for continuity. The Hodges-Lehmann estimate is the median of the averages of all
    pairs of non-zero changes, each with itself too; its 95 % limits are order statistics of these averages, at the
    critical value of the exact distribution where there were no ties and no zeros among up to 200 changes, else at
    the normal approximation's. The p-values of the t tests were adjusted by Holm's and by Benjamini and Hochberg's
    method over all subsets and visits of an arm and analysis set, primary denominators only.""",
    references=(
        STUDENT,
        WILCOXON,
        HODGES_LEHMANN,
        "Lakens D. Calculating and reporting effect sizes to facilitate cumulative science: a practical primer for "
        "t-tests and ANOVAs. Front Psychol 2013;4:863. doi:10.3389/fpsyg.2013.00863",
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x",
    ),
    libraries=("numpy", "scipy", "statsmodels"),
)


def change_from_baseline(
    observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan
) -> list[dict[str, Any]]:
    """A row for every analysis set, arm, subset, denominator and post-baseline visit of the plan.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.CHANGE_FROM_BASELINE`; percentages and percentage points.

    Notes
    -----
    A pair is a subject with a usable value at the baseline visit and at the visit; no other visit
    stands in for the baseline. ``p_holm`` and ``p_bh`` count all subsets and visits of one analysis
    set and arm, primary denominators only; other rows have none.
    """
    cells = Cells.of(observations, subjects, plan)
    rows = []
    for analysis_set in plan.analysis_sets:
        for arm in plan.arms:
            for subset, denominator in plan.percentages():
                for visit in plan.post_baseline:
                    pairs = cells.pairs(analysis_set, arm, subset, denominator, visit)
                    row = paired_change(pairs.before, pairs.after)
                    row |= {"analysis_set": analysis_set, "arm": arm, "subset": subset, "denominator": denominator}
                    rows.append(row | {"visit": visit, "note": pairs.reason or row["note"]})
    return adjust_families(rows, family=lambda row: comparison_family(row, plan, "arm"))
