"""Active against control on the logit scale, level and change: Welch's t test as odds ratios, Mann-Whitney test."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cytotrial.statistics.cells import Cells, without_events
from cytotrial.statistics.methods.multiplicity import adjust_families
from cytotrial.statistics.methods.ratios import ratios
from cytotrial.statistics.methods.two_samples import rank_sum_test, welch
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.references import HALDANE, MANN_WHITNEY, WELCH
from cytotrial.statistics.tables.arm_pair import TwoSamples, comparison_family, levels_and_changes, pair_note

NAN = float("nan")

METHOD = Method(
    title="Relative differences between the arms",
    text="""The arms were also compared on the logit scale, log(q / (1 - q)) with q = (x + 0.5) / (n + 1) for x events
    among n, at every visit and, as changes from baseline, at every post-baseline visit: by Welch's t test, whose
    difference of means and 95 % limits were given as odds ratios too (of the changes: ratios of odds ratios), and by
    the Mann-Whitney test as for the percentages. Where no sample of the two arms had an event, or every sample
    nothing but events, q measures the denominators alone, and nothing was estimated from it. The p-values of Welch's
    test were adjusted by Holm's and by Benjamini and Hochberg's method over all subsets and post-baseline visits of
    an analysis set, separately for levels and changes, primary denominators only.""",
    references=(
        WELCH,
        HALDANE,
        MANN_WHITNEY,
    ),
    libraries=("numpy", "scipy", "statsmodels"),
)


def relative_difference(observations: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every analysis set, subset, denominator, visit and measure of the plan, on the logit scale.

    ``level`` and ``change``, the arms that are compared and the rows' notes are those of `between_arms`.

    Parameters
    ----------
    observations : DataFrame
        What `usable_values` returns.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.RELATIVE_DIFFERENCE`; means, their difference (active minus
        control) and its limits are natural logarithms of odds, the odds ratio and its limits their antilogarithms.

    Notes
    -----
    ``p_value`` is Welch's; ``p_holm`` and ``p_bh`` count all subsets and post-baseline visits of one
    analysis set and measure, primary denominators only.
    """
    chosen_pair = pair_note(plan, "relative difference")
    if chosen_pair is None:
        return []
    cells = Cells.of(observations, subjects, plan, scale="logit")
    rows = [two.key | _row(two, chosen_pair) for two in levels_and_changes(cells, plan)]
    return adjust_families(rows, family=lambda row: comparison_family(row, plan, "measure"))


def _row(two: TwoSamples, chosen_pair: str) -> dict[str, Any]:
    active, control = two.active.values, two.control.values
    means = welch(active, control, magnitude=two.magnitude)
    u, mann_whitney_p, rank_note = rank_sum_test(active, control, magnitude=two.magnitude)
    odds = ratios(means["mean_difference"], means["welch_low"], means["welch_high"])
    notes = [two.reason] if two.reason else [rank_note, means["note"]]
    row = {
        **{name: means[name] for name in ("mean_active", "mean_control", "mean_difference")},
        "ci_low": means["welch_low"],
        "ci_high": means["welch_high"],
        "t": means["welch_t"],
        "df": means["welch_df"],
        "p_value": means["welch_p"],
        "u": u,
        "mann_whitney_p": mann_whitney_p,
        **dict(zip(("odds_ratio", "or_low", "or_high"), odds, strict=True)),
    }
    denominators_alone = without_events(two.active.percents, two.control.percents)
    if denominators_alone:
        row, notes = dict.fromkeys(row, NAN), [two.reason, denominators_alone]
    row |= {"n_active": active.size, "n_control": control.size}
    return row | {"note": "; ".join(filter(None, (*notes, chosen_pair)))}
