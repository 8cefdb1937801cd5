"""One name for rule, verb, module and test; every rule one line that can be pasted into a shell."""

from __future__ import annotations

import importlib
import re

import pytest

from cytotrial.cli import VERBS

BY_HAND = {"check", "plan", "published", "simulate"}  # verbs that no rule calls: the first runs as the workflow is read
SHARED = {"by_panel", "gated_files"}  # modules of commands that are no verb: what several verbs begin with
NUMBERS = {"JOBS.subjects_per_job", "JOBS.flowkit_percent"}  # of the checked configuration: they are one word


@pytest.fixture(scope="module")
def rules(checkout):
    """Rule -> its text, comments left out."""
    found = {}
    for path in sorted((checkout / "workflow").rglob("*")):
        if path.suffix != ".smk" and path.name != "Snakefile":
            continue
        text = re.sub(r"(?m)^\s*#.*\n", "", path.read_text(encoding="utf-8"))
        for block in re.split(r"(?m)^(?=(?:rule|checkpoint) )", text)[1:]:
            name = re.match(r"(?:rule|checkpoint) (\w+):", block)[1]
            assert name not in found, f"two rules are called {name}"
            # A rule ends where the next unindented line begins.
            found[name] = re.split(r"(?m)^(?=[^\s])", block)[1]
    return found


def directive(text, name):
    """What stands under ``name:`` in a rule, or None."""
    match = re.search(rf"(?m)^    {name}:(.*\n(?:^ {{8}}.*\n|^\n)*)", text)
    return match[1] if match else None


def shell_line(text):
    """The string that ``shell:`` holds, its pieces put together."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', directive(text, "shell")))


def test_rules_are_verbs_and_verbs_are_rules(rules):
    assert {name.replace("_", "-") for name in rules} - {"all"} == set(VERBS) - BY_HAND


@pytest.mark.parametrize("verb", VERBS)
def test_verb_has_its_module_and_its_test(verb, checkout):
    name = verb.replace("-", "_")
    module = importlib.import_module(f"cytotrial.commands.{name}")
    assert callable(module.add_arguments) and callable(module.run)
    assert (checkout / "tests" / "unit" / "commands" / f"test_{name}.py").is_file()


def test_modules_of_commands_are_verbs(checkout):
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (checkout / "src/cytotrial/commands").glob("*.py")}
    verbs = {verb.replace("-", "_") for verb in VERBS}
    assert set(texts) == verbs | SHARED | {"__init__"}
    for name in SHARED:
        assert sum(f"commands.{name} import" in text for text in texts.values()) > 1, f"{name} is not shared"
        assert (checkout / "tests" / "unit" / "commands" / f"test_{name}.py").is_file()


def test_every_rule_keeps_a_log(rules):
    assert [name for name, text in rules.items() if name != "all" and not directive(text, "log")] == []


def test_every_rule_is_one_shell_line_of_its_verb(rules):
    for name, text in rules.items():
        if name == "all":
            assert directive(text, "shell") is None
            continue
        assert not [other for other in ("run", "script", "notebook", "wrapper") if directive(text, other)], name
        line = shell_line(text)
        assert line.startswith(f"cytotrial {name.replace('_', '-')} "), line
        assert "\n" not in line and "\\n" not in line and ";" not in line and "&&" not in line, line
        assert line.endswith(" 2> {log:q}"), line


def test_every_path_in_a_shell_line_is_quoted(rules):
    """A folder with a space or a quote in its name must not become two words; only an option may be no word at all."""
    for name, text in rules.items():
        if name != "all":
            bare = [field for field in re.findall(r"\{([^{}]+)\}", shell_line(text)) if not field.endswith(":q")]
            params = directive(text, "params") or ""
            options = re.findall(r'(\w+)="--[a-z-]+" if ', params)
            numbers = [key for key, value in re.findall(r"(?m)^        (\w+)=([\w.]+),$", params) if value in NUMBERS]
            assert set(bare) <= {f"params.{option}" for option in (*options, *numbers)}, name


def test_only_statistics_and_report_are_given_the_arms(rules):
    """And who is given the configuration, which names them, is not among those that gate, count, check or draw."""
    assert {name for name, text in rules.items() if "sheets.subjects" in text} == {"statistics", "report"}
    assert {name for name, text in rules.items() if "CONFIG" in text} == {"tabulate", "statistics", "report"}


def test_every_rule_knows_the_version_of_its_code(rules):
    """Snakemake does not notice an edited package by itself."""
    assert [
        name for name, text in rules.items() if name != "all" and "code=" not in (directive(text, "params") or "")
    ] == []


def test_workflow_files_are_short(checkout):
    lines = {
        path.relative_to(checkout).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in (checkout / "workflow").rglob("*")
        if path.suffix == ".smk" or path.name == "Snakefile"
    }
    assert lines["workflow/Snakefile"] < 40 and max(lines.values()) <= 150
    assert lines["workflow/rules/common.smk"] <= 100


def test_the_reading_of_rules_sees_what_it_forbids():
    lines = (
        "rule a:",
        "    input:",
        '        "x",',
        "    run:",
        '        print("y")',
        "    shell:",
        '        "cytotrial a"',
    )
    text = "\n".join([*lines, '        " b {log:q}"', ""])
    assert directive(text, "run") and not directive(text, "log")
    assert shell_line(text) == "cytotrial a b {log:q}"
