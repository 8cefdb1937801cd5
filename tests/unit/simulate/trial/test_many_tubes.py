"""Many trials' counts at once are those that tubes simulated cell by cell would hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cytotrial.simulate.parameters import trial_data
from cytotrial.simulate.trial.many_subjects import Design, draw_blood
from cytotrial.simulate.trial.many_tubes import draw_tubes, readouts
from cytotrial.simulate.trial.plan import plan_samples, recipe_of
from cytotrial.simulate.trial.subjects import TrialPlan, known_visits
from cytotrial.simulate.trial.write import true_counts
from cytotrial.simulate.tube import simulate_tube

VISITS = ("W0", "W10")
FURTHEST = 4.0  # standard errors


def blood(n: int = 30, trials: int = 20, profile: str = "clinic", **changed):
    design = Design(trial_data("he2020", profile), n, known_visits("he2020", VISITS), **changed)
    return draw_blood(design, seed=1, trials=range(trials))


def both(*events: int) -> dict[str, list[int]]:
    return {"treg": list(events), "nk": list(events)}


def test_counts_are_binomial_around_the_expected_share():
    """Squared deviations from the expected percentage, over the binomial's variance: 1 on average."""
    subjects = blood()
    tubes = draw_tubes(subjects, both(20000))
    for subset, denominator in readouts():
        share = subjects.expected_percent(subset, denominator) / 100
        of = tubes.denominator_n(subset, denominator)[0]
        z = (tubes.numerator_n(subset)[0] - of * share) / np.sqrt(of * share * (1 - share))
        assert abs(z.mean()) < FURTHEST / math.sqrt(z.size), (subset, denominator)
        assert z.var() == pytest.approx(1.0, abs=FURTHEST * math.sqrt(2 / z.size)), (subset, denominator)


def test_denominators_are_as_in_tubes_simulated_cell_by_cell():
    """Mean and SD over tubes of 3,000 events, where the treatment changes the preparation, and elsewhere."""
    events = {"treg": 3000, "nk": 3000}
    plan = TrialPlan("he2020", 11, 15, known_visits("he2020", VISITS), profile="denominator_stress", events=events)
    few: dict = {}
    for sample in plan_samples(plan):
        tube = simulate_tube(recipe_of(plan, sample).parameters, seed=11, key=(sample.sample_id,))
        is_treated = sample.visit == "W10" and sample.subject.arm == "IL2"
        for row in true_counts(sample.sample_id, tube, panel=sample.panel):
            few.setdefault((row["subset"], row["denominator"], is_treated), []).append(row["denominator_n"])
    tubes = draw_tubes(blood(profile="denominator_stress"), both(3000))
    for pair in readouts():
        counts = tubes.denominator_n(*pair)[0].astype(float)
        by_treatment = {True: counts[:, :30, 1], False: np.append(counts[..., 0], counts[:, 30:, 1])}
        for is_treated, many in by_treatment.items():
            assert_alike(np.array(few[*pair, is_treated], dtype=float), many, (*pair, is_treated))


def test_lymphocytes_of_events_by_hand():
    """he2020: 32.1 % of the cells are none, and of 1.043 events one is a single cell."""
    data = {**trial_data("he2020"), "matrix_sd": 0.0}
    subjects = draw_blood(Design(data, 30, known_visits("he2020", VISITS)), seed=1, trials=range(20))
    for panel in ("treg", "nk"):
        counts = draw_tubes(subjects, both(60_000)).counts[panel]["lymphocytes"]
        share = (1 - 0.15 - 0.03 - 0.006 - 0.08 - 0.04 - 0.012 - 0.003) / (1 + 0.04 + 0.003)
        assert counts.mean() / 60_000 == pytest.approx(share, rel=0.001)


def assert_alike(few: np.ndarray, many: np.ndarray, what: tuple) -> None:
    error = math.hypot(few.std() / math.sqrt(few.size), many.std() / math.sqrt(many.size))
    assert abs(few.mean() - many.mean()) < FURTHEST * error, (what, few.mean(), many.mean())
    # Of few tubes the spread of the squares is uncertain too: that of many is used.
    squares = [(one - one.mean()) ** 2 for one in (few, many)]
    error = squares[1].std() / math.sqrt(few.size)
    assert abs(squares[0].mean() - squares[1].mean()) < FURTHEST * error, (what, few.std(), many.std())


def test_a_tube_of_more_events_begins_with_that_of_fewer():
    subjects = blood(n=5, trials=40)
    tubes = draw_tubes(subjects, both(5000, 20000))
    alone = draw_tubes(subjects, both(20000))
    for subset, denominator in readouts():
        counts = tubes.numerator_n(subset)
        assert (counts[0] <= counts[1]).all()
        ratio = tubes.denominator_n(subset, denominator)[1].sum() / tubes.denominator_n(subset, denominator)[0].sum()
        assert ratio == pytest.approx(4.0, rel=0.01)
        share, of = subjects.expected_percent(subset, denominator) / 100, tubes.denominator_n(subset, denominator)[1]
        z = (counts[1] - of * share) / np.sqrt(of * share * (1 - share))
        assert z.var() == pytest.approx(1.0, abs=FURTHEST * math.sqrt(2 / z.size))
        # The same preparations, so nearly the same tube as one drawn alone.
        assert np.corrcoef(of.ravel(), alone.denominator_n(subset, denominator).ravel())[0, 1] > 0.9


def test_a_part_of_the_trials_is_the_same_as_in_the_whole():
    design = Design(trial_data("he2020", "clinic"), 4, known_visits("he2020", VISITS))
    whole, part = (
        draw_tubes(draw_blood(design, seed=2, trials=trials), both(5000)) for trials in (range(5), range(3, 5))
    )
    for subset, _ in readouts():
        assert np.array_equal(whole.numerator_n(subset)[:, 3:], part.numerator_n(subset))


def test_what_was_not_sampled_has_no_percentage():
    tubes = draw_tubes(blood(missing=0.3), both(0, 5000))
    for pair in readouts():
        percent = tubes.percent(*pair)
        assert np.isnan(percent[0]).all()  # a tube without events
        assert np.array_equal(np.isnan(percent[1]), ~tubes.is_sampled)


@pytest.mark.parametrize("events", [[], [5000, 5000], [20000, 5000]])
def test_events_must_ascend(events):
    with pytest.raises(ValueError, match="ascending"):
        draw_tubes(blood(n=2, trials=1), both(*events))
