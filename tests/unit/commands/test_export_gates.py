"""The verb `export-gates`: one folder of GatingML, of the sheet's samples and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.cli import main

SHEET = """\
sample_id	fcs	subject_id	visit	panel
A0	a.fcs	S1	W0	treg
A1	b.fcs	S1	W1	treg
B0	c.fcs	S2	W0	nk
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Gates of A0 and B0, of a sample that is not in the sheet, and of one under another panel."""
    (tmp_path / "samples.tsv").write_text(SHEET, encoding="utf-8")
    for place in ("treg/S1/gatingml/A0", "nk/S2/gatingml/B0", "nk/S2/gatingml/old", "nk/S1/gatingml/A1"):
        path = tmp_path / "interim" / f"{place}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"<{place}/>\n".encode())
    return tmp_path


def export(folder: Path) -> int:
    """The verb."""
    out = [f"--gatingml={folder / 'interim'}", f"--out={folder / 'exports/gatingml'}"]
    return main(["export-gates", f"--samples={folder / 'samples.tsv'}", *out])


def test_the_sheets_samples(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    assert export(folder) == 0
    out = folder / "exports/gatingml"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "A0.xml": b"<treg/S1/gatingml/A0/>\n",
        "B0.xml": b"<nk/S2/gatingml/B0/>\n",
    }
    assert caplog.messages == ["A1: no gates, so no GatingML"]


def test_no_gates_at_all_make_an_empty_folder(folder: Path) -> None:
    (folder / "samples.tsv").write_text(SHEET.replace("A0", "X0").replace("B0", "Y0"), encoding="utf-8")
    assert export(folder) == 0
    assert list((folder / "exports/gatingml").iterdir()) == []
