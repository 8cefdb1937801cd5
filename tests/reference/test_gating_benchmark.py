"""The gating benchmark's own arithmetic, worked by hand, and what it calls the same blood."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cytotrial.simulate.fcs.keywords import MODEL
from cytotrial.simulate.trial.plan import plan_samples, recipe_of
from cytotrial.simulate.tube import simulate_tube

MODULES = ("compare", "designs", "document", "markdown", "measures", "options", "replicates", "targets", "__main__")


@pytest.fixture(scope="module")
def gating(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        yield SimpleNamespace(**{name: importlib.import_module(f"benchmarks.gating.{name}") for name in MODULES})


@pytest.fixture(scope="module")
def numbers(gating):
    """A maker of rows of `compare.COLUMNS` from (subject, arm, visit, truth, measured) and columns to change."""

    def make(rows, **columns):
        frame = pd.DataFrame(rows, columns=["subject_id", "arm", "visit", "truth", "measured"])
        said = {"subset": "nk", "denominator": "lymphocytes", "is_primary": True, "qc_flag": "ok", "status": "ok"}
        said |= {"design": "clinic", "seed": 1, "batch": frame["visit"], "truth_of_n": 10_000, "gate_reason": "a | b"}
        said |= {"flagged": False, "gate_flagged": False, "sample_id": frame["subject_id"] + "_" + frame["visit"]}
        return gating.compare.with_errors(frame.assign(**(said | columns)))

    return make


def test_errors_worked_by_hand(numbers):
    rows = numbers(
        [
            ("a", "x", "W0", 20.0, 21.0),
            ("b", "x", "W0", 20.0, 22.1),
            ("c", "x", "W0", 20.0, None),
            ("d", "x", "W0", 0.0, 1.0),
        ]
    )
    assert rows["error"].tolist()[:2] == pytest.approx([1.0, 2.1])
    assert rows["error_%"].tolist()[:2] == pytest.approx([5.0, 10.5])
    assert rows["counting_sd_%"][0] == pytest.approx(2.0)  # 100 x root(0.8 / (0.2 x 10 000))
    assert rows["bad"].tolist() == [False, True, False, False]  # not measured, and of nothing, is no bad placement
    assert rows["error_%"].isna().tolist() == [False, False, True, True]


def test_figures_worked_by_hand(gating, numbers):
    rows = numbers(
        [
            ("a", "IL2", "W0", 10.0, 10.2),
            ("b", "IL2", "W0", 20.0, 24.0),
            ("c", "PBO", "W0", 30.0, 24.0),
            ("d", "PBO", "W0", 40.0, None),
        ],
        flagged=[True, True, False, False],
        gate_flagged=[False, True, False, False],
    )
    found = gating.measures.figures(rows, baseline="W0", active="IL2")
    assert (found["files"], found["measured"], found["not_reported"]) == (4, 3, 1)
    assert found["bias_%"] == pytest.approx(2 / 3)  # +2, +20, -20
    assert found["sd_%"] == pytest.approx(20.0333, abs=1e-3)  # deviations 4/3, 58/3, -62/3
    assert found["rmse_%"] == pytest.approx(math.sqrt((4 + 400 + 400) / 3))
    assert found["rmse"] == pytest.approx(math.sqrt((0.04 + 16 + 36) / 3))
    assert (found["within_10_%"], found["within_15_%"]) == (25.0, 25.0)
    assert found["beyond_counting_%"] == pytest.approx(100 * 2 / 3)  # 3 SDs of 10 % of 10 000 are 9 %; of 20 %: 6 %
    assert (found["bad"], found["bad_flagged"], found["bad_gate_flagged"], found["bad_unflagged"]) == (2, 1, 1, 1)
    assert found["good_flagged_%"] == 100.0


def test_within_bounds_are_shares_of_all_files_and_the_edge_is_within(gating, numbers):
    rows = numbers([("a", "x", "W0", 10.0, 11.0), ("b", "x", "W0", 10.0, 8.6), ("c", "x", "W0", 10.0, None)])
    found = gating.measures.figures(rows, baseline="W0", active="x")
    assert found["within_10_%"] == pytest.approx(100 / 3)
    assert found["within_15_%"] == pytest.approx(200 / 3)


def test_spread_of_the_truth_is_that_within_trials(gating):
    """Trials of 1, 3 (variance 2, one degree of freedom) and 10, 10, 10 (0, two): the root of 2 / 3."""
    baseline = pd.DataFrame({"seed": [1, 1, 2, 2, 2], "truth": [1.0, 3.0, 10.0, 10.0, 10.0]})
    assert gating.measures.between_subject_sd(baseline) == pytest.approx(math.sqrt(2 / 3))
    assert math.isnan(gating.measures.between_subject_sd(baseline.iloc[:1]))


def test_standard_error_counts_what_goes_wrong_together_once(gating):
    scores = pd.Series([1.0, 1.0, -1.0, -1.0])
    together = gating.measures.clustered_se(scores, pd.Series(["a", "a", "b", "b"]))
    apart = gating.measures.clustered_se(scores, pd.Series(["a", "b", "c", "d"]))
    assert together == pytest.approx(4.0)  # root of 2 / 1 x (2^2 + 2^2)
    assert apart == pytest.approx(math.sqrt(16 / 3))  # root of 4 / 3 x 4
    assert math.isnan(gating.measures.clustered_se(scores, pd.Series(["a"] * 4)))


def test_standard_error_of_independent_files_is_the_usual_one(gating):
    random = np.random.default_rng(5)
    values = pd.Series(random.standard_normal(400))
    scores = (values - values.mean()) / len(values)
    se = gating.measures.clustered_se(scores, pd.Series(np.arange(400)))
    assert se == pytest.approx(values.std() / 20, rel=1e-9)


def test_arms_are_compared_visit_by_visit(gating, numbers):
    """Errors +1 and 0 at W0, +3 and -1 at W10; the truth's SD at W0 is 2: the arms differ most at W10, by 2 SDs."""
    rows = numbers(
        [
            *(("a", "IL2", "W0", 10.0, 11.0), ("b", "PBO", "W0", 12.0, 12.0), ("c", "PBO", "W0", 14.0, 14.0)),
            *(("a", "IL2", "W10", 15.0, 18.0), ("b", "PBO", "W10", 12.0, 10.0), ("c", "PBO", "W10", 14.0, 14.0)),
        ]
    )
    found = gating.measures.arm_by_visit(rows, 2.0, active="IL2")
    assert gating.measures.between_subject_sd(rows[rows["visit"] == "W0"]) == pytest.approx(2.0)
    assert (found.value, found.visit) == (pytest.approx(2.0), "W10")
    # left over on the one day of W10 are 0, -1 and +1, with one degree of freedom: root of 2 x (1 + 1 / 2)
    assert found.se == pytest.approx(math.sqrt(3.0) / 2.0)
    assert math.isnan(gating.measures.arm_by_visit(rows[rows["arm"] == "IL2"], 2.0, active="IL2").value)


