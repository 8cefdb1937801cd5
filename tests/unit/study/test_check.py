"""Configuration and sheets held against each other: one wrong thing after another, and many at once."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cytotrial.study.check import check_study


def _append(trial: Any, name: str, text: str) -> None:
    with trial.path(name).open("a", encoding="utf-8") as stream:
        stream.write(text)


def test_a_trial_without_mistakes(trial: Any) -> None:
    checked = check_study(trial.path(), trial.root)
    assert checked.problems == () and checked.warnings == ()
    assert checked.study is not None and checked.study.id == "T1"
    assert [sample.sample_id for sample in checked.samples] == ["A0", "A10", "B0", "B10"]
    assert [subject.arm for subject in checked.subjects] == ["IL2", "PBO"]
    assert [panel.id for panel in checked.panels] == ["treg"]


PROBLEMS = {
    "sample twice": ("samples.tsv", "A10\t", "A0\t", "row 3, sample_id: found 'A0', which is also in row 2"),
    "file twice": (
        "samples.tsv",
        "fcs/A10.fcs",
        "./fcs/../fcs/A0.fcs",
        "row 3, fcs: found the file .*also in row 2",
    ),
    "tube twice": (
        "samples.tsv",
        "S1\tW10",
        "S1\tW0",
        "row 3: found a second tube of S1, W0, treg, .*in row 2",
    ),
    "unknown visit": (
        "samples.tsv",
        "S1\tW10",
        "S1\tW1O",
        r"row 3, visit: found 'W1O' \(did you mean 'W10'\?\)",
    ),
    "unknown panel": (
        "samples.tsv",
        "W10\ttreg",
        "W10\ttrge",
        r"row 3, panel: found 'trge' \(did you mean 'treg'\?\)",
    ),
    "subject without arm": (
        "samples.tsv",
        "fcs\tS2\tW10",
        "fcs\tS22\tW10",
        r"row 5, subject_id: found 'S22', which has no arm \(did you mean 'S2'\?\)",
    ),
    "unknown arm": ("subjects.tsv", "S2\tPBO", "S2\tPLB", "subjects.tsv, row 3, arm: found 'PLB'"),
    "subject twice": (
        "subjects.tsv",
        "S2\tPBO",
        "S2\tPBO\tX\tY\tN\nS2\tPBO",
        "row 4, subject_id: found 'S2', which",
    ),
    "set without column": (
        "subjects.tsv",
        "\tpp\n",
        "\tppp\n",
        r"row 1: found no column 'pp' \(is it 'ppp'\?\)",
    ),
    "set cell": ("subjects.tsv", "X\tY\tN", "X\tY\t0", "row 3, pp: found '0', expected Y or N"),
    "no samples sheet": (
        "config.yaml",
        "config/samples.tsv",
        "config/sampels.tsv",
        "sheets, samples: .*'samples.tsv'",
    ),
    "folder for a sheet": (
        "config.yaml",
        "config/samples.tsv",
        "config",
        "sheets, samples: found the folder 'config'",
    ),
    "no panel file": (
        "config.yaml",
        "panels/treg.yaml",
        "panels/trge.yaml",
        "panels, treg, markers: .*'treg.yaml'",
    ),
    "no strategy": (
        "config.yaml",
        "gating/treg.yaml",
        "gatin/treg.yaml",
        "panels, treg, gating: .*mean 'gating'",
    ),
    "no outcomes": (
        "config.yaml",
        "outcomes.tsv",
        "outcome.tsv",
        r"sheets, outcomes: found no file .*'outcomes.tsv'\?",
    ),
    "no overrides": (
        "config.yaml",
        ", outcomes:",
        ", overrides: config/o.tsv, outcomes:",
        "sheets, overrides: found no",
    ),
    "outcome of nobody": (
        "outcomes.tsv",
        "S2\tW10",
        "S3\tW10",
        "outcomes.tsv, row 3, subject_id: found 'S3'",
    ),
    "outcome at no visit": ("outcomes.tsv", "S2\tW10", "S2\tW11", "outcomes.tsv, row 3, visit: found 'W11'"),
    "outcome value": (
        "outcomes.tsv",
        "SRI4\t1",
        "SRI4\tresponder",
        "outcomes.tsv, row 2, value: found 'responder'",
    ),
    "nobody's baseline": ("config.yaml", "baseline: W0", "baseline: SCR", "trial, baseline: found 'SCR'"),
    "undeclared condition": (
        "samples.tsv",
        "W10\ttreg\t",
        "W10\ttreg\tCEF",
        r"readouts, cd4, condition: .*\(blank\), CEF",
    ),
    "unmeasured condition": (
        "config.yaml",
        "panel: treg,",
        "panel: treg, condition: CEF,",
        "condition: found 'CEF'",
    ),
}


@pytest.mark.parametrize("mistake", PROBLEMS)
def test_one_mistake_is_one_problem(trial: Any, mistake: str) -> None:
    name, old, new, said = PROBLEMS[mistake]
    trial.edit(name, old, new)
    checked = check_study(trial.path(), trial.root)
    assert len(checked.problems) == 1, checked.problems
    assert re.search(said, checked.problems[0]), checked.problems[0]


def test_a_baseline_that_nobody_has(trial: Any) -> None:
    trial.edit("config.yaml", "  - {id: W0, week: 0}", "  - {id: SCR, week: -1}\n  - {id: W0, week: 0}")
    trial.edit("config.yaml", "baseline: W0", "baseline: SCR")
    checked = check_study(trial.path(), trial.root)
    assert len(checked.problems) == 1
    assert (
        "panel treg: found no subject with a baseline, expected a sample at the baseline visit 'SCR'"
        in checked.problems[0]
    )


def test_a_subject_without_arm_is_told_of_once(trial: Any) -> None:
    trial.edit("subjects.tsv", "S2\tPBO\tX\tY\tN\n", "")
    trial.edit("outcomes.tsv", "S2\tW10\tSRI4\t\n", "")
    checked = check_study(trial.path(), trial.root)
    assert len(checked.problems) == 1
    assert "row 4 and 1 more, subject_id: found 'S2', which has no arm" in checked.problems[0]


def test_doubts_do_not_stop_the_trial(trial: Any) -> None:
    trial.edit("samples.tsv", "B0\tfcs/B0.fcs\tS2\tW0\ttreg\t\n", "")
    _append(trial, "subjects.tsv", "S3\tPBO\tX\tN\tN\n")
    (trial.root / "fcs" / "A10.fcs").unlink()
    (trial.root / "fcs" / "B10.fcs").unlink()
    (trial.root / "fcs" / "B10.fcs").mkdir()
    trial.edit(
        "config.yaml",
        "readouts:",
        "  nk: {markers: config/panels/treg.yaml, gating: config/gating/treg.yaml}\nreadouts:",
    )
    checked = check_study(trial.path(), trial.root)
    assert checked.problems == ()
    said = "\n".join(checked.warnings)
    assert len(checked.warnings) == 5, said
    assert "row 3, fcs: found no file 'fcs/A10.fcs'" in said and "A10 will be failed" in said
    assert "row 4, fcs: found the folder 'fcs/B10.fcs'" in said
    assert "found subject S3, who has no sample" in said
    assert "panel treg: found subject S2 without a baseline" in said
    assert "panel nk: found no sample" in said


def test_all_files_missing_is_the_wrong_folder(trial: Any) -> None:
    shutil.move(trial.root / "fcs", trial.root / "fcs_files")
    checked = check_study(trial.path(), trial.root)
    assert len(checked.problems) == 1 and checked.warnings == ()
    assert "fcs: found none of the 4 FCS files, the first being 'fcs/A0.fcs'" in checked.problems[0]


def test_staining_controls_are_no_condition_and_no_baseline(trial: Any) -> None:
    _append(trial, "samples.tsv", "F0\tfcs/F0.fcs\tS1\tW0\ttreg\tFMO-CD25\n")
    (trial.root / "fcs" / "F0.fcs").touch()
    assert check_study(trial.path(), trial.root).problems == ()
    trial.edit("samples.tsv", "A0\tfcs/A0.fcs\tS1\tW0\ttreg\t\n", "")
    warnings = check_study(trial.path(), trial.root).warnings
    assert any("subject S1 without a baseline" in text for text in warnings), warnings


def test_replicates_and_conditions_keep_tubes_apart(trial: Any) -> None:
    trial.edit("config.yaml", "panel: treg,", "panel: treg, condition: CEF,")
    rows = [
        f"{sample}\tfcs/{sample}.fcs\t{subject}\t{visit}\ttreg\t{condition}\t{replicate}\n"
        for subject in ("S1", "S2")
        for visit in ("W0", "W10")
        for condition in ("CEF", "unstimulated")
        for replicate in ("1", "2")
        for sample in [f"{subject}_{visit}_{condition}_{replicate}"]
    ]
    header = "sample_id\tfcs\tsubject_id\tvisit\tpanel\tcondition\treplicate\n"
    trial.path("samples.tsv").write_text(header + "".join(rows), encoding="utf-8")
    (trial.root / "fcs" / "S1_W0_CEF_1.fcs").touch()
    assert check_study(trial.path(), trial.root).problems == ()
    trial.path("samples.tsv").write_text(header + "".join(rows).replace("\t2\n", "\t1\n"), encoding="utf-8")
    assert len(check_study(trial.path(), trial.root).problems) == 8


def test_a_number_for_an_id_is_the_sheets_cell(trial: Any) -> None:
    trial.edit("config.yaml", "{id: W0, week: 0}", "{id: 00, week: 0}")
    trial.edit("config.yaml", "baseline: W0", "baseline: 00")
    samples = trial.path("samples.tsv")
    samples.write_text(samples.read_text(encoding="utf-8").replace("W0\t", "00\t"), encoding="utf-8")
    assert check_study(trial.path(), trial.root).problems == ()


def test_mistakes_of_all_files_come_at_once(trial: Any) -> None:
    trial.edit("config.yaml", "role: control", "role: contrl")
    trial.edit("config.yaml", "gating/treg.yaml", "gating/trge.yaml")
    trial.edit("samples.tsv", "A10\t", "A/10\t")
    trial.edit("samples.tsv", "S2\tW10", "S2\tW11")
    trial.edit("subjects.tsv", "S2\tPBO\tX\tY\tN", "S2\tPBX\tX\tY\tno")
    trial.edit("outcomes.tsv", "SRI4\t1", "SRI4\tyes")
    checked = check_study(trial.path(), trial.root)
    print("\n".join(checked.problems))
    assert len(checked.problems) == 6, "a row that is broken already is not judged further"
    assert checked.study is None and len(checked.samples) == 3


def test_a_broken_row_makes_nobody_missing(trial: Any) -> None:
    trial.edit("samples.tsv", "B0\t", "B/0\t")
    trial.edit("subjects.tsv", "X\tY\tN", "X\tY\tno")
    checked = check_study(trial.path(), trial.root)
    assert len(checked.problems) == 2 and checked.warnings == ()


def test_no_sheet_is_read_when_the_configuration_cannot_be(trial: Any) -> None:
    trial.path().write_text("trial: [", encoding="utf-8")
    checked = check_study(trial.path(), trial.root)
    assert len(checked.problems) == 1 and checked.samples == ()


JUNK: tuple[Any, ...] = (None, True, 1.5, "", [[]], {"id": None})


def _spoiled(document: Any) -> Iterator[Any]:
    """Every document that differs in one node: replaced by junk, or gone."""

    def nodes(part: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, value in items:
            yield (*path, key)
            yield from nodes(value, (*path, key))

    for path in nodes(document, ()):
        for junk in (*JUNK, "gone"):
            changed = copy.deepcopy(document)
            part = changed
            for key in path[:-1]:
                part = part[key]
            if junk == "gone":
                del part[path[-1]]
            else:
                part[path[-1]] = junk
            yield changed


def test_no_configuration_makes_it_fall_over(trial: Any) -> None:
    document = yaml.safe_load(trial.path().read_text(encoding="utf-8"))
    document["quality"] = {"reportable": {"lloq": 50}, "plausible_percent": {"cd4/cd3": [15, 85]}}
    count = refused = 0
    for changed in _spoiled(document):
        trial.path().write_text(yaml.safe_dump(changed), encoding="utf-8")
        checked = check_study(trial.path(), trial.root)
        assert (checked.study is None) <= bool(checked.problems)
        count, refused = count + 1, refused + bool(checked.problems)
    print(f"{count} spoiled configurations, {refused} refused, none fell over")
    assert count > 300 and refused > 0.8 * count


def test_the_working_directory_plays_no_part(trial: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert check_study(trial.path(), trial.root).problems == ()
    monkeypatch.chdir(trial.root)
    assert check_study(Path("config/config.yaml"), Path()).problems == ()


OVERRIDES = "sample_id\tpopulation\tmarker\tbound\tthreshold\treviewer\tdate\treason\n"


@pytest.fixture
def moved(trial: Any) -> Any:
    """The trial with one gate moved by hand."""
    trial.edit("config.yaml", "outcomes: config/outcomes.tsv", "overrides: config/overrides.tsv")
    text = OVERRIDES + "A0\tcd3\tCD3\tmin\t0.4\tAB\t2026-01-01\ttoo low\n"
    trial.path("overrides.tsv").write_text(text, encoding="utf-8")
    return trial


def test_overrides_are_read(moved: Any) -> None:
    checked = check_study(moved.path(), moved.root)
    assert checked.problems == () and checked.warnings == ()
    assert [(one.sample_id, one.threshold, one.reason) for one in checked.overrides] == [("A0", 0.4, "too low")]


def test_a_sheet_of_overrides_with_only_its_header_asks_for_nothing(moved: Any) -> None:
    moved.path("overrides.tsv").write_text(OVERRIDES, encoding="utf-8")
    checked = check_study(moved.path(), moved.root)
    assert checked.problems == () and checked.overrides == ()


def test_mistakes_in_overrides_come_with_all_others(moved: Any) -> None:
    moved.edit("overrides.tsv", "too low", "")
    _append(moved, "overrides.tsv", "A00\tcd3\tCD3\tmin\t0.4\tAB\t2026-01-01\ttoo low\n")
    moved.edit("subjects.tsv", "S2\tPBO", "S2\tPLB")
    problems = check_study(moved.path(), moved.root).problems
    assert len(problems) == 3
    assert "overrides.tsv, row 2: found no reason" in problems[1]
    assert "overrides.tsv, row 3, sample_id: found 'A00' (did you mean 'A0'?)" in problems[2]


def test_of_a_broken_samples_sheet_no_override_is_judged(moved: Any) -> None:
    """The sample that an override names may be in the row that could not be read."""
    moved.edit("samples.tsv", "A0\t", "A/0\t")
    (sentence,) = check_study(moved.path(), moved.root).problems
    assert "samples.tsv, row 2, sample_id" in sentence


def test_a_mistyped_column_of_the_overrides_is_told(moved: Any) -> None:
    moved.edit("overrides.tsv", "threshold\t", "treshold\t")
    checked = check_study(moved.path(), moved.root)
    assert any("the column 'treshold' (did you mean 'threshold'?)" in line for line in checked.warnings)
    assert "row 2: found no place for the gate" in checked.problems[0]


@pytest.mark.parametrize(("column", "cell"), [("arm", "x"), ("note", "IL2")])
def test_the_overrides_may_not_tell_the_arm(moved: Any, column: str, cell: str) -> None:
    moved.edit("overrides.tsv", "\treason\n", f"\treason\t{column}\n")
    moved.edit("overrides.tsv", "too low\n", f"too low\t{cell}\n")
    (sentence,) = check_study(moved.path(), moved.root).problems
    assert f"overrides.tsv, {column}: found the arms" in sentence


def test_a_reviewer_may_be_called_as_an_arm_is(moved: Any) -> None:
    moved.edit("overrides.tsv", "\tAB\t", "\tPBO\t")
    assert check_study(moved.path(), moved.root).problems == ()


@pytest.mark.parametrize(("column", "cells"), [("arm", ("x", "x", "y", "y")), ("note", ("IL2", "IL2", "PBO", "PBO"))])
def test_the_samples_sheet_may_not_tell_the_arm(trial, column: str, cells: tuple[str, ...]) -> None:
    path = trial.path("samples.tsv")
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    lines = [f"{header}\t{column}", *(f"{row}\t{cell}" for row, cell in zip(rows, cells, strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (sentence,) = check_study(trial.path(), trial.root).problems
    assert sentence.endswith(
        "samples.tsv, " + column + ": found the arms, expected a sheet that does not tell who had "
        "what; move the column to the subjects sheet"
    )


def test_a_declared_endpoint_without_rows_is_a_doubt(trial: Any) -> None:
    declared = (
        "endpoints:\n"
        "  - {id: SRI4, type: binary, visit: W10, order: 1}\n"
        "  - {id: SRI4, type: binary, visit: W0, order: 2}\n"
        "  - {id: SRI_4, type: binary}\n"
    )
    trial.edit("config.yaml", "analysis_sets: [itt, pp]\n", f"analysis_sets: [itt, pp]\n{declared}")
    checked = check_study(trial.path(), trial.root)
    assert checked.problems == ()
    at_baseline, unknown = checked.warnings
    assert "endpoints, SRI4: found no row of it at W0 in" in at_baseline
    assert "endpoints, SRI_4: found no row of it in" in unknown and "(did you mean 'SRI4'?)" in unknown
    trial.edit("config.yaml", ", outcomes: config/outcomes.tsv", "")
    assert [line.count("found no outcomes sheet") for line in check_study(trial.path(), trial.root).warnings] == [
        1,
        1,
        1,
    ]
