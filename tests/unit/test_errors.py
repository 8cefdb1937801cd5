"""One sentence shape, one class, and a hint where a word is near."""

from __future__ import annotations

import pytest

from cytotrial.errors import CytotrialError, did_you_mean, problem


def test_sentence() -> None:
    told = problem("config/samples.tsv, row 3, visit", found="'W1O'", expected="one of W0, W10", remedy="correct it")
    assert told == "config/samples.tsv, row 3, visit: found 'W1O', expected one of W0, W10; correct it"


@pytest.mark.parametrize(
    ("problems", "kept"),
    [("one", ("one",)), (["one", "two"], ("one", "two")), ((p for p in ("one", "two")), ("one", "two")), ([], ())],
)
def test_every_problem_is_kept(problems: object, kept: tuple[str, ...]) -> None:
    error = CytotrialError(problems)  # type: ignore[arg-type]
    assert error.problems == kept
    assert str(error) == "\n".join(kept)


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("W1O", ["W0", "W10"], " (did you mean 'W10'?)"),
        ("TREG", ["treg", "nk"], " (did you mean 'treg'?)"),
        ("treg", ["TREG"], " (did you mean 'TREG'?)"),
        ("screening", ["W0", "W10"], ""),
        ("x", [], ""),
        ("", ["W0"], ""),
    ],
)
def test_did_you_mean(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint
