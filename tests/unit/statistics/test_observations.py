"""Which rows of subsets.tsv are tested, and which mistakes in it are refused."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.errors import CytotrialError
from cytotrial.statistics.observations import _numbers, counting_rows, is_usable, usable_values
from cytotrial.statistics.plan import PlannedSubset


def sheet(*rows: dict) -> pd.DataFrame:
    """Rows of subsets.tsv as `read_table` gives them (text or None); what is not said is ordinary."""
    ordinary = {
        "sample_id": "s1",
        "subject_id": "A1",
        "visit": "W0",
        "condition": None,
        "subset": "nk",
        "denominator": "lymphocytes",
        "numerator_n": "650",
        "denominator_n": "10000",
        "percent": "6.5",
        "qc_flag": "ok",
        "qc_reason": None,
    }
    return pd.DataFrame([ordinary | row for row in rows], columns=list(ordinary))


def test_not_reported_and_missing_are_left_out_flagged_and_below_lloq_used(subjects, plan):
    table = sheet(
        {"subject_id": "A1", "sample_id": "1"},
        {"subject_id": "A2", "sample_id": "2", "qc_flag": "flagged"},
        {"subject_id": "A3", "sample_id": "3", "qc_flag": "below_lloq"},
        {"subject_id": "B1", "sample_id": "4", "qc_flag": "not_reported", "percent": "1.0"},
        {"subject_id": "B2", "sample_id": "5", "percent": None},
    )

    assert list(usable_values(table, subjects, plan)["subject_id"]) == ["A1", "A2", "A3"]


def test_a_measured_zero_is_a_value(subjects, plan):
    assert list(usable_values(sheet({"percent": "0.0"}), subjects, plan)["percent"]) == [0.0]


def test_a_percentage_keeps_its_last_bit(subjects, plan):
    # pandas reads this text one bit off, and equal changes would then be no ties.
    exact = 100 * 51 / 5198
    assert pd.to_numeric(pd.Series([repr(exact)]))[0] != exact

    assert list(usable_values(sheet({"percent": repr(exact)}), subjects, plan)["percent"]) == [exact]


@pytest.mark.parametrize("condition", ["FMO-CD25", "fmo_CD127", "single-stain-PE", "SingleStain-FITC", "unstained"])
def test_control_tubes_never_enter(subjects, plan, condition):
    table = sheet({}, {"sample_id": "c", "condition": condition, "percent": "99.0", "visit": "not a visit"})

    assert list(usable_values(table, subjects, plan)["percent"]) == [6.5]


def test_unstimulated_is_no_control_tube(subjects, plan):
    assert len(usable_values(sheet({"condition": "unstimulated"}), subjects, plan)) == 1


def test_replicates_are_averaged_on_the_percentage(subjects, plan):
    table = sheet({"sample_id": "1", "percent": "6.0"}, {"sample_id": "2", "percent": "9.0"})

    observations = usable_values(table, subjects, plan)

    assert list(observations["percent"]) == [7.5]


def test_the_order_of_the_rows_does_not_matter(subjects, plan):
    parts = [{"sample_id": str(i), "percent": str(0.1 * 3**i)} for i in range(7)]
    others = [{"sample_id": f"x{i}", "subject_id": f"B{i}"} for i in (1, 2)]

    forward = usable_values(sheet(*parts, *others), subjects, plan)
    backward = usable_values(sheet(*others[::-1], *parts[::-1]), subjects, plan)

    pd.testing.assert_frame_equal(forward, backward, check_exact=True)


def test_the_declared_condition_alone_is_used(subjects, plan):
    chosen = replace(plan, subsets=(PlannedSubset("nk", ("lymphocytes",), "CEF"),))
    table = sheet({"sample_id": "1"}, {"sample_id": "2", "condition": "CEF", "percent": "8.0"})

    assert list(usable_values(table, subjects, chosen)["percent"]) == [8.0]


def test_several_conditions_and_none_declared_is_refused(subjects, plan):
    table = sheet(
        {"sample_id": "1", "condition": "unstimulated"},
        {"sample_id": "2", "condition": "CEF"},
        {"sample_id": "3", "condition": "FMO-CD25"},
    )

    with pytest.raises(CytotrialError, match="condition of nk: found the conditions CEF, unstimulated"):
        usable_values(table, subjects, plan)


def test_a_declared_condition_that_no_sample_has_is_refused(subjects, plan):
    chosen = replace(plan, subsets=(PlannedSubset("nk", ("lymphocytes",), "unstimulated"),))

    with pytest.raises(CytotrialError, match=r"found only unstimulatd \(did you mean 'unstimulatd'\?\)"):
        usable_values(sheet({"condition": "unstimulatd"}), subjects, chosen)


def test_every_mistake_is_told_at_once(subjects, plan):
    table = sheet(
        {"sample_id": "1", "subset": "nkk"},
        {"sample_id": "2", "visit": "W22"},
        {"sample_id": "3", "subset": "treg", "denominator": "cd3"},
        {"sample_id": "4", "percent": "six"},
        {"sample_id": "5", "percent": "650"},
        {"sample_id": "6"},
        {"sample_id": "6"},
        {"sample_id": "7", "subject_id": "C9"},
        {"sample_id": "8", "numerator_n": "many"},
        {"sample_id": "9", "denominator_n": "-1"},
    )

    with pytest.raises(CytotrialError) as refused:
        usable_values(table, subjects, plan, source="my.tsv")

    told = "\n".join(refused.value.problems)
    assert len(refused.value.problems) == 9, told
    for part in (
        "my.tsv, row 2, subset: found 'nkk' (did you mean 'nk'?) in 1 rows",
        "my.tsv, row 3, visit: found 'W22'",
        "my.tsv, row 4, denominator: found 'cd3' of treg",
        "my.tsv, row 5, percent: found 'six'",
        "my.tsv, row 6, percent: found '650'",
        "my.tsv, row 9, subject_id: found 'C9' in 1 rows",
        "my.tsv, row 8: found a second row for 6 nk lymphocytes",
        "my.tsv, row 10, numerator_n: found 'many', expected a number of events, or NA",
        "my.tsv, row 11, denominator_n: found '-1', expected a number of events, or NA",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("inside", "outside", "expected"),
    [
        ("3", "9", math.log(3.5 / 6.5)),  # q = 3.5 / 10
        ("0", "9", math.log(0.5 / 9.5)),
        ("9", "9", math.log(9.5 / 0.5)),
        ("0", "0", math.nan),
        ("10", "9", math.nan),
        (None, "9", math.nan),
        ("3", None, math.nan),
    ],
)
@pytest.mark.filterwarnings("error")
def test_logits_come_from_the_counts(subjects, plan, inside, outside, expected):
    observations = usable_values(sheet({"numerator_n": inside, "denominator_n": outside}), subjects, plan)

    assert list(observations["logit"]) == pytest.approx([expected], rel=1e-15, nan_ok=True)


def test_replicates_have_the_mean_of_their_logits(subjects, plan):
    table = sheet(
        {"sample_id": "1", "numerator_n": "3", "denominator_n": "9"},
        {"sample_id": "2", "numerator_n": "0", "denominator_n": "9"},
    )

    expected = (math.log(3.5 / 6.5) + math.log(0.5 / 9.5)) / 2
    assert list(usable_values(table, subjects, plan)["logit"]) == pytest.approx([expected], rel=1e-15)


def test_the_average_of_replicates_has_a_logit_only_where_every_one_of_them_has(subjects, plan):
    counted = {"sample_id": "1", "numerator_n": "3", "denominator_n": "10", "percent": "30"}
    uncounted = {"sample_id": "2", "numerator_n": None, "denominator_n": None, "percent": "90"}
    other_visit = {"sample_id": "3", "visit": "W2"}

    observations = usable_values(sheet(counted, uncounted, counted | other_visit), subjects, plan)

    assert list(observations["percent"]) == [60.0, 30.0]
    assert list(observations["logit"]) == pytest.approx([math.nan, math.log(3.5 / 7.5)], rel=1e-15, nan_ok=True)


def test_a_value_without_counts_has_a_percentage_and_no_logit(subjects, plan):
    observations = usable_values(sheet({"numerator_n": None, "denominator_n": None}), subjects, plan)

    assert observations["percent"].notna().all() and observations["logit"].isna().all()


def test_every_text_is_read_to_its_last_bit(subjects, plan):
    generator = random.Random(7)
    exact = [100 * generator.randint(0, 6000) / 5999.5 % 100 for _ in range(20_000)]
    visits = [(subject, visit) for subject in subjects["subject_id"] for visit in plan.visits]
    rows = [
        {"sample_id": str(i), "subject_id": visits[i % 18][0], "visit": visits[i % 18][1], "percent": repr(value)}
        for i, value in enumerate(exact)
    ]

    assert list(_numbers(sheet(*rows)["percent"])) == exact


def test_numbers_may_come_as_numbers(subjects, plan):
    table = sheet({"percent": 6.5, "numerator_n": 650, "denominator_n": 10_000})
    written = sheet({})

    pd.testing.assert_frame_equal(
        usable_values(table, subjects, plan), usable_values(written, subjects, plan), check_exact=True
    )


def test_counting_rows_are_usable_or_not_but_never_controls_or_other_conditions(subjects, plan):
    chosen = replace(plan, subsets=(PlannedSubset("nk", ("lymphocytes",), "CEF"),))
    table = sheet(
        {"sample_id": "1", "condition": "CEF", "percent": None, "qc_flag": "not_reported"},
        {"sample_id": "2", "condition": "unstimulated"},
        {"sample_id": "3", "condition": "FMO-CD25"},
        {"sample_id": "4", "condition": "CEF"},
    )

    rows = counting_rows(table, chosen)

    assert list(rows["sample_id"]) == ["1", "4"]
    assert list(is_usable(rows)) == [False, True]


def test_an_empty_table_gives_no_values(subjects, plan):
    observations = usable_values(sheet(), subjects, plan)

    assert observations.empty
