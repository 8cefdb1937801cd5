"""The measures that hold simulated files against real ones: each on made-up values whose answer is known."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cytotrial.cli import main

MODULES = ("peaks", "cells", "measures", "spread", "compare", "pictures", "__main__")
COMPARED = {"Donor1.fcs", "Donor2.fcs", "111.fcs", "facs_diva_test.fcs", "test_comp_example.fcs"}


@pytest.fixture(scope="module")
def realism(checkout):
    """The benchmark's modules; they are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(checkout)
        yield SimpleNamespace(**{name: importlib.import_module(f"benchmarks.realism.{name}") for name in MODULES})


@pytest.fixture
def random():
    return np.random.default_rng(20260101)


def lognormal(random, level, cv, size):
    """A log-normal whose mode of the logarithm is `level`."""
    return level * np.exp(math.sqrt(math.log1p(cv**2)) * random.standard_normal(size))


# Peaks


def test_left_sd_takes_no_notice_of_what_lies_above(realism, random):
    noise = 100 + 50 * random.standard_normal(40_000)
    brighter = random.uniform(150, 5000, 20_000)
    both = np.concatenate([noise, brighter])
    assert realism.peaks.mode_of(noise) == pytest.approx(100, abs=6)
    assert realism.peaks.left_sd(noise, 100) == pytest.approx(50, rel=0.02)
    assert realism.peaks.left_sd(both, 100) == pytest.approx(50, rel=0.02)
    assert np.std(both) > 1000
    assert math.isnan(realism.peaks.left_sd(np.arange(40.0), 29.0))  # 29 values below are too few


def test_lowest_lobe_of_negatives_and_positives(realism, random):
    values = np.concatenate([50 + 80 * random.standard_normal(14_000), lognormal(random, 10_000, 0.3, 6_000)])
    lobe = realism.peaks.lowest_lobe(values)
    assert (lobe.mode, lobe.left_sd) == (pytest.approx(50, abs=8), pytest.approx(80, rel=0.05))
    assert lobe.share == pytest.approx(0.7, abs=0.005) and lobe.below == pytest.approx(0.5, abs=0.04)
    assert 500 < lobe.valley < 5000
    share = np.mean(values[values < lobe.valley] < 0)
    assert share == pytest.approx(0.5 * math.erfc(50 / 80 / math.sqrt(2)), abs=0.01)  # 26.6 %


def test_wide_negative_around_zero_is_one_peak(realism, random):
    """On an asinh that bends at 150 a normal distribution of SD 1000 has two maxima, one on either side of zero."""
    lobe = realism.peaks.lowest_lobe(1000 * random.standard_normal(20_000))
    assert lobe.share == 1.0 and lobe.valley == math.inf
    assert (lobe.mode, lobe.left_sd) == (pytest.approx(0, abs=120), pytest.approx(1000, rel=0.08))


def test_lobe_scales_with_the_top_of_scale(realism, random):
    values = np.concatenate([50 + 80 * random.standard_normal(8_000), lognormal(random, 10_000, 0.3, 4_000)])
    lobe, larger = realism.peaks.lowest_lobe(values), realism.peaks.lowest_lobe(64 * values, unit=64.0)
    assert (larger.mode, larger.left_sd, larger.valley) == pytest.approx(
        (64 * lobe.mode, 64 * lobe.left_sd, 64 * lobe.valley)
    )
    assert realism.peaks.bright_population(64 * values, unit=64.0).cv == pytest.approx(
        realism.peaks.bright_population(values).cv
    )


@pytest.mark.parametrize("cv", [0.15, 0.30, 0.50])
def test_cv_of_a_bright_population_with_dimmer_neighbours(realism, random, cv):
    negative, bright = 40 + 60 * random.standard_normal(12_000), lognormal(random, 20_000, cv, 8_000)
    trail = np.exp(random.uniform(math.log(300), math.log(20_000), 500))  # in between, as in real files
    peak = realism.peaks.bright_population(np.concatenate([negative, trail, bright]))
    assert peak.cv == pytest.approx(cv, rel=0.08)
    assert peak.level == pytest.approx(20_000, rel=0.05)
    assert peak.share == pytest.approx(8_000 / 20_500, abs=0.02)


