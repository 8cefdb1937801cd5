"""Analysis sets and arms: who is counted where."""

from __future__ import annotations

import logging

from cytotrial.statistics.members import log_members, members


def test_members_are_those_of_set_and_arm(subjects):
    assert members(subjects, analysis_set="mitt", arm="IL2") == ["A1", "A2", "A3"]
    assert members(subjects, analysis_set="pp", arm="IL2") == ["A1", "A2"]
    assert members(subjects, analysis_set="pp", arm="OTHER") == []


def test_the_log_counts_subjects_and_those_with_values(subjects, plan, caplog):
    with caplog.at_level(logging.INFO):
        log_members(subjects, plan, ["A1", "B1", "B2"])

    assert caplog.messages == [
        "analysis set mitt: IL2 3 subjects (1 with a usable value), PBO 3 subjects (2 with a usable value)",
        "analysis set pp: IL2 2 subjects (1 with a usable value), PBO 3 subjects (2 with a usable value)",
    ]
