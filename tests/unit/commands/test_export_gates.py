"""The verb `export-gates`: GatingML of every file that was counted, which gives every count again through FlowKit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flowkit as fk
import pytest

from cytotrial.tables import read_table

Counts = dict[str, dict[str, int]]


def counts(trial: Any) -> Counts:
    """File -> population -> events, of what was counted."""
    found: Counts = {}
    for path in trial.work.glob("*/*/populations.tsv"):
        for row in read_table(path):
            if row["n_events"] is not None:
                found.setdefault(str(row["sample_id"]), {})[str(row["population"])] = int(row["n_events"])
    return found


def from_documents(trial: Any, folder: Path) -> Counts:
    """The same by FlowKit, of each document and its FCS file alone; the root aside, which no document has."""
    found: Counts = {}
    for path in folder.iterdir():
        results = fk.parse_gating_xml(str(path)).gate_sample(fk.Sample(trial.fcs(path.stem)))
        names = results.report["gate_name"]
        found[path.stem] = {name: int(results.get_gate_count(name)) for name in names if "." not in name}
    return found


def documents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def exported(counted_trial: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of documents."""
    out = tmp_path_factory.mktemp("exported") / "exports/gatingml"
    assert counted_trial.verb("export-gates", *counted_trial.of_all(), f"--out={out}") == 0
    return out


def test_every_file_that_was_counted_and_every_count_of_it(counted_trial: Any, exported: Path) -> None:
    """With the FCS file alone, through FlowKit alone."""
    expected = {name: {k: n for k, n in own.items() if k != "root"} for name, own in counts(counted_trial).items()}
    found = from_documents(counted_trial, exported)
    for name, own in found.items():
        print(name, own)
    assert found == expected
    assert set(found) == {*counted_trial.names("treg"), *counted_trial.names("nk")} and len(found) == 5
    assert all(len(own) > 7 for own in found.values())


def test_same_bytes_whatever_the_sheets_order(counted_trial: Any, exported: Path, tmp_path: Path) -> None:
    trial = counted_trial.copy_to(tmp_path / "trial")
    trial.write_sheet(reverse=True)
    assert trial.verb("export-gates", *trial.of_all(), f"--out={tmp_path / 'out'}") == 0
    assert documents(tmp_path / "out") == documents(exported)


def test_a_moved_gate_is_in_the_document(counted_trial: Any, tmp_path: Path) -> None:
    """What was used, not what was agreed."""
    trial = counted_trial.copy_to(tmp_path / "trial")
    row = "S001_W0_nk\tcd3\tCD3\tmin\t0.5\tA. Bee\t2026-01-05\tcuts through them\n"
    header = "sample_id\tpopulation\tmarker\tbound\tthreshold\treviewer\tdate\treason\n"
    (tmp_path / "o.tsv").write_text(header + row, encoding="utf-8")
    words = trial.apply_words("nk", "S001", into=trial.work / "nk/S001")
    assert trial.verb("apply-gates", *words, f"--overrides={tmp_path / 'o.tsv'}") == 0
    assert trial.verb("export-gates", *trial.of_all(), f"--out={tmp_path / 'out'}") == 0
    moved = fk.parse_gating_xml(str(tmp_path / "out/S001_W0_nk.xml"))
    assert moved.get_gate("cd3").dimensions[0].min == 0.5
    assert from_documents(trial, tmp_path / "out")["S001_W0_nk"]["cd3"] == counts(trial)["S001_W0_nk"]["cd3"]
    assert counts(trial)["S001_W0_nk"]["cd3"] != counts(counted_trial)["S001_W0_nk"]["cd3"]


def test_a_document_that_cannot_be_written_costs_no_other(
    counted_trial: Any, exported: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its FCS file has gone since it was counted."""
    trial = counted_trial.copy_to(tmp_path / "trial")
    sheet = trial.folder / "samples.tsv"
    text = sheet.read_text(encoding="utf-8").replace(str(trial.fcs("S001_W0_nk")), str(tmp_path / "moved.fcs"))
    sheet.write_text(text, encoding="utf-8")
    assert trial.verb("export-gates", *trial.of_all(), f"--out={tmp_path / 'out'}") == 0
    expected = documents(exported)
    del expected["S001_W0_nk.xml"]
    assert documents(tmp_path / "out") == expected
    assert caplog.messages == ["S001_W0_nk.xml: not written"]


def test_no_gates_at_all_make_an_empty_folder(counted_trial: Any, tmp_path: Path) -> None:
    """Every file failed."""
    trial = counted_trial.copy_to(tmp_path / "trial")
    for path in trial.work.glob("*/*/populations.tsv"):
        header, *rows = path.read_text(encoding="utf-8").splitlines()
        failed = ["\t".join([*row.split("\t")[:2], "NA", "NA", "NA", "file failed: gone"]) for row in rows]
        path.write_text("\n".join([header, *failed, ""]), encoding="utf-8")
    assert trial.verb("export-gates", *trial.of_all(), f"--out={tmp_path / 'out'}") == 0
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("option", ["--markers", "--gating"])
def test_no_panel_is_left_out_without_a_word(
    counted_trial: Any, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = counted_trial.of_all()
    del words[words.index(option) + 1]  # treg's
    assert counted_trial.verb("export-gates", *words, f"--out={tmp_path / 'out'}") == 2
    err = capsys.readouterr().err
    assert f"{option}: found none for treg, expected one for every panel of the files; add PANEL=FILE" in err
