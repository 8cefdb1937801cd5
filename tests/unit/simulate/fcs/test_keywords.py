"""What a file's TEXT says: the tube as it was run, that it is synthetic, and nothing of arms or staff."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from cytotrial.simulate.fcs.keywords import MODEL, Specimen, fcs_keywords
from cytotrial.simulate.form import LABEL_STYLES, SPILL_KEYWORDS, FileForm, label
from cytotrial.simulate.instrument.laboratory import PMT_POWER
from cytotrial.simulate.parameters import PROFILES, TRIALS, laboratory, trial_data, tube_parameters
from cytotrial.simulate.trial.plan import SamplePlan, plan_samples, recipe_of
from cytotrial.simulate.trial.sheets import write_sheets
from cytotrial.simulate.trial.subjects import TrialPlan, is_active, known_visits, plan_subjects
from cytotrial.simulate.trial.write import write_trial
from cytotrial.simulate.tube import TubeParameters, simulate_tube

PANELS = ("treg", "nk")
EVERY = [(trial, profile) for trial in TRIALS for profile in PROFILES]
ABOUT = Specimen("S001_W0_nk.fcs", "S001 W0", "N", "TRIAL W0-day1", datetime(2020, 1, 6, 9, 4), "trial t, seed 1")
OF_THE_FILE = {
    *("$FIL", "$SYS", "$COM", "CREATOR", "TUBE NAME", "$SRC", "EXPERIMENT NAME", "GUID", "$DATE", "$BTIM", "$ETIM"),
    *("$CYT", "$CYTNUM", "$TIMESTEP", "THRESHOLD", "APPLY COMPENSATION", "SPILL", "$SPILLOVER", "SPILLOVER"),
}
OF_THE_WRITER = {
    *("$BEGINDATA", "$ENDDATA", "$BEGINANALYSIS", "$ENDANALYSIS", "$BEGINSTEXT", "$ENDSTEXT", "$BYTEORD", "$DATATYPE"),
    *("$MODE", "$NEXTDATA", "$PAR", "$TOT"),
}


def small(trial: str, profile: str, *, seed: int = 5, n: int = 1) -> TrialPlan:
    """A trial of `n` subjects per arm and two visits: the baseline, and one at which the treatment has taken hold."""
    visits = known_visits(trial, ("D1", "D6") if trial == "lupil2" else ("W0", "W10"))
    return TrialPlan(trial, seed, n, visits, profile=profile, events={"treg": 60, "nk": 60}, missing=0.0)


def keywords_of(panel: str, *, about: Specimen = ABOUT, **changes) -> dict[str, str]:
    """The keywords of a small tube."""
    p = replace(tube_parameters(panel, profile=changes.pop("profile", "clean")), **({"n_events": 20} | changes))
    return fcs_keywords(simulate_tube(p, seed=1), p, specimen=about)


def text_of(raw: bytes) -> bytes:
    """Header and TEXT of a file."""
    return raw[: int(raw[18:26]) + 1]


def pairs_of(raw: bytes) -> dict[str, str]:
    """Keyword -> value, read by hand: the simulator's values hold no delimiter."""
    words = raw[int(raw[10:18]) : int(raw[18:26]) + 1].decode("utf-8").strip("\x0c").split("\x0c")
    return dict(zip(words[::2], words[1::2], strict=True))


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """(trial, profile) -> name -> bytes of each FCS file of a small trial."""
    found = {}
    for trial, profile in EVERY:
        folder = tmp_path_factory.mktemp(f"{trial}-{profile}")
        write_trial(folder, plan=small(trial, profile))
        found[trial, profile] = {path.name: path.read_bytes() for path in sorted((folder / "fcs").iterdir())}
    return found


# Arms and staff


