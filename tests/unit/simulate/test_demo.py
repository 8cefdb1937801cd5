"""The bundled demonstration: small, reportable, honest about itself, and made by one command."""

import csv
import statistics
from pathlib import Path

import fcsparser
import pytest
import yaml

from cytotrial.cli import main
from cytotrial.columns import TRUTH
from cytotrial.simulate.trial.sheets import READOUTS
from cytotrial.tables import read_table

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "resources" / "demo"
COMMAND = ["simulate", "--trial", "demo", "--seed", "20200", "--bundled"]


def _sheet(name: str) -> list[dict[str, str]]:
    with (DEMO / name).open() as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_it_is_small_enough_to_bundle():
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 24_800_000


def test_sheets_and_files_agree_with_the_configuration():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    samples, subjects = _sheet("samples.tsv"), _sheet("subjects.tsv")
    assert len(samples) == 80 and len(subjects) == 10
    assert sorted(ROOT / row["fcs"] for row in samples) == sorted((DEMO / "fcs").iterdir())
    assert {row["visit"] for row in samples} == {visit["id"] for visit in config["visits"]}
    assert {row["arm"] for row in subjects} == {arm["id"] for arm in config["arms"]}
    assert {row["panel"] for row in samples} == set(config["panels"])
    ours = [(r["id"], r["panel"], list(r["denominators"]), r["label"]) for r in READOUTS]
    assert ours == [(r["id"], r["panel"], r["denominators"], r["label"]) for r in config["readouts"]]
    outside = [row for row in subjects for column in ("itt", "mitt", "pp", "safety") if row[column] == "N"]
    assert len(outside) == 1 and outside[0]["pp"] == "N"


def test_every_file_holds_a_hundred_of_its_rarest_subset():
    counts: dict[str, list[int]] = {}
    for row in read_table(DEMO / "truth.tsv", TRUTH):
        if row["denominator"] == "lymphocytes":
            counts.setdefault(row["subset"], []).append(int(row["numerator_n"]))
    for subset, values in counts.items():
        print(f"{subset}: least {min(values)}, median {statistics.median(values)}, files {len(values)}")
        assert len(values) == 40 and min(values) >= 100


def test_the_effect_is_there_and_cd4_and_cd8_are_flat():
    arms = {row["subject_id"]: row["arm"] for row in _sheet("subjects.tsv")}
    primary = {readout["id"]: readout["denominators"][0] for readout in READOUTS}
    groups: dict[tuple[str, str, str], list[float]] = {}
    for row in read_table(DEMO / "truth.tsv", TRUTH):
        if row["denominator"] == primary[row["subset"]]:
            subject, visit, _ = row["sample_id"].split("_")
            groups.setdefault((row["subset"], arms[subject], visit), []).append(float(row["percent"]))
    mean = {key: statistics.mean(values) for key, values in groups.items()}
    for subset in primary:
        base = {arm: mean[subset, arm, "W0"] for arm in ("IL2", "PBO")}
        ratio = {(arm, v): mean[subset, arm, v] / base[arm] for arm in base for v in ("W2", "W10", "W12")}
        print(subset, {key: round(value, 2) for key, value in ratio.items()})
        assert all(abs(ratio["PBO", visit] - 1) < 0.12 for visit in ("W2", "W10", "W12"))
        if subset in ("cd4", "cd8"):
            assert all(abs(ratio["IL2", visit] - 1) < 0.12 for visit in ("W2", "W10", "W12"))
        else:
            assert min(ratio["IL2", "W2"], ratio["IL2", "W10"]) > 1.25
            assert ratio["IL2", "W12"] < ratio["IL2", "W10"]


def test_every_file_says_that_it_is_synthetic():
    for path in (DEMO / "fcs").iterdir():
        meta = fcsparser.parse(str(path), meta_data_only=True)
        assert meta["$COM"].startswith("SYNTHETIC DATA") and meta["$FIL"] == path.name
        assert "$OP" not in meta and "EXPORT USER NAME" not in meta


@pytest.mark.slow
def test_one_command_makes_it_byte_for_byte(tmp_path):
    assert main([*COMMAND, "--out", str(tmp_path)]) == 0
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    kept = {p.relative_to(DEMO): p.read_bytes() for p in DEMO.rglob("*") if p.is_file()}
    assert made.keys() == kept.keys()
    assert [str(name) for name in made if made[name] != kept[name]] == []
