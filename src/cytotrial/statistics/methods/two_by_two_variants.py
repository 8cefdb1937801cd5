"""Further tests of a 2 x 2 table that papers may have used: for recomputing theirs, not for our own analysis."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.stats.contingency import expected_freq

from cytotrial.statistics.methods.two_by_two import (
    NAN,
    TwoByTwo,
    chi_square_tests,
    fisher_tests,
    wald_standard_error,
    woolf_standard_error,
)

NUISANCE_GRID = 1001  # common rates at which an unconditional test's p is looked for, before the best is refined


def pearson_one_sided_p(table: TwoByTwo) -> float:
    """Pearson's test of more events in the active arm: half the two-sided p on that side; NaN with a zero margin."""
    active, control = table.rates
    half = chi_square_tests(table)["pearson_p"] / 2
    return half if active >= control else 1 - half


def fisher_mid_p(table: TwoByTwo) -> float:
    """Fisher's two-sided p with half the observed table's probability.

    References
    ----------
    Lancaster HO. J Am Stat Assoc 1961;56:223-234. doi:10.1080/01621459.1961.10482105
    """
    observed = stats.hypergeom.pmf(table.x_active, table.n, table.events, table.n_active)
    return fisher_tests(table)["fisher_p"] - float(observed) / 2


def barnard_p(table: TwoByTwo) -> float:
    """Barnard's exact unconditional test, two-sided, tables ordered by the pooled z statistic.

    Notes
    -----
    The p is the largest over the common rate of the probability of a z as far from 0 as the observed one. That is
    compared in whole numbers: SciPy's `barnard_exact` compares floats and so leaves out tables that are exactly
    as extreme (the mirror of the observed one among them). NaN where a margin is zero.

    References
    ----------
    Barnard GA. Biometrika 1947;34:123-138. doi:10.1093/biomet/34.1-2.123
    Suissa S, Shuster JJ. J R Stat Soc A 1985;148:317-327. doi:10.2307/2981892
    """
    if not table.is_testable:
        return NAN
    n, m = table.n_active, table.n_control
    x, y = np.meshgrid(np.arange(n + 1, dtype=object), np.arange(m + 1, dtype=object), indexing="ij")
    apart, spread = (x * m - y * n) ** 2, (x + y) * (n + m - x - y)  # z^2 is proportional to apart / spread
    i, j = table.x_active, table.x_control
    as_extreme = (apart * spread[i, j] >= apart[i, j] * spread) & (spread > 0)
    return _largest_over_common_rate(as_extreme.astype(float))


def _largest_over_common_rate(region: NDArray[np.float64]) -> float:
    """The largest probability of `region`, shape (n + 1, m + 1), over the rate that two binomial arms share."""
    n, m = (size - 1 for size in region.shape)

    def probability(rates: NDArray[np.float64]) -> NDArray[np.float64]:
        active, control = (stats.binom.pmf(np.arange(size + 1), size, rates[:, None]) for size in (n, m))
        return (active @ region * control).sum(axis=1)

    rates = np.linspace(0, 1, NUISANCE_GRID)
    on_grid = probability(rates)
    best = int(np.argmax(on_grid))
    around = rates[max(best - 1, 0)], rates[min(best + 1, NUISANCE_GRID - 1)]
    refined = optimize.minimize_scalar(
        lambda rate: -probability(np.array([rate]))[0], bounds=around, method="bounded", options={"xatol": 1e-10}
    )
    return min(1.0, float(max(-refined.fun, on_grid[best])))


def boschloo_p(table: TwoByTwo) -> float:
    """Boschloo's exact unconditional test: twice the smaller one-sided p, at most 1, as SciPy defines it.

    Notes
    -----
    Each one-sided p is the largest over the common rate of the probability of a one-sided Fisher's p as small as the
    observed one. Equal to SciPy's `boschloo_exact`, given the arms in its columns, which writes to the log of whoever
    calls it. NaN where a margin is zero.

    References
    ----------
    Boschloo RD. Stat Neerl 1970;24:1-9. doi:10.1111/j.1467-9574.1970.tb00104.x
    """
    if not table.is_testable:
        return NAN
    n, m = table.n_active, table.n_control
    x, y = np.meshgrid(np.arange(n + 1), np.arange(m + 1), indexing="ij")
    greater, less = stats.hypergeom.sf(x - 1, n + m, x + y, n), stats.hypergeom.cdf(x, n + m, x + y, n)
    observed = table.x_active, table.x_control
    # The slack is wider than the rounding of equal p-values and narrower than two different ones lie apart.
    regions = [(fisher <= fisher[observed] * (1 + 1e-10)).astype(float) for fisher in (greater, less)]
    return min(1.0, 2 * min(_largest_over_common_rate(region) for region in regions))


def wald_difference_p(table: TwoByTwo) -> float:
    """Wald's z test of the risk difference, each arm with its own variance; NaN where both rates are 0 or 1."""
    active, control = table.rates
    return _normal_p((active - control) / wald_standard_error(table)) if table.has_variance else NAN


def wald_log_odds_ratio_p(table: TwoByTwo) -> float:
    """Wald's z test of the logarithm of the sample odds ratio; NaN with a zero cell."""
    if not table.counts.all():
        return NAN
    (a, b), (c, d) = table.counts.tolist()
    return _normal_p(math.log(a * d / (b * c)) / woolf_standard_error(table.counts))


def arcsine_p(table: TwoByTwo) -> float:
    """z test of the difference of the rates on the scale asin(sqrt(rate)), whose variance is 1 / (4 n).

    References
    ----------
    Cohen J. Statistical Power Analysis for the Behavioral Sciences, 2nd ed. 1988, chapter 6.
    """
    active, control = (math.asin(math.sqrt(rate)) for rate in table.rates)
    return _normal_p(2 * (active - control) / math.sqrt(1 / table.n_active + 1 / table.n_control))


def freeman_tukey_p(table: TwoByTwo) -> float:
    """Chi-square test with 4 sum (sqrt O - sqrt E)^2; NaN where a margin is zero.

    References
    ----------
    Freeman MF, Tukey JW. Ann Math Stat 1950;21:607-611. doi:10.1214/aoms/1177729756
    """
    if not table.is_testable:
        return NAN
    roots = np.sqrt(table.counts) - np.sqrt(expected_freq(table.counts))
    return float(stats.chi2.sf(4 * (roots**2).sum(), 1))


def neyman_p(table: TwoByTwo) -> float:
    """Neyman's modified chi-square test, sum (O - E)^2 / O; NaN with a zero cell."""
    if not table.counts.all():
        return NAN
    return float(stats.chi2_contingency(table.counts, correction=False, lambda_="neyman").pvalue)


def cressie_read_p(table: TwoByTwo) -> float:
    """The power-divergence test with exponent 2/3; NaN where a margin is zero.

    References
    ----------
    Cressie N, Read TRC. J R Stat Soc B 1984;46:440-464. doi:10.1111/j.2517-6161.1984.tb01318.x
    """
    if not table.is_testable:
        return NAN
    return float(stats.chi2_contingency(table.counts, correction=False, lambda_="cressie-read").pvalue)


def _normal_p(z: float) -> float:
    return float(2 * stats.norm.sf(abs(z)))
