"""Counts of samples to values of subjects: the same as the observations where nothing was changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cytotrial.columns import SUBSETS
from cytotrial.statistics.observations import counting_rows, usable_values
from cytotrial.statistics.survival.percentages import counted_samples

ROWS = [  # sample, subject, visit, x, n, percent, flag
    ("s1", "A1", "W0", 10, 100, 10.0, "ok"),
    ("s2b", "A1", "W2", 30, 100, 30.0, "ok"),
    ("s2a", "A1", "W2", 10, 200, 5.0, "below_lloq"),
    ("s3", "A2", "W0", None, None, 7.0, "ok"),
    ("s4", "B1", "W2", 0, 50, 0.0, "flagged"),
    ("s5", "B1", "W4", 5, 50, 10.0, "not_reported"),
    ("s6", "B2", "W4", 5, 0, None, "ok"),
    ("s7a", "B3", "W0", 20, 100, 20.0, "ok"),
    ("s7b", "B3", "W0", None, None, 40.0, "ok"),
]


@pytest.fixture
def table():
    names = ("sample_id", "subject_id", "visit", "numerator_n", "denominator_n", "percent", "qc_flag")
    rows = [
        dict.fromkeys(SUBSETS.columns)
        | {"subset": "nk", "denominator": "lymphocytes"}
        | {name: cell if cell is None else str(cell) for name, cell in zip(names, row, strict=True)}
        for row in ROWS
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def counted(table, subjects, plan):
    found = {subset: one for subset, _, one in counted_samples(counting_rows(table, plan), subjects, plan)}
    assert found["treg"].sample_ids == ()
    return found["nk"]


def test_samples_are_sorted_by_subject_visit_and_name(counted):
    assert counted.sample_ids == ("s1", "s2a", "s2b", "s3", "s4", "s7a", "s7b")
    assert counted.cells.tolist() == [0, 1, 1, 3, 10, 15, 15] and counted.shape == (6, 3)
    assert counted.flags.tolist()[:3] == ["ok", "below_lloq", "ok"]


def test_values_as_they_are_equal_the_observations(counted, table, subjects, plan):
    values = counted.as_they_are()
    expected = {name: np.full((1, 6, 3), np.nan) for name in ("percent", "logit")}
    names = sorted(subjects["subject_id"])
    for row in usable_values(table, subjects, plan).to_dict("records"):
        for name, matrix in expected.items():
            matrix[0, names.index(row["subject_id"]), plan.visits.index(row["visit"])] = row[name]
    np.testing.assert_allclose(values.percent, expected["percent"], rtol=1e-15)
    np.testing.assert_allclose(values.logit, expected["logit"], rtol=1e-14)
    assert values.percent[0, 0].tolist()[:2] == [10.0, 17.5]
    assert np.isnan(values.logit[0, 5, 0]) and values.percent[0, 5, 0] == 30.0  # one replicate has no counts


def test_a_version_uses_its_samples_alone(counted):
    is_used = np.ones((3, 7), dtype=bool)
    is_used[1, 1] = is_used[2, 1] = is_used[2, 2] = False
    values = counted.as_they_are(is_used)
    assert values.percent[:2, 0, 1].tolist() == [17.5, 30.0]
    assert np.isnan(values.percent[2, 0, 1]) and np.isnan(values.logit[2, 0, 1])
    assert counted.per_cell(~is_used)[:, 0, 1].tolist() == [0, 1, 2]
    assert counted.per_cell(is_used[0]).sum() == 7


def test_other_counts_give_other_values_of_the_moved_samples_alone(counted):
    is_moved = np.array([True, True, True, False, True, False, False])
    inside = np.array([[20.0, 10, 30, 99, 5, 1, 1], [-5.0, 10, 130, 99, 5, 1, 1]])
    total = np.array([[100.0, 100, 100, 99, 0, 1, 1], [100.0, 100, 100, 99, -2, 1, 1]])
    values = counted.with_counts(inside, total, is_moved)
    assert values.percent[:, 0, 0].tolist() == [20.0, 0.0]  # brought to 0
    assert values.percent[:, 0, 1].tolist() == [20.0, 55.0]  # and to the denominator
    assert np.isnan(values.percent[:, 3, 1]).all()  # nothing left to be a part of
    assert values.percent[:, 1, 0].tolist() == [7.0, 7.0] and values.percent[:, 5, 0].tolist() == [30.0, 30.0]
    assert values.logit[0, 0, 0] == pytest.approx(np.log(20.5 / 80.5))
    assert values.logit[1, 0, 0] == pytest.approx(np.log(0.5 / 100.5))
