"""Options that name one file for each panel: ``PANEL=FILE``."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from cytotrial.errors import CytotrialError, problem


def add_panel_files(parser: argparse.ArgumentParser, *, markers: bool) -> None:
    """The strategies of all panels, and on demand their marker files."""
    if markers:
        parser.add_argument("--markers", nargs="+", required=True, metavar="PANEL=FILE", help="each panel's markers")
    parser.add_argument("--gating", nargs="+", required=True, metavar="PANEL=FILE", help="each panel's strategy")
    told = "the gate maps of those that people drew"
    parser.add_argument("--gate-map", nargs="*", default=[], metavar="PANEL=FILE", help=told)


def files_by_panel(option: str, pairs: list[str]) -> dict[str, Path]:
    """Panel to file.

    Raises
    ------
    CytotrialError
        A word is no ``PANEL=FILE``, or a panel is named twice.
    """
    wrong = [pair for pair in pairs if not all(pair.partition("="))]
    if wrong:
        raise CytotrialError(problem(option, found=", ".join(wrong), expected="PANEL=FILE", remedy="correct it"))
    panels = Counter(pair.partition("=")[0] for pair in pairs)
    twice = ", ".join(panel for panel, times in panels.items() if times > 1)
    if twice:
        raise CytotrialError(
            problem(option, found=f"{twice} twice", expected="one file per panel", remedy="remove one")
        )
    return {panel: Path(path) for panel, _, path in (pair.partition("=") for pair in pairs)}


def check_panels(needed: set[str], given: dict[str, Path], option: str) -> None:
    """No panel's files are left out without a word.

    Raises
    ------
    CytotrialError
        A panel has no file.
    """
    lacking = ", ".join(sorted(needed - set(given)))
    if lacking:
        expected = "one for every panel of the files"
        raise CytotrialError(problem(option, found=f"none for {lacking}", expected=expected, remedy="add PANEL=FILE"))
