"""A plan's assumptions: the packaged ones, a laboratory's own in their places, and every mistake in them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from cytotrial.documents import load_schema
from cytotrial.errors import CytotrialError
from cytotrial.planning.assumptions import (
    PRIMARY,
    logit_of,
    measured_gating_error,
    own_assumptions,
    packaged_assumptions,
)
from cytotrial.planning.text import assumptions_yaml, typical_percent
from cytotrial.simulate.parameters import TRIALS, trial_data
from cytotrial.simulate.trial.subjects import known_visits


def own(tmp_path: Path, text: str, **options):
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return own_assumptions(path, **options)


def mistakes(tmp_path: Path, text: str, **options) -> list[str]:
    with pytest.raises(CytotrialError) as caught:
        own(tmp_path, text, **options)
    return [line.replace(str(tmp_path), "") for line in caught.value.problems]


@pytest.mark.parametrize("trial", TRIALS)
def test_packaged_ones_are_the_simulated_trials(trial):
    found, data = packaged_assumptions(trial), trial_data(trial)
    assert found.visits == known_visits(trial)
    for name, row in data["trajectories"].items():
        assert found.data["trajectories"][name] == pytest.approx(row, abs=1e-4), name
    assert found.data["composition"] == pytest.approx(data["composition"])
    for key in ("matrix_sd", "doublets", "triplets", "response", "nk_bright_correlation", "arms"):
        assert found.data[key] == data[key]


def test_every_assumption_has_its_source():
    def paths(tree, *above):
        for key, value in tree.items():
            yield from paths(value, *above, key) if isinstance(value, dict) else [(*above, key)]

    found = packaged_assumptions()
    assert list(paths(found.document)) == list(paths(found.sources))
    assert found.sources["subsets"]["nk"]["gating_sd"] == "measured"
    assert set(measured_gating_error()["subsets"]) == set(PRIMARY) and measured_gating_error()["measured_by"]


def test_visits_of_a_plan_that_names_none():
    assert packaged_assumptions("he2020").usual_visits() == ("W10", "W12")
    for trial in TRIALS:
        assert 1 <= len(packaged_assumptions(trial).usual_visits()) <= 2


def test_own_numbers_take_their_places(tmp_path):
    found = own(
        tmp_path,
        "alpha: 0.01\nmissing: 0.08\nresponse_log_sd: 0.2\ntubes: {lymphocytes_percent: 40}\n"
        "subsets: {treg: {baseline_percent: 6.0, subject_sd: 0.3, effect_logit: 0.5, gating_sd: 0.05}}\n",
    )
    row = found.data["trajectories"]["treg_of_cd4"]
    assert row["mu"] == pytest.approx(math.log(6 / 94)) and row["effect"] == 0.5 and row["subject_sd"] == 0.3
    assert row["visit_sd"] == trial_data("he2020")["trajectories"]["treg_of_cd4"]["visit_sd"]
    assert found.data["trajectories"]["nk_of_lymphocytes"]["effect"] == 1.007
    assert (found.document["alpha"], found.document["missing"]) == (0.01, 0.08)
    assert found.data["response"] == {"log_sd": 0.2, "correlation": 0.5}
    names = ("monocytes", "granulocytes", "basophils", "debris", "dead", "dying", "aggregates")
    assert sum(found.data["composition"][name] for name in names) == pytest.approx(0.6)
    assert found.sources["subsets"]["treg"]["subject_sd"] == "my.yaml" == found.sources["alpha"]
    assert found.sources["subsets"]["treg"]["visit_sd"] == "simulated trial he2020"


def test_an_effect_in_percent_is_that_of_the_strongest_visit(tmp_path):
    found = own(tmp_path, "subsets: {treg: {baseline_percent: 6.0, effect_percent: 9.0}}")
    by_visit = {visit: typical_percent(found, "treg", visit) for visit in found.later_visits}
    assert by_visit["W10"] == pytest.approx(9.0) == max(by_visit.values())
    assert typical_percent(found, "treg", None) == pytest.approx(6.0)
    assert "effect_logit" not in found.document["subsets"]["treg"]


def test_own_visits_and_doses(tmp_path):
    found = own(
        tmp_path,
        "trial: demo\nbaseline: D0\nvisits: [{id: D0, day: 0}, {id: 10, day: 10}, {id: W4, week: 4}]\n"
        "dosing: [{from_day: 0, to_day: 10}]\n",
    )
    assert found.visits == (("D0", 0.0), ("10", 10.0), ("W4", 28.0))
    assert found.later_visits == ("10", "W4") and found.baseline == "D0"
    assert found.exposure_at("10", half_life_days=10) == pytest.approx(0.5)
    assert found.usual_visits() == ("10", "W4")


@pytest.mark.parametrize("trial", TRIALS)
def test_what_is_written_can_be_read_again(trial, tmp_path):
    first = packaged_assumptions(trial)
    again = own(tmp_path, assumptions_yaml(first))
    assert again.document == first.document and again.data == first.data and again.visits == first.visits
    changed = own(tmp_path, "trial: he2020\nsubsets: {nk: {effect_percent: 11.5}}")
    text = assumptions_yaml(changed)
    assert own(tmp_path, text).data == changed.data
    assert "effect_percent: 11.5 # my.yaml" in text
    assert f"gating_sd: {measured_gating_error()['subsets']['nk']['gating_sd']} # measured" in text


def test_every_mistake_at_once(tmp_path):
    found = mistakes(
        tmp_path,
        "alpha: 5\nmising: 0.1\nsubsets:\n  treg: {subjct_sd: 0.3, visit_sd: -1, effect_logit: 1, effect_percent: 9}\n"
        "  cd8: {subject_sd: 0.2}\n  nk: {baseline_percent: 0.0}\n",
    )
    text = "\n".join(found)
    assert len(found) == 7
    assert "/my.yaml, alpha: found 5, expected a number above 0 and below 1" in text
    assert "found the unknown key 'mising' (did you mean 'missing'?)" in text
    assert "subsets, treg: found the unknown key 'subjct_sd' (did you mean 'subject_sd'?)" in text
    assert "subsets, treg, visit_sd: found -1" in text
    assert "subsets, treg: found both effect_logit and effect_percent, expected one of them" in text
    assert "subsets, cd8: found the unknown key 'subject_sd'" in text
    assert "subsets, nk, baseline_percent: found 0.0" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("baseline: w0\n", "baseline: found 'w0' (did you mean 'W0'?)"),
        ("visits: [{id: W0, week: 0}, {id: W0, day: 3}]\n", "visits: found 'W0' twice"),
        ("visits: [{id: W0, week: 0}, {id: W1}]\n", "visits, entry 2: found a mapping"),
        ("dosing: [{from_week: 2, to_week: 1}]\n", "dosing, entry 1: found the days 14 to 7"),
        ("dosing: [{from_week: 2, to_day: 1}]\n", "dosing, entry 1: found a mapping"),
        ("dosing: []\nsubsets: {nk: {effect_percent: 9}}\n", "subsets, nk, effect_percent: found no visit after"),
        ("- 1\n", "found a list of 1, expected a mapping"),
        ("trial: lupil2\n", "trial: found 'lupil2', expected 'he2020' as --trial says"),
        ("trial: lupus\n", "trial: found 'lupus', expected a simulated trial"),
        ("missing: .nan\n", "missing: found"),
    ],
)
def test_mistakes(text, says, tmp_path):
    found = mistakes(tmp_path, text, trial="he2020")
    assert any(says in line for line in found), found
    assert all(line.count("\n") == 0 and ", expected " in line and "; " in line for line in found)


def test_schema_knows_every_key_and_describes_it():
    schema = load_schema("planning")
    document = packaged_assumptions().document
    assert set(schema["properties"]) == set(document)
    assert set(schema["properties"]["subsets"]["properties"]) == set(PRIMARY)
    assert set(schema["properties"]["background"]["properties"]) == set(document["background"])
    assert set(schema["properties"]["trial"]["enum"]) == set(TRIALS)
    subset = set(schema["$defs"]["subset"]["properties"])
    assert subset == {*document["subsets"]["nk"], "effect_percent"}
    assert set(schema["$defs"]["cd8"]["properties"]) == set(document["subsets"]["cd8"])

    def parts(node):
        if isinstance(node, dict):
            if "type" in node or "enum" in node:
                yield node
            for key, child in node.items():
                if key not in ("oneOf", "not"):
                    yield from parts(child)

    assert all(part.get("description") for part in parts(schema))


def test_docs_have_the_measured_gating_error():
    text = (Path(__file__).parents[3] / "docs" / "planning.md").read_text(encoding="utf-8")
    for row in measured_gating_error()["subsets"].values():
        cells = (
            f"{row['gating_subject_sd']:.3f}",
            f"{row['gating_sd']:.3f}",
            f"{100 * row['gating_effect_bias']:+.1f} %",
        )
        assert f"| {' | '.join(cells)} |" in text, cells


def test_logits():
    assert logit_of(50.0) == 0 and logit_of(6.0) == pytest.approx(-2.7515, abs=1e-4)
    assert yaml.safe_load(assumptions_yaml(packaged_assumptions()))["subsets"]["treg"]["effect_logit"] == 0.62
