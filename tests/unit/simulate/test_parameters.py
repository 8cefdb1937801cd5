"""The packaged numbers: each trial under each profile can be read, and no line of the data files goes unheard."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from importlib.resources import files

import numpy as np
import pytest
import yaml

from cytotrial.simulate import parameters
from cytotrial.simulate.blood.trajectory import FURTHEST, RESPONDING
from cytotrial.simulate.form import FileForm
from cytotrial.simulate.instrument.laboratory import Laboratory
from cytotrial.simulate.instrument.run import NO_INCIDENTS
from cytotrial.simulate.parameters import (
    DEFAULT_PROFILE,
    PROFILES,
    TRIALS,
    _overlaid,
    base_form,
    cytometer_of,
    laboratory,
    trial_data,
    tube_name,
    tube_parameters,
    whole_cytometer,
)
from cytotrial.simulate.trial.plan import NOT_LYMPHOCYTES, PANELS

EVERY = [(trial, profile) for trial in TRIALS for profile in PROFILES]
SCATTER = {f"{light}-{pulse}" for light in ("FSC", "SSC") for pulse in "AHW"}
CYTOMETERS = sorted({cytometer_of(profile) for profile in PROFILES})


def packaged(name: str) -> dict:
    """A data file as it is, read without the module under test."""
    return yaml.safe_load((files("cytotrial.simulate") / "data" / name).read_text(encoding="utf-8"))


def leaves(section: dict, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
    """Path of keys -> value of everything that is no mapping."""
    found: dict[tuple[str, ...], object] = {}
    for key, value in section.items():
        found |= leaves(value, (*path, key)) if isinstance(value, dict) and value else {(*path, key): value}
    return found


def whole_file(folder: str, name: str) -> dict:
    """A trial or profile as its file and that of the one it is like say it, section by section; a list is one leaf."""
    own = packaged(f"{folder}/{name}.yaml")
    like = own.pop("like", None)
    base = whole_file(folder, like) if like else {}
    merged: dict = {}
    for path, value in (leaves(base) | leaves(own)).items():
        section = merged
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = value
    return merged


def profile_file(name: str) -> dict:
    return whole_file("profiles", name)


def populations_by_name(trial: str = "he2020", profile: str = "clean") -> dict:
    return {one.name: one for one in tube_parameters("treg", trial=trial, profile=profile).kinds.populations}


def test_every_data_file_is_offered():
    for folder, names in (("trials", TRIALS), ("profiles", PROFILES), ("cytometers", CYTOMETERS)):
        found = {place.name for place in (files("cytotrial.simulate") / "data" / folder).iterdir()}
        assert found == {f"{name}.yaml" for name in names}
    assert DEFAULT_PROFILE in PROFILES


@pytest.mark.parametrize(("trial", "profile"), EVERY)
def test_every_trial_under_every_profile_has_its_tubes(trial, profile):
    data = trial_data(trial, profile)
    detectors, spillover = whole_cytometer(profile)
    names = [detector.name for detector in detectors]
    for panel in PANELS:
        tube = tube_parameters(panel, trial=trial, profile=profile)
        assert (tube.panel, tube.n_events, tube.form) == (panel, data["events"][panel], base_form(profile))
        assert (tube.doublets, tube.triplets, tube.events_per_second) == (
            data["doublets"],
            data["triplets"],
            data["events_per_second"],
        )
        assert tube.incidents == laboratory(profile).incidents
        assert sum(tube.composition.shares().values()) == pytest.approx(1.0)
        assert set(tube.scatter) <= SCATTER and {"FSC-A", "SSC-A", "FSC-H"} <= set(tube.scatter)
        rows = [names.index(detector.name) for detector in tube.detectors]
        assert np.array_equal(tube.spillover, spillover[np.ix_(rows, rows)])
        whole = {detector.name: detector for detector in detectors}
        assert all(replace(one, markers=()) == whole[one.name] for one in tube.detectors)
        assert tube_name(panel, profile=profile)


@pytest.mark.parametrize("name", CYTOMETERS)
def test_spillover_is_what_the_file_says(name):
    written = packaged(f"cytometers/{name}.yaml")
    profile = next(one for one in PROFILES if cytometer_of(one) == name)
    detectors, matrix = whole_cytometer(profile)
    names = [detector.name for detector in detectors]
    assert names == list(written["detectors"])
    assert np.array_equal(np.diag(matrix), np.ones(len(names)))
    entries = {
        (names[i], names[j]): matrix[i, j] for i, j in zip(*np.nonzero(matrix - np.eye(len(names))), strict=True)
    }
    assert entries == {(row, column): share for row, of in written["spillover"].items() for column, share in of.items()}
    donors = {detector.donor for detector in detectors} - {""}
    assert donors and donors <= set(names)


def test_markers_are_as_bright_as_the_instrument_makes_them():
    levels = packaged("cytometers/fortessa.yaml")["levels"]
    assert {factor for factor in levels.values() if factor != 1}, "nothing to see"
    ours, theirs = populations_by_name(), populations_by_name(profile="other_lab")
    for name, written in packaged("populations.yaml")["populations"].items():
        for marker, level in ours[name].markers.items():
            assert (level.median, level.sd) == (pytest.approx(written[marker][0]), pytest.approx(written[marker][1]))
            assert theirs[name].markers[marker].median == pytest.approx(level.median * levels.get(marker, 1.0))
            assert theirs[name].markers[marker].sd == pytest.approx(level.sd)
        assert (theirs[name].fsc, theirs[name].ssc) == (ours[name].fsc, ours[name].ssc)


@pytest.mark.parametrize(("trial", "profile"), EVERY)
def test_a_profile_changes_its_own_leaves_and_no_other(trial, profile):
    written, changes = leaves(whole_file("trials", trial)), profile_file(profile).get("trial", {})
    changed = leaves(changes)
    found = leaves(trial_data(trial, profile))
    assert {path: found[path] for path in changed} == changed
    assert {path: value for path, value in found.items() if path not in changed} == {
        path: value for path, value in written.items() if path not in changed
    }


def test_one_profile_does_not_leak_into_another():
    before = leaves(trial_data("he2020", "clean"))
    trial_data("he2020", "hard")
    trial_data("he2020", "denominator_stress")
    assert leaves(trial_data("he2020", "clean")) == before == leaves(packaged("trials/he2020.yaml"))


@pytest.mark.parametrize("profile", PROFILES)
def test_the_laboratory_is_what_the_file_says(profile):
    written = profile_file(profile).get("laboratory", {})
    found, untouched = laboratory(profile), Laboratory()
    assert set(written) <= {field.name for field in fields(Laboratory)}
    for name in (field.name for field in fields(Laboratory)):
        value = getattr(found, name)
        if name == "incidents":
            assert {key: getattr(value, key) for key in written.get(name, {})} == written.get(name, {})
        elif name == "habits":
            assert [(one.share, list(one.lacks), one.events) for one in value] == [
                (row["share"], row.get("lacks", []), row.get("events", 1.0)) for row in written.get(name, [])
            ]
            assert [one.form for one in value] == [
                FileForm(**row["form"]) if "form" in row else None for row in written.get(name, [])
            ]
        elif isinstance(written.get(name), list):
            assert list(value) == written[name]
        else:
            assert value == written.get(name, getattr(untouched, name)), name
    assert base_form(profile) == FileForm(**profile_file(profile).get("files", {}))


def test_a_profile_that_is_like_another_has_what_it_does_not_change():
    like = {name: packaged(f"profiles/{name}.yaml").get("like") for name in PROFILES}
    assert {like[name] for name in like} >= {None, "clinic"}
    for name in [name for name, other in like.items() if other]:
        own = packaged(f"profiles/{name}.yaml").get("laboratory", {})
        ours, theirs = laboratory(name), laboratory(like[name])
        differ = {one.name for one in fields(Laboratory) if getattr(ours, one.name) != getattr(theirs, one.name)}
        assert differ == set(own), name
        assert leaves(trial_data("he2020", like[name])) != leaves(trial_data("he2020", name))


def test_nothing_wanders_in_a_clean_laboratory():
    assert laboratory("clean") == Laboratory(incidents=NO_INCIDENTS)


def test_each_profile_is_a_laboratory_or_a_trial_of_its_own():
    seen = [
        (laboratory(one), base_form(one), cytometer_of(one), str(profile_file(one).get("trial"))) for one in PROFILES
    ]
    assert len({str(one) for one in seen}) == len(PROFILES)


# A word that nothing listens to would change nothing and tell nobody.


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"trial": {"dublets": 0.1}}, "trial.dublets: found no such parameter"),
        (
            {"trial": {"trajectories": {"treg_of_cd4": {"my": -3.0}}}},
            "trial.trajectories.treg_of_cd4.my: found no such",
        ),
        ({"trail": {"doublets": 0.1}}, "found ['trail'], expected some of"),
        ({"like": "clinic", "trial": {"composition": {"tregs": 0.1}}}, "trial.composition.tregs: found no such"),
    ],
)
def test_a_profile_with_an_unknown_word_is_refused(monkeypatch, section, told):
    real = parameters._packaged
    monkeypatch.setattr(
        parameters, "_packaged", lambda name: section if name == f"profiles/{told}.yaml" else real(name)
    )
    with pytest.raises(ValueError, match=re.escape(told)):
        trial_data("he2020", told)  # a name of its own, since what was read once is kept


def test_a_laboratory_with_an_unknown_word_is_refused(monkeypatch):
    real, made_up = parameters._packaged, {"laboratory": {"day_gain": 0.1}}
    monkeypatch.setattr(parameters, "_packaged", lambda name: made_up if "made_up" in name else real(name))
    with pytest.raises(TypeError, match="day_gain"):
        laboratory("made_up")


@pytest.mark.parametrize(("trial", "profile"), EVERY)
def test_every_word_of_the_trial_is_known(trial, profile):
    data, kinds = trial_data(trial, profile), populations_by_name()
    markers = {marker for population in kinds.values() for marker in population.markers}
    for section in ("levels_under_treatment", "kinds"):
        for name, shifts in data.get(section, {}).items():
            assert set(shifts) <= {*kinds[name].markers, "FSC", "SSC"}, (section, name)
    assert set(data.get("preparation_effects", {})) <= set(NOT_LYMPHOCYTES) <= set(data["composition"])
    assert set(RESPONDING) <= set(data["trajectories"])
    visits = {visit["id"] for visit in data["visits"]}
    assert data["trial"]["baseline"] == data["visits"][0]["id"]
    for row in data["outcomes"]["endpoints"]:
        assert row["visit"] in visits
        assert all(0 <= row[arm][0] <= row[arm][1] for arm in ("active", "control"))
        assert set(row) <= {"endpoint", "visit", "active", "control", "among", "harm"}
    conduct = laboratory(profile)
    assert {*conduct.staining, *conduct.staining_drift} <= markers
    assert sorted(arm["role"] for arm in data["arms"]) == ["active", "control"]


@pytest.mark.parametrize("profile", PROFILES)
def test_habits_lack_what_the_tubes_have_and_gates_can_do_without(profile):
    habits = laboratory(profile).habits
    assert sum(habit.share for habit in habits) <= 1.0 + 1e-9
    for panel in PANELS:
        tube = tube_parameters(panel, profile=profile)
        there = {*tube.scatter, "Time", *(marker for detector in tube.detectors for marker in detector.markers)}
        lacked = {name for habit in habits for name in habit.lacks}
        assert lacked <= there
        assert lacked <= {"viability", "FSC-H", "FSC-W", "Time"}  # what the bundled strategies can do without


def logit_normal_mean(mu: float, sd: float) -> float:
    """Mean of the logistic function of a normal variable, by Gauss and Hermite."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    return float((weights / (1.0 + np.exp(-mu - sd * points))).sum() / math.sqrt(2.0 * math.pi))


