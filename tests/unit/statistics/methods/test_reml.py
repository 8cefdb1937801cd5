"""Restricted maximum likelihood against closed forms, a dense likelihood written out, and numerical derivatives."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from cytotrial.statistics.methods.covariance import (
    COMPOUND_SYMMETRY,
    STRUCTURES,
    TOEPLITZ,
    UNSTRUCTURED,
    structure_of,
)
from cytotrial.statistics.methods.reml import fit_repeated_measures
from cytotrial.statistics.methods.restricted_likelihood import LikelihoodPoint, NotFittedError, Patterns


def trial(n: int, k: int, *, missing: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Correlated values of unequal spread, (n, k), and covariates 1, baseline, arm, (n, 3)."""
    random = np.random.default_rng(seed)
    deviations = np.linspace(1.0, 2.0, k)
    covariance = (0.6 + 0.4 * np.eye(k)) * np.outer(deviations, deviations)
    covariates = np.column_stack([np.ones(n), random.normal(size=n), np.arange(n) % 2])
    values = random.multivariate_normal(np.zeros(k), covariance, size=n) + covariates[:, 1:2]
    values[random.random((n, k)) < missing] = np.nan
    return values, covariates


def arm_at(visit: int, k: int) -> np.ndarray:
    weights = np.zeros((k, 3))
    weights[visit, 2] = 1.0
    return weights


def dense_log_likelihood(values: np.ndarray, covariates: np.ndarray, covariance: np.ndarray) -> float:
    """The restricted likelihood with every matrix written out."""
    k, q = values.shape[1], covariates.shape[1]
    there = ~np.isnan(values)
    design = np.vstack([np.kron(np.eye(k)[seen], z) for z, seen in zip(covariates, there, strict=True)])
    y = values[there]
    inverse = np.zeros((y.size, y.size))
    determinant, at = 0.0, 0
    for seen in there:
        part = covariance[np.ix_(seen, seen)]
        inverse[at : at + len(part), at : at + len(part)] = np.linalg.inv(part)
        determinant += np.linalg.slogdet(part)[1]
        at += len(part)
    information = design.T @ inverse @ design
    residual = y - design @ np.linalg.solve(information, design.T @ inverse @ y)
    logs = determinant + np.linalg.slogdet(information)[1] + (y.size - k * q) * math.log(2.0 * math.pi)
    return -0.5 * (logs + residual @ inverse @ residual)


def test_one_visit_is_ordinary_regression():
    values, covariates = trial(20, 1)
    fit = fit_repeated_measures(values, covariates, UNSTRUCTURED)
    coefficients, squares, _, _ = np.linalg.lstsq(covariates, values[:, 0], rcond=None)
    variance = squares[0] / 17.0
    found = fit.effect(arm_at(0, 1))
    assert found.estimate == pytest.approx(coefficients[2], rel=1e-9)
    assert found.se == pytest.approx(math.sqrt(variance * np.linalg.inv(covariates.T @ covariates)[2, 2]), rel=1e-9)
    assert found.df == pytest.approx(17.0, rel=1e-6)


def test_complete_data_have_the_residuals_covariance_and_n_minus_3_degrees_of_freedom():
    values, covariates = trial(30, 4)
    fit = fit_repeated_measures(values, covariates, UNSTRUCTURED)
    coefficients = np.linalg.lstsq(covariates, values, rcond=None)[0]
    residuals = values - covariates @ coefficients
    assert fit.covariance == pytest.approx(residuals.T @ residuals / 27.0, rel=1e-7)
    assert fit.coefficients == pytest.approx(coefficients.T, rel=1e-9, abs=1e-12)
    assert [fit.effect(arm_at(visit, 4)).df for visit in range(4)] == pytest.approx([27.0] * 4, rel=1e-6)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_likelihood_is_the_one_written_out_and_no_neighbour_is_higher(structure):
    values, covariates = trial(40, 4, missing=0.2)
    fit = fit_repeated_measures(values, covariates, structure)
    best = dense_log_likelihood(values, covariates, fit.covariance)
    assert fit.log_likelihood == pytest.approx(best, abs=1e-8)
    family = structure_of(structure, 4)
    parameters = family.near(fit.covariance)
    assert family.matrix(parameters) == pytest.approx(fit.covariance, rel=1e-9)
    for number in range(family.n_parameters):
        for step in (-0.01, 0.01):
            moved = family.matrix(parameters + step * np.eye(family.n_parameters)[number])
            assert dense_log_likelihood(values, covariates, moved) < best


