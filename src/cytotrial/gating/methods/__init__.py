"""One file per gate method: a plain function ``place(events, *, args) -> Landmark``, found here by its name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from cytotrial.gating.landmarks import Bound, Landmark
from cytotrial.gating.parent_events import ParentEvents

RESTS_ON_MEASURES = ("reference_population", "relative_threshold")  # methods of several numbers, some of them held


def place(method: str, events: ParentEvents, *, args: Any) -> Landmark:
    """Ask `method` where a gate belongs among its parent's events; the module has the method's name."""
    return _module(method).place(events, args=args)


def held(method: str) -> Mapping[str, str]:
    """Measures that files hold in common for `method`, where its gate rests on several numbers.

    Returns
    -------
    mapping of str to str
        Measure -> ``median`` or ``lowest`` of the pool that the strategy declares, or ``trial``: the median of all
        files measured alike. Empty for other methods.
    """
    return _module(method).HELD if method in RESTS_ON_MEASURES else {}


def rebuilt(method: str, measures: Mapping[str, float], markers: Sequence[str], *, args: Any) -> tuple[Bound, ...]:
    """The gate of a method that has `held` measures, from measures of which some are the pool's; linear units."""
    return _module(method).bounds(measures, markers, args=args)


def _module(method: str) -> ModuleType:
    return importlib.import_module(f"cytotrial.gating.methods.{method}")
