"""Labels and membership."""


def test_members_of_an_arm_and_of_its_analysis_set(trial) -> None:
    assert trial.members("IL2") == ["S1", "S2"]
    assert trial.members("IL2", "mitt") == ["S1"]


def test_visits_unknown_to_the_schedule_come_last(trial) -> None:
    assert sorted(["W99", "W10", "W2"], key=trial.visit_rank) == ["W2", "W10", "W99"]


def test_primary_rows(trial, change_row) -> None:
    assert trial.is_primary(change_row())
    assert not trial.is_primary(change_row(analysis_set="itt"))
    assert not trial.is_primary(change_row(subset="treg", denominator="lymphocytes"))
