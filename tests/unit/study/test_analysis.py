"""What config.yaml declares about endpoints, families and the schedule: read as meant, or refused in one line."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from cytotrial.documents import load_schema
from cytotrial.errors import CytotrialError
from cytotrial.study.analysis import Analysis, DeclaredFamily, Endpoint
from cytotrial.study.config import Study, load_study
from cytotrial.study.outcomes import outcome_problems, read_outcomes
from cytotrial.study.sheets import read_sheet

ROOT = Path(__file__).resolve().parents[3]
SRI4 = "{id: SRI4, type: binary, visit: W10, order: 1}"


def study_with(trial: Any, text: str) -> Study:
    with trial.path().open("a", encoding="utf-8") as stream:
        stream.write(text)
    return load_study(trial.path())


def refused(trial: Any, text: str) -> str:
    with pytest.raises(CytotrialError) as caught:
        study_with(trial, text)
    (line,) = caught.value.problems
    assert line.startswith(str(trial.path())) and ": found " in line and ", expected " in line and "; " in line
    return line


def test_what_nobody_declares_is_left_to_the_trial(trial: Any) -> None:
    study = load_study(trial.path())

    assert study.endpoints == ()
    assert study.analysis == Analysis(peak=None, trough=None, carry_over=None, families=(), locf=False)


def test_endpoints_are_read(trial: Any) -> None:
    study = study_with(
        trial,
        f"endpoints:\n  - {SRI4}\n  - {{id: SLEDAI, type: continuous, label: Activity}}\n"
        "  - {id: FEVER, type: binary, role: safety, visit: ANY, order: 2}\n",
    )

    assert study.endpoints == (
        Endpoint("SRI4", "SRI4", "binary", "efficacy", 1, "W10"),
        Endpoint("SLEDAI", "Activity", "continuous", "efficacy", None, None),
        Endpoint("FEVER", "FEVER", "binary", "safety", 2, "ANY"),
    )
    assert type(study.endpoints[0].order) is int


def test_one_endpoint_may_be_tested_at_several_visits(trial: Any) -> None:
    trial.edit("config.yaml", "  - {id: W10,", "  - {id: W4, week: 4}\n  - {id: W10,")
    study = study_with(trial, f"endpoints: [{SRI4}, {{id: SRI4, type: binary, visit: W4, order: 2}}]\n")

    assert [(one.id, one.visit, one.order) for one in study.endpoints] == [("SRI4", "W10", 1), ("SRI4", "W4", 2)]


def test_the_analysis_is_read(trial: Any) -> None:
    study = study_with(
        trial,
        "analysis:\n  schedule: {peak: [W10]}\n  locf: true\n  families:\n"
        "    - {id: main, test: wilcoxon, subsets: [cd4], visits: [W10], method: holm}\n"
        "    - {id: rest, test: ancova_logit, method: bh}\n",
    )

    families = (
        DeclaredFamily("main", "wilcoxon", ("cd4",), ("W10",), "holm"),
        DeclaredFamily("rest", "ancova_logit", (), (), "bh"),
    )
    assert study.analysis == Analysis(("W10",), None, None, families, True)


def test_the_example_of_the_users_guide_is_read_whole(tmp_path: Path) -> None:
    guide = (ROOT / "config" / "README.md").read_text(encoding="utf-8")

    def example(start: str) -> str:
        lines = guide[guide.index(f"    {start}") :].splitlines()
        return "".join(f"{line[4:]}\n" for line in takewhile(lambda line: line.startswith("    "), lines))

    config = tmp_path / "config.yaml"
    visits = "".join(f"  - {{id: W{week}, week: {week}}}\n" for week in (0, 2, 4, 6, 8, 10, 12, 16))
    text = example("trial: {")
    text = text.replace(text[text.index("visits:") : text.index("dosing:")], f"visits:\n{visits}")
    config.write_text(text + example("endpoints:") + example("analysis:"), encoding="utf-8")

    study = load_study(config)

    schema = load_schema("config")["properties"]
    assert [one.order for one in study.endpoints if one.order is not None] == [1, 2, 3]
    assert study.analysis.families and study.analysis.peak and study.analysis.trough and study.analysis.carry_over
    assert all(f"{key}:" in example("analysis:") for key in schema["analysis"]["properties"])
    assert all(f"{key}:" in example("endpoints:") for key in schema["endpoints"]["items"]["properties"])


ENDPOINT_MISTAKES = {
    "no type": ("[{id: SRI4}]", "endpoints, entry 1: found no type, expected type: binary or continuous"),
    "no id": ("[{type: binary}, {type: binary}]", None),
    "another type": ("[{id: SRI4, type: ordinal}]", "type: found 'ordinal', expected binary or continuous"),
    "another role": ("[{id: SRI4, type: binary, role: saftey}]", "role: found 'saftey', expected efficacy or safety"),
    "order 0": ("[{id: SRI4, type: binary, visit: W10, order: 0}]", "order: found 0, expected the endpoint's place"),
    "order as text": ("[{id: SRI4, type: binary, visit: W10, order: first}]", "order: found 'first', expected"),
    "unknown visit": (
        "[{id: SRI4, type: binary, visit: W1O, order: 1}]",
        "endpoints, SRI4, visit: found 'W1O' (did you mean 'W10'?), expected a known visit: W0, W10, ANY",
    ),
    "order without visit": ("[{id: SRI4, type: binary, order: 1}]", "endpoints, SRI4: found order 1 and no visit"),
    "visit without order": ("[{id: SRI4, type: binary, visit: W10}]", "endpoints, SRI4: found visit W10 and no order"),
    "twice": ("[{id: SRI4, type: binary}, {id: SRI4, type: binary}]", "endpoints: found 'SRI4 at no visit' 2 times"),
    "one place for two": (
        f"[{SRI4}, {{id: CR, type: binary, visit: W10, order: 1}}]",
        "endpoints, order: found 1, 1, expected 1, 2, 3 and so on, each once",
    ),
    "a place left out": (f"[{SRI4}, {{id: CR, type: binary, visit: W10, order: 3}}]", "order: found 1, 3, expected"),
    "two types": (
        f"[{SRI4}, {{id: SRI4, type: continuous, visit: W0, order: 2}}]",
        "endpoints, SRI4, type: found continuous and, in an entry above, binary",
    ),
    "two roles": (
        f"[{SRI4}, {{id: SRI4, type: binary, role: safety, visit: W0, order: 2}}]",
        "endpoints, SRI4, role: found safety and, in an entry above, efficacy",
    ),
}


@pytest.mark.parametrize("mistake", ENDPOINT_MISTAKES)
def test_a_mistake_among_the_endpoints(trial: Any, mistake: str) -> None:
    section, said = ENDPOINT_MISTAKES[mistake]
    if said is None:
        with pytest.raises(CytotrialError, match=r"entry 1: found no id.*\n.*entry 2: found no id") as caught:
            study_with(trial, f"endpoints: {section}\n")
        assert len(caught.value.problems) == 2
    else:
        assert said in refused(trial, f"endpoints: {section}\n")


ANALYSIS_MISTAKES = {
    "unknown key": ("{schedul: {}}", "found the unknown key 'schedul' (did you mean 'schedule'?)"),
    "unknown phase": ("{schedule: {peaks: [W10]}}", "found the unknown key 'peaks' (did you mean 'peak'?)"),
    "no list": ("{schedule: {peak: W10}}", "schedule, peak: found 'W10', expected a list of visits"),
    "no visits": ("{schedule: {peak: []}}", "schedule, peak: found an empty list, expected a list of visits"),
    "unknown peak": ("{schedule: {peak: [W11]}}", "analysis, schedule, peak: found 'W11' (did you mean 'W10'?)"),
    "peak at the baseline": (
        "{schedule: {peak: [W0]}}",
        "schedule, peak: found 'W0', the baseline, expected a visit after the baseline: W10; remove it",
    ),
    "peak and trough": (
        "{schedule: {peak: [W10], trough: [W10]}}",
        "schedule, trough: found 'W10', which is in peak too, expected each visit in one of",
    ),
    "peak twice": ("{schedule: {peak: [W10, W10]}}", "schedule, peak: found 'W10' 2 times"),
    "locf as text": ("{locf: 'yes'}", "analysis, locf: found 'yes', expected true or false"),
    "no test": ("{families: [{id: A, method: bh}]}", "families, entry 1: found no test, expected test: paired_t, "),
    "unknown test": ("{families: [{id: A, test: t, method: bh}]}", "test: found 't', expected paired_t, wilcoxon,"),
    "unknown method": (
        "{families: [{id: A, test: wilcoxon, method: bonferroni}]}",
        "method: found 'bonferroni', expected holm or bh",
    ),
    "family twice": (
        "{families: [{id: A, test: wilcoxon, method: bh}, {id: A, test: paired_t, method: bh}]}",
        "analysis, families: found 'A' 2 times",
    ),
    "unknown subset": (
        "{families: [{id: A, test: wilcoxon, method: bh, subsets: [cd8]}]}",
        "analysis, families, A, subsets: found 'cd8' (did you mean 'cd4'?), expected a known readout: cd4",
    ),
    "unknown visit": (
        "{families: [{id: A, test: wilcoxon, method: bh, visits: [W9]}]}",
        "analysis, families, A, visits: found 'W9'",
    ),
    "family at the baseline": (
        "{families: [{id: A, test: mann_whitney_level, method: bh, visits: [W0, W10]}]}",
        "analysis, families, A, visits: found 'W0', the baseline",
    ),
    "a name that is taken": (
        "{families: [{id: all_paired_t, test: paired_t, method: bh}]}",
        "families, all_paired_t, id: found the name of a family that every trial has",
    ),
}


@pytest.mark.parametrize("mistake", ANALYSIS_MISTAKES)
def test_a_mistake_in_the_analysis(trial: Any, mistake: str) -> None:
    section, said = ANALYSIS_MISTAKES[mistake]
    assert said in refused(trial, f"analysis: {section}\n")


def test_a_visit_before_the_baseline_is_no_peak(trial: Any) -> None:
    trial.edit("config.yaml", "  - {id: W0,", "  - {id: SCR, week: -2}\n  - {id: W0,")

    assert "'SCR', a visit before the baseline" in refused(trial, "analysis: {schedule: {peak: [SCR]}}\n")


@pytest.mark.parametrize(
    ("schedule", "last"),
    [
        ("peak: [W4], carry_over: [W2, W10]", "peak 'W4'"),
        ("peak: [W4], trough: [W10], carry_over: [W2]", "trough 'W10'"),
    ],
)
def test_carry_over_comes_after_the_last_peak_and_trough(trial: Any, schedule: str, last: str) -> None:
    trial.edit("config.yaml", "  - {id: W10,", "  - {id: W2, week: 2}\n  - {id: W4, week: 4}\n  - {id: W10,")

    said = refused(trial, f"analysis: {{schedule: {{{schedule}}}}}\n")
    assert f"analysis, schedule, carry_over: found 'W2', which comes before the {last}, expected visits after" in said


def test_no_carry_over_can_be_said(trial: Any) -> None:
    assert study_with(trial, "analysis: {schedule: {carry_over: []}}\n").analysis.carry_over == ()


def test_a_test_between_arms_needs_both(trial: Any) -> None:
    trial.edit("config.yaml", "role: control", "role: active")

    said = refused(trial, "analysis: {families: [{id: A, test: ancova_logit, method: holm}]}\n")
    assert "families, A, test: found ancova_logit, a test between arms, in a trial of active arms alone" in said


def test_no_analysis_set_has_the_name_of_the_one_carried_forward(trial: Any) -> None:
    trial.edit("config.yaml", "[itt, pp]", "[itt, itt_locf]")

    assert load_study(trial.path()).analysis_sets == ("itt", "itt_locf")
    assert "analysis_sets: found 'itt_locf', expected another name" in refused(trial, "analysis: {locf: true}\n")


def test_any_is_no_visit(trial: Any) -> None:
    trial.edit("config.yaml", "{id: W10, week: 10}", "{id: ANY, week: 10}")

    assert "visits, ANY: found a visit called ANY" in refused(trial, "")


def test_every_mistake_is_told_at_once(trial: Any) -> None:
    with pytest.raises(CytotrialError) as caught:
        study_with(
            trial,
            "endpoints: [{id: SRI4, type: binary, order: 1}, {id: CR, type: binry}]\n"
            "analysis: {locf: 1, schedule: {peak: [W11]},\n"
            "  families: [{id: A, test: wilcoxon, method: bh, visits: [W0]}]}\n",
        )
    assert len(caught.value.problems) == 5, caught.value.problems


def test_outcomes_of_the_whole_trial_and_of_binary_endpoints(trial: Any) -> None:
    path = trial.path("outcomes.tsv")
    rows = ("S1\tANY\tFEVER\t1", "S2\tANY\tFEVER\t2", "S1\tW10\tSLEDAI\t2.5", "S2\tW10\tFEVER\t")
    path.write_text("\n".join(("subject_id\tvisit\tendpoint\tvalue", *rows)) + "\n", encoding="utf-8")
    known = {"visits": ("W0", "W10"), "subjects": {"S1", "S2"}}

    assert list(outcome_problems(read_sheet(path, "outcomes"), path, **known)) == []
    fever = Endpoint("FEVER", "Fever", "binary", "safety", None, None)
    (line,) = outcome_problems(read_sheet(path, "outcomes"), path, **known, endpoints=(fever,))
    assert "outcomes.tsv, row 3, value: found 2 of FEVER, expected 0 or 1" in line


def test_outcomes_that_no_statistic_can_be_made_of(trial: Any) -> None:
    path = trial.path("outcomes.tsv")
    values = ("1e400", "-1.5e101", "1e100", "1e-400", "9" * 400)
    rows = [f"S{number}\tW10\tSLEDAI\t{value}" for number, value in enumerate(values)]
    path.write_text("\n".join(("subject_id\tvisit\tendpoint\tvalue", *rows)) + "\n", encoding="utf-8")

    found = list(outcome_problems(read_sheet(path, "outcomes"), path, visits=("W10",), subjects=set()))

    assert [line.partition(", value: found ")[0].rpartition(" ")[2] for line in found] == ["2", "3", "6"]
    assert "row 2, value: found 1e400, expected a number between -1e+100 and 1e+100; correct it" in found[0]
    with pytest.raises(CytotrialError) as caught:
        read_outcomes(path)
    assert list(caught.value.problems) == found
