"""The machine and the versions behind some figures, in a line: nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("numpy", "flowkit", "snakemake")
CPU_INFO = Path("/proc/cpuinfo")


def machine() -> str:
    """Cores, processor, and what was run."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{os.cpu_count()} cores, {_processor()}; Python {platform.python_version()}, {versions}"


def _processor() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
