"""The verb `simulate`: options and their defaults, mistakes all at once, layouts, the same bytes again."""

from __future__ import annotations

import csv
import filecmp
from collections import Counter
from pathlib import Path

import flowio
import numpy as np
import pytest

from cytotrial.cli import main
from cytotrial.columns import TRUTH
from cytotrial.commands.simulate import add_arguments
from cytotrial.simulate.parameters import PROFILES, TRIALS, trial_data
from cytotrial.simulate.trial.plan import plan_samples
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.tables import read_table

TINY = ("--trial", "he2020", "--subjects-per-arm", 1, "--visits", "W0,W10", "--events", 60)


@pytest.fixture
def gating(tmp_path) -> Path:
    folder = tmp_path / "gating"
    folder.mkdir()
    for panel in ("treg", "nk"):
        (folder / f"{panel}.yaml").write_text(f"strategy: {panel}\n")
    return folder


def simulate(out: Path, *options: object, seed: int = 1) -> int:
    return main(["simulate", "--out", str(out), "--seed", str(seed), *map(str, options)])


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def same_bytes(one: Path, other: Path) -> bool:
    names = names_in(one)
    return names == names_in(other) and filecmp.cmpfiles(one, other, names, shallow=False)[0] == list(names)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


# Layouts


def test_a_small_he2020(tmp_path, gating):
    out = tmp_path / "trial"
    options = ("--trial", "he2020", "--subjects-per-arm", 2, "--visits", "W0,W12", "--events", 400)
    assert simulate(out, *options, "--gating", gating) == 0
    files = {path.name: flowio.FlowData(path).event_count for path in (out / "fcs").iterdir()}
    assert len(files) == 16 and set(files.values()) == {400}
    assert len(read_table(out / "truth.tsv", TRUTH)) == 8 * 6 + 8 * 3
    assert (out / "config/gating/nk.yaml").read_text() == "strategy: nk\n"
    assert {name for name in names_in(out) if not name.startswith("fcs/")} == {
        *("truth.tsv", "config/config.yaml", "config/samples.tsv", "config/subjects.tsv", "config/outcomes.tsv"),
        *(f"config/{kind}/{panel}.yaml" for kind in ("panels", "gating") for panel in ("treg", "nk")),
        *(f"labels/{name.removesuffix('.fcs')}.npy" for name in files),
        "labels/populations.tsv",
    }
    assert all(np.load(path).shape == (400,) for path in (out / "labels").glob("*.npy"))


def test_bundled_has_no_config_no_labels_and_paths_from_the_repository_root(tmp_path):
    options = ("--trial", "demo", "--subjects-per-arm", 1, "--visits", "W0", "--events", 50, "--bundled")
    assert simulate(tmp_path, *options) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fcs", "samples.tsv", "subjects.tsv", "truth.tsv"]
    assert rows(tmp_path / "samples.tsv")[0]["fcs"] == "resources/demo/fcs/S001_W0_nk.fcs"


def test_strategies_of_the_checkout_are_copied_where_no_folder_is_given(tmp_path, checkout):
    assert simulate(tmp_path, *TINY) == 0
    for panel in ("treg", "nk"):
        assert filecmp.cmp(tmp_path / f"config/gating/{panel}.yaml", checkout / f"config/gating/{panel}.yaml", False)


@pytest.mark.parametrize(("trial", "profile"), [(trial, profile) for trial in TRIALS for profile in PROFILES])
def test_every_trial_and_profile_can_be_asked_for(tmp_path, trial, profile, caplog):
    caplog.set_level("INFO")
    visits = ",".join(visit for visit, _ in known_visits(trial)[:2])
    options = ("--trial", trial, "--profile", profile, "--subjects-per-arm", 1, "--visits", visits, "--events", 30)
    assert simulate(tmp_path, *options, "--missing", 0) == 0
    assert len(list((tmp_path / "fcs").iterdir())) == 8
    config = (tmp_path / "config/config.yaml").read_text(encoding="utf-8")
    assert f"--trial {trial} --profile {profile} --seed 1`" in config
    assert f"8 FCS files of trial {trial}, profile {profile}, seed 1" in caplog.text
    assert main(["check", "--config", str(tmp_path / "config/config.yaml"), "--root", str(tmp_path)]) == 0


# Options


