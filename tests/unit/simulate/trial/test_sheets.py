"""Configuration and sheets of simulated trials: nothing to mend, and panels that find their markers in every file."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cytotrial.commands.check import check_everything
from cytotrial.cytometry.panel import load_panel, resolve_channels
from cytotrial.gating.strategy_file import load_strategy
from cytotrial.simulate.blood.populations import SUBSETS
from cytotrial.simulate.parameters import PROFILES, TRIALS, laboratory, trial_data, tube_parameters
from cytotrial.simulate.trial.outcomes import outcomes
from cytotrial.simulate.trial.plan import PANELS, SamplePlan, plan_samples, recipe_of
from cytotrial.simulate.trial.sheets import (
    GATED,
    READOUTS,
    label_rows,
    panel_text,
    write_config,
    write_label_names,
    write_sheets,
)
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits, plan_subjects
from cytotrial.simulate.tube import simulate_tube
from cytotrial.study.check import Checked

EVERY = [(trial, profile) for trial in TRIALS for profile in PROFILES]
SCATTER = {"FSC-A", "FSC-H", "FSC-W", "SSC-A"}


def whole(trial: str, profile: str, **changes) -> TrialPlan:
    plan = TrialPlan(trial, 1, trial_data(trial)["subjects_per_arm"], known_visits(trial), profile=profile)
    return replace(plan, **changes)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.fixture
def write(tmp_path, checkout):
    """A plan's sheets and configuration with the bundled strategies; no FCS file."""
    gating = {panel: (checkout / f"config/gating/{panel}.yaml").read_text(encoding="utf-8") for panel in PANELS}

    def make(plan: TrialPlan) -> Path:
        write_sheets(tmp_path / "config", plan=plan, samples=plan_samples(plan), fcs_folder="fcs")
        write_config(tmp_path / "config", plan=plan, gating=gating)
        return tmp_path

    return make


def check(folder: Path, plan: TrialPlan) -> Checked:
    """What `cytotrial check` finds; the FCS files are empty, for it opens none."""
    (folder / "fcs").mkdir()
    for sample in plan_samples(plan):
        (folder / "fcs" / sample.file).touch()
    return check_everything(folder / "config/config.yaml", folder)


# The check


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize("profile", ["clinic", "other_lab"])
def test_there_is_nothing_to_mend(write, trial, profile):
    """Of the whole trial; `test_simulate` checks a small one of every trial under every profile."""
    plan = whole(trial, profile, **({} if profile == "clinic" else {"subjects_per_arm": 3}))
    checked = check(write(plan), plan)
    assert checked.problems == ()
    samples = plan_samples(plan)
    assert len(checked.samples) == len(samples) and len(checked.subjects) == 2 * plan.subjects_per_arm
    assert checked.warnings == ()
    assert checked.study.synthetic is True
    assert {one.id for one in checked.panels} == set(PANELS)
    assert {(one.panel, one.population) for one in checked.readouts} == {(one["panel"], one["id"]) for one in READOUTS}


@pytest.mark.parametrize("trial", TRIALS)
def test_a_trial_of_two_visits_has_nothing_to_mend_either(write, trial):
    every = known_visits(trial)
    plan = whole(trial, "hard", visits=every[:1] + every[-1:], subjects_per_arm=1)
    folder = write(plan)
    assert check(folder, plan).problems == ()
    config = yaml.safe_load((folder / "config/config.yaml").read_text(encoding="utf-8"))
    assert [visit["id"] for visit in config["visits"]] == [every[0][0], every[-1][0]]


@pytest.mark.parametrize("trial", TRIALS)
def test_the_configuration_is_the_trials(write, trial):
    plan = whole(trial, "clinic")
    folder = write(plan)
    data = trial_data(trial)
    text = (folder / "config/config.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    assert {key: config[key] for key in ("trial", "arms", "visits", "dosing")} == {
        key: data[key] for key in ("trial", "arms", "visits", "dosing")
    }
    assert f"--trial {trial} --profile clinic --seed 1" in text.splitlines()[0] and "SYNTHETIC" in text.splitlines()[0]
    assert ("outcomes" in config["sheets"]) == bool(list(outcomes(plan)))
    assert (folder / "config/outcomes.tsv").is_file() == bool(list(outcomes(plan)))
    assert [row["id"] for row in config["readouts"]] == [row["id"] for row in READOUTS]


# Sheets


@pytest.mark.parametrize(
    ("trial", "left_out"),
    [("he2020", {"mitt": 1, "pp": 1}), ("demo", {"pp": 1}), ("lupil2", {"pp": 48}), ("nct02932137", {})],
)
def test_subjects_and_their_sets(write, trial, left_out):
    plan = whole(trial, "clinic")
    found = rows(write(plan) / "config/subjects.tsv")
    assert [(row["subject_id"], row["arm"]) for row in found] == [
        (one.subject_id, one.arm) for one in plan_subjects(plan)
    ]
    columns = ["subject_id", "arm", *(["site"] if trial == "lupil2" else []), "itt", "mitt", "pp", "safety"]
    assert list(found[0]) == columns
    counts = {name: sum(row[name] == "N" for row in found) for name in ("itt", "mitt", "pp", "safety")}
    assert {name: n for name, n in counts.items() if n} == left_out
    assert {row[name] for row in found for name in counts} <= {"Y", "N"}
    if trial == "lupil2":
        assert len({row["site"] for row in found}) == 25


