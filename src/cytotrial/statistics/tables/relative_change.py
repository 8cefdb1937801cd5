"""Change relative to the baseline within each arm: odds ratios and fold changes, tested on their logarithms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from cytotrial.statistics.cells import Cells, Pairs, without_events
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.paired import paired_t
from cytotrial.statistics.methods.ratios import ratios
from cytotrial.statistics.methods.signed_rank import signed_rank_p
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import HALDANE, STUDENT, WILCOXON
from cytotrial.statistics.tables.arm_pair import comparison_family

NAN = float("nan")
Array = NDArray[np.float64]

METHOD = Method(
    title="Change relative to the baseline",
    text="""Changes within the arms were also analysed on logarithmic scales, by paired t tests with 95 % confidence
    intervals and by Wilcoxon's signed-rank test as for the percentages: as differences of logits, log(q / (1 - q))
    with q = (x + 0.5) / (n + 1) for x events among n, whose antilogarithms are odds ratios; as differences of binary
    logarithms of the percentages, over the pairs in which both exceeded zero (the table says how many were left out),
    whose antilogarithms are ratios of geometric means (fold changes); and as differences of binary logarithms of q,
    over all pairs. Where no sample of the pairs had an event, or every sample nothing but events, q measures the
    denominators alone, and nothing was estimated from it. The p-values of the t tests were adjusted by Holm's and by
    Benjamini and Hochberg's method over all subsets and post-baseline visits of an arm, analysis set and scale,
    primary denominators only.""",
    references=(
        HALDANE,
        STUDENT,
        WILCOXON,
    ),
    libraries=("numpy", "scipy", "statsmodels"),
)


@dataclass(frozen=True)
class _Scale:
    """Which observations become which logarithms, and the base that brings them back."""

    name: str
    observed: str
    logarithm: Callable[[Array], Array]
    base: float


SCALES = (
    _Scale("logit", "logit", np.asarray, np.e),
    _Scale("log2", "percent", np.log2, 2.0),
    _Scale("log2_corrected", "logit", lambda logits: special.log_expit(logits) / np.log(2.0), 2.0),
)
NUMBERS = ("mean_change", "sd_change", "ci_low", "ci_high", "t", "df", "p_value")
RATIOS = ("ratio", "ratio_low", "ratio_high")


def relative_change(observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, arm, subset, denominator, post-baseline visit and scale.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.RELATIVE_CHANGE`. Scale ``logit``: natural logarithms of odds, the
        ratio is an odds ratio. ``log2``: binary logarithms of percentages, of the pairs without a zero;
        ``log2_corrected``: of q = (x + 0.5) / (n + 1); the ratio is a fold change.

    Notes
    -----
    ``p_holm`` and ``p_bh`` count all subsets and visits of one analysis set, arm and scale, primary
    denominators only; other rows have none.
    """
    laid_out = {name: Cells.of(observations, subjects, plan, scale=name) for name in ("percent", "logit")}
    rows = []
    for analysis_set in plan.analysis_sets:
        for arm in plan.arms:
            for subset, denominator in plan.percentages():
                for visit in plan.post_baseline:
                    for scale in SCALES:
                        pairs = laid_out[scale.observed].pairs(analysis_set, arm, subset, denominator, visit)
                        key = {"analysis_set": analysis_set, "arm": arm, "subset": subset, "denominator": denominator}
                        rows.append(key | {"visit": visit, "scale": scale.name} | _row(pairs, scale))
    return adjust_families(rows, family=lambda row: comparison_family(row, plan, "arm", "scale"))


def _row(pairs: Pairs, scale: _Scale) -> dict[str, Any]:
    before, after, left_out = pairs.before, pairs.after, ""
    if scale.observed == "percent":
        is_positive = (before > 0.0) & (after > 0.0)
        n_left_out = int((~is_positive).sum())
        before, after = before[is_positive], after[is_positive]
        left_out = f"{n_left_out} pair(s) with 0 % left out, which has no logarithm" if n_left_out else ""
    first, second = scale.logarithm(before), scale.logarithm(after)
    test = paired_t(first, second)
    magnitude = np.abs([first, second]).max(initial=0.0)
    wilcoxon_p, rank_note = signed_rank_p(second - first, magnitude=magnitude)
    row = {"n_pairs": test["n_pairs"], "wilcoxon_p": wilcoxon_p} | {name: test[name] for name in NUMBERS}
    back = ratios(row["mean_change"], row["ci_low"], row["ci_high"], base=scale.base)
    row |= dict(zip(RATIOS, back, strict=True))
    denominators_alone = without_events(pairs.percents) if scale.observed == "logit" else ""
    if denominators_alone:
        return row | dict.fromkeys((*NUMBERS, "wilcoxon_p", *RATIOS), NAN) | {"note": denominators_alone}
    return row | {"note": pairs.reason or "; ".join(filter(None, (left_out, test["note"], rank_note)))}
