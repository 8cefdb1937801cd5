"""What each of the three programs says: events per file and gate as JSON; on demand who is inside, bit by bit."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Asked:
    """What a program was called with: files, and a folder that gets a file of bits for each of them, or None."""

    files: tuple[Path, ...]
    membership: Path | None


def asked() -> Asked:
    """The command line ``[--membership FOLDER] FILE ...``; without argparse, whose import would be timed."""
    words = sys.argv[1:]
    membership = Path(words[1]) if words[:1] == ["--membership"] else None
    return Asked(tuple(map(Path, words[2:] if membership else words)), membership)


def write_membership(folder: Path, path: Path, members: Mapping[str, Any]) -> None:
    """Members of every gate by name, one bit per event."""
    import numpy as np

    bits = b"".join(np.packbits(np.asarray(members[name], dtype=bool)).tobytes() for name in sorted(members))
    (folder / f"{path.stem}.bits").write_bytes(bits)


def say(counts: Counts) -> None:
    """Print what was counted."""
    json.dump(counts, sys.stdout, sort_keys=True)


def differing_bits(one: Path, other: Path) -> int:
    """Memberships that differ between two files of `write_membership`.

    Raises
    ------
    ValueError
        They are not of the same length.
    """
    a, b = one.read_bytes(), other.read_bytes()
    if len(a) != len(b):
        raise ValueError(f"{one.name}: found {len(a)} and {len(b)} bytes of membership, expected as many")
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()
