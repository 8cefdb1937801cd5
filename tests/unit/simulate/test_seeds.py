"""Streams depend on seed and key alone, and have nothing to do with each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cytotrial.simulate.seeds import stream


def test_a_stream_is_the_same_whatever_was_drawn_before_it():
    stream(7, "other").random(1000)
    late = stream(7, "events", "S001").random(3).tolist()
    assert late == stream(7, "events", "S001").random(3).tolist()


def test_seed_and_every_part_of_the_key_change_the_stream():
    keys = [("a", "b"), ("a",), ("ab",), ("a", "b", ""), ("b", "a")]
    first = {float(stream(seed, *key).random()) for seed in (0, 1) for key in keys}
    assert len(first) == 10


def test_a_stream_is_the_same_in_every_process_and_release():
    """Raw bits, which numpy promises never to change: a key's hash may not depend on the interpreter's own."""
    drawn = [int(stream(seed, *key).bit_generator.random_raw()) for seed, key in [(1, ("a",)), (20200, ("x", "é"))]]
    assert drawn == [16414771202212284630, 8388853725466918949]


def test_streams_of_neighbouring_seeds_and_keys_do_not_go_together():
    n = 4000
    keys = [("gain", "W0-day1"), ("gain", "W0-day2"), ("lot", "site01", "PE-A"), ("lot", "site01", "PE-A", "1")]
    drawn = [stream(seed, *key).standard_normal(n) for seed in (1, 2, 3) for key in keys]
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in itertools.combinations(drawn, 2)]
    print(f"{len(correlations)} pairs, largest correlation {np.abs(correlations).max():.3f}")
    assert np.abs(correlations).max() < 4.5 / np.sqrt(n)
    assert np.abs([one.mean() for one in drawn]).max() < 4.5 / np.sqrt(n)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError):
        stream(-1, "a")
