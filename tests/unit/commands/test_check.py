"""The check verb: panels and strategies held against readouts, exit status, lightness."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cytotrial.cli import main
from cytotrial.commands.check import check_everything

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """The bundled configuration with two subjects of its own and empty FCS files: none may be opened."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    _edit(tmp_path / "config" / "config.yaml", "resources/demo/", "config/", times=2)
    rows = ["sample_id\tfcs\tsubject_id\tvisit\tpanel\n"]
    for subject in ("S1", "S2"):
        for visit in ("W0", "W2", "W10", "W12"):
            for panel in ("treg", "nk"):
                name = f"{subject}_{visit}_{panel}"
                (tmp_path / f"{name}.fcs").touch()
                rows.append(f"{name}\t{name}.fcs\t{subject}\t{visit}\t{panel}\n")
    (tmp_path / "config" / "samples.tsv").write_text("".join(rows), encoding="utf-8")
    (tmp_path / "config" / "subjects.tsv").write_text(
        "subject_id\tarm\tmitt\titt\tpp\nS1\tIL2\tY\tY\tY\nS2\tPBO\tY\tY\tN\n", encoding="utf-8"
    )
    return tmp_path


def _edit(path: Path, old: str, new: str, *, times: int = 1) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"the test's own mistake: {old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, times), encoding="utf-8")


def _check(trial: Path) -> int:
    return main(["check", "--config", str(trial / "config" / "config.yaml"), "--root", str(trial)])


