"""Power against theory, against an independent simulation, and against common sense."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from cytotrial.planning.assumptions import PRIMARY, own_assumptions, packaged_assumptions
from cytotrial.planning.power import NO_EFFECT, PLAN, Grid, power_rows
from cytotrial.planning.trial_tests import TESTS
from cytotrial.tables import write_table

NO_GATING = "gating_subject_sd: 0, gating_sd: 0, gating_effect_bias: 0"
MANY = 10_000_000  # events: hardly any counting noise


def assume(folder: Path, text: str):
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return own_assumptions(path)


def by(rows: list[dict], **wanted) -> list[dict]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_paired_t_and_ancova_have_the_power_of_theory(tmp_path):
    """Everyone responds alike, and spreads are so small that percentages are as normal as their logits."""
    rise, subject_sd, visit_sd = 0.05, 0.03, 0.05
    text = (
        "response_log_sd: 0\nvisits: [{id: a, day: 0}, {id: b, day: 700}]\nbaseline: a\n"
        "dosing: [{from_day: 0, to_day: 700}]\nsubsets: {nk: {baseline_percent: 30, half_life_days: 10, "
        f"effect_logit: {rise}, subject_sd: {subject_sd}, visit_sd: {visit_sd}, {NO_GATING}}}}}\n"
    )
    grid = Grid(("b",), (8, 16, 30), (MANY,), trials=2000, seed=3)
    rows = by(power_rows(assume(tmp_path, text), grid), subset="nk")
    total = subject_sd**2 + visit_sd**2
    residual = math.sqrt(total - (subject_sd**2) ** 2 / total)  # of the visit, given the baseline
    for patients in grid.patients:
        effects = {"paired_t": rise / (math.sqrt(2) * visit_sd), "ancova": rise / residual}
        powers = {
            "paired_t": TTestPower().power(effects["paired_t"], nobs=patients, alpha=0.05),
            # The slope costs one degree of freedom, and its own error one in 2 n - 3 of the precision.
            "ancova": TTestIndPower().power(effects["ancova"] * (1 - 0.5 / (2 * patients - 3)), patients, alpha=0.05),
        }
        for test, expected in powers.items():
            (row,) = by(rows, test=test, patients_per_arm=patients)
            error = math.sqrt(expected * (1 - expected) / grid.trials)
            print(f"{test} {patients}: {row['power']:.3f}, theory {expected:.3f} +- {error:.3f}")
            assert abs(row["power"] - expected) < 3.5 * error + 0.003 + 0.01 * (test == "ancova")
            assert row["mc_error"] == pytest.approx(error, rel=0.2, abs=0.002)
        (ancova,) = by(rows, test="ancova", patients_per_arm=patients)
        assert ancova["effect"] == pytest.approx(rise, abs=4 * residual * math.sqrt(2 / patients / grid.trials))
        (paired,) = by(rows, test="paired_t", patients_per_arm=patients)
        assert paired["effect"] == pytest.approx(100 * 0.3 * 0.7 * rise, rel=0.05)


# P(paired p < 0.05) at n = 29 by an independent simulation of 4,000 trials of the same model, without counting noise
# and gating error: weeks 2, 4, 6, 8, 10, 12, 16.
INDEPENDENT = {
    "treg": (1.0, 0.71, 1.0, 0.80, 1.0, 0.82, 0.07),
    "nk": (1.0, 0.89, 1.0, 0.98, 1.0, 0.98, 0.19),
    "cd56bright_nk": (1.0, 0.51, 1.0, 0.62, 1.0, 0.64, 0.07),
}


def test_an_independent_simulation_is_reproduced(tmp_path):
    exact = ", ".join(f"{subset}: {{{NO_GATING}}}" for subset in PRIMARY)
    visits = ("W2", "W4", "W6", "W8", "W10", "W12", "W16")
    grid = Grid(visits, (29,), (MANY,), trials=1000)
    rows = by(power_rows(assume(tmp_path, f"subsets: {{{exact}}}"), grid), test="paired_t")
    for subset, powers in INDEPENDENT.items():
        found = [by(rows, subset=subset, visit=visit)[0]["power"] for visit in visits]
        print(f"{subset}: here {found}, there {powers}")
        for here, there in zip(found, powers, strict=True):
            p = min(max((1000 * here + 4000 * there) / 5000, 0.001), 0.999)
            assert abs(here - there) < 0.005 + 3.5 * math.sqrt(p * (1 - p) * (1 / 1000 + 1 / 4000))
    for subset in ("cd4", "cd8"):
        for row in by(rows, subset=subset):
            assert abs(row["power"] - 0.05) < 0.005 + 3.5 * math.sqrt(0.05 * 0.95 / 1000), row
            assert row["note"] == NO_EFFECT


@pytest.fixture(scope="module")
def usual() -> tuple[Grid, list[dict]]:
    grid = Grid(("W10", "W12"), (8, 16, 40), (5_000, 20_000, 100_000), trials=150)
    return grid, power_rows(packaged_assumptions(), grid)


def test_one_row_for_everything_asked(usual, tmp_path):
    _, rows = usual
    assert len(rows) == len(PRIMARY) * 2 * len(TESTS) * 3 * 3
    write_table(tmp_path / "plan.tsv", PLAN, rows)  # columns and keys as the table has them
    assert all(0 <= row["power"] <= 1 and row["mc_error"] <= 0.5 / math.sqrt(150) for row in rows)


def test_power_falls_with_fewer_events_and_with_fewer_patients(usual):
    grid, rows = usual
    for visit in grid.visits:
        for test in TESTS:
            for patients in (16, 40):
                few, some, many = (
                    by(rows, subset="cd56bright_nk", visit=visit, test=test, patients_per_arm=patients, events=events)[
                        0
                    ]
                    for events in grid.events
                )
                assert few["power"] < some["power"] < many["power"] or (some["power"], many["power"]) == (1, 1)
                assert not few["ci_width"] <= some["ci_width"] and some["ci_width"] > many["ci_width"]
            for subset in ("treg", "nk"):
                found = [
                    by(rows, subset=subset, visit=visit, test=test, patients_per_arm=n, events=100_000)[0]
                    for n in grid.patients
                ]
                assert found[0]["power"] < found[1]["power"] <= found[2]["power"]
                assert found[0]["ci_width"] > found[1]["ci_width"] > found[2]["ci_width"]


def test_cells_and_notes(usual):
    """60 000 events hold some 120 CD56bright cells at baseline: 6 % of 6 % of 65 %, one in 500."""
    grid, rows = usual
    few, some, many = (by(rows, subset="cd56bright_nk", events=n)[0] for n in grid.events)
    assert many["events_of_subset"] == pytest.approx(200, rel=0.1)
    assert some["events_of_subset"] == pytest.approx(40, rel=0.1)
    assert few["share_below_lloq"] > some["share_below_lloq"] > many["share_below_lloq"]
    assert few["share_flagged"] > few["share_below_lloq"] > few["share_not_reported"] > 0.5
    assert "fewer than 50 cells: below the limit of quantification" in some["note"] and many["note"] == ""
    (starved,) = by(rows, subset="cd56bright_nk", events=5_000, patients_per_arm=8, test="ancova", visit="W10")
    assert "too few values for the test" in starved["note"] and starved["n_trials"] < 150
    assert math.isnan(starved["ci_width"])
    assert "too few values for a 95 % interval in half of the trials" in starved["note"]
    assert all((row["note"].startswith(NO_EFFECT)) == (row["subset"] in ("cd4", "cd8")) for row in rows)


def test_same_rows_however_many_trials_are_drawn_at_once(usual, monkeypatch):
    grid, _ = usual
    smaller = Grid(grid.visits[:1], grid.patients, (20_000,), trials=20)
    whole = power_rows(packaged_assumptions(), smaller)
    monkeypatch.setattr("cytotrial.planning.power.TUBES_AT_ONCE", 5_000)
    parts = power_rows(packaged_assumptions(), smaller)
    for one, other in zip(whole, parts, strict=True):
        for key, value in one.items():
            assert other[key] == (pytest.approx(value, nan_ok=True) if isinstance(value, float) else value), key


def test_gating_error_costs_power(tmp_path):
    grid = Grid(("W12",), (30,), (100_000,), trials=200)
    powers = []
    for sd in (0.0, 0.3):
        text = f"subsets: {{treg: {{gating_subject_sd: 0, gating_sd: {sd}, gating_effect_bias: 0}}}}"
        rows = by(power_rows(assume(tmp_path, text), grid), subset="treg", test="ancova")
        powers.append(rows[0]["power"])
    assert powers[1] < powers[0] - 0.15
    stays = assume(tmp_path, "subsets: {treg: {gating_subject_sd: 0.3, gating_sd: 0, gating_effect_bias: 0}}")
    # What stays with a subject cancels in its change: the paired test hardly sees it.
    (paired,) = by(power_rows(stays, grid), subset="treg", test="paired_t")
    none = assume(tmp_path, "subsets: {treg: {gating_subject_sd: 0, gating_sd: 0, gating_effect_bias: 0}}")
    (without,) = by(power_rows(none, grid), subset="treg", test="paired_t")
    assert paired["power"] > without["power"] - 0.12
