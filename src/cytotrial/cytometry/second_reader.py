"""The second, independent reader: fcsparser reads header and text again, and must say what FlowIO says.

It reads no events: on numpy 2 it cannot read big-endian ones.
"""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cytotrial.cytometry.compensation import KEYWORDS
from cytotrial.cytometry.text_segment import TextSegment, UnreadableFcsError, is_number, one_line, read_text


@dataclass(frozen=True)
class ComparedReaders:
    """What came of reading a file's header and text twice.

    Attributes
    ----------
    agree : bool
        Whether the file may be used, as far as header and text go.
    reason : str
        Why not, empty where it may: the readers disagree, or the first cannot read it.
    flags : tuple of str
        What is to be noted of a file that may be used: only the first reader could read it.
    """

    agree: bool
    reason: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """What one reader says of a file, in words that can be compared with the other's."""

    n_events: int
    names: tuple[str, ...]
    ranges: tuple[float, ...]
    spillover: str


def compare_readers(path: Path) -> ComparedReaders:
    """Read a file's header and text with FlowIO and with fcsparser, and compare.

    What only the events can show ($TOT that is not theirs, a segment that is off by one byte) is not seen here.
    """
    try:
        first = _first_reading(read_text(path))
    except UnreadableFcsError as error:
        return ComparedReaders(False, str(error))
    try:
        second = _second_reading(_read_with_fcsparser(path))
    except Exception as error:  # noqa: BLE001 - a third-party parser on a stranger's bytes raises anything
        return ComparedReaders(
            True, flags=(f"the second reader (fcsparser) cannot read the header: {one_line(error)}",)
        )
    differ = _differences(first, second)
    if differ:
        return ComparedReaders(False, "the two readers (FlowIO and fcsparser) disagree on " + ", ".join(differ))
    return ComparedReaders(True)


class _PandasOnDemand(types.ModuleType):
    """Stands for pandas while fcsparser is imported; whoever does ask it for something gets it from pandas itself."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("pandas"), name)


def _fcsparser() -> Any:
    """The package, without pandas: that makes tables of its events, and takes 0.3 s and 80 MB to import."""
    if "fcsparser" in sys.modules or "pandas" in sys.modules:
        return importlib.import_module("fcsparser")
    sys.modules["pandas"] = _PandasOnDemand("pandas")
    try:
        return importlib.import_module("fcsparser")
    finally:
        del sys.modules["pandas"]


def _read_with_fcsparser(path: Path) -> Mapping[str, Any]:
    fcsparser = _fcsparser()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fcsparser.parse(str(path), meta_data_only=True)


def _first_reading(text: TextSegment) -> _Reading:
    return _Reading(text.n_events, text.names, text.ranges, _normal(text.spillover_text))


def _second_reading(meta: Mapping[str, Any]) -> _Reading:
    numbers = range(1, int(meta["$PAR"]) + 1)
    spill = next((meta[key] for key in KEYWORDS if key in meta), "")
    return _Reading(
        n_events=int(meta["$TOT"]),
        names=tuple(str(meta[f"$P{n}N"]).strip() for n in numbers),
        ranges=tuple(float(meta[f"$P{n}R"]) for n in numbers),
        spillover=_normal(str(spill)),
    )


def _differences(first: _Reading, second: _Reading) -> list[str]:
    differ = []
    if first.n_events != second.n_events:
        differ.append(f"events ({first.n_events} and {second.n_events})")
    if len(first.names) != len(second.names):
        differ.append(f"parameters ({len(first.names)} and {len(second.names)})")
    elif first.names != second.names:
        pairs = [f"{a!r} and {b!r}" for a, b in zip(first.names, second.names, strict=True) if a != b]
        differ.append(f"names ({', '.join(pairs)})")
    elif first.ranges != second.ranges:
        pairs = [
            f"{name}: {a:g} and {b:g}"
            for name, a, b in zip(first.names, first.ranges, second.ranges, strict=True)
            if a != b
        ]
        differ.append(f"ranges ({', '.join(pairs)})")
    if first.spillover != second.spillover:
        differ.append(f"spillover ({first.spillover[:60]!r} and {second.spillover[:60]!r})")
    return differ


def _normal(spillover: str) -> str:
    """Spillover text as names and numbers, so that only a true difference counts."""
    cells = [cell.strip() for cell in spillover.split(",") if cell.strip()]
    return ",".join(repr(float(cell)) if is_number(cell) else cell for cell in cells)