def test_what_is_no_bright_population(realism, random):
    negative = 40 + 60 * random.standard_normal(12_000)
    find = realism.peaks.bright_population
    assert find(np.concatenate([negative, lognormal(random, 20_000, 0.3, 8_000)])) is not None
    assert find(lognormal(random, 20_000, 0.3, 8_000)) is None, "nothing to stand apart from"
    assert find(np.concatenate([negative, lognormal(random, 900, 0.3, 8_000)])) is None, "too dim"
    assert find(np.concatenate([negative, lognormal(random, 20_000, 0.3, 120)])) is None, "too few"
    trail = np.exp(random.uniform(math.log(60), math.log(20_000), 12_000))
    assert find(np.concatenate([negative, trail, lognormal(random, 20_000, 0.2, 3_000)])) is None, "no valley"
    two = np.concatenate([lognormal(random, 13_000, 0.35, 6_000), lognormal(random, 20_000, 0.1, 2_000)])
    assert find(np.concatenate([negative, two])) is None, "a shoulder: two populations"


@pytest.mark.parametrize(
    ("lobe", "label", "negative"),
    [
        ((50, 80, 900, 0.7, 0.5), "CD8", True),
        ((50, 80, 900, 0.7, 0.5), "BV510 - Viability", False),
        ((50, 80, 900, 0.5, 0.5), "CD4", False),  # half the cells have it
        ((300, 80, math.inf, 1.0, 0.5), "CD45", False),  # shifted by more than two SDs
        ((900, 800, math.inf, 1.0, 0.5), "CD38", False),  # wide, but far from zero
        ((50, 80, math.inf, 1.0, 0.2), "CD127", False),  # a second peak on its right flank
    ],
)
def test_what_is_a_negative_channel(realism, lobe, label, negative):
    assert realism.measures.is_negative(realism.peaks.Lobe(*lobe), label) is negative


# Scatter and time


def test_lymphocytes_in_scatter_among_debris_monocytes_and_granulocytes(realism, random):
    def population(size, fsc, ssc, sd_fsc, sd_ssc, correlation):
        covariance = [[sd_fsc**2, correlation * sd_fsc * sd_ssc], [correlation * sd_fsc * sd_ssc, sd_ssc**2]]
        return 10 ** random.multivariate_normal(np.log10([fsc, ssc]), covariance, size)

    for voltage in (1.0, 0.02):  # the second is as low as some instruments run their SSC
        lymphocytes = population(8_000, 80_000, 25_000 * voltage, 0.05, 0.08, 0.3)
        others = [
            population(2_000, 120_000, 70_000 * voltage, 0.06, 0.10, 0.3),
            population(5_000, 130_000, 180_000 * voltage, 0.06, 0.08, 0.3),
            population(4_000, 15_000, 8_000 * voltage, 0.35, 0.30, 0.5),
        ]
        fit = realism.cells.fit_lymphocytes(np.concatenate([lymphocytes, *others]), [262144.0, 262144.0])
        assert 10**fit.centre == pytest.approx([80_000, 25_000 * voltage], rel=0.02)
        assert fit.sd == pytest.approx([0.05, 0.08], rel=0.08)
        assert fit.correlation == pytest.approx(0.3, abs=0.06)


def test_unsteadiness_of_a_rate(realism):
    """Counts of 100 and 140 in turn: mean 120, variance 400 x 50 / 49 = 408.2."""
    over, beyond = realism.measures.unsteadiness(np.tile([100, 140], 25))
    assert over == pytest.approx(math.sqrt(408.163 / 120), rel=1e-4)
    assert beyond == pytest.approx(math.sqrt(408.163 - 120) / 120, rel=1e-4)
    assert realism.measures.unsteadiness(np.tile([119, 121], 25))[1] == 0.0  # steadier than chance


