"""Freed memory is kept, where the C library is glibc."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from cytotrial.cytometry.heap import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(200_000)
before = faults()
for _ in range(50):
    first, second = np.ones(200_000), np.ones(200_000)
    del first, second
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way")
def test_blocks_that_come_and_go_are_not_asked_for_again() -> None:
    """Two of 1.6 MB, fifty times: 800 pages a time, or hardly any."""
    found = {}
    for word in ("keep", "leave"):
        run = subprocess.run([sys.executable, "-c", PROGRAM, word], capture_output=True, text=True, check=True)
        found[word] = int(run.stdout)
    print(f"page faults: {found}")
    assert found["keep"] < 2_000 < found["leave"]
