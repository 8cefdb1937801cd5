"""Treg gates from the conventional CD4 cells of the same tube: by hand, and from measures that are the pool's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from cytotrial.gating.arguments import ReferencePopulation
from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.methods import place, rebuilt
from cytotrial.gating.parent_events import ParentEvents

Events = Callable[..., ParentEvents]
BULK, MODE, TAIL, CLEAR = "reference_bulk", "reference_mode", "tail_over_bulk", "clear_per_between"
SD = 0.25  # of the conventional cells' log10 CD25


def cd4_cells(n: int, n_treg: int, n_activated: int = 0, *, gain: float = 1.0) -> dict[str, np.ndarray]:
    """CD4 cells: conventional (CD25 300, CD127 2400), activated (1500, 1500), and Treg (3000, 330) the last of them.

    Activated cells lie 0.49 decades from the reference's tail and mode together, Treg 1.45.
    """
    parts = [(n, 300, SD, 2400, 0.15), (n_activated, 1500, 0.05, 1500, 0.05), (n_treg, 3000, 0.15, 330, 0.2)]
    made = []
    for seed, (k, cd25, cd25_sd, cd127, cd127_sd) in enumerate(parts):  # more of one kind are not others of another
        rng = np.random.default_rng(seed)
        made.append([cd25 * 10 ** rng.normal(0, cd25_sd, k), cd127 * 10 ** rng.normal(0, cd127_sd, k)])
    return {name: gain * np.concatenate([pair[i] for pair in made]) for i, name in enumerate(("CD25", "CD127"))}


def gate(parent_events: Events, columns: dict[str, np.ndarray], **args: float) -> Landmark:
    """The landmark."""
    return place("reference_population", parent_events(columns, ("CD25", "CD127")), args=ReferencePopulation(**args))


# What is read from the events.


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_measures_by_hand(parent_events: Events, gain: float) -> None:
    """Quantiles of a log-normal: 80 % of 300 x 10^(0.25 z) lie below 487, 95 % below 1.59 times that."""
    found = gate(parent_events, cd4_cells(20_000, 1200, gain=gain))
    print(found.reason, found.measures)
    assert found.measures[BULK] == pytest.approx(gain * 300 * 10 ** (norm.ppf(0.80) * SD), rel=0.03)
    assert found.measures[TAIL] == pytest.approx(10 ** ((norm.ppf(0.95) - norm.ppf(0.80)) * SD), rel=0.03)
    assert found.measures[MODE] == pytest.approx(gain * 2400, rel=0.05)


def test_clear_per_between_by_hand(parent_events: Events) -> None:
    """By their distance from the reference, in decades of CD25 and of CD127 added up."""
    columns = cd4_cells(20_000, 1000, 600)
    rng = np.random.default_rng(9)  # and 300 cells at 0.80: neither clear nor between
    for marker, level in (("CD25", 2000.0), ("CD127", 1000.0)):
        columns[marker] = np.append(columns[marker], level * 10 ** rng.normal(0, 0.02, 300))
    found = gate(parent_events, columns)
    tail = found.measures[BULK] * found.measures[TAIL]
    away = np.log10(columns["CD25"] / tail) + np.log10(found.measures[MODE] / columns["CD127"])
    clear, between = np.sum(away > 0.95), np.sum((away > 0.35) & (away < 0.75))
    print(f"{clear} clear, {between} between by hand; {found.reason}")
    assert found.measures[CLEAR] == pytest.approx((clear + 0.5) / (between + 0.5), rel=0.03)
    assert 600 < between < 800
    assert 950 < clear <= 1000


@pytest.mark.parametrize("quantile", [{"bulk": 0.5}, {"tail": 0.985}, {"bulk": 0.6, "tail": 0.9}])
def test_quantiles_of_the_strategy(parent_events: Events, quantile: dict[str, float]) -> None:
    bulk, tail = ({"bulk": 0.80, "tail": 0.95} | quantile).values()
    found = gate(parent_events, cd4_cells(20_000, 1200), **quantile)
    assert found.measures[BULK] == pytest.approx(300 * 10 ** (norm.ppf(bulk) * SD), rel=0.03)
    assert found.measures[TAIL] == pytest.approx(10 ** ((norm.ppf(tail) - norm.ppf(bulk)) * SD), rel=0.05)


# From measures to bounds.


@pytest.mark.parametrize(
    ("clear", "tighter"),
    [(1.0, 0.0), (10**0.5, -0.1), (10**-0.5, 0.1), (0.1, 0.2), (0.01, 0.21), (1e-4, 0.21), (10.0, -0.14), (1e4, -0.14)],
)
def test_bounds_by_hand(clear: float, tighter: float) -> None:
    """0.2 decades per decade of clear cells per one between; no more than 0.21 tighter or 0.14 looser."""
    measures = {BULK: 400.0, MODE: 2600.0, TAIL: 1.5, CLEAR: clear}
    low, high = rebuilt("reference_population", measures, ("CD25", "CD127"), args=ReferencePopulation())
    assert [(one.marker, one.side) for one in (low, high)] == [("CD25", "min"), ("CD127", "max")]
    assert low.linear == pytest.approx(400.0 * 1.5 * 1.45 * 10 ** (0.8 * tighter))
    assert high.linear == pytest.approx(1000.0 / 10 ** (0.2 * tighter))


def test_bounds_by_the_strategys_folds() -> None:
    measures = {BULK: 400.0, MODE: 2600.0, TAIL: 1.5, CLEAR: 0.1}
    args = ReferencePopulation(fold_above=2.0, fold_below=4.0, balance=0.0)
    low, high = rebuilt("reference_population", measures, ("IL2RA", "IL7R"), args=args)
    assert (low.marker, low.linear) == ("IL2RA", pytest.approx(1200.0))
    assert (high.marker, high.linear) == ("IL7R", pytest.approx(650.0))


@pytest.mark.parametrize("balance", [0.0, 0.1, 0.2])
def test_a_files_own_bounds_are_those_of_its_measures(parent_events: Events, balance: float) -> None:
    found = gate(parent_events, cd4_cells(20_000, 800, 300), balance=balance)
    args = ReferencePopulation(balance=balance)
    assert found.bounds == rebuilt("reference_population", found.measures, ("CD25", "CD127"), args=args)


# What moves the gate, and what does not.


def test_the_number_of_treg_moves_nothing_but_their_share(parent_events: Events) -> None:
    """1 % and 20 % Treg of CD4."""
    few, many = (gate(parent_events, cd4_cells(20_000, n)) for n in (200, 5000))
    print(few.measures, many.measures)
    for name in (BULK, MODE, TAIL):
        assert few.measures[name] == pytest.approx(many.measures[name], rel=0.02), name
    assert many.measures[CLEAR] > 10 * few.measures[CLEAR]
    few, many = (gate(parent_events, cd4_cells(20_000, n), balance=0.0) for n in (200, 5000))
    for one, other in zip(few.bounds, many.bounds, strict=True):
        assert one.linear == pytest.approx(other.linear, rel=0.02)


def test_tighter_where_few_are_clearly_treg_for_those_between(parent_events: Events) -> None:
    """As many activated cells: at 2 % Treg both thresholds are farther from the reference than at 15 %."""
    few, many = (gate(parent_events, cd4_cells(20_000, n, 800)) for n in (400, 3000))
    print(few.reason, "|", many.reason)
    (few_cd25, few_cd127), (many_cd25, many_cd127) = few.bounds, many.bounds
    decades = np.log10(many.measures[CLEAR] / few.measures[CLEAR])
    assert np.log10(few_cd25.linear / many_cd25.linear) == pytest.approx(0.8 * 0.2 * decades, abs=0.01)
    assert np.log10(many_cd127.linear / few_cd127.linear) == pytest.approx(0.2 * 0.2 * decades, abs=0.01)
    assert decades > 0.5


@pytest.mark.parametrize("gain", [0.5, 0.7, 1.4, 2.0, 4.0])
def test_gain(parent_events: Events, gain: float) -> None:
    """Both bounds move with it; what is a trait of the cells stays."""
    one, other = (gate(parent_events, cd4_cells(20_000, 1000, 400, gain=g)) for g in (1.0, gain))
    for name in (TAIL, CLEAR):
        assert other.measures[name] == pytest.approx(one.measures[name], rel=0.05), name
    for mine, theirs in zip(one.bounds, other.bounds, strict=True):
        print(f"gain {gain}: {mine.marker} {mine.linear:.0f} and {theirs.linear:.0f}")
        assert theirs.linear == pytest.approx(gain * mine.linear, rel=0.04)


def test_one_detectors_gain(parent_events: Events) -> None:
    columns = cd4_cells(20_000, 1000, 400)
    one, other = gate(parent_events, columns), gate(parent_events, columns | {"CD25": 2.0 * columns["CD25"]})
    assert other.bounds[0].linear == pytest.approx(2.0 * one.bounds[0].linear, rel=0.02)
    assert other.bounds[1].linear == pytest.approx(one.bounds[1].linear, rel=0.01)


def test_treg_are_inside(parent_events: Events) -> None:
    columns = cd4_cells(20_000, 1200, 300)
    low, high = gate(parent_events, columns).bounds
    inside = (columns["CD25"] >= low.linear) & (columns["CD127"] < high.linear)
    print(f"{inside[-1200:].sum()} of 1200 Treg, {inside[:-1200].sum()} others")
    assert inside[-1200:].mean() > 0.93
    assert inside[:-1200].sum() < 0.05 * 1200


@pytest.mark.parametrize(("n_treg", "is_doubtful"), [(100, True), (2000, False)])
def test_doubtful_where_those_between_outnumber_the_treg(parent_events: Events, n_treg: int, is_doubtful: bool) -> None:
    found = gate(parent_events, cd4_cells(20_000, n_treg, 800))
    print(found.measures[CLEAR], found.doubt)
    assert bool(found.measures[CLEAR] < ReferencePopulation().least_clear) is is_doubtful
    assert found.found
    assert bool(found.doubt) is is_doubtful


# Not found.


@pytest.mark.parametrize(("n", "is_found"), [(499, False), (500, True)])
def test_too_few_cells(parent_events: Events, n: int, is_found: bool) -> None:
    found = gate(parent_events, cd4_cells(n, 0))
    assert found.found is is_found
    if not is_found:
        assert found.reason == "499 CD4 cells, fewer than 500"


def test_no_reference(parent_events: Events) -> None:
    """Nobody has a hundred times the CD127 of the mode, and around zero there is no mode to speak of."""
    found = gate(parent_events, cd4_cells(5000, 200), reference_from=100.0)
    assert found.reason.startswith("no CD127hi reference: 0 cells from the mode of 2")
    columns = cd4_cells(5000, 0)
    columns["CD127"] = np.random.default_rng(0).normal(-300, 50, 5000)
    assert gate(parent_events, columns).reason.startswith("no CD127hi reference: ")


def test_no_stain(parent_events: Events) -> None:
    rng = np.random.default_rng(0)
    unstained = {"CD25": rng.normal(-200, 60, 3000), "CD127": rng.normal(1500, 200, 3000)}
    found = gate(parent_events, unstained)
    assert (found.found, found.reason) == (False, "the reference's CD25 is not above zero")


def test_the_names_are_the_panels(parent_events: Events) -> None:
    columns = dict(zip(("IL2RA", "IL7R"), cd4_cells(5000, 300).values(), strict=True))
    found = place(
        "reference_population",
        parent_events(columns, ("IL2RA", "IL7R")),
        args=ReferencePopulation(),
    )
    assert [one.marker for one in found.bounds] == ["IL2RA", "IL7R"]
    assert "IL7R mode" in found.reason
