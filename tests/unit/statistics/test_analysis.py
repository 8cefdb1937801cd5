"""All tables at once: the methods tell what ran, and the words that two rooms write alike are the same."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from cytotrial.columns import SUBSETS
from cytotrial.statistics import carried_forward, endpoints
from cytotrial.statistics.analysis import analyse
from cytotrial.statistics.plan import Family
from cytotrial.statistics.tables import categorical, families, mixed_model, paired_endpoints
from cytotrial.study import analysis

SAFETY = [(s, "ANY", "FEVER", v) for s, v in (("A1", 1.0), ("A2", 0.0), ("B1", 0.0), ("B2", None))]
EFFICACY = [(s, "W2", "SRI4", v) for s, v in (("A1", 1.0), ("A2", 0.0), ("B1", 0.0), ("B2", None))]


@pytest.fixture
def methods_of(subjects, plan):
    """The methods told of outcome rows and {(subject, visit): events of 1000} of one subset."""

    def make(outcomes=(), counts=None, *, planned=plan):
        rows = [
            dict.fromkeys(SUBSETS.columns)
            | {"sample_id": f"{subject}_{visit}", "subject_id": subject, "visit": visit, "subset": "nk"}
            | {"denominator": "lymphocytes", "panel": "nk", "is_primary": "Y", "qc_flag": "ok"}
            | {"numerator_n": str(n), "denominator_n": "1000", "percent": str(n / 10)}
            for (subject, visit), n in (counts or {}).items()
        ]
        subsets = pd.DataFrame(rows, columns=list(SUBSETS.columns))
        table = pd.DataFrame(list(outcomes), columns=["subject_id", "visit", "endpoint", "value"])
        return analyse(subsets, subjects, table, planned).methods

    return make


def test_safety_alone_was_not_imputed_and_nothing_was_modelled(methods_of) -> None:
    told = methods_of(SAFETY)
    assert categorical.METHOD in told
    for one in (
        categorical.NON_RESPONDER_METHOD,
        categorical.RATES_METHOD,
        paired_endpoints.METHOD,
        mixed_model.METHOD,
    ):
        assert one not in told
    assert not any("_nri" in method.text for method in told)
    assert {method.title for method in told} == {"Binary clinical endpoints", "Missing data"}


def test_no_response_is_told_where_it_was_counted(methods_of, plan, subjects) -> None:
    assert categorical.NON_RESPONDER_METHOD in methods_of(EFFICACY)
    alone = replace(plan, arms=("IL2", "PBO"), control=(), active=("IL2", "PBO"))
    told = methods_of(EFFICACY, planned=alone)
    assert categorical.RATES_METHOD in told and categorical.METHOD not in told


def test_families_that_are_declared_and_values_carried_forward(methods_of, plan) -> None:
    counts = {
        (s, v): 100 + 7 * i + 11 * j * i
        for i, s in enumerate(("A1", "A2", "B1", "B2"))
        for j, v in enumerate(plan.visits)
    }
    told = methods_of((), counts)
    assert families.METHOD in told and mixed_model.METHOD in told
    assert families.DECLARED_METHOD not in told and carried_forward.METHOD not in told
    family = Family("main", "paired_t", ("nk",), (), "holm")
    told = methods_of((), counts, planned=replace(plan, families=(family,), is_locf_asked=True))
    assert families.DECLARED_METHOD in told and told[-1] == carried_forward.METHOD
    assert methods_of((), {}, planned=replace(plan, families=(family,), is_locf_asked=True)) == methods_of()


def test_the_check_and_the_statistics_use_the_same_words() -> None:
    assert endpoints.ANY_VISIT == analysis.ANY_VISIT
    assert carried_forward.SUFFIX == analysis.LOCF_SUFFIX
