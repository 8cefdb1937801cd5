"""docs/validation.md: verdicts first, then recovery, calibration and placement, with what every figure means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cytotrial
from benchmarks.gating.markdown import table
from benchmarks.validation.calibration_section import calibration_section
from benchmarks.validation.markdown import events_words, thousands
from benchmarks.validation.placement_section import placement_section
from benchmarks.validation.recovery_section import recovery_section
from benchmarks.validation.results import Results
from benchmarks.validation.study import PAPERS_EVENTS, VISITS, Size
from benchmarks.validation.targets import Verdict, by_target, verdicts
from cytotrial.simulate.fcs.keywords import MODEL

HEAD = """\
# How sure are we? SYNTHETIC trials

Every figure on this page is of SYNTHETIC trials, made by `cytotrial simulate` ([simulation.md](simulation.md) says
how), whose truth is known cell by cell. It shows what the whole way from FCS files to p-values finds of an effect that
is there, and how often it finds what is not there. It shows nothing about real blood.

`make validate` writes this page (`python -m benchmarks.validation --out docs/validation.md`); nothing on it is edited
by hand. FCS files are written and read again, gates placed, agreed and applied, percentages tabulated and tested by
the workflow's own verbs.

- cytotrial {version}, {model}, the strategies of `config/gating`, primary denominators, analysis set `mitt`
- recovery: {trials} of he2020 under `clinic`, seeds {seeds}, on which nothing was tuned; {subjects} subjects per arm
- calibration: {table_trials} null trials of counts; {nulls} from FCS files under `null`, seeds {null_seeds},
  {null_subjects} subjects per arm
- visits {visits}; {events}
"""
REDUCED = """\
## What is smaller than in a real trial

The whole is made to run in less than half an hour on two cores. What was reduced, and which way that errs:

- **Four visits** of ten, the baseline and those of the pattern. The families have 15 tests instead of 45: Holm's
  adjustment is less strict on CD4 and CD8, so the pattern is recovered a little less often than in the whole trial
  (the column "expected" against "expected, paper's size"). A gate that is held over a subject's visits has four to
  hold on to, not ten: this errs against the gates.
- **{events} events in a file of the Treg panel** instead of 60 000. Counting noise is greater by a factor of
  {noise:.2f}, in the truth too, and valleys are found among fewer cells: this errs against the gates. The NK panel's
  files have {other}, for CD56bright NK cells are few: among half as many events one value in thirty would have
  fewer than the 20 cells below which nothing is reported.
- **{null_subjects} subjects per arm** in the null trials from FCS files. False positives do not depend on the number
  of subjects where the gates err at random; an error that all subjects have in common is found more often in a larger
  trial, so this errs in favour of the gates. The bias of the effects above and the trend under `null` in
  [accuracy.md](accuracy.md) look at such errors with more subjects.
- Not reduced: the trials with an effect have {subjects} subjects per arm{paper}; the laboratory is the default one.
"""
TARGET_NOTE = """\
± is a standard error: Monte Carlo, over trials; that of a share of x among n trials is of (x + 0.5) / (n + 1), so that
none and all have one too. A bias is held to its bound in either direction; power that is gained is none that is lost.
False positives and the clean placebo arm, which chance alone would move, are held to 5 and 95 % and two Monte Carlo
errors of these.
"""
SECTIONS: Sequence[Callable[[Results], Iterator[str]]] = (recovery_section, calibration_section, placement_section)


def document(results: Results) -> str:
    """The whole page."""
    return "\n".join(_lines(results))


def _lines(results: Results) -> Iterator[str]:
    size = results.size
    yield HEAD.format(
        version=cytotrial.__version__,
        model=MODEL,
        trials=_trials(size.seeds),
        seeds=_seeds(size.seeds),
        subjects=size.subjects_per_arm,
        table_trials=size.table_trials,
        nulls=_trials(size.null_seeds),
        null_seeds=_seeds(size.null_seeds),
        null_subjects=size.null_subjects_per_arm,
        visits=" ".join(VISITS),
        events=events_words(size.events),
    )
    yield from _targets(verdicts(results))
    yield REDUCED.format(
        events=thousands(size.events[0]),
        other=thousands(size.events[1]),
        noise=(PAPERS_EVENTS[0] / size.events[0]) ** 0.5,
        null_subjects=size.null_subjects_per_arm,
        subjects=size.subjects_per_arm,
        paper=", as the paper's" if size.subjects_per_arm == Size().subjects_per_arm else "",
    )
    for section in SECTIONS:
        yield from section(results)


def _targets(held: Sequence[Verdict]) -> Iterator[str]:
    n_met = sum(one.met for one in held)
    yield f"## Targets\n\n{n_met} of {len(held)} figures reach their target. Of each target the worst figure:\n"
    rows = [
        [
            target,
            f"{sum(one.met for one in group)} of {len(group)}",
            group[0].shown,
            group[0].where,
            group[0].wanted,
            group[0].word,
        ]
        for target, group in by_target(held).items()
    ]
    yield from (*table(["target", "reached", "worst figure", "of", "wanted", ""], rows), "")
    short = [[one.target, one.where, one.shown, one.wanted] for one in held if not one.met]
    if short:
        yield from ("These are SHORT:", "", *table(["target", "of", "found", "wanted"], short), "")
    yield TARGET_NOTE


def _trials(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} trial{'' if len(seeds) == 1 else 's'}"


def _seeds(seeds: Sequence[int]) -> str:
    runs = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if runs else ", ".join(map(str, seeds)) or "none"
