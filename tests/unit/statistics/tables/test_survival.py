"""A trial whose effect hangs on one gate limit is caught, a solid one holds; and every trial has its rows."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.statistics.analysis import analyse
from cytotrial.statistics.survival.moved import MovedGates
from cytotrial.statistics.tables.survival import METHOD, NONE_JUDGED, NONE_MOVED, WITHOUT_MOVES, moved_method
from cytotrial.statistics_columns import SURVIVAL, SURVIVAL_ANALYSES

NO_OUTCOMES = pd.DataFrame(columns=["subject_id", "visit", "endpoint", "value"])
CD25 = "treg:treg/CD25/min"
MOVED_TITLE = "Sensitivity to the places of the gates"
OTHERS = {"treg:treg/CD127/max", "treg:cd4/CD4/min"}


def analysed(trial, *, moved=True, subsets=None, subjects=None, plan=None, simulations=100):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return analyse(
            trial.subsets if subsets is None else subsets,
            trial.subjects if subjects is None else subjects,
            NO_OUTCOMES,
            plan or trial.plan,
            moved_gates=MovedGates(trial.moved, simulations) if moved else None,
        )


@pytest.fixture(scope="module")
def hanging(planted):
    return analysed(planted(hangs=True)).tables


@pytest.fixture(scope="module")
def solid(planted):
    return analysed(planted(hangs=False)).tables


def rows_of(tables, **keys):
    return [row for row in tables["survival"] if all(row[name] == value for name, value in keys.items())]


def verdicts(tables, **keys):
    return {row["gate"] or row["variation"]: row["verdict"] for row in rows_of(tables, **keys)}


def titles(analysis):
    return {method.title for method in analysis.methods}


RISES = [("change_from_baseline", "IL2"), ("between_arms", None), ("ancova", None)]


@pytest.mark.parametrize(("test", "arm"), RISES)
@pytest.mark.parametrize("visit", ["W2", "W4"])
def test_an_effect_that_hangs_on_one_limit_is_caught(hanging, test, arm, visit):
    found = verdicts(hanging, test=test, arm=arm, visit=visit, subset="treg")
    assert found.pop(CD25) == found.pop("all") == "fails"
    assert found.pop("gates_apart") in ("holds", "fragile", "fails")  # see below
    assert found.pop("reporting_limits") is None  # nothing is flagged
    assert found == dict.fromkeys([*OTHERS, "denominators", "analysis_sets"], "holds")

    (row,) = rows_of(hanging, test=test, arm=arm, visit=visit, variation="gate", gate=CD25)
    assert row["is_significant"] and row["p_value"] < 0.001 < 0.05 <= row["p_high"]
    assert (row["n_analyses"], row["n_held"], row["share_held"], row["smallest_move"]) == (4, 2, 0.5, 1)
    assert row["weakest"] in ("treg/CD25/min +1 SD", "treg/CD25/min +2 SD")
    assert row["estimate_low"] < 0.2 * row["estimate"] <= row["estimate_high"]
    (together,) = rows_of(hanging, test=test, arm=arm, visit=visit, subset="treg", variation="all")
    assert (together["weakest"], together["smallest_move"]) == (row["weakest"], 1)


def test_the_other_subset_of_the_same_trial_holds(hanging):
    found = {row["verdict"] for row in rows_of(hanging, subset="nk") if row["variation"] == "all"}
    assert found == {"holds"}
    assert {row["gate"] for row in rows_of(hanging, subset="nk", variation="gate")} == {"nk:nk/CD56/min"}


def test_a_solid_trial_holds_throughout(solid):
    assert {row["verdict"] for row in solid["survival"]} == {"holds", None}
    nothing_tried = {row["variation"] for row in solid["survival"] if row["verdict"] is None}
    assert nothing_tried == {"reporting_limits", "denominators"}  # NK cells have one denominator
    assert all(row["smallest_move"] is None for row in solid["survival"])
    significant = {(r["test"], r["arm"]) for r in rows_of(solid, subset="treg", variation="all") if r["is_significant"]}
    assert significant == set(RISES)


def test_limits_that_err_apart_blur_what_hangs_on_them(hanging, solid):
    key = {"test": "change_from_baseline", "arm": "IL2", "visit": "W2", "subset": "treg", "variation": "gates_apart"}
    (blurred,), (sharp,) = rows_of(hanging, **key), rows_of(solid, **key)
    assert blurred["n_analyses"] == sharp["n_analyses"] == 100
    # Half of the limits go up, by so much that part of the new events is lost or all: some 60 % of the rise remains.
    middle = (blurred["estimate_low"] + blurred["estimate_high"]) / 2
    assert 0.4 * blurred["estimate"] < middle < 0.8 * blurred["estimate"]
    assert sharp["estimate_low"] > 0.8 * sharp["estimate"]
    assert blurred["p_high"] > 1e3 * sharp["p_high"]


def test_primary_results_are_those_of_the_published_tables(solid):
    of_table = {
        "change_from_baseline": ("mean_change", {}),
        "between_arms": ("hl_shift", {"measure": "change"}),
        "ancova": ("estimate", {"scale": "logit"}),
    }
    together = rows_of(solid, variation="all")
    assert len(together) == 2 * 2 * (2 + 1 + 1)  # subsets, visits, arms and the two tests between them
    for row in together:
        estimate, more = of_table[row["test"]]
        keys = {name: row[name] for name in ("analysis_set", "subset", "denominator", "visit")} | more
        keys |= {} if row["arm"] is None else {"arm": row["arm"]}
        (published,) = [one for one in solid[row["test"]] if all(one[k] == v for k, v in keys.items())]
        assert (row["estimate"], row["p_value"]) == (published[estimate], published["p_value"])


def test_every_single_analysis_is_told(hanging):
    key = {"test": "ancova", "arm": None, "visit": "W4", "subset": "treg"}
    single = [row for row in hanging["survival_analyses"] if all(row[k] == v for k, v in key.items())]
    of_gate = {row["analysis"]: row["holds"] for row in single if row["gate"] == CD25}
    assert of_gate == {f"treg/CD25/min {move} SD": move[0] == "-" for move in ("-2", "-1", "+1", "+2")}
    for row in rows_of(hanging, **key):
        told = [r for r in single if (r["variation"], r["gate"]) == (row["variation"], row["gate"])]
        if row["variation"] not in ("all", "gates_apart"):
            assert (row["n_analyses"], row["n_held"]) == (len(told), sum(r["holds"] for r in told))
            assert not told or row["p_high"] == max(r["p_value"] for r in told)
    (together,) = rows_of(hanging, **key, variation="all")
    assert together["n_analyses"] == len(single) + 1  # all simulations are one
    in_points = [r["estimate"] for r in single if r["variation"] != "denominators"]
    assert together["estimate_low"] == min(in_points)


def test_rows_have_the_columns_and_keys_of_their_tables(hanging):
    for table in (SURVIVAL, SURVIVAL_ANALYSES):
        rows = hanging[table.name]
        assert all(set(row) == set(table.columns) for row in rows)
        assert len({tuple(row[name] for name in table.key) for row in rows}) == len(rows)


def test_without_moved_counts_no_gate_is_moved(planted):
    analysis = analysed(planted(hangs=True), moved=False)
    rows = analysis.tables["survival"]
    assert {row["variation"] for row in rows} == {"denominators", "analysis_sets", "reporting_limits", "all"}
    assert {row["note"] for row in rows if row["variation"] == "all"} == {WITHOUT_MOVES}
    assert {row["verdict"] for row in rows if row["variation"] == "all"} == {"holds"}
    assert METHOD in analysis.methods and MOVED_TITLE not in titles(analysis)


def test_samples_without_a_known_uncertainty_stay_where_they_are(planted, hanging):
    trial = planted(hangs=True)
    of_b = trial.moved["sample_id"].str.startswith("B")
    trial.moved = trial.moved[~of_b & ~trial.moved["sample_id"].isin(["A01_W2_treg"])]
    tables = analysed(trial).tables
    key = {"visit": "W2", "variation": "gate", "gate": CD25}
    (between,) = rows_of(tables, test="between_arms", **key)
    told = "moved in 23 of 24 samples of IL2 and 0 of 24 samples of PBO"
    assert between["note"].startswith(f"{told}; not judged: ")
    assert (between["n_analyses"], between["verdict"]) == (0, None)
    (together,) = rows_of(tables, test="between_arms", visit="W2", subset="treg", variation="all")
    assert together["note"] == NONE_JUDGED and together["verdict"] == "holds"
    (of_il2,) = rows_of(tables, test="change_from_baseline", arm="IL2", **key)
    assert of_il2["note"] == "1 of 24 samples not moved: no uncertainty known"
    (of_pbo,) = rows_of(tables, test="change_from_baseline", arm="PBO", **key)
    assert of_pbo["note"] == "24 of 24 samples not moved: no uncertainty known"
    assert (of_pbo["n_analyses"], of_pbo["verdict"]) == (0, None)
    assert math.isnan(of_pbo["share_held"])


def test_an_empty_table_of_moves_says_that_none_is_known(planted):
    trial = planted(hangs=True)
    trial.moved = trial.moved.iloc[:0]
    rows = analysed(trial).tables["survival"]
    assert not any(row["variation"] == "gate" for row in rows)
    apart = [row for row in rows if row["variation"] == "gates_apart"]
    assert all(row["verdict"] is None and "no uncertainty known" in row["note"] for row in apart)
    assert {row["note"] for row in rows if row["variation"] == "all"} == {NONE_MOVED}


def test_one_subset_whose_gates_stay_says_so_and_the_other_how_many_were_moved(planted):
    trial = planted(hangs=False)
    trial.moved = trial.moved[trial.moved["panel"] == "nk"]
    tables = analysed(trial, simulations=3).tables
    notes = {s: {row["note"] for row in rows_of(tables, subset=s, variation="all")} for s in ("treg", "nk")}
    assert notes["treg"] == {NONE_MOVED}
    assert notes["nk"] == {f"{n} of {n} samples were moved in every limit tried" for n in (24, 48)}
    assert {row["verdict"] for row in rows_of(tables, variation="all")} == {"holds"}


@pytest.mark.parametrize(("simulations", "told"), [(3, "(3 simulations, seed 2020)"), (0, "")])
def test_the_methods_tell_the_simulations_and_their_seed(planted, simulations, told):
    trial = planted(hangs=True)
    (method,) = [m for m in analysed(trial, simulations=simulations).methods if m.title == MOVED_TITLE]
    assert method == moved_method(MovedGates(trial.moved, simulations))
    assert told in method.text and ("simulations" in method.text) == bool(told)
    assert "not judged again by the reporting rules" in " ".join(method.text.split())
    apart = [row["note"] for row in analysed(trial, simulations=simulations).tables["survival"]
             if row["variation"] == "gates_apart"]  # fmt: skip
    assert set(apart) == ({"3 simulations, seed 2020"} if simulations else set())


def test_values_under_a_limit_are_left_out(planted):
    trial = planted(hangs=False)
    is_low = trial.subsets["sample_id"].isin(["A01_W2_treg", "B03_W0_treg"])
    flags = pd.Series("ok", index=trial.subsets.index).mask(is_low, "below_lloq")
    flags = flags.mask(trial.subsets["sample_id"] == "A02_W0_treg", "flagged")
    tables = analysed(trial, subsets=trial.subsets.assign(qc_flag=flags), moved=False).tables
    key = {"test": "between_arms", "subset": "treg", "variation": "reporting_limits"}
    (early,), (late,) = (rows_of(tables, visit=visit, **key) for visit in ("W2", "W4"))
    told = "without below_lloq: {} of 48 samples left out"
    assert (early["note"], late["note"]) == (told.format(2), told.format(1))  # merely flagged ones stay
    left = trial.subsets[~is_low]
    again = analysed(trial, subsets=left, moved=False).tables
    for test in ("between_arms", "ancova", "change_from_baseline"):
        key = {"test": test, "subset": "treg", "visit": "W2", "arm": "IL2" if test[0] == "c" else None}
        (expected,) = rows_of(again, **key, variation="all")
        (found,) = [
            row
            for row in tables["survival_analyses"]
            if row["analysis"] == "without below_lloq" and all(row[k] == v for k, v in key.items())
        ]
        assert found["estimate"] == pytest.approx(expected["estimate"], rel=1e-12)
        assert found["p_value"] == pytest.approx(expected["p_value"], rel=1e-9)


def test_values_that_are_not_reported_stay_out(planted):
    trial = planted(hangs=False)
    is_out = trial.subsets["sample_id"] == "A01_W2_treg"
    flags = trial.subsets["qc_flag"].mask(is_out, "not_reported")
    rows = analysed(trial, subsets=trial.subsets.assign(qc_flag=flags)).tables["survival"]
    (found,) = [r for r in rows if r["test"] == "change_from_baseline" and r["gate"] == CD25
                and r["visit"] == "W2" and r["arm"] == "IL2"]  # fmt: skip
    without = analysed(trial, subsets=trial.subsets[~is_out]).tables
    (expected,) = rows_of(without, test="change_from_baseline", arm="IL2", visit="W2", gate=CD25)
    assert {k: v for k, v in found.items() if v == v} == {k: v for k, v in expected.items() if v == v}


def test_one_arm_has_its_changes_alone(planted):
    trial = planted(hangs=True)
    plan = replace(trial.plan, arms=("IL2",), control=())
    subjects = trial.subjects[trial.subjects["arm"] == "IL2"]
    subsets = trial.subsets[trial.subsets["subject_id"].isin(subjects["subject_id"])]
    tables = analysed(trial, subsets=subsets, subjects=subjects, plan=plan).tables
    assert {(row["test"], row["arm"]) for row in tables["survival"]} == {("change_from_baseline", "IL2")}
    assert {row["verdict"] for row in rows_of(tables, gate=CD25)} == {"fails"}


def test_one_set_of_one_subset_without_another_denominator(planted):
    trial = planted(hangs=False)
    subsets = trial.subsets[trial.subsets["denominator"] != "lymphocytes"]
    alone = replace(trial.plan.subsets[0], denominators=("cd4",))
    plan = replace(trial.plan, analysis_sets=("mitt",), subsets=(alone,))
    rows = analysed(trial, subsets=subsets, plan=plan, simulations=0).tables["survival"]
    notes = {row["variation"]: row["note"] for row in rows if row["test"] == "ancova" and row["visit"] == "W2"}
    assert notes["denominators"] == "the subset has no other denominator"
    assert notes["analysis_sets"] == "the trial has no other analysis set"
    assert "gates_apart" not in notes
    assert {row["verdict"] for row in rows if row["variation"] in ("denominators", "analysis_sets")} == {None}


@pytest.mark.parametrize("kept", [["A01"], []], ids=["one subject", "none"])
def test_too_few_subjects_have_rows_that_say_so(planted, kept):
    trial = planted(hangs=True)
    subsets = trial.subsets[trial.subsets["subject_id"].isin(kept)]
    analysis = analysed(trial, subsets=subsets)
    rows = analysis.tables["survival"]
    assert len(rows_of(analysis.tables, variation="all")) == 16
    assert all(row["note"].startswith("the primary result has no p-value: ") for row in rows)
    assert all(row["note"] != "the primary result has no p-value: " for row in rows)
    assert {(row["verdict"], row["is_significant"], row["n_analyses"]) for row in rows} == {(None, None, 0)}
    assert {row["holds"] for row in analysis.tables["survival_analyses"]} == {None}
    assert METHOD not in analysis.methods and MOVED_TITLE not in titles(analysis)


def test_percentages_without_counts_cannot_be_moved(planted):
    trial = planted(hangs=True)
    bare = trial.subsets.assign(numerator_n=None, denominator_n=None)
    rows = analysed(trial, subsets=bare).tables["survival"]
    assert not any(row["variation"] == "gate" for row in rows)
    changes = [row for row in rows if row["test"] == "change_from_baseline" and row["variation"] == "all"]
    assert {row["verdict"] for row in changes} == {"holds"}
    assert all("no counts" in row["note"] for row in rows if row["test"] == "ancova")
