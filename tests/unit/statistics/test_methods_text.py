"""A methods section: headings, numbered references, versions."""

from __future__ import annotations

from importlib.metadata import version

from cytotrial.statistics.methods_text import Method, methods_section


def test_references_are_numbered_by_first_use_and_listed_once():
    text = methods_section(
        [
            Method("Pairs", "Pairs were\n    compared.", ("B 1908.", "A 1945."), ("scipy",)),
            Method("Arms", "Arms were compared.", ("C 1947.", "A 1945."), ("numpy",)),
        ]
    )
    assert "### Pairs\n\nPairs were compared. [1, 2]\n" in text
    assert "### Arms\n\nArms were compared. [3, 2]\n" in text
    assert text.endswith("1. B 1908.\n2. A 1945.\n3. C 1947.\n")
    for library in ("cytotrial", "numpy", "scipy"):
        assert f"{library} {version(library)}" in text


def test_nothing_done_has_versions_alone():
    assert methods_section([]) == f"### Software of the statistics\n\ncytotrial {version('cytotrial')}.\n"
