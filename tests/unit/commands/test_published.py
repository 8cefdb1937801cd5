"""`cytotrial published`: the table on the console, the file, and a package without its checkout."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import cytotrial
from cytotrial.cli import main

HEADER = "id\tsource\tendpoint\tvisit\tx_active\tn_active\tx_control\tn_control\tprinted\tnote\n"


def test_bundled_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert main(["published", "--out", str(tmp_path / "new" / "out.tsv")]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert max(map(len, lines)) <= 132
    assert "He 2020, SRI-4, W12: 16/29 v 9/30" in lines
    assert "    printed 0.052: given by linear-by-linear (N-1), Student's t on 0/1, Welch's t on 0/1" in lines
    place = lines.index("He 2020, CR of lupus nephritis, W24: 7/13 v 2/12")
    assert lines[place + 1] == "    printed 0.036: given by none of the tests"
    assert lines[place + 2].startswith("    The choice of test decides: p < 0.05 by likelihood-ratio chi-square")
    (pearson,) = [line for line in lines if line.startswith("Pearson's chi-square ")]
    assert pearson.split()[2:6] == [".0504", ".0267*", ".0148", ".0530"]
    assert "cannot be recomputed: 76.92 % is printed" in text and "printed n.s.: so it is" in text
    assert len((tmp_path / "new" / "out.tsv").read_text().splitlines()) == 1 + 11 * 19
    assert caplog.records == []


def test_own_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "mine.tsv"
    sheet.write_text(f"{HEADER}a\tMine\tX\tW1\t9\t10\t1\t10\tn.s.\t\n", encoding="utf-8")
    assert main(["published", "--sheet", str(sheet)]) == 0
    assert "printed n.s.: NOT by Pearson's chi-square" in capsys.readouterr().out


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["published", "--sheet", str(tmp_path / "gone.tsv")]) == 2
    assert main(["published", "--out", str(tmp_path)]) == 2
    monkeypatch.setattr(cytotrial, "__file__", str(tmp_path / "site-packages" / "cytotrial" / "__init__.py"))
    assert main(["published"]) == 2
    gone, folder, installed = capsys.readouterr().err.strip().splitlines()
    assert gone.startswith(f"ERROR: {tmp_path / 'gone.tsv'}: found no readable table")
    assert folder.startswith(f"ERROR: --out {tmp_path}: found ")
    assert installed.startswith("ERROR: --sheet: found no checkout") and "give --sheet FILE" in installed


def test_help_imports_no_numbers(run_python) -> None:
    program = (
        "import sys\nfrom cytotrial.cli import main\n"
        "try: main(['published', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'scipy', 'pandas', 'statsmodels'} & set(sys.modules)))"
    )
    assert run_python(program).stdout.splitlines()[-1] == "[]"