def test_the_same_seed_gives_the_same_bytes_whatever_the_cores(tmp_path):
    options = ("--trial", "lupil2", "--subjects-per-arm", 2, "--visits", "D1,D6", "--events", 60, "--profile", "hard")
    for name, cores in (("a", 1), ("b", 2), ("c", 1)):
        assert simulate(tmp_path / name, *options, "--cores", cores, seed=2 if name == "c" else 1) == 0
    assert len(names_in(tmp_path / "a")) > 30
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert not same_bytes(tmp_path / "a", tmp_path / "c")


def test_the_clinics_profile_is_the_default(tmp_path):
    for name, options in (("default", ()), ("clinic", ("--profile", "clinic")), ("clean", ("--profile", "clean"))):
        assert simulate(tmp_path / name, *TINY, *options) == 0
    assert same_bytes(tmp_path / "default", tmp_path / "clinic")
    assert not same_bytes(tmp_path / "default", tmp_path / "clean")


def planned(monkeypatch, *options: object, cores: int = 1) -> TrialPlan:
    """The plan that the verb makes of its options, without writing it."""
    asked = []
    monkeypatch.setattr("cytotrial.commands.simulate.write_trial", lambda out, **options: asked.append(options))
    assert simulate(Path("nowhere"), *options) == 0
    assert asked[0]["cores"] == cores
    return asked[0]["plan"]


@pytest.mark.parametrize("trial", TRIALS)
def test_by_default_the_trial_is_as_large_as_published(trial, monkeypatch):
    plan = planned(monkeypatch, "--trial", trial)
    data = trial_data(trial)
    assert plan == TrialPlan(trial, 1, data["subjects_per_arm"], known_visits(trial), profile="clinic")
    assert (plan.events, plan.missing) == ({}, None)


def test_options_make_the_plan(monkeypatch):
    options = ("--subjects-per-arm", 3, "--visits", "W12,W0", "--events", 77, "--missing", 0.25, "--profile", "hard")
    assert planned(monkeypatch, "--trial", "he2020", *options) == TrialPlan(
        "he2020",
        1,
        3,
        (("W0", 0), ("W12", 84)),  # in the trial's order
        profile="hard",
        events={"treg": 77, "nk": 77},
        missing=0.25,
    )
    assert planned(monkeypatch, "--trial", "he2020", "--missing", 0).missing == 0.0  # not the profile's
    planned(monkeypatch, "--trial", "he2020", "--cores", 7, cores=7)


def test_missing_leaves_samples_out_of_files_sheets_and_truth(tmp_path):
    options = ("--trial", "nct02932137", "--events", 20, "--missing", 0.5, "--subjects-per-arm", 4)
    assert simulate(tmp_path, *options, seed=3) == 0
    plan = TrialPlan("nct02932137", 3, 4, known_visits("nct02932137"), missing=0.5)
    expected = {one.sample_id for one in plan_samples(plan)}
    assert 8 * 2 < len(expected) < 8 * 6 * 2
    assert {path.stem for path in (tmp_path / "fcs").iterdir()} == expected
    assert {path.stem for path in (tmp_path / "labels").glob("*.npy")} == expected
    assert {row["sample_id"] for row in rows(tmp_path / "config/samples.tsv")} == expected
    assert {row["sample_id"] for row in read_table(tmp_path / "truth.tsv", TRUTH)} == expected
    visits = Counter(row["visit"] for row in rows(tmp_path / "config/samples.tsv"))
    assert visits["W0"] == 16 and max(visits[name] for name in visits if name != "W0") < 16


def test_the_null_profile_takes_the_effect_away(tmp_path):
    """Under `clean` a treated subject's later tubes expect more Treg than at baseline does; here nobody's do."""
    for profile in ("clean", "null"):
        options = ("--trial", "he2020", "--subjects-per-arm", 3, "--visits", "W0,W10", "--events", 20)
        assert simulate(tmp_path / profile, *options, "--profile", profile) == 0
    arms = {row["subject_id"]: row["arm"] for row in rows(tmp_path / "null/config/subjects.tsv")}
    expected = {
        profile: {
            (row["sample_id"], row["subset"], row["denominator"]): row["expected_percent"]
            for row in read_table(tmp_path / profile / "truth.tsv", TRUTH)
        }
        for profile in ("clean", "null")
    }
    assert expected["clean"].keys() == expected["null"].keys()
    for (sample, subset, denominator), value in expected["clean"].items():
        subject, visit, _ = sample.split("_")
        touched = arms[subject] == "IL2" and visit == "W10" and denominator != "cd3"
        without = float(expected["null"][sample, subset, denominator])
        assert (float(value) == pytest.approx(without, rel=1e-9)) != touched, (sample, subset, denominator)


# Mistakes


