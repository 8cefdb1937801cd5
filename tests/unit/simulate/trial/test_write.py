"""A whole small trial on disk: layout, sheets, truth, cores."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import flowio
import numpy as np
import pytest
import yaml

from cytotrial.columns import TRUTH
from cytotrial.simulate.defaults import panel_text
from cytotrial.simulate.plan import TrialPlan, known_visits, plan_samples
from cytotrial.simulate.trial import write_trial
from cytotrial.simulate.tube import simulate_tube
from cytotrial.tables import read_table

ROOT = Path(__file__).parents[3]
PLAN = TrialPlan("demo", 4, 2, known_visits("demo", ["W0", "W10"]), {"treg": 900, "nk": 700})
GATING = {"treg": "populations: []\n", "nk": "populations: []\n"}


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    write_trial(folder, plan=PLAN, gating=GATING)
    return folder


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_layout_is_a_trial_that_can_be_run_from_its_folder(trial):
    config = yaml.safe_load((trial / "config/config.yaml").read_text())
    for panel in config["panels"].values():
        assert (trial / panel["markers"]).is_file() and (trial / panel["gating"]).is_file()
    with (trial / config["sheets"]["samples"]).open() as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert len(rows) == 2 * 2 * 2 * 2
    assert sorted(trial / row["fcs"] for row in rows) == sorted((trial / "fcs").iterdir())
    assert {row["visit"] for row in rows} == {visit["id"] for visit in config["visits"]} == {"W0", "W10"}
    assert config["trial"]["baseline"] == "W0" and config["trial"]["synthetic"] is True


def test_truth_is_the_count_of_labels(trial):
    rows = read_table(trial / "truth.tsv", TRUTH)
    truth = {
        (r["sample_id"], r["subset"], r["denominator"]): (int(r["numerator_n"]), int(r["denominator_n"])) for r in rows
    }
    assert len(truth) == len(rows) == 8 * 6 + 8 * 3
    t_cells = ("cd4_naive", "cd4_memory", "cd4_activated", "treg", "cd8_t", "nkt_like", "t_double_negative")
    for sample in plan_samples(PLAN):
        tube = simulate_tube(sample.parameters, seed=4, key=(sample.sample_id,))
        on_disk = flowio.FlowData(trial / "fcs" / sample.specimen.file).as_array(preprocess=False)
        assert (on_disk == tube.events).all()
        n = Counter(np.array(tube.populations)[tube.labels].tolist())
        lymphocytes = sum(n[name] for name in (*t_cells, "nk_dim", "nk_bright", "b"))
        cd3 = sum(n[name] for name in t_cells)
        cd4, cd8 = sum(n[name] for name in t_cells[:4]), n["cd8_t"] + n["nkt_like"]
        nk = n["nk_dim"] + n["nk_bright"]
        expected = {
            "treg": [
                ("cd4", "cd3", cd4, cd3),
                ("cd4", "lymphocytes", cd4, lymphocytes),
                ("cd8", "cd3", cd8, cd3),
                ("cd8", "lymphocytes", cd8, lymphocytes),
                ("treg", "cd4", n["treg"], cd4),
                ("treg", "lymphocytes", n["treg"], lymphocytes),
            ],
            "nk": [
                ("nk", "lymphocytes", nk, lymphocytes),
                ("cd56bright_nk", "nk", n["nk_bright"], nk),
                ("cd56bright_nk", "lymphocytes", n["nk_bright"], lymphocytes),
            ],
        }[sample.panel]
        for subset, denominator, numerator_n, denominator_n in expected:
            assert truth[sample.sample_id, subset, denominator] == (numerator_n, denominator_n)


def test_two_cores_write_the_same_bytes(trial, tmp_path):
    write_trial(tmp_path, plan=PLAN, gating=GATING, cores=2)
    assert _bytes(tmp_path) == _bytes(trial)


def test_fewer_subjects_and_visits_leave_each_file_as_it_is(trial, tmp_path):
    write_trial(
        tmp_path,
        plan=replace(PLAN, subjects_per_arm=1, visits=known_visits("demo", ["W0"])),
        gating=GATING,
    )
    whole = _bytes(trial)
    files = {name: data for name, data in _bytes(tmp_path).items() if name.startswith("fcs/")}
    assert len(files) == 4
    assert all(whole[name] == data for name, data in files.items())


def test_no_file_names_an_arm(trial):
    for path in (trial / "fcs").iterdir():
        text = path.read_bytes()[:4000]
        assert b"IL2" not in text and b"PBO" not in text and b"SYNTHETIC" in text


@pytest.mark.parametrize("panel", ["treg", "nk"])
def test_the_packaged_panel_is_the_checkouts(panel):
    assert panel_text(panel) == (ROOT / "config/panels" / f"{panel}.yaml").read_text()
