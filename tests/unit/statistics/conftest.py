"""A trial small enough to work out on paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cytotrial.columns import SUBSETS
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


class PlantedTrial:
    """Counts of a trial with 12 subjects per arm, and the same with each gate limit moved by its own uncertainty.

    Treg of CD4 rise in the active arm by a third, NK cells by a half. Where the rise `hangs`, the Treg that came are
    events between the CD25 limit and one uncertainty above it; else they are as far from it as the others.
    """

    LIMITS = (("treg", "CD25", "min"), ("treg", "CD127", "max"), ("cd4", "CD4", "min"))

    def __init__(self, *, hangs: bool, n_per_arm: int = 12, seed: int = 5) -> None:
        self.plan = replace(
            PLAN,
            subsets=(
                PlannedSubset("treg", ("cd4", "lymphocytes"), None, "treg", "treg"),
                PlannedSubset("nk", ("lymphocytes",), None, "nk", "nk"),
            ),
        )
        names = [f"{arm}{number:02d}" for arm in "AB" for number in range(1, n_per_arm + 1)]
        self.subjects = pd.DataFrame({"subject_id": names, "arm": ["IL2" if n[0] == "A" else "PBO" for n in names]})
        self.subjects = self.subjects.assign(mitt=True, pp=[not name.endswith("02") for name in names])
        self._subsets, self._moved = [], []
        rng = np.random.default_rng(seed)
        for name in names:
            for visit in PLAN.visits:
                is_treated = name[0] == "A" and visit != PLAN.baseline
                self._treg_tube(name, visit, rng, n_new=300 if is_treated else 0, hangs=hangs)
                self._nk_tube(name, visit, rng, rise=1.5 if is_treated else 1.0)
        self.subsets = pd.DataFrame(self._subsets)
        self.moved = pd.DataFrame(self._moved)

    def _treg_tube(self, name, visit, rng, *, n_new: int, hangs: bool) -> None:
        sample = f"{name}_{visit}_treg"
        counts = {"lymphocytes": 40_000, "cd4": 20_000 + int(rng.integers(-300, 300))}
        n_old = 900 + int(rng.integers(-60, 60))
        counts["treg"] = n_old + n_new
        self._report(sample, name, visit, "treg", "treg", counts, ("cd4", "lymphocytes"))
        above = {-3: 90, -2: 60, -1: 30, 1: -30, 2: -60, 3: -90}
        lost = {move: n_new if hangs and move > 0 else 0 for move in above}
        self._move(
            sample, "treg", self.LIMITS[0], "treg", {m: counts["treg"] + above[m] - lost[m] for m in above}, counts
        )
        self._move(sample, "treg", self.LIMITS[1], "treg", {m: counts["treg"] + 10 * m for m in above}, counts)
        for counted in ("cd4", "treg"):  # both lose the same share of their events
            moved = {m: round(counts[counted] * (1 - 0.01 * m)) for m in above}
            self._move(sample, "treg", self.LIMITS[2], counted, moved, counts)

    def _nk_tube(self, name, visit, rng, *, rise: float) -> None:
        sample = f"{name}_{visit}_nk"
        counts = {"lymphocytes": 40_000, "nk": round((4000 + int(rng.integers(-300, 300))) * rise)}
        self._report(sample, name, visit, "nk", "nk", counts, ("lymphocytes",))
        moved = {m: round(counts["nk"] * (1 - 0.01 * m)) for m in (-3, -2, -1, 1, 2, 3)}
        self._move(sample, "nk", ("nk", "CD56", "min"), "nk", moved, counts)

    def _report(self, sample, name, visit, panel, subset, counts, denominators) -> None:
        for denominator in denominators:
            inside, total = counts[subset], counts[denominator]
            self._subsets.append(
                dict.fromkeys(SUBSETS.columns)
                | {"sample_id": sample, "subset": subset, "denominator": denominator, "subject_id": name}
                | {"visit": visit, "panel": panel, "is_primary": denominator == denominators[0], "qc_flag": "ok"}
                | {"numerator_n": inside, "denominator_n": total, "percent": 100.0 * inside / total}
            )

    def _move(self, sample, panel, limit, counted, moved, counts) -> None:
        row = dict(zip(("population", "marker", "bound"), limit, strict=True))
        names = {-3: "minus_3", -2: "minus_2", -1: "minus_1", 1: "plus_1", 2: "plus_2", 3: "plus_3"}
        row |= {"sample_id": sample, "panel": panel, "counted": counted, "n_events": counts[counted]}
        self._moved.append(row | {names[move]: number for move, number in moved.items()})


@pytest.fixture(scope="session")
def planted() -> type[PlantedTrial]:
    """A trial whose result may hang on one gate limit."""
    return PlantedTrial