def test_unsteadiness_beyond_chance_does_not_depend_on_the_number_of_events(realism, random):
    rate = np.tile([0.8, 1.2], 500)
    few, many = (realism.measures.unsteadiness(random.poisson(mean * rate)) for mean in (100, 2000))
    assert few[1] == pytest.approx(0.2, rel=0.1) and many[1] == pytest.approx(0.2, rel=0.1)
    assert many[0] > 3 * few[0]


def test_drift_of_a_median(realism, random):
    """From 1000 to 1100 in a straight line: 100 over a median of 1050. Whatever the order of the events."""
    taken = random.permutation(np.linspace(0, 300, 20_000))
    values = lognormal(random, 1000, 0.1, len(taken)) * (1 + 0.1 * taken / 300)
    assert realism.measures.drift_of(taken, values) == pytest.approx(100 / 1050, abs=0.01)
    assert realism.measures.drift_of(taken, values[::-1]) < 0.1 * 100 / 1050


# Spread


def test_leverage_by_hand(realism):
    """Two detectors, dye 0 spills 0.2 into 1: inverse [[1, -0.2], [0, 1]], 1 x 0.04 + 0.2 x 1 = 0.24."""
    found = realism.spread.leverage(np.array([[1.0, 0.2], [0.0, 1.0]]))
    assert found == pytest.approx(np.array([[1.0, 0.24], [0.0, 1.0]]))


def detect(random, light, matrix, photoelectrons, electronic):
    """Detectors' values of dyes' light (n, d), compensated with the exact matrix."""
    raw = light @ matrix
    raw = raw + np.sqrt(raw / photoelectrons) * random.standard_normal(raw.shape)
    return (raw + electronic * random.standard_normal(raw.shape)) @ np.linalg.inv(matrix)


def test_spread_coefficient_of_known_photon_noise(realism, random):
    matrix = np.array([[1.0, 0.2], [0.0, 1.0]])
    bright = np.arange(20_000) < 10_000
    light = np.column_stack([np.where(bright, 10_000.0, 0.0), np.zeros(20_000)])
    values = detect(random, light, matrix, 0.05, 40.0)
    spread = realism.spread.spread_of(values[:, 1], values[:, 0], ~bright, bright)
    assert spread.sds[0] == pytest.approx(math.hypot(40, 0.2 * 40), rel=0.04)
    assert spread.sds[1] == pytest.approx(math.sqrt(0.24 / 0.05 * 10_000 + 40**2 * 1.04), rel=0.04)
    assert spread.squared == pytest.approx(0.24 / 0.05, rel=0.08)
    positives = np.where(random.uniform(size=20_000) < 0.3, 3_000.0, 0.0)  # of the marker itself: no part in it
    spread = realism.spread.spread_of(values[:, 1] + positives, values[:, 0], ~bright, bright)
    assert spread.squared == pytest.approx(0.24 / 0.05, rel=0.12)


def test_a_dye_answers_only_for_its_own_part_of_the_light(realism):
    """Bright cells have 6000 of a dye of leverage 0.3 more than the dim, and 600 from other dyes: 1800 of 2400."""
    dim = np.array([True, True, False, False])
    spread = realism.spread.Spread(dim, ~dim, (0.0, 0.0), (50.0, 200.0), 6_000.0)
    others = np.array([0.0, 200.0, 2_400.0, 2_600.0])
    assert realism.spread.own_part(spread, others, 0.3) == pytest.approx(0.75)
    assert spread.squared == pytest.approx((200**2 - 50**2) / 6_000)


