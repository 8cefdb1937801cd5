"""Estimates and shares as cells of Markdown tables."""

from __future__ import annotations

import math

from benchmarks.gating.markdown import rounded
from benchmarks.validation.recovery import Estimate
from cytotrial.simulate.parameters import PANELS


def estimate(one: Estimate, *, digits: int = 1, sign: bool = False) -> str:
    """A figure and its standard error.

    Examples
    --------
    >>> estimate(Estimate(1.26, 0.31), sign=True), estimate(Estimate(5.0, float("nan")))
    ('+1.3 ± 0.3', '5.0')
    """
    value = rounded(one.value, digits, sign=sign)
    return value if math.isnan(one.se) or math.isnan(one.value) else f"{value} ± {rounded(one.se, digits)}"


def thousands(number: int) -> str:
    """A whole number with its thousands apart.

    Examples
    --------
    >>> thousands(60000)
    '60 000'
    """
    return f"{number:,}".replace(",", " ")


def events_words(events: tuple[int, ...]) -> str:
    """Events of the files of each panel, in words.

    Examples
    --------
    >>> events_words((30000, 60000))
    '30 000 events in a file of the panel treg, 60 000 of nk'
    """
    (first, *others) = zip(PANELS, events, strict=True)
    said = [f"{thousands(first[1])} events in a file of the panel {first[0]}"]
    return ", ".join([*said, *(f"{thousands(n)} of {panel}" for panel, n in others)])


def yes(condition: object) -> str:
    """``yes``, and **no** where it can be seen."""
    return "yes" if condition else "**no**"