@pytest.mark.parametrize(("trial", "profile"), EVERY)
def test_the_average_tube_is_the_trajectories_average_subject(trial, profile):
    """`tube_parameters` is an average subject's baseline; a share that a trajectory has too is overruled by it."""
    data = trial_data(trial, profile)
    overruled = set(data["composition"]) & set(data["trajectories"])
    assert overruled == set(data["trajectories"]) - {"double_negative_of_not_cd4"}
    for name in sorted(overruled):
        row = data["trajectories"][name]
        centre = logit_normal_mean(row["mu"], 0.0)
        mean = logit_normal_mean(row["mu"], math.hypot(row["subject_sd"], row["visit_sd"]))
        assert FURTHEST >= 3.0  # else the mean would have to know of the cut
        low, high = sorted((centre, mean))
        assert 0.97 * low <= data["composition"][name] <= 1.03 * high, (name, centre, mean)
    cd8 = (1.0 - data["composition"]["cd4_of_cd3"]) / (
        1.0 + math.exp(data["trajectories"]["double_negative_of_not_cd4"]["mu"])
    )
    assert data["composition"]["cd8_of_cd3"] == pytest.approx(cd8, rel=0.03)


@pytest.mark.parametrize(("argument", "name"), [("panel", "foo"), ("trial", "he2O20"), ("profile", "hrd")])
def test_an_unknown_name_is_told_with_the_known_ones(argument, name):
    with pytest.raises(ValueError, match=f"{argument}: found '{name}', expected one of"):
        tube_parameters(**{"panel": "nk", argument: name})


def test_a_profile_changes_only_what_a_trial_has():
    with pytest.raises(ValueError, match=r"p, trial\.composition\.monocyte: found no such parameter"):
        _overlaid(
            {"composition": {"monocytes": 0.1}}, {"composition": {"monocyte": 0.2}}, where="p, trial.", strict=True
        )
    opened = _overlaid({"effect": 1.0}, {"kinds": {"b": {"CD19": 0.1}}, "effect": 0}, where="p, trial.", strict=True)
    assert opened == {"effect": 0, "kinds": {"b": {"CD19": 0.1}}}
