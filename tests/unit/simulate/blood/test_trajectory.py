"""Exposure by hand, subjects who differ and persist, and the means that the paper and the model's formula give."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cytotrial.simulate.blood.trajectory import (
    FURTHEST,
    RESPONDING,
    Person,
    Response,
    Subject,
    Trajectory,
    draw_subject,
    exposure,
    levels_of,
    share_at,
    visit_noises,
)
from cytotrial.simulate.parameters import trial_data, tube_parameters

DOSING = [(0, 14), (28, 42), (56, 70)]  # two weeks on, two off
WEEKS = (2, 4, 6, 8, 10, 12, 16, 20)
SD_OF_ONE = Trajectory(mu=0.0, effect=0.0, subject_sd=1.0, visit_sd=0.0, half_life_days=10.0)
NAMES = ("b_of_lymphocytes", *RESPONDING)
ERRORS = 4.0  # standard errors
R = -0.6  # of the levels of NK and of CD56bright of NK
KINDS = tube_parameters("treg").kinds


@cache
def _subjects(n: int = 4000, *, log_sd: float = 0.5, correlation: float = 0.5) -> list[Subject]:
    """Subjects whose levels are in SDs."""
    return [
        draw_subject(
            f"S{k}",
            trajectories=dict.fromkeys(NAMES, SD_OF_ONE),
            response=Response(log_sd=log_sd, correlation=correlation),
            nk_bright_correlation=R,
            seed=5,
        )
        for k in range(n)
    ]


@pytest.mark.parametrize(
    ("half_life", "expected"),
    [
        (10, [0.62, 0.24, 0.71, 0.27, 0.72, 0.27, 0.04, 0.01]),
        (14, [0.50, 0.25, 0.63, 0.31, 0.66, 0.33, 0.08, 0.02]),
        (7, [0.75, 0.19, 0.80, 0.20, 0.80, 0.20, 0.01, 0.00]),
    ],
)
def test_exposure_by_week(half_life, expected):
    values = [exposure(7 * week, half_life_days=half_life, dosing=DOSING) for week in WEEKS]
    assert values == pytest.approx(expected, abs=0.0051)  # the expected are rounded to 0.01


def test_exposure_day_by_day():
    def held(day: float, *, dosing: list[tuple[float, float]]) -> float:
        return exposure(day, half_life_days=2, dosing=dosing)

    keep = 2**-0.5
    assert held(0, dosing=[(0, 3)]) == 0.0
    assert held(1, dosing=[(0, 3)]) == pytest.approx(1 - keep)
    assert held(3, dosing=[(0, 3)]) == pytest.approx(1 - keep**3)
    assert held(4, dosing=[(0, 3)]) == pytest.approx((1 - keep**3) * keep)  # day 3 was not dosed
    assert held(5, dosing=[(0, 1), (4, 5)]) == pytest.approx(1 - keep + (1 - keep) * keep**4)
    assert held(90, dosing=[]) == 0.0
    assert held(200, dosing=[(0, 200)]) == pytest.approx(1.0)


def test_a_share_by_hand():
    one = Trajectory(mu=-2.0, effect=0.8, subject_sd=9.0, visit_sd=0.25, half_life_days=10.0)
    subject = Subject({"nk_of_lymphocytes": 0.4, "cd4_of_cd3": 0.0}, {"nk_of_lymphocytes": 1.5})
    share = share_at("nk_of_lymphocytes", one, subject=subject, exposure=0.5, visit_noise=-2.0)
    assert share == pytest.approx(1 / (1 + math.exp(2.0 - 0.4 - 0.8 * 1.5 * 0.5 + 0.5)))
    control = share_at("nk_of_lymphocytes", one, subject=subject, exposure=0.0, visit_noise=-2.0)
    assert control == pytest.approx(1 / (1 + math.exp(2.0 - 0.4 + 0.5)))
    # on what nobody responds to in particular the effect is the average one
    assert share_at("cd4_of_cd3", one, subject=subject, exposure=1.0, visit_noise=0.0) == pytest.approx(
        1 / (1 + math.exp(2.0 - 0.8))
    )


def test_responses_have_mean_one_and_the_spread_and_correlation_stated():
    subjects = _subjects()
    n, log_sd = len(subjects), 0.5
    responses = np.array([[one.response[name] for name in RESPONDING] for one in subjects])
    logs = np.log(responses)
    print("mean", responses.mean(axis=0), "CV", responses.std(axis=0) / responses.mean(axis=0), logs.std(axis=0))
    assert set(subjects[0].response) == set(RESPONDING)
    assert np.abs(responses.mean(axis=0) - 1).max() < ERRORS * math.sqrt(math.exp(log_sd**2) - 1) / n**0.5
    # of a log-normal the CV is better seen in its logarithms, whose SD follows from it
    assert np.abs(logs.std(axis=0) / log_sd - 1).max() < ERRORS / (2 * n) ** 0.5
    skewness = ((logs - logs.mean(axis=0)) ** 3).mean(axis=0) / logs.std(axis=0) ** 3
    assert np.abs(skewness).max() < ERRORS * (6 / n) ** 0.5  # their logarithms are normal
    pairs = np.corrcoef(logs.T)[np.triu_indices(3, 1)]
    assert np.abs(pairs - 0.5).max() < ERRORS * 0.75 / n**0.5


@pytest.mark.parametrize("correlation", [0.0, 1.0])
def test_responses_go_together_as_far_as_they_are_told(correlation):
    logs = np.log([[one.response[name] for name in RESPONDING] for one in _subjects(2000, correlation=correlation)])
    pairs = np.corrcoef(logs.T)[np.triu_indices(3, 1)]
    tolerance = ERRORS * (1 - correlation**2) / len(logs) ** 0.5 + 1e-9
    assert np.abs(pairs - correlation).max() < tolerance


def test_without_spread_every_subject_responds_alike():
    assert _subjects(3, log_sd=0.0)[2].response == pytest.approx(dict.fromkeys(RESPONDING, 1.0))


def test_levels_have_the_spread_stated_and_only_those_of_nk_go_together():
    levels = np.array([[one.level[name] for name in NAMES] for one in _subjects()])
    n = len(levels)
    assert np.abs(levels.mean(axis=0)).max() < ERRORS / n**0.5
    assert np.abs(levels.std(axis=0) - 1).max() < ERRORS / (2 * n) ** 0.5
    correlations = np.corrcoef(levels.T)
    expected = np.eye(len(NAMES))
    nk, bright = NAMES.index("nk_of_lymphocytes"), NAMES.index("cd56bright_of_nk")
    expected[nk, bright] = expected[bright, nk] = R
    assert np.abs(correlations - expected).max() < ERRORS / n**0.5


def test_levels_do_not_tell_responses():
    subjects = _subjects()
    level = [one.level["treg_of_cd4"] for one in subjects]
    response = [math.log(one.response["treg_of_cd4"]) for one in subjects]
    assert abs(np.corrcoef(level, response)[0, 1]) < ERRORS / len(subjects) ** 0.5


def test_nobody_is_further_out_than_would_have_been_enrolled():
    levels = np.array([[one.level[name] for name in NAMES] for one in _subjects()])
    print("furthest", dict(zip(NAMES, np.abs(levels).max(axis=0).round(3), strict=True)))
    assert np.abs(levels).max() <= FURTHEST + 1e-12
    # with 4 000 subjects some were: 0.27 % of a normal lie beyond 3 SD
    assert (np.abs(levels[:, NAMES.index("b_of_lymphocytes")]) > FURTHEST - 0.1).any()


def test_levels_scale_with_the_subjects_sd():
    rows = {name: replace(SD_OF_ONE, subject_sd=sd) for sd, name in enumerate(NAMES)}
    response = Response(log_sd=0.5, correlation=0.5)
    scaled = draw_subject("S7", trajectories=rows, response=response, nk_bright_correlation=R, seed=5)
    ones = _subjects()[7]
    assert scaled.level == pytest.approx({name: sd * ones.level[name] for sd, name in enumerate(NAMES)})
    assert scaled.response == ones.response


def test_a_subject_is_the_same_whoever_else_there_is():
    def draw(subject_id: str, seed: int, names: tuple[str, ...] = NAMES) -> Subject:
        rows = dict.fromkeys(names, SD_OF_ONE)
        response = Response(log_sd=0.5, correlation=0.5)
        return draw_subject(subject_id, trajectories=rows, response=response, nk_bright_correlation=R, seed=seed)

    one = _subjects()[12]
    assert draw("S12", 5) == one == draw("S12", 5, NAMES[::-1])
    assert draw("S13", 5) != one != draw("S12", 6)


def test_visits_wobble_independently_by_a_standard_normal():
    noises = np.array(
        [
            [
                visit_noises(NAMES, seed=5, subject_id=f"S{k}", visit=visit)[name]
                for visit in ("W0", "W2")
                for name in NAMES
            ]
            for k in range(1500)
        ]
    )
    n = len(noises)
    assert np.abs(noises.mean(axis=0)).max() < ERRORS / n**0.5
    assert np.abs(noises.std(axis=0) - 1).max() < ERRORS / (2 * n) ** 0.5
    off = np.corrcoef(noises.T) - np.eye(noises.shape[1])
    assert np.abs(off).max() < ERRORS / n**0.5


def test_a_visits_wobble_is_the_same_for_both_tubes_and_in_any_order():
    one = visit_noises(NAMES, seed=5, subject_id="S1", visit="W2")
    assert one == visit_noises(NAMES[::-1], seed=5, subject_id="S1", visit="W2")
    assert set(one) == set(NAMES)


def test_levels_of_a_persons_cells_persist():
    person = Person(marker_sd=0.04, kind_sd=0.03, scatter_sd=0.012)
    one = levels_of(KINDS, person, seed=1, subject_id="S1")
    assert levels_of(KINDS, person, seed=1, subject_id="S1") == one
    turned = replace(KINDS, populations=KINDS.populations[::-1])
    assert levels_of(turned, person, seed=1, subject_id="S1") == one
    assert levels_of(KINDS, person, seed=1, subject_id="S2") != one
    assert levels_of(KINDS, person, seed=2, subject_id="S1") != one


def test_what_is_left_of_other_kinds_has_no_levels_of_its_own():
    levels = levels_of(KINDS, Person(0.04, 0.03, 0.012), seed=1, subject_id="S1")
    assert set(levels) == {one.name for one in KINDS.populations if not one.remains}
    markers = {marker for one in KINDS.populations for marker in one.markers}
    assert all(set(row) == markers | {"FSC", "SSC"} for row in levels.values())


@pytest.mark.parametrize(
    ("person", "sd", "between_kinds"),
    [
        (Person(0.04, 0.03, 0.012), {"CD3": 0.05, "FSC": 0.012, "SSC": 0.012}, {"CD3": 0.64}),  # 16 / (16 + 9)
        (Person(0.04, 0.0, 0.0), {"CD3": 0.04}, {"CD3": 1.0}),
        (Person(0.0, 0.03, 0.0), {"CD3": 0.03}, {"CD3": 0.0}),
    ],
)
def test_levels_have_the_spreads_stated(person, sd, between_kinds):
    n = 400
    drawn = [levels_of(KINDS, person, seed=3, subject_id=f"S{k}") for k in range(n)]
    kinds = ("cd4_memory", "cd8_t", "nk_dim")
    for name, expected in sd.items():
        values = np.array([[one[kind][name] for kind in kinds] for one in drawn])
        assert np.abs(values.mean(axis=0)).max() < ERRORS * expected / n**0.5
        assert np.abs(values.std(axis=0) / expected - 1).max() < ERRORS / (2 * n) ** 0.5
        r = between_kinds.get(name, 0.0)  # a kind's scatter is its own
        pairs = np.corrcoef(values.T)[np.triu_indices(3, 1)]
        assert np.abs(pairs - r).max() < ERRORS * (1 - r * r) / n**0.5 + 1e-9
    different = np.corrcoef([one["cd8_t"]["CD3"] for one in drawn], [one["cd8_t"]["CD8"] for one in drawn])[0, 1]
    assert abs(different) < ERRORS / n**0.5


PAPERS_WEEKS = (0, 2, 10, 12)


@cache
def _percentages(*, treated: bool, n: int = 3000) -> dict[str, np.ndarray]:
    """Share -> percentages of subjects of he2020, shape (n, weeks)."""
    data = trial_data("he2020", "clean")
    rows = {key: Trajectory(**row) for key, row in data["trajectories"].items()}
    response, bright = Response(**data["response"]), data["nk_bright_correlation"]
    tables = {name: np.empty((n, len(PAPERS_WEEKS))) for name in rows}
    held = {
        name: [exposure(7 * week, half_life_days=row.half_life_days, dosing=DOSING) * treated for week in PAPERS_WEEKS]
        for name, row in rows.items()
    }
    for k in range(n):
        subject = draw_subject(f"S{k}", trajectories=rows, response=response, nk_bright_correlation=bright, seed=5)
        for column, week in enumerate(PAPERS_WEEKS):
            noises = visit_noises(tuple(rows), seed=5, subject_id=f"S{k}", visit=f"W{week}")
            for name, row in rows.items():
                share = share_at(name, row, subject=subject, exposure=held[name][column], visit_noise=noises[name])
                tables[name][k, column] = 100 * share
    return tables


def _expected(name: str, weeks: tuple[int, ...]) -> list[float]:
    """Means by quadrature over subject and visit (one normal) and response, from the trial's parameters."""
    data = trial_data("he2020", "clean")
    one, log_sd = Trajectory(**data["trajectories"][name]), data["response"]["log_sd"]
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    response = np.exp(log_sd * nodes - log_sd**2 / 2) if name in RESPONDING else np.ones_like(nodes)
    means = []
    for week in weeks:
        held = exposure(7 * week, half_life_days=one.half_life_days, dosing=DOSING)
        logit = (
            one.mu + math.hypot(one.subject_sd, one.visit_sd) * nodes[:, None] + one.effect * held * response[None, :]
        )
        means.append(float(100 * weights @ (1 / (1 + np.exp(-logit))) @ weights))
    return means


@pytest.mark.parametrize("name", ["nk_of_lymphocytes", "treg_of_cd4", "cd56bright_of_nk", "cd4_of_cd3"])
def test_means_of_the_treated_arm(name):
    table, expected = _percentages(treated=True)[name], np.array(_expected(name, PAPERS_WEEKS))
    errors = table.std(axis=0) / len(table) ** 0.5
    print(name, "mean", table.mean(axis=0).round(2), "formula", expected.round(2))
    assert np.abs((table.mean(axis=0) - expected) / errors).max() < ERRORS


def test_nk_rise_as_the_paper_says():
    """He et al. 2020: 6.48 % of lymphocytes at baseline, 12.07 % at week 10."""
    assert _expected("nk_of_lymphocytes", (0, 10)) == pytest.approx([6.48, 12.07], abs=0.1)


def test_control_subjects_stay_where_they_are():
    table = _percentages(treated=False)["nk_of_lymphocytes"]
    change = table[:, 1:] - table[:, :1]
    assert np.abs(change.mean(axis=0) / change.std(axis=0)).max() < ERRORS / len(change) ** 0.5
