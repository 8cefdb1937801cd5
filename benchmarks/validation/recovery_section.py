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
from benchmarks.validation.small_trials import DRAWS, MIDDLE, SUBJECTS, in_the_middle, worst_cell, worst_subset
from benchmarks.validation.study import (
    EVERY_VISIT,
    PAPERS_EVENTS,
    PAPERS_SUBJECTS_PER_ARM,
    PEAKS,
    SUBSETS,
    WITH_EFFECT,
    WITHOUT_EFFECT,
)
from benchmarks.validation.targets import (
    MOST_BIAS,
    MOST_POWER_LOST,
    POWER,
    POWER_MIDDLE,
    POWER_WORST,
    bias_verdict,
    power_verdicts,
)

PATTERN = """\
## Recovery: is the paper's pattern found?

Each trial has an active arm in which Treg, NK cells and CD56bright NK cells rise, and CD4 and CD8 T cells do not. The
pattern is that of the paper's reading: paired t tests against the baseline within the arm, primary denominators.
"Truth" is the same verb, `cytotrial statistics`, on what the same files really hold, cell by cell: where truth fails
too, chance or the trial's size did it, not the gates. "Expected" is that share among {n} trials of counts with
perfect gates ([Trials of counts](#trials-of-counts)), with {subjects} subjects per arm and the visits simulated here;
"expected, paper's size" with {paper} per arm, all {all_visits} visits and {events}. In brackets stand exact 95 %
intervals.

CD4 and CD8 are tested {flat} times. Without adjustment each of these tests has its 5 % of false positives: of the
paper's size, a perfect laboratory finds that version of the pattern in {nominal:.0f} % of the trials, and {core:.0f} %
where CD4 and CD8 may have no finding after Holm, the adjustment that the product reports. The target asks for the
latter. The family is here of {family} tests, of which {real} are of real effects: where all these are found, Holm's
method is left with a factor of only {flat} for CD4 and CD8. In a whole trial the family is of {whole_family} and the
adjustment stricter.
"""
SEEDS = """\
Trial by trial, gated / truth. Not reported: percentages (of five a visit and subject) that the gates did not give.
"""
FULL_SIZE = """\
### Power

Share of the {n} trials with p < 0.05, in percent, gated / truth. With {subjects} subjects per arm the true power over
all tests and cells with an effect is {power:.0f} % on average; the nearer to 100, the less this table can show what
gates cost. Of CD4 and CD8, which have no effect, it shows false positives.
"""
SMALL = """\
#### Smaller trials

So the same subjects are made into smaller trials: {draws} draws of {sizes} subjects per arm (those numbers of which
each simulated trial has enough), without replacement, the same subjects for gated and truth. They are drawn within a
trial, because its subjects share instrument days, lots and the agreement of the gates; drawn from all trials together,
errors that they have in common would be turned into noise, and the tests would look safer than they are. The main
figure is "of the middle": only cells whose true power is {low:g} to {high:g} %, where a gate can make a difference.
Beside it stand the mean over the {cells} cells that have an effect ({subsets} subsets, {visits} visits), which cells
that nothing can change make smaller, and the worst subset, the mean over its visits. All three are held to {bound:g}
points, as their "ok" or "SHORT" says. Errors are over the simulated trials. The worst subset and the worst cell are
the largest of several and so above their due by chance. A loss below zero is power gained: gates that see an effect
larger than it is, or more alike between subjects.
"""
BIAS = """\
### Bias of the effect

Mean change in the active arm, and difference between the arms' mean changes, in percentage points; the bias is 100 x
(gated - truth) / truth of the means over all trials. Every visit is held to {bound:g} %, but the target at the head of
the page counts only W10 and the mean over the visits. Gates that stand a little high or low in every sample usually do
not bias a change by as much as a level; gates that follow the cells (a Treg gate that moves up as CD25 rises under
treatment) do.
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
    yield PATTERN.format(
        n=size.table_trials,
        subjects=size.subjects_per_arm,
        paper=PAPERS_SUBJECTS_PER_ARM,
        all_visits=len(EVERY_VISIT),
        events=events_words(PAPERS_EVENTS),
        flat=len(WITHOUT_EFFECT) * len(PEAKS),
        nominal=results.expected["paper"]["core_nominal"].value,
        core=results.expected["paper"]["core"].value,
        family=len(SUBSETS) * len(PEAKS),
        real=len(WITH_EFFECT) * len(PEAKS),
        whole_family=len(SUBSETS) * (len(EVERY_VISIT) - 1),
    )
    yield from _pattern(results)
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
    real = [SUBSETS.index(subset) for subset in WITH_EFFECT]
    truth = float(np.mean([one["truth"][real] for one in power.values()]))
    yield FULL_SIZE.format(n=len(results.trials), subjects=results.size.subjects_per_arm, power=truth)
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
    yield SMALL.format(
        draws=DRAWS,
        sizes=", ".join(map(str, SUBJECTS)),
        low=MIDDLE[0],
        high=MIDDLE[1],
        subsets=len(WITH_EFFECT),
        visits=len(PEAKS),
        cells=len(WITH_EFFECT) * len(PEAKS),
        bound=MOST_POWER_LOST,
    )
    rows, held = [], power_verdicts(results)
    for (test, n), own in results.power.groupby(["test", "n"], sort=False):
        verdict = {target: f"{one.shown} {one.word}" for target, one in held[test, n].items()}
        n_middle = len(in_the_middle(own)[["subset", "visit"]].drop_duplicates())
        worst = worst_subset(own)[0]
        subset, visit, cell = worst_cell(own)
        rows.append(
            [
                TESTS[test].words,
                str(n),
                *(rounded(float(own[name].mean()), 1) for name in ("truth", "gated")),
                f"{verdict.get(POWER_MIDDLE, '-')} ({n_middle} cells)",
                verdict[POWER],
                f"{verdict[POWER_WORST]} ({worst})",
                f"{estimate(cell, sign=True)} ({subset}, {visit})",
            ]
        )
    lost = ["**lost, points: of the middle**", "mean of all cells", "worst subset", "worst cell"]
    yield from (*table(["test", "subjects per arm", "power truth %", "gated %", *lost], rows), "")


def bias_table(results: Results) -> Iterator[str]:
    """The effects as gated and in truth."""
    rows = []
    for one in biases(results.trials):
        verdict = bias_verdict(one)
        effects = (rounded(value, 2, sign=True) for value in (one.truth, one.gated))
        kind = "within the active arm" if one.effect == "active" else "between the arms"
        rows.append([one.subset, kind, one.visit, *effects, f"{verdict.shown} {verdict.word}"])
    yield from (
        BIAS.format(bound=MOST_BIAS),
        *table(["subset", "effect", "visit", "truth", "gated", "bias %"], rows),
        "",
    )


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
        values = {
            "gating_subject_sd": one.subject_sd,
            "gating_sd": one.sample_sd,
            "gating_effect_bias": one.effect_bias,
        }
        numbers = [f"{name}: {np.round(value, 4) + 0.0:g}" for name, value in values.items() if not np.isnan(value)]
        missing = [name for name, value in values.items() if np.isnan(value)]
        why = f"  # {', '.join(missing)} could not be measured: {one.note or 'too few samples'}" if missing else ""
        yield f"  {subset}: {{{', '.join(numbers)}}}{why}"
