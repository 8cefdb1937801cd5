"""The primary tests of one version that nothing was changed in are those of the published tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cytotrial.columns import SUBSETS
from cytotrial.statistics.members import members
from cytotrial.statistics.observations import counting_rows, usable_values
from cytotrial.statistics.survival.percentages import counted_samples
from cytotrial.statistics.survival.primary import primary_questions, published_answers
from cytotrial.statistics.survival.retests import retested
from cytotrial.statistics.tables.ancova import ancova
from cytotrial.statistics.tables.between import between_arms
from cytotrial.statistics.tables.change import change_from_baseline


def table_of(rng, subjects, plan, *, n_subjects, missing):
    rows = []
    for name in subjects["subject_id"][:n_subjects]:
        for visit in plan.visits:
            for subset in plan.subsets:
                for denominator in subset.denominators:
                    for replicate in range(1 + (rng.random() < 0.1)):
                        total = int(rng.integers(900, 1100))  # of NK cells, all 0, the logits tell nothing else
                        inside = int(rng.integers(0, 30)) if subset.id == "treg" else 0
                        rows.append(
                            dict.fromkeys(SUBSETS.columns)
                            | {"sample_id": f"{name}{visit}{replicate}", "subject_id": name, "visit": visit}
                            | {"subset": subset.id, "denominator": denominator, "percent": inside / 10}
                            | {"numerator_n": inside, "denominator_n": total if rng.random() > 0.1 else None}
                            | {"qc_flag": "not_reported" if rng.random() < missing else "ok"}
                        )
    return pd.DataFrame(rows, columns=list(SUBSETS.columns))


@pytest.mark.parametrize(("n_subjects", "missing"), [(40, 0.0), (40, 0.3), (3, 0.0), (5, 0.7), (0, 0.0)])
def test_one_version_is_what_was_published(plan, n_subjects, missing):
    rng = np.random.default_rng(n_subjects)
    names = [f"S{number:02d}" for number in range(40)]
    subjects = pd.DataFrame({"subject_id": names, "arm": [plan.arms[i % 2] for i in range(40)], "pp": True})
    subjects = subjects.assign(mitt=rng.random(40) < 0.9)
    table = table_of(rng, subjects, plan, n_subjects=n_subjects, missing=missing)
    observations = usable_values(table, subjects, plan)
    tables = {
        "change_from_baseline": change_from_baseline(observations, subjects, plan),
        "between_arms": between_arms(observations, subjects, plan),
        "ancova": ancova(observations, subjects, plan),
    }
    published = published_answers(tables)
    rows = {arm: np.flatnonzero(subjects["subject_id"].isin(members(subjects, analysis_set="mitt", arm=arm)))
            for arm in plan.arms}  # fmt: skip
    samples = {subset: one for subset, _, one in counted_samples(counting_rows(table, plan), subjects, plan)}
    for question in primary_questions(plan):
        found = retested(samples[question.subset].as_they_are(), rows, plan)[question.test, question.arm]
        visit = plan.post_baseline.index(question.visit)
        told = [values[0, visit] for values in (found.estimate, found.direction, found.p_value)]
        one = published[question]
        expected = [one.estimate, one.direction, one.p_value]
        assert told == pytest.approx(expected, rel=1e-9, abs=1e-13, nan_ok=True), question


def test_without_two_arms_there_are_only_changes(plan, subjects):
    alone = replace(plan, control=())
    table = table_of(np.random.default_rng(1), subjects, alone, n_subjects=6, missing=0.0)
    (_, _, samples), _ = counted_samples(counting_rows(table, alone), subjects, alone)
    rows = {arm: np.array([0, 1, 2]) for arm in alone.arms}
    answers = retested(samples.as_they_are(np.ones((4, len(samples.sample_ids)), dtype=bool)), rows, alone)
    assert set(answers) == {("change_from_baseline", "IL2"), ("change_from_baseline", "PBO")}
    assert answers["change_from_baseline", "IL2"].p_value.shape == (4, 2)
