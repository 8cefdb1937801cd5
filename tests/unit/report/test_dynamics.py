"""The pictures' content: usable values of the primary set, marks of nominal tests, captions in words."""

from cytotrial.figures.words import SYNTHETIC_MARK
from cytotrial.report.dynamics import picture, subset_dynamics


def _subsets(subset_row):
    return [
        subset_row(sample_id="a", subject_id="S1", visit="W0", percent="6.0"),
        subset_row(sample_id="b", subject_id="S1", visit="W2", percent="9.0", qc_flag="flagged"),
        subset_row(sample_id="b2", subject_id="S1", visit="W2", percent="10.0", qc_flag="below_lloq"),
        subset_row(sample_id="c", subject_id="S1", visit="W10", percent="99.0", qc_flag="not_reported"),
        subset_row(sample_id="d", subject_id="S2", visit="W0", percent="50.0"),
        subset_row(sample_id="e", subject_id="S3", visit="W0", percent="7.0"),
        subset_row(sample_id="f", subject_id="S3", visit="W0", subset="treg", denominator="lymphocytes", percent="3"),
    ]


def test_only_usable_values_of_the_primary_set_and_denominator(trial, subset_row) -> None:
    """W2 is the mean of two samples, W10 is not reported, S2 is not in mitt, treg has no value of CD4."""
    nk, treg = subset_dynamics(_subsets(subset_row), [], [], trial, source="subsets.tsv")
    assert [(arm.id, dict(arm.subjects)) for arm in nk.arms] == [
        ("IL2", {"S1": {"W0": 6.0, "W2": 9.5}}),
        ("PBO", {"S3": {"W0": 7.0}}),
    ]
    assert not treg.has_values
    assert treg.empty_reason == "no file of this trial gives this subset"


def test_an_empty_picture_gives_the_reasons_of_the_table(trial, subset_row) -> None:
    why = "12 events, below 20"
    rows = [subset_row(sample_id="a", subject_id="S1", visit="W0", qc_flag="not_reported", qc_reason=why)]
    nk = subset_dynamics(rows, [], [], trial, source="subsets.tsv")[0]
    assert why in picture(nk, trial, source="subsets.tsv").svg


def test_marks_are_nominal_hits_of_the_primary_analysis(trial, subset_row, change_row, between_row) -> None:
    change = [
        change_row(visit="W2", p_value="0.049", p_holm="0.2"),
        change_row(visit="W10", p_value="0.05"),
        change_row(visit="W10", analysis_set="itt", p_value="0.001"),
    ]
    between = [
        between_row(visit="W10", p_value="0.001", p_holm="0.01"),
        between_row(visit="W2", measure="change", p_value="0.001"),
    ]
    nk = subset_dynamics(_subsets(subset_row), change, between, trial, source="subsets.tsv")[0]
    assert [(mark.visit, mark.arm, mark.holds) for mark in nk.marks] == [
        ("W2", "IL2", False),
        ("W10", None, True),
    ]
    view = picture(nk, trial, source="subsets.tsv")
    assert "Low-dose IL-2: n 0 to 1 per visit; nominal p < 0.05 against baseline at W2." in view.caption
    assert "Between arms (level): W10." in view.caption
    assert f'aria-label="{SYNTHETIC_MARK}. NK cells, % of lymphocytes' in view.svg


def test_numbers_behind_the_picture(trial, subset_row) -> None:
    nk = subset_dynamics(_subsets(subset_row), [], [], trial, source="subsets.tsv")[0]
    rows = [[cell.text for cell in row] for row in picture(nk, trial, source="s").values.groups[0].rows]
    assert rows == [["W0", "1", "6.00", "NA"], ["W2", "1", "9.50", "NA"], ["W10", "0", "NA", "NA"]]
