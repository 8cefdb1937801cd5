"""The methods section of a paper: what ran, written beside the code that ran it, with versions and references."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True)
class Method:
    """What one table's module did, for a reader of the paper.

    Parameters
    ----------
    title : str
        A heading.
    text : str
        Markdown sentences in the past tense, as a methods section has them.
    references : tuple of str
        Each with its DOI.
    libraries : tuple of str
        Distributions whose code ran, cytotrial's own aside.
    """

    title: str
    text: str
    references: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


def methods_section(methods: Iterable[Method]) -> str:
    """Markdown: a heading and the text of each, numbered references in the order of their first use, versions."""
    methods = tuple(methods)
    references = list(dict.fromkeys(reference for method in methods for reference in method.references))
    parts = []
    for method in methods:
        numbers = ", ".join(str(references.index(reference) + 1) for reference in method.references)
        cited = f" [{numbers}]" if numbers else ""
        parts.append(f"### {method.title}\n\n{' '.join(method.text.split())}{cited}\n")
    libraries = sorted({"cytotrial", *(library for method in methods for library in method.libraries)})
    versions = ", ".join(f"{library} {version(library)}" for library in libraries)
    parts.append(f"### Software of the statistics\n\n{versions}.\n")
    if references:
        listed = "\n".join(f"{number}. {reference}" for number, reference in enumerate(references, start=1))
        parts.append(f"### References of the statistics\n\n{listed}\n")
    return "\n".join(parts)