def test_what_a_day_does_to_both_arms_is_no_error_of_their_difference(gating):
    """Each day IL2 has 1 and 3, PBO 0 and -2, all of it 100 higher on the second: left are eight times 1."""
    errors = pd.Series([1.0, 3.0, 0.0, -2.0, 101.0, 103.0, 100.0, 98.0])
    treated = pd.Series([True, True, False, False] * 2)
    days = pd.Series(["1"] * 4 + ["2"] * 4)
    se = gating.measures.difference_se(errors, treated, days)
    assert se == pytest.approx(math.sqrt(8 / 5 * (1 / 4 + 1 / 4)))  # 8 files, 2 days and 1 arm taken off
    assert math.isnan(gating.measures.difference_se(errors[:2], pd.Series([True, False]), days[:2]))


def test_standard_error_of_the_arms_is_that_of_drawing_them_anew(gating, numbers):
    """On three days with errors of their own: the SD of the difference when arms are drawn again within the days."""
    random = np.random.default_rng(11)
    errors = random.standard_normal(60) + np.repeat([0.0, 4.0, -3.0], 20)
    days = pd.Series(np.repeat(["1", "2", "3"], 20))
    differences = []
    for _ in range(2000):
        treated = np.concatenate([random.permutation([True, False] * 10) for _ in range(3)])
        differences.append(errors[treated].mean() - errors[~treated].mean())
    se = gating.measures.difference_se(pd.Series(errors), pd.Series([True, False] * 30), days)
    assert se == pytest.approx(np.std(differences), rel=0.08)


