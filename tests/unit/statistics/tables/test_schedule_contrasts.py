"""Peak, trough, their difference, the average and what stays: by hand, with a model that a test made up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import pytest

from cytotrial.statistics.plan import PlannedSubset, Schedule
from cytotrial.statistics.tables.schedule_contrasts import schedule_contrasts
from cytotrial.statistics_columns import SCHEDULE_CONTRASTS

NK = PlannedSubset("nk", ("lymphocytes",))
KEY = ("mitt", "nk", "lymphocytes")
# Changes: A1 4 2 1, A2 6 4 3; A3 misses W4.
SEEN = {
    ("A1", "W0"): 10.0, ("A1", "W2"): 14.0, ("A1", "W4"): 12.0, ("A1", "W6"): 11.0,
    ("A2", "W0"): 20.0, ("A2", "W2"): 26.0, ("A2", "W4"): 24.0, ("A2", "W6"): 23.0,
    ("A3", "W0"): 30.0, ("A3", "W2"): 35.0, ("A3", "W6"): 39.0,
    ("B1", "W2"): 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Estimated:
    estimate: float
    se: float
    df: float


@dataclass(frozen=True)
class Model:
    """Arms that differ by known amounts."""

    differences: Mapping[str, float]
    se: float = 0.5
    covariance: str = "unstructured"
    n_subjects: int = 5
    df: float = 1.0

    @property
    def visits(self) -> tuple[str, ...]:
        return tuple(self.differences)

    def effect(self, weights: Mapping[str, float]) -> Estimated:
        return Estimated(sum(weight * self.differences[visit] for visit, weight in weights.items()), self.se, self.df)


@pytest.fixture
def scheduled(plan):
    return replace(
        plan,
        visits=("W0", "W2", "W4", "W6"),
        weeks=(0.0, 2.0, 4.0, 6.0),
        analysis_sets=("mitt",),
        subsets=(NK,),
        schedule=Schedule(("W2",), ("W4",), ("W0", "W2", "W4"), ("W6",)),
    )


def made(observations, subjects, plan, fits=None) -> dict[tuple[str, str, str], dict]:
    rows = schedule_contrasts(observations.assign(logit=observations["percent"] / 10), subjects, plan, fits or {})
    assert all(set(row) == set(SCHEDULE_CONTRASTS.columns) for row in rows)
    return {(row["comparison"], row["scale"], row["contrast"]): row for row in rows}


def test_within_an_arm_by_hand(subjects, scheduled, observe):
    rows = made(observe(SEEN), subjects, scheduled)

    assert len(rows) == 3 * 2 * 5
    peak = rows["IL2", "percent", "peak"]  # 4 6 5: the mean 5, se 1/sqrt(3)
    assert (peak["n_subjects"], peak["estimate"], peak["df"], peak["visits"]) == (3, 5.0, 2, "W2")
    assert peak["se"] == pytest.approx(1 / math.sqrt(3), rel=1e-12)
    assert peak["method"] == "one-sample t, complete subjects" and peak["note"] == ""
    trough = rows["IL2", "percent", "trough"]  # 2 4: t = 3 with one degree of freedom
    assert (trough["n_subjects"], trough["estimate"]) == (2, 3.0)
    assert trough["p_value"] == pytest.approx(1 - 2 * math.atan(3.0) / math.pi, rel=1e-12)
    difference = rows["IL2", "percent", "peak_minus_trough"]
    assert (difference["estimate"], difference["visits"]) == (2.0, "W2 W4")
    assert difference["note"] == "all values are equal: no variance, no test"
    auc = rows["IL2", "percent", "auc"]  # (2 x 4 + 1 x 2) / 4 and (2 x 6 + 1 x 4) / 4
    assert auc["estimate"] == pytest.approx((2.5 + 4.0) / 2)
    assert auc["visits"] == "W2 W4"
    assert rows["IL2", "percent", "carry_over"]["estimate"] == pytest.approx((1 + 3 + 9) / 3)


def test_logits_have_odds_ratios_and_percentage_points_have_none(subjects, scheduled, observe):
    rows = made(observe(SEEN), subjects, scheduled)

    peak = rows["IL2", "logit", "peak"]
    assert peak["estimate"] == pytest.approx(0.5)
    assert peak["odds_ratio"] == pytest.approx(math.exp(0.5))
    assert (peak["or_low"], peak["or_high"]) == pytest.approx((math.exp(peak["ci_low"]), math.exp(peak["ci_high"])))
    assert math.isnan(rows["IL2", "percent", "peak"]["odds_ratio"])


def test_between_the_arms_by_the_model(subjects, scheduled, observe):
    fits = {(*KEY, "percent"): Model({"W2": 3.0, "W4": 1.0, "W6": 0.5})}

    rows = made(observe(SEEN), subjects, scheduled, fits)

    row = rows["IL2-PBO", "percent", "peak_minus_trough"]
    assert (row["estimate"], row["se"], row["df"], row["n_subjects"]) == (2.0, 0.5, 1.0, 5)
    assert row["method"] == "mixed model, unstructured"
    assert row["p_value"] == pytest.approx(1 - 2 * math.atan(4.0) / math.pi, rel=1e-12)
    assert row["ci_high"] == pytest.approx(2.0 + 0.5 * math.tan(0.475 * math.pi), rel=1e-10)
    assert rows["IL2-PBO", "percent", "auc"]["estimate"] == pytest.approx((2 * 3.0 + 1.0) / 4)
    unfitted = rows["IL2-PBO", "logit", "peak"]
    assert math.isnan(unfitted["estimate"]) and unfitted["note"] == "no mixed model, see mixed_model_fit.tsv"


@pytest.mark.filterwarnings("error")
def test_a_visit_that_is_not_in_the_model(subjects, scheduled, observe):
    rows = made(observe(SEEN), subjects, scheduled, {(*KEY, "percent"): Model({"W2": 3.0, "W4": 1.0}, se=0.0)})

    left_out = rows["IL2-PBO", "percent", "carry_over"]
    assert math.isnan(left_out["estimate"]) and left_out["note"] == "not in the mixed model: W6"
    assert left_out["n_subjects"] == 5
    unsure = rows["IL2-PBO", "percent", "peak"]
    assert (unsure["estimate"], unsure["note"]) == (3.0, "no standard error: no test")
    assert math.isnan(unsure["p_value"])


@pytest.mark.parametrize(("df", "told"), [(0.4, "0.4 degrees"), (math.nan, "no degrees")])
def test_less_than_one_degree_of_freedom_is_no_row(subjects, scheduled, observe, df, told):
    rows = made(observe(SEEN), subjects, scheduled, {(*KEY, "logit"): Model({"W2": 3.0, "W4": 1.0}, df=df)})

    row = rows["IL2-PBO", "logit", "peak"]
    assert all(math.isnan(row[name]) for name in ("estimate", "se", "df", "ci_low", "p_value", "odds_ratio", "or_low"))
    assert row["note"] == f"{told} of freedom in the mixed model, too few for a test"


@pytest.mark.filterwarnings("error")
def test_an_odds_ratio_beyond_the_largest_number_is_infinite(subjects, scheduled, observe):
    fits = {(*KEY, "logit"): Model({"W2": 3.0}, se=100.0)}

    row = made(observe(SEEN), subjects, scheduled, fits)["IL2-PBO", "logit", "peak"]

    assert (row["or_low"], row["or_high"]) == (0.0, math.inf)
    assert row["odds_ratio"] == pytest.approx(math.exp(3.0))


@pytest.mark.parametrize(("percent", "told"), [(0.0, "no event in any sample"), (100.0, "every event in all samples")])
def test_logits_of_the_denominators_alone_are_not_averaged(subjects, scheduled, observe, percent, told):
    def rows(percents):
        table = schedule_contrasts(percents.assign(logit=observe(SEEN)["percent"] / 10), subjects, scheduled, {})
        return {(row["comparison"], row["scale"], row["contrast"]): row for row in table}

    seen = observe(SEEN)
    row = rows(seen.assign(percent=percent))["IL2", "logit", "peak"]
    assert (row["n_subjects"], row["note"]) == (3, f"{told}: logits would differ by the denominators alone")
    assert all(math.isnan(row[name]) for name in ("estimate", "se", "df", "ci_low", "p_value", "odds_ratio", "or_low"))
    some = rows(seen.assign(percent=seen["percent"].where(seen["visit"] == "W4", percent)))
    assert math.isnan(some["IL2", "logit", "peak"]["estimate"])
    assert math.isfinite(some["IL2", "logit", "trough"]["p_value"]), "events at W4 are in this one"
    before = rows(seen.assign(percent=seen["percent"].where(seen["visit"] == "W0", percent)))
    assert math.isfinite(before["IL2", "logit", "peak"]["p_value"]), "events at the baseline alone"


def test_percentages_without_counts_say_so(subjects, scheduled, observe):
    uncounted = observe(SEEN).assign(logit=math.nan)

    rows = schedule_contrasts(uncounted, subjects, scheduled, {})

    (peak,) = [row for row in rows if (row["comparison"], row["scale"], row["contrast"]) == ("IL2", "logit", "peak")]
    assert (peak["n_subjects"], peak["note"]) == (0, "no counts at W0, no logit")


@pytest.mark.filterwarnings("error")
def test_arms_without_complete_subjects_say_so(subjects, scheduled, observe):
    rows = made(observe(SEEN), subjects, scheduled)
    assert (rows["PBO", "percent", "peak"]["n_subjects"], rows["PBO", "percent", "peak"]["note"]) == (
        0,
        "no usable value at W0",
    )
    rows = made(observe({**SEEN, ("B2", "W0"): 1.0}), subjects, scheduled)
    assert rows["PBO", "percent", "peak"]["note"] == "no subject has usable values at both W0 and W2"
    rows = made(observe({}), subjects[subjects["arm"] == "IL2"], scheduled)
    assert rows["PBO", "percent", "peak"]["note"] == "no subject of this arm in the analysis set"


def test_visits_without_weeks_have_no_area_and_keep_the_rest(subjects, scheduled, observe):
    rows = made(
        observe(SEEN), subjects, replace(scheduled, weeks=()), {(*KEY, "percent"): Model({"W2": 1.0, "W4": 1.0})}
    )

    for comparison in ("IL2", "IL2-PBO"):
        auc = rows[comparison, "percent", "auc"]
        assert math.isnan(auc["estimate"]) and "weeks of the visits" in auc["note"]
    assert rows["IL2", "percent", "peak"]["estimate"] == 5.0


def test_one_arm_alone_has_no_comparison_and_no_schedule_no_rows(subjects, scheduled, observe):
    alone = replace(scheduled, arms=("IL2",), control=())
    assert {comparison for comparison, _, _ in made(observe(SEEN), subjects, alone)} == {"IL2"}
    assert made(observe(SEEN), subjects, replace(scheduled, schedule=Schedule())) == {}


def test_only_carry_over(subjects, scheduled, observe):
    rows = made(observe(SEEN), subjects, replace(scheduled, schedule=Schedule(carry_over=("W4", "W6"))))

    assert {contrast for _, _, contrast in rows} == {"carry_over"}
    assert rows["IL2", "percent", "carry_over"]["estimate"] == pytest.approx((1.5 + 3.5) / 2)


def test_the_order_of_the_rows_does_not_matter(subjects, scheduled, observe):
    forward = observe(SEEN)

    rows = made(forward, subjects, scheduled)
    again = made(forward.iloc[::-1].reset_index(drop=True), subjects.iloc[::-1], scheduled)
    pd.testing.assert_frame_equal(pd.DataFrame(rows.values()), pd.DataFrame(again.values()), check_exact=True)
