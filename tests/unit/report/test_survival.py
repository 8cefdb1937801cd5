"""The section on whether the conclusion stands: what it says first, and the tables behind it."""

from cytotrial.report.survival import MOST_NAMED, survival_section

SOURCE = "stats/survival.tsv"


def _section(rows, trial):
    return survival_section(rows, trial, {}, source=SOURCE)


def _cells(view):
    return [row for group in view.groups for row in group.rows]


def _broken(survival_row, **more):
    """A result that one SD of CD25 ends."""
    gate = {"variation": "gate", "gate": "treg:treg/CD25/min", "n_held": "2", "smallest_move": "1", "p_high": "0.2"}
    return [
        survival_row(**{"verdict": "fails", "n_held": "2", **more}),
        survival_row(**gate, **{"verdict": "fails", **more}),
    ]


def test_all_stand(trial, survival_row) -> None:
    section = _section([survival_row(), survival_row(visit="W10")], trial)
    words = "significant results of the primary analysis (nominal p < 0.05) stand in every analysis tried."
    assert section.headline == f"All 2 {words}"
    assert not section.named and section.lost is None and not section.causes
    assert _section([survival_row()], trial).headline.startswith("The one significant result of the primary analysis")


def test_a_result_that_fails_is_named_and_its_cell_is_red(trial, survival_row) -> None:
    rows = [survival_row(visit="W10"), survival_row(visit="W10", arm="PBO", verdict="fragile"), *_broken(survival_row)]
    section = _section(rows, trial)
    assert section.headline == (
        "Of the 3 significant results of the primary analysis (nominal p < 0.05), "
        "1 stands in every analysis tried, 1 is fragile and 1 fails."
    )
    verdict, sentence = section.named[0]
    assert (verdict, sentence) == (
        "fails",
        "Regulatory T cells at W2, change in IL2: lost with CD25 min of treg moved by 1 SD",
    )
    assert section.named[1][0] == "fragile"
    (red, amber) = _cells(section.lost)
    assert [(cell.text, cell.css) for cell in red if cell.text == "fails"] == [("fails", "fails")]
    assert [cell.css for cell in amber if cell.text == "fragile"] == ["fragile"]
    assert red[-1].text == "CD25 min of treg moved by 1 SD (worst: \u22122 SD, p 0.200)"
    assert section.lost.source == section.everything.source == SOURCE
    assert section.are_gates_moved


def test_many_that_fail_are_counted_the_worst_named(trial, survival_row) -> None:
    rows = [survival_row(visit="W2", verdict="fragile")]
    arms = [("change_from_baseline", "PBO"), ("between_arms", None), ("ancova", None)]
    keys = [(test, arm, visit) for test, arm in arms for visit in ("W2", "W10")]
    for test, arm, visit in keys:
        rows += _broken(survival_row, test=test, arm=arm, visit=visit)
    section = _section(rows, trial)
    assert len(keys) == MOST_NAMED
    assert [verdict for verdict, _ in section.named] == ["fails"] * MOST_NAMED + [""]
    assert section.named[-1][1] == "and 1 more, in the table below"
    assert section.lost.n_rows == MOST_NAMED + 1


def test_nothing_tried_says_so(trial, survival_row) -> None:
    nothing = {"verdict": None, "n_analyses": "0", "n_held": "0", "weakest": None, "note": "gates not moved"}
    section = _section([survival_row(**nothing)], trial)
    assert section.headline == "No other analysis could be tried: gates not moved."
    assert section.everything is None and not section.maps and not section.sentences
    assert _section([], trial).headline == "No other analysis could be tried."
    partly = _section([survival_row(), survival_row(visit="W10", **nothing)], trial)
    assert partly.headline.endswith("1 stands in every analysis tried and 1 could not be tried.")
    assert partly.sentences[-1] == "Gates not moved."


def test_what_is_not_significant_is_counted_and_never_lost(trial, survival_row) -> None:
    quiet = {"is_significant": "N", "p_value": "0.2"}
    rows = [survival_row(**quiet), survival_row(visit="W10", verdict="fails", n_held="1", **quiet)]
    rows += [survival_row(visit="W10", variation="analysis_sets", verdict="fails", n_held="1", **quiet)]
    section = _section(rows, trial)
    assert section.headline == "None of the 2 primary results is significant: there is none that could be lost."
    assert section.sentences[0].startswith("Not significant: 2 results, 1 of them in every analysis tried too; 1 would")
    assert section.lost is None
    assert not {"fails", "fragile", "stands"} & {cell.css for row in _cells(section.everything) for cell in row}


def test_tests_without_a_picture_are_named(trial, survival_row) -> None:
    section = _section([survival_row()], trial)
    words = "Change from baseline, Placebo; Change between arms; Between arms, ANCOVA."
    assert section.sentences == [f"Without a significant result, and so without a picture: {words}"]


def test_the_table_of_all_adds_up_the_gates_and_tells_why(trial, survival_row) -> None:
    rows = _broken(survival_row)
    rows += [survival_row(variation="gate", gate="treg:cd4/CD4/min", note="3 of 20 samples not moved")]
    rows += [survival_row(variation="denominators", verdict=None, note="the subset has no other denominator")]
    rows += [survival_row(visit="W10", is_significant=None, p_value=None, estimate=None, verdict=None, note="one pair")]
    section = _section(rows, trial)
    first, last = _cells(section.everything)
    denominators, sets, limits, gates, apart = first[5:10]
    assert (denominators.text, denominators.title) == ("NA", "the subset has no other denominator")
    assert (gates.text, gates.css) == ("6/8", "fails")
    assert gates.title == "not with CD25 min of treg, 2 of 4; 3 of 20 samples not moved"
    assert sets.text == limits.text == apart.text == "NA"
    assert [(cell.text, cell.title) for cell in last[2:5]] == [("NA", "one pair")] * 3
