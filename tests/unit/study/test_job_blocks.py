"""Which subjects share a job: every subject of a panel is in one, by the order of the ids, and each job has a name."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytotrial.study.job_blocks import Block, job_blocks
from cytotrial.study.samples import Sample


def sample(subject: str, panel: str, visit: str = "W0") -> Sample:
    """A row of the sheet."""
    name = f"{subject}_{visit}_{panel}"
    return Sample(name, f"{name}.fcs", subject, visit, panel, None, None, None, None, 2)


SHEET = [sample(subject, panel, visit) for panel in ("treg", "nk") for subject in "CADB" for visit in ("W0", "W2")]


def test_one_subject_a_job_is_named_after_it() -> None:
    assert job_blocks(SHEET) == tuple(Block(panel, name, (name,)) for panel in ("nk", "treg") for name in "ABCD")


def test_several_subjects_a_job_are_named_after_the_first_and_the_last() -> None:
    assert [(one.name, one.subjects) for one in job_blocks(SHEET, 3) if one.panel == "nk"] == [
        ("A_to_C", ("A", "B", "C")),
        ("D", ("D",)),
    ]
    assert [(one.panel, one.name) for one in job_blocks(SHEET, 99)] == [("nk", "A_to_D"), ("treg", "A_to_D")]


@pytest.mark.parametrize("per_job", [1, 2, 3, 4, 5])
def test_the_order_of_the_sheet_does_not_matter(per_job: int) -> None:
    shuffled = random.Random(3).sample(SHEET, len(SHEET))
    assert shuffled != SHEET
    assert job_blocks(shuffled, per_job) == job_blocks(SHEET, per_job)


def test_panels_have_the_subjects_that_have_files_of_them() -> None:
    sheet = [sample("A", "nk"), sample("B", "nk"), sample("B", "treg"), sample("C", "nk")]
    assert [(one.panel, one.subjects) for one in job_blocks(sheet, 2)] == [
        ("nk", ("A", "B")),
        ("nk", ("C",)),
        ("treg", ("B",)),
    ]


def test_a_subject_that_joins_moves_only_those_behind_it() -> None:
    before = {one.name: one.subjects for one in job_blocks([sample(name, "nk") for name in "ABCDEF"], 2)}
    joined = {one.name: one.subjects for one in job_blocks([sample(name, "nk") for name in [*"ABCDEF", "CC"]], 2)}
    assert joined == {"A_to_B": ("A", "B"), "C_to_CC": ("C", "CC"), "D_to_E": ("D", "E"), "F": ("F",)}
    assert before == {"A_to_B": ("A", "B"), "C_to_D": ("C", "D"), "E_to_F": ("E", "F")}


def test_no_job_has_the_name_of_the_folder_of_pictures() -> None:
    names = [one.name for one in job_blocks([sample(name, "nk") for name in ("pictures", "pictures_")])]
    assert names == ["pictures__", "pictures_"]


@given(st.sets(st.sampled_from(["A", "B", "A_to_B", "A_to_B_", "A0_to_B", "A_to_A0", "pictures"])), st.integers(1, 3))
def test_every_job_has_a_name_of_its_own_whatever_subjects_are_called(ids: set[str], per_job: int) -> None:
    blocks = job_blocks([sample(name, "nk") for name in ids], per_job)
    names = [one.name for one in blocks]
    assert len(set(names)) == len(names)
    assert sorted(ids) == [subject for one in blocks for subject in one.subjects]
    assert all(len(one.subjects) == per_job for one in blocks[:-1])
    assert not {one.name for one in blocks if len(one.subjects) > 1} & (ids | {"pictures"})


def test_two_pairs_whose_ends_read_alike() -> None:
    """A and A0_to_B, A_to_A0 and B: both would be called A_to_A0_to_B."""
    blocks = job_blocks([sample(name, "nk") for name in ("A", "A0_to_B", "A_to_A0", "B")], 2)
    assert [one.name for one in blocks] == ["A_to_A0_to_B", "A_to_A0_to_B_"]
