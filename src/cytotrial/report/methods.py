"""What the page says of limits and versions; the tests are described in ``templates/methods.html.j2``."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Any

PACKAGES = (
    "cytotrial",
    "flowkit",
    "flowio",
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "snakemake",
    "matplotlib",
    "jinja2",
)


def quality_sentence(quality: Mapping[str, Any]) -> str:
    """The limits of the configuration's ``quality`` section in words.

    Examples
    --------
    >>> quality_sentence({"lloq": 50})
    "As the configuration sets them, the package's defaults for the rest: lloq 50."
    """
    if not quality:
        return "The configuration sets no limits of its own (quality): the package's defaults hold."
    shown = "; ".join(f"{name} {_plain(value)}" for name, value in sorted(quality.items()))
    return f"As the configuration sets them, the package's defaults for the rest: {shown}."


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return " to ".join(str(inner) for inner in value)
    return str(value)


def versions() -> list[tuple[str, str]]:
    """Each package with its version, Python first; one that is not installed says so."""
    found = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append((name, "not installed"))
    return found
