"""The subjects sheet: arms and analysis sets."""

from __future__ import annotations

from typing import Any

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.study.config import load_study
from cytotrial.study.subjects import Subject, read_subjects


def test_subjects(trial: Any) -> None:
    study = load_study(trial.path())
    assert read_subjects(trial.path("subjects.tsv"), study=study) == (
        Subject("S1", "IL2", "X", frozenset({"itt", "pp"})),
        Subject("S2", "PBO", "X", frozenset({"itt"})),
    )


MISTAKES = {
    "small letter": ("S2\tPBO\tX\tY\tN", "S2\tPBO\tX\ty\tN", "row 3, itt: found 'y', expected Y or N; .*'Y'"),
    "empty set cell": ("S2\tPBO\tX\tY\tN", "S2\tPBO\tX\t\tN", "row 3: found no itt, expected itt: Y or N"),
    "set without a column": ("itt\tpp", "itt\tppx", "row 1: found no column 'pp'"),
    "unknown arm": ("S2\tPBO", "S2\tPB0", r"row 3, arm: found 'PB0' \(did you mean 'PBO'\?\)"),
    "subject twice": ("S2\tPBO", "S1\tPBO", "row 3, subject_id: found 'S1', which is also in row 2"),
    "no arm": ("S2\tPBO", "S2\t", "row 3: found no arm"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_one_sentence(trial: Any, mistake: str) -> None:
    old, new, said = MISTAKES[mistake]
    study = load_study(trial.path())
    trial.edit("subjects.tsv", old, new)
    with pytest.raises(CytotrialError, match=said) as caught:
        read_subjects(trial.path("subjects.tsv"), study=study)
    assert len(caught.value.problems) == 1


def test_an_analysis_set_of_another_name_is_checked_only_with_the_study(trial: Any) -> None:
    trial.edit("subjects.tsv", "itt\tpp", "itt\tcompleters")
    trial.edit("subjects.tsv", "S2\tPBO\tX\tY\tN", "S2\tPBO\tX\tY\tno")
    assert read_subjects(trial.path("subjects.tsv"))[1].analysis_sets == {"itt"}
    trial.edit("config.yaml", "[itt, pp]", "[itt, completers]")
    with pytest.raises(CytotrialError, match="row 3, completers: found 'no', expected Y or N"):
        read_subjects(trial.path("subjects.tsv"), study=load_study(trial.path()))
