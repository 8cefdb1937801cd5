"""Photons, gain, electronic noise and spillover, against Poisson's law and the matrix that should undo the spill.

Tolerances are multiples of the sampling error of independent events: that of a mean is SD / sqrt(n), of an SD
SD / sqrt(2 n), of a nearly normal skewness sqrt(6 / n). Seeds are fixed.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import poisson

from cytotrial.simulate.instrument.optics import TOP, Detector, detect, factors, spillover_with_gain
from cytotrial.simulate.parameters import whole_cytometer
from cytotrial.simulate.seeds import stream

N = 200_000
ERRORS = 4.5  # standard errors: one of 150 000 true figures lies further out
A = Detector("A", ("CD3",), "FITC", autofluorescence=100.0, noise=50.0, photoelectrons=0.08, voltage=470)
B = replace(A, name="B", markers=("CD4",), dye="PE", autofluorescence=30.0, noise=40.0, photoelectrons=0.03)
IDEAL = replace(A, autofluorescence=0.0, noise=0.0, photoelectrons=1e9)
ONE = np.ones((1, 1))
PAIR = np.array([[1.0, 0.2], [0.05, 1.0]])


def _seen(light, detectors, *, spillover=None, gain=None, baseline=None, glow=1.0, stream_factor=1.0, n=N, seed=2):
    """`n` events of the same dye light in each detector, shape (detectors, n)."""
    m = len(detectors)
    return detect(
        np.tile(np.asarray(light, dtype=float)[:, None], n),
        glow=np.full(n, glow),
        stream=np.full(n, stream_factor),
        spillover=np.eye(m) if spillover is None else spillover,
        detectors=tuple(detectors),
        gain=np.ones(m) if gain is None else np.asarray(gain, dtype=float),
        baseline=np.zeros(m) if baseline is None else np.asarray(baseline, dtype=float),
        random=stream(seed, "noise"),
    )


def _compensated(seen: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.linalg.inv(matrix).T @ seen


def _assert_moments(values: np.ndarray, mean: float, variance: float) -> None:
    n = len(values)
    assert values.mean() == pytest.approx(mean, abs=ERRORS * (variance / n) ** 0.5)
    assert values.var() == pytest.approx(variance, rel=ERRORS * (2 / n) ** 0.5)


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("dye", [0.0, 300.0, 6000.0])
def test_noise_is_of_photons_before_the_gain_and_of_electronics_after_it(dye, gain):
    values = _seen([dye], [A], gain=[gain])[0]
    y = dye + A.autofluorescence
    _assert_moments(values, gain * y, gain**2 * y / A.photoelectrons + A.noise**2)


@pytest.mark.parametrize("photons", [5, 10, 20, 50])
def test_few_photons_are_skewed_as_poissons_are(photons):
    counted = replace(A, autofluorescence=0.0, noise=0.0, photoelectrons=0.05)
    values = _seen([photons / 0.05], [counted], n=2 * N)[0] * 0.05
    skewness = ((values - values.mean()) ** 3).mean() / values.std() ** 3
    print(photons, "photons: skewness", skewness, "Poisson's", photons**-0.5)
    assert skewness > 0
    # besides chance 2 %: the third moment is Poisson's + 1/27, the variance Poisson's + 1/18
    assert skewness == pytest.approx(photons**-0.5, abs=ERRORS * (6 / len(values)) ** 0.5 + 0.02 * photons**-0.5)
    below = [np.mean(values < count + 0.5) for count in range(4 * photons)]
    assert np.abs(below - poisson.cdf(range(4 * photons), photons)).max() < 0.006


def test_half_the_gain_costs_signal_not_noise():
    quiet = replace(A, noise=0.0)
    cv = [(one := _seen([500.0], [quiet], gain=[gain])[0]).std() / one.mean() for gain in (1.0, 0.5)]
    assert cv[1] == pytest.approx(cv[0], rel=1e-9)  # the same photons
    assert cv[0] == pytest.approx((600 * A.photoelectrons) ** -0.5, rel=ERRORS * (2 * N) ** -0.5)
    dark = replace(A, photoelectrons=1e12)
    noise = [(one := _seen([500.0], [dark], gain=[gain])[0]).std() / one.mean() for gain in (1.0, 0.5)]
    assert noise[1] / noise[0] == pytest.approx(2.0, rel=ERRORS * N**-0.5)


def test_no_light_is_electronic_noise_about_the_baseline_and_goes_below_zero():
    values = _seen([0.0], [replace(A, autofluorescence=0.0)], baseline=[12.0])[0]
    _assert_moments(values, 12.0, A.noise**2)
    assert values.min() < -3 * A.noise


def test_the_baseline_is_added_after_the_gain():
    plain = _seen([500.0, 0.0], [A, B], gain=[0.5, 2.0])
    raised = _seen([500.0, 0.0], [A, B], gain=[0.5, 2.0], baseline=[7.0, -3.0])
    assert np.abs(raised - plain - np.array([[7.0], [-3.0]])).max() < 1e-9


def test_nothing_is_clipped_at_the_top():
    assert _seen([2 * TOP], [IDEAL], n=10).min() > 1.99 * TOP


def test_a_stream_off_the_laser_loses_all_light_but_no_noise():
    values = _seen([5000.0, 0.0], [A, B], spillover=PAIR, stream_factor=0.75)
    for row, y in enumerate([0.75 * (5000 + 100), 0.75 * (0.2 * 5000 + 30)]):
        _assert_moments(values[row], y, y / (A, B)[row].photoelectrons + (A, B)[row].noise ** 2)


def test_each_event_has_its_own_glow_and_stream_factor():
    quiet = [replace(one, noise=0.0, photoelectrons=1e12) for one in (A, B)]
    seen = detect(
        np.array([[1000.0, 0.0, 1000.0], [0.0, 500.0, 0.0]]),
        glow=np.array([1.0, 2.0, 0.0]),
        stream=np.array([1.0, 1.0, 0.5]),
        spillover=PAIR,
        detectors=tuple(quiet),
        gain=np.array([1.0, 2.0]),
        baseline=np.zeros(2),
        random=stream(1, "few"),
    )
    assert seen == pytest.approx(np.array([[1100.0, 225.0, 500.0], [460.0, 1120.0, 200.0]]), rel=1e-4)


def test_the_matrix_by_hand():
    assert spillover_with_gain(PAIR, np.array([0.7, 1.4])) == pytest.approx(np.array([[1.0, 0.4], [0.025, 1.0]]))
    assert spillover_with_gain(PAIR, np.ones(2)).tolist() == PAIR.tolist()


@pytest.mark.parametrize("profile", ["clean", "other_lab"])
def test_the_matrix_of_the_day_undoes_the_spill_at_any_gain(profile):
    """Without noise and autofluorescence the dyes come back, each times its own detector's gain."""
    detectors, spillover = whole_cytometer(profile)
    ideal = [replace(one, autofluorescence=0.0, noise=0.0, photoelectrons=1e9) for one in detectors]
    random = np.random.default_rng(3)
    gain = 10 ** random.uniform(-0.2, 0.2, len(ideal))
    light = 10 ** random.uniform(3, 5, len(ideal))
    back = _compensated(
        _seen(light, ideal, spillover=spillover, gain=gain, n=2000), spillover_with_gain(spillover, gain)
    )
    # 1e9 photoelectrons per unit: the noise of 2 000 events' mean is 1e-6 / sqrt(2000) of a light of 1 000 units
    assert back.mean(axis=1) == pytest.approx(light * gain, rel=1e-6)
    assert np.diag(spillover_with_gain(spillover, gain)) == pytest.approx(np.ones(len(ideal)), abs=1e-15)