def test_trend_is_taken_subject_by_subject(gating, numbers):
    """Changes -2 and -4 in the subjects who have both visits; d, who has no baseline, would have made it -0.3."""
    rows = numbers(
        [
            *(("a", "IL2", "W0", 10.0, 11.0), ("b", "PBO", "W0", 10.0, 12.0), ("c", "PBO", "W0", 10.0, 10.0)),
            *(("a", "IL2", "W2", 10.0, 9.0), ("b", "PBO", "W2", 10.0, 8.0), ("d", "PBO", "W2", 10.0, 15.0)),
        ],
        batch=["1", "2", "2", "3", "4", "4"],
    )
    found = gating.measures.trend(rows, 2.0, baseline="W0")
    assert (found.value, found.visit) == (pytest.approx(-1.5), "W2")
    assert found.se == pytest.approx(math.sqrt(2 * (0.5**2 + 0.5**2)) / 2.0)
    assert gating.measures.trend(rows[rows["visit"] == "W0"], 2.0, baseline="W0").visit == "none"


def test_targets_hold_in_absolute_value_and_are_not_met_by_nothing(gating):
    target = next(one for one in gating.targets.TARGETS if one.figure == "bias_%")
    assert [target.met("nk", value) for value in (-3.0, -3.1, 2.0, float("nan"))] == [True, False, True, False]
    assert [target.met("treg", value) for value in (-9.0, 11.0)] == [True, False]
    ccc = next(one for one in gating.targets.TARGETS if one.figure == "ccc" and "clinic" in one.profiles)
    assert [ccc.met("nk", value) for value in (0.98, 0.979, -1.0, float("nan"))] == [True, False, False, False]


def test_every_target_is_of_a_figure_and_a_profile_that_are_there(gating):
    assert {one.figure for one in gating.targets.TARGETS} <= set(gating.measures.WORDS)
    profiles = {gating.designs.trial_and_profile(design)[1] for design in gating.designs.DESIGNS}
    assert {profile for one in gating.targets.TARGETS for profile in one.profiles} <= profiles
    assert all(set(one.bounds) == set(gating.targets.SUBSETS) for one in gating.targets.TARGETS)


# The page


def page_of(gating, rows, worst):
    results = gating.document.Results(gating.designs.Size(seeds=(1,)), {"he2020/hard": rows}, {})
    return gating.document.document(results, worst=worst)


@pytest.fixture(scope="module")
def bad_rows(numbers):
    """NK under two denominators: of lymphocytes one good and three bad, one of them flagged."""
    found = [("a", "IL2", "W0", 10.0, 10.1), ("b", "PBO", "W0", 20.0, 10.0), ("c", "PBO", "W0", 20.0, 15.0)]
    primary = numbers([*found, ("d", "IL2", "W0", 30.0, 20.0)], flagged=[False, False, False, True], design="hard")
    other = numbers([*found, ("d", "IL2", "W0", 30.0, 20.0)], denominator="live", is_primary=False, design="hard")
    return pd.concat([primary, other], ignore_index=True)


def test_page_says_what_falls_short(gating, bad_rows):
    page = page_of(gating, bad_rows, None)
    assert "0 of 2 targets are met" in page
    assert "| he2020/hard | nk | without a flag | 2 | at most 0 |" in page and "| 2 **SHORT** |" in page
    assert "SYNTHETIC" in page.splitlines()[0]
    assert page == page_of(gating, bad_rows, None)


def test_page_names_bad_placements_without_a_flag_the_worst_first(gating, bad_rows):
    def named(page):
        return [line.split(" | ")[2:7] for line in page.splitlines() if line.endswith("| a / b |")]

    worst = ["b_W0", "nk", "20.00", "10.00", "-50"]
    assert named(page_of(gating, bad_rows, None)) == [worst, ["c_W0", "nk", "20.00", "15.00", "-25"]]
    assert named(page_of(gating, bad_rows, 1)) == [worst]


def test_page_in_docs_is_of_this_simulation_model(checkout):
    """Else its figures are of files that are no longer made: run `make bench-accuracy`."""
    assert MODEL in (checkout / "docs" / "accuracy.md").read_text(encoding="utf-8")


# What is simulated


def test_designs_that_cannot_be_are_refused(gating):
    assert [gating.designs.design_named(name) for name in ("null", "lupil2/clinic")] == ["he2020/null", "lupil2/clinic"]
    for wrong in ("clinc", "lupil3/clinic", ""):
        with pytest.raises(ValueError, match="expected PROFILE or TRIAL/PROFILE"):
            gating.designs.design_named(wrong)
    size = gating.designs.Size(visits={"he2020": ("W2", "W10")})
    with pytest.raises(ValueError, match="expected W0 and others"):
        gating.designs.plan_of("he2020/clinic", 1, size)
    with pytest.raises(ValueError, match="expected W0 and others"):
        gating.designs.plan_of("he2020/clinic", 1, replace(size, visits={"he2020": ("W0", "W3")}))


