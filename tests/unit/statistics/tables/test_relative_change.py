"""Ratios to the baseline: three scales by hand, zeros left out and counted, families apart."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cytotrial.statistics.tables.relative_change import relative_change
from cytotrial.statistics_columns import RELATIVE_CHANGE

# x of 1,000 events
COUNTS = {
    ("A1", "W0"): 100, ("A1", "W2"): 200,
    ("A2", "W0"): 50, ("A2", "W2"): 50,
    ("A3", "W0"): 0, ("A3", "W2"): 40,
    ("B1", "W0"): 0, ("B1", "W2"): 10,
    ("B2", "W0"): 30, ("B2", "W2"): 60,
}  # fmt: skip
KEY = {"analysis_set": "mitt", "arm": "IL2", "subset": "nk", "visit": "W2"}


def share(x: int) -> float:
    return (x + 0.5) / 1001


@pytest.fixture
def observations(observe) -> pd.DataFrame:
    table = observe({key: x / 10 for key, x in COUNTS.items()})
    shares = np.array([share(x) for x in COUNTS.values()])
    return table.assign(logit=np.log(shares / (1 - shares)))


def test_a_row_for_every_scale(plan, subjects, observations):
    rows = relative_change(observations, subjects, plan)

    assert len(rows) == 2 * 2 * 3 * 2 * 3
    assert all(set(row) == set(RELATIVE_CHANGE.columns) for row in rows)
    assert len({tuple(row[k] for k in RELATIVE_CHANGE.key) for row in rows}) == len(rows)


def test_logits_become_odds_ratios(plan, subjects, observations, find):
    row = find(relative_change(observations, subjects, plan), **KEY, scale="logit")

    odds = {x: (x + 0.5) / (1000.5 - x) for x in (0, 40, 50, 100, 200)}
    changes = np.log([odds[200] / odds[100], odds[50] / odds[50], odds[40] / odds[0]])
    assert row["n_pairs"] == 3
    assert row["ratio"] == pytest.approx(math.exp(changes.mean()), rel=1e-13)
    test = stats.ttest_1samp(changes, 0.0)
    assert (row["t"], row["p_value"]) == pytest.approx((test.statistic, test.pvalue), rel=1e-11)
    limits = np.exp(test.confidence_interval())
    assert (row["ratio_low"], row["ratio_high"]) == pytest.approx(tuple(limits), rel=1e-11)
    assert row["wilcoxon_p"] == 0.5 and row["note"] == "Wilcoxon without 1 zero change(s)"


def test_pairs_with_a_zero_have_no_fold_change_and_are_counted(plan, subjects, observations, find):
    rows = relative_change(observations, subjects, plan)

    row = find(rows, **KEY, scale="log2")  # from 10 to 20 %, from 5 to 5 %
    assert (row["n_pairs"], row["mean_change"]) == (2, pytest.approx(0.5, rel=1e-14))
    assert row["ratio"] == pytest.approx(math.sqrt(2), rel=1e-14)
    assert row["note"].startswith("1 pair(s) with 0 % left out")
    other = find(rows, **KEY | {"arm": "PBO"}, scale="log2")
    assert (other["n_pairs"], other["ratio"]) == (1, 2.0)
    assert "one pair" in other["note"] and "1 pair(s) with 0 % left out" in other["note"]


def test_shares_with_half_an_event_more_have_a_fold_change_of_every_pair(plan, subjects, observations, find):
    row = find(relative_change(observations, subjects, plan), **KEY, scale="log2_corrected")

    product = share(200) / share(100) * share(40) / share(0)
    assert row["n_pairs"] == 3
    assert row["ratio"] == pytest.approx(product ** (1 / 3), rel=1e-13)
    assert row["mean_change"] == pytest.approx(math.log2(product) / 3, rel=1e-13)


def test_where_every_pair_has_a_zero_there_is_no_fold_change(plan, subjects, observe, find):
    zero = observe({("A1", "W0"): 0.0, ("A1", "W2"): 0.0, ("A2", "W0"): 0.0, ("A2", "W2"): 3.0}).assign(logit=-7.0)

    rows = relative_change(zero, subjects, plan)

    row = find(rows, **KEY, scale="log2")
    assert row["n_pairs"] == 0 and math.isnan(row["ratio"])
    assert row["note"] == "2 pair(s) with 0 % left out, which has no logarithm; no pairs"
    same = find(rows, **KEY, scale="logit")
    assert same["ratio"] == 1.0 and math.isnan(same["ratio_low"]) and "no variance" in same["note"]
    assert find(rows, **KEY | {"arm": "PBO"}, scale="log2")["note"] == "no usable value at W0"


@pytest.mark.parametrize(("percent", "told"), [(0.0, "no event in any sample"), (100.0, "every event in all samples")])
def test_logits_of_the_denominators_alone_are_not_tested(plan, subjects, observe, find, percent, told):
    values = {(f"A{i}", visit): percent for i in (1, 2, 3) for visit in ("W0", "W2")}
    moving = {("B1", "W0"): percent, ("B1", "W2"): 50.0, ("B2", "W0"): percent, ("B2", "W2"): percent}
    observations = observe(values | moving).assign(logit=[-7.0, -9.1, -7.1, -9.3, -7.2, -9.2, -7.0, 0.0, -7.0, -7.1])

    rows = relative_change(observations, subjects, plan)

    for scale in ("logit", "log2_corrected"):
        row = find(rows, **KEY, scale=scale)
        assert (row["n_pairs"], row["note"]) == (3, f"{told}: logits would differ by the denominators alone")
        assert all(math.isnan(row[name]) for name in {*RELATIVE_CHANGE.columns[6:]} - {"n_pairs", "note"})
        assert math.isfinite(find(rows, **KEY | {"arm": "PBO"}, scale=scale)["p_value"]), "the other arm is another row"


def test_percentages_without_counts_say_so(plan, subjects, observations, find):
    rows = relative_change(observations.assign(logit=math.nan), subjects, plan)

    assert find(rows, **KEY, scale="logit")["note"] == "no counts at W0, no logit"
    assert find(rows, **KEY, scale="log2")["n_pairs"] == 2


def test_a_family_is_one_set_arm_and_scale(plan, subjects, observations, find):
    primary = observations.assign(subset="treg", denominator="cd4", logit=lambda t: t["logit"] ** 3)
    rows = relative_change(
        pd.concat([observations, primary, primary.assign(denominator="lymphocytes")]), subjects, plan
    )

    for scale in ("logit", "log2_corrected"):
        nk, treg = (find(rows, **KEY | {"subset": s, "denominator": d}, scale=scale) for s, d in
                    (("nk", "lymphocytes"), ("treg", "cd4")))  # fmt: skip
        assert min(nk["p_holm"], treg["p_holm"]) == pytest.approx(2 * min(nk["p_value"], treg["p_value"]), rel=1e-14)
        assert max(nk["p_bh"], treg["p_bh"]) == pytest.approx(max(nk["p_value"], treg["p_value"]), rel=1e-14)
        other = find(rows, **KEY | {"subset": "treg", "denominator": "lymphocytes"}, scale=scale)
        assert math.isfinite(other["p_value"]) and math.isnan(other["p_holm"])


def test_no_observation_and_no_subject(plan, subjects, observe):
    empty = observe({}).assign(logit=[])

    assert {row["note"] for row in relative_change(empty, subjects, plan)} == {"no usable value at W0"}
    nobody = relative_change(empty, subjects.iloc[:0], plan)
    assert {row["note"] for row in nobody} == {"no subject of this arm in the analysis set"}
