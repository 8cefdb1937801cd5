"""Exposure by hand, and the means of the trial that the paper and the model's own table give."""

import numpy as np
import pytest

from cytotrial.simulate.defaults import trial_data
from cytotrial.simulate.trajectory import Response, Trajectory, draw_subject, exposure, share_at, visit_noises

DOSING = [(0, 2), (4, 6), (8, 10)]
WEEKS = (2, 4, 6, 8, 10, 12, 16, 20)


@pytest.mark.parametrize(
    ("half_life", "expected"),
    [
        (10, [0.62, 0.24, 0.71, 0.27, 0.72, 0.27, 0.04, 0.01]),
        (14, [0.50, 0.25, 0.63, 0.31, 0.66, 0.33, 0.08, 0.02]),
        (7, [0.75, 0.19, 0.80, 0.20, 0.80, 0.20, 0.01, 0.00]),
    ],
)
def test_exposure(half_life, expected):
    values = [exposure(week, half_life_days=half_life, dosing=DOSING) for week in WEEKS]
    assert values == pytest.approx(expected, abs=0.0051)
    assert exposure(0, half_life_days=half_life, dosing=DOSING) == 0.0


def _means(name: str, weeks: tuple[int, ...], *, n: int = 3000, treated: bool = True) -> list[float]:
    data = trial_data("he2020")
    rows = {key: Trajectory(**row) for key, row in data["trajectories"].items()}
    totals = np.zeros(len(weeks))
    for k in range(n):
        subject = draw_subject(
            f"S{k}",
            trajectories=rows,
            response=Response(**data["response"]),
            nk_bright_correlation=data["nk_bright_correlation"],
            seed=5,
        )
        for column, week in enumerate(weeks):
            held = exposure(week, half_life_days=rows[name].half_life_days, dosing=DOSING) if treated else 0.0
            noise = visit_noises(tuple(rows), seed=5, subject_id=f"S{k}", visit=f"W{week}")[name]
            totals[column] += share_at(name, rows[name], subject=subject, exposure=held, visit_noise=noise)
    return (100 * totals / n).tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nk_of_lymphocytes", [6.48, 10.4, 12.07, 8.8]),  # 6.48 and 12.07: He et al. 2020
        ("treg_of_cd4", [5.5, 8.0, 8.5, 6.5]),
        ("cd56bright_of_nk", [6.5, 10.2, 11.0, 7.9]),
        ("cd4_of_cd3", [52, 52, 52, 52]),
    ],
)
def test_means_of_the_treated_arm(name, expected):
    means = _means(name, (0, 2, 10, 12))
    print(name, np.round(means, 2))
    # 3 000 subjects: the standard error of a mean is below 0.1 for the small shares, 0.17 for CD4
    assert means == pytest.approx(expected, abs=0.6 if name == "cd4_of_cd3" else 0.3)


def test_placebo_stays_where_it_is():
    means = _means("nk_of_lymphocytes", (0, 10), treated=False)
    assert means == pytest.approx([6.48, 6.48], abs=0.3)


def test_subjects_persist_and_their_responses_go_together():
    data = trial_data("he2020")
    rows = {key: Trajectory(**row) for key, row in data["trajectories"].items()}
    subjects = [
        draw_subject(
            f"S{k}",
            trajectories=rows,
            response=Response(cv=0.5, correlation=0.5),
            nk_bright_correlation=-0.3,
            seed=5,
        )
        for k in range(4000)
    ]
    treg = np.log([s.response["treg_of_cd4"] for s in subjects])
    nk = np.log([s.response["nk_of_lymphocytes"] for s in subjects])
    levels = np.array([[s.level["nk_of_lymphocytes"], s.level["cd56bright_of_nk"]] for s in subjects])
    print(np.corrcoef(treg, nk)[0, 1], np.corrcoef(levels.T)[0, 1], levels.std(axis=0))
    assert np.corrcoef(treg, nk)[0, 1] == pytest.approx(0.5, abs=0.05)
    assert np.corrcoef(levels.T)[0, 1] == pytest.approx(-0.3, abs=0.05)
    assert levels.std(axis=0) == pytest.approx([0.55, 0.50], rel=0.05)
    assert np.exp(treg).mean() == pytest.approx(1.0, abs=0.04)
