"""A trial small enough to work out on paper."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset

PLAN = AnalysisPlan(
    baseline="W0",
    visits=("W0", "W2", "W4"),
    arms=("IL2", "PBO"),
    active=("IL2",),
    control=("PBO",),
    analysis_sets=("mitt", "pp"),
    subsets=(PlannedSubset("treg", ("cd4", "lymphocytes")), PlannedSubset("nk", ("lymphocytes",))),
)


@pytest.fixture
def plan() -> AnalysisPlan:
    """Two arms, three visits, two analysis sets, three percentages of which two are primary."""
    return PLAN


@pytest.fixture
def subjects() -> pd.DataFrame:
    """A1 A2 A3 on IL2, B1 B2 B3 on PBO; A3 did not finish."""
    return pd.DataFrame(
        {
            "subject_id": ["A1", "A2", "A3", "B1", "B2", "B3"],
            "arm": ["IL2"] * 3 + ["PBO"] * 3,
            "mitt": [True] * 6,
            "pp": [True, True, False, True, True, True],
        }
    )


@pytest.fixture
def observe() -> Callable[..., pd.DataFrame]:
    """{(subject, visit): percent} -> observations of one subset and denominator."""

    def build(
        values: dict[tuple[str, str], float], subset: str = "nk", denominator: str = "lymphocytes"
    ) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    "subject_id": subject,
                    "visit": visit,
                    "subset": subset,
                    "denominator": denominator,
                    "percent": percent,
                }
                for (subject, visit), percent in values.items()
            ],
            columns=["subject_id", "visit", "subset", "denominator", "percent"],
        )

    return build


@pytest.fixture
def find() -> Callable[..., dict]:
    """The one row with these keys."""

    def row(rows: list[dict], **keys: str) -> dict:
        (found,) = [r for r in rows if all(r[k] == v for k, v in keys.items())]
        return found

    return row
