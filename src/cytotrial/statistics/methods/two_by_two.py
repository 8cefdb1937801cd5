"""Two rates compared: tests of a 2 x 2 table, risk difference and odds ratios, from the counts alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.stats.contingency import expected_freq, odds_ratio
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

NAN = float("nan")
CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
# Campbell's limit: below it the chi-square distribution no longer serves.
LEAST_EXPECTED = 1.0

TESTS = (
    *("pearson_p", "yates_p", "likelihood_ratio_p", "fisher_p", "n_minus_1_p"),
    *("fisher_greater_p", "fisher_less_p", "student_t_p", "welch_t_p"),
)
ESTIMATES = (
    *("risk_difference", "rd_low", "rd_high", "rd_wald_low", "rd_wald_high", "odds_ratio", "or_low", "or_high"),
    *("or_haldane", "or_haldane_low", "or_haldane_high"),
    *("or_conditional", "or_conditional_low", "or_conditional_high"),
    *("rate_active", "rate_active_low", "rate_active_high", "rate_control", "rate_control_low", "rate_control_high"),
)


@dataclass(frozen=True)
class TwoByTwo:
    """x subjects with the event of n in each of two arms.

    Raises
    ------
    ValueError
        More events than subjects, or fewer than none.
    """

    x_active: int
    n_active: int
    x_control: int
    n_control: int

    def __post_init__(self) -> None:
        for x, n in ((self.x_active, self.n_active), (self.x_control, self.n_control)):
            if not 0 <= x <= n:
                raise ValueError(f"{x} events of {n} subjects")

    @property
    def counts(self) -> NDArray[np.int64]:
        """Shape (2, 2): a row per arm, active first; the column of the event first."""
        active = (self.x_active, self.n_active - self.x_active)
        return np.array([active, (self.x_control, self.n_control - self.x_control)])

    @property
    def n(self) -> int:
        """Subjects of both arms."""
        return self.n_active + self.n_control

    @property
    def events(self) -> int:
        """Subjects with the event, of both arms."""
        return self.x_active + self.x_control

    @property
    def has_both_arms(self) -> bool:
        """Whether each arm has a subject."""
        return self.n_active > 0 and self.n_control > 0

    @property
    def has_both_outcomes(self) -> bool:
        """Whether some subjects have the event and some have not."""
        return 0 < self.events < self.n

    @property
    def is_testable(self) -> bool:
        """Whether no margin is zero, so that the chi-square tests have a degree of freedom."""
        return self.has_both_arms and self.has_both_outcomes

    @property
    def rates(self) -> tuple[float, float]:
        """The share with the event in the active and in the control arm; both have subjects."""
        return self.x_active / self.n_active, self.x_control / self.n_control

    @property
    def has_variance(self) -> bool:
        """Whether the event's rate in one arm at least is neither 0 nor 1."""
        return any(0 < rate < 1 for rate in self.rates)

    @property
    def min_expected(self) -> float:
        """The smallest of the four counts expected if both arms had the same rate; NaN where an arm is empty."""
        return float(expected_freq(self.counts).min()) if self.has_both_arms else NAN


