"""Files of every profile and habit, as the independent readers and the package's own intake see them."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path

import fcsparser
import flowio
import numpy as np
import pytest

from cytotrial.cytometry.fcs import read_fcs
from cytotrial.simulate.fcs.keywords import fcs_keywords
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.instrument.laboratory import Habit, habit_of
from cytotrial.simulate.parameters import PROFILES, laboratory
from cytotrial.simulate.trial.plan import PANELS, plan_samples, recipe_of
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.simulate.tube import Tube, TubeParameters, simulate_tube

N = 300
# Every profile as it usually writes its files (habit -1), and every habit that a profile has.
WAYS = [(profile, index) for profile in PROFILES for index in range(-1, len(laboratory(profile).habits))]


def tube_of(profile: str, index: int, panel: str) -> tuple[TubeParameters, Tube, dict[str, str]]:
    """The first tube of the trial that is written in this way; fails where there is none."""
    lab = laboratory(profile)
    wanted = lab.habits[index] if index >= 0 else Habit(1.0)
    plan = TrialPlan("he2020", 1, 30, known_visits("he2020"), profile=profile)
    for sample in plan_samples(plan):
        if sample.panel == panel and habit_of(lab, seed=plan.seed, batch=sample.batch, panel=panel) == wanted:
            recipe = recipe_of(plan, sample)
            p = replace(recipe.parameters, n_events=N)
            tube = simulate_tube(p, seed=plan.seed, key=(sample.sample_id,))
            return p, tube, fcs_keywords(tube, p, specimen=recipe.specimen)
    raise AssertionError(f"no {panel} tube of {profile} with {wanted}")


@pytest.fixture(scope="module", params=[(*way, panel) for way in WAYS for panel in PANELS], ids=str)
def written(request, tmp_path_factory) -> tuple[TubeParameters, Tube, Path]:
    """One small tube in each way, on disk."""
    p, tube, keywords = tube_of(*request.param)
    path = tmp_path_factory.mktemp("written") / "a.fcs"
    write_fcs(path, tube.events, keywords=keywords, form=p.form)
    return p, tube, path


def stored(p: TubeParameters, tube: Tube) -> np.ndarray:
    """The values that a file of this form can hold."""
    if p.form.data_type == "F":
        return tube.events.astype(float)
    return np.rint(np.clip(tube.events.astype(float), 0, None))


def labels_of(tube: Tube) -> list[str]:
    return [tube.markers.get(name, "") for name in tube.channels]


def test_flowio(written):
    p, tube, path = written
    data = flowio.FlowData(path)
    assert (data.version, data.event_count) == (p.form.version, N)
    assert data.pnn_labels == list(tube.channels)
    assert [label.strip() for label in data.pns_labels] == [label.strip() for label in labels_of(tube)]
    assert np.array_equal(data.as_array(preprocess=False), stored(p, tube))
    assert data.text["cyt"] == p.cytometer


def test_flowkit(written):
    import flowkit

    p, tube, path = written
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample = flowkit.Sample(path)
    assert sample.event_count == N and sample.pnn_labels == list(tube.channels)
    others = [index for index, name in enumerate(tube.channels) if name != "Time"]  # FlowKit has it in seconds
    assert np.array_equal(sample.get_events(source="raw")[:, others], stored(p, tube)[:, others])


def test_fcsparser_reads_header_and_text(written):
    _, tube, path = written
    meta = fcsparser.parse(str(path), meta_data_only=True)
    assert int(meta["$TOT"]) == N and int(meta["$PAR"]) == len(tube.channels)
    assert [meta[f"$P{number}N"] for number in range(1, len(tube.channels) + 1)] == list(tube.channels)
    assert meta["$COM"].startswith("SYNTHETIC")


def test_the_packages_own_intake_has_nothing_to_say(written):
    p, tube, path = written
    file = read_fcs(path)
    assert file.flags == () and file.spillover_problem is None
    assert file.names == tube.channels and len(file.events) == N
    assert [channel.label for channel in file.channels] == [label.strip() for label in labels_of(tube)]
    assert file.spillover.detectors == tube.detectors
    assert np.array_equal(file.spillover.matrix, tube.spillover)
    assert file.instrument == p.cytometer and re.fullmatch(r"\d\d-[A-Z]{3}-20\d\d", file.acquired)
    expected = stored(p, tube)
    if "Time" in tube.channels:
        expected[:, tube.channels.index("Time")] *= p.timestep
    assert np.allclose(file.events, expected, rtol=1e-6, atol=1e-6)


def test_ways_are_as_many_as_the_profiles_have():
    assert len(WAYS) == len(PROFILES) + sum(len(laboratory(profile).habits) for profile in PROFILES)
    assert len(laboratory("hard").habits) > 4