def test_default_designs_can_all_be_planned(gating):
    for design in gating.designs.DESIGNS:
        plan = gating.designs.plan_of(design, gating.designs.SEEDS[0], gating.designs.Size())
        assert len(plan.visits) == 5 and plan.visits[0][0] == gating.designs.baseline_of(design)
        assert gating.designs.active_arm_of(design) in {one.subject.arm for one in plan_samples(plan)}


# The same blood


@pytest.fixture(scope="module")
def stained(gating):
    """(several days?) -> recipes of three tubes of one blood, and their events."""
    plan = gating.designs.plan_of("he2020/clinic", 3, gating.designs.Size(subjects_per_arm=1, events=4000))
    first = plan_samples(plan)[:1]

    def make(several_days):
        again = gating.replicates.stained_again(first, several_days=several_days)
        recipes = [recipe_of(plan, one).parameters for one in again.samples]
        tubes = [simulate_tube(one, seed=3, key=(s.sample_id,)) for one, s in zip(recipes, again.samples, strict=True)]
        return again, recipes, tubes

    return make


@pytest.mark.parametrize("several_days", [False, True])
def test_replicates_are_one_blood_in_three_stainings(stained, several_days):
    again, recipes, tubes = stained(several_days)
    assert list(again.number.values()) == ["1", "2", "3"] and len({one.sample_id for one in again.samples}) == 3
    blood = ("nk_of_lymphocytes", "cd4_of_cd3", "cd8_of_cd3", "treg_of_cd4", "cd56bright_of_nk", "b_of_lymphocytes")
    for name in blood:
        assert len({getattr(one.composition, name) for one in recipes}) == 1, name
    assert recipes[0].kinds == recipes[1].kinds == recipes[2].kinds
    assert len({one.composition.dead for one in recipes}) == 3
    assert len({tuple(sorted(one.staining.items())) for one in recipes}) == 3
    assert len({tube.events.tobytes() for tube in tubes}) == 3
    days = 3 if several_days else 1
    assert len({tuple(sorted(one.gain.items())) for one in recipes}) == days
    assert len({one.recorded_spillover.tobytes() for one in recipes}) == days


def test_one_day_and_three_days_are_of_the_same_cells(stained):
    """So that what differs between their tables is the instrument's days."""
    one, three = (stained(several_days)[2] for several_days in (False, True))
    for first, second in zip(one, three, strict=True):
        assert np.array_equal(first.labels, second.labels)
        assert not np.array_equal(first.events, second.events)


def test_repeatability_worked_by_hand(gating, numbers):
    """Two bloods, true CVs 10 and 0 %, measured 20 and 0 %: root mean squares 7.07 and 14.14, added 12.25."""
    rows = numbers(
        [
            *(("a", "x", "W0", 9.0, 8.0), ("a", "x", "W0", 10.0, 10.0), ("a", "x", "W0", 11.0, 12.0)),
            *(("b", "x", "W0", 5.0, 6.0), ("b", "x", "W0", 5.0, 6.0), ("b", "x", "W0", 7.0, None)),
            ("c", "x", "W0", 5.0, 6.0),
        ]
    )
    found = gating.replicates.repeatability(rows).loc["nk"]
    assert found["bloods"] == 2
    assert found["cv_true_%"] == pytest.approx(10 / math.sqrt(2))
    assert found["cv_measured_%"] == pytest.approx(20 / math.sqrt(2))
    assert found["cv_added_%"] == pytest.approx(math.sqrt(150))
    ratios = np.array([[8 / 9, 1.0, 12 / 11], [1.2, 1.2, np.nan]])
    cvs = 100 * np.nanstd(ratios, axis=1, ddof=1) / np.nanmean(ratios, axis=1)
    assert found["cv_ratio_%"] == pytest.approx(math.sqrt((cvs**2).mean()))
    assert found["cv_analyst_%"] == 2.5


def test_gating_that_scatters_less_than_the_truth_adds_nothing(gating, numbers):
    rows = numbers([("a", "x", "W0", 9.0, 10.0), ("a", "x", "W0", 11.0, 10.0)])
    found = gating.replicates.repeatability(rows).loc["nk"]
    assert (found["cv_measured_%"], found["cv_added_%"]) == (0.0, 0.0) and found["cv_true_%"] > 10
