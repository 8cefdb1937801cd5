"""CD56bright by folds above the dim mode: where two peaks cross, by hand, and where there is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from cytotrial.gating.arguments import RelativeThreshold
from cytotrial.gating.landmarks import Bound, Landmark
from cytotrial.gating.methods import place, rebuilt
from cytotrial.gating.parent_events import ParentEvents

Events = Callable[..., ParentEvents]
DIM, FOLD = "dim_mode", "threshold_over_dim_mode"
AT = 4000.0  # the dim cells' mode


def nk_cells(
    n_dim: int,
    n_bright: int,
    *,
    dim_sd: float = 0.15,
    bright_at: float = 32_000.0,
    bright_sd: float = 0.14,
    seed: int = 2,
) -> np.ndarray:
    """CD56 of dim cells around 4,000 and bright ones, the last; SDs in decades."""
    rng = np.random.default_rng(seed)
    dim, bright = rng.normal(np.log10(AT), dim_sd, n_dim), rng.normal(np.log10(bright_at), bright_sd, n_bright)
    return 10 ** np.concatenate([dim, bright])


def crossing(n_dim: int, n_bright: int, *, dim_sd: float, bright_at: float, bright_sd: float) -> float:
    """By scipy: the fold above the dim mode at which as many dim cells lie above as bright ones below."""
    gap = np.log10(bright_at / AT)

    def amiss(at: float) -> float:
        return float(n_dim * norm.sf(at, 0.0, dim_sd) - n_bright * norm.cdf(at, gap, bright_sd))

    return float(10 ** brentq(amiss, 0.0, gap))


def gate(parent_events: Events, cd56: np.ndarray, **args: float) -> Landmark:
    """The landmark."""
    return place("relative_threshold", parent_events({"CD56": cd56}, ("CD56",)), args=RelativeThreshold(**args))


# A bright peak.


@pytest.mark.parametrize(
    ("n_dim", "n_bright", "dim_sd", "bright_at", "bright_sd"),
    [
        (9200, 800, 0.19, 32_000.0, 0.14),
        (9200, 800, 0.22, 32_000.0, 0.10),
        (46_000, 4000, 0.19, 40_000.0, 0.18),
        (8000, 2000, 0.20, 36_000.0, 0.14),
        (5000, 5000, 0.22, 36_000.0, 0.14),  # as many as under IL-2
        (19_400, 600, 0.18, 28_000.0, 0.10),
    ],
)
def test_where_as_many_are_lost_as_gained(
    parent_events: Events, n_dim: int, n_bright: int, dim_sd: float, bright_at: float, bright_sd: float
) -> None:
    cells = {"dim_sd": dim_sd, "bright_at": bright_at, "bright_sd": bright_sd}
    cd56 = nk_cells(n_dim, n_bright, **cells)
    found = gate(parent_events, cd56)
    by_hand = crossing(n_dim, n_bright, **cells)
    (bound,) = found.bounds
    above = int((cd56 >= bound.linear).sum())
    print(f"{found.measures[FOLD]:.2f} folds, by hand {by_hand:.2f}; {above} bright of {n_bright}; {found.reason}")
    assert 3.6 < by_hand < 5.5, "the test's own mistake: a limit would hide the crossing"
    assert found.measures[FOLD] == pytest.approx(by_hand, rel=0.05)
    assert found.measures[DIM] == pytest.approx(AT, rel=0.05)
    assert above == pytest.approx(n_bright, rel=0.05)
    assert found.reason.endswith("cells amiss")
    assert found.doubt == ""


@pytest.mark.parametrize("gain", [0.3, 0.7, 1.4, 3.0])
def test_gain(parent_events: Events, gain: float) -> None:
    """Everything is a fold: the dim mode moves with the gain, the fold does not."""
    one, other = (gate(parent_events, g * nk_cells(9200, 800, dim_sd=0.19)) for g in (1.0, gain))
    assert other.measures[FOLD] == pytest.approx(one.measures[FOLD], rel=0.01)
    assert other.measures[DIM] == pytest.approx(gain * one.measures[DIM], rel=0.01)
    assert other.bounds[0].linear == pytest.approx(gain * one.bounds[0].linear, rel=0.02)


def test_dim_is_the_lower_peak(parent_events: Events) -> None:
    """Also where the bright cells are the taller one, as under IL-2."""
    found = gate(parent_events, nk_cells(2000, 6000, dim_sd=0.2, bright_at=36_000.0))
    assert found.measures[DIM] == pytest.approx(AT, rel=0.06)


@pytest.mark.parametrize(
    ("cells", "fold", "limits"),
    [
        ({"dim_sd": 0.05}, 3.6, {}),
        ({"dim_sd": 0.24, "bright_at": 80_000.0, "bright_sd": 0.08}, 5.5, {}),
        ({"dim_sd": 0.05, "bright_sd": 0.08}, 2.6, {"least_fold": 2.6}),
        ({"dim_sd": 0.21}, 3.7, {"most_fold": 3.7}),
    ],
    ids=["least", "most", "own least", "own most"],
)
def test_limits(parent_events: Events, cells: dict[str, float], fold: float, limits: dict[str, float]) -> None:
    found = gate(parent_events, nk_cells(9200, 800, **cells), **limits)
    by_hand = crossing(9200, 800, **({"bright_at": 32_000.0, "bright_sd": 0.14} | cells))
    print(f"{found.measures[FOLD]:.3f}, by hand {by_hand:.2f} before the limit")
    assert found.measures[FOLD] == pytest.approx(fold)
    assert (by_hand < fold) == ("least_fold" in limits or fold == 3.6)


# No bright peak.


@pytest.mark.parametrize(("sd", "fold"), [(0.10, 3.6), (0.22, 10 ** (3 * 0.22)), (0.30, 5.5)], ids=str)
@pytest.mark.parametrize("n_bright", [0, 15])
def test_spreads_of_the_dim_cells(parent_events: Events, sd: float, fold: float, n_bright: int) -> None:
    """The dim mode times 10^(3 s), between 3.6 and 5.5; 15 bright cells are no peak."""
    found = gate(parent_events, nk_cells(10_000, n_bright, dim_sd=sd))
    print(found.reason)
    assert found.measures[FOLD] == pytest.approx(fold, rel=0.05)
    assert found.reason.endswith("so 3 spreads")
    assert found.doubt == "no bright peak of 40 cells, so 3 spreads"


def test_as_many_spreads_as_the_strategy_says(parent_events: Events) -> None:
    found = gate(parent_events, nk_cells(10_000, 0, dim_sd=0.2), sds=2.0, least_fold=1.0)
    assert found.measures[FOLD] == pytest.approx(10 ** (2 * 0.2), rel=0.05)


def test_the_spread_is_that_of_the_side_below(parent_events: Events) -> None:
    """A tail above the dim mode, which is bright cells in part, does not widen it."""
    rng = np.random.default_rng(0)
    lower, upper = -np.abs(rng.normal(0, 0.2, 5000)), np.abs(rng.normal(0, 0.3, 5000))
    found = gate(parent_events, AT * 10 ** np.concatenate([lower, upper]))
    assert found.measures[FOLD] == pytest.approx(10 ** (3 * 0.2), rel=0.10)


def test_fewer_than_the_strategy_asks_are_no_peak(parent_events: Events) -> None:
    cd56 = nk_cells(3000, 100, dim_sd=0.19)
    assert gate(parent_events, cd56).reason.endswith("cells amiss")
    assert "no bright peak of 400 cells" in gate(parent_events, cd56, least_bright=200).reason


# Few cells, and the bounds of a pool's measures.


@pytest.mark.parametrize(("n", "is_found"), [(99, False), (100, True)])
def test_too_few_cells(parent_events: Events, n: int, is_found: bool) -> None:
    found = gate(parent_events, nk_cells(n, 0))
    assert found.found is is_found
    if not is_found:
        assert found.reason == "99 NK cells, fewer than 100"


def test_cells_at_or_below_zero_are_not_counted(parent_events: Events) -> None:
    """The NK gate's own threshold is above zero; where a person moved it, the logarithm still has to work."""
    cd56 = np.concatenate([nk_cells(99, 0), np.full(5000, -20.0), np.zeros(100)])
    assert gate(parent_events, cd56).reason == "99 NK cells, fewer than 100"


def test_one_value(parent_events: Events) -> None:
    assert gate(parent_events, np.full(500, 4000.0)).reason == "CD56 has one value"


def test_bounds_by_hand() -> None:
    measures = {DIM: 3000.0, FOLD: 4.2}
    assert rebuilt("relative_threshold", measures, ("CD56",), args=RelativeThreshold()) == (
        Bound("CD56", "min", pytest.approx(12_600.0)),
    )
