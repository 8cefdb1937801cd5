"""Spillover undone quickly, within the margin that is promised, and with FlowKit's own digits."""

from __future__ import annotations

import numpy as np
import pytest
from flowutils.compensate import compensate

from cytotrial.cytometry.compensation import Spillover
from cytotrial.gating.engine.compensation import QuickCompensation
from cytotrial.gating.engine.errors import UncompilableError
from cytotrial.gating.gate_tree import Dimension

DETECTORS = (2, 3, 4)


def events_of(seed: int, n: int = 500) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 10 ** rng.normal(3.0, 1.0, (n, 5)) * rng.choice([1.0, 1.0, -0.05], (n, 5))


def columns(frame, matrix: str = "m") -> np.ndarray:
    return np.column_stack([frame.values(Dimension(index, matrix)) for index in DETECTORS])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_quick_values_lie_within_the_margin_of_flowkits(seed: int, dtype: type, frame_of, names) -> None:
    """For matrices up to those that nearly have no inverse; and the margin is no excuse for a good one."""
    rng = np.random.default_rng(seed)
    events = events_of(seed).astype(dtype)
    for strength in (0.1, 0.9):
        matrix = np.where(np.eye(3, dtype=bool), 1.0, strength * rng.uniform(0.5, 1.0, (3, 3)))
        one = Spillover(("B", "C", "A"), matrix, "test")
        frame = frame_of(events, {"m": one}, wanted={"m": DETECTORS})
        indices = [names.index(detector) for detector in one.detectors]
        theirs = compensate(events.astype(np.float64), matrix, indices)[:, list(DETECTORS)]
        margin = frame.margin(Dimension(2, "m"))
        assert np.abs(columns(frame) - theirs).max() <= margin
        if strength == 0.1:
            assert margin < 1e-12 * np.abs(events).max()


def test_the_exact_values_are_flowkits_to_the_last_digit(frame_of, spillover, names) -> None:
    events = events_of(9)
    frame = frame_of(events, {"m": spillover}, exact=True)
    theirs = compensate(events, spillover.matrix, [names.index(one) for one in spillover.detectors])
    assert np.array_equal(columns(frame), theirs[:, list(DETECTORS)])
    assert frame.block.compensation.exact and frame.margin(Dimension(2, "m")) == 0.0


def test_channels_between_detectors_do_not_matter(frame_of) -> None:
    """Detectors A and C with B between them, which is none: whatever it holds."""
    matrix = Spillover(("C", "A"), np.array([[1.0, 0.2], [0.1, 1.0]]), "test")
    events = events_of(10)
    other = events.copy()
    other[:, 3] *= -7.0
    both = [frame_of(one, {"m": matrix}, wanted={"m": (2, 4)}).values(Dimension(2, "m")) for one in (events, other)]
    assert np.array_equal(*both)


def test_two_matrices_for_one_file(frame_of, spillover) -> None:
    other = Spillover(("A", "B"), np.array([[1.0, 0.5], [0.0, 1.0]]), "test")
    frame = frame_of(events_of(11), {"m": spillover, "n": other}, wanted={"m": (2,), "n": (2, 3)})
    events = events_of(11)
    assert np.allclose(frame.values(Dimension(3, "n")), events[:, 3] - 0.5 * events[:, 2])
    assert not np.allclose(frame.values(Dimension(2, "m")), frame.values(Dimension(2, "n")))


def test_a_matrix_without_inverse_is_left_to_flowkit() -> None:
    with pytest.raises(UncompilableError, match="no inverse"):
        QuickCompensation({"m": Spillover(("A", "B"), np.ones((2, 2)), "test")}, ("A", "B"))
