"""What a user can mend: one error class, one sentence shape, and "did you mean"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CytotrialError(Exception):
    """A mistake in files, sheets or configuration; shown without a traceback, exit status 2.

    Parameters
    ----------
    problems : str or iterable of str
        Every mistake found, one line each.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


def problem(where: str, *, found: str, expected: str, remedy: str) -> str:
    """The sentence every mistake is told in: ``WHERE: found X, expected Y; do Z``.

    Parameters
    ----------
    where : str
        File, then row or key, as in ``config/samples.tsv, row 3, visit``.
    """
    return f"{where}: found {found}, expected {expected}; {remedy}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'W10'?)`` where a known word is near, else nothing.

    Examples
    --------
    >>> did_you_mean("W1O", ["W0", "W10"])
    " (did you mean 'W10'?)"
    >>> did_you_mean("screening", ["W0", "W10"])
    ''
    """
    folded = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def unexpected(error: Exception) -> str:
    """The reason of a file that met a mistake of ours: the log has the traceback.

    Examples
    --------
    >>> unexpected(ZeroDivisionError("in a method"))
    'unexpected ZeroDivisionError (in a method); please report it with the log'
    """
    return f"unexpected {type(error).__name__} ({' '.join(str(error).split())}); please report it with the log"
