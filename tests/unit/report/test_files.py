"""The first section: nothing that failed is hidden, like reasons are counted together."""

from cytotrial.report.files import file_section, live_sentence, not_done_sentences, reason_kind, split_reasons


def _rows(view):
    return [[cell.text for cell in row] for group in view.groups for row in group.rows]


def test_all_ok(trial, status_row) -> None:
    section = file_section([status_row()], trial, source="tables/status.tsv")
    assert section.counts == {"ok": 1, "flagged": 0, "failed": 0}
    assert section.failed is None
    assert section.flagged is None
    assert section.not_done == []


def test_failed_files_come_by_subject_and_visit_in_the_order_of_the_schedule(trial, status_row) -> None:
    rows = [
        status_row(sample_id="c", subject_id="S1", visit="W10", status="failed", reasons="truncated"),
        status_row(sample_id="b", subject_id="S1", visit="W2", status="failed", reasons="no CD3; no Time"),
        status_row(sample_id="a", subject_id="S2", visit="W0", status="failed", n_events=None),
    ]
    view = file_section(rows, trial, source="tables/status.tsv").failed
    assert [row[0] for row in _rows(view)] == ["b", "c", "a"]
    assert [row[1] for row in _rows(view)] == ["no CD3; no Time", "truncated", "no reason was recorded"]
    assert _rows(view)[2][-1] == "NA"


def test_flag_reasons_are_counted_without_their_figures(trial, status_row) -> None:
    rows = [
        status_row(sample_id=f"f{n}", status="flagged", reasons=f"live: {60 + n}.5 % kept, below 70 %; few events")
        for n in range(3)
    ]
    rows.append(status_row(sample_id="g", status="flagged", reasons="few events; few events"))
    view = file_section(rows, trial, source="tables/status.tsv").flag_reasons
    assert _rows(view) == [
        ["few events", "4", "few events (f0)"],
        ["live: … % kept, below … %", "3", "live: 60.5 % kept, below 70 % (f0)"],
    ]


def test_names_with_digits_are_no_figures() -> None:
    assert reason_kind("CD56 of S-014 at W10: 12 events") == "CD56 of S-014 at W10: … events"
    assert split_reasons("a; b;; ") == ["a", "b"]


def test_steps_not_done_are_counted_once_per_file(status_row) -> None:
    twice = "live: no viability channel; singlets: no FSC-H; live: no viability channel"
    rows = [status_row(sample_id="a", not_done=twice), status_row(sample_id="b"), status_row(sample_id="c")]
    rows.append(status_row(sample_id="d", not_done="live: no viability channel"))
    assert not_done_sentences(rows) == [
        "live: NOT DONE in 2 of 4 files: no viability channel",
        "singlets: NOT DONE in 1 of 4 files: no FSC-H",
    ]


def test_what_it_means_that_no_cell_was_known_to_be_dead(status_row) -> None:
    """nk: two of three files; treg: its only one, where live is second; other steps count for nothing."""
    rows = [
        status_row(sample_id="a", not_done="live: no viability channel"),
        status_row(sample_id="b", not_done="live: no viability channel"),
        status_row(sample_id="c", not_done="singlets: no FSC-H channel to tell live doublets"),
        status_row(sample_id="d", panel="treg", not_done="singlets: no FSC-H channel; live: no viability channel"),
    ]
    assert live_sentence(rows) == (
        "The step live was not done in 2 of 3 files of panel nk and 1 of 1 file of panel treg: without a viability dye "
        "dead cells are counted and may inflate CD3-CD56+ NK counts."
    )
    assert live_sentence(rows[2:3]) == ""


def test_coverage_counts_subjects_not_files(trial, status_row) -> None:
    rows = [
        status_row(sample_id="a", visit="W0"),
        status_row(sample_id="a2", visit="W0", status="failed"),
        status_row(sample_id="b", subject_id="S2", visit="W2", status="failed"),
    ]
    view = file_section(rows, trial, source="tables/status.tsv").coverage
    assert _rows(view) == [["nk", "1", "1 (1 failed)", "0"]]
