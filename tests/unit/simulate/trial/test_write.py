"""A whole small trial on disk: layout, the truth and each event's label, and the same bytes whatever the cores."""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import flowio
import numpy as np
import pytest
import yaml

from cytotrial.columns import TRUTH
from cytotrial.simulate.trial.plan import plan_samples, recipe_of
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.simulate.trial.write import true_counts, write_trial
from cytotrial.simulate.tube import simulate_tube
from cytotrial.tables import read_table

VISITS = known_visits("he2020", ("W0", "W2", "W10"))
PLAN = TrialPlan("he2020", 4, 2, VISITS, events={"treg": 900, "nk": 700})
LARGER = TrialPlan("he2020", 12, 3, VISITS, events={"treg": 9000, "nk": 9000})
GATING = {"treg": "populations: []\n", "nk": "populations: []\n"}
PANEL_OF = {"cd4": "treg", "cd8": "treg", "treg": "treg", "nk": "nk", "cd56bright_nk": "nk"}
# Typed from the docs and not from the package: whom each subset is made of.
T_CD4 = ("cd4_naive", "cd4_memory", "cd4_activated", "treg_resting", "treg_effector")
T_CD8 = ("cd8_t", "cd8_activated", "nkt_like")
T_CELLS = (*T_CD4, *T_CD8, "gd_t", "t_double_negative")
MADE_OF = {
    "cd4": T_CD4,
    "cd8": T_CD8,
    "cd3": T_CELLS,
    "treg": ("treg_resting", "treg_effector"),
    "nk": ("nk_dim", "nk_bright"),
    "cd56bright_nk": ("nk_bright",),
    "lymphocytes": (*T_CELLS, "nk_dim", "nk_bright", "b"),
}
PAIRS = {
    "treg": [
        *[("cd4", "cd3"), ("cd4", "lymphocytes"), ("cd8", "cd3")],
        *[("cd8", "lymphocytes"), ("treg", "cd4"), ("treg", "lymphocytes")],
    ],
    "nk": [("nk", "lymphocytes"), ("cd56bright_nk", "nk"), ("cd56bright_nk", "lymphocytes")],
}
# A chain of conditional binomials: given the one above, each count is independent of the others.
INDEPENDENT = {("cd4", "cd3"), ("treg", "cd4"), ("nk", "lymphocytes"), ("cd56bright_nk", "nk")}


