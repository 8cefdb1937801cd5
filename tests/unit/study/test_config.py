"""The configuration: what is read, what is refused and in which words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from cytotrial.documents import load_schema, read_yaml, schema_problems
from cytotrial.errors import CytotrialError
from cytotrial.study.config import Dosing, Visit, draft_study, load_study

ROOT = Path(__file__).resolve().parents[3]


def test_the_bundled_configuration_is_read_whole() -> None:
    study = load_study(ROOT / "config" / "config.yaml")
    assert study.synthetic
    assert [arm.role for arm in study.arms] == ["active", "control"]
    assert [(visit.id, visit.week) for visit in study.visits][:2] == [("W0", 0.0), ("W2", 2.0)]
    assert {readout.id for readout in study.readouts} == {"cd4", "cd8", "treg", "nk", "cd56bright_nk"}
    assert study.quality == {} and study.run == {}


def test_the_examples_of_the_users_guide_are_read(tmp_path: Path) -> None:
    guide = (ROOT / "config" / "README.md").read_text(encoding="utf-8")

    def example(start: str) -> str:
        lines = guide[guide.index(f"    {start}") :].splitlines()
        return "".join(f"{line[4:]}\n" for line in takewhile(lambda line: line.startswith("    "), lines))

    config, panel = tmp_path / "config.yaml", tmp_path / "panel.yaml"
    config.write_text(example("trial: {") + example("quality:") + example("run:"), encoding="utf-8")
    study = load_study(config)
    assert set(study.run) == set(load_schema("config")["properties"]["run"]["properties"])
    assert study.baseline == "W0" and set(study.quality) == set(
        load_schema("config")["properties"]["quality"]["properties"]
    )
    panel.write_text(example("markers:"), encoding="utf-8")
    assert schema_problems(read_yaml(panel), load_schema("panel"), where="") == []


def test_every_key_is_in_the_users_guide() -> None:
    guide = (ROOT / "config" / "README.md").read_text(encoding="utf-8")

    def keys(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            yield from part.get("properties", ())
        for value in part.values() if isinstance(part, dict) else ():
            yield from keys(value)

    for name in ("config", "panel", "samples", "subjects", "outcomes"):
        missing = [key for key in keys(load_schema(name)) if not re.search(rf"\b{key}\b", guide)]
        assert missing == [], f"config/README.md says nothing of {missing} ({name})"


def test_tables_alone_need_neither_sheets_nor_panels() -> None:
    path = ROOT.parent / "shared" / "oracle" / "config.yaml"
    if not path.is_file():
        pytest.skip("the statistics oracle is not beside this checkout")
    study = load_study(path, tables_only=True)
    assert study.sheets is None and study.panels == ()
    assert study.readouts[0].label == "cd4", "a readout without a label is called by its id"
    with pytest.raises(CytotrialError) as caught:
        load_study(path)
    assert [text.split("found ")[1].split(",")[0] for text in caught.value.problems] == [
        "no sheets",
        "no panels",
    ]


def test_visits_and_dosing_in_days(trial: Any) -> None:
    trial.edit("config.yaml", "{id: W10, week: 10}", "{id: W10, day: 71}")
    trial.edit("config.yaml", "{from_week: 0, to_week: 2}", "{from_day: 1, to_day: 5}")
    study = load_study(trial.path())
    assert study.visits[1] == Visit("W10", 71 / 7)
    assert study.dosing == (Dosing(1 / 7, 5 / 7),)


@pytest.mark.parametrize(
    "arms",
    ["[{id: A, role: active}]", "[{id: A, role: active}, {id: B, role: active}, {id: P, role: control}]"],
    ids=["one arm, no control", "two active arms"],
)
def test_trials_of_other_shapes(trial: Any, arms: str) -> None:
    text = trial.path().read_text(encoding="utf-8")
    start, end = text.index("arms:"), text.index("visits:")
    trial.path().write_text(f"{text[:start]}arms: {arms}\n{text[end:]}", encoding="utf-8")
    assert load_study(trial.path()).arms[0].label == "A"


def test_a_screening_visit_before_week_zero_and_two_visits_in_one_week(trial: Any) -> None:
    trial.edit(
        "config.yaml",
        "  - {id: W0, week: 0}",
        "  - {id: SCR, week: -2}\n  - {id: W0, week: 0}\n  - {id: D1, week: 0}",
    )
    assert [visit.week for visit in load_study(trial.path()).visits] == [-2.0, 0.0, 0.0, 10.0]


@pytest.mark.parametrize("written", ["10", "007", "1.10", "0x1F", "2020-01-01", "1_000", "1e3"])
def test_an_unquoted_number_is_an_id_as_it_is_written(trial: Any, written: str) -> None:
    trial.edit("config.yaml", "{id: W10, week: 10}", f"{{id: {written}, week: 10}}")
    assert load_study(trial.path()).visits[1].id == written


def test_quality_limits_come_as_plain_numbers(trial: Any) -> None:
    with trial.path().open("a", encoding="utf-8") as stream:
        stream.write("quality: {reportable: {min_events: 100}, plausible_percent: {cd4/cd3: [15, 85.5]}}\n")
    quality = load_study(trial.path()).quality
    assert quality == {"reportable": {"min_events": 100}, "plausible_percent": {"cd4/cd3": [15, 85.5]}}
    assert type(quality["reportable"]["min_events"]) is int
    assert type(quality["plausible_percent"]["cd4/cd3"][1]) is float


# old text, new text, what the one problem must say
MISTAKES = {
    "unknown key": ("dosing:", "dosage:", r"the unknown key 'dosage' \(did you mean 'dosing'\?\)"),
    "unknown key inside": (
        'label: "Placebo"',
        "lable: P",
        r"arms, entry 2: found the unknown key 'lable' .*'label'",
    ),
    "missing key": ("trial: {id: T1, ", "trial: {", "config.yaml, trial: found no id, expected id: an id"),
    "missing role": (
        ", role: control}",
        "}",
        "arms, entry 2: found no role, expected role: active or control",
    ),
    "wrong role": (
        "role: control",
        "role: placebo",
        "arms, entry 2, role: found 'placebo', expected active or control",
    ),
    "role near": ("role: control", "role: contrl", "did you mean 'control'"),
    "id is a truth value": (
        "id: PBO",
        "id: No",
        "arms, entry 2, id: found the truth value false.*put it in quotes",
    ),
    "baseline is a truth value": (
        "baseline: W0",
        "baseline: on",
        "trial, baseline: found the truth value true.*quotes",
    ),
    "id is empty": ("id: PBO", "id: ", "arms, entry 2, id: found nothing, expected an id"),
    "id is NA": (
        "id: PBO",
        "id: NA",
        "arms, entry 2, id: found 'NA', expected an id: text on one line, not NA",
    ),
    "baseline unknown": (
        "baseline: W0",
        "baseline: W00",
        r"trial, baseline: found 'W00' \(did you mean 'W0'\?\)",
    ),
    "week is text": ("week: 10", "week: ten", "visits, entry 2, week: found 'ten', expected a number"),
    "week is infinite": ("week: 10", "week: .inf", "visits, W10, week: found inf, expected a number"),
    "week missing": ("{id: W10, week: 10}", "{id: W10}", "visits, W10: found neither week nor day"),
    "week and day": (
        "week: 10",
        "week: 10, day: 70",
        "visits, W10: found both, expected week: NUMBER or day",
    ),
    "visits out of order": ("week: 0}", "week: 12}", "visits, W10: found week 10 after 'W0' at week 12"),
    "arm twice": ("id: PBO", "id: IL2", "arms: found 'IL2' 2 times, expected each id once"),
    "visit twice": ("id: W10", "id: W0", "visits: found 'W0' 2 times"),
    "set twice": ("[itt, pp]", "[itt, itt]", "analysis_sets: found 'itt' 2 times"),
    "no set": ("[itt, pp]", "[]", "analysis_sets: found an empty list, expected a list of columns"),
    "denominator twice": (
        "[cd3, lymphocytes]",
        "[cd3, cd3]",
        "readouts, cd4, denominators: found 'cd3' 2 times",
    ),
    "denominators no list": (
        "[cd3, lymphocytes]",
        "cd3",
        "readouts, entry 1, denominators: found 'cd3', expected a list",
    ),
    "readout twice": (
        "readouts:",
        "readouts:\n  - {id: cd4, panel: treg, population: cd4, denominators: [cd3]}",
        "readouts: found 'cd4' 2 times",
    ),
    "readout of no panel": (
        "id: cd4, panel: treg",
        "id: cd4, panel: trge",
        "readouts, cd4, panel: found 'trge' .*'treg'",
    ),
    "slash in a readout": (
        "{id: cd4,",
        "{id: cd4/cd3,",
        "readouts, entry 1, id: found 'cd4/cd3', expected a readout id",
    ),
    "panel id as a path": ("  treg: {", "  ../treg: {", "found '../treg', expected a panel id of letters"),
    "panel without gating": (", gating: config/gating/treg.yaml", "", "panels, treg: found no gating"),
    "dosing backwards": (
        "from_week: 0, to_week: 2",
        "from_week: 2, to_week: 0",
        "dosing, entry 1: found an end",
    ),
    "section of another form": ("[itt, pp]", "itt", "analysis_sets: found 'itt', expected a list"),
    "list for a mapping": ("trial: {", "trial: [{", "config.yaml, line"),
    "key twice": (
        "analysis_sets:",
        "visits: []\nanalysis_sets:",
        "line 15: found the key 'visits' a second time",
    ),
    "syntax": ("{id: W10, week: 10}", "{id: W10, week: 10", r"line \d+: found a YAML syntax error"),
    "tabs": ("  - {id: W10", "\t- {id: W10", "line 7: found a YAML syntax error .*cannot start any token"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_one_sentence(trial: Any, mistake: str) -> None:
    old, new, said = MISTAKES[mistake]
    trial.edit("config.yaml", old, new)
    with pytest.raises(CytotrialError, match=said) as caught:
        load_study(trial.path())
    if mistake != "panel id as a path":  # its readout then has no panel either
        assert len(caught.value.problems) == 1, caught.value.problems
    for line in caught.value.problems:
        assert line.startswith(str(trial.path())) and ": found " in line and ", expected " in line and "; " in line


QUALITY_MISTAKES = {
    "unknown": ("{lloq: 5}", r"unknown key 'lloq', expected only fail_live_percent"),
    "limits out of order": ("{reportable: {min_events: 20, lloq: 50}}", "found lloq 50 above min_events 20"),
    "negative": (
        "{reportable: {lloq: -1}}",
        "quality, reportable, lloq: found -1, expected a number of events",
    ),
    "above 100 %": (
        "{max_margin_percent: 110}",
        "max_margin_percent: found 110, expected a percentage from 0 to 100",
    ),
    "text": ("{max_margin_percent: '10'}", "max_margin_percent: found '10', expected a percentage"),
    "no number": ("{max_margin_percent: .nan}", "max_margin_percent: found .nan, expected a percentage"),
    "window backwards": ("{plausible_percent: {cd4/cd3: [85, 15]}}", "cd4/cd3: found 85 to 15, expected"),
    "window of one": ("{plausible_percent: {cd4/cd3: [85]}}", "found a list of 1, expected .low, high."),
    "window of nothing": (
        "{plausible_percent: {cd4/cd33: [1, 2]}}",
        "found 'cd4/cd33' .did you mean 'cd4/cd3'",
    ),
}


@pytest.mark.parametrize("mistake", QUALITY_MISTAKES)
def test_quality_limits(trial: Any, mistake: str) -> None:
    section, said = QUALITY_MISTAKES[mistake]
    with trial.path().open("a", encoding="utf-8") as stream:
        stream.write(f"quality: {section}\n")
    with pytest.raises(CytotrialError, match=said) as caught:
        load_study(trial.path())
    assert len(caught.value.problems) == 1


def test_how_the_work_is_done(trial: Any) -> None:
    with trial.path().open("a", encoding="utf-8") as stream:
        stream.write("run: {subjects_per_job: 25, flowkit_percent: 0.5}\n")
    assert load_study(trial.path()).run == {"subjects_per_job": 25, "flowkit_percent": 0.5}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{subjects_per_job: 0}", "run, subjects_per_job: found 0, expected a whole number, 1 or more"),
        ("{subjects_per_job: 2.5}", "run, subjects_per_job: found 2.5, expected a whole number, 1 or more"),
        ("{subjects_per_job: true}", "subjects_per_job: found the truth value true, expected a whole number"),
        ("{subjects_per_job: '2'}", "subjects_per_job: found '2', expected a whole number"),
        ("{flowkit_percent: 101}", "run, flowkit_percent: found 101, expected a percentage from 0 to 100"),
        ("{flowkit_percent: -1}", "flowkit_percent: found -1, expected a percentage"),
        ("{flowkit_percent: .nan}", "flowkit_percent: found .nan, expected a percentage"),
        ("{flowkit_percent: all}", "flowkit_percent: found 'all', expected a percentage"),
        ("{subject_per_job: 2}", "unknown key 'subject_per_job' .did you mean 'subjects_per_job'"),
        ("[2]", "run: found a list of 1, expected a mapping"),
    ],
)
def test_wrong_words_on_how_the_work_is_done(trial: Any, section: str, said: str) -> None:
    with trial.path().open("a", encoding="utf-8") as stream:
        stream.write(f"run: {section}\n")
    with pytest.raises(CytotrialError, match=said) as caught:
        load_study(trial.path())
    assert len(caught.value.problems) == 1, caught.value.problems


def test_equal_limits_are_no_contradiction(trial: Any) -> None:
    with trial.path().open("a", encoding="utf-8") as stream:
        stream.write("quality: {reportable: {min_events: 50, lloq: 50}}\n")
    assert load_study(trial.path()).quality["reportable"]["lloq"] == 50


@pytest.mark.parametrize("section", ["sheets", "panels"])
def test_a_whole_trial_needs_its_sheets_and_panels(trial: Any, section: str) -> None:
    trial.edit("config.yaml", f"{section}:", f"run: {{}}\nx-{section}:")
    with pytest.raises(CytotrialError, match=f"found no {section}, expected {section}: "):
        load_study(trial.path())


def test_five_mistakes_are_five_lines(trial: Any) -> None:
    trial.edit("config.yaml", "baseline: W0", "baseline: W1")
    trial.edit("config.yaml", "role: control", "role: contrl")
    trial.edit("config.yaml", "week: 10", "week: ten")
    trial.edit("config.yaml", "[itt, pp]", "[itt, itt]")
    trial.edit("config.yaml", "dosing:", "dosage:")
    with pytest.raises(CytotrialError) as caught:
        load_study(trial.path())
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found nothing, expected a mapping"),
        (b"- a\n", "found a list of 1, expected a mapping"),
        (b"just words", "found 'just words', expected a mapping"),
        (b"trial: \xe9", "found bytes that are not UTF-8"),
        (b"? [a, b]\n: 1\n", "line 1: found a list or mapping as a key"),
        (b"a: {{name}: 1}\n", "line 1: found a list or mapping as a key"),
        (b"a: 1\n---\nb: 2\n", "line 2: found a YAML syntax error"),
        (b"a: !!python/object:os.system {}\n", "found a YAML syntax error"),
        (b"a: \x00", "found a YAML syntax error"),
        (b"a: &x {b: *x}\n", "config.yaml"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(CytotrialError, match=said):
        load_study(path)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    with pytest.raises(CytotrialError, match=r"confg.yaml: found no readable file .*did you mean 'config.yaml'"):
        load_study(tmp_path / "confg.yaml")
    with pytest.raises(CytotrialError, match="no readable file"):
        load_study(tmp_path)


def test_byte_order_mark_anchors_and_merge_keys(tmp_path: Path, trial: Any) -> None:
    text = trial.path().read_text(encoding="utf-8")
    text = text.replace("- {id: IL2,", "- &arm {id: IL2,").replace(
        '- {id: PBO, label: "Placebo", role: control}', "- {<<: *arm, id: PBO, role: control}"
    )
    trial.path().write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_study(trial.path()).arms[1].label == "Low-dose IL-2"


def test_well_formed_parts_survive_mistakes_elsewhere(trial: Any) -> None:
    trial.edit("config.yaml", "role: control", "role: contrl")
    draft = draft_study(trial.path())
    assert draft.study is None and len(draft.problems) == 1
    assert draft.arms == ("IL2", "PBO") and draft.baseline == "W0" and draft.visits == ("W0", "W10")
    assert draft.sheets is not None and draft.sheets.samples == "config/samples.tsv"
    assert [panel.id for panel in draft.panels] == ["treg"] and [item.id for item in draft.readouts] == ["cd4"]
