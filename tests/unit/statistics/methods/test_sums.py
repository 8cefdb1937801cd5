"""Order statistics of sums: to the bit those of all sums made and sorted."""

from __future__ import annotations

import numpy as np
import pytest

from cytotrial.statistics.methods import sums


@pytest.fixture(params=[0, 10**9], ids=["selected", "all made"])
def either_way(request, monkeypatch):
    monkeypatch.setattr(sums, "MOST_SUMS", request.param)
    monkeypatch.setattr(sums, "FEW", 3)


def samples(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    first, second = {
        "smooth": (rng.normal(size=40), rng.normal(3.0, 2.0, size=31)),
        "tied": (rng.integers(-3, 4, size=40) / 10, rng.integers(-3, 4, size=31) / 10),
        "all equal": (np.full(40, 0.1), np.full(31, 0.2)),
        "with an outlier": (np.append(rng.normal(size=39), 1e9), rng.normal(size=31)),
        "one value": (np.array([0.3]), rng.normal(size=31)),
        "rounded": (50.0 + rng.integers(0, 3, size=40) * 0.1, -50.0 - rng.integers(0, 3, size=31) * 0.1),
    }[kind]
    return np.sort(first), np.sort(second)


def ranks(every: list[float]) -> list[int]:
    return [*range(0, len(every), 11), len(every) - 1]


KINDS = ["smooth", "tied", "all equal", "with an outlier", "one value", "rounded"]


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_of_two_samples(kind, either_way):
    first, second = samples(kind)
    every = sorted(a + b for a in first for b in second)

    assert sums.order_statistics(first, second, ranks(every)) == [every[rank] for rank in ranks(every)]


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_of_one_sample_with_itself(kind, either_way):
    sample, _ = samples(kind)
    every = sorted(a + b for i, a in enumerate(sample) for b in sample[i:])

    found = sums.order_statistics(sample, sample, ranks(every), is_own=True)
    assert found == [every[rank] for rank in ranks(every)]
