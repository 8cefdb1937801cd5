"""docs/validation.md: what is found of an effect that is there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gating.markdown import rounded, table
from benchmarks.validation.hypothesis_tests import TESTS
from benchmarks.validation.markdown import estimate, events_words, yes
from benchmarks.validation.recovery import (
    OUTCOMES,
    biases,
    outcomes_of,
    power_at_full_size,
    seeds_table,
    share,
)
from benchmarks.validation.results import Results
from benchmarks.validation.small_trials import DRAWS, MIDDLE, in_the_middle, mean_over_trials, worst_cell
from benchmarks.validation.study import PAPERS_SUBJECTS_PER_ARM, PEAKS, SUBSETS
from benchmarks.validation.targets import JUDGED_VISITS, MOST_BIAS, power_verdicts

PATTERN = """\
## Recovery: is the paper's pattern found?

Each trial has an active arm in which Treg, NK cells and CD56bright NK cells rise, and CD4 and CD8 T cells do not. The
pattern is that of the paper's reading: paired t tests against the baseline within the arm, primary denominators.
"Truth" is the same verb, `cytotrial statistics`, on what the same files really hold, cell by cell: where truth fails
too, chance or the trial's size did it, not the gates. "Expected" is that share among {n} trials of counts with
perfect gates ([Trials of counts](#trials-of-counts)), with {subjects} subjects per arm and the visits simulated here;
"expected, paper's size" with {paper} per arm, all ten visits and 60 000 events a tube.

CD4 and CD8 are tested six times. Without adjustment each of these tests has its 5 % of false positives, so a perfect
laboratory fails that version of the pattern in one trial of seven; the target asks for no finding after Holm, the
adjustment that the product reports. The family is then of 15 tests (three visits are simulated), of which nine are of
real effects: Holm's method is left with a factor of only six for CD4 and CD8. In a whole trial the family is of 45 and
the adjustment stricter.
"""
SEEDS = """\
Trial by trial, gated / truth. Not reported: percentages (of five a visit and subject) that the gates did not give.
"""
POWER = """\
### Power

Share of the {n} trials with p < 0.05, in percent, gated / truth. With 30 per arm effects of this size are
hardly ever missed, so this table cannot show what gates cost; of CD4 and CD8, which have none, it shows false
positives.
"""
SMALL = """\
#### Smaller trials

So the same subjects are made into smaller trials: {draws} draws of 6, 8, 10 and 15 subjects per arm from each
simulated trial, without replacement, the same subjects for gated and truth. They are drawn within a trial, because its
subjects share instrument days, lots and the agreement of the gates; drawn from all trials together, errors that they
have in common would be turned into noise, and the tests would look safer than they are. Means are over the nine cells
that have an effect (three subsets, three visits); "of the middle" counts only cells whose true power is {low:g} to
{high:g} %, where a gate can make a difference. Errors are over the simulated trials. The worst cell is the largest of
nine and so above its due by chance. A loss below zero is power gained: gates that see an effect larger than it is, or
more alike between subjects.
"""
BIAS = """\
### Bias of the effect

Mean change in the active arm, and difference between the arms' mean changes, in percentage points; the bias is
100 x (gated - truth) / truth of the means over all trials. The target is on W10 and on the mean over the three visits.
Gates that stand a little high or low in every sample do not bias a change by as much as a level; gates that follow
the cells (a Treg gate that moves up as CD25 rises under treatment) do.
"""
ERROR = """\
### The gating error

What gating adds to the logit of each percentage, measured - true, over all subjects and visits of these trials. Bias
is the same for all and no part of any change; what is a subject's own cancels in changes; what is a sample's own does
not, and costs power; the relative bias of an effect is the share of a true change that gating adds to it.
`cytotrial plan` computes with these figures, `planning/data/gating_error.yaml`:
"""
SHORT_OUTCOMES = {
    "up": "up",
    "core": "core",
    "core_nominal": "core, nominal",
    "placebo_bh": "placebo, BH",
    "placebo_holm": "placebo, Holm",
}


def recovery_section(results: Results) -> Iterator[str]:
    """Pattern, power, bias and gating error."""
    size = results.size
    yield PATTERN.format(n=size.table_trials, subjects=size.subjects_per_arm, paper=PAPERS_SUBJECTS_PER_ARM)
    yield from _pattern(results)
    yield POWER.format(n=len(results.trials))
    yield from _full_size(results)
    yield from small_trials(results)
    yield from bias_table(results)
    yield from error_table(results)


def _pattern(results: Results) -> Iterator[str]:
    found = {name: [outcomes_of(trial.readings[name]) for trial in results.trials] for name in ("gated", "truth")}
    rows = [
        [
            SHORT_OUTCOMES[outcome],
            words,
            *(estimate(share([one[outcome] for one in found[name]])) for name in ("gated", "truth")),
            *(estimate(results.expected[name][outcome]) for name in ("here", "paper")),
        ]
        for outcome, words in OUTCOMES.items()
    ]
    heads = ["", "% of the trials with", "gated", "truth", "expected", "expected, paper's size"]
    yield from (*table(heads, rows), "", SEEDS)
    seeds = seeds_table(results.trials)
    rows = [
        [
            str(row["seed"]),
            str(row["files"]),
            str(row["not_reported"]),
            *(f"{yes(row[f'{outcome}_gated'])} / {yes(row[f'{outcome}_truth'])}" for outcome in OUTCOMES),
        ]
        for row in seeds.to_dict("records")
    ]
    yield from (*table(["seed", "files", "not reported", *SHORT_OUTCOMES.values()], rows), "")


def _full_size(results: Results) -> Iterator[str]:
    tests = [test for test in results.trials[0].truth.p if test != "paired_t_control"]
    power = {test: power_at_full_size(results.trials, test) for test in tests}
    rows = [
        [
            subset,
            visit,
            *(" / ".join(rounded(power[test][name][i, j], 0) for name in ("gated", "truth")) for test in tests),
        ]
        for i, subset in enumerate(SUBSETS)
        for j, visit in enumerate(PEAKS)
    ]
    yield from (*table(["subset", "visit", *(TESTS[test].words for test in tests)], rows), "")


def small_trials(results: Results) -> Iterator[str]:
    """Power of smaller trials, and what the gates take from it."""
    yield SMALL.format(draws=DRAWS, low=MIDDLE[0], high=MIDDLE[1])
    rows = []
    groups = results.power.groupby(["test", "n"], sort=False)
    for ((test, n), own), verdict in zip(groups, power_verdicts(results), strict=True):
        middle = in_the_middle(own)
        subset, visit, worst = worst_cell(own)
        n_middle = len(middle[["subset", "visit"]].drop_duplicates())
        rows.append(
            [
                TESTS[test].words,
                str(n),
                *(rounded(float(own[name].mean()), 1) for name in ("truth", "gated")),
                f"{verdict.shown} {verdict.word}",
                f"{estimate(mean_over_trials(middle, 'loss'), sign=True)} ({n_middle} cells)",
                f"{estimate(worst, sign=True)} ({subset}, {visit})",
            ]
        )
    heads = ["test", "subjects per arm", "power truth %", "gated %", "lost, points", "of the middle", "worst cell"]
    yield from (*table(heads, rows), "")


def bias_table(results: Results) -> Iterator[str]:
    """The effects as gated and in truth."""
    rows = []
    for one in biases(results.trials):
        judged = one.visit in JUDGED_VISITS
        word = ("ok" if abs(one.percent.value) <= MOST_BIAS else "**SHORT**") if judged else ""
        effects = (rounded(value, 2, sign=True) for value in (one.truth, one.gated))
        kind = "within the active arm" if one.effect == "active" else "between the arms"
        rows.append([one.subset, kind, one.visit, *effects, f"{estimate(one.percent, sign=True)} {word}".strip()])
    yield from (BIAS, *table(["subset", "effect", "visit", "truth", "gated", "bias %"], rows), "")


def error_table(results: Results) -> Iterator[str]:
    """Gating error on the logit scale, as a table and as the planning's own file."""
    rows = [
        [
            subset,
            str(one.n_subjects),
            str(one.n_samples),
            *(rounded(value, 4, sign=value is one.bias) for value in (one.bias, one.subject_sd, one.sample_sd)),
            f"{rounded(one.effect_bias, 3, sign=True)} ± {rounded(one.effect_bias_se, 3)}",
        ]
        for subset, one in results.gating_error.items()
    ]
    heads = ["subset", "subjects", "samples", "bias", "SD of a subject", "SD of a sample", "bias of an effect"]
    yield from (ERROR, *table(heads, rows), "", "```yaml", *yaml_lines(results), "```", "")


def yaml_lines(results: Results) -> Iterator[str]:
    """``planning/data/gating_error.yaml``."""
    size = results.size
    seeds = f"{min(size.seeds)} to {max(size.seeds)}" if len(size.seeds) > 1 else str(size.seeds[0])
    measured = f"make validate: he2020 under clinic, seeds {seeds}, {events_words(size.events)}; docs/validation.md"
    yield f'measured_by: "{measured}"'
    yield "subsets:"
    for subset, one in results.gating_error.items():
        numbers = (
            f"{name}: {np.round(value, 4) + 0.0:g}" if value == value else f"{name}: 0"
            for name, value in (
                ("gating_subject_sd", one.subject_sd),
                ("gating_sd", one.sample_sd),
                ("gating_effect_bias", one.effect_bias),
            )
        )
        yield f"  {subset}: {{{', '.join(numbers)}}}"
