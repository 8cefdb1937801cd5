"""The verb `place-gates`: two tables for one subject and panel, a bad file beside good ones, and no sight of an arm."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cytotrial.cli import main
from cytotrial.columns import INTAKE, LANDMARKS
from cytotrial.commands import place_gates
from cytotrial.cytometry.second_reader import ComparedReaders
from cytotrial.errors import CytotrialError
from cytotrial.study.samples import Sample
from cytotrial.tables import read_table

CHECKOUT = Path(__file__).resolve().parents[3]
DEMO = CHECKOUT / "resources/demo/fcs"
HEADER = "sample_id\tfcs\tsubject_id\tvisit\tpanel\tbatch\n"


def sheet(folder: Path, rows: Sequence[tuple[str, Path, str, str, str]]) -> Path:
    """samples.tsv: sample_id, file, subject, visit, panel; one batch."""
    lines = ["\t".join([*map(str, row), "lot 7"]) for row in rows]
    path = folder / "samples.tsv"
    path.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def place(
    samples: Path,
    out: Path,
    *,
    panel: str = "nk",
    subject: str = "S001",
    markers: Path | None = None,
) -> int:
    """Run the verb; its tables go to `out`."""
    config = CHECKOUT / "config"
    options = {
        "samples": samples,
        "subjects": subject,
        "panel": panel,
        "markers": markers or config / f"panels/{panel}.yaml",
        "gating": config / f"gating/{panel}.yaml",
        "landmarks": out / "landmarks.tsv",
        "intake": out / "intake.tsv",
    }
    return main(["place-gates", *(word for key, value in options.items() for word in (f"--{key}", str(value)))])


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good files, one cut short, one that is not there; another panel's and another subject's rows lead nowhere."""
    folder = tmp_path_factory.mktemp("placed")
    whole = (DEMO / "S001_W2_nk.fcs").read_bytes()
    (folder / "cut.fcs").write_bytes(whole[: len(whole) // 2])
    rows = [
        ("late", DEMO / "S001_W10_nk.fcs", "S001", "W10", "nk"),
        ("cut", folder / "cut.fcs", "S001", "W2", "nk"),
        ("gone", folder / "gone.fcs", "S001", "W12", "nk"),
        ("early", DEMO / "S001_W0_nk.fcs", "S001", "W0", "nk"),
        ("other_panel", folder / "nowhere.fcs", "S001", "W0", "treg"),
        ("other_subject", folder / "nowhere.fcs", "S0011", "W0", "nk"),
    ]
    assert place(sheet(folder, rows), folder) == 0
    return folder


def test_intake_has_every_file_of_the_subject_and_panel(placed: Path) -> None:
    rows = read_table(placed / "intake.tsv")
    assert tuple(rows[0]) == INTAKE.columns
    assert [(row["sample_id"], row["readable"]) for row in rows] == [
        ("cut", "N"),
        ("early", "Y"),
        ("gone", "N"),
        ("late", "Y"),
    ]


def test_good_files_intake(placed: Path) -> None:
    early = next(row for row in read_table(placed / "intake.tsv") if row["sample_id"] == "early")
    content = (DEMO / "S001_W0_nk.fcs").read_bytes()
    assert early["fcs_sha256"] == hashlib.sha256(content).hexdigest()
    assert early["n_events"] == re.search(rb"\$TOT.\s*(\d+)", content)[1].decode()
    assert early["fcs_version"] == content[:6].decode()
    assert (early["spillover"], early["reasons"]) == ("SPILL", None)


def test_bad_files_intake_says_why_and_nothing_else(placed: Path) -> None:
    rows = {row["sample_id"]: row for row in read_table(placed / "intake.tsv")}
    for name in ("cut", "gone"):
        print(name, rows[name]["reasons"])
        measured = ("n_events", "fcs_sha256", "fcs_version", "instrument", "acquired", "spillover")
        assert [rows[name][column] for column in measured] == [None] * 6
    assert "no such file" in rows["gone"]["reasons"]
    assert re.search(r"events|cut short|data segment|cannot read", rows["cut"]["reasons"])


def test_landmarks_of_good_files_only(placed: Path) -> None:
    rows = read_table(placed / "landmarks.tsv")
    assert tuple(rows[0]) == LANDMARKS.columns
    assert {row["sample_id"] for row in rows} == {"early", "late"}
    keys = [tuple(row[column] or "NA" for column in LANDMARKS.key) for row in rows]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert {(row["panel"], row["subject_id"], row["batch"]) for row in rows} == {("nk", "S001", "lot 7")}
    populations = {row["population"] for row in rows if row["sample_id"] == "early"}
    assert populations == {
        "in_range",
        "steady_time",
        "singlets",
        "live",
        "without_monocytes",
        "lymphocytes",
        "cd3",
        "cd3_negative",
        "nk",
        "cd56bright_nk",
    }


def test_what_a_landmark_says(placed: Path) -> None:
    rows = {row["population"]: row for row in read_table(placed / "landmarks.tsv") if row["sample_id"] == "early"}
    cd3, scatter = rows["cd3"], rows["lymphocytes"]
    assert (cd3["marker"], cd3["bound"], cd3["outcome"], cd3["method"]) == ("CD3", "min", "found", "valley")
    axis = [cd3[column] for column in ("channel", "scale", "top", "w", "m", "a")]
    assert axis == ["APC-Cy7-A", "logicle", "262144.0", "1.0", "4.5", "0.0"]
    assert 300 < float(cd3["threshold_linear"]) < 5000  # between the simulated peaks, near 0 and above 10^4
    assert cd3["coordinates"] is None
    assert cd3["threshold_linear"] == rows["cd3_negative"]["threshold_linear"]
    assert (scatter["marker"], scatter["bound"], scatter["channel"]) == ("FSC-A:SSC-A", "shape", "FSC-A:SSC-A")
    assert scatter["threshold_linear"] is None
    assert all(len(point) == 2 for point in json.loads(scatter["coordinates"]))
    assert 0 < int(cd3["n_parent"]) < int(scatter["n_parent"]) < 11600


def test_bad_files_change_nothing_for_good_ones(placed: Path, tmp_path: Path) -> None:
    """The one good file alone, byte by byte."""
    assert place(sheet(tmp_path, [("early", DEMO / "S001_W0_nk.fcs", "S001", "W0", "nk")]), tmp_path) == 0
    alone = (tmp_path / "landmarks.tsv").read_text(encoding="utf-8").splitlines()
    beside = (placed / "landmarks.tsv").read_text(encoding="utf-8").splitlines()
    assert alone == [line for line in beside if not line.startswith("late\t")]


def test_same_input_same_bytes_whatever_the_order_of_rows(placed: Path, tmp_path: Path) -> None:
    header, *rows = (placed / "samples.tsv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "samples.tsv").write_text("\n".join([header, *reversed(rows)]) + "\n", encoding="utf-8")
    assert place(tmp_path / "samples.tsv", tmp_path) == 0
    for name in ("landmarks.tsv", "intake.tsv"):
        assert (tmp_path / name).read_bytes() == (placed / name).read_bytes()


def test_all_files_bad_is_no_mistake_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "text.fcs").write_text("no cells here", encoding="utf-8")
    assert place(sheet(tmp_path, [("a", tmp_path / "text.fcs", "S001", "W0", "nk")]), tmp_path) == 0
    assert read_table(tmp_path / "landmarks.tsv", LANDMARKS) == []
    (row,) = read_table(tmp_path / "intake.tsv", INTAKE)
    assert row["readable"] == "N"
    assert "not an FCS file" in row["reasons"]


def test_file_of_another_panel_is_read_but_not_gated(tmp_path: Path) -> None:
    """Its events are known, its CD56 is not: the reason names the marker."""
    assert place(sheet(tmp_path, [("a", DEMO / "S001_W0_treg.fcs", "S001", "W0", "nk")]), tmp_path) == 0
    (row,) = read_table(tmp_path / "intake.tsv", INTAKE)
    print(row["reasons"])
    assert (row["readable"], row["n_events"]) == ("N", "7220")
    assert "CD56" in row["reasons"]
    assert read_table(tmp_path / "landmarks.tsv") == []


def test_channel_that_the_panel_lacks_is_not_done(tmp_path: Path) -> None:
    markers = tmp_path / "nk.yaml"
    lines = (CHECKOUT / "config/panels/nk.yaml").read_text(encoding="utf-8").splitlines()
    markers.write_text("\n".join(line for line in lines if "viability" not in line), encoding="utf-8")
    samples = sheet(tmp_path, [("a", DEMO / "S001_W0_nk.fcs", "S001", "W0", "nk")])
    assert place(samples, tmp_path, markers=markers) == 0
    live = [row for row in read_table(tmp_path / "landmarks.tsv") if row["population"] == "live"]
    assert [(row["outcome"], row["reason"], row["marker"]) for row in live] == [
        ("not_done", "no viability channel", "viability")
    ]
    assert [live[0][column] for column in ("bound", "threshold_linear", "coordinates", "channel", "top")] == [None] * 5


# What the second reader said.


def test_file_that_the_readers_disagree_on_is_read_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    read, compare = place_gates.read_fcs, place_gates.compare_readers
    reason = "the two readers (FlowIO and fcsparser) disagree on events (7220 and 7221), ranges (PE-A: 1 and 2)"

    def differ(path: Path) -> ComparedReaders:
        return ComparedReaders(False, reason) if "W0" in path.name else compare(path)

    monkeypatch.setattr(place_gates, "read_fcs", lambda path, **more: opened.append(path.name) or read(path, **more))
    monkeypatch.setattr(place_gates, "compare_readers", differ)
    rows = [(name, DEMO / f"S001_{name}_nk.fcs", "S001", name, "nk") for name in ("W0", "W2")]
    assert place(sheet(tmp_path, rows), tmp_path) == 0
    assert opened == ["S001_W2_nk.fcs"]
    bad, good = read_table(tmp_path / "intake.tsv", INTAKE)
    assert (bad["readable"], bad["reasons"], bad["n_events"], bad["fcs_sha256"]) == ("N", reason, None, None)
    assert (good["readable"], good["reasons"]) == ("Y", None)
    assert {row["sample_id"] for row in read_table(tmp_path / "landmarks.tsv")} == {"W2"}


def test_flag_of_the_comparison_is_a_flag_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = "the second reader (fcsparser) cannot read the header: nothing but zeros"
    monkeypatch.setattr(place_gates, "compare_readers", lambda _: ComparedReaders(True, flags=(flag,)))
    samples = sheet(tmp_path, [("a", DEMO / "S001_W0_nk.fcs", "S001", "W0", "nk")])
    assert place(samples, tmp_path) == 0
    (row,) = read_table(tmp_path / "intake.tsv", INTAKE)
    assert (row["readable"], row["reasons"]) == ("Y", flag)


def test_neither_pandas_nor_flowkit_is_imported(tmp_path: Path, run_python: Callable) -> None:
    """Once per subject and panel their import would cost more than all the placing."""
    samples = sheet(tmp_path, [("a", DEMO / "S001_W0_nk.fcs", "S001", "W0", "nk")])
    assert place(samples, tmp_path) == 0
    config = CHECKOUT / "config"
    words = ["place-gates", f"--samples={samples}", "--subjects=S001", "--panel=nk"]
    words += [f"--markers={config / 'panels/nk.yaml'}", f"--gating={config / 'gating/nk.yaml'}"]
    words += [f"--{name}={tmp_path / name}.tsv" for name in ("landmarks", "intake")]
    program = (
        f"import sys\nfrom cytotrial.cli import main\nassert main({words!r}) == 0\n"
        "print(sorted({'pandas', 'flowkit'} & set(sys.modules)))"
    )
    done = run_python(program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("subject", "panel", "hint"), [("S0O1", "nk", "'S001'"), ("S001", "treg", "no row")])
def test_no_file_asked_for(
    placed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], subject: str, panel: str, hint: str
) -> None:
    samples = sheet(tmp_path, [("a", DEMO / "S001_W0_nk.fcs", "S001", "W0", "nk")])
    assert place(samples, tmp_path, subject=subject, panel=panel) == 2
    told = capsys.readouterr().err
    assert f"samples.tsv, subject {subject}, panel {panel}: found no row, expected" in told
    assert hint in told
    assert not (tmp_path / "intake.tsv").exists()


def test_wrong_strategy_stops_before_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("populations: [{id: cd3, parent: rot, method: valey}]\n", encoding="utf-8")
    parser = argparse.ArgumentParser()
    place_gates.add_arguments(parser)
    words = ["--samples", str(tmp_path / "none.tsv"), "--subjects", "S001", "--panel", "nk"]
    words += ["--markers", str(CHECKOUT / "config/panels/nk.yaml"), "--gating", str(tmp_path / "bad.yaml")]
    words += ["--landmarks", str(tmp_path / "l.tsv"), "--intake", str(tmp_path / "i.tsv")]
    with pytest.raises(CytotrialError, match="valley"):
        place_gates.run(parser.parse_args(words))


@pytest.mark.parametrize("verb", ["place_gates", "agree_gates", "apply_gates", "draw_gates"])
def test_no_verb_of_gating_can_be_told_of_an_arm(verb: str) -> None:
    """No option names the subjects sheet, the configuration (which names the arms) or the outcomes."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"cytotrial.commands.{verb}").add_arguments(parser)
    # No way to a file: --subjects takes ids, --subjects-per-job a number.
    harmless = {action for action in parser._actions if action.dest in ("subjects", "subjects_per_job")}
    assert Path not in {action.type for action in harmless}
    files = [action for action in parser._actions if action not in harmless]
    words = {word for action in files for option in action.option_strings for word in option.strip("-").split("-")}
    assert words & {"gating", "gates"}
    assert not words & {"subjects", "config", "arms", "arm", "outcomes", "trial", "sheets"}


def test_a_mistake_of_ours_fails_the_file_and_not_the_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever a file does to a gate method, the subject's other files are finished."""
    sample = Sample("s", "resources/demo/fcs/none.fcs", "S", "W0", "nk", None, None, None, None, 2)

    def broken(path: Path, **_: object) -> None:
        raise ZeroDivisionError("in a method")

    monkeypatch.setattr(place_gates, "compare_readers", broken)
    row, found = place_gates._place(sample, None, None)
    assert found == [] and row["readable"] is False
    assert row["reasons"] == "unexpected ZeroDivisionError (in a method); please report it with the log"
