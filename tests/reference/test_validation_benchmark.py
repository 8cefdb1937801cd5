"""The validation: what gates cost on trials made up, what is read from files, targets and the page."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from cytotrial.planning.assumptions import measured_gating_error
from cytotrial.simulate.fcs.keywords import MODEL

MODULES = (
    "calibration",
    "document",
    "hypothesis_tests",
    "recovery",
    "recovery_section",
    "results",
    "small_trials",
    "study",
    "table_trials",
    "targets",
    "trials",
    "__main__",
)


@pytest.fixture(scope="module")
def validation(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        found = {name: importlib.import_module(f"benchmarks.validation.{name}") for name in MODULES}
        yield SimpleNamespace(**found, gating_designs=importlib.import_module("benchmarks.gating.designs"))


# Trials made up


@pytest.fixture
def make_trial(validation):
    """A trial of 10 subjects per arm whose gates see `seen` of every change and add noise of `sd` logit."""

    def make(seed, *, seen=1.0, sd=0.0):
        random = np.random.default_rng(seed)
        tests = validation.hypothesis_tests

        def arm(rise):
            logit = -2.5 + 0.3 * random.standard_normal((5, 1, 10)) + 0.2 * random.standard_normal((5, 4, 10))
            logit[2:, 1:] += rise
            return logit

        def statistics(active, control):
            active, control = (tests.Values(100 / (1 + np.exp(-one)), one) for one in (active, control))
            gains = [one.percent[:, 1:] - one.percent[:, :1] for one in (active, control)]
            means = [gain.mean(axis=-1) for gain in gains]
            effect = {"active": means[0], "between": means[0] - means[1]}
            return validation.trials.Statistics(tests.p_values(active, control), effect, active, control)

        truth = arm(0.45), arm(0.0)
        gated = [one[:, :1] + seen * (one - one[:, :1]) + sd * random.standard_normal(one.shape) for one in truth]
        counts = pd.DataFrame({"subject_id": [f"S{i // 4:02d}" for i in range(200)]})
        counts["subset"] = np.repeat(list(validation.study.SUBSETS), 40)
        true_n = random.integers(80, 120, 200)
        counts = counts.assign(true_n=true_n, true_of_n=1000, measured_n=true_n + 5, measured_of_n=1000)
        return validation.trials.Trial(seed, 160, counts, statistics(*gated), statistics(*truth))

    return make


def test_perfect_gates_lose_no_power_and_noisy_ones_do(validation, make_trial):
    perfect = validation.small_trials.resampled_power([make_trial(1), make_trial(2)], draws=50)
    assert (perfect["loss"] == 0.0).all() and 20 < perfect["truth"].mean() < 99
    assert perfect["n"].unique().tolist() == [6, 8, 10]  # of 15 there are not enough
    assert len(perfect) == 2 * 3 * 3 * 3 * 3  # trials, numbers of subjects, tests, subsets, visits
    noisy = validation.small_trials.resampled_power([make_trial(1, sd=0.3), make_trial(2, sd=0.3)], draws=50)
    pd.testing.assert_series_equal(noisy["truth"], perfect["truth"])  # the same subjects
    assert validation.small_trials.mean_over_trials(noisy, "loss").value > 5


def test_power_of_all_subjects_is_the_trials_own(validation, make_trial):
    """Ten of ten subjects, whatever their order: 0 or 100 %, as the trial's own test says."""
    trial = make_trial(4, sd=0.1)
    rows = validation.small_trials.resampled_power([trial], draws=3)
    rows = rows[rows["n"] == 10]
    assert len(rows) == 27
    for row in rows.to_dict("records"):
        place = validation.study.SUBSETS.index(row["subset"]), validation.study.PEAKS.index(row["visit"])
        assert row["gated"] == 100.0 * (trial.gated.p[row["test"]][place] < 0.05)
        assert row["truth"] == 100.0 * (trial.truth.p[row["test"]][place] < 0.05)


