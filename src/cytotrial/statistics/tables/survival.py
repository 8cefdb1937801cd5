"""Does the conclusion survive? Every primary result under other choices, and with the gates a little elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.survival.moved import MovedGates
from cytotrial.statistics.survival.primary import Answer, Question, primary_questions, published_answers
from cytotrial.statistics.survival.variations import Retests, Variation, published_variations
from cytotrial.statistics.survival.verdicts import holds, judged, judged_together
from cytotrial.statistics_columns import ALL, GATE, GATES_APART, GATES_NOT_TRIED

Rows = list[dict[str, Any]]
WITHOUT_MOVES = f"{GATES_NOT_TRIED}: no counts at moved limits were given"
NONE_MOVED = f"{GATES_NOT_TRIED}: no gate limit of this subset was moved"
NONE_JUDGED = f"{GATES_NOT_TRIED}: no moved gate limit of this subset could be judged"

METHOD = Method(
    title="Sensitivity of the conclusions",
    text="""Of every subset under its primary denominator, in the primary analysis set and at every post-baseline visit,
    the paired t test within each arm, the Mann-Whitney test of the changes between the arms and the analysis of
    covariance on the logit scale were made again under other choices: the subset's other denominators; the other
    analysis sets; values below the limit of quantification left out. A result that
    was significant (p < 0.05, nominal) held where the sign was the same and p < 0.05 again; one that was not
    significant held where p was 0.05 or more again. A conclusion that one such choice ended was called fragile, and
    failed where it was lost in more than half of several; under other denominators, which ask another question, it was
    fragile at worst. The mixed models were not fitted again.""",
    libraries=("numpy", "scipy"),
)
_MOVED = """The uncertainty of a gate limit's place was the standard deviation that the chance of which events were
    acquired gives it; a gate's whole error is larger. Each limit that a subset or its denominator hangs on was moved,
    one at a time, by one and by two of these standard deviations down and up, in all samples together, each by its
    own, and the same tests were made of the events that were then counted. A conclusion that did not hold with a limit
    moved by one standard deviation was called failed, by two fragile."""
_SIMULATED = """Besides, all limits of all samples were moved at random and independently of each other, by normally
    distributed multiples of their standard deviations ({simulations} simulations, seed {seed}); counts were
    interpolated between whole multiples up to three, and the effects of several limits on one count were added. A
    conclusion held where it held in 95 % of these simulations."""
_UNTRIED = """Samples whose limits have no known uncertainty stayed as they were; a difference between the arms was not
    judged with a limit moved in one arm alone. At moved counts values were not judged again by the reporting rules.
    An error that the samples of one instrument day share was not tried."""


def moved_method(moved: MovedGates) -> Method:
    """What a methods section says of the moved gates, with the number of simulations and their seed."""
    simulated = _SIMULATED.format(simulations=moved.simulations, seed=moved.seed) if moved.simulations else ""
    return Method(
        title="Sensitivity to the places of the gates",
        text=" ".join([_MOVED, simulated, _UNTRIED]),
        libraries=("numpy", "scipy"),
    )


def survival(
    tables: Mapping[str, Rows],
    subsets: pd.DataFrame,
    subjects: pd.DataFrame,
    plan: AnalysisPlan,
    moved: MovedGates | None = None,
) -> tuple[Rows, Rows]:
    """A row for every primary result and variation, and one for every single analysis that was tried of it.

    Parameters
    ----------
    tables : mapping
        ``change_from_baseline``, ``between_arms`` and ``ancova`` as published.
    subsets : DataFrame
        The columns of ``subsets.tsv``.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set.
    moved : MovedGates, optional
        What was counted with gate limits moved; without it no gate is.

    Returns
    -------
    survival, survival_analyses : list of dict
        The columns of `cytotrial.statistics_columns.SURVIVAL` and of `SURVIVAL_ANALYSES`; percentage points, logits.

    Raises
    ------
    CytotrialError
        A mistake in the moved counts, or counts that are not those of `subsets`.
    """
    answers = published_answers(tables)
    retests = Retests.of(subsets, subjects, plan, moved)
    rows: Rows = []
    analyses: Rows = []
    for question in primary_questions(plan):
        primary = answers[question]
        variations = [*published_variations(question, answers, plan), *retests.variations(question)]
        about = WITHOUT_MOVES if moved is None else retests.moved_words(question)
        rows += _summary_rows(question, primary, variations, about)
        for variation in variations:
            if variation.name != GATES_APART:
                analyses += _single_rows(question, primary, variation)
    return rows, analyses


def _summary_rows(question: Question, primary: Answer, variations: Sequence[Variation], about: str) -> Rows:
    answer = {"estimate": primary.estimate, "p_value": primary.p_value, "is_significant": primary.is_significant}
    judgements = [judged(primary, variation) for variation in variations]
    together = judged_together(primary, variations, judgements)
    together["note"] = about if about == WITHOUT_MOVES else _untried(variations, judgements) or about
    names = [(variation.name, variation.gate) for variation in variations]
    rows = []
    for (name, gate), judgement in zip([*names, (ALL, None)], [*judgements, together], strict=True):
        note = judgement["note"]
        if math.isnan(primary.p_value):
            note = f"the primary result has no p-value: {primary.note}"
        rows.append(question._asdict() | {"variation": name, "gate": gate} | answer | judgement | {"note": note})
    return rows


def _untried(variations: Sequence[Variation], judgements: Sequence[Mapping[str, Any]]) -> str:
    """Why no gate limit was judged; nothing where one was."""
    verdicts = [row["verdict"] for one, row in zip(variations, judgements, strict=True) if one.name == GATE]
    if any(verdict is not None for verdict in verdicts):
        return ""
    are_moved = any(one.tried or one.is_one_sided for one in variations if one.name == GATE)
    return NONE_JUDGED if are_moved else NONE_MOVED


def _single_rows(question: Question, primary: Answer, variation: Variation) -> Rows:
    key = question._asdict() | {"variation": variation.name, "gate": variation.gate}
    return [
        key
        | {
            "analysis": one.label,
            "estimate": one.answer.estimate,
            "p_value": one.answer.p_value,
            "holds": holds(primary, one.answer),
            "note": one.answer.note if math.isnan(one.answer.p_value) else "",
        }
        for one in variation.tried
    ]
