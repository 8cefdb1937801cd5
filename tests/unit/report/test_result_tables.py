"""Tables of results: order of the schedule, rounding, NA with its reason."""

from cytotrial.report.result_tables import between_table, change_table, subset_table


def _texts(view):
    return [[cell.text for cell in row] for group in view.groups for row in group.rows]


def test_changes_stand_by_subset_arm_and_visit_of_the_schedule(trial, change_row) -> None:
    rows = [
        change_row(visit="W10"),
        change_row(visit="W2", arm="PBO"),
        change_row(visit="W2", mean_change="2.345678", p_value="0.00004"),
        change_row(subset="treg", denominator="cd4", visit="W2"),
        change_row(analysis_set="itt", visit="W2"),
    ]
    view = change_table(rows, "mitt", trial, source="stats/change_from_baseline.tsv")
    assert [group.heading for group in view.groups] == [
        "NK cells, % of lymphocytes (primary)",
        "Regulatory T cells, % of CD4+ T cells (primary)",
    ]
    assert [row[:2] for row in _texts(view)[:3]] == [["IL2", "W2"], ["IL2", "W10"], ["PBO", "W2"]]
    assert _texts(view)[0][5] == "+2.35"
    assert "<0.001" in _texts(view)[0]


def test_missing_statistics_carry_their_note(trial, change_row) -> None:
    view = change_table([change_row(n_pairs="1", note="one pair")], "mitt", trial, source="x")
    row = view.groups[0].rows[0]
    assert row[5].text == "NA"
    assert row[5].title == "one pair"
    assert row[-1].text == "one pair"


def test_what_is_not_corrected_says_so(trial, between_row) -> None:
    rows = [
        between_row(visit="W10", measure="change", p_value="0.2", p_holm="0.4", p_bh="0.3"),
        between_row(visit="W0", p_value="0.7"),
        between_row(visit="W2", p_value="0.01", p_holm="0.02", p_bh="0.02"),
    ]
    view = between_table(rows, "mitt", trial, source="x")
    assert [row[:2] for row in _texts(view)] == [["level", "W0"], ["level", "W2"], ["change", "W10"]]
    holm = view.groups[0].rows[0][11]
    assert (holm.text, holm.title) == ("NA", "not adjusted: only primary denominators at visits after the baseline are")
    assert view.groups[0].rows[1][10].css == "hit"


def test_a_hit_before_treatment_is_called_chance(trial, between_row) -> None:
    rows = [between_row(visit="W0", p_value="0.01", note="ties"), between_row(visit="W2", p_value="0.01")]
    first, second = _texts(between_table(rows, "mitt", trial, source="x"))
    assert first[-1] == "ties; before treatment: in a randomised trial this difference can only be chance"
    assert second[-1] == ""


def test_the_note_on_limits_that_are_not_shown_does_not_drown_the_others(trial, change_row) -> None:
    limits = "too few changes for a 95 % interval of the Hodges-Lehmann estimate (4 that are not zero)"
    rows = [change_row(note=limits), change_row(visit="W10", note=f"one change is zero; {limits}")]
    view = change_table(rows, "mitt", trial, source="x")
    assert [row[-1] for row in _texts(view)] == ["", "one change is zero"]


def test_conditions_are_a_column_where_there_are_any(trial, subset_row) -> None:
    """One sample of two has a condition; the other subset has none at all."""
    rows = [
        subset_row(sample_id="a", subject_id="S1", visit="W0", condition="stimulated"),
        subset_row(sample_id="b", subject_id="S1", visit="W2"),
        subset_row(sample_id="c", subject_id="S1", visit="W0", subset="treg", denominator="cd4"),
    ]
    nk, treg = (subset_table(rows, readout, trial, source="x") for readout in trial.study.readouts)
    assert [column.label for column in nk.columns][:5] == ["subject", "visit", "condition", "sample", "events"]
    assert [row[:4] for row in _texts(nk)] == [["S1", "W0", "stimulated", "a"], ["S1", "W2", "NA", "b"]]
    assert [column.label for column in treg.columns][:4] == ["subject", "visit", "sample", "events"]
    assert all(len(row) == len(view.columns) for view in (nk, treg) for row in _texts(view))


def test_samples_show_every_denominator_in_one_line(trial, subset_row) -> None:
    usual = {"sample_id": "a", "subject_id": "S1", "subset": "treg", "numerator_n": "12"}
    rows = [
        subset_row(
            **usual,
            visit="W0",
            denominator="cd4",
            denominator_n="2000",
            qc_flag="not_reported",
            qc_reason="12 events, below 20",
        ),
        subset_row(
            **usual,
            visit="W0",
            denominator="lymphocytes",
            denominator_n="9000",
            percent="0.13333",
            ci_low="0.07",
            ci_high="0.23",
        ),
    ]
    view = subset_table(rows, trial.study.readouts[1], trial, source="x")
    assert _texts(view) == [
        [
            "S1",
            "W0",
            "a",
            "12",
            "NA",
            "NA",
            "2\u202f000",
            "0.13",
            "0.07 to 0.23",
            "9\u202f000",
            "not reported",
            "12 events, below 20",
        ]
    ]
    assert view.groups[0].rows[0][4].title == "12 events, below 20"
