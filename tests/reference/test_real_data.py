"""The two examples on real public files, end to end, beside FlowJo's own counts where there are any."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cytotrial.columns import GATES, POPULATIONS, STATUS, SUBSETS
from cytotrial.tables import read_table

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
STEPS = {"in_range", "steady_time", "singlets", "live", "lymphocytes"}
FLOWJO = {"cd3": "T cells", "cd4": "CD4", "cd8": "CD8"}

pytestmark = pytest.mark.slow


def run_example(name: str, folder: Path) -> Path:
    """Copy an example's configuration, link its files, run the workflow; the results."""
    files = DATA / name
    if not files.is_dir():
        pytest.skip(f"{files} is not here: the public files are no part of the repository")
    trial = folder / name
    shutil.copytree(ROOT / "resources" / "real-data" / name / "config", trial / "config")
    (trial / "fcs").symlink_to(files, target_is_directory=True)
    snakemake = Path(sys.executable).with_name("snakemake")
    command = [snakemake, "-s", ROOT / "Snakefile", "--directory", trial, "--cores", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return trial / "results"


@pytest.fixture(scope="module")
def omip021(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_example("omip021", tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def flowatlas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_example("flowatlas", tmp_path_factory.mktemp("real"))


def test_two_donors_from_raw_files_to_cd4_and_cd8_with_their_gates(omip021: Path) -> None:
    status = read_table(omip021 / "tables" / "status.tsv", STATUS)
    assert [(row["status"], row["spillover"], row["not_done"]) for row in status] == [("ok", "SPILL", None)] * 2
    percent = {
        (row["sample_id"], row["subset"]): float(row["percent"] or "nan")
        for row in read_table(omip021 / "tables" / "subsets.tsv", SUBSETS)
        if row["is_primary"] == "Y"
    }
    print()
    for (sample, subset), value in sorted(percent.items()):
        print(f"{sample} {subset}: {value:.1f} %")
    for donor in ("Donor1", "Donor2"):
        # No counts come with these files: adults' reference ranges are what can be asked for.
        assert 50 < percent[donor, "cd3"] < 90
        assert 30 < percent[donor, "cd4"] < 75
        assert 15 < percent[donor, "cd8"] < 55
        assert 85 < percent[donor, "cd4"] + percent[donor, "cd8"] < 100
    gates = read_table(omip021 / "tables" / "gates.tsv", GATES)
    assert {row["population"] for row in gates} == STEPS | {"cd3", "cd4", "cd8"}
    assert {row["source"] for row in gates} == {"found", "fixed"}


def test_flowjo_exports_with_every_missing_step_not_done(flowatlas: Path) -> None:
    for row in read_table(flowatlas / "tables" / "status.tsv", STATUS):
        lacks_cd19 = {"without_b"} if row["panel"] == "donor390C" else set()
        assert {part.split(":")[0] for part in str(row["not_done"]).split("; ")} == STEPS | lacks_cd19
        assert row["status"] == "ok"
    counts = {
        (row["sample_id"], row["population"]): row["n_events"]
        for row in read_table(flowatlas / "tables" / "populations.tsv", POPULATIONS)
    }
    assert counts["412C_Blood_025", "lymphocytes"] is None  # not measured is NA, not the parent's count


def test_cd4_and_cd8_beside_flowjo(flowatlas: Path) -> None:
    with (DATA / "flowatlas" / "truth.csv").open(encoding="utf-8") as stream:
        person = {
            (Path(row["file"]).stem, row["population"]): int(row["count"])
            for row in csv.DictReader(stream)
            if row["population"] in FLOWJO.values()
        }
    ours = {
        (row["sample_id"], FLOWJO[row["population"]]): int(row["n_events"] or -1)
        for row in read_table(flowatlas / "tables" / "populations.tsv", POPULATIONS)
        if row["population"] in FLOWJO
    }
    compared = {key: (ours[key], person[key]) for key in ours if key in person}
    assert len(compared) == 21
    print()
    far = {}
    for sample in sorted({sample for sample, _ in compared}):
        mine, flowjo = ([compared[sample, name][i] for name in ("T cells", "CD4", "CD8")] for i in (0, 1))
        points = [100 * (mine[i] / mine[0] - flowjo[i] / flowjo[0]) for i in (1, 2)]
        print(f"{sample:16s} T {mine[0]:6d} v {flowjo[0]:6d}   of T: CD4 {points[0]:+.1f}, CD8 {points[1]:+.1f} points")
        far[sample] = max(abs(point) for point in points)
    # 23 cells of little CD3 among 297 T cells: resources/real-data/README.md says why.
    few = far.pop("412C_Ileum_027")
    assert max(far.values()) < 2.05
    assert few < 6.0
