"""The section on whether the conclusion stands: what it says first, and the tables behind it."""

from dataclasses import replace

from cytotrial.report.survival import MOST_NAMED, survival_section
from cytotrial.statistics.plan import Family
from cytotrial.statistics_columns import FAMILIES

SOURCE = "stats/survival.tsv"


def _section(rows, trial):
    return survival_section(rows, trial, {}, source=SOURCE)


def _whole(survival_row, **more):
    """A result that holds, with a gate limit tried."""
    gate = {"variation": "gate", "gate": "treg:treg/CD25/min"}
    return [survival_row(**more), survival_row(**gate, **({"verdict": "holds"} | more))]


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
    section = _section([*_whole(survival_row), *_whole(survival_row, visit="W10")], trial)
    words = "significant results of the primary analysis (nominal p < 0.05) stand in every analysis tried."
    assert section.headline == f"All 2 {words}"
    assert not section.named and section.lost is None and not section.causes
    assert section.is_any_gate_tried and not any("not tried" in one for one in section.sentences)
    assert [row[4].css for row in _cells(section.everything)] == ["stands", "stands"]
    one = _section(_whole(survival_row), trial).headline
    assert one.startswith("The one significant result of the primary analysis") and one.endswith(
        " stands in every analysis tried."
    )


def test_where_no_gate_was_tried_it_says_so_and_nothing_is_green(trial, survival_row) -> None:
    why = {"note": "gates not tried: no gate limit of this subset was moved"}
    section = _section([survival_row(**why), survival_row(visit="W10", **why)], trial)
    assert section.headline.endswith("(nominal p < 0.05) stand under the other choices (gates not tried).")
    assert section.sentences[-1] == "Gates not tried: no gate limit of this subset was moved."
    assert not section.is_any_gate_tried
    for row in _cells(section.everything):
        assert (row[4].text, row[4].title, row[4].css) == ("holds, gates not tried", why["note"], "")


def test_gates_are_tried_of_each_result_by_itself(trial, survival_row) -> None:
    why = {"note": "gates not tried: no gate limit of this subset was moved"}
    nk = {"subset": "nk", "denominator": "lymphocytes"}
    unjudged = survival_row(variation="gate", gate="nk:nk/CD56/min", verdict=None, n_analyses="0", **nk)
    lost = survival_row(visit="W10", verdict="fragile", **nk, **why)
    rows = [*_whole(survival_row), survival_row(**nk, **why), unjudged, lost]
    section = _section(rows, trial)
    assert section.headline.endswith(
        "1 stands in every analysis tried, 1 stands under the other choices (gates not tried) and 1 is fragile."
    )
    assert section.sentences[-1] == (
        "Gates not tried for 2 results (NK cells): no gate limit of this subset was moved."
    )
    assert section.named[0][1].endswith("; gates not tried")
    assert section.is_any_gate_tried
    nk_row, nk_lost, treg_row = _cells(section.everything)
    assert [row[4].css for row in (nk_row, nk_lost, treg_row)] == ["", "fragile", "stands"]


def test_declared_tests_that_are_significant_come_first(trial, survival_row) -> None:
    trial = replace(trial, plan=replace(trial.plan, families=(Family("main", "paired_t", (), (), "holm"),)))
    usual = dict.fromkeys(FAMILIES.columns) | {"family": "main", "test": "paired_t", "analysis_set": "mitt"}
    usual |= {"arm": "IL2", "subset": "treg", "denominator": "cd4", "visit": "W2", "p_adjusted": "0.01"}
    rows = [*_whole(survival_row), *_broken(survival_row, visit="W10"), survival_row(arm="PBO")]

    def first(*changes):
        families = [usual | change for change in changes]
        return survival_section(rows, trial, {}, families, source=SOURCE).headline.partition(": ")[2].split(". ")[0]

    section = survival_section(rows, trial, {}, [usual], source=SOURCE)
    assert section.headline.startswith("Declared tests that are significant (adjusted p < 0.05) and stand: 1 of 1 in")
    assert section.headline.endswith("and 1 fails.")
    assert first({}, {"visit": "W10"}) == "1 of 2 in every analysis tried"
    assert first({"arm": "PBO"}) == "0 of 1 in every analysis tried, 1 under the other choices (gates not tried)"
    assert first({}, {"test": "wilcoxon"}).endswith("1 test of another kind could not be tried")
    for nothing in ({"p_adjusted": "0.2"}, {"family": "all_paired_t"}, {"analysis_set": "itt"}):
        assert "Declared" not in survival_section(rows, trial, {}, [usual | nothing], source=SOURCE).headline


def test_what_only_another_denominator_ends_has_its_own_sentence(trial, survival_row) -> None:
    other = {"variation": "denominators", "verdict": "fragile", "n_held": "0", "n_analyses": "1"}
    quiet = {"is_significant": "N", "p_value": "0.2"}
    rows = [survival_row(verdict="fragile"), survival_row(**other)]
    rows += [survival_row(visit="W10", verdict="fragile", **quiet), survival_row(visit="W10", **other, **quiet)]
    section = _section(rows, trial)
    assert "1 of these would be so under another denominator alone. That is" in section.sentences[0]
    assert "by chance" not in section.sentences[0]
    assert section.sentences[1].startswith("Lost under another denominator alone: 1 result. That is another question")
    both = [*rows, survival_row(variation="analysis_sets", verdict="fragile", n_held="0", n_analyses="1")]
    assert not any(one.startswith("Lost under") for one in _section(both, trial).sentences)


def test_a_result_that_fails_is_named_and_its_cell_is_red(trial, survival_row) -> None:
    rows = [*_whole(survival_row, visit="W10"), *_broken(survival_row)]
    rows += _whole(survival_row, visit="W10", arm="PBO", verdict="fragile")
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
    assert section.is_any_gate_tried


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
    nothing = {"verdict": None, "n_analyses": "0", "n_held": "0", "weakest": None, "note": "gates not tried: why"}
    section = _section([survival_row(**nothing)], trial)
    assert section.headline == "No other analysis could be tried: gates not tried: why."
    assert section.everything is None and not section.maps and not section.sentences
    assert _section([], trial).headline == "No other analysis could be tried."
    partly = _section([*_whole(survival_row), survival_row(visit="W10", **nothing)], trial)
    assert partly.headline.endswith("1 stands in every analysis tried and 1 could not be tried.")
    assert partly.sentences[-1] == "Gates not tried for 1 result (Regulatory T cells): why."


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
    section = _section(_whole(survival_row), trial)
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
