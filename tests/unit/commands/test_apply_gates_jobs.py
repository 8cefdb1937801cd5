"""The verb `apply-gates` as the workflow's jobs call it: several subjects, trouble with one file, nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cytotrial.commands import apply_gates
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.gated_file import GatedFile, gate_file
from cytotrial.gating.grids import GateGrid, read_grids
from cytotrial.tables import read_table

TABLES = ("populations.tsv", "gates.tsv", "quality_steps.tsv", "not_placed.tsv", "moved_counts.tsv")


def populations(folder: Path, sample: str) -> list[dict[str, str | None]]:
    """A file's rows."""
    return [row for row in read_table(folder / "populations.tsv") if row["sample_id"] == sample]


def told(grids: list[GateGrid]) -> list[tuple[str, int, int]]:
    """What both ways of gating must agree on to the event."""
    return [(one.population, one.n_parent, one.n_inside) for one in grids]


def test_a_job_has_the_files_of_its_subjects_alone(counted_trial: Any, tmp_path: Path) -> None:
    """Though it is handed tables of all files."""
    trial = counted_trial.copy_to(tmp_path)
    for name in ("intake", "agreed_gates", "not_agreed"):
        header, *rest = (trial.work / f"nk/S001/{name}.tsv").read_text(encoding="utf-8").splitlines()
        rest += (trial.work / f"nk/S002/{name}.tsv").read_text(encoding="utf-8").splitlines()[1:]
        (trial.work / f"nk/S001/{name}.tsv").write_text("\n".join([header, *rest]) + "\n", encoding="utf-8")
    assert trial.verb("apply-gates", *trial.apply_words("nk", "S001", into=tmp_path / "one")) == 0
    assert trial.verb("apply-gates", *trial.apply_words("nk", "S001", "S002", into=tmp_path / "both")) == 0
    for name in TABLES:
        first, second = ((trial.work / "nk" / one / name).read_bytes() for one in ("S001", "S002"))
        assert (tmp_path / "one" / name).read_bytes() == first, name
        own, other = first.splitlines(), second.splitlines()
        assert (tmp_path / "both" / name).read_bytes().splitlines() == [own[0], *sorted(own[1:] + other[1:])], name
    both = {path.name: path.read_bytes() for path in (tmp_path / "both/grids").iterdir()}
    assert both == {path.name: path.read_bytes() for path in trial.work.glob("nk/S00?/grids/*.npz")} and len(both) == 3


def test_subject_without_files_of_the_panel(
    counted_trial: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = counted_trial.apply_words("nk", "S001", "S01", into=tmp_path)
    assert counted_trial.verb("apply-gates", *words) == 2
    assert "subject S01, panel nk: found no row" in (err := capsys.readouterr().err) and "mean 'S001'" in err
    assert list(tmp_path.iterdir()) == []


def test_grids_of_an_earlier_run_do_not_stay(counted_trial: Any, tmp_path: Path) -> None:
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids/gone.npz").write_bytes(b"of a time when the file was there")
    assert counted_trial.verb("apply-gates", *counted_trial.apply_words("nk", "S003", into=tmp_path)) == 0
    assert list((tmp_path / "grids").iterdir()) == []


def test_grids_that_cannot_be_written_cost_no_count(
    counted_trial: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(apply_gates, "write_grids", fail)
    assert counted_trial.verb("apply-gates", *counted_trial.apply_words("nk", "S001", into=tmp_path)) == 0
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (counted_trial.work / "nk/S001" / name).read_bytes(), name
    expected = [f"{name}: no density grids" for name in counted_trial.names("nk", "S001")]
    assert [one for one in caplog.messages if "no density grids" in one] == expected


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_what_the_engine_leaves_is_gated_by_flowkit(
    counted_trial: Any, panel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same tables and counted events, and the log says which file and why; nothing at moved limits."""

    def refuse(*_: Any) -> None:
        raise UncompilableError("an event on the edge of cd3")

    caplog.set_level("INFO")
    monkeypatch.setattr(apply_gates, "gate_file", refuse)
    assert counted_trial.verb("apply-gates", *counted_trial.apply_words(panel, "S001", into=tmp_path)) == 0
    before = counted_trial.work / panel / "S001"
    for name in set(TABLES) - {"moved_counts.tsv"}:
        assert (tmp_path / name).read_bytes() == (before / name).read_bytes(), name
    assert len(read_table(before / "moved_counts.tsv")) > 20 and read_table(tmp_path / "moved_counts.tsv") == []
    for name in counted_trial.names(panel, "S001"):
        assert f"{name}: gated by FlowKit: an event on the edge of cd3" in caplog.messages
        engine, flowkit = (read_grids(folder / f"grids/{name}.npz") for folder in (before, tmp_path))
        assert told(engine) == told(flowkit) != []


def test_a_file_that_meets_a_mistake_of_ours_costs_no_other(
    counted_trial: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    def fail_once(*given: Any) -> GatedFile:
        seen.append(given)
        if len(seen) == 1:
            raise ZeroDivisionError("in a gate")
        return gate_file(*given)

    monkeypatch.setattr(apply_gates, "gate_file", fail_once)
    first, second = counted_trial.names("nk", "S001")
    assert counted_trial.verb("apply-gates", *counted_trial.apply_words("nk", "S001", into=tmp_path)) == 0
    failed = populations(tmp_path, first)
    reason = "unexpected ZeroDivisionError (in a gate); please report it with the log"
    assert {row["reason"] for row in failed} == {reason} and {row["n_events"] for row in failed} == {None}
    assert populations(tmp_path, second) == populations(counted_trial.work / "nk/S001", second)
    assert {path.stem for path in (tmp_path / "grids").iterdir()} == {second}
    assert f"{first}: failed" in caplog.messages


def test_a_file_that_went_since_it_was_placed(counted_trial: Any, tmp_path: Path) -> None:
    trial = counted_trial.copy_to(tmp_path / "trial")
    sheet = trial.folder / "samples.tsv"
    path = str(trial.fcs("S001_W10_nk"))
    sheet.write_text(sheet.read_text(encoding="utf-8").replace(path, str(tmp_path / "moved.fcs")), encoding="utf-8")
    assert trial.verb("apply-gates", *trial.apply_words("nk", "S001", into=tmp_path / "out")) == 0
    (reason,) = {row["reason"] for row in populations(tmp_path / "out", "S001_W10_nk")}
    assert f"no such file: {tmp_path / 'moved.fcs'}" in str(reason)
    before = populations(counted_trial.work / "nk/S001", "S001_W0_nk")
    assert populations(tmp_path / "out", "S001_W0_nk") == before


def test_no_flowkit_is_imported_where_the_engine_counts(
    counted_trial: Any, tmp_path: Path, run_python: Callable
) -> None:
    """It takes 1.7 s, which a job of three files would feel."""
    words = counted_trial.apply_words("treg", "S001", into=tmp_path)
    words = ["apply-gates", f"--samples={counted_trial.folder / 'samples.tsv'}", *words]
    heavy = "{'flowkit', 'pandas', 'matplotlib', 'scipy.stats', 'bokeh', 'fcsparser'}"
    done = run_python(
        f"import sys\nfrom cytotrial.cli import main\nassert main({words!r}) == 0\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
    made = (tmp_path / "populations.tsv").read_bytes()
    assert made == (counted_trial.work / "treg/S001/populations.tsv").read_bytes()