@pytest.mark.parametrize("photoelectrons", [0.05, 0.5])
def test_slope_of_the_variance_is_units_per_photoelectron(realism, random, photoelectrons):
    """One fit of 20 000 cells is good to 5 %; the mean of eight shows that it is not off."""
    slopes = []
    for _ in range(8):
        light = random.uniform(0, 8_000, 20_000)
        values = 30 + np.sqrt(40**2 + light / photoelectrons) * random.standard_normal(20_000)
        slopes.append(realism.spread.variance_per_light(values, light)[1])
    assert np.mean(slopes) == pytest.approx(1 / photoelectrons, rel=0.06)
    assert slopes == pytest.approx([1 / photoelectrons] * 8, rel=0.20)


def test_when_no_slope_can_be_told(realism, random):
    light = random.uniform(0, 8_000, 20_000)
    values = 30 + np.sqrt(40**2 + light / 0.05) * random.standard_normal(20_000)
    fit = realism.spread.variance_per_light
    assert fit(values, light) is not None
    assert fit(values, light / 100) is None, "hardly any light"
    assert fit(values[:500], light[:500]) is None, "hardly any cells"
    assert fit(values + light, light) is None, "the mode moves: the marker itself"


def test_what_is_left_without_any_light(realism, random):
    light = np.abs(random.normal(0, 1_500, 40_000))  # many cells without light: there the intercept can be told
    values = 30 + np.sqrt(80**2 + light / 0.5) * random.standard_normal(40_000)
    assert math.sqrt(realism.spread.variance_per_light(values, light)[0]) == pytest.approx(80, rel=0.06)


@pytest.fixture
def stained(realism, random):
    """20 000 cells, 5 dyes, CD4 and CD8 on different ones, exact matrix, 0.05 photoelectrons per unit."""
    n, names = 20_000, ("A-A", "B-A", "C-A", "D-A", "E-A")
    matrix = np.eye(5)
    for i, j, spill in ((0, 1, 0.25), (1, 2, 0.15), (2, 0, 0.05), (3, 1, 0.10), (0, 4, 0.30), (3, 4, 0.08)):
        matrix[i, j] = spill
    t_cell, cd4 = random.uniform(size=n) < 0.75, random.uniform(size=n) < 0.6
    light = lognormal(random, 60, 0.5, (n, 5))
    light[t_cell, 0] += lognormal(random, 6_000, 0.3, t_cell.sum())
    light[t_cell & cd4, 3] += lognormal(random, 8_000, 0.2, (t_cell & cd4).sum())
    light[t_cell & ~cd4, 2] += lognormal(random, 12_000, 0.3, (t_cell & ~cd4).sum())
    values = detect(random, light, matrix, 0.05, 30.0)
    labels = ("CD3", "TCR", "CD8", "CD4", "")
    return realism.cells.Cells(Path("made.fcs"), None, None, np.ones(n, bool), values, names, labels, matrix, 1.0)


def test_photoelectrons_come_back_from_a_many_stained_sample(realism, stained):
    channels = realism.measures.find_channels(stained)
    assert [peak is not None for peak in channels.bright] == [True, False, True, True, False]
    assert {1, 4} <= set(channels.negative)
    fitted = realism.spread.photoelectrons(stained, channels)
    told = realism.spread.pairs(stained, channels)
    print(fitted.round(3), told.round(3), sep="\n")
    assert set(told.index) >= {"A-A (CD3) -> E-A", "A-A (CD3) -> B-A (TCR)"}
    assert fitted["pe"].median() == pytest.approx(0.05, rel=0.20)
    assert told["pe"].to_list() == pytest.approx([0.05] * len(told), rel=0.20)
    assert (told["ss"] ** 2 * told["pe_simple"]).to_list() == pytest.approx(told["spill"].to_list())
    assert told["residual_%"].abs().max() < 1.0  # the matrix is exact


