"""docs/validation.md: what is found where there is nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.gating.markdown import rounded, table
from benchmarks.validation.calibration import FalsePositives, chance_to_pass, monte_carlo_limit, rate_seen
from benchmarks.validation.hypothesis_tests import MULTIPLICITY, TESTS
from benchmarks.validation.markdown import estimate, events_words
from benchmarks.validation.results import Results
from benchmarks.validation.study import EVERY_VISIT, PAPERS_EVENTS, PAPERS_SUBJECTS_PER_ARM, PEAKS, SUBSETS, VISITS

HEAD = """\
## Calibration: how often is something found in nothing?

A false positive is a p below 0.05 where the treatment does nothing. "Per test" is the share of single tests, which
should be 5 %. "Any" is the share of trials in which a family has one at least: all five subsets and all visits after
the baseline, one kind of test. Unadjusted ("nominal"), the more tests the more trials have one. Holm's method is meant
to keep that at 5 % or less; Benjamini and Hochberg's controls the share of false among all findings, which comes to
the same where nothing is true. Tests of a trial go together (they share a baseline, and subsets share cells), which
usually makes both methods err on the safe side. Errors count trials, not tests; a share of trials has its exact 95 %
interval (Clopper-Pearson) in brackets.
"""
COUNTS = """\
### Trials of counts

{n} null trials without files: the generator's subjects, visits and counting noise, {subjects} subjects per arm (one of
the active arm leaves after the baseline, as in the paper), all {visits} visits, {events}. They calibrate the
statistics alone, with perfect gates. All tests but the mixed model are computed for all trials at once by
`cytotrial.statistics.methods.batched`; a test holds that to the product's tables. After Holm at most {limit:.1f} % is
within two Monte Carlo errors of 5 %.
"""
MODELS = """\
The mixed model is fitted to the first {n} of these trials by the product itself; at most {limit:.1f} % there.
"""
FILES = """\
### Trials from FCS files

{n} null trials under the profile `null`: the treatment does nothing, and the staining drifts with the visit in both
arms (CD25 1.2 times as bright by week 10, CD127 dimmer, and others), so that gates which follow the stain badly find
changes over time within an arm. The drift is the same in both arms. What is not tested here is a treatment that changes
the brightness of CD25 or CD56 in the active arm alone without changing any number of cells: gates that follow it would
find a difference between the arms where there is none. It would show in the contrasts between the arms of
[accuracy.md](accuracy.md) and in the bias of the effects above, whose he2020 raises CD25 on activated cells and CD56 on
NK cells under treatment, together with the numbers. {subjects} subjects per arm, {visits} visits, families of {family}
tests. "Truth" is the same files counted cell by cell, "expected" the share among {tables} trials of counts of the same
size, whose staining cannot drift.

At most {limit:.1f} % is within two Monte Carlo errors of 5 %. What {n} trials can tell: a true family-wise
rate of 10 % would stay within that bound in {pass_10:.0f} % of such studies, and only one of {seen:.0f} % or more would
exceed it in 95 %.
"""
HEADS = ["tests of the family", "per test %", *(f"any, {method} %" for method in MULTIPLICITY)]


def calibration_section(results: Results) -> Iterator[str]:
    """Null trials of counts, and from FCS files."""
    n = results.size.table_trials
    yield HEAD
    yield COUNTS.format(
        n=n,
        subjects=PAPERS_SUBJECTS_PER_ARM,
        visits=len(EVERY_VISIT),
        events=events_words(PAPERS_EVENTS),
        limit=monte_carlo_limit(n),
    )
    rows = [[TESTS[test].words, *rates(one)] for test, one in results.null_tables.items()]
    yield from (*table(["test", *HEADS], rows), "")
    if results.null_models:
        fitted = next(iter(results.null_models.values())).n_trials
        yield MODELS.format(n=fitted, limit=monte_carlo_limit(fitted))
        rows = [[f"mixed model, {scale}", *rates(one)] for scale, one in results.null_models.items()]
        yield from (*table(["test", *HEADS], rows), "")
    if results.null_trials:
        yield from _files(results)


def _files(results: Results) -> Iterator[str]:
    size, trials = results.size, len(results.null_trials)
    yield FILES.format(
        n=trials,
        subjects=size.null_subjects_per_arm,
        tables=size.table_trials,
        visits=len(VISITS),
        family=len(SUBSETS) * len(PEAKS),
        limit=monte_carlo_limit(trials),
        pass_10=chance_to_pass(0.10, trials),
        seen=rate_seen(trials),
    )
    found: Mapping[str, Mapping[str, FalsePositives]] = {**results.null_files, "expected": results.null_expected}
    rows = [
        [source.words, name, *rates(found[name][test])]
        for test, source in TESTS.items()
        for name in found
        if test in found[name]
    ]
    yield from (*table(["test", "of", *HEADS], rows), "")


def rates(one: FalsePositives) -> list[str]:
    """The cells of a row after its name."""
    return [rounded(one.n_tests, 0), estimate(one.per_test, digits=2), *(estimate(any_) for any_ in one.any.values())]
