"""Logits of counts: none and all have one, what is no part of a whole has none."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.statistics.methods.logits import empirical_logit


def test_none_half_and_all():
    assert empirical_logit([0, 50, 100], 100) == pytest.approx([-np.log(201), 0.0, np.log(201)], rel=1e-12)


@pytest.mark.parametrize("counts", [(-1, 10), (11, 10), (0, 0), (np.nan, 10), (3, np.nan)])
def test_what_is_no_part_has_none(counts):
    assert np.isnan(empirical_logit(*counts))


def test_shapes_fit_together():
    assert empirical_logit(np.ones((2, 3)), [5, 6, 7]).shape == (2, 3)