@pytest.mark.parametrize(("trial", "profile"), EVERY)
def test_no_file_names_an_arm(trials, trial, profile):
    arms = trial_data(trial, profile)["arms"]
    words = {arm[key].lower() for arm in arms for key in ("id", "label", "role")}
    words |= {"placebo", "standard therapy", "treated", "randomi"}
    assert len(words) >= 9
    files = trials[trial, profile]
    assert len(files) == 2 * 2 * 2
    for name, raw in files.items():
        text = text_of(raw).decode("utf-8").lower()
        assert [word for word in sorted(words) if word in text] == [], name
        assert b"SYNTHETIC DATA" in text_of(raw)


@pytest.mark.parametrize(("trial", "profile"), EVERY)
def test_every_keyword_is_expected_and_none_is_a_persons(trials, trial, profile):
    """The standard's and FACSDiva's keywords for operators and users are not among those that are expected."""
    for name, raw in trials[trial, profile].items():
        pairs = pairs_of(raw)
        of_channels = {key for key in pairs if re.fullmatch(r"\$P\d+[NBERGVS]|P\d+DISPLAY", key)}
        assert set(pairs) - of_channels - OF_THE_WRITER <= OF_THE_FILE, name
        subject, visit, panel = name.removesuffix(".fcs").split("_")
        assert (pairs["$FIL"], pairs["$SRC"]) == (name, f"{subject} {visit}")
        assert pairs["$COM"].startswith("SYNTHETIC DATA made by cytotrial simulate") and MODEL in pairs["$COM"]
        assert f"trial {trial}, profile {profile}, seed 5" in pairs["$COM"]
        assert pairs["$SYS"] == "SYNTHETIC" and pairs["$CYTNUM"] == "1"
        assert panel in PANELS


def permuted(arms: list[dict], how: str) -> list[dict]:
    """The arms in the other order (others are treated), or under each other's role."""
    if how == "order":
        return arms[::-1]
    roles = [arm["role"] for arm in arms]
    return [{**arm, "role": role} for arm, role in zip(arms, roles[::-1], strict=True)]


@pytest.mark.parametrize("how", ["order", "role"])
@pytest.mark.parametrize(("trial", "profile"), [("he2020", one) for one in PROFILES] + [("lupil2", "clinic")])
def test_permuted_arms_change_nothing_but_events(trials, tmp_path, monkeypatch, trial, profile, how):
    plan = small(trial, profile)
    before = {one.subject_id: is_active(plan, one) for one in plan_subjects(plan)}
    monkeypatch.setitem(trial_data(trial, profile), "arms", permuted(trial_data(trial, profile)["arms"], how))
    assert {one.subject_id: not is_active(plan, one) for one in plan_subjects(plan)} == before
    write_trial(tmp_path, plan=plan)
    files = {path.name: path.read_bytes() for path in sorted((tmp_path / "fcs").iterdir())}
    assert files.keys() == trials[trial, profile].keys()
    changed = set()
    for name, raw in files.items():
        assert text_of(raw) == text_of(trials[trial, profile][name]), name
        if raw != trials[trial, profile][name]:
            changed.add(name)
    baseline = {name for name in files if f"_{trial_data(trial)['trial']['baseline']}_" in name}
    print(f"{len(changed)} of {len(files)} files hold other events")
    assert changed == (set() if profile == "null" else set(files) - baseline)


def test_the_sample_sheet_does_not_know_the_arms(tmp_path, monkeypatch):
    plan = small("he2020", "clinic", n=3)
    write_sheets(tmp_path / "a", plan=plan, samples=plan_samples(plan), fcs_folder="fcs")
    data = trial_data("he2020", "clinic")
    monkeypatch.setitem(data, "arms", permuted(data["arms"], "order"))
    write_sheets(tmp_path / "b", plan=plan, samples=plan_samples(plan), fcs_folder="fcs")
    sheets = {name: [(tmp_path / one / name).read_bytes() for one in "ab"] for name in ("samples.tsv", "subjects.tsv")}
    assert sheets["samples.tsv"][0] == sheets["samples.tsv"][1]
    assert sheets["subjects.tsv"][0] != sheets["subjects.tsv"][1]


