"""What ran: versions of the packages, and a version of our own code that changes when its sources do."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parent
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


def verb_version(verb: str) -> str:
    """A short hash of all that a verb runs: the sources it imports, however far down, and the libraries' versions.

    Snakemake notices neither an edited package nor an upgraded library: a rule that carries this among its
    parameters re-runs when something that it runs has changed, and only then.
    """
    digest = hashlib.sha256()
    for name, number in package_versions().items():
        if name != "cytotrial":  # its sources follow
            digest.update(f"{name}={number}\n".encode())
    for source in sources_of(verb):
        digest.update(source.relative_to(PACKAGE).as_posix().encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def sources_of(verb: str) -> list[Path]:
    """Every file of the package that a verb needs: modules by their import statements, and the data beside them."""
    waiting = [PACKAGE / "commands" / f"{verb.replace('-', '_')}.py"]
    found: set[Path] = set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imported_by(module)
    folders = {module.parent for module in found} - {PACKAGE}
    if PACKAGE / "documents.py" in found:
        folders.add(PACKAGE / "schemas")
    data = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    return sorted(found | {path for path in data if path.suffix not in (".py", ".pyc")})


@cache
def _imported_by(module: Path) -> tuple[Path, ...]:
    """Files of the package that a module imports, at its top or inside a function.

    A package that loads its modules by name (gating.methods) counts whole, for its imports do not tell.
    """
    text = module.read_text(encoding="utf-8")
    if module.name == "__init__.py" and "import_module" in text:
        return tuple(module.parent.glob("*.py"))
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cytotrial"):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("cytotrial.")}
    places = [PACKAGE.joinpath(*name.split(".")[1:]) for name in names]
    files = [place.with_suffix(".py") for place in places] + [place / "__init__.py" for place in places]
    return tuple(file for file in files if file.is_file())


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide the numbers."""
    found = {}
    for name in REPORTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
