"""`cytotrial plan`: files, console, the same bytes again, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytotrial.cli import main
from cytotrial.planning.power import PLAN
from cytotrial.tables import read_table

SMALL = ("--patients", "8,20", "--events", "20000,5000", "--trials", "40")


def test_table_picture_and_assumptions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "plan"
    assert main(["plan", "--out", str(out), *SMALL]) == 0
    text = capsys.readouterr().out
    assert "ASSUMED" in text and "PATIENTS PER ARM" in text and "  W12, 20 000 events per tube" in text
    rows = read_table(out / "plan.tsv", PLAN)
    assert len(rows) == 5 * 2 * 3 * 2 * 2
    assert {row["visit"] for row in rows} == {"W10", "W12"} and {row["events"] for row in rows} == {"5000", "20000"}
    assert (out / "plan.svg").read_text(encoding="utf-8").count("<svg") == 1
    assert sorted(path.name for path in out.iterdir()) == ["assumptions.yaml", "plan.svg", "plan.tsv"]

    again = tmp_path / "again"
    line = ["plan", "--out", str(again), *SMALL, "--assumptions", str(out / "assumptions.yaml")]
    assert main(line) == 0  # its own assumptions: the same plan
    for name in ("plan.tsv", "plan.svg"):
        assert (again / name).read_bytes() == (out / name).read_bytes(), name
    assert main([*line, "--seed", "2"]) == 0
    assert (again / "plan.tsv").read_bytes() != (out / "plan.tsv").read_bytes()


def test_own_assumptions_other_trial_and_visits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("subsets: {cd4: {effect_logit: 0.9}, nk: {effect_logit: 0}}\n", encoding="utf-8")
    line = ["plan", "--out", str(tmp_path / "o"), *SMALL, "--trial", "lupil2", "--assumptions", str(mine)]
    assert main([*line, "--visits", "W12,W4"]) == 0
    rows = read_table(tmp_path / "o" / "plan.tsv")
    assert {row["visit"] for row in rows} == {"W4", "W12"}
    notes = {row["subset"]: row["note"] or "" for row in rows if row["events"] == "20000"}
    assert notes["nk"].startswith("no effect assumed") and not notes["cd4"].startswith("no effect assumed")
    assert "mine.yaml" in capsys.readouterr().out


def test_every_mistake_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("alpa: 0.01\n", encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    line = ["plan", "--out", str(tmp_path / "file" / "x"), "--patients", "8,one", "--events", "5", "--trials", "0"]
    assert main([*line, "--seed", "-1", "--assumptions", str(mine)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 6 and all(one.startswith("ERROR: ") and ", expected " in one for one in said)
    for words in ("--patients: found 'one'", "--events: found '5'", "--trials: found '0'", "--seed: found '-1'"):
        assert any(words in one for one in said), words
    assert any("(did you mean 'alpha'?)" in one for one in said) and any("found a file" in one for one in said)
    assert not (tmp_path / "plan.tsv").exists()


def test_unknown_visits_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--out", str(tmp_path), "--visits", "W0,w12"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert "ERROR: --visits: found 'W0'" in said[0] and "found 'w12' (did you mean 'W12'?)" in said[1]
    assert main(["plan", "--out", str(tmp_path), "--assumptions", str(tmp_path / "gone.yaml")]) == 2
    assert "no readable file" in capsys.readouterr().err


def test_unwritable_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.svg").mkdir()
    assert main(["plan", "--out", str(tmp_path), *SMALL, "--visits", "W10"]) == 2
    assert "expected a folder that can be written" in capsys.readouterr().err


def test_help_imports_no_statistics(run_python) -> None:
    program = (
        "import sys\nfrom cytotrial.cli import main\n"
        "try: main(['plan', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'scipy', 'pandas', 'statsmodels', 'matplotlib'} & set(sys.modules)))"
    )
    assert run_python(program).stdout.splitlines()[-1] == "[]"
