"""The least that gating can cost: read the events, one product with the inverse in float32, six comparisons.

In blocks that stay in the processor's cache, into memory that is used again: whole files at once take twice as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.speed.answers import Counts, asked, say
from benchmarks.speed.gates import CHANNELS, MARKERS, SCATTER, matrix

COMPARED = 6  # the first channels of the matrix
ABOVE = np.float32(1000.0)
HEADER = 58
ROWS = 16_384
DETECTORS = slice(len(SCATTER), len(SCATTER) + len(MARKERS))


def main() -> None:
    """Count events above a threshold in six channels, file by file."""
    inverse = np.linalg.inv(matrix()).astype(np.float32)
    compensated = np.empty((ROWS, len(MARKERS)), dtype=np.float32)
    counts: Counts = {}
    for path in asked().files:
        total = np.zeros(COMPARED, dtype=int)
        for block in blocks_of(path):
            found = np.matmul(block[:, DETECTORS], inverse, out=compensated[: len(block)])
            total += [np.count_nonzero(found[:, column] > ABOVE) for column in range(COMPARED)]
        counts[path.name] = dict(zip(MARKERS, total.tolist(), strict=False))
    say(counts)


def blocks_of(path: Path) -> Iterator[np.ndarray]:
    """DATA of a file of `benchmarks.speed.files`, whatever else there may be in other files.

    Yields
    ------
    ndarray of float32, shape (n_rows, 14)
        Valid until the next.
    """
    memory = np.empty((ROWS, len(CHANNELS)), dtype="<f4")
    with path.open("rb", buffering=0) as stream:
        start = int(stream.read(HEADER)[26:34])
        if start == 0:  # more than the header can tell: DATA follows TEXT, to the last byte
            stream.seek(18)
            start = int(stream.read(8)) + 1
        stream.seek(start)
        while got := stream.readinto(memory):
            yield memory[: got // memory[0].nbytes]


if __name__ == "__main__":
    main()