@pytest.fixture(scope="module")
def trial(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trial")
    write_trial(folder, plan=PLAN, gating=GATING)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def truth_of(folder: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    table = read_table(folder / "truth.tsv", TRUTH)
    found = {(row["sample_id"], row["subset"], row["denominator"]): row for row in table}
    assert len(found) == len(table)
    return found


# Layout


def test_layout_is_a_trial_that_can_be_run_from_its_folder(trial):
    config = yaml.safe_load((trial / "config/config.yaml").read_text(encoding="utf-8"))
    for panel in config["panels"].values():
        assert (trial / panel["markers"]).is_file() and (trial / panel["gating"]).is_file()
    samples = rows(trial / config["sheets"]["samples"])
    assert len(samples) == 4 * 3 * 2
    assert sorted(trial / row["fcs"] for row in samples) == sorted((trial / "fcs").iterdir())
    assert {row["visit"] for row in samples} == {visit["id"] for visit in config["visits"]} == {"W0", "W2", "W10"}
    assert config["trial"]["baseline"] == "W0" and config["trial"]["synthetic"] is True
    assert (trial / "config/gating/treg.yaml").read_text(encoding="utf-8") == GATING["treg"]
    assert {name.split("/")[0] for name in bytes_of(trial)} == {"fcs", "labels", "config", "truth.tsv"}


def test_without_strategies_there_are_files_sheets_and_truth_only(tmp_path):
    write_trial(tmp_path, plan=replace(PLAN, subjects_per_arm=1, visits=VISITS[:1]))
    assert {name for name in bytes_of(tmp_path) if not name.startswith("fcs/")} == {
        "samples.tsv",
        "subjects.tsv",
        "truth.tsv",
    }
    assert all(row["fcs"].startswith("resources/demo/fcs/S00") for row in rows(tmp_path / "samples.tsv"))


# The truth


def test_each_file_holds_the_tube_of_its_recipe(trial):
    for sample in plan_samples(PLAN):
        tube = simulate_tube(recipe_of(PLAN, sample).parameters, seed=PLAN.seed, key=(sample.sample_id,))
        on_disk = flowio.FlowData(trial / "fcs" / sample.file).as_array(preprocess=False)
        assert np.array_equal(on_disk, tube.events.astype(float))
        labels = np.load(trial / "labels" / f"{sample.sample_id}.npy")
        assert labels.dtype == np.uint8 and labels.shape == (len(on_disk),)
        assert np.array_equal(labels, tube.labels)
    assert len(list((trial / "labels").glob("*.npy"))) == 24


@pytest.mark.parametrize("profile", ["clean", "hard", "other_lab"])
def test_each_file_is_written_in_its_recipes_form(tmp_path, profile):
    visits = known_visits("he2020") if profile == "hard" else VISITS[:1]
    plan = replace(PLAN, profile=profile, subjects_per_arm=1, visits=visits, missing=0.0)
    write_trial(tmp_path, plan=plan)
    forms = set()
    for sample in plan_samples(plan):
        form = recipe_of(plan, sample).parameters.form
        raw = (tmp_path / "fcs" / sample.file).read_bytes()
        order = {"big": b"4,3,2,1", "little": b"1,2,3,4"}[form.byte_order]
        assert raw[:6] == f"FCS{form.version}".encode()
        assert b"$BYTEORD\x0c%s\x0c" % order in raw and b"$DATATYPE\x0c%s\x0c" % form.data_type.encode() in raw
        forms.add(form)
    assert len(forms) == 1 if profile != "hard" else len(forms) > 2


def test_counts_from_labels_are_the_truth(trial):
    """As somebody would do it who has the folder and nothing else."""
    names = [row["population"] for row in rows(trial / "labels/populations.tsv")]
    assert len(set(names)) == len(names)
    truth = truth_of(trial)
    seen = set()
    for path in sorted((trial / "labels").glob("*.npy")):
        count = Counter(names[label] for label in np.load(path))
        n = {subset: sum(count[name] for name in of) for subset, of in MADE_OF.items()}
        for subset, denominator in PAIRS[path.stem.split("_")[2]]:
            row = truth[path.stem, subset, denominator]
            assert (int(row["numerator_n"]), int(row["denominator_n"])) == (n[subset], n[denominator])
            assert float(row["percent"]) == 100 * n[subset] / n[denominator]
            seen.add((path.stem, subset, denominator))
    assert seen == set(truth)


def test_the_names_of_labels_say_the_same_subsets(trial):
    for row in rows(trial / "labels/populations.tsv"):
        expected = {subset for subset, of in MADE_OF.items() if row["population"] in of}
        assert {one for one in row["subsets"].split(",") if one} == expected


def test_expected_percentages_are_the_compositions(trial):
    truth = truth_of(trial)
    for sample in plan_samples(PLAN):
        share = recipe_of(PLAN, sample).parameters.composition.shares()
        for subset, denominator in PAIRS[sample.panel]:
            expected = sum(share[name] for name in MADE_OF[subset]) / sum(share[name] for name in MADE_OF[denominator])
            row = truth[sample.sample_id, subset, denominator]
            assert float(row["expected_percent"]) == pytest.approx(100 * expected)


def test_true_percentages_are_within_multinomial_error_of_the_expected(tmp_path):
    z, independent = {}, []
    write_trial(tmp_path, plan=LARGER)
    for key, row in truth_of(tmp_path).items():
        n, p = int(row["denominator_n"]), float(row["expected_percent"]) / 100
        z[key] = (int(row["numerator_n"]) - n * p) / math.sqrt(n * p * (1 - p))
        if key[1:] in INDEPENDENT:
            independent.append(z[key])
    largest = max(z, key=lambda key: abs(z[key]))
    square, k = sum(one * one for one in independent), len(independent)
    print(f"{len(z)} rows, largest |z| {abs(z[largest]):.2f} ({largest}); chi-square {square:.1f} on {k}")
    assert len(z) == 18 * 9 and k == 18 * 4
    assert abs(z[largest]) < 4.5
    assert abs(square - k) < 4 * math.sqrt(2 * k)


def test_counts_of_nothing_have_no_percentage():
    recipe = recipe_of(PLAN, plan_samples(PLAN)[0])
    empty = simulate_tube(replace(recipe.parameters, n_events=0), seed=1)
    for row in true_counts("x", empty, panel="nk"):
        assert (row["numerator_n"], row["denominator_n"], row["percent"], row["expected_percent"]) == (0, 0, None, None)
    assert [row["subset"] for row in true_counts("x", empty, panel="nk")] == [subset for subset, _ in PAIRS["nk"]]


# The same bytes


def test_cores_do_not_change_a_byte(trial, tmp_path):
    write_trial(tmp_path, plan=PLAN, gating=GATING, cores=2)
    assert bytes_of(tmp_path) == bytes_of(trial)


def test_another_seed_changes_every_file(trial, tmp_path):
    write_trial(tmp_path, plan=replace(PLAN, seed=5, subjects_per_arm=1), gating=GATING)
    here, there = bytes_of(tmp_path), bytes_of(trial)
    files = [name for name in here if name.startswith(("fcs/", "labels/S"))]
    assert len(files) == 24 and all(here[name] != there[name] for name in files)


@pytest.mark.parametrize("profile", ["clinic", "hard"])
def test_fewer_subjects_and_visits_leave_each_file_as_it_is(tmp_path, profile):
    plan = replace(PLAN, profile=profile, missing=0.0)
    smaller = replace(plan, subjects_per_arm=1, visits=known_visits("he2020", ("W0", "W10")))
    write_trial(tmp_path / "whole", plan=plan, gating=GATING)
    write_trial(tmp_path / "part", plan=smaller, gating=GATING)
    whole, part = bytes_of(tmp_path / "whole"), bytes_of(tmp_path / "part")
    files = [name for name in part if name.startswith(("fcs/", "labels/"))]
    assert len(files) == 8 + 8 + 1
    assert all(whole[name] == part[name] for name in files)
    lines = [(tmp_path / one / "truth.tsv").read_text(encoding="utf-8").splitlines() for one in ("whole", "part")]
    assert set(lines[1]) <= set(lines[0])
