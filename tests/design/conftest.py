"""The package as its sources say it: modules, and which of them import which."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One module: its dotted name without the package's, its file, its syntax tree, and the modules it imports."""

    name: str
    path: Path
    tree: ast.Module
    imports: frozenset[str]

    @property
    def room(self) -> str:
        """The folder of the package, or the module on the ground floor; ```` for the package itself."""
        return self.name.split(".")[0]


def read_modules(source: Path, package: str) -> dict[str, Module]:
    """Every module below `source` (the package's folder), imports inside functions counted too."""
    trees = {}
    for path in sorted(source.rglob("*.py")):
        name = ".".join(path.relative_to(source).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        trees[name] = (path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    known = set(trees)
    return {
        name: Module(name, path, tree, frozenset(_imports(tree, name, path, package, known)) - {name})
        for name, (path, tree) in trees.items()
    }


def _imports(tree: ast.Module, name: str, path: Path, package: str, known: set[str]) -> Iterator[str]:
    """Modules of the package that `tree` names, and the packages that Python imports on the way to them."""
    own = name.split(".") if path.name == "__init__.py" and name else name.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([package, *own[: len(own) - node.level + 1], *filter(None, [base])])
            named = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in named:
            if target.split(".")[0] == package:
                parts = target.split(".")[1:]
                yield from (prefix for n in range(1, len(parts) + 1) if (prefix := ".".join(parts[:n])) in known)


@pytest.fixture(scope="session")
def read_package() -> Callable[[Path, str], dict[str, Module]]:
    """`read_modules`."""
    return read_modules


@pytest.fixture(scope="session")
def modules() -> dict[str, Module]:
    """The modules of cytotrial by name."""
    return read_modules(CHECKOUT / "src" / "cytotrial", "cytotrial")