def test_every_mistake_is_told_at_once(tmp_path, gating, capsys):
    (gating / "nk.yaml").unlink()
    (tmp_path / "file").write_text("x")
    wrong = ("--trial", "he2020", "--visits", "W1O,W4", "--events", 0, "--missing", 1.5)
    wrong += ("--subjects-per-arm", 0, "--cores", 0, "--gating", gating)
    assert simulate(tmp_path / "file", *wrong, seed=-1) == 2
    told = capsys.readouterr().err.splitlines()
    assert all(line.startswith("ERROR: --") for line in told)
    for piece in (
        "--seed: found -1, expected a whole number from 0",
        "--subjects-per-arm: found 0, expected a whole number from 1",
        "--events: found 0, expected a whole number from 1",
        "--cores: found 0, expected a whole number from 1",
        "--missing: found 1.5, expected 0 to below 1",
        "--visits: found 'W1O', expected visits of he2020",
        "did you mean 'W1",
        "--visits: found no W0, expected the baseline among them",
        "found a file, expected a folder",
        "found no nk.yaml, expected one gating strategy per panel",
    ):
        assert sum(piece in line for line in told) == 1, piece
    assert len(told) == 9
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("wrong", ["1.0", "-0.1", "nan"])
def test_missing_is_a_probability_below_one(tmp_path, capsys, wrong):
    assert simulate(tmp_path / "out", *TINY, "--missing", wrong) == 2
    assert f"--missing: found {wrong}, expected 0 to below 1" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("visits", ["", ",", "W0,", "W0,,W10"])
def test_a_visit_without_a_name_is_none(tmp_path, capsys, visits):
    assert simulate(tmp_path / "out", "--trial", "he2020", "--visits", visits) == 2
    assert "--visits: found '', expected visits of he2020" in capsys.readouterr().err


def test_bundled_is_for_the_demonstration(tmp_path, capsys):
    assert simulate(tmp_path / "out", "--trial", "he2020", "--bundled") == 2
    assert "--bundled: found --trial he2020, expected --trial demo" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options",
    [("--trial", "HE2020"), ("--trial", "demo", "--profile", "published"), ("--trial", "demo", "--events", "many")],
)
def test_what_the_parser_refuses(tmp_path, capsys, options):
    with pytest.raises(SystemExit) as stopped:
        simulate(tmp_path / "out", *options)
    assert stopped.value.code == 2 and options[-1] in capsys.readouterr().err


def test_the_parser_offers_all_trials_and_profiles():
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    choices = {action.dest: action.choices for action in parser._actions}
    assert (choices["trial"], choices["profile"]) == (TRIALS, PROFILES)


def test_a_disk_that_refuses_is_told_in_one_line(tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cytotrial.simulate.trial.write.write_fcs", full)
    assert simulate(tmp_path / "out", *TINY) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "No space left on device" in told[0]


def test_heavy_packages_are_not_imported(run_python, tmp_path):
    code = (
        "import sys; from cytotrial.cli import main; "
        f"code = main(['simulate', '--trial', 'demo', '--seed', '1', '--out', {str(tmp_path / 'out')!r}, '--bundled', "
        "'--subjects-per-arm', '1', '--visits', 'W0', '--events', '20']); "
        "heavy = {'flowkit', 'flowio', 'scipy', 'pandas', 'matplotlib', 'bokeh'} & set(sys.modules); "
        "print(sorted(heavy)); sys.exit(code or len(heavy))"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_trial_that_is_there_is_not_written_over(tmp_path, gating, capsys):
    (tmp_path / "out/config").mkdir(parents=True)
    (tmp_path / "out/config/config.yaml").write_text("mine")
    assert simulate(tmp_path / "out", "--trial", "he2020", "--gating", gating) == 2
    assert "config there already, expected a folder without a trial" in capsys.readouterr().err
    assert (tmp_path / "out/config/config.yaml").read_text() == "mine"


def test_bundled_needs_the_instrument_whose_channels_the_bundled_panels_name(tmp_path, capsys):
    assert simulate(tmp_path / "out", "--trial", "demo", "--bundled", "--profile", "other_lab") == 2
    assert "--bundled: found --profile other_lab, another instrument" in capsys.readouterr().err


def test_a_strategy_that_cannot_be_read_is_told_in_one_line(tmp_path, gating, capsys):
    (gating / "nk.yaml").write_bytes(b"strategy: \xff\xfe")
    assert simulate(tmp_path / "out", *TINY, "--gating", gating) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and f"--gating {gating}: found " in told[0] and "UTF-8" in told[0]
    assert not (tmp_path / "out").exists()