def test_power_lost_worked_by_hand(validation):
    """Two trials, two cells: losses 0, 4 and 2, 6; by trial 2 and 4, so 3 with an error of 1; the worst cell has 5."""
    rows = pd.DataFrame(
        {
            "seed": ["1", "1", "2", "2"],
            "subset": ["treg", "nk"] * 2,
            "truth": [99.0, 50.0, 97.0, 60.0],
            "loss": [0.0, 4.0, 2.0, 6.0],
        }
    ).assign(n=6, test="paired_t_active", visit="W2")
    found = validation.small_trials.mean_over_trials(rows, "loss")
    assert (found.value, found.se) == (3.0, pytest.approx(1.0))
    subset, visit, worst = validation.small_trials.worst_cell(rows)
    assert (subset, visit, worst.value) == ("nk", "W2", 5.0)
    subset, worst = validation.small_trials.worst_subset(
        pd.concat([rows, rows.assign(visit="W6", loss=rows["loss"] - 1)])
    )
    assert (subset, worst.value, worst.se) == ("nk", 4.5, pytest.approx(1.0))  # by trial 3.5 and 5.5
    assert validation.small_trials.in_the_middle(rows)["subset"].unique().tolist() == ["nk"]


def test_bias_is_that_of_the_effect(validation, make_trial):
    """Gates that see nine tenths of each change of the percentage; levels do not matter."""
    trials = []
    for seed in (1, 2, 3):
        one = make_trial(seed)
        effect = {name: 0.9 * values for name, values in one.truth.effect.items()}
        trials.append(replace(one, gated=replace(one.truth, effect=effect)))
    found = list(validation.recovery.biases(trials))
    assert len(found) == 3 * 2 * 4 and {one.subset for one in found} == {"treg", "nk", "cd56bright_nk"}
    for one in found:
        assert one.percent.value == pytest.approx(-10.0) and one.percent.se == pytest.approx(0.0, abs=1e-9)
        assert one.gated == pytest.approx(0.9 * one.truth)
    peaks = [one for one in found if (one.subset, one.effect) == ("nk", "between")]
    assert peaks[3].truth == pytest.approx(np.mean([one.truth for one in peaks[:3]]))


# From files to statistics


def gated_tables(percent, **columns):
    row = {"sample_id": "S1_W0_nk", "subset": "nk", "denominator": "lymphocytes", "subject_id": "S1", "visit": "W0"}
    row |= {"week": 0, "panel": "nk", "condition": None, "is_primary": "Y", "numerator_n": 12, "denominator_n": 100}
    row |= {"percent": percent, "ci_low": 1.0, "ci_high": 2.0, "qc_flag": "ok", "qc_reason": None} | columns
    truth = {name: row[name] for name in ("sample_id", "subset", "denominator")}
    truth |= {"numerator_n": 11, "denominator_n": 110, "percent": 10.0, "expected_percent": 9.0}
    return SimpleNamespace(subsets=pd.DataFrame([row]), truth=pd.DataFrame([truth]))


def test_truth_stands_in_for_what_was_gated(validation):
    tables = gated_tables(None, qc_flag="not_reported", qc_reason="too few")
    row = validation.trials.truth_as_subsets(tables).iloc[0]
    assert (row["percent"], row["numerator_n"], row["denominator_n"]) == (10.0, 11, 110)
    assert (row["qc_flag"], row["subject_id"], row["visit"]) == ("ok", "S1", "W0") and math.isnan(row["ci_low"])
    tables.truth["sample_id"] = "another"
    with pytest.raises(ValueError, match="expected one of 1"):
        validation.trials.truth_as_subsets(tables)


@pytest.mark.parametrize(("percent", "flag"), [(12.0, "not_reported"), (None, "ok")])
def test_what_is_not_reported_is_no_gating_error(validation, percent, flag):
    row = validation.trials.counts_of(gated_tables(percent, qc_flag=flag)).iloc[0]
    assert (row["true_n"], row["true_of_n"]) == (11, 110) and math.isnan(row["measured_n"])
    row = validation.trials.counts_of(gated_tables(12.0)).iloc[0]
    assert (row["measured_n"], row["measured_of_n"]) == (12, 100)


# Targets and page


def test_targets_point_the_right_way(validation):
    targets, estimate = validation.targets, validation.recovery.Estimate
    cases = [
        (targets.CORE, 95.0, 95.0, True, True),
        (targets.CORE, 94.9, 95.0, True, False),
        (targets.POWER, -11.0, 2.0, False, True),  # power gained
        (targets.POWER, 2.1, 2.0, False, False),
        (targets.BIAS, -5.1, 5.0, False, False),
        (targets.FAMILY_WISE, 5.0, 6.4, False, True),
        (targets.FAMILY_WISE, math.nan, 6.4, False, False),
        (targets.CORE, math.nan, 95.0, True, False),
    ]
    for target, value, bound, at_least, met in cases:
        one = targets.Verdict(target, "", estimate(value, 0.1), bound, at_least)
        assert (one.met, "SHORT" in one.word) == (met, not met), (target, value)


