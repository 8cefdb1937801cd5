"""The command line: exit status, one line per mistake, nothing imported that is not asked for."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
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


@pytest.mark.parametrize(
    ("verb", "options"),
    [("place-gates", ("--subjects", "--config")), ("agree-gates", ("--subjects",)), ("apply-gates", ("--subjects",))],
)
def test_verbs_that_gate_have_no_way_to_the_arms(verb: str, options: tuple[str, ...]) -> None:
    module = importlib.import_module(f"cytotrial.commands.{verb.replace('-', '_')}")
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    known = {option for action in parser._actions for option in action.option_strings}
    assert not known & set(options)
