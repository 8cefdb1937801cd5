"""The answer box: counts of tests and hits worked out by hand."""

import pytest

from cytotrial.report.answer import answer, baseline_sentence, multiplicity_sentence
from cytotrial.report.dynamics import subset_dynamics


@pytest.fixture
def change(change_row):
    return [
        change_row(
            visit="W2",
            mean_change="2.5",
            ci_low="1.1",
            ci_high="3.9",
            p_value="0.001",
            p_holm="0.004",
            p_bh="0.004",
            mean_baseline="6.5",
            mean_visit="9",
        ),
        change_row(
            visit="W10",
            mean_change="1.5",
            ci_low="0.1",
            ci_high="2.9",
            p_value="0.04",
            p_holm="0.12",
            p_bh="0.08",
            mean_baseline="6.5",
            mean_visit="8",
        ),
        change_row(
            arm="PBO",
            visit="W2",
            mean_change="-0.2",
            ci_low="-1",
            ci_high="0.6",
            p_value="0.6",
            p_holm="1",
            p_bh="0.6",
        ),
        change_row(arm="PBO", visit="W10", n_pairs="1", note="one pair"),
        change_row(analysis_set="itt", visit="W2", p_value="0.001"),
        change_row(subset="treg", denominator="lymphocytes", visit="W2", p_value="0.001"),
    ]


@pytest.fixture
def between(between_row):
    return [
        between_row(visit="W0", p_value="0.7", hl_shift="0.1"),
        between_row(visit="W2", p_value="0.03", p_holm="0.06", p_bh="0.06", hl_shift="2", hl_low="0.5", hl_high="3"),
        between_row(visit="W2", measure="change", p_value="0.2", p_holm="0.4", p_bh="0.3", hl_shift="1"),
    ]


@pytest.fixture
def box(change, between, subset_row, trial):
    subsets = [subset_row(sample_id="a", subject_id="S1", visit="W0", percent="6.5")]
    dynamics = subset_dynamics(subsets, change, between, trial, source="subsets.tsv")
    return answer(change, between, dynamics, trial, source="both")


def test_multiplicity_counts_the_tests_that_were_made(change, between, trial) -> None:
    """Six p-values in mitt and primary denominators (3 changes, 3 between): 0.05 x 6 = 0.30 by chance.

    Three are below 0.05 (0.001, 0.04, 0.03); five have a family; 0.004 alone holds under Holm and BH.
    """
    sentence = multiplicity_sentence([row for row in [*change, *between] if trial.is_primary(row)])
    assert sentence.startswith("6 tests at the 5 % level")
    assert "about 0.30 of them (6 × 0.05) would fall below 0.05 by chance alone; 3 did." in sentence
    assert "Of the 5 tests after the baseline, corrected over all subsets and visits" in sentence
    assert "1 stay below 0.05 after Holm's correction and 1 after" in sentence
    assert "famil" not in sentence  # a word for what was declared


def test_hits_per_kind_of_test(box) -> None:
    rows = [[cell.text for cell in row] for row in box.hits.groups[0].rows]
    assert rows[0] == ["NK cells, % of lymphocytes", "2 of 2", "0 of 1", "1 of 1", "0 of 1", "0 of 1"]
    assert rows[1][1:] == ["0 of 0"] * 5  # treg has rows of its second denominator only
    assert rows[2] == ["All", "2 of 2", "0 of 1", "1 of 1", "0 of 1", "0 of 1"]
    assert rows[3][:2] == ["expected by chance alone", "0.10"]  # 0.05 x 2


def test_cells_hold_estimate_interval_and_three_p_values(box) -> None:
    nk = box.blocks[0]
    assert [row.label for row in nk.rows] == ["Low-dose IL-2", "Placebo", "Between arms", "Between arms"]
    first, w2, w10 = nk.rows[0].cells
    assert (first.estimate, first.n, first.interval) == ("6.50", "n 1", "")
    assert (w2.estimate, w2.interval, w2.p, w2.adjusted, w2.css) == (
        "+2.50",
        "1.10 to 3.90",
        "0.001",
        "0.004 | 0.004",
        "holds",
    )
    assert w10.css == "hit"


def test_n_stands_beside_every_estimate(change, between, between_row, subset_row, trial) -> None:
    """As many pairs, or as many in each arm, as the tables say: 20 pairs, 20 against 21; 1 pair where it is NA."""
    between[1] = between_row(visit="W2", n_active="29", n_control="1030", hl_shift="2", p_value="0.03")
    subsets = [subset_row(sample_id=name, subject_id="S1", visit="W0", percent="6") for name in "ab"]
    dynamics = subset_dynamics(subsets, change, between, trial, source="subsets.tsv")
    active, control, level, shift = answer(change, between, dynamics, trial, source="both").blocks[0].rows
    assert [cell.n for cell in active.cells] == ["n 1", "n 20", "n 20"]
    assert [cell.n for cell in control.cells] == ["n 0", "n 20", "n 1"]
    assert [cell.n for cell in level.cells] == ["n 20 v 21", "n 29 v 1\u202f030", ""]  # no test at W10
    assert [cell.n for cell in shift.cells] == ["", "n 20 v 21", ""]


def test_what_could_not_be_tested_is_na_and_says_why(box) -> None:
    cell = box.blocks[0].rows[1].cells[2]
    assert (cell.estimate, cell.interval, cell.p, cell.css) == ("NA", "one pair", "", "na")


def test_one_arm_has_no_comparison(change, subset_row, trial) -> None:
    dynamics = subset_dynamics([], change, [], trial, source="subsets.tsv")
    box = answer(change, [], dynamics, trial, source="both")
    assert len(box.hits.columns) == 3
    assert all(row.label != "Between arms" for block in box.blocks for row in block.rows)


def test_a_hit_at_baseline_is_called_chance(between, between_row, trial) -> None:
    assert baseline_sentence(between, trial) == ""  # 0.7 at W0
    between[0] = between_row(visit="W0", p_value="0.01")
    sentence = baseline_sentence(between, trial)
    assert "in NK cells: in a randomised trial a difference before treatment can only be chance" in sentence


def test_a_note_of_numbers_that_are_not_shown_is_left_out(change_row, subset_row, trial) -> None:
    note = "no variance; too few changes for a 95 % interval of the Hodges-Lehmann estimate (3 that are not zero)"
    change = [change_row(note=note), change_row(visit="W10", mean_change="1", p_value="0.2", note=note[13:])]
    dynamics = subset_dynamics([], change, [], trial, source="subsets.tsv")
    _, missing, shown = answer(change, [], dynamics, trial, source="both").blocks[0].rows[0].cells
    assert (missing.estimate, missing.interval) == ("NA", "no variance")
    assert shown.title.endswith("; paired t-test")
