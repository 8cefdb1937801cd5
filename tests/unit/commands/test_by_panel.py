"""Options that name one file for each panel: every word is a pair, no panel twice, none left out."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from cytotrial.commands.by_panel import add_panel_files, check_panels, files_by_panel
from cytotrial.errors import CytotrialError


def test_a_panel_and_its_file() -> None:
    """Only the first sign of equality parts them: a path may have more."""
    found = files_by_panel("--gating", ["nk=a/nk.yaml", "treg=b=c/treg.yaml"])
    assert found == {"nk": Path("a/nk.yaml"), "treg": Path("b=c/treg.yaml")}
    assert files_by_panel("--gate-map", []) == {}


@pytest.mark.parametrize("wrong", ["nk.yaml", "nk=", "=nk.yaml", ""])
def test_a_word_that_is_no_pair(wrong: str) -> None:
    with pytest.raises(CytotrialError, match=f"--markers: found {wrong}, expected PANEL=FILE; correct it"):
        files_by_panel("--markers", ["treg=t.yaml", wrong])


def test_a_panel_twice() -> None:
    pairs = ["nk=a", "treg=t", "nk=b", "cd8=c", "cd8=c"]
    with pytest.raises(CytotrialError, match="--gating: found nk, cd8 twice, expected one file per panel; remove one"):
        files_by_panel("--gating", pairs)


def test_panels_that_have_no_file() -> None:
    """One too many does no harm: a panel may have no files yet."""
    given = {"nk": Path("a"), "cd8": Path("b")}
    assert check_panels({"nk"}, given, "--gating") is None
    with pytest.raises(CytotrialError, match="--gating: found none for b, treg, expected one for every panel"):
        check_panels({"treg", "nk", "b"}, given, "--gating")


def test_options() -> None:
    """Markers only where a verb opens files; a gate map is where people drew."""
    words = ["--gating", "a=1", "b=2"]
    without, both = argparse.ArgumentParser(), argparse.ArgumentParser()
    add_panel_files(without, markers=False)
    add_panel_files(both, markers=True)
    assert vars(without.parse_args(words)) == {"gating": ["a=1", "b=2"], "gate_map": []}
    assert both.parse_args([*words, "--markers", "a=3", "--gate-map"]).markers == ["a=3"]
    with pytest.raises(SystemExit):
        both.parse_args(words)