@pytest.mark.parametrize(
    ("target", "found", "bound", "at_least", "word"),
    [
        ("POWER", (1.0, 0.4), 2.0, False, "ok"),
        ("POWER", (1.0, 0.6), 2.0, False, "ok, undecided"),
        ("POWER", (3.0, 0.6), 2.0, False, "**SHORT**, undecided"),
        ("POWER", (3.0, 0.4), 2.0, False, "**SHORT**"),
        ("POWER", (3.0, math.nan), 2.0, False, "**SHORT**, undecided"),  # one trial
        ("POWER", (math.nan, math.nan), 2.0, False, "**SHORT**"),
        ("BIAS", (-3.0, 0.9), 5.0, False, "ok"),
        ("BIAS", (-3.0, 1.1), 5.0, False, "ok, undecided"),
        ("BIAS", (-8.0, 1.0), 5.0, False, "**SHORT**"),
        ("BIAS", (-8.0, 8.0), 5.0, False, "**SHORT**, undecided"),  # from -24 to 8, by way of none
        ("CORE", (100.0, math.nan, (83.2, 100.0)), 95.0, True, "ok, undecided"),
        ("CORE", (70.0, math.nan, (45.7, 88.1)), 95.0, True, "**SHORT**"),
        ("FAMILY_WISE", (5.0, math.nan, (0.1, 24.9)), 14.7, False, "ok, undecided"),
        ("FAMILY_WISE", (4.5, math.nan, (3.3, 6.0)), 6.4, False, "ok"),
    ],
)
def test_a_figure_near_its_bound_is_undecided(validation, target, found, bound, at_least, word):
    estimate = validation.recovery.Estimate(*found)
    assert validation.targets.Verdict(getattr(validation.targets, target), "", estimate, bound, at_least).word == word


@pytest.fixture
def results(validation, make_trial):
    """Two made-up trials whose gates see four fifths of every change; few trials of counts."""
    trials = (make_trial(1, seen=0.8, sd=0.05), make_trial(2, seen=0.8, sd=0.05))
    tables = validation.calibration
    here = {"subjects_per_arm": 5, "visits": validation.study.VISITS, "events": (5_000, 5_000)}
    null = tables.null_tables(validation.table_trials.Series(0.0, **here), 20)
    expected = tables.expected_outcomes(validation.table_trials.Series(1.0, **here), 20)
    return validation.results.Results(
        size=validation.study.Size(seeds=(1, 2), null_seeds=(3,), table_trials=20),
        trials=trials,
        null_trials=trials,
        power=validation.small_trials.resampled_power(trials, draws=20),
        gating_error=validation.results.gating_errors(trials),
        expected={"here": expected, "paper": expected},
        null_tables=null,
        null_expected=null,
        null_models={},
        null_files=tables.null_files(trials),
        placement={},
    )


def test_page_says_what_falls_short(validation, results):
    page = validation.document.document(results)
    assert "SYNTHETIC" in page.splitlines()[0] and page == validation.document.document(results)
    short = [line for line in page.splitlines() if line.startswith("| bias of the effect, % | nk, W10, active | -")]
    assert len(short) == 1 and "at most 5.0" in short[0]
    held = validation.targets.verdicts(results)
    assert f"{sum(one.met for one in held)} of {len(held)} figures reach their target" in page
    assert {one.target for one in held} == {
        validation.targets.CORE,
        validation.targets.POWER,
        validation.targets.POWER_MIDDLE,
        validation.targets.POWER_WORST,
        validation.targets.BIAS,
        validation.targets.FAMILY_WISE,
        validation.targets.CLEAN,
    }
    assert "## Placement" not in page
    assert f"; {sum(one.undecided for one in held)} of all are undecided" in page
    # Every visit is marked, the head counts two of the four rows.
    marked = [line for line in page.splitlines() if line.startswith("| nk | between the arms | W")]
    assert len(marked) == 3 and all("ok" in line or "SHORT" in line for line in marked)
    assert sum(one.target == validation.targets.BIAS for one in held) == 3 * 2 * 2


