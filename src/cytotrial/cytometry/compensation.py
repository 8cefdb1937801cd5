"""Spillover: found in the file or a CSV, checked, and undone."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from cytotrial.errors import CytotrialError, problem

KEYWORDS = ("$SPILLOVER", "SPILLOVER", "$SPILL", "SPILL")
# Real FACSDiva matrices: condition number 1 to 8, off-diagonal at most 1.39. Beyond these bounds a
# matrix was mistyped or belongs to something else.
WORST_CONDITION = 20.0
LARGEST_SPILL = 2.0


@dataclass(frozen=True)
class Spillover:
    """A square spillover matrix.

    Attributes
    ----------
    detectors : tuple of str
        ``$PnN`` of each row and column.
    matrix : ndarray, shape (d, d)
        Row spills into column; 1 on the diagonal.
    source : str
        The keyword, or the CSV file.
    """

    detectors: tuple[str, ...]
    matrix: np.ndarray
    source: str


def find_spillover(keywords: Mapping[str, str], channel_names: Sequence[str]) -> Spillover | None:
    """The file's own spillover, from whichever of the usual keywords it has.

    Parameters
    ----------
    keywords : mapping
        FCS keywords as written, upper case.
    channel_names : sequence of str
        ``$PnN`` in the file's order. A matrix that names detectors by number is given their names.

    Raises
    ------
    ValueError
        The keyword is there but is no usable matrix; the text says why.
    """
    keyword = next((key for key in KEYWORDS if str(keywords.get(key, "")).strip()), None)
    return None if keyword is None else _said_in(keyword, str(keywords[keyword]), tuple(channel_names))


@lru_cache(maxsize=8)  # the files of a day often have one matrix
def _said_in(keyword: str, text: str, channel_names: tuple[str, ...]) -> Spillover | None:
    cells = [cell.strip() for cell in text.replace("\n", "").rstrip(" ,").split(",")]
    try:
        size = int(cells[0])
        names = cells[1 : size + 1]
        values = [float(cell) for cell in cells[size + 1 :]]
    except ValueError as error:
        raise ValueError(f"{keyword} is not a matrix ({error})") from error
    if size == 0:
        return None
    if len(names) != size or len(values) != size * size:
        raise ValueError(f"{keyword} has {len(values)} numbers for {size} detectors, not {size * size}")
    return checked(
        Spillover(_named(names, channel_names), np.array(values).reshape(size, size), keyword), channel_names
    )


def _named(names: Sequence[str], channel_names: Sequence[str]) -> tuple[str, ...]:
    if not set(names) <= set(channel_names) and all(name.isdigit() for name in names):
        numbers = [int(name) for name in names]
        if all(1 <= number <= len(channel_names) for number in numbers):
            return tuple(channel_names[number - 1] for number in numbers)
    return tuple(names)


def checked(spillover: Spillover, channel_names: Sequence[str]) -> Spillover:
    """`spillover` itself, or ValueError where it cannot be this file's."""
    names, matrix = spillover.detectors, spillover.matrix
    unknown = [name for name in names if name not in channel_names]
    if unknown:
        raise ValueError(f"{spillover.source} names {', '.join(unknown)}, which the file has not")
    light = [name for name in names if name.lower().startswith(("fsc-", "ssc-", "time"))]
    if light:  # FlowKit compensates fluorescence only, and refuses such a matrix
        raise ValueError(f"{spillover.source} names {', '.join(light)}, which is no fluorescence detector")
    if len(set(names)) < len(names):
        raise ValueError(f"{spillover.source} names a detector twice")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{spillover.source} holds values that are not numbers")
    if not np.allclose(np.diag(matrix), 1.0, atol=1e-6):
        raise ValueError(f"{spillover.source} has {np.diag(matrix).tolist()} on its diagonal, not 1")
    off = matrix - np.diag(np.diag(matrix))
    if np.abs(off).max(initial=0.0) >= LARGEST_SPILL:
        raise ValueError(f"{spillover.source} has a spill of {np.abs(off).max():g}, not below {LARGEST_SPILL:g}")
    condition = float(np.linalg.cond(matrix))
    if condition >= WORST_CONDITION:
        raise ValueError(f"{spillover.source} has condition number {condition:.3g}, not below {WORST_CONDITION:g}")
    return spillover


def read_matrix(path: Path) -> Spillover:
    """A spillover matrix from CSV: detectors in the first row, then one row each (with or without its name).

    Raises
    ------
    CytotrialError
        Not a square matrix of numbers with one name per column.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))) if any(row)]
        header = [cell.strip() for cell in rows[0]]
        named_rows = header[0] == "" or len(rows[1]) == len(header) + 1
        names = header[1:] if header[0] == "" else header
        values = [[float(cell) for cell in (row[1:] if named_rows else row)] for row in rows[1:]]
        matrix = np.array(values, dtype=float)
        if matrix.shape != (len(names), len(names)):
            raise ValueError(f"{len(names)} names and a matrix of {matrix.shape}")
        return checked(Spillover(tuple(names), matrix, path.name), names)
    except (OSError, ValueError, IndexError) as error:
        raise CytotrialError(
            problem(
                str(path),
                found=f"no usable matrix ({error})",
                expected="a CSV with detector names in its first row and a square matrix below",
                remedy="correct the file",
            )
        ) from error


def compensate(events: np.ndarray, spillover: Spillover | None, channel_names: Sequence[str]) -> np.ndarray:
    """Events with spillover undone; a copy. FlowKit's own arithmetic (flowutils), so the same numbers.

    Parameters
    ----------
    events : ndarray, shape (n_events, n_channels)
        Linear, uncompensated.

    Returns
    -------
    ndarray, shape (n_events, n_channels)
        Linear, compensated in the detectors of `spillover`, else as they were.
    """
    from flowutils.compensate import compensate as solve  # pulls in scipy

    if spillover is None:
        return events.copy()
    indices = [list(channel_names).index(name) for name in spillover.detectors]
    return np.asarray(solve(events, spillover.matrix, indices))