def test_a_trial_without_mistakes(trial: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert _check(trial) == 0
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "2 subjects, 16 samples, 2 panels, 4 visits" in caplog.text


# file, old text, new text, what the one problem must say
MISTAKES = {
    "population": (
        "config.yaml",
        "population: treg",
        "population: tregs",
        "config.yaml, readouts, treg, population: found 'tregs' (did you mean 'treg'?), expected a pop",
    ),
    "denominator": (
        "config.yaml",
        "denominators: [nk, lymphocytes]",
        "denominators: [nk, cd4]",
        "config.yaml, readouts, cd56bright_nk, denominators: found 'cd4'",
    ),
    "denominator beside it": (
        "config.yaml",
        "denominators: [nk, lymphocytes]",
        "denominators: [nk, cd3]",
        "config.yaml, readouts, cd56bright_nk, denominators: found 'cd3', which does not hold cd56bright_nk",
    ),
    "marker not mapped": ("panels/treg.yaml", "CD127:", "CD12:", "treg.yaml, markers: found no CD127"),
    "matrix": (
        "panels/nk.yaml",
        "compensation: fcs",
        "compensation: m.csv",
        "nk.yaml, compensation: found no file 'm.csv'",
    ),
    "panel key": (
        "panels/nk.yaml",
        "scatter:",
        "scater:",
        "nk.yaml: found the unknown key 'scater' (did you mean 'scatter'?)",
    ),
    "panel syntax": ("panels/nk.yaml", "scatter: {", "scatter: {{", "nk.yaml, line "),
    "strategy": (
        "gating/treg.yaml",
        "method: valley",
        "method: valey",
        "gating/treg.yaml, populations, entry ",
    ),
    "limit of nothing": (
        "config.yaml",
        "analysis_sets:",
        "quality: {min_denominator: {lymphocites: 5000}}\nanalysis_sets:",
        "quality, min_denominator, lymphocites: found 'lymphocites' (did you mean 'lymphocytes'?)",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_stops_with_its_sentence(trial: Path, mistake: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, old, new, said = MISTAKES[mistake]
    _edit(trial / "config" / name, old, new)
    assert _check(trial) == 2
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith("ERROR: ")]
    assert said in errors[0], errors
    assert not any("Traceback" in line for line in lines)
    if mistake != "strategy":  # the populations below the broken one have lost their parent
        assert len(errors) == 1, errors


OVERRIDES = "sample_id\tpool\tpanel\tpopulation\tmarker\tbound\tthreshold\tthreshold_linear\treviewer\tdate\treason\n"
# row -> what the one problem must say; GOOD is none
GOOD = "S1_W0_treg\t\t\tcd3\tCD3\tmin\t0.4\t\tAB\t2026-01-05\ttoo low\n"
MOVES = {
    "no reason": (
        GOOD.replace("too low", ""),
        "row 3: found no reason, expected reason: why the gate was moved; add it",
    ),
    "sample": (GOOD.replace("S1_W0_treg", "S9_W0_treg"), "row 3, sample_id: found 'S9_W0_treg'"),
    "population": (GOOD.replace("cd3", "nk"), "row 3, population: found 'nk'"),
    "bound": (
        GOOD.replace("min", "max"),
        "row 3: found max of CD3, expected a bound of the gate cd3 in config/gating/treg",
    ),
    "linear": (GOOD.replace("0.4", "900"), "row 3, threshold: found 900, expected a value on the logicle scale"),
    "opposite": (
        GOOD.replace("S1_W0_treg", "S1_W0_nk").replace("cd3", "cd3_negative").replace("min", "max"),
        "row 3, population: found cd3_negative, the other side of cd3, expected a gate that can be moved; move cd3",
    ),
    "pool": (
        "\tsubject S9\ttreg\tcd3\tCD3\tmin\t\t900\tAB\t2026-01-05\ttoo low\n",
        "row 3, pool: found 'subject S9'",
    ),
    "pool's population": (
        "\ttrial\tnk\tcd4\tCD4\tmin\t\t900\tAB\t2026-01-05\ttoo low\n",
        "row 3, population: found 'cd4' (did you mean 'cd3'?), expected a population of config/gating/nk.yaml",
    ),
}


def _move(trial: Path, *rows: str) -> None:
    _edit(trial / "config" / "config.yaml", "sheets: {", "sheets: {overrides: config/overrides.tsv, ")
    (trial / "config" / "overrides.tsv").write_text(OVERRIDES + GOOD + "".join(rows), encoding="utf-8")


def test_a_gate_moved_by_hand(trial: Path) -> None:
    _move(trial)
    checked = check_everything(trial / "config" / "config.yaml", trial)
    assert checked.problems == () and len(checked.overrides) == 1


@pytest.mark.parametrize("mistake", MOVES)
def test_a_move_that_cannot_be_made(trial: Path, mistake: str) -> None:
    row, said = MOVES[mistake]
    _move(trial, row)
    (sentence,) = check_everything(trial / "config" / "config.yaml", trial).problems
    assert f"overrides.tsv, {said}" in sentence, sentence


def test_all_moves_are_judged_at_once(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _move(trial, *(row for row, _ in MOVES.values()))
    assert _check(trial) == 2
    assert capsys.readouterr().err.count("ERROR: ") == len(MOVES)


@pytest.mark.parametrize("line", ["  viability:", "time:", "scatter:"])
def test_what_a_panel_may_lack(trial: Path, line: str) -> None:
    path = trial / "config" / "panels" / "treg.yaml"
    kept = [text for text in path.read_text(encoding="utf-8").splitlines() if not text.startswith(line)]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    assert _check(trial) == 0


def test_mistakes_of_every_kind_at_once(trial: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _edit(trial / "config" / "config.yaml", "role: control", "role: contrl")
    _edit(trial / "config" / "config.yaml", "population: treg", "population: tregs")
    _edit(trial / "config" / "panels" / "treg.yaml", "CD127:", "CD12:")
    _edit(trial / "config" / "samples.tsv", "S2\tW12\tnk", "S2\tW13\tnk")
    _edit(trial / "config" / "subjects.tsv", "S2\tPBO", "S2\tPBX")
    assert _check(trial) == 2
    errors = capsys.readouterr().err
    print(errors)
    assert errors.count("ERROR: ") == 5


def test_doubts_are_logged_and_the_run_goes_on(trial: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    (trial / "S1_W0_nk.fcs").unlink()
    assert _check(trial) == 0
    assert [record.levelname for record in caplog.records if "S1_W0_nk" in record.getMessage()] == ["WARNING"]


def test_a_missing_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(tmp_path / "config.yaml")]) == 2
    assert "config.yaml: found no readable file (No such file or directory)" in capsys.readouterr().err


def test_a_gating_file_that_is_bytes(trial: Path) -> None:
    (trial / "config" / "gating" / "treg.yaml").write_bytes(b"\xff\xfe\x00")
    assert any("treg.yaml" in text for text in check_everything(trial / "config" / "config.yaml", trial).problems)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import cytotrial.commands.check;"
        "print(f'{time.perf_counter() - start:.3f}');"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, names = answer.stdout.splitlines()
    print(f"cytotrial.commands.check is imported in {seconds} s")
    heavy = {"numpy", "pandas", "flowkit", "flowio", "scipy", "matplotlib", "bokeh", "jsonschema"}
    assert not heavy & set(names.split())


def test_checking_a_trial_imports_nothing_heavy_either(trial: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cytotrial.commands.check import check_everything;"
        "checked = check_everything(Path('config/config.yaml'), Path()); assert not checked.problems;"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=trial)
    assert not {"numpy", "pandas", "flowkit", "flowio", "scipy", "matplotlib"} & set(answer.stdout.split())


@pytest.mark.parametrize(
    ("condition", "is_told"), [("FMO-CD56", False), ("fmo cd56", False), ("FMO minus CD56", True), ("FMO-CD16", True)]
)
def test_an_fmo_tube_of_which_nothing_is_taken_is_told(trial: Path, condition: str, is_told: bool) -> None:
    sheet = trial / "config" / "samples.tsv"
    header, *rows = sheet.read_text(encoding="utf-8").splitlines()
    rows = [row + "\t" for row in rows] + [f"FMO\tfmo.fcs\tS1\tW0\tnk\t{condition}"]
    sheet.write_text("\n".join([header + "\tcondition", *rows]) + "\n", encoding="utf-8")
    (trial / "fmo.fcs").touch()
    checked = check_everything(trial / "config" / "config.yaml", trial)
    told = [line for line in checked.warnings if "panel nk, condition" in line]
    assert checked.problems == ()
    assert [f"found {condition!r}, expected FMO-CD56" in line for line in told] == ([True] if is_told else [])
