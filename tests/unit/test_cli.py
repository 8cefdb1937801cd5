"""The command line: exit status, one line per mistake, nothing imported that is not asked for."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from cytotrial import __version__, cli
from cytotrial.errors import CytotrialError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[argparse.Namespace], None]], None]:
    """Let `check` do something else."""

    def install(run: Callable[[argparse.Namespace], None]) -> None:
        def add_arguments(parser: argparse.ArgumentParser) -> None:
            parser.add_argument("--config", default="none")

        module = SimpleNamespace(add_arguments=add_arguments, run=run)
        monkeypatch.setattr(cli.importlib, "import_module", lambda _: module)

    return install


def test_done(verb: Callable) -> None:
    seen = []
    verb(lambda arguments: seen.append(arguments.config))
    assert cli.main(["check", "--config", "mine.yaml"]) == 0
    assert seen == ["mine.yaml"]


def test_mistakes_of_the_user(verb: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    def run(_: argparse.Namespace) -> None:
        raise CytotrialError(["a: found 1, expected 2; correct it", "b: found 3, expected 4; correct it"])

    verb(run)
    assert cli.main(["check"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "ERROR: a: found 1, expected 2; correct it\nERROR: b: found 3, expected 4; correct it\n"


def test_mistakes_of_the_program_keep_their_traceback(verb: Callable) -> None:
    def run(_: argparse.Namespace) -> None:
        raise ValueError("ours")

    verb(run)
    with pytest.raises(ValueError, match="ours"):
        cli.main(["check"])


@pytest.mark.parametrize("line", [["chek"], [], ["check", "--no-such-option"]])
def test_unknown(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(line)
    assert left.value.code == 2
    assert "usage: cytotrial" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"cytotrial {__version__}\n"


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    out = capsys.readouterr().out
    assert all(verb in out for verb in cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_its_module(verb: str) -> None:
    module = importlib.import_module(f"cytotrial.commands.{verb.replace('-', '_')}")
    assert callable(module.run)
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    assert parser.format_help()


def test_help_imports_no_numbers(run_python: Callable) -> None:
    program = (
        "import sys\nfrom cytotrial.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'scipy', 'flowkit', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    assert run_python(program).stdout.splitlines()[-1] == "[]"


BLIND = [
    "place-gates",
    "agree-gates",
    "apply-gates",
    "check-counts",
    "draw-gates",
    "export-gates",
    "record-overrides",
]


@pytest.mark.parametrize("verb", BLIND)
def test_verbs_that_gate_have_no_way_to_the_arms(verb: str) -> None:
    """No option for the configuration or the subjects sheet; what is called subjects takes their ids, and no file."""
    module = importlib.import_module(f"cytotrial.commands.{verb.replace('-', '_')}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    known = {option: action for action in parser._actions for option in action.option_strings}
    assert len(known) > 3 and not known.keys() & {"--config", "--arms", "--outcomes"}
    ids = {name: known[name].type for name in known if "subject" in name and name != "--subjects-per-job"}
    assert ids == ({"--subjects": None} if verb in ("place-gates", "apply-gates") else {})


@pytest.mark.parametrize("verb", ["place-gates", "apply-gates"])
def test_a_sheet_in_place_of_a_subjects_id_is_no_subject(
    verb: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name is looked for among the samples' subjects, and that is all."""
    words = {"samples": "resources/demo/samples.tsv", "subjects": "resources/demo/subjects.tsv"}
    words |= {"markers": "config/panels/nk.yaml", "gating": "config/gating/nk.yaml"}
    others = {
        "place-gates": ("landmarks", "intake"),
        "apply-gates": (
            *("intake", "gates", "not-placed", "populations"),
            *("steps", "ledger", "ungated", "moved-counts", "grids"),
        ),
    }
    words |= dict.fromkeys(others[verb], "none")
    assert cli.main([verb, "--panel=nk", *(f"--{name}={checkout / word}" for name, word in words.items())]) == 2
    assert "demo/subjects.tsv, panel nk: found no row" in capsys.readouterr().err