def test_dyes_come_back_but_autofluorescence_stays():
    """Compensation knows dyes' spectra only: a cell's own light is mistaken for them."""
    quiet = [replace(one, noise=0.0, photoelectrons=1e9) for one in (A, B)]
    light = np.array([6000.0, 800.0])
    back = _compensated(_seen(light, quiet, spillover=PAIR, glow=3.0, n=2000), PAIR).mean(axis=1)
    left = np.array([3 * 100.0, 3 * 30.0]) @ np.linalg.inv(PAIR)
    assert back - light == pytest.approx(left, rel=1e-4)
    assert np.abs(left).min() > 20


@pytest.mark.parametrize("brightness", [0.0, 2e3, 2e4, 2e5])
def test_spread_grows_with_the_spill_of_a_bright_dye(brightness):
    """In a compensated negative channel: the photons that spilled in, and the noise of what is subtracted."""
    spill = 0.2
    matrix = np.array([[1.0, spill], [0.0, 1.0]])
    quiet = [replace(one, autofluorescence=0.0, noise=0.0) for one in (A, B)]
    back = _compensated(_seen([brightness, 0.0], quiet, spillover=matrix), matrix)[1]
    spilled, subtracted = spill * brightness / B.photoelectrons, spill**2 * brightness / A.photoelectrons
    assert back.std() == pytest.approx((spilled + subtracted + 1 / 18 / B.photoelectrons**2) ** 0.5, rel=0.01)
    assert back.mean() == pytest.approx(0.0, abs=ERRORS * back.std() / N**0.5)
    if brightness:
        many = _compensated(
            _seen([brightness, 0.0], [replace(quiet[0], photoelectrons=1e9), quiet[1]], spillover=matrix), matrix
        )
        assert many[1].std() == pytest.approx(spilled**0.5, rel=0.01)


