"""What ran: versions of the packages, and a version of our own code that changes when its sources do."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parent
GROUND_FLOOR = ("columns.py", "documents.py", "errors.py", "schemas", "tables.py")  # every room stands on these
REPORTED = (
    "cytotrial",
    "flowkit",
    "flowio",
    "fcsparser",
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "snakemake",
)


def code_version(*rooms: str) -> str:
    """A short hash of the sources of some rooms (``gating``, ``subsets.py``) and of the ground floor.

    Snakemake does not notice an edited package: a rule that carries this among its parameters re-runs when
    the code that it calls has changed, and only then.
    """
    digest = hashlib.sha256()
    for room in sorted({*rooms, *GROUND_FLOOR}):
        place = PACKAGE / room
        sources = [place] if place.is_file() else sorted(p for p in place.rglob("*") if _is_source(p))
        if not sources:
            raise ValueError(f"no sources in {room}")
        for source in sources:
            digest.update(source.relative_to(PACKAGE).as_posix().encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide the numbers."""
    found = {}
    for name in REPORTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