def test_an_inexact_matrix_leaves_a_residual(realism, stained):
    """2 % of CD3's light too much taken from E: its negatives go down by 2 % of CD3."""
    values = stained.fluorescence.copy()
    values[:, 4] -= 0.02 * values[:, 0]
    off = realism.cells.Cells(**{**vars(stained), "fluorescence": values})
    told = realism.spread.pairs(off, realism.measures.find_channels(off))
    assert told.loc["A-A (CD3) -> E-A", "residual_%"] == pytest.approx(-2, abs=0.5)


# Ranges


def test_quartiles_where_nothing_widens(realism):
    """An estimate of photoelectrons can be infinite; a quartile is finite as long as the values below it are."""
    quartiles = realism.compare._quantiles
    assert quartiles(np.array([0.1, 0.2, 0.3, 0.4, np.inf])) == pytest.approx([0.1, 0.2, 0.3, 0.4, np.inf])
    assert quartiles(np.array([0.1, np.inf])) == pytest.approx([0.1, 0.1, 0.1, 0.1, np.inf])
    assert np.isnan(quartiles(np.empty(0))).all()


def test_verdicts_on_made_up_ranges(realism):
    def table(cv):
        tables = {name: pd.DataFrame(columns=list(words)) for name, (_, words) in realism.compare.MEASURES.items()}
        frame = pd.DataFrame({"cv_%": cv, "level": 5_000.0, "share_%": np.nan})
        return {**tables, "bright": frame}

    real = realism.compare.range_of({"a": table([10.0, 20.0, 30.0]), "b": table([40.0, 50.0])})
    cv = real.loc[("bright", "cv_%")]
    assert cv.tolist() == [5, 2, 10, 20, 30, 40, 50]
    for values, verdict in (
        ([25.0, 35.0], "middle"),
        ([12.0], "inside"),
        ([9.0], "outside"),
        ([51.0, 60.0], "outside"),
    ):
        simulated = realism.compare.range_of({"s": table(values)})
        told = realism.compare.verdicts(real, simulated)
        assert told.loc[("bright", "cv_%"), "verdict"] == verdict
    assert told.loc[("bright", "share_%"), "verdict"] == "-"
    assert told.loc[("spread", "ss"), "verdict"] == "-"


# Real files


@pytest.fixture(scope="module")
def real(realism, shared):
    return realism.compare.measure_all(realism.compare.fcs_files(shared("data")))


def test_which_real_files_are_compared_and_why_the_others_are_not(real):
    measured, passed = real
    for name, reason in passed.items():
        print(f"{name}: {reason}")
    assert set(measured) == COMPARED
    assert passed["111_Comp_Trans.fcs"].startswith("transformed")
    assert passed["100715.fcs"].startswith("no stained population")
    assert passed["412C_Blood_025.fcs"].startswith("no spillover")


def test_ranges_of_real_files(realism, real):
    """The figures that docs/simulation.md and benchmarks/README.md give."""
    table = realism.compare.range_of(real[0])
    print(table.to_string(float_format=lambda value: f"{value:.3g}"))

    def row(*key):
        return table.loc[key, ["min", "q1", "median", "q3", "max"]].tolist()

    assert table.loc[("negatives", "below_zero_%"), "files"] == 5
    assert row("negatives", "below_zero_%") == pytest.approx([1.3, 7.3, 15.4, 21.5, 48.9], rel=0.03)
    assert table.loc[("bright", "cv_%"), "files"] == 4
    assert row("bright", "cv_%") == pytest.approx([17.2, 29.1, 37.1, 43.2, 50.3], rel=0.03)
    assert table.loc[("spread", "ss"), "files"] == 3
    assert row("spread", "ss") == pytest.approx([0.57, 1.38, 2.83, 3.38, 8.51], rel=0.03)
    assert row("spread", "pe")[1:4] == pytest.approx([0.039, 0.051, 0.065], rel=0.03)
    assert row("photoelectrons", "pe")[1:4] == pytest.approx([0.0345, 0.049, 0.067], rel=0.03)


