"""Figures as cells of Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from benchmarks.gating.measures import Contrast
from benchmarks.gating.targets import SHORT, Verdict

DIGITS = {"ccc": 3, "rmse": 2, "arm_by_visit": 2, "trend": 2}
SIGNED = ("bias_%", "arm_by_visit", "trend")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def cell(figure: str, value: float | Contrast, verdict: Verdict | None = None) -> str:
    """A figure of `measures.WORDS` with its standard error, where it has one, and its verdict."""
    word = "" if verdict is None else f" {verdict.word}" if verdict.met else f" **{SHORT}**"
    if isinstance(value, Contrast):
        return f"{number(figure, value.value)} ± {rounded(value.se, DIGITS[figure])} ({value.visit}){word}"
    return number(figure, value) + word


def number(figure: str, value: float) -> str:
    """A figure as it is printed everywhere: counts whole, signs where they matter."""
    if isinstance(value, int):
        return str(value)
    return rounded(value, DIGITS.get(figure, 1), sign=figure in SIGNED)


def rounded(value: float, digits: int, *, sign: bool = False) -> str:
    """A number, ``-`` where there is none; zero has no minus.

    Examples
    --------
    >>> rounded(-0.04, 1), rounded(1.26, 1, sign=True), rounded(float("nan"), 1)
    ('0.0', '+1.3', '-')
    """
    if pd.isna(value):
        return "-"
    return f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"