# The instrument


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("profile", PROFILES)
def test_channels_are_described_as_the_tube_has_them(panel, profile):
    p = replace(tube_parameters(panel, profile=profile), n_events=20, pulse_heights=True)
    tube = simulate_tube(p, seed=1)
    keywords = fcs_keywords(tube, p, specimen=ABOUT)
    by_stem = {detector.name[:-2]: detector for detector in p.detectors}
    assert keywords["$CYT"] == p.cytometer and float(keywords["$TIMESTEP"]) == p.timestep
    for number, name in enumerate(tube.channels, start=1):
        assert keywords[f"$P{number}N"] == name
        if name == "Time":
            assert f"$P{number}V" not in keywords and f"$P{number}S" not in keywords
            continue
        if name[:-2] in by_stem:
            detector = by_stem[name[:-2]]
            assert keywords[f"$P{number}S"] == label(detector.markers, detector.dye, p.form.label_style)
            assert (keywords[f"$P{number}V"], keywords[f"P{number}DISPLAY"]) == (str(detector.voltage), "LOG")
        else:
            assert f"$P{number}S" not in keywords and keywords[f"P{number}DISPLAY"] == "LIN"
            assert keywords[f"$P{number}V"] == str(p.scatter_optics.voltage[name[:3]])
        assert keywords[f"$P{number}R"] == "262144" and keywords[f"$P{number}E"] == "0,0"
    assert f"$P{len(tube.channels) + 1}N" not in keywords


@pytest.mark.parametrize("style", LABEL_STYLES)
def test_labels_are_written_in_the_forms_style(style):
    keywords = keywords_of("nk", form=FileForm(label_style=style))
    written = {value for key, value in keywords.items() if re.fullmatch(r"\$P\d+S", key)}
    assert written == {label(one.markers, one.dye, style) for one in tube_parameters("nk").detectors}
    assert len(written) == len(tube_parameters("nk").detectors)


@pytest.mark.parametrize("keyword", SPILL_KEYWORDS)
def test_the_files_matrix_stands_under_the_forms_keyword(keyword):
    p = tube_parameters("treg")
    wrong = p.spillover * 1.25 - 0.25 * np.eye(len(p.detectors))
    keywords = keywords_of("treg", form=FileForm(spill_keyword=keyword), recorded_spillover=wrong)
    assert [one for one in SPILL_KEYWORDS if one in keywords] == [keyword]
    n, *cells = keywords[keyword].split(",")
    names, entries = cells[: int(n)], np.array(cells[int(n) :], dtype=float)
    assert tuple(names) == tuple(one.name for one in p.detectors)
    assert np.array_equal(entries.reshape(int(n), int(n)), wrong)


def test_a_stepped_voltage_is_told_of_area_and_height():
    p = replace(tube_parameters("nk"), n_events=20, pulse_heights=True)
    stepped = p.detectors[1]
    plain, told = (keywords_of("nk", pulse_heights=True, voltage_step=step) for step in ({}, {stepped.name: 0.05}))
    differ = {told[key.replace("V", "N")]: (plain[key], told[key]) for key in plain if plain[key] != told[key]}
    volts = (str(stepped.voltage), str(round(stepped.voltage * 1.05)))
    assert differ == {stepped.name: volts, stepped.name[:-1] + "H": volts}


def stepped_tubes(seeds: range) -> list[tuple[TrialPlan, SamplePlan, TubeParameters]]:
    """A tube of every instrument day with a stepped voltage, of some trials of the hard profile."""
    found = []
    for seed in seeds:
        plan = TrialPlan("he2020", seed, 6, known_visits("he2020"), profile="hard", missing=0.0)
        for sample in {one.batch: one for one in plan_samples(plan)}.values():
            p = recipe_of(plan, sample).parameters
            if p.voltage_step:
                found.append((plan, sample, p))
    return found


