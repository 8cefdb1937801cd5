"""Thresholds on one marker, and on two at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cytotrial.cytometry.scale import Scale
from cytotrial.gating.arguments import Quadrant, Valley
from cytotrial.gating.methods import place
from cytotrial.gating.parent_events import ParentEvents

Events = Callable[..., ParentEvents]


def stained(n_negative: int, n_positive: int, *, level: float = 4000.0, seed: int = 0) -> np.ndarray:
    """Negatives around zero, positives around `level`."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(60.0, 110.0, n_negative), level * 10 ** rng.normal(0, 0.13, n_positive)])


@pytest.mark.parametrize("scale", [Scale(), Scale("logicle", 0.5), Scale("asinh", 1.0, 4.0, 1.0)])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_keeps_the_positives(parent_events: Events, scale: Scale, share: float) -> None:
    n = round(10_000 * share)
    events = parent_events({"CD3": stained(10_000 - n, n)}, ("CD3",), scale=scale)
    found = place("valley", events, args=Valley())
    (bound,) = found.bounds
    kept = events.linear("CD3") >= bound.linear
    truth = np.arange(10_000) >= 10_000 - n
    print(f"{scale.method} share {share}: threshold {bound.linear:.0f}, wrong {(kept != truth).mean():.5f}")
    assert bound.side == "min"
    assert (kept != truth).mean() < 0.002
    assert found.reason.startswith("valley between CD3 peaks at ")


def test_keep_below(parent_events: Events) -> None:
    events = parent_events({"CD3": stained(5000, 5000)}, ("CD3",))
    above, below = (place("valley", events, args=Valley(keep=keep)).bounds[0] for keep in ("above", "below"))
    assert (above.side, below.side) == ("min", "max")
    assert above.linear == below.linear


def test_no_valley_is_not_found(parent_events: Events) -> None:
    found = place("valley", parent_events({"CD3": stained(5000, 0)}, ("CD3",)), args=Valley())
    assert found.reason == "no CD3 valley of prominence 0.3 among 5000 parent events"


def test_tail_keeps_the_only_peak(parent_events: Events) -> None:
    """A tube without dead cells: the live peak is kept whole."""
    values = 300.0 * 10 ** np.random.default_rng(0).normal(0, 0.1, 5000)
    args = Valley(keep="below", least_share=0.005, least_fold=5.0, tail_sds=6.0)
    found = place("valley", parent_events({"viability": values}, ("viability",)), args=args)
    (bound,) = found.bounds
    assert bound.side == "max"
    assert bound.linear >= 5.0 * 290.0
    assert (values < bound.linear).mean() > 0.999
    assert "above the only peak" in found.reason


def test_peaks_less_than_five_fold_apart_are_not_dead_and_live(parent_events: Events) -> None:
    """Monocytes' own fluorescence is three times the lymphocytes', and they are not dead."""
    rng = np.random.default_rng(0)
    values = np.concatenate([1000 * 10 ** rng.normal(0, 0.05, 5000), 3000 * 10 ** rng.normal(0, 0.05, 2000)])
    events = parent_events({"viability": values}, ("viability",))
    assert place("valley", events, args=Valley(keep="below")).found
    assert not place("valley", events, args=Valley(keep="below", least_fold=5.0)).found
    kept = place("valley", events, args=Valley(keep="below", least_fold=5.0, tail_sds=6.0)).bounds[0]
    assert (values < kept.linear).mean() > 0.99


@pytest.mark.parametrize(("least_fold", "is_found"), [(5.0, True), (35.0, True), (60.0, False)])
def test_folds_over_a_peak_below_zero(parent_events: Events, least_fold: float, is_found: bool) -> None:
    """Of noise no fold can be taken: it counts as 100 of an 18-bit range, so 3800 is 38-fold."""
    events = parent_events({"CD3": stained(5000, 2000) - 200.0}, ("CD3",))
    assert place("valley", events, args=Valley(least_fold=least_fold)).found is is_found


def test_quadrant_keeps_the_first_above_and_the_second_below(parent_events: Events) -> None:
    """CD4+CD8-, CD4-CD8+, double negative, double positive: 3000, 2000, 700, 300."""
    cd4 = np.concatenate([stained(0, 3000), stained(2000, 0), stained(700, 0), stained(0, 300)])
    cd8 = np.concatenate(
        [stained(3000, 0, seed=1), stained(0, 2000, seed=1), stained(700, 0, seed=1), stained(0, 300, seed=1)]
    )
    events = parent_events({"CD4": cd4, "CD8": cd8}, ("CD4", "CD8"))
    found = place("quadrant", events, args=Quadrant())
    assert [(b.marker, b.side) for b in found.bounds] == [("CD4", "min"), ("CD8", "max")]
    inside = (cd4 >= found.bounds[0].linear) & (cd8 < found.bounds[1].linear)
    print("CD4+CD8-:", inside.sum(), "of 3000, wrong", (inside != (np.arange(6000) < 3000)).sum())
    assert (inside != (np.arange(6000) < 3000)).sum() <= 6


def test_scale_of_the_threshold_is_linear(parent_events: Events) -> None:
    """The same tube at gain 2: the threshold doubles, within what the scale's bend allows."""
    values = stained(5000, 5000, level=20_000.0)
    one, two = (
        place("valley", parent_events({"CD3": values * gain}, ("CD3",)), args=Valley()).bounds[0].linear
        for gain in (1.0, 2.0)
    )
    print(f"threshold {one:.0f} at gain 1, {two:.0f} at gain 2")
    assert two == pytest.approx(2 * one, rel=0.25)
