"""Mistakes in configuration and sheets stop the run before any FCS file is read, all at once, each with its remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cytotrial.jobs import load_jobs

CONFIG, SAMPLES, SUBJECTS = "config/config.yaml", "config/samples.tsv", "config/subjects.tsv"
SENTENCE = re.compile(r"^ERROR: (?P<where>\S.*): found .+, expected .+; .+$")


@pytest.fixture
def trial(make_trial, tmp_path):
    """Two subjects, two visits, one panel: enough to make mistakes in."""
    return make_trial(tmp_path / "trial", subjects=("S001", "S002"), panels=("treg",))


def empty_samples(trial):
    trial.path(SAMPLES).write_text("", encoding="utf-8")


def no_sample_rows(trial):
    trial.path(SAMPLES).write_text("sample_id\tfcs\tsubject_id\tvisit\tpanel\n", encoding="utf-8")


def missing_column(trial):
    trial.edit(SAMPLES, "\tvisit\t", "\tzeit\t")


def missing_analysis_set(trial):
    trial.edit(SUBJECTS, "mitt", "mittwoch")


def unknown_arm(trial):
    trial.edit(SUBJECTS, "S002\tIL2", "S002\tIL3")


def unknown_visit(trial):
    trial.edit(SAMPLES, "S001\tW10", "S001\tW1O")


def unknown_subject(trial):
    trial.edit(SAMPLES, "\tS002\tW10", "\tS0002\tW10")


def repeated_tube(trial):
    rows = trial.rows(SAMPLES)
    trial.path("fcs/again.fcs").write_bytes(b"FCS3.0")
    trial.write_rows(SAMPLES, [*rows, {**rows[0], "sample_id": "again", "fcs": "fcs/again.fcs"}])


def repeated_file(trial):
    rows = trial.rows(SAMPLES)
    trial.write_rows(SAMPLES, [*rows[:-1], {**rows[-1], "fcs": rows[0]["fcs"]}])


def unknown_population(trial):
    trial.edit(CONFIG, "population: treg", "population: tregs")


def unknown_denominator(trial):
    trial.edit(CONFIG, "denominators: [cd4, lymphocytes]", "denominators: [cd4, lymphocyte]")


def path_to_nothing(trial):
    trial.edit(CONFIG, "config/gating/treg.yaml", "config/gating/tregs.yaml")


def sheet_that_is_not_there(trial):
    trial.edit(CONFIG, "config/subjects.tsv", "config/subject.tsv")


def subject_id_with_a_space(trial):
    for sheet in (SAMPLES, SUBJECTS):
        text = trial.path(sheet).read_text(encoding="utf-8")
        trial.path(sheet).write_text(text.replace("\tS001\t", "\tS 001\t").replace("\nS001\t", "\nS 001\t"), "utf-8")


def subject_id_with_a_quote(trial):
    for sheet in (SAMPLES, SUBJECTS):
        text = trial.path(sheet).read_text(encoding="utf-8")
        trial.path(sheet).write_text(text.replace("\tS001\t", "\tS'001\t").replace("\nS001\t", "\nS'001\t"), "utf-8")


def every_file_missing(trial):
    for file in trial.path("fcs").iterdir():
        file.unlink()


# mistake -> where it is told, what was found, and what is told to do (all must be in one line)
TOLD = {
    empty_samples: ("config/samples.tsv", "an empty file", "fill the sheet"),
    no_sample_rows: ("config/samples.tsv", "no rows", "fill the sheet"),
    missing_column: ("config/samples.tsv, row 1", "no column 'visit'", "column"),
    missing_analysis_set: ("config/subjects.tsv, row 1", "no column 'mitt'", "column"),
    unknown_arm: ("config/subjects.tsv, row 3, arm", "'IL3' (did you mean 'IL2'?)", "correct it"),
    unknown_visit: ("config/samples.tsv, row 3, visit", "'W1O' (did you mean 'W10'?)", "correct it"),
    unknown_subject: ("config/samples.tsv, row 5, subject_id", "'S0002'", "correct it"),
    repeated_tube: (
        "config/samples.tsv, row 6",
        "a second tube of S001, W0, treg, which is also in row 2",
        "replicate",
    ),
    repeated_file: ("config/samples.tsv, row 5, fcs", "fcs/S001_W0_treg.fcs", "correct the path"),
    unknown_population: (
        "config/config.yaml, readouts, treg, population",
        "'tregs' (did you mean 'treg'?)",
        "correct it",
    ),
    unknown_denominator: ("config/config.yaml, readouts, treg, denominators", "'lymphocyte'", "correct it"),
    path_to_nothing: ("config/config.yaml, panels, treg, gating", "config/gating/tregs.yaml", "treg.yaml"),
    sheet_that_is_not_there: ("config/config.yaml, sheets, subjects", "config/subject.tsv", "subjects.tsv"),
    subject_id_with_a_space: ("config/samples.tsv, row 2, subject_id", "'S 001'", "letters, digits"),
    subject_id_with_a_quote: ("config/samples.tsv, row 2, subject_id", "S'001", "letters, digits"),
    every_file_missing: ("config/samples.tsv", "none of the 4 FCS files", "correct the folder"),
}


def told(text: str) -> list[str]:
    """The lines that tell mistakes; each has the house's form."""
    lines = [line for line in text.splitlines() if line.startswith("ERROR")]
    for line in lines:
        assert SENTENCE.match(line), f"not 'FILE, row or key: found X, expected Y; do Z': {line}"
    return lines