def test_a_day_of_another_voltage_has_the_gain_of_it_and_says_so(monkeypatch):
    days = stepped_tubes(range(8))
    assert len(days) > 4
    steady = replace(laboratory("hard"), voltage_step_share=0.0)
    monkeypatch.setattr("cytotrial.simulate.trial.plan.laboratory", lambda profile: steady)
    for plan, sample, p in days:
        usual = recipe_of(plan, sample).parameters
        ((name, step),) = p.voltage_step.items()
        assert {one: p.gain[one] / usual.gain[one] for one in p.gain} == pytest.approx(
            {one: (1.0 + step) ** PMT_POWER if one == name else 1.0 for one in p.gain}
        )
        tube = simulate_tube(replace(p, n_events=5), seed=1)
        keywords = fcs_keywords(tube, p, specimen=ABOUT)
        volts = next(detector.voltage for detector in p.detectors if detector.name == name)
        assert keywords[f"$P{tube.channels.index(name) + 1}V"] == str(round(volts * (1.0 + step))) != str(volts)
    size = laboratory("hard").voltage_step
    assert {step for *_, p in days for step in p.voltage_step.values()} == {size, -size}


# Time


@pytest.mark.parametrize("data_type", ["F", "I"])
@pytest.mark.parametrize(("seconds", "fits"), [(2000.0, True), (4000.0, False)])
def test_time_of_a_long_run_fits_into_an_integers_range(data_type, seconds, fits):
    """18 bits of hundredths of a second are 44 minutes; a float needs no more."""
    n = 400
    p = replace(
        tube_parameters("nk", profile="clean"),
        n_events=n,
        events_per_second=n / seconds,
        form=FileForm(data_type=data_type),
    )
    tube = simulate_tube(p, seed=1)
    assert (tube.column("Time").max() < 262143) == fits
    keywords = fcs_keywords(tube, p, specimen=ABOUT)
    ranges = {name: int(keywords[f"$P{number}R"]) for number, name in enumerate(tube.channels, start=1)}
    assert {name: top for name, top in ranges.items() if top != 262144} == (
        {} if fits or data_type == "F" else {"Time": 2**32}
    )


def test_the_run_ends_as_long_after_its_beginning_as_it_took():
    keywords = keywords_of("nk", n_events=400, events_per_second=0.5)
    begin, end = (datetime.strptime(keywords[key], "%H:%M:%S") for key in ("$BTIM", "$ETIM"))
    p = replace(tube_parameters("nk"), n_events=400, events_per_second=0.5)
    assert begin.time() == ABOUT.begin.time()
    assert abs((end - begin).total_seconds() - simulate_tube(p, seed=1).seconds) <= 1


@pytest.mark.parametrize("trial", TRIALS)
def test_the_date_is_the_calendar_day_of_visit_and_cohort(trial):
    data = trial_data(trial)
    plan = TrialPlan(trial, 2, 6, known_visits(trial), profile="clean", events={"treg": 1, "nk": 1})
    days = {(one.subject.site, one.visit, one.subject.cohort): one for one in plan_samples(plan)}
    first = date.fromisoformat(str(data["first_day"]))
    for sample in days.values():
        recipe = recipe_of(plan, sample)
        keywords = fcs_keywords(simulate_tube(recipe.parameters, seed=2), recipe.parameters, specimen=recipe.specimen)
        day = first + timedelta(days=sample.day + sample.subject.cohort * data["enrolment_days"])
        assert keywords["$DATE"] == f"{day.day:02d}-{day.strftime('%b').upper()}-{day.year}"
    assert len(days) > len(plan.visits)


def test_guids_are_the_files_own_and_always_the_same():
    first, again = keywords_of("nk")["GUID"], keywords_of("nk")["GUID"]
    other = keywords_of("nk", about=replace(ABOUT, file="S002_W0_nk.fcs"))["GUID"]
    seed = keywords_of("nk", about=replace(ABOUT, made_by="trial t, seed 2"))["GUID"]
    assert first == again and len({first, other, seed}) == 3