@pytest.mark.parametrize("structure", STRUCTURES)
def test_derivatives_are_the_numerical_ones(structure):
    values, covariates = trial(25, 3, missing=0.25, seed=4)
    patterns, family = Patterns.of(values, covariates), structure_of(structure, 3)
    # Anywhere, not at the maximum, where a wrong gradient would be 0 too.
    start = family.near(np.diag([2.0, 3.0, 2.5]) + 0.7)
    point, step = LikelihoodPoint(patterns, family, start), 1e-5

    def moved(number: int, by: float) -> LikelihoodPoint:
        return LikelihoodPoint(patterns, family, start + by * np.eye(len(start))[number])

    for number in range(len(start)):
        up, down = moved(number, step), moved(number, -step)
        slope = (up.log_likelihood - down.log_likelihood) / (2.0 * step)
        bend = (up.gradient - down.gradient) / (2.0 * step)
        turned = (np.linalg.inv(up.inverse) - np.linalg.inv(down.inverse)) / (2.0 * step)
        assert point.gradient[number] == pytest.approx(slope, rel=1e-6, abs=1e-7)
        assert -point.observed_information[number] == pytest.approx(bend, rel=1e-5, abs=1e-6)
        assert -point.by_parameter[number] == pytest.approx(turned, rel=1e-5, abs=1e-6)


def test_expected_information_is_the_mean_of_the_observed():
    # At the true covariance, over many trials of one design.
    covariance = np.array([[2.0, 0.7], [0.7, 1.0]])
    family, random = structure_of(UNSTRUCTURED, 2), np.random.default_rng(5)
    parameters = family.near(covariance)
    assert family.matrix(parameters) == pytest.approx(covariance)
    values, covariates = trial(20, 2, missing=0.2, seed=6)
    is_there = ~np.isnan(values)
    observed = []
    for _ in range(2000):
        drawn = np.where(is_there, random.multivariate_normal([0.0, 0.0], covariance, size=20), np.nan)
        point = LikelihoodPoint(Patterns.of(drawn, covariates), family, parameters)
        observed.append(point.observed_information)
    spread = np.std(observed, axis=0) / math.sqrt(2000.0)
    assert (np.abs(np.mean(observed, axis=0) - point.expected_information) <= 5.0 * spread).all()


def test_units_order_and_baseline_origin_do_not_matter():
    values, covariates = trial(40, 3, missing=0.1)
    one = fit_repeated_measures(values, covariates, UNSTRUCTURED)
    moved = covariates + np.array([0.0, 50.0, 0.0])
    other = fit_repeated_measures(1000.0 * values[::-1], moved[::-1], UNSTRUCTURED)
    for visit in range(3):
        first, second = one.effect(arm_at(visit, 3)), other.effect(arm_at(visit, 3))
        assert 1000.0 * first.estimate == pytest.approx(second.estimate, rel=1e-6)
        assert 1000.0 * first.se == pytest.approx(second.se, rel=1e-6)
        assert first.df == pytest.approx(second.df, rel=1e-5)
    units = (np.isfinite(values).sum() - 9) * math.log(1000.0)
    assert other.log_likelihood == pytest.approx(one.log_likelihood - units, abs=1e-6)


