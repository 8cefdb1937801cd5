"""Pairs worked out on paper, and every way in which there is nothing to test."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cytotrial.statistics.methods.paired import paired_change, paired_t

TESTED = ("ci_low", "ci_high", "t", "df", "p_value", "dz")


def assert_missing(row, columns):
    assert {c: row[c] for c in columns if not math.isnan(row[c])} == {}


def test_three_pairs_by_hand():
    row = paired_change([10.0, 20.0, 30.0], [11.0, 22.0, 33.0])  # changes 1 2 3

    assert (row["n_pairs"], row["mean_baseline"], row["mean_visit"]) == (3, 20.0, 22.0)
    assert (row["mean_change"], row["sd_change"], row["df"]) == (2.0, 1.0, 2)
    assert row["t"] == pytest.approx(2 * math.sqrt(3), rel=1e-14)
    # With 2 degrees of freedom the t distribution has a closed form: p = 1 - t / sqrt(t^2 + 2).
    assert row["p_value"] == pytest.approx(1 - math.sqrt(12) / math.sqrt(14), rel=1e-12)
    half = 4.302652729911275 / math.sqrt(3)  # the table's 97.5 % point of t with 2 df
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((2 - half, 2 + half), rel=1e-9)
    assert row["wilcoxon_p"] == 0.25
    assert (row["hl_change"], row["dz"]) == (2.0, 2.0)
    assert_missing(row, ("hl_low", "hl_high"))  # all up is as far out as 2 of 8
    assert row["note"] == "too few changes for a 95 % interval of the Hodges-Lehmann estimate (3 that are not zero)"


def test_no_pair_is_all_missing_but_the_count():
    row = paired_change([], [])

    assert row["n_pairs"] == 0
    assert_missing(row, set(row) - {"n_pairs", "note"})
    assert row["note"]


def test_one_pair_has_means_but_no_spread_and_no_t_test():
    row = paired_change([10.0], [12.5])

    assert (row["mean_baseline"], row["mean_visit"], row["mean_change"]) == (10.0, 12.5, 2.5)
    assert_missing(row, (*(set(TESTED) - {"wilcoxon_p"}), "sd_change", "hl_low", "hl_high"))
    assert (row["hl_change"], row["wilcoxon_p"]) == (2.5, 1.0)
    assert row["note"] == "one pair: no spread, no t test"
    unmoved = paired_change([4.0], [4.0])["note"]
    assert unmoved.startswith("one pair: no spread, no t test; every change is zero, no Wilcoxon test")


def test_equal_changes_have_no_t_but_a_rank_test():
    row = paired_change([10.0, 20.0, 30.0], [11.0, 21.0, 31.0])

    assert row["sd_change"] == 0.0
    assert_missing(row, TESTED)
    assert row["wilcoxon_p"] == 0.25  # all three up: 2 of 8 sign patterns, ties or not
    assert "no variance" in row["note"] and "tied" in row["note"]
    six = paired_change(np.arange(6.0), np.arange(6.0) + 1.5)
    assert six["hl_change"] == 1.5
    assert_missing(six, (*TESTED, "hl_low", "hl_high"))
    assert "no interval" in six["note"]


def test_changes_equal_but_for_rounding_are_equal():
    before, after = [50.1, 20.3, 1.7], [50.2, 20.4, 1.8]
    assert len({y - x for x, y in zip(before, after, strict=True)}) == 3, "0.1 in three roundings"

    row = paired_change(before * 2, after * 2)

    assert_missing(row, (*TESTED, "hl_low", "hl_high"))


def test_ranks_of_rounding_are_kept_and_said_to_be():
    before = np.array([0.3, 60.3, 10.0, 20.0])
    after = np.array([0.1 + 0.2, np.nextafter(60.3, 0.0), 10.0, 20.0])

    row = paired_change(before, after)

    assert_missing(row, TESTED)
    assert row["wilcoxon_p"] == 1.0
    assert row["note"].startswith("all changes are equal: no variance, no t test, no interval; ")
    assert "all changes are equal but for rounding: the ranks are of rounding" in row["note"]
    up = paired_change(before, before + 1.0)["note"]  # all ranks have the same sign, whatever their order
    assert "no variance" in up and "ranks are of rounding" not in up


def test_no_change_at_all_has_no_test_of_either_kind():
    row = paired_change([10.0, 20.0], [10.0, 20.0])

    assert row["mean_change"] == 0.0
    assert_missing(row, (*TESTED, "wilcoxon_p", "hl_change", "hl_low", "hl_high"))
    assert "no variance" in row["note"] and "every change is zero" in row["note"]


def test_enough_pairs_have_an_interval_and_nothing_to_note():
    row = paired_change(np.zeros(6), [1.0, 2.0, 3.0, 4.0, 5.0, -0.5])

    # Of 64 sign patterns one is as far out on either side: 96.9 %; with the next averages it would be 93.8 %.
    assert (row["hl_low"], row["hl_high"], row["note"]) == (-0.5, 5.0, "")


def test_the_t_test_alone_says_nothing_of_ranks():
    row = paired_t([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])

    assert_missing(row, TESTED)
    assert row["note"] == "all changes are equal: no variance, no t test, no interval"