def two_by_two(x_active: int, n_active: int, x_control: int, n_control: int) -> dict[str, Any]:
    """Every test, difference and ratio of two rates.

    Parameters
    ----------
    x_active, x_control : int
        Subjects with the event.
    n_active, n_control : int
        Subjects of the arm.

    Returns
    -------
    dict
        ``pearson_p`` to ``note`` of `cytotrial.statistics_columns.CATEGORICAL`: rates and their difference in
        [0, 1] and [-1, 1], active minus control; odds ratios active over control; 95 % limits. What cannot be
        computed is NaN, and the note says why; a conditional odds ratio or limit that is infinite is inf.

    Raises
    ------
    ValueError
        More events than subjects, or fewer than none.

    Notes
    -----
    ``preferred`` is ``n_minus_1`` where every expected count is 1 or more, else ``fisher`` (Campbell 2007), and
    ``preferred_p`` that test's p. Where nobody or everybody has the event, Fisher's test has one table to choose
    from: its p is 1; the chi-square tests have none. An arm without subjects makes no comparison at all.

    References
    ----------
    Campbell I. Stat Med 2007;26:3661-3675. doi:10.1002/sim.2832
    Newcombe RG. Stat Med 1998;17:873-890. doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I

    Examples
    --------
    >>> row = two_by_two(16, 29, 9, 30)  # the primary endpoint of He et al. 2020
    >>> [round(row[name], 4) for name in ("pearson_p", "likelihood_ratio_p", "n_minus_1_p", "fisher_p")]
    [0.0504, 0.0492, 0.0524, 0.0673]
    >>> row["preferred"], round(row["risk_difference"], 3), round(row["rd_low"], 3), round(row["rd_high"], 3)
    ('n_minus_1', 0.252, 0.001, 0.463)
    """
    table = TwoByTwo(x_active, n_active, x_control, n_control)
    row: dict[str, Any] = dict.fromkeys((*TESTS, *ESTIMATES), NAN)
    row |= {"preferred": None, "preferred_p": NAN, "min_expected": table.min_expected}
    row |= _rate(table.x_active, table.n_active, "rate_active")
    row |= _rate(table.x_control, table.n_control, "rate_control")
    if not table.has_both_arms:
        empty = [arm for arm, n in (("active", table.n_active), ("control", table.n_control)) if n == 0]
        return row | {"note": f"no subject in the {' and the '.join(empty)} arm: no comparison"}
    row |= chi_square_tests(table) | fisher_tests(table) | t_tests(table)
    row |= risk_difference(table) | odds_ratios(table)
    preferred = "n_minus_1" if table.min_expected >= LEAST_EXPECTED else "fisher"
    row |= {"preferred": preferred, "preferred_p": row[f"{preferred}_p"]}
    return row | {"note": "; ".join(_reasons(table))}


def _reasons(table: TwoByTwo) -> Iterator[str]:
    """Why numbers are missing, of a table whose arms both have subjects."""
    if not table.has_both_outcomes:
        whom = "nobody" if table.events == 0 else "everybody"
        yield (
            f"{whom} has the event: no chi-square or t test, no Wald interval, no odds ratio but the one with 0.5 "
            "added, and exact limits of 0 and infinity; Fisher's p is 1 whatever the arms"
        )
        return
    if not table.has_variance:
        yield "both rates are 0 or 1: no variance, no t test and no Wald interval of the difference"
    elif min(table.n_active, table.n_control) == 1:
        yield "one subject in an arm: no Welch test"
    if not table.counts.all():
        value = "0" if 0 in (table.counts[0, 0], table.counts[1, 1]) else "infinite"
        yield f"a zero cell: no sample odds ratio, the conditional one is {value}"


def _rate(x: int, n: int, name: str) -> dict[str, float]:
    """A rate with Wilson's limits (1927, doi:10.1080/01621459.1927.10502953), NaN without subjects."""
    if n == 0:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), NAN)
    low, high = proportion_confint(x, n, alpha=ALPHA, method="wilson")
    return {name: x / n, f"{name}_low": float(low), f"{name}_high": float(high)}


def chi_square_tests(table: TwoByTwo) -> dict[str, float]:
    """p of Pearson's, Yates's, the likelihood-ratio and the (N - 1)/N chi-square test, one degree of freedom.

    Notes
    -----
    Yates's correction is at most |O - E|, as in R and SciPy. The last is (N - 1)/N times Pearson's statistic: the
    linear-by-linear association of SPSS, and the tie-corrected Mann-Whitney test of 0 and 1. All are NaN where a
    margin is zero.

    References
    ----------
    Yates F. Suppl J R Stat Soc 1934;1:217-235. doi:10.2307/2983604
    """
    names = ("pearson_p", "yates_p", "likelihood_ratio_p", "n_minus_1_p")
    if not table.is_testable:
        return dict.fromkeys(names, NAN)
    pearson = stats.chi2_contingency(table.counts, correction=False)
    others = (
        stats.chi2_contingency(table.counts, correction=True),
        stats.chi2_contingency(table.counts, correction=False, lambda_="log-likelihood"),
    )
    n_minus_1 = stats.chi2.sf(pearson.statistic * (table.n - 1) / table.n, 1)
    p_values = (pearson.pvalue, *(test.pvalue for test in others), n_minus_1)
    return {name: float(p) for name, p in zip(names, p_values, strict=True)}


def fisher_tests(table: TwoByTwo) -> dict[str, float]:
    """p of Fisher's exact test: two-sided (tables as likely as the observed one, or less), greater and less.

    ``fisher_greater_p`` is small where the active arm has more events than by chance.

    References
    ----------
    Fisher RA. J R Stat Soc 1935;98:39-82. doi:10.2307/2342435
    """
    if not table.has_both_arms:
        return dict.fromkeys(("fisher_p", "fisher_greater_p", "fisher_less_p"), NAN)
    sides = {"fisher_p": "two-sided", "fisher_greater_p": "greater", "fisher_less_p": "less"}
    return {name: float(stats.fisher_exact(table.counts, alternative=side)[1]) for name, side in sides.items()}


