"""Estimates and shares as cells of Markdown tables."""

from __future__ import annotations

import math

from benchmarks.gating.markdown import rounded
from benchmarks.validation.recovery import Estimate
from cytotrial.simulate.parameters import PANELS


def estimate(one: Estimate, *, digits: int = 1, sign: bool = False) -> str:
    """A figure and its standard error, or the exact interval that a share has.

    Examples
    --------
    >>> estimate(Estimate(1.26, 0.31), sign=True), estimate(Estimate(5.0, float("nan")))
    ('+1.3 ± 0.3', '5.0')
    >>> estimate(Estimate(100.0, float("nan"), (83.16, 100.0)))
    '100.0 (83.2 to 100.0)'
    """
    value = rounded(one.value, digits, sign=sign)
    if one.exact:
        return f"{value} ({rounded(one.exact[0], digits)} to {rounded(one.exact[1], digits)})"
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
    >>> events_words((60000, 60000))
    '60 000 events in every file'
    """
    if len(set(events)) == 1:
        return f"{thousands(events[0])} events in every file"
    (first, *others) = zip(PANELS, events, strict=True)
    said = [f"{thousands(first[1])} events in a file of the panel {first[0]}"]
    return ", ".join([*said, *(f"{thousands(n)} of {panel}" for panel, n in others)])


def yes(condition: object) -> str:
    """``yes``, and **no** where it can be seen."""
    return "yes" if condition else "**no**"