def test_power_is_held_to_its_target_in_three_ways(validation, results):
    held = validation.targets.power_verdicts(results)
    assert set(held) == {(test, n) for test in validation.small_trials.TESTS for n in (6, 8, 10)}
    for (test, n), own in held.items():
        rows = results.power[(results.power["test"] == test) & (results.power["n"] == n)]
        worst = own[validation.targets.POWER_WORST]
        losses = rows.groupby("subset", sort=False)["loss"].mean()
        assert worst.found.value == pytest.approx(losses.max()) and worst.where.endswith(losses.idxmax())
        assert own[validation.targets.POWER].found.value == pytest.approx(rows["loss"].mean())
        middle = rows[rows.groupby(["subset", "visit"])["truth"].transform("mean").between(20, 95)]
        assert (validation.targets.POWER_MIDDLE in own) == bool(len(middle))
        if len(middle):
            assert own[validation.targets.POWER_MIDDLE].found.value == pytest.approx(middle["loss"].mean())


def test_prose_follows_the_settings(validation, results):
    """Two trials of 7 subjects per arm; what stood there as fixed numbers must be theirs."""
    size = replace(results.size, subjects_per_arm=7, events=(8_000, 9_000))
    page = validation.document.document(replace(results, size=size))
    assert "With 7 subjects per arm the true power" in page and "With 30 per arm" not in page
    assert "8 000 events in a file of the panel treg, 9 000 of nk" in page and "one value in thirty" not in page
    assert "2.74 and 2.58 times as great" in " ".join(page.split())  # root of 60 000 / 8 000 and 60 000 / 9 000


def test_what_gating_error_could_not_measure_is_left_out(validation, results):
    one = replace(results.gating_error["nk"], subject_sd=math.nan, note="one subject")
    results = replace(results, gating_error={**results.gating_error, "nk": one})
    lines = list(validation.recovery_section.yaml_lines(results))
    written = yaml.safe_load("\n".join(lines))["subsets"]
    assert set(written["nk"]) == {"gating_sd", "gating_effect_bias"} and len(written["cd4"]) == 3
    assert [line for line in lines if "gating_subject_sd could not be measured: one subject" in line]
    assert "nan" not in "\n".join(lines)


def test_gating_error_is_written_as_planning_reads_it(validation, results):
    written = yaml.safe_load("\n".join(validation.recovery_section.yaml_lines(results)))
    packaged = measured_gating_error()
    assert set(written) == set(packaged) and set(written["subsets"]) == set(packaged["subsets"])
    for subset, row in written["subsets"].items():
        assert set(row) == set(packaged["subsets"][subset])
        assert all(isinstance(value, (int, float)) for value in row.values())
    # 5 more of about 100 of 1000 in every sample: a bias that no change has
    assert results.gating_error["nk"].bias == pytest.approx(math.log(105.5 / 895.5) - math.log(100.5 / 900.5), abs=0.01)
    assert results.gating_error["nk"].n_subjects == 20  # S00 of one trial is not S00 of the other


def test_page_in_docs_is_of_this_simulation_model(checkout):
    """Else its figures are of files that are no longer made: run `make validate`."""
    page = (checkout / "docs" / "validation.md").read_text(encoding="utf-8")
    assert MODEL in page and "SYNTHETIC" in page.splitlines()[0]


def test_seeds_were_never_looked_at(validation):
    study = validation.study
    ours = [*study.SEEDS, *study.NULL_SEEDS, study.TABLE_SEED, study.REPLICATE_SEED]
    assert len(set(ours)) == 42 and not set(ours) & set(validation.gating_designs.SEEDS)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("seeds", "1,1"), ("seeds", ""), ("null-seeds", "2,2"), ("events", "100"), ("events", "5000,6000,7000")),
        *(("events", ""), ("table-trials", "1"), ("subjects-per-arm", "2"), ("replicate-bloods", "-1")),
    ],
)
def test_wrong_sizes_are_refused_before_anything_is_simulated(validation, capsys, option, value):
    with pytest.raises(SystemExit) as end:
        validation.__main__.main([f"--{option}", value])
    assert end.value.code == 2
    assert "expected" in capsys.readouterr().err
