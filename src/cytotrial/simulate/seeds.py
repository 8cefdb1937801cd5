"""One independent stream of random numbers per named thing, so that neither order nor cores change a byte."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *key: str) -> np.random.Generator:
    """The random generator that belongs to `key` under `seed`, whatever was drawn before it.

    Parameters
    ----------
    seed : int
        The trial's seed, not negative.
    key : str
        What the numbers are for, as in ``("events", "S01_W0_treg")``.

    Examples
    --------
    >>> stream(1, "a").integers(1000) == stream(1, "a").integers(1000)
    np.True_
    >>> stream(1, "a").integers(1000) == stream(1, "b").integers(1000)
    np.False_
    """
    digest = hashlib.blake2b("\x1f".join(key).encode(), digest_size=16).digest()
    words = tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=words)))