def test_one_file_through_the_front_door(realism, shared):
    """`measure` and `ranges`, as another test would ask for a simulated file: this one is real and must pass."""
    donors = realism.compare.fcs_files(shared("data/omip021"))
    tables = realism.compare.measure(donors[0])
    assert set(tables) == set(realism.compare.MEASURES)
    assert all(set(words) <= set(tables[name]) for name, (_, words) in realism.compare.MEASURES.items())
    assert {label.split(" - ")[1].rstrip(")") for label in tables["bright"].index} == {"CD8a", "CD3", "CD4", "CD28"}
    told = realism.compare.verdicts(realism.compare.ranges(donors), realism.compare.ranges(donors[:1]))
    assert set(told["verdict"]) <= {"middle", "inside"}
    with pytest.raises(realism.cells.NotComparableError, match="transformed"):
        realism.compare.measure(shared("data/peacoqc/111_Comp_Trans.fcs"))


def test_the_program_prints_ranges_and_verdicts(realism, shared, capsys):
    donors = [str(shared("data/omip021") / f"Donor{n}.fcs") for n in (1, 2)]
    run = vars(realism)["__main__"].main
    assert run(["--real", donors[0], "--simulated", donors[1], "--details"]) == 0
    printed = capsys.readouterr().out
    assert "real Donor1.fcs" in printed and "SYNTHETIC Donor2.fcs" in printed
    assert "780/60Red-A (APCCy7 - CD4)" in printed
    # One donor's cells beside the other's: the CV of its bright populations lies within the other's range.
    assert next(line for line in printed.splitlines() if " cv_% " in line and "1 of 1" in line)
    flat = str(shared("data/flowkit/simple_line_example"))
    assert run(["--real", donors[0], "--simulated", flat]) == 1
    told = capsys.readouterr()
    assert "passed over: data_set_simple_line_100.fcs: no spillover" in told.out
    assert "no simulated file can be compared" in told.err


def test_pictures_of_two_files_side_by_side(realism, shared, tmp_path):
    donors = [shared("data/omip021") / f"Donor{n}.fcs" for n in (1, 2)]
    pictures = realism.pictures.draw_all(donors[:1], donors[1:], tmp_path / "pictures")
    assert [path.name for path in pictures] == [
        f"simulated_and_real_{name}.png" for name in ("scatter", "negatives", "spread", "time", "markers")
    ]
    sizes = [path.stat().st_size for path in pictures]
    assert min(sizes) > 5_000 and max(sizes) < 250_000
    again = realism.pictures.draw_all(donors[:1], donors[1:], tmp_path / "again")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in pictures]


@pytest.mark.parametrize("profile", ["clean", "clinic", "other_lab"])
def test_simulated_files_lie_within_the_range_of_real_ones(realism, real, checkout, tmp_path, profile):
    """Negatives below zero, CV of bright populations, spread after compensation; a seed that no number was tuned on."""
    options = ["--trial", "he2020", "--profile", profile, "--seed", "77", "--subjects-per-arm", "1", "--visits", "W0"]
    gating = ["--gating", str(checkout / "config" / "gating")]
    assert main(["simulate", *options, "--out", str(tmp_path), *gating]) == 0
    simulated = realism.compare.ranges(realism.compare.fcs_files(tmp_path / "fcs"))
    told = realism.compare.verdicts(realism.compare.range_of(real[0]), simulated)
    print(
        told[["min", "q1", "q3", "max", "sim_median", "verdict"]].to_string(float_format=lambda value: f"{value:.3g}")
    )
    for table, measure in (
        ("negatives", "below_zero_%"),
        ("negatives", "left_sd"),
        ("bright", "cv_%"),
        ("spread", "ss"),
        ("spread", "pe"),
        ("scatter", "correlation"),
        ("scatter", "area_to_height"),
    ):
        assert told.loc[(table, measure), "verdict"] in ("middle", "inside"), (table, measure)
