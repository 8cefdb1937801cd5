"""The facts of one trial: counted from its sheets and tables, and nothing that did not occur."""

from __future__ import annotations

from dataclasses import replace

from cytotrial.report.trial_facts import trial_facts
from cytotrial.statistics.plan import Family, PlannedEndpoint, Schedule
from cytotrial.study.config import Dosing


def test_a_trial_that_declares_nothing_says_so_and_no_more(trial):
    assert trial_facts(trial, {}).splitlines() == [
        "- Analysis set mitt (primary), subjects: Low-dose IL-2 1, Placebo 1.",
        "- Analysis set itt, subjects: Low-dose IL-2 2, Placebo 1.",
        "- Visits: W0 (week 0), W2 (week 2), W10 (week 10). Baseline: W0.",
        "- Arms compared: Low-dose IL-2 (IL2) with Placebo (PBO).",
        "- No family of tests and no order of endpoints was declared.",
        "- Last observations were not carried forward.",
    ]


def test_everything_that_was_declared_and_done(trial):
    endpoints = (
        PlannedEndpoint("sri4", "binary", "efficacy", "W10", 2),
        PlannedEndpoint("score", "continuous", "efficacy", "W10", 1),
        PlannedEndpoint("fever", "binary", "safety"),
    )
    families = (
        Family("primary", "mixed_model_logit", ("treg",), ("W10",), "holm"),
        Family("within", "paired_t", (), (), "bh"),
    )
    schedule = Schedule(peak=("W2",), trough=("W10",))
    plan = replace(trial.plan, endpoints=endpoints, families=families, schedule=schedule, is_locf_asked=True)
    dosed = replace(trial.study, dosing=(Dosing(0, 2), Dosing(8, 9.5)))
    safe = replace(trial.subjects[0], analysis_sets=frozenset({"safety"}))
    trial = replace(trial, plan=plan, study=dosed, subjects=(safe, *trial.subjects[1:]))
    covariances = ["unstructured", None, "unstructured", "compound symmetry"]
    tables = {
        "status": [{}] * 40,
        "gating_check": [{"sample_id": "a", "n_events": "7", "n_events_flowkit": "7"}] * 3,
        "gates": [{"sample_id": "a", "source": "manual"}, {"sample_id": "b", "source": "found"}],
        "mixed_model_fit": [{"covariance": name} for name in covariances],
        "missing_values": [{"kind": "failed"}, {"kind": "not_collected"}, {"kind": "failed"}],
    }
    text = trial_facts(trial, tables)
    for fact in (
        "- Analysis set safety (safety endpoints alone), subjects: Low-dose IL-2 1, Placebo 0.",
        "- Dosing, weeks: 0 to 2, 8 to 9.5.",
        "- Visits of the schedule: ends of dosing blocks W2; ends of the breaks W10.",
        "- Declared family primary: mixed model of logits (mixed_model_logit), Regulatory T cells; W10; "
        "adjusted by Holm.",
        "- Declared family within: paired t test (paired_t), all subsets; all visits after the baseline; "
        "adjusted by Benjamini-Hochberg.",
        "- Declared order of endpoints: 1. score (score) at W10; 2. sri4 (sri4) at W10.",
        "- Of 18 planned percentages (subjects by visits by subsets) 3 were missing: 1 not collected, 2 failed.",
        "- Last observations were carried forward in a sensitivity analysis.",
        "- Covariance of the visits in 3 mixed models: unstructured in 2, compound symmetry in 1. "
        "1 mixed model could not be fitted.",
        "- Reviewers moved gates of 1 file by hand (`tables/override_history.tsv`).",
        "- FlowKit gated 1 of 40 files again and counted 3 populations: none differed (`tables/gating_check.tsv`).",
    ):
        assert fact in text.splitlines()


def test_one_arm_compares_nothing_and_a_differing_count_is_told(trial):
    trial = replace(trial, plan=replace(trial.plan, control=()))
    check = [{"sample_id": "a", "n_events": "7", "n_events_flowkit": "8"}]
    text = trial_facts(trial, {"status": [{}], "gating_check": check, "missing_values": []})
    assert "- No arms were compared: there are not both an active and a control arm." in text
    assert "1 of 1 file again and counted 1 population: 1 differed" in text
    assert "18 planned percentages (subjects by visits by subsets) 0 were missing." in text
