"""One file per gate method: a plain function ``place(events, *, args) -> Landmark``, found here by its name."""

from __future__ import annotations

import importlib
from typing import Any

from cytotrial.gating.landmarks import Landmark
from cytotrial.gating.parent_events import ParentEvents


def place(method: str, events: ParentEvents, *, args: Any) -> Landmark:
    """Ask `method` where a gate belongs among its parent's events; the module has the method's name."""
    module = importlib.import_module(f"cytotrial.gating.methods.{method}")
    return module.place(events, args=args)
