"""Words of the contract that several whole-run tests hold the results against."""

from __future__ import annotations

import pytest

# CONTRACT.md, "Out", typed from there and not from cytotrial.columns: file -> (key, columns in order)
TABLES = {
    "results/tables/status.tsv": (
        "sample_id",
        "sample_id panel subject_id visit status reasons n_events n_events_kept",
    ),
    "results/tables/populations.tsv": ("sample_id population", "sample_id population parent n_events n_parent"),
    "results/tables/gates.tsv": (
        "sample_id population marker bound",
        "sample_id population marker bound threshold threshold_linear coordinates source pool uncertainty reason",
    ),
    "results/tables/subsets.tsv": (
        "sample_id subset denominator",
        "sample_id subset denominator subject_id visit week panel condition is_primary numerator_n denominator_n "
        "percent ci_low ci_high qc_flag qc_reason",
    ),
    "results/tables/subsets_wide.tsv": ("subject_id visit", "subject_id visit"),
    "results/stats/change_from_baseline.tsv": (
        "analysis_set arm subset denominator visit",
        "analysis_set arm subset denominator visit n_pairs mean_baseline mean_visit mean_change sd_change ci_low "
        "ci_high t df p_value p_holm p_bh wilcoxon_p note",
    ),
    "results/stats/between_arms.tsv": (
        "analysis_set subset denominator visit measure",
        "analysis_set subset denominator visit measure n_active n_control median_active median_control u p_value "
        "p_holm p_bh hl_shift hl_low hl_high auc note",
    ),
    "results/stats/mixed_model.tsv": (
        "analysis_set subset denominator visit scale",
        "analysis_set subset denominator visit scale estimate se df ci_low ci_high p_value method n_subjects "
        "n_observations note",
    ),
    "results/stats/categorical.tsv": (
        "analysis_set endpoint visit",
        "analysis_set endpoint visit x_active n_active x_control n_control pearson_p yates_p likelihood_ratio_p "
        "fisher_p n_minus_1_p risk_difference rd_low rd_high odds_ratio or_low or_high min_expected note",
    ),
}


@pytest.fixture(scope="session")
def contract_tables() -> dict[str, tuple[list[str], list[str]]]:
    """File -> the columns of its key, and all the columns that the contract names, in order."""
    return {name: (key.split(), columns.split()) for name, (key, columns) in TABLES.items()}
