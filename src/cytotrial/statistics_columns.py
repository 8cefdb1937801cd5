"""The words of the statistics' tables, results/stats/<name>.tsv: their keys and columns.

Other programs read four of them: their first columns, up to ``note``, are the contract's; what came later follows.
"""

from __future__ import annotations

from cytotrial.columns import Table


def _table(name: str, key: str, columns: str) -> Table:
    return Table(name, tuple(key.split()), (*key.split(), *columns.split()))


# The paper's tests
CHANGE_FROM_BASELINE = _table(
    "change_from_baseline",
    "analysis_set arm subset denominator visit",
    """n_pairs mean_baseline mean_visit mean_change sd_change ci_low ci_high t df p_value p_holm p_bh wilcoxon_p note
    hl_change hl_low hl_high dz""",
)
BETWEEN_ARMS = _table(
    "between_arms",
    "analysis_set subset denominator visit measure",
    """n_active n_control median_active median_control u p_value p_holm p_bh hl_shift hl_low hl_high auc note
    cliffs_delta mean_active mean_control mean_difference welch_low welch_high welch_t welch_df welch_p""",
)
CATEGORICAL = _table(
    "categorical",
    "analysis_set endpoint visit",
    """x_active n_active x_control n_control pearson_p yates_p likelihood_ratio_p fisher_p n_minus_1_p
    risk_difference rd_low rd_high odds_ratio or_low or_high min_expected note
    n_missing preferred preferred_p fisher_greater_p fisher_less_p student_t_p welch_t_p rd_wald_low rd_wald_high
    or_haldane or_haldane_low or_haldane_high or_conditional or_conditional_low or_conditional_high
    rate_active rate_active_low rate_active_high rate_control rate_control_low rate_control_high""",
)
MCNEMAR = _table(
    "mcnemar",
    "analysis_set arm endpoint visit_from visit_to",
    "n_pairs n_neither n_gained n_lost n_both chi2 p_value chi2_corrected p_corrected p_exact note",
)
CONTINUOUS = _table(
    "continuous",
    "analysis_set endpoint visit",
    """n_active n_control n_missing mean_active mean_control sd_active sd_control mean_difference ci_low ci_high t df
    welch_p mann_whitney_p hl_shift hl_low hl_high note""",
)

# Relative to the baseline, or to the other arm: logarithms, with what they mean as ratios
RELATIVE_CHANGE = _table(
    "relative_change",
    "analysis_set arm subset denominator visit scale",
    "n_pairs mean_change sd_change ci_low ci_high t df p_value p_holm p_bh wilcoxon_p ratio ratio_low ratio_high note",
)
RELATIVE_DIFFERENCE = _table(
    "relative_difference",
    "analysis_set subset denominator visit measure",
    """n_active n_control mean_active mean_control mean_difference ci_low ci_high t df p_value p_holm p_bh u
    mann_whitney_p odds_ratio or_low or_high note""",
)

# Models
ANCOVA = _table(
    "ancova",
    "analysis_set subset denominator visit scale",
    """n_active n_control estimate se df ci_low ci_high t p_value p_holm p_bh odds_ratio or_low or_high slope_baseline
    residual_sd note""",
)
MIXED_MODEL = _table(
    "mixed_model",
    "analysis_set subset denominator visit scale",
    """estimate se df ci_low ci_high p_value method n_subjects n_observations note p_holm p_bh odds_ratio or_low
    or_high""",
)
MIXED_MODEL_FIT = _table(
    "mixed_model_fit",
    "analysis_set subset denominator scale",
    """covariance tried reml_log_likelihood n_subjects n_observations n_fixed n_covariance wald_chi2 wald_df wald_p
    f_value f_df f_p covariance_matrix note""",
)
SCHEDULE_CONTRASTS = _table(
    "schedule_contrasts",
    "analysis_set comparison subset denominator scale contrast",
    "visits n_subjects estimate se df ci_low ci_high p_value odds_ratio or_low or_high method note",
)

# Several tests at once
FAMILIES = _table(
    "families",
    "family analysis_set test arm subset denominator visit",
    "p_value n_planned n_tested p_holm p_bh method p_adjusted",
)
GATEKEEPING = _table(
    "gatekeeping",
    "analysis_set order",
    "endpoint visit test p_value alpha is_tested is_significant note",
)

# What is missing
MISSING_VALUES = _table(
    "missing_values",
    "subject_id visit subset denominator",
    "arm kind reason",
)
AVAILABILITY = _table(
    "availability",
    "analysis_set arm subset denominator visit",
    "n_planned n_available n_not_collected n_failed n_not_reported",
)

# Under other choices, and with the gates a little elsewhere. Words of the columns `test`, `variation` and `verdict`;
# and how the note of a result begins of which no gate limit was judged.
SURVIVAL_TESTS = (CHANGE_FROM_BASELINE.name, BETWEEN_ARMS.name, ANCOVA.name)
DENOMINATORS, ANALYSIS_SETS, REPORTING_LIMITS = "denominators", "analysis_sets", "reporting_limits"
GATE, GATES_APART, ALL = "gate", "gates_apart", "all"
HOLDS, FRAGILE, FAILS = VERDICTS = ("holds", "fragile", "fails")
GATES_NOT_TRIED = "gates not tried"
SURVIVAL = _table(
    "survival",
    "test analysis_set arm subset denominator visit variation gate",
    """estimate p_value is_significant n_analyses n_held share_held estimate_low estimate_high p_low p_high weakest
    smallest_move verdict note""",
)
SURVIVAL_ANALYSES = _table(
    "survival_analyses",
    f"{' '.join(SURVIVAL.key)} analysis",
    "estimate p_value holds note",
)

STATISTICS = (
    CHANGE_FROM_BASELINE,
    BETWEEN_ARMS,
    MIXED_MODEL,
    CATEGORICAL,
    MCNEMAR,
    CONTINUOUS,
    RELATIVE_CHANGE,
    RELATIVE_DIFFERENCE,
    ANCOVA,
    MIXED_MODEL_FIT,
    SCHEDULE_CONTRASTS,
    FAMILIES,
    GATEKEEPING,
    MISSING_VALUES,
    AVAILABILITY,
    SURVIVAL,
    SURVIVAL_ANALYSES,
)