def test_a_wrong_matrix_leaves_light_behind():
    """What the recorded matrix misses stays in the negative channel, in proportion to the dye."""
    ideal = [IDEAL, replace(IDEAL, name="B")]
    matrix = np.array([[1.0, 0.2], [0.0, 1.0]])
    for brightness in (1e3, 1e4):
        seen = _seen([brightness, 0.0], ideal, spillover=matrix, n=1000)
        back = _compensated(seen, np.array([[1.0, 0.15], [0.0, 1.0]]))[1]
        assert back.mean() == pytest.approx(0.05 * brightness, rel=1e-5)


def test_detectors_are_independent_of_each_other():
    values = _seen([3000.0, 3000.0], [A, B])
    assert abs(np.corrcoef(values)[0, 1]) < ERRORS / N**0.5


def test_same_seed_same_events():
    assert np.array_equal(_seen([500.0], [A], n=100), _seen([500.0], [A], n=100))
    assert not np.array_equal(_seen([500.0], [A], n=100), _seen([500.0], [A], n=100, seed=3))


def test_the_dyes_are_as_they_were():
    dyes = np.full((1, 100), 500.0)
    ones = np.ones(100)
    seen = detect(
        dyes,
        glow=ones,
        stream=ones,
        spillover=ONE,
        detectors=(A,),
        gain=np.ones(1),
        baseline=np.zeros(1),
        random=stream(1, "kept"),
    )
    assert seen is not dyes and (dyes == 500.0).all()


def test_factors_by_name():
    assert factors(("A", "B"), {"B": 0.7}).tolist() == [1.0, 0.7]
    assert factors((), {}).tolist() == []


@pytest.mark.parametrize("wrong", [{"C": 1.0}, {"A": 0.0}, {"A": -1.0}])
def test_factors_of_unknown_channels_or_not_positive_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=rf"unknown channels, or not positive: \{{'{next(iter(wrong))}'"):
        factors(("A", "B"), {"B": 1.2} | wrong)


@pytest.mark.parametrize("profile", ["clean", "other_lab"])
def test_a_shipped_cytometers_matrix_can_be_undone(profile):
    detectors, spillover = whole_cytometer(profile)
    names = [one.name for one in detectors]
    assert spillover.shape == (len(names), len(names)) and len(set(names)) == len(names)
    assert (np.diag(spillover) == 1).all() and (spillover >= 0).all()
    assert np.linalg.cond(spillover) < 20
    assert all(one.donor in ("", *names) and one.donor != one.name for one in detectors)
    assert any(one.donor for one in detectors)
