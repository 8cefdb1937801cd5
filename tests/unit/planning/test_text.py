"""A plan in words: every assumption is printed, and the smallest trial that is large enough is named."""

from __future__ import annotations

from itertools import product

import pytest

from cytotrial.planning.assumptions import PRIMARY, measured_gating_error, own_assumptions, packaged_assumptions
from cytotrial.planning.power import NO_EFFECT, Grid
from cytotrial.planning.text import LABELS, fewest_patients, plan_text, typical_percent, usual_events
from cytotrial.planning.trial_tests import TESTS

GRID = Grid(("W10", "W12"), (8, 20, 40), (5_000, 50_000), trials=100)
POWERS = {"treg": (0.70, 0.85, 0.95), "nk": (0.95, 0.97, 0.99), "cd56bright_nk": (0.2, 0.3, 0.4)}


def rows(powers=POWERS) -> list[dict]:
    """Hand-made: CD4 and CD8 without effect; at few events nothing is found."""
    found = []
    for subset, visit, test, (place, n), events in product(
        PRIMARY, GRID.visits, TESTS, enumerate(GRID.patients), GRID.events
    ):
        power = powers[subset][place] if subset in powers else 0.05
        power = 0.1 if events == 5_000 and subset in powers else power
        row = {"subset": subset, "denominator": PRIMARY[subset], "visit": visit, "test": test, "patients_per_arm": n}
        row |= {"events": events, "power": power, "effect": 1.0, "ci_width": 3.0}
        found.append(row | {"note": "" if subset in powers else NO_EFFECT})
    return found


def test_fewest_patients():
    def fewest(subset, power, events=50_000, of=None):
        return fewest_patients(of or rows(), subset=subset, visit="W10", test="ancova", events=events, power=power)

    assert (fewest("treg", 0.8), fewest("treg", 0.9), fewest("nk", 0.9)) == (20, 40, 8)
    assert fewest("cd56bright_nk", 0.8) is None and fewest("nk", 0.8, events=5_000) is None
    # From there on: a lucky small trial does not count where a larger one fails.
    assert fewest("nk", 0.8, of=rows({**POWERS, "nk": (0.81, 0.79, 0.9)})) == 40


def test_answer_names_the_smallest_trial():
    text = plan_text(packaged_assumptions(), GRID, rows())
    lines = text.splitlines()
    assert max(map(len, lines)) <= 132
    heads = [number for number, line in enumerate(lines) if line.strip().startswith(("W10, ", "W12, "))]
    assert [lines[n].split("  ")[1] for n in heads] == ["W10, 50 000 events per tube", "W12, 50 000 events per tube"]
    of_subset = {
        label: line for line in lines[heads[0] :] for label in LABELS.values() if line.strip().startswith(label)
    }
    assert of_subset["Regulatory T cells"].split()[-3:] == ["20", "/", "40"]
    assert of_subset["NK cells"].endswith(" 8 / 8")
    assert of_subset["CD56bright NK cells"].endswith("not within 40")
    assert of_subset["CD4+ T cells"].endswith("FP 5.0 %")
    assert "of the trials" not in text and "Monte Carlo error of every share: at most 5.0 points" in text


def test_half_reached():
    text = plan_text(packaged_assumptions(), GRID, rows({**POWERS, "treg": (0.5, 0.82, 0.88)}))
    assert "20 / > 40" in text


def test_every_assumption_is_printed(tmp_path):
    (tmp_path / "clinic_A.yaml").write_text("alpha: 0.01\nsubsets: {nk: {visit_sd: 0.777}}\n", encoding="utf-8")
    text = plan_text(own_assumptions(tmp_path / "clinic_A.yaml"), GRID, rows())
    assert "SYNTHETIC" in text and "seed 1" in text
    assert "0.01    level of every test, two-sided [clinic_A.yaml]" in text
    assert "0.777" in text and "clinic_A.yaml, measured, simulated trial he2020" in text
    measured = measured_gating_error()
    bias = f"{100 * measured['subsets']['treg']['gating_effect_bias']:+.1f} %"
    first_words = measured["measured_by"][:30]
    for words in (first_words, bias, "Dosing on days 0-14, 28-42, 56-70", "treated W10 %", "67.9"):
        assert words in text, words


def test_typical_percentages_by_hand():
    """NK: logit -2.826 + 1.007 x 0.663 (exposure at week 10, half-life 14 days); CD8 is 0.48 x 0.833 of CD3."""
    found = packaged_assumptions()
    assert typical_percent(found, "nk", None) == pytest.approx(5.59, abs=0.01)
    assert typical_percent(found, "nk", "W10") == pytest.approx(10.35, abs=0.1)
    assert typical_percent(found, "cd8", "W10") == pytest.approx(40.0, abs=0.1)


def test_usual_events():
    assert usual_events(packaged_assumptions("he2020"), GRID) == 50_000  # the trial's own: 60 000
    assert usual_events(packaged_assumptions("demo"), GRID) == 5_000  # 11 600