@pytest.mark.parametrize("trial", TRIALS)
def test_samples_are_the_plans(write, trial):
    plan = whole(trial, "clinic", subjects_per_arm=4)
    found = rows(write(plan) / "config/samples.tsv")
    assert found == [
        {
            "sample_id": one.sample_id,
            "fcs": f"fcs/{one.sample_id}.fcs",
            "subject_id": one.subject.subject_id,
            "visit": one.visit,
            "panel": one.panel,
            "batch": one.batch,
        }
        for one in plan_samples(plan)
    ]


def test_outcomes_are_the_models(write):
    plan = whole("he2020", "clinic")
    assert rows(write(plan) / "config/outcomes.tsv") == list(outcomes(plan))


# Panels


def one_per_panel_and_day(plan: TrialPlan) -> list[SamplePlan]:
    """The first sample of each panel on each instrument day: what a laboratory's habits differ by."""
    return list({(one.batch, one.panel): one for one in reversed(plan_samples(plan))}.values())


@pytest.mark.parametrize(("trial", "profile"), EVERY)
def test_panels_find_their_markers_in_every_file(tmp_path, trial, profile):
    """Whatever the laboratory's habits leave out or call otherwise, each marker is found in its own channel."""
    every_habit = (trial, profile) == ("he2020", "hard")  # the other trials have too few instrument days
    n, visits = (30, known_visits(trial)) if every_habit else (1, known_visits(trial)[:3])
    plan = whole(trial, profile, subjects_per_arm=n, visits=visits, events={"treg": 5, "nk": 5})
    for panel in PANELS:
        (tmp_path / f"{panel}.yaml").write_text(panel_text(plan, panel), encoding="utf-8")
    panels = {panel: load_panel(tmp_path / f"{panel}.yaml") for panel in PANELS}
    ways = set()
    for sample in one_per_panel_and_day(plan):
        p = recipe_of(plan, sample).parameters
        tube = simulate_tube(p, seed=1)
        channels = [(name, tube.markers.get(name, "")) for name in tube.channels]
        found = resolve_channels(panels[sample.panel], channels, file=sample.file).channels
        expected = {("dump" if len(one.markers) > 1 else one.markers[0]): one.name for one in p.detectors}
        expected |= {name: name for name in SCATTER & set(p.scatter)} | ({} if p.lacks_time else {"Time": "Time"})
        assert {name: tube.channels[index] for name, index in found.items()} == expected, sample.sample_id
        assert set(found) >= {*GATED[sample.panel], "FSC-A", "SSC-A"}
        ways.add((p.form, p.scatter, p.lacks_time, p.pulse_heights, len(p.detectors), sample.panel))
    written_otherwise = [habit for habit in laboratory(profile).habits if habit.lacks or habit.form]
    if profile != "hard" or every_habit:
        assert len(ways) == 2 * (1 + len(written_otherwise))


@pytest.mark.parametrize("panel", PANELS)
def test_gated_markers_are_those_the_bundled_strategies_need(checkout, panel):
    strategy = load_strategy(checkout / f"config/gating/{panel}.yaml")
    assert set(GATED[panel]) == strategy.markers - {"FSC-A", "FSC-H", "FSC-W", "SSC-A", "Time", "viability", "dump"}


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize("profile", ["clinic", "other_lab"])  # the two instruments
@pytest.mark.parametrize("panel", PANELS)
def test_what_gates_need_is_not_optional_and_the_rest_is(trial, profile, panel):
    written = yaml.safe_load(panel_text(whole(trial, profile), panel))
    needed = {marker for marker, entry in written["markers"].items() if not entry.get("optional")}
    assert needed == set(GATED[panel])
    assert written["compensation"] == "fcs" and written["time"] == "Time"
    markers = {m for one in tube_parameters(panel, trial=trial, profile=profile).detectors for m in one.markers}
    assert set(written["markers"]) - {"dump"} == markers - {"CD19", "CD14"}


# Labels


def test_label_names_say_in_which_subsets_the_truth_counts(tmp_path):
    write_label_names(tmp_path)
    found = rows(tmp_path / "populations.tsv")
    assert found == label_rows()
    tube = simulate_tube(replace(tube_parameters("nk"), n_events=10), seed=1)
    assert tuple(row["population"] for row in found) == tube.populations
    assert [row["label"] for row in found] == [str(number) for number in range(len(found))]
    for row in found:
        assert {name for name in row["subsets"].split(",") if name} == {
            subset for subset, of in SUBSETS.items() if row["population"] in of
        }
    assert {row["population"] for row in found if not row["subsets"]} >= {"doublet", "triplet", "dead", "debris"}
