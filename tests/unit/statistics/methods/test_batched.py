"""Every batched test against the function for one data set, on random, tied, constant and partly missing data."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from cytotrial.statistics.methods import ancova as one_ancova
from cytotrial.statistics.methods import batched, paired, two_samples
from cytotrial.statistics.methods.multiplicity import adjusted

NAN = float("nan")


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def data_sets(rng, n, *, ties=False):
    """Shape (4, 15, n): as they come, a tenth missing, half missing, and nine in ten missing; some all equal."""
    values = rng.normal(20.0, 6.0, size=(4, 15, n))
    values = np.round(values / 4.0) if ties else values
    for part, share in enumerate((0.0, 0.1, 0.5, 0.9)):
        values[part][rng.random((15, n)) < share] = NAN
    values[:, 0] = np.where(np.isnan(values[:, 0]), NAN, 7.3)
    values[:, 1] = NAN
    return values


def kept(*arrays):
    is_there = ~np.isnan(arrays).any(axis=0)
    return [array[is_there] for array in arrays]


def assert_equal(batch, index, row, names):
    found = [float(getattr(batch, name)[index]) for name in names.values()]
    assert found == pytest.approx([float(row[name]) for name in names], rel=1e-10, abs=1e-12, nan_ok=True), index


PAIRED = {n: n for n in ("n_pairs", "mean_change", "sd_change", "ci_low", "ci_high", "t", "p_value")}
ANCOVA = {n: n for n in ("n_active", "n_control", "estimate", "se", "df", "ci_low", "ci_high", "p_value")}
WELCH = {"mean_difference": "mean_difference", "welch_df": "df", "welch_p": "p_value"}
WELCH |= {"welch_low": "ci_low", "welch_high": "ci_high"}


@pytest.mark.parametrize(("n", "ties"), [(1, False), (2, True), (7, True), (60, False)])
def test_paired_t_is_that_of_one_data_set(n, ties):
    rng = np.random.default_rng(n)
    before, after = data_sets(rng, n, ties=ties), data_sets(rng, n, ties=ties)
    after[:, 2] = before[:, 2] + 0.1  # equal changes but for rounding
    batch = batched.paired_t(before, after)
    assert batch.t.shape == (4, 15)
    for index in np.ndindex(4, 15):
        assert_equal(batch, index, paired.paired_t(*kept(before[index], after[index])), PAIRED)


@pytest.mark.parametrize(("m", "n", "ties"), [(1, 1, False), (3, 4, True), (20, 20, False), (20, 20, True)])
@pytest.mark.parametrize("more", [0, 30])
def test_mann_whitney_is_that_of_one_data_set(m, n, ties, more):
    rng = np.random.default_rng(m + n)
    active, control = data_sets(rng, m + more, ties=ties), data_sets(rng, n, ties=ties)
    active[:, 3], control[:, 3] = 7.0, 7.0
    batch, shift = batched.mann_whitney(active, control), batched.hodges_lehmann(active, control)
    for index in np.ndindex(4, 15):
        first, second = kept(active[index])[0], kept(control[index])[0]
        u, p_value, _ = two_samples.rank_sum_test(first, second)
        found = [batch.u[index], batch.p_value[index], batch.n_active[index], batch.n_control[index]]
        assert found == pytest.approx([u, p_value, first.size, second.size], rel=1e-12, nan_ok=True)
        if first.size and second.size:
            assert batch.auc[index] == u / (first.size * second.size)
            assert shift[index] == two_samples.hodges_lehmann(first, second)[0]
        else:
            assert math.isnan(batch.auc[index])
            assert math.isnan(shift[index])


def test_the_shift_is_the_same_in_small_portions(monkeypatch):
    rng = np.random.default_rng(5)
    active, control = data_sets(rng, 12), data_sets(rng, 9)
    at_once = batched.hodges_lehmann(active, control)
    monkeypatch.setattr(batched, "MOST_DIFFERENCES", 200)
    np.testing.assert_array_equal(batched.hodges_lehmann(active, control), at_once)


def test_the_exact_p_has_every_order_of_the_values_once():
    # 5 choose 2 = 10 orders: U of the active arm 0 1 2 3 4 5 6 in 1 1 2 2 2 1 1 of them.
    assert batched._exact_table(2, 3) == pytest.approx([0.2, 0.4, 0.8, 1.0, 0.8, 0.4, 0.2])


@pytest.mark.parametrize(("n", "ties"), [(1, False), (4, False), (9, True), (60, False)])
def test_ancova_is_that_of_one_data_set(n, ties):
    rng = np.random.default_rng(n)
    before, after = data_sets(rng, n, ties=ties), data_sets(rng, n, ties=ties)
    after[:, 2] = 2.0 * before[:, 2] + 1.0  # nothing left over
    before[:, 3] = 1e9  # no variance of the baseline
    is_active = np.arange(n) % 2 == 0
    before[:, 4] = np.where(is_active, 1.0, 2.0)  # none within the arms
    before[:, 5][:, is_active] = NAN
    batch = batched.ancova(before, after, is_active)
    for index in np.ndindex(4, 15):
        row = one_ancova.ancova(*kept(before[index], after[index], is_active.astype(float)))
        assert_equal(batch, index, row, ANCOVA)


@pytest.mark.parametrize(("m", "n", "ties"), [(1, 5, False), (2, 2, True), (30, 20, False)])
def test_welch_is_that_of_one_data_set(m, n, ties):
    rng = np.random.default_rng(m + n)
    active, control = data_sets(rng, m, ties=ties), data_sets(rng, n, ties=ties)
    batch = batched.welch(active, control)
    for index in np.ndindex(4, 15):
        row = two_samples.welch(kept(active[index])[0], kept(control[index])[0])
        assert_equal(batch, index, row, WELCH)


def test_adjusted_p_values_are_those_of_one_family():
    rng = np.random.default_rng(3)
    p_values = np.round(rng.random((4, 15, 12)) ** 3, 3)
    p_values[rng.random(p_values.shape) < 0.2] = NAN
    p_values[0] = NAN
    p_holm, p_bh = batched.holm(p_values), batched.benjamini_hochberg(p_values)
    for index in np.ndindex(4, 15):
        expected = adjusted(p_values[index])
        np.testing.assert_array_equal(p_holm[index], expected[0])
        np.testing.assert_array_equal(p_bh[index], expected[1])


def test_one_data_set_and_none():
    assert float(batched.paired_t([10.0, 20.0, 30.0], [11.0, 22.0, 33.0]).p_value) == pytest.approx(0.0742, abs=5e-5)
    assert batched.paired_t(np.empty((0, 5)), np.empty((0, 5))).p_value.shape == (0,)
    assert np.isnan(batched.mann_whitney(np.empty((3, 0)), np.ones((3, 2))).p_value).all()
    assert np.isnan(batched.mann_whitney(np.empty((3, 0)), np.empty((3, 0))).u).all()
    assert batched.holm(np.empty((2, 0))).shape == (2, 0)


def test_a_leading_axis_of_one_sample_alone_broadcasts():
    control = np.array([1.0, 2.0, 4.0])
    active = np.array([[3.0, 5.0, 6.0], [0.0, 0.5, NAN]])
    assert batched.mann_whitney(active, control).u == pytest.approx([8.0, 0.0])
    assert batched.welch(active, control).mean_difference == pytest.approx([14 / 3 - 7 / 3, 0.25 - 7 / 3])
    assert batched.ancova(control, active, [True, False, False]).n_active == pytest.approx([1, 1])
