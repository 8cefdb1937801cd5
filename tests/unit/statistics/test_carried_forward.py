"""Last observations carried forward: which, how far, under which name, and only where asked for."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.statistics.carried_forward import carried_forward
from cytotrial.statistics.tables.change import change_from_baseline


@pytest.fixture
def asked(plan):
    return replace(plan, visits=("W0", "W2", "W4", "W6"), is_locf_asked=True)


def with_logits(observations: pd.DataFrame) -> pd.DataFrame:
    return observations.assign(logit=observations["percent"] / 10)


def values(observations: pd.DataFrame, column: str = "percent") -> dict:
    return {(row.subject_id, row.visit): getattr(row, column) for row in observations.itertuples()}


def test_only_who_asks_gets_it(subjects, plan, observe):
    with pytest.raises(ValueError, match="only where the plan asks"):
        carried_forward(observe({}), subjects, plan)


def test_the_last_post_baseline_value_stands_in_and_the_baseline_never(subjects, asked, observe):
    seen = {("A1", "W0"): 1.0, ("A1", "W2"): 2.0, ("A2", "W0"): 5.0, ("B1", "W4"): 7.0}

    observations, _, _ = carried_forward(with_logits(observe(seen)), subjects, asked)

    carried = {("A1", "W4"): 2.0, ("A1", "W6"): 2.0, ("B1", "W6"): 7.0}
    assert values(observations) == seen | carried
    assert values(observations, "logit")["B1", "W6"] == 0.7


def test_a_gap_is_filled_and_what_was_seen_stays(subjects, asked, observe):
    seen = {("A1", "W0"): 1.0, ("A1", "W2"): 2.0, ("A1", "W6"): 3.0}

    observations, _, _ = carried_forward(with_logits(observe(seen)), subjects, asked)

    assert values(observations) == seen | {("A1", "W4"): 2.0}


def test_each_subset_and_denominator_for_itself(subjects, asked, observe):
    both = [observe({("A1", "W2"): 2.0}), observe({("A1", "W4"): 9.0}, "treg", "cd4")]

    observations, _, _ = carried_forward(with_logits(pd.concat(both)), subjects, asked)

    assert values(observations[observations["subset"] == "nk"]) == {("A1", v): 2.0 for v in ("W2", "W4", "W6")}
    assert values(observations[observations["subset"] == "treg"]) == {("A1", v): 9.0 for v in ("W4", "W6")}


def test_a_value_without_counts_gets_no_logit_from_before(subjects, asked, observe):
    observations = with_logits(observe({("A1", "W2"): 2.0, ("A1", "W4"): 3.0}))
    observations.loc[observations["visit"] == "W4", "logit"] = float("nan")

    logits = values(carried_forward(observations, subjects, asked)[0], "logit")

    assert logits["A1", "W2"] == 0.2
    assert pd.isna(logits["A1", "W4"]) and pd.isna(logits["A1", "W6"])


def test_the_results_are_a_set_of_their_own(subjects, asked, observe, find):
    seen = {("A1", "W0"): 1.0, ("A1", "W2"): 2.0, ("A2", "W0"): 1.0, ("A2", "W6"): 4.0}

    observations, labelled, plan = carried_forward(with_logits(observe(seen)), subjects, asked)
    rows = change_from_baseline(observations, labelled, plan)

    assert {row["analysis_set"] for row in rows} == {"mitt_locf"}
    row = find(rows, arm="IL2", subset="nk", visit="W6")
    assert (row["n_pairs"], row["mean_change"]) == (2, 2.0)
    assert list(subjects.columns) == ["subject_id", "arm", "mitt", "pp"], "the caller's own table stays"


def test_nothing_to_carry(subjects, asked, observe):
    for seen in ({}, {("A1", "W0"): 1.0}):
        observations, _, _ = carried_forward(with_logits(observe(seen)), subjects, asked)
        assert values(observations) == seen
