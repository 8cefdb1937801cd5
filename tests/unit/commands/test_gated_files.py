"""What the gating verbs have left of every file: its gates, axes and counts, of those that were counted alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from cytotrial.commands import gated_files
from cytotrial.cytometry.panel import load_panel
from cytotrial.cytometry.tube import open_tube
from cytotrial.errors import CytotrialError
from cytotrial.gating.ledger import read_gates
from cytotrial.tables import read_table


def found(trial: Any, *words: str) -> list[gated_files.CountedFile]:
    """The files under the verbs' own options."""
    parser = argparse.ArgumentParser()
    gated_files.add_arguments(parser)
    samples = f"--samples={trial.folder / 'samples.tsv'}"
    return list(gated_files.counted_files(parser.parse_args([samples, *trial.of_all(), *words])))


def test_every_file_that_was_counted_in_the_sheets_order(counted_trial: Any, tmp_path: Path) -> None:
    names = [one.sample.sample_id for one in found(counted_trial)]
    assert names == ["S001_W0_treg", "S002_W0_treg", "S001_W0_nk", "S001_W10_nk", "S002_W0_nk"]
    trial = counted_trial.copy_to(tmp_path)
    trial.write_sheet(reverse=True)
    assert [one.sample.sample_id for one in found(trial)] == names[::-1]


def test_its_own_gates_axes_and_counts(counted_trial: Any, checkout: Path) -> None:
    """As the tables have them; the axes are those that a person who opens the file finds."""
    for one in found(counted_trial):
        name, panel = one.sample.sample_id, one.sample.panel
        folder = counted_trial.work / panel / one.sample.subject_id
        gates, populations = (read_table(folder / f"{table}.tsv") for table in ("gates", "populations"))
        assert list(one.gates) == read_gates(row for row in gates if row["sample_id"] == name) != []
        own = {row["population"]: row["n_events"] for row in populations if row["sample_id"] == name}
        assert one.counts == {key: int(n) for key, n in own.items() if n is not None}
        assert one.strategy.name and one.panel == load_panel(checkout / f"config/panels/{panel}.yaml")
        tube = open_tube(counted_trial.fcs(name), one.panel, one.strategy.scale, sample_id=name)
        assert one.axes == tube.axes


def test_tables_of_larger_jobs(counted_trial: Any, tmp_path: Path) -> None:
    """Named after their first and last subject: without the number of subjects they are not found."""
    trial = counted_trial.copy_to(tmp_path)
    for panel, block in (("nk", "S001_to_S003"), ("treg", "S001_to_S002")):
        folders = sorted((trial.work / panel).iterdir())
        (trial.work / panel / block).mkdir()
        for table in ("intake", "gates", "populations"):
            parts = [(folder / f"{table}.tsv").read_text(encoding="utf-8").splitlines() for folder in folders]
            text = "\n".join([parts[0][0], *(line for part in parts for line in part[1:]), ""])
            (trial.work / panel / block / f"{table}.tsv").write_text(text, encoding="utf-8")
        for folder in folders:
            (folder / "intake.tsv").unlink()
    ours = found(trial, "--subjects-per-job=3")
    assert [(one.sample.sample_id, one.counts, one.axes) for one in ours] == [
        (one.sample.sample_id, one.counts, one.axes) for one in found(counted_trial)
    ]
    with pytest.raises(CytotrialError, match=r"S001/intake.tsv: found no readable table"):
        found(trial)


def test_every_panel_has_one_strategy(counted_trial: Any) -> None:
    with pytest.raises(CytotrialError, match="--gating: found nk twice"):
        found(counted_trial, "--gating", "nk=a.yaml", "nk=b.yaml")
    with pytest.raises(CytotrialError, match="--gating: found none for treg"):
        found(counted_trial, "--gating", "nk=a.yaml")
