"""What was declared beforehand: with estimates of the same tests, in the trial's order, or a sentence that says no."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytotrial.report.declared import COMPARISONS, declared, family_table
from cytotrial.statistics.plan import Family, PlannedEndpoint
from cytotrial.statistics.tables.families import SOURCES
from cytotrial.statistics_columns import FAMILIES, GATEKEEPING, MIXED_MODEL, STATISTICS

NAMES = {"families": "stats/families.tsv", "gatekeeping": "stats/gatekeeping.tsv"}


def row_of(table, **cells):
    assert set(cells) <= set(table.columns)
    return dict.fromkeys(table.columns) | cells


def texts(view):
    return [[cell.text for cell in row] for group in view.groups for row in group.rows]


def planned(trial, *families, endpoints=()):
    return replace(trial, plan=replace(trial.plan, families=families, endpoints=endpoints))


def family_row(visit, subset="nk", **cells):
    denominator = {"nk": "lymphocytes", "treg": "cd4"}[subset]
    usual = {"family": "primary", "analysis_set": "mitt", "test": "mixed_model_logit", "method": "holm"}
    usual |= {"subset": subset, "denominator": denominator, "visit": visit, "n_planned": "3", "n_tested": "2"}
    return row_of(FAMILIES, **(usual | cells))


def model_row(visit, scale, **cells):
    usual = {"analysis_set": "mitt", "subset": "nk", "denominator": "lymphocytes", "visit": visit, "scale": scale}
    return row_of(MIXED_MODEL, **usual, **cells)


def test_every_test_that_can_be_declared_has_its_estimate_in_the_table_it_is_from():
    columns = {table.name: table.columns for table in STATISTICS}
    assert set(COMPARISONS) == set(SOURCES)
    assert all(set(COMPARISONS[test].columns) <= set(columns[source.table]) for test, source in SOURCES.items())


def test_a_family_has_labels_visits_in_order_and_the_estimates_of_its_own_scale(trial):
    trial = planned(trial, Family("primary", "mixed_model_logit", (), ("W2", "W10"), "holm"))
    tables = {
        "families": [
            family_row("W10", p_value="0.2", p_adjusted="0.2"),
            family_row("W2", subset="treg"),
            family_row("W2", p_value="0.01", p_adjusted="0.02"),
            family_row("W2", analysis_set="itt", p_value="0.01"),
            family_row("W2", family="all_mixed_model_logit", p_value="0.01"),
        ],
        "mixed_model": [
            model_row("W2", "logit", odds_ratio="1.4", or_low="1.1", or_high="1.8", note="two arms of three"),
            model_row("W2", "percent", estimate="9", ci_low="8", ci_high="10"),
        ],
    }
    view = family_table(tables, "mitt", trial, source="x")
    assert [group.heading for group in view.groups] == [
        "primary: mixed model of logits; odds ratio, IL2 to PBO; adjusted by Holm over 2 tests of 3 planned"
    ]
    nk = "NK cells, % of lymphocytes"
    assert texts(view) == [
        [nk, "IL2 to PBO", "W2", "1.40", "1.10 to 1.80", "0.010", "0.020", "two arms of three"],
        [nk, "IL2 to PBO", "W10", "NA", "NA", "0.200", "0.200", ""],
        ["Regulatory T cells, % of CD4+ T cells", "IL2 to PBO", "W2", "NA", "NA", "NA", "NA", ""],
    ]
    assert [cell.css for cell in view.groups[0].rows[0][5:7]] == ["", "hit"]  # the adjusted p alone is tinted
    assert view.groups[0].rows[2][6].title == "the test could not be made"


@pytest.mark.parametrize(
    ("test", "shown", "note"),
    [("paired_t", ["+2.50", "+1.00 to +4.00"], ""), ("wilcoxon", ["+2.00", "NA"], "no limits of Hodges-Lehmann")],
)
def test_tests_within_arms_name_the_arm_and_take_their_own_estimate(trial, change_row, test, shown, note):
    trial = planned(trial, Family("primary", test, ("nk",), (), "bh"))
    numbers = {"mean_change": "2.5", "ci_low": "1", "ci_high": "4", "hl_change": "2"}
    tables = {
        "families": [
            family_row("W2", test=test, arm="PBO", p_value="0.5"),
            family_row("W2", test=test, arm="IL2", p_value="0.01"),
        ],
        "change_from_baseline": [change_row(note="no limits of Hodges-Lehmann", **numbers)],
    }
    active, control = texts(family_table(tables, "mitt", trial, source="x"))
    assert (active[1], control[1]) == ("Low-dose IL-2", "Placebo")
    assert active[3:5] == shown
    assert active[-1] == note


def test_nothing_declared_is_one_sentence(trial):
    found = declared({"families": [family_row("W2", family="all_paired_t")]}, NAMES, trial)
    assert (found.families, found.hierarchy) == (None, None)
    (sentence,) = found.sentences
    assert sentence.startswith("Nothing was declared beforehand")
    assert sentence.endswith("Every p-value on this page is nominal.")


def test_what_was_declared_and_has_no_result_is_told(trial):
    endpoints = (PlannedEndpoint("sri4", "binary", "efficacy", "W10", 1),)
    trial = planned(trial, Family("primary", "mixed_model_logit", (), (), "holm"), endpoints=endpoints)
    sentences = declared({}, NAMES, trial).sentences
    assert sentences[:2] == [
        "families.tsv was not there when this page was made.",
        "gatekeeping.tsv was not there when this page was made.",
    ]
    assert sentences[2].startswith("Every other p-value on this page is nominal")
    empty = declared({"families": [], "gatekeeping": []}, NAMES, trial)
    assert empty.sentences[:2] == [
        "The declared family primary has no test in this analysis set.",
        "The declared order of endpoints has no test: no outcomes of two arms.",
    ]


def test_families_and_hierarchy_of_the_primary_set_alone(trial):
    endpoints = (PlannedEndpoint("sri4", "binary", "efficacy", "W10", 1),)
    trial = planned(trial, Family("primary", "mixed_model_logit", (), (), "holm"), endpoints=endpoints)
    gatekeeping = [
        row_of(GATEKEEPING, analysis_set=name, order="1", endpoint="sri4", visit="W10", is_tested="Y")
        for name in ("itt", "mitt")
    ]
    families = [family_row("W2", p_value="0.04", analysis_set=name) for name in ("itt", "mitt")]
    found = declared({"families": families, "gatekeeping": gatekeeping}, NAMES, trial)
    assert (found.families.n_rows, found.hierarchy.n_rows, len(found.sentences)) == (1, 1, 1)
    assert (found.families.source, found.hierarchy.source) == ("stats/families.tsv", "stats/gatekeeping.tsv")
