"""docs/validation.md: verdicts first, then recovery, calibration and placement, with what every figure means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cytotrial
from benchmarks.gating.markdown import table
from benchmarks.validation.calibration_section import calibration_section
from benchmarks.validation.markdown import events_words
from benchmarks.validation.placement_section import placement_section
from benchmarks.validation.recovery_section import recovery_section
from benchmarks.validation.results import Results
from benchmarks.validation.study import EVERY_VISIT, PAPERS_EVENTS, PAPERS_SUBJECTS_PER_ARM, SUBSETS, VISITS
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

The default sizes are made to run in less than half an hour on two cores. What differs from the paper's size, and which
way that errs:

- **{visits} visits** of {all_visits}, the baseline and those of the pattern. The families have {family} tests instead
  of {whole_family}: Holm's adjustment is less strict on CD4 and CD8, which makes the pattern usually a little rarer
  than in the whole trial (the column "expected" says by how much, where the other sizes are the paper's). A gate that
  is held over a subject's visits has {visits} to hold on to, not {all_visits}: this usually errs against the gates.
- **{events}**; the paper's size has {paper_events}. Counting noise, in the truth too, is {noise} times as great; where
  there are fewer events, valleys are found among fewer cells, which usually errs against the gates. By default the NK
  panel's files are not reduced: CD56bright NK cells are few, and fewer would often be too few to report.
- **{subjects} subjects per arm** in the trials with an effect; the paper's size has {paper}.
- **{null_subjects} subjects per arm** in the null trials from FCS files. False positives do not depend on the number
  of subjects where the gates err at random; an error that all subjects have in common is found more often in a larger
  trial, so fewer subjects usually err in favour of the gates. The bias of the effects and the trend under `null` in
  [accuracy.md](accuracy.md) look at such errors too.
- The laboratory is the default one.
"""
TARGET_NOTE = """\
± is a standard error, Monte Carlo, over trials; a share of trials has its exact 95 % interval (Clopper-Pearson) in
brackets instead. "ok" and "SHORT" go by the figure itself; "undecided" is added where its bound lies within two
standard errors of the figure, or within that interval: another set of seeds could well say the opposite. A bias is
held to its bound in either direction, at W10 and averaged over the visits; power that is gained is none that is lost.
"Of the middle" is power lost where it can be: see [Smaller trials](#smaller-trials). False positives and the clean
placebo arm, which chance alone would move, are held to 5 and 95 % and two Monte Carlo errors of these.
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
        visits=len(VISITS),
        all_visits=len(EVERY_VISIT),
        family=len(SUBSETS) * (len(VISITS) - 1),
        whole_family=len(SUBSETS) * (len(EVERY_VISIT) - 1),
        events=events_words(size.events),
        paper_events=events_words(PAPERS_EVENTS),
        noise=" and ".join(f"{(a / b) ** 0.5:.2f}" for a, b in zip(PAPERS_EVENTS, size.events, strict=True)),
        null_subjects=size.null_subjects_per_arm,
        subjects=size.subjects_per_arm,
        paper=PAPERS_SUBJECTS_PER_ARM,
    )
    for section in SECTIONS:
        yield from section(results)


def _targets(held: Sequence[Verdict]) -> Iterator[str]:
    n_met = sum(one.met for one in held)
    n_open = sum(one.undecided for one in held)
    yield f"## Targets\n\n{n_met} of {len(held)} figures reach their target; {n_open} of all are undecided.\n"
    yield "Of each target the worst figure:\n"
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
    short = [[one.target, one.where, one.shown, one.wanted, one.word] for one in held if not one.met]
    if short:
        yield from ("These are SHORT:", "", *table(["target", "of", "found", "wanted", ""], short), "")
    yield TARGET_NOTE


def _trials(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} trial{'' if len(seeds) == 1 else 's'}"


def _seeds(seeds: Sequence[int]) -> str:
    runs = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if runs else ", ".join(map(str, seeds)) or "none"
