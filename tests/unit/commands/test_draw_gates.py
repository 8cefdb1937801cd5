"""The verb `draw-gates`: a picture per gated file from its grids, the same bytes each time; one failure costs one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from cytotrial.cli import main
from cytotrial.columns import GATES
from cytotrial.cytometry.axis import Axis
from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.gating.grids import GridCounter, GridPlan, write_grids
from cytotrial.tables import write_table

CD56 = Axis("CD56", "PE-Cy7-A", 0, 262144.0, "logicle", 1.0, 4.5)
SSC = Axis("SSC-A", "SSC-A", 1, 262144.0)
SHEET = [("one", "S001", "nk"), ("two", "S001", "nk"), ("three", "S002", "nk"), ("other", "S001", "treg")]


def grids_of(n: int, population: str = "nk") -> list[Any]:
    """One gate's: `n` events in a bin, a quarter of them inside."""
    counter = GridCounter(GridPlan(population, CD56, SSC, (0.0, 1.0), (0.0, 267_000.0)))
    place = np.full(n, 50, dtype=np.uint8)
    counter.add(place, place, np.arange(n) % 4 == 0)
    return [counter.grid()]


def ledger(path: Path, samples: Sequence[str], threshold: float = 1000.0) -> None:
    row = dict.fromkeys(GATES.columns) | {"population": "nk", "marker": "CD56", "bound": "min", "source": "found"}
    rows = [{**row, "sample_id": name, "threshold_linear": threshold} for name in samples]
    write_table(path, GATES, rows)


class Trial:
    """What apply-gates left of four files of two subjects and two panels."""

    def __init__(self, root: Path) -> None:
        self.root, self.interim, self.out = root, root / "interim", root / "pictures/nk"
        rows = [f"{name}\t{name}.fcs\t{subject}\tW0\t{panel}\t{name}\n" for name, subject, panel in SHEET]
        header = "sample_id\tfcs\tsubject_id\tvisit\tpanel\treplicate\n"
        (root / "samples.tsv").write_text(header + "".join(rows), encoding="utf-8")
        for n, (name, subject, panel) in enumerate(SHEET, start=1):
            write_grids(self.grids(name, subject, panel), grids_of(1000 * n))
        ledger(self.interim / "nk/S001/gates.tsv", ["one", "two"])
        ledger(self.interim / "nk/S002/gates.tsv", ["three"])

    def grids(self, name: str, subject: str = "S001", panel: str = "nk") -> Path:
        return self.interim / panel / subject / "grids" / f"{name}.npz"

    def draw(self, *words: str, **changes: Path | str) -> int:
        """The verb."""
        options = {"samples": self.root / "samples.tsv", "panel": "nk", "grids": self.interim, "gates": self.interim}
        options |= {"out": self.out} | changes
        return main(["draw-gates", *[f"--{key}={value}" for key, value in options.items()], *words])

    def pictures(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())

    def text(self, name: str) -> str:
        """All that a picture says."""
        return " ".join(ElementTree.parse(self.out / f"{name}.svg").getroot().itertext())


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_one_picture_per_file_of_the_panel_from_its_own_grids(trial: Trial) -> None:
    """The other panel has no ledger yet: its job may still run."""
    assert trial.draw() == 0
    assert trial.pictures() == ["one.svg", "three.svg", "two.svg"]
    for name, n in (("one", "1,000"), ("two", "2,000"), ("three", "3,000")):
        assert f"25.0 % of {n}" in trial.text(name)
        assert f"Gates of {name}" in trial.text(name)
    assert SYNTHETIC_MARK not in trial.text("one")


def test_gates_are_each_files_own(trial: Trial) -> None:
    """A threshold moved in one subject's ledger moves the line in that subject's pictures alone."""
    assert trial.draw() == 0
    before = {name: (trial.out / name).read_bytes() for name in trial.pictures()}
    ledger(trial.interim / "nk/S002/gates.tsv", ["three"], threshold=9000.0)
    assert trial.draw() == 0
    assert [name for name in trial.pictures() if (trial.out / name).read_bytes() != before[name]] == ["three.svg"]