def t_tests(table: TwoByTwo) -> dict[str, float]:
    """p of Student's and Welch's t test on the values 0 and 1; NaN without variance or with too few subjects.

    Notes
    -----
    Neither is made for rates; they are here because published p-values of rates have been made with them.
    """
    nothing = {"student_t_p": NAN, "welch_t_p": NAN}
    if not (table.has_both_arms and table.has_variance):
        return nothing
    arms: list[float] = []
    for rate, n in zip(table.rates, (table.n_active, table.n_control), strict=True):
        # One subject has no spread of its own: Student's pooled variance gives it no weight.
        arms += [rate, math.sqrt(n / (n - 1) * rate * (1 - rate)) if n > 1 else 0.0, n]
    row = nothing | {"student_t_p": float(stats.ttest_ind_from_stats(*arms, equal_var=True).pvalue)}
    if min(table.n_active, table.n_control) > 1:
        row["welch_t_p"] = float(stats.ttest_ind_from_stats(*arms, equal_var=False).pvalue)
    return row


def risk_difference(table: TwoByTwo) -> dict[str, float]:
    """Difference of the rates with Newcombe's limits (his method 10: from Wilson's) and Wald's, of non-empty arms.

    Wald's limits are NaN where both rates are 0 or 1: they would be as wide as a point.

    References
    ----------
    Newcombe RG. Stat Med 1998;17:873-890. doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
    """
    active, control = table.rates
    counts = (table.x_active, table.n_active, table.x_control, table.n_control)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=ALPHA)
    row = {"risk_difference": active - control, "rd_low": float(low), "rd_high": float(high)}
    half = Z * wald_standard_error(table) if table.has_variance else NAN
    return row | {"rd_wald_low": active - control - half, "rd_wald_high": active - control + half}


def wald_standard_error(table: TwoByTwo) -> float:
    """Standard error of the risk difference, each arm with its own variance; 0 where both rates are 0 or 1."""
    active, control = table.rates
    return math.sqrt(active * (1 - active) / table.n_active + control * (1 - control) / table.n_control)


def odds_ratios(table: TwoByTwo) -> dict[str, float]:
    """The sample odds ratio, the one with 0.5 added to every cell, and the conditional one, of non-empty arms.

    Notes
    -----
    The limits of the first two are Wald's on the logarithm (Woolf); the sample one is NaN with a zero cell. The
    conditional maximum likelihood estimate has Fisher's exact limits; it is 0 or inf with a zero cell, and NaN
    with limits of 0 and inf where nobody or everybody has the event.

    References
    ----------
    Woolf B. Ann Hum Genet 1955;19:251-253. doi:10.1111/j.1469-1809.1955.tb01348.x
    Haldane JBS. Ann Hum Genet 1956;20:309-311. doi:10.1111/j.1469-1809.1955.tb01285.x
    Anscombe FJ. Biometrika 1956;43:461-464. doi:10.1093/biomet/43.3-4.461
    Fisher RA. J R Stat Soc 1935;98:39-82. doi:10.2307/2342435
    """
    sample = woolf(table.counts) if table.counts.all() else (NAN, NAN, NAN)
    conditional = odds_ratio(table.counts, kind="conditional")
    exact = (conditional.statistic, *conditional.confidence_interval(CONFIDENCE))
    named = {"odds_ratio": sample[0], "or_low": sample[1], "or_high": sample[2]}
    for name, (ratio, low, high) in {"or_haldane": woolf(table.counts + 0.5), "or_conditional": exact}.items():
        named |= {name: float(ratio), f"{name}_low": float(low), f"{name}_high": float(high)}
    return named


def woolf(cells: NDArray[np.generic]) -> tuple[float, float, float]:
    """Cross-product ratio of four positive cells, shape (2, 2), with Wald's limits on the logarithm."""
    (a, b), (c, d) = cells.astype(float).tolist()
    half = Z * woolf_standard_error(cells)
    ratio = a * d / (b * c)
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)


def woolf_standard_error(cells: NDArray[np.generic]) -> float:
    """Standard error of the logarithm of the cross-product ratio of four positive cells, shape (2, 2)."""
    return math.sqrt(float((1 / cells.astype(float)).sum()))