@pytest.mark.parametrize("mistake", TOLD, ids=lambda mistake: mistake.__name__)
def test_the_mistake_ends_the_reading_of_the_workflow(mistake, trial, monkeypatch, capsys):
    mistake(trial)
    monkeypatch.chdir(trial.root)
    with pytest.raises(SystemExit) as stopped:
        load_jobs(Path(CONFIG), Path())
    lines = told(capsys.readouterr().err)
    print("\n".join(lines))
    assert stopped.value.code == 2
    assert any(all(part in line for part in TOLD[mistake]) for line in lines), (TOLD[mistake], lines)


def test_without_a_mistake_there_are_jobs(trial, monkeypatch, capsys):
    monkeypatch.chdir(trial.root)
    jobs = load_jobs(Path(CONFIG), Path())
    assert list(jobs.blocks) == [("treg", "S001"), ("treg", "S002")]
    assert told(capsys.readouterr().err) == []


def test_no_fcs_file_is_opened_while_the_workflow_is_read(trial, run_python):
    """Python tells an audit hook of every file that is opened; a good trial and a faulty one open none of fcs/."""
    program = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from pathlib import Path
from cytotrial.jobs import load_jobs
try:
    load_jobs(Path("config/config.yaml"), Path())
finally:
    print(sum(name.endswith(".tsv") for name in opened), [name for name in opened if name.endswith(".fcs")])
"""
    assert run_python(program, folder=trial.root).stdout.strip() == "2 []"
    unknown_visit(trial)
    done = run_python(program, folder=trial.root)
    assert (done.returncode, done.stdout.strip()) == (2, "2 []")


@pytest.mark.slow
def test_snakemake_ends_with_every_mistake_at_once_and_makes_nothing(trial, run_workflow):
    together = (unknown_arm, unknown_visit, repeated_tube, unknown_population, path_to_nothing, unknown_denominator)
    checked_later = {unknown_population, unknown_denominator}  # of a strategy that cannot be found
    for mistake in together:
        mistake(trial)
    done = run_workflow(trial.root)
    lines = told(done.stderr)
    print(f"exit {done.returncode}\n" + "\n".join(lines))
    assert done.returncode == 2
    for mistake in set(together) - checked_later:
        assert any(all(part in line for part in TOLD[mistake]) for line in lines), mistake.__name__
    assert "Traceback" not in done.stdout + done.stderr
    assert not trial.path("results").exists()


@pytest.mark.slow
@pytest.mark.parametrize("mistake", [empty_samples, missing_column, unknown_population], ids=lambda one: one.__name__)
def test_snakemake_tells_it_without_a_traceback(mistake, trial, run_workflow):
    mistake(trial)
    done = run_workflow(trial.root)
    assert done.returncode == 2
    assert any(all(part in line for part in TOLD[mistake]) for line in told(done.stderr)), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not trial.path("results").exists()


@pytest.mark.slow
def test_a_folder_without_a_configuration_is_told_so(run_workflow, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run_workflow(empty)
    assert done.returncode == 2 and "config/config.yaml" in told(done.stderr)[0]
    assert "Traceback" not in done.stdout + done.stderr
