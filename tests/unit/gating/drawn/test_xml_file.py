"""Whatever an XML file holds, its reader gives plain elements or one plain line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.gating.drawn.xml_file import read_xml

TENFOLD = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
HOSTILE = {
    "entity bomb": (f'<!DOCTYPE a [<!ENTITY l0 "lol">{TENFOLD}]><a>&l11;</a>', "entity amplification"),
    "entity bomb in an attribute": (f'<!DOCTYPE a [<!ENTITY l0 "x">{TENFOLD}]><a b="&l11;"/>', "entity amplification"),
    "one harmless entity": ('<!DOCTYPE a [<!ENTITY l0 "lol">]><a>&l0;</a>', "document type"),
    "another file": ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "document type"),
    "another machine": ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>', "document type"),
    "a hundred thousand levels": ("<a>" * 100_000, "Excessive depth"),
    "text": ("gates", "no XML"),
    "nothing": ("", "Document is empty"),
    "half a file": ("<Workspace><SampleList></Workspace>", "no XML"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_and_broken_files_are_one_line(case: str, written: Callable[[str, str], Path]) -> None:
    text, expected = HOSTILE[case]
    path = written("gates.wsp", text)
    started = time.perf_counter()
    with pytest.raises(CytotrialError) as raised:
        read_xml(path)
    assert time.perf_counter() - started < 2
    (line,) = raised.value.problems
    assert line.startswith(f"{path}: found ") and expected in line and "\n" not in line
    assert "expected a FlowJo 10 workspace (.wsp) or a GatingML 2.0 file; export it again" in line


def test_type_declaration_is_seen_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "gates.xml"
    path.write_bytes('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-16"))
    with pytest.raises(CytotrialError, match="document type declaration"):
        read_xml(path)


@pytest.mark.parametrize("name", ["absent.wsp", "."])
def test_no_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(CytotrialError, match="no readable file"):
        read_xml(tmp_path / name)


def test_changed_file_is_read_again(written: Callable[[str, str], Path]) -> None:
    assert read_xml(written("gates.xml", "<a/>")).tag == "a"
    assert read_xml(written("gates.xml", "<other/>")).tag == "other"
