"""Memory that is freed stays ours: blocks of the same size come and go thousands of times a file."""

from __future__ import annotations

from functools import cache

import numpy as np

# Below glibc's largest threshold for this (32 MB), and above any block's columns.
LARGEST_KEPT = 2**24


@cache
def keep_freed_memory() -> None:
    """Have the C library keep freed memory up to some 32 MB for the next block.

    glibc takes large pieces from the system one by one and gives them back when they are freed; each time the system
    fills them with zeros, page by page: more than half of a gating job's time. Freeing a large piece once makes it
    keep all smaller ones from then on. Nothing of that piece is touched, so it takes no memory; other C libraries do
    not mind.
    """
    np.empty(LARGEST_KEPT, dtype=np.uint8)
