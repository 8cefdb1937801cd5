"""Counts at moved limits: found, checked against the percentages, and interpolated in simulations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cytotrial.columns import MOVED_COUNTS
from cytotrial.errors import CytotrialError
from cytotrial.statistics.survival.moved import MovedCounts, MovedGates
from cytotrial.statistics.survival.percentages import Counted


def samples(names=("s1", "s2", "s3"), numerator=(100.0, 200.0, 300.0), denominator=(1000.0, 1000.0, 1000.0)):
    flags = np.array(["ok"] * len(names), dtype=object)
    percent = 100.0 * np.array(numerator) / np.array(denominator)
    return Counted(names, np.arange(len(names)), np.array(numerator), np.array(denominator), percent, flags, (3, 1))


def row(sample, gate="treg/CD25/min", counted="treg", n_events=100, by=10, panel="t"):
    population, marker, bound = gate.split("/")
    moved = {f"{'plus' if m > 0 else 'minus'}_{abs(m)}": n_events + by * m for m in (-3, -2, -1, 1, 2, 3)}
    key = {"sample_id": sample, "panel": panel, "population": population, "marker": marker, "bound": bound}
    return key | {"counted": counted, "n_events": n_events} | moved


def moved(*rows, simulations=50, seed=1):
    table = pd.DataFrame(list(rows), columns=list(MOVED_COUNTS.columns))
    return MovedCounts(MovedGates(table.astype(str), simulations, seed))


def test_limits_that_change_either_count():
    table = moved(
        row("s2", n_events=200, by=-5),
        row("s1", by=10),
        row("s1", "cd4/CD4/min", "cd4", 1000, -20),
        row("s1", "cd4/CD4/min", "treg", 100, -2),
        row("s1", "cd8/CD8/min", "cd8", 400),
        row("fmo", "cd3/CD3/min", "treg"),
        row("s3", "treg/CD127/max", "treg", 300, 1, panel="other"),
    )
    first, second = table.limits(samples(), "treg", "cd4", "t")
    assert (first.gate, first.label) == ("t:cd4/CD4/min", "cd4/CD4/min")
    assert first.numerator[0].tolist() == [6, 4, 2, 0, -2, -4, -6]
    assert first.denominator[0].tolist() == [60, 40, 20, 0, -20, -40, -60]
    assert first.is_moved.tolist() == [True, False, False] and not first.numerator[1:].any()
    assert second.gate == "t:treg/CD25/min" and second.is_moved.tolist() == [True, True, False]
    assert second.numerator[1].tolist() == [15, 10, 5, 0, -5, -10, -15] and not second.denominator.any()
    assert len(list(table.limits(samples(), "treg", "cd4", None))) == 3  # nobody said which panel
    assert list(table.limits(samples(), "nk", "lymphocytes", "t")) == []


def test_a_sample_without_counts_is_not_moved():
    without = samples(numerator=(100.0, np.nan, 300.0))
    (limit,) = moved(row("s1"), row("s2", n_events=200)).limits(without, "treg", "cd4", "t")
    assert limit.is_moved.tolist() == [True, False, False]


def test_counts_are_interpolated_and_clipped():
    table = moved(row("s1", by=10), row("s2", n_events=200, by=-5), simulations=20_000)
    (limit,) = table.limits(samples(), "treg", "cd4", "t")
    numerator, denominator = table.simulated(samples(), [limit])
    assert (denominator == 1000.0).all() and (numerator[:, 2] == 300.0).all()
    z = (numerator[:, 0] - 100.0) / 10.0
    assert z.max() == 3.0 and z.min() == -3.0 and 0.0005 < (np.abs(z) == 3.0).mean() < 0.006
    assert abs(z.mean()) < 0.03 and z.std() == pytest.approx(1.0, abs=0.02)
    other = (numerator[:, 1] - 200.0) / -5.0
    assert abs(np.corrcoef(z, other)[0, 1]) < 0.03  # each sample by itself


def test_bent_counts_are_interpolated_between_their_neighbours():
    bent = row("s1", by=0) | {"plus_1": 140, "plus_2": 150, "minus_1": 100}
    table = moved(bent, simulations=2000)
    straight = moved(row("s1", by=10), simulations=2000)
    (limit,), (ruler,) = (list(one.limits(samples(), "treg", "cd4", "t")) for one in (table, straight))
    z = (straight.simulated(samples(), [ruler])[0][:, 0] - 100.0) / 10.0
    found = table.simulated(samples(), [limit])[0][:, 0]
    np.testing.assert_allclose(found, np.interp(z, range(-3, 4), [100, 100, 100, 100, 140, 150, 100]), rtol=1e-12)


def test_a_limit_moves_once_for_both_counts_and_several_add_up():
    rows = [row("s1", "cd4/CD4/min", "cd4", 1000, 50), row("s1", "cd4/CD4/min", "treg", 100, 5)]
    table = moved(*rows, row("s1", by=10))
    cd4, cd25 = table.limits(samples(), "treg", "cd4", "t")
    numerator, denominator = table.simulated(samples(), [cd4])
    np.testing.assert_allclose(numerator[:, 0] - 100.0, (denominator[:, 0] - 1000.0) / 10.0, atol=1e-9)
    alone = table.simulated(samples(), [cd25])[0]
    together = table.simulated(samples(), [cd4, cd25])[0]
    expected = alone[:, 0] + numerator[:, 0] - 100.0
    np.testing.assert_allclose(together[:, 0], expected, atol=1e-9)
    assert abs(np.corrcoef(alone[:, 0], numerator[:, 0])[0, 1]) < 0.5  # two limits err apart


def test_the_seed_alone_decides():
    rows = [row("s1"), row("s2", n_events=200)]

    def drawn(*order, **more):
        table = moved(*order, **more)
        return table.simulated(samples(), list(table.limits(samples(), "treg", "cd4", "t")))[0]

    np.testing.assert_array_equal(drawn(*rows), drawn(*rows[::-1]))
    assert not np.array_equal(drawn(*rows), drawn(*rows, seed=2))
    of_another_limit = row("s1", "cd4/CD4/min", "cd4", 1000)  # changes nothing in the numerator
    np.testing.assert_array_equal(drawn(*rows), drawn(*rows, of_another_limit))


def test_nothing_that_moves_leaves_the_counts():
    table = moved()
    assert list(table.limits(samples(), "treg", "cd4", "t")) == []
    numerator, denominator = table.simulated(samples(), [])
    assert (numerator == [100.0, 200.0, 300.0]).all() and denominator.shape == (50, 3)
    nobody = samples((), (), ())
    assert list(moved(row("s1")).limits(nobody, "treg", "cd4", "t")) == []


def test_counts_of_another_run_are_noticed():
    table = moved(row("s1"), row("s2", n_events=201), row("s3", "cd4/CD4/min", "cd4", 999), row("s3", n_events=300))
    told = (
        "moved_counts.tsv, {}, n_events: found {}, and other numbers in 1 rows, expected {}, as in the table of "
        "percentages; make both tables again, in one run"
    )
    lines = list(table.problems(samples(), "treg", "cd4", "t"))
    assert lines == [told.format("s2, treg", 201, 200), told.format("s3, cd4", 999, 1000)]
    assert list(table.problems(samples(), "treg", "cd4", "another")) == []


@pytest.mark.parametrize("cell", [None, "a few", "-1", "1.5", "inf"])
def test_a_cell_that_is_no_count_is_told_with_its_row(cell):
    table = pd.DataFrame([row("s1"), row("s2") | {"plus_2": cell}, row("s2")], dtype=object)
    with pytest.raises(CytotrialError) as caught:
        MovedCounts(MovedGates(table, source="m.tsv"))
    assert caught.value.problems == (
        "m.tsv, row 4: found a second row for s2 treg CD25 min treg, expected one row per sample, limit and counted "
        "population; delete one of them",
        f"m.tsv, row 3, plus_2: found {cell!r}, expected a number of events; make the table again",
    )
