"""Versions: of the packages, and of our own sources."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from cytotrial import provenance
from cytotrial.provenance import code_version, package_versions


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two rooms, a module and a ground floor."""
    for name in ("one/a.py", "one/data.yaml", "two/b.py", "three.py", "floor.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    monkeypatch.setattr(provenance, "GROUND_FLOOR", ("floor.py",))
    return tmp_path


def test_form() -> None:
    assert re.fullmatch("[0-9a-f]{12}", code_version("gating", "subsets.py"))


def test_same_sources_same_version(package: Path) -> None:
    assert code_version("one", "three.py") == code_version("three.py", "one")
    assert code_version("one") != code_version("two")


@pytest.mark.parametrize(
    ("edited", "changes"), [("one/a.py", True), ("one/data.yaml", True), ("floor.py", True), ("two/b.py", False)]
)
def test_changes_with_its_own_rooms_only(package: Path, edited: str, changes: bool) -> None:
    before = code_version("one", "three.py")
    (package / edited).write_text("# edited\n")
    assert (code_version("one", "three.py") != before) is changes


def test_new_and_renamed_files_count(package: Path) -> None:
    before = code_version("one")
    (package / "one/a.py").rename(package / "one/c.py")
    renamed = code_version("one")
    (package / "one/empty.py").touch()
    assert len({before, renamed, code_version("one")}) == 3


def test_compiled_files_do_not_count(package: Path) -> None:
    before = code_version("one")
    (package / "one/__pycache__").mkdir()
    (package / "one/__pycache__/a.pyc").write_bytes(b"x")
    assert code_version("one") == before


@pytest.mark.parametrize("room", ["four", "four.py"])
def test_no_such_room(package: Path, room: str) -> None:
    with pytest.raises(ValueError, match=f"no sources in {room}"):
        code_version(room)


def test_package_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "REPORTED", ("numpy", "no-such-package-at-all"))
    assert package_versions() == {"numpy": version("numpy"), "no-such-package-at-all": "not installed"}
