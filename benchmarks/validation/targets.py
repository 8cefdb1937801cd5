"""What the validation is meant to show, and whether it does. A missed target is shown, never a reason to stop."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.gating.targets import OK, SHORT
from benchmarks.validation.calibration import monte_carlo_limit
from benchmarks.validation.hypothesis_tests import TESTS
from benchmarks.validation.markdown import estimate
from benchmarks.validation.recovery import AVERAGE, Bias, Estimate, biases, outcomes_of, share
from benchmarks.validation.results import Results
from benchmarks.validation.small_trials import in_the_middle, mean_over_trials, worst_subset

LEAST_RECOVERED, MOST_POWER_LOST, MOST_BIAS, LEAST_CLEAN = 95.0, 2.0, 5.0, 95.0
JUDGED_VISITS = ("W10", AVERAGE)  # of the bias


@dataclass(frozen=True)
class Verdict:
    """One figure held against its bound.

    Attributes
    ----------
    target, where : str
        Which target, and of what.
    found, bound : Estimate, float
        In percent or percentage points.
    """

    target: str
    where: str
    found: Estimate
    bound: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it reaches the bound; a figure that could not be computed does not."""
        return self.badness <= 0.0

    @property
    def badness(self) -> float:
        """How far the figure is on the wrong side of its bound."""
        if math.isnan(self.found.value):
            return math.inf
        if self.at_least:
            return self.bound - self.found.value
        # Power that is gained is none that is lost; a bias is one in either direction.
        return (abs(self.found.value) if self.target == BIAS else self.found.value) - self.bound

    @property
    def undecided(self) -> bool:
        """Whether the figure's interval reaches to the other side of its bound, or is not known."""
        if math.isnan(self.found.value):
            return False
        ends = [replace(self, found=Estimate(end, math.nan)).badness for end in self.found.interval]
        # A bias whose interval goes from below -5 to above 5 has both ends outside and may be none.
        spans_none = self.target == BIAS and self.found.interval[0] < 0.0 < self.found.interval[1]
        met = {end <= 0.0 for end in ends} | ({True} if spans_none else set())
        return math.isinf(ends[0]) or len(met) > 1

    @property
    def word(self) -> str:
        """What stands beside the figure."""
        return (OK if self.met else f"**{SHORT}**") + (UNDECIDED if self.undecided else "")

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"{'at least' if self.at_least else 'at most'} {self.bound:.1f}"

    @property
    def shown(self) -> str:
        """The figure as it is printed."""
        return estimate(self.found, sign=self.target in SIGNED)


UNDECIDED = ", undecided"
CORE = "core pattern recovered, % of trials"
POWER_MIDDLE = "power lost to gating, of the middle, points"
POWER = "power lost to gating, mean of all cells, points"
POWER_WORST = "power lost to gating, worst subset, points"
BIAS = "bias of the effect, %"
FAMILY_WISE = "trials with any false positive after Holm, %"
CLEAN = "placebo arm clean after Benjamini-Hochberg, % of trials"
SIGNED = (POWER_MIDDLE, POWER, POWER_WORST, BIAS)


def verdicts(results: Results) -> list[Verdict]:
    """Every figure that has a target."""
    return [
        *_shares_of_trials(results),
        *(verdict for rows in power_verdicts(results).values() for verdict in rows.values()),
        *(bias_verdict(one) for one in biases(results.trials) if one.visit in JUDGED_VISITS),
        *_family_wise(results),
    ]


def _shares_of_trials(results: Results) -> Iterator[Verdict]:
    n = len(results.trials)
    least_clean = LEAST_CLEAN - 2.0 * math.sqrt(LEAST_CLEAN * (100.0 - LEAST_CLEAN) / n)
    for target, outcome, bound in ((CORE, "core", LEAST_RECOVERED), (CLEAN, "placebo_bh", least_clean)):
        gated = share([outcomes_of(trial.gated)[outcome] for trial in results.trials])
        truth = share([outcomes_of(trial.truth)[outcome] for trial in results.trials])
        where = f"{n} trials from FCS files, of whose truth {estimate(truth)}"
        yield Verdict(target, where, gated, bound, at_least=True)


def power_verdicts(results: Results) -> dict[tuple[str, int], dict[str, Verdict]]:
    """Test and subjects per arm -> target -> its figure; none of the middle where no cell has such a power."""
    found = {}
    for (test, n), rows in results.power.groupby(["test", "n"], sort=False):
        where, middle, (subset, worst) = f"{TESTS[test].words}, {n} per arm", in_the_middle(rows), worst_subset(rows)
        own = {POWER_MIDDLE: Verdict(POWER_MIDDLE, where, mean_over_trials(middle, "loss"), MOST_POWER_LOST)}
        own = own if len(middle) else {}
        own[POWER] = Verdict(POWER, where, mean_over_trials(rows, "loss"), MOST_POWER_LOST)
        own[POWER_WORST] = Verdict(POWER_WORST, f"{where}, {subset}", worst, MOST_POWER_LOST)
        found[test, n] = own
    return found


def bias_verdict(one: Bias) -> Verdict:
    """The bias of an effect; that of a visit that is not judged is marked all the same."""
    return Verdict(BIAS, f"{one.subset}, {one.visit}, {one.effect}", one.percent, MOST_BIAS)


def _family_wise(results: Results) -> Iterator[Verdict]:
    groups = {
        "trials of counts": results.null_tables,
        "trials of counts, mixed model": results.null_models,
        "trials from FCS files, gated": results.null_files.get("gated", {}),
    }
    for kind, found in groups.items():
        for test, one in found.items():
            words = TESTS[test].words if test in TESTS else test
            where = f"{one.n_trials} {kind}, {words}"
            yield Verdict(FAMILY_WISE, where, one.any["Holm"], monte_carlo_limit(one.n_trials))


def by_target(found: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """Target -> its figures, the worst first."""
    grouped: dict[str, list[Verdict]] = {}
    for one in found:
        grouped.setdefault(one.target, []).append(one)
    return {target: sorted(group, key=lambda one: -one.badness) for target, group in grouped.items()}
