"""By which of its names a workspace knows an FCS file. Light."""

from __future__ import annotations

from typing import Any

from cytotrial.errors import did_you_mean
from cytotrial.gating.drawn.contents import Contents


def file_names(data: Any) -> tuple[str, ...]:
    """What a file is called: on the disk it lies on, and by the instrument that wrote it (``$FIL``).

    Parameters
    ----------
    data : flowio.FlowData
    """
    names = (str(data.name or ""), str(data.text.get("fil", "")).strip())
    return tuple(dict.fromkeys(name for name in names if name))


def name_in_workspace(contents: Contents, names: tuple[str, ...]) -> tuple[str | None, str]:
    """The workspace's own spelling of the first of `names` that it knows, in any case; or None and why none."""
    file = contents.file.name
    for name in names:
        known = [one for one in contents.samples if one.casefold() == name.casefold()]
        if len(known) == 1:
            return known[0], ""
        if known:
            return None, f"{file} has {len(known)} samples called {known[0]!r}: rename one in FlowJo"
    sought = f"{'neither ' if len(names) > 1 else ''}{' nor '.join(repr(name) for name in names)}"
    near = next((hint for name in names if (hint := did_you_mean(name, contents.samples))), "")
    return None, f"{file} has no sample called {sought}{near}"
