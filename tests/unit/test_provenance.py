"""Versions: of the packages, and of all that a verb runs."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from cytotrial import provenance
from cytotrial.cli import VERBS
from cytotrial.provenance import PACKAGE, package_versions, sources_of, verb_version

FILES = {
    "commands/do_it.py": "from cytotrial.floor import word\nfrom cytotrial.room import a\n",
    "commands/other.py": "import cytotrial.floor\n",
    "floor.py": "word = 1\n",
    "room/__init__.py": "",
    "room/a.py": "def late() -> None:\n    from cytotrial.methods import place\n",
    "room/words.json": "{}",
    "methods/__init__.py": "import importlib\nimportlib.import_module('x')\n",
    "methods/one.py": "",
    "unseen.py": "",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two verbs, a ground floor, and a room that loads its modules by name."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    provenance._imported_by.cache_clear()
    return tmp_path


def test_form() -> None:
    assert re.fullmatch("[0-9a-f]{12}", verb_version("statistics"))


def test_a_verbs_sources_are_what_it_imports_and_the_data_beside(package: Path) -> None:
    found = {path.relative_to(package).as_posix() for path in sources_of("do-it")}
    assert found == set(FILES) - {"commands/other.py", "unseen.py"}
    assert {path.name for path in sources_of("other")} == {"other.py", "floor.py"}


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("room/a.py", True),
        ("room/words.json", True),
        ("floor.py", True),
        ("methods/one.py", True),
        ("unseen.py", False),
    ],
)
def test_changes_with_its_own_sources_only(package: Path, edited: str, changes: bool) -> None:
    before = verb_version("do-it")
    with (package / edited).open("a") as stream:
        stream.write("\n")
    provenance._imported_by.cache_clear()
    assert (verb_version("do-it") != before) is changes


def test_changes_with_a_librarys_version(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = verb_version("other")
    monkeypatch.setattr(provenance, "package_versions", lambda: {"numpy": "0.1", "cytotrial": "9"})
    assert verb_version("other") != before


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_that_a_verb_loads_is_forgotten(verb: str) -> None:
    """Against what Python itself loads when the verb's module is imported."""
    program = (
        "import importlib, sys\n"
        f"importlib.import_module('cytotrial.commands.{verb.replace('-', '_')}')\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('cytotrial') and m.__file__), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {Path(line) for line in done.stdout.split("\n") if line} - {PACKAGE / "__init__.py"}
    folders_own = {path for path in loaded if path.name == "__init__.py"}  # a package's face holds no code here
    assert loaded - folders_own <= set(sources_of(verb)) | {PACKAGE / "gating" / "methods" / "__init__.py"}
    assert len(loaded) > 2


def test_package_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "REPORTED", ("numpy", "no-such-package-at-all"))
    assert package_versions() == {"numpy": version("numpy"), "no-such-package-at-all": "not installed"}