def test_a_sum_of_effects_and_walds_chi_square():
    values, covariates = trial(30, 2)
    fit = fit_repeated_measures(values, covariates, UNSTRUCTURED)
    first, second = (fit.effect(arm_at(visit, 2)) for visit in range(2))
    difference = fit.effect(arm_at(1, 2) - arm_at(0, 2))
    assert difference.estimate == pytest.approx(second.estimate - first.estimate, rel=1e-9)
    chi2, df = fit.wald(arm_at(0, 2)[None])
    assert (chi2, df) == (pytest.approx((first.estimate / first.se) ** 2, rel=1e-9), 1)
    assert fit.wald(np.stack([arm_at(0, 2), arm_at(1, 2)]))[0] >= chi2


def test_subjects_without_values_change_nothing():
    values, covariates = trial(30, 3, missing=0.1)
    more = np.vstack([values, np.full((3, 3), np.nan)])
    fit = fit_repeated_measures(more, np.vstack([covariates, covariates[:3]]), TOEPLITZ)
    assert fit.n_subjects == 30
    alone = fit_repeated_measures(values, covariates, TOEPLITZ)
    assert fit.log_likelihood == pytest.approx(alone.log_likelihood, rel=1e-12)


@pytest.mark.parametrize(
    ("values", "covariates", "structure"),
    [
        (np.full((6, 2), 3.0), trial(6, 2)[1], UNSTRUCTURED),  # no variance
        (np.full((6, 2), np.nan), trial(6, 2)[1], UNSTRUCTURED),  # nothing measured
        (trial(6, 9)[0], trial(6, 9)[1], UNSTRUCTURED),  # 45 parameters, 6 subjects
        (trial(8, 2)[0], np.ones((8, 3)), COMPOUND_SYMMETRY),  # covariates that say the same
        (trial(3, 2)[0], trial(3, 2)[1], COMPOUND_SYMMETRY),  # nothing left over
    ],
    ids=["constant", "missing", "few subjects", "collinear", "saturated"],
)
def test_what_the_data_do_not_determine_is_not_fitted(values, covariates, structure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(NotFittedError):
            fit_repeated_measures(values, covariates, structure)


def test_an_unknown_structure_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="banded"):
        structure_of("banded", 3)


@pytest.mark.parametrize(("n", "k", "missing"), [(4, 2, 0.0), (4, 3, 0.0), (6, 4, 0.25), (8, 6, 0.0)])
def test_the_smallest_trials_are_fitted_or_refused_and_never_crash(n, k, missing):
    fitted = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(40):
            values, covariates = trial(n, k, missing=missing, seed=seed)
            for structure in STRUCTURES:
                try:
                    fit = fit_repeated_measures(values, covariates, structure)
                except NotFittedError:
                    continue
                fitted += 1
                assert np.linalg.eigvalsh(fit.covariance)[0] > 0.0
                assert fit.n_covariance <= fit.n_observations - 3 * k
    assert fitted


def test_visits_of_unequal_spread_keep_their_own_where_variances_may_differ():
    values, covariates = trial(40, 4, seed=9)
    values[:, 1] *= 5.0
    each = [fit_repeated_measures(values, covariates, name).effect(arm_at(1, 4)).se for name in STRUCTURES[:3]]
    equal = fit_repeated_measures(values, covariates, COMPOUND_SYMMETRY).effect(arm_at(1, 4)).se
    assert each[1:] == pytest.approx([each[0]] * 2, rel=0.1)
    assert equal < 0.75 * each[0]


def test_a_start_that_is_no_covariance_is_drawn_nearer_to_one():
    # Spread at both ends of the schedule alone: the nearest Toeplitz matrix is not positive definite.
    random = np.random.default_rng(3)
    shared = random.normal(size=(40, 1))
    values = random.normal(size=(40, 5)) + shared * np.array([10.0, 0.0, 0.0, 0.0, 10.0])
    assert fit_repeated_measures(values, trial(40, 5)[1], TOEPLITZ).structure == TOEPLITZ
