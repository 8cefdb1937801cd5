"""Streams depend on seed and key alone."""

from cytotrial.simulate.seeds import stream


def test_a_stream_is_the_same_whatever_was_drawn_before_it():
    stream(7, "other").random(1000)
    late = stream(7, "events", "S001").random(3).tolist()
    assert late == stream(7, "events", "S001").random(3).tolist()


def test_seed_and_every_part_of_the_key_change_the_stream():
    first = {
        float(stream(seed, *key).random())
        for seed in (0, 1)
        for key in [("a", "b"), ("a",), ("ab",), ("a", "b", ""), ("b", "a")]
    }
    assert len(first) == 10