def test_same_input_same_bytes(trial: Trial, tmp_path: Path) -> None:
    assert trial.draw("--synthetic") == 0
    assert trial.draw("--synthetic", out=tmp_path / "again") == 0
    for name in trial.pictures():
        assert (tmp_path / "again" / name).read_bytes() == (trial.out / name).read_bytes()


def test_mark_of_simulated_data(trial: Trial) -> None:
    assert trial.draw("--synthetic") == 0
    assert all(SYNTHETIC_MARK in trial.text(name) for name in ("one", "two", "three"))


def test_tables_by_name(trial: Trial) -> None:
    whole, table = trial.interim, trial.interim / "nk/S001/gates.tsv"
    assert trial.draw() == 0
    before = (trial.out / "one.svg").read_bytes()
    words = [f"--samples={trial.root / 'samples.tsv'}", "--panel=nk", f"--grids={whole}", f"--out={trial.out}"]
    tables = [str(table), str(whole / "nk/S002/gates.tsv")]
    assert main(["draw-gates", *words, "--gates", *tables]) == 0
    assert (trial.out / "one.svg").read_bytes() == before


def test_file_that_was_not_gated_has_no_picture_and_no_old_one(trial: Trial) -> None:
    assert trial.draw() == 0
    trial.grids("one").unlink()
    assert trial.draw() == 0
    assert trial.pictures() == ["three.svg", "two.svg"]


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_picture_that_cannot_be_drawn_costs_no_other(
    trial: Trial, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Broken grids, or grids that meet a ledger which makes no sense."""
    if content is None:
        table = trial.interim / "nk/S001/gates.tsv"
        ledger(table, ["two"])
        row = dict.fromkeys(GATES.columns) | {
            "sample_id": "one",
            "population": "nk",
            "marker": "CD56",
            "bound": "shape",
        }
        write_table(table, GATES, [{**row, "source": "found", "coordinates": "[[1, 2"}])
    else:
        trial.grids("one").write_bytes(content)
    assert trial.draw() == 0
    assert trial.pictures() == ["three.svg", "two.svg"]
    (record,) = (one for one in caplog.records if one.levelname == "ERROR")
    assert record.getMessage().startswith("one: not drawn")
    assert (record.exc_info is None) is (content is not None)  # a traceback only of what nobody thought of


def test_file_without_any_gate_has_its_picture(trial: Trial) -> None:
    """Read, and nothing could be placed: the report has a picture to show, however empty."""
    write_grids(trial.grids("one"), [])
    assert trial.draw() == 0
    assert "no gate" in trial.text("one")


def test_folder_is_made_where_nothing_was_gated(trial: Trial) -> None:
    """The workflow waits for it."""
    for name, subject, panel in SHEET:
        trial.grids(name, subject, panel).unlink()
    assert trial.draw() == 0
    assert trial.pictures() == []


def test_jobs_of_several_subjects(trial: Trial) -> None:
    """Their folders are called after the first and the last."""
    folder = trial.interim / "nk/S001_to_S002"
    for name, subject in (("one", "S001"), ("three", "S002")):
        (folder / "grids").mkdir(parents=True, exist_ok=True)
        trial.grids(name, subject).rename(folder / "grids" / f"{name}.npz")
    ledger(folder / "gates.tsv", ["one", "three"])
    assert trial.draw("--subjects-per-job=2") == 0
    assert trial.pictures() == ["one.svg", "three.svg"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"panel": "NK"}, "samples.tsv, panel NK: found no row, expected one row per file; correct --panel"),
        ({"grids": "nowhere"}, "nowhere: found no folder, expected what apply-gates wrote; correct --grids"),
        ({"gates": "nowhere.tsv"}, "nowhere.tsv: found no readable table"),
    ],
)
def test_what_is_not_there_is_told(
    trial: Trial, changes: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trial.draw(**changes) == 2
    assert told in capsys.readouterr().err
