"""Which tests are in which family, and what their p-values become."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from cytotrial.documents import load_schema
from cytotrial.statistics.plan import Family
from cytotrial.statistics.tables.families import SOURCES, families
from cytotrial.statistics_columns import FAMILIES
from cytotrial.study.analysis import BUILT_IN_FAMILIES, TESTS_BETWEEN_ARMS, TESTS_WITHIN_ARMS

NAN = float("nan")
PRIMARY = (("treg", "cd4"), ("nk", "lymphocytes"))
P = {("treg", "W2"): 0.01, ("treg", "W4"): 0.02, ("nk", "W2"): 0.03, ("nk", "W4"): NAN}
HOLM = {("treg", "W2"): 0.03, ("treg", "W4"): 0.04, ("nk", "W2"): 0.04}  # x3, x2, x1, never falling
BH = {("treg", "W2"): 0.03, ("treg", "W4"): 0.03, ("nk", "W2"): 0.03}  # x3/1, x3/2, x3/3, never rising


def table_rows(**more: object) -> list[dict]:
    """A table's rows: p of each primary percentage, another one of the secondary denominator, and more columns."""
    rows = [
        {"subset": subset, "denominator": denominator, "visit": visit, "p_value": P[subset, visit], **more}
        for subset, denominator in PRIMARY
        for visit in ("W2", "W4")
    ]
    return [*rows, {**rows[0], "denominator": "lymphocytes", "p_value": 1e-9}]


def within(arm: str = "IL2", analysis_set: str = "mitt") -> list[dict]:
    return [row | {"wilcoxon_p": row["p_value"] / 2} for row in table_rows(arm=arm, analysis_set=analysis_set)]


def of(rows: list[dict], family: str, **keys: object) -> dict[tuple[str, str], dict]:
    found = [row for row in rows if row["family"] == family and all(row[k] == v for k, v in keys.items())]
    return {(row["subset"], row["visit"]): row for row in found}


def test_a_family_of_one_arm_worked_out_by_hand(plan):
    rows = families({"change_from_baseline": within()}, plan)

    assert {row["family"] for row in rows} == {"all_paired_t", "all_wilcoxon"}
    assert all(set(row) == set(FAMILIES.columns) for row in rows)
    found = of(rows, "all_paired_t")
    assert len(found) == 4 and {row["denominator"] for row in found.values()} == {"cd4", "lymphocytes"}
    assert {(row["n_planned"], row["n_tested"], row["method"]) for row in found.values()} == {(4, 3, "bh")}
    for key in HOLM:
        row = found[key]
        assert (row["p_value"], row["arm"]) == (P[key], "IL2")
        assert (row["p_holm"], row["p_bh"], row["p_adjusted"]) == pytest.approx((HOLM[key], BH[key], BH[key]))
    untested = found["nk", "W4"]
    assert all(math.isnan(untested[name]) for name in ("p_value", "p_holm", "p_bh", "p_adjusted"))
    assert of(rows, "all_wilcoxon")["treg", "W2"]["p_value"] == 0.005


def test_arms_apart_and_together(plan):
    rows = families({"change_from_baseline": within() + within("PBO")}, plan)

    apart, together = of(rows, "all_paired_t", arm="PBO"), of(rows, "all_arms_paired_t", arm="PBO")
    assert apart["treg", "W2"]["p_holm"] == pytest.approx(0.03)
    assert together["treg", "W2"]["p_holm"] == pytest.approx(0.06)
    assert together["treg", "W2"]["n_planned"] == 8


def test_analysis_sets_are_never_adjusted_for_each_other(plan):
    rows = families({"change_from_baseline": within() + within(analysis_set="pp")}, plan)

    assert {row["n_planned"] for row in rows} == {4}
    assert of(rows, "all_paired_t", analysis_set="pp")["treg", "W2"]["p_holm"] == pytest.approx(0.03)


def test_between_arms_level_and_change_are_two_families_without_the_baseline(plan):
    level = table_rows(analysis_set="mitt", measure="level")
    at_baseline = [{**row, "visit": "W0", "p_value": 1e-9} for row in level]
    change = table_rows(analysis_set="mitt", measure="change")

    rows = families({"between_arms": level + at_baseline + change}, plan)

    assert {row["family"] for row in rows} == {"all_mann_whitney_level", "all_mann_whitney_change"}
    assert {(row["visit"], row["arm"], row["n_planned"]) for row in rows} == {("W2", None, 4), ("W4", None, 4)}


@pytest.mark.parametrize("test", ["ancova_percent", "ancova_logit", "mixed_model_percent", "mixed_model_logit"])
def test_models_by_scale(plan, test):
    table, scale = test.rsplit("_", 1)
    both = [row for one in ("percent", "logit") for row in table_rows(analysis_set="mitt", scale=one)]

    found = of(families({table: both}, plan), f"all_{test}")

    assert len(found) == 4 and found["treg", "W2"]["test"] == test
    assert found["treg", "W2"]["p_holm"] == pytest.approx(0.03)
    assert SOURCES[test].only == {"scale": scale}


def test_a_declared_family_has_its_own_tests_and_method(plan):
    declared = Family("primary", "paired_t", ("treg",), ("W2",), "holm")
    rows = families({"change_from_baseline": within() + within("PBO")}, replace(plan, families=(declared,)))

    found = [row for row in rows if row["family"] == "primary"]
    assert [(row["arm"], row["subset"], row["visit"]) for row in found] == [
        ("IL2", "treg", "W2"),
        ("PBO", "treg", "W2"),
    ]
    assert [(row["n_planned"], row["method"], row["p_adjusted"]) for row in found] == [(2, "holm", 0.02)] * 2
    whole = Family("whole", "paired_t", (), (), "bh")
    rows = families({"change_from_baseline": within()}, replace(plan, families=(whole,)))
    assert of(rows, "whole")["treg", "W4"]["p_adjusted"] == pytest.approx(BH["treg", "W4"])


def test_a_family_of_which_nothing_could_be_tested(plan):
    rows = [row | {"p_value": NAN, "wilcoxon_p": NAN} for row in within()]

    found = of(families({"change_from_baseline": rows}, plan), "all_paired_t")
    assert {(row["n_planned"], row["n_tested"]) for row in found.values()} == {(4, 0)}
    assert all(math.isnan(row["p_adjusted"]) for row in found.values())


def test_without_tables_there_are_no_families(plan):
    declared = Family("primary", "ancova_logit", (), (), "holm")
    assert families({}, replace(plan, families=(declared,))) == []
    assert families({"change_from_baseline": [], "between_arms": []}, plan) == []


def test_the_configuration_and_the_tables_know_the_same_tests():
    schema = load_schema("config")["properties"]["analysis"]["properties"]["families"]["items"]["properties"]["test"]
    assert tuple(SOURCES) == (*TESTS_WITHIN_ARMS, *TESTS_BETWEEN_ARMS) == tuple(schema["enum"])
    assert all(test in schema["description"] for test in SOURCES), json.dumps(schema)
    within_arms = [test for test in SOURCES if SOURCES[test].is_within_arm]
    assert set(BUILT_IN_FAMILIES) == {
        *(f"all_{test}" for test in SOURCES),
        *(f"all_arms_{test}" for test in within_arms),
    }
