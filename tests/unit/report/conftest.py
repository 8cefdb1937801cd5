"""A trial of two arms and three visits, and rows of its tables written by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cytotrial.columns import STATUS, SUBSETS, Table
from cytotrial.report.trial import Trial
from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset
from cytotrial.statistics_columns import BETWEEN_ARMS, CHANGE_FROM_BASELINE, SURVIVAL
from cytotrial.study.config import Study, load_study
from cytotrial.study.subjects import Subject

RowMaker = Callable[..., dict[str, str | None]]

DOCUMENT = {
    "trial": {"id": "T1", "title": "A trial", "baseline": "W0", "synthetic": True},
    "arms": [
        {"id": "IL2", "label": "Low-dose IL-2", "role": "active"},
        {"id": "PBO", "label": "Placebo", "role": "control"},
    ],
    "visits": [{"id": "W0", "week": 0}, {"id": "W2", "week": 2}, {"id": "W10", "week": 10}],
    "readouts": [
        {"id": "nk", "label": "NK cells", "panel": "nk", "population": "nk", "denominators": ["lymphocytes"]},
        {
            "id": "treg",
            "label": "Regulatory T cells",
            "panel": "treg",
            "population": "treg",
            "denominators": ["cd4", "lymphocytes"],
        },
    ],
    "analysis_sets": ["mitt", "itt"],
}


@pytest.fixture
def study(tmp_path: Path) -> Study:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(DOCUMENT), encoding="utf-8")
    return load_study(config, tables_only=True)


@pytest.fixture
def trial(study: Study) -> Trial:
    """S1 and S2 on IL2, S3 on placebo; S2 is in itt alone."""
    both = frozenset({"mitt", "itt"})
    subjects = (
        Subject("S1", "IL2", None, both),
        Subject("S2", "IL2", None, frozenset({"itt"})),
        Subject("S3", "PBO", None, both),
    )
    plan = AnalysisPlan(
        baseline="W0",
        visits=("W0", "W2", "W10"),
        arms=("IL2", "PBO"),
        active=("IL2",),
        control=("PBO",),
        analysis_sets=("mitt", "itt"),
        subsets=tuple(PlannedSubset(r.id, r.denominators) for r in study.readouts),
    )
    return Trial(study, subjects, plan)


def _maker(table: Table, **usual: str | None) -> RowMaker:
    def make(**cells: str | None) -> dict[str, str | None]:
        strange = set(cells) - set(table.columns)
        assert not strange, strange
        return dict.fromkeys(table.columns) | usual | cells

    return make


@pytest.fixture
def status_row() -> RowMaker:
    return _maker(STATUS, sample_id="S1_W0", panel="nk", subject_id="S1", visit="W0", status="ok", n_events="9000")


@pytest.fixture
def subset_row() -> RowMaker:
    usual = {"subset": "nk", "denominator": "lymphocytes", "panel": "nk", "is_primary": "Y", "qc_flag": "ok"}
    return _maker(SUBSETS, **usual)


@pytest.fixture
def change_row() -> RowMaker:
    usual = {
        "analysis_set": "mitt",
        "arm": "IL2",
        "subset": "nk",
        "denominator": "lymphocytes",
        "visit": "W2",
    }
    return _maker(CHANGE_FROM_BASELINE, **usual, n_pairs="20")


@pytest.fixture
def between_row() -> RowMaker:
    usual = {"analysis_set": "mitt", "subset": "nk", "denominator": "lymphocytes", "visit": "W2"}
    return _maker(BETWEEN_ARMS, **usual, measure="level", n_active="20", n_control="21")


@pytest.fixture
def survival_row() -> RowMaker:
    """The row ``all`` of a significant result that holds in four analyses."""
    usual = {
        "test": "change_from_baseline",
        "analysis_set": "mitt",
        "arm": "IL2",
        "subset": "treg",
        "denominator": "cd4",
    }
    usual |= {"visit": "W2", "variation": "all", "estimate": "1.5", "p_value": "0.01", "is_significant": "Y"}
    held = {"n_analyses": "4", "n_held": "4", "share_held": "1.0", "p_low": "0.001", "p_high": "0.02"}
    return _maker(SURVIVAL, **usual, **held, weakest="treg/CD25/min -2 SD", verdict="holds")
