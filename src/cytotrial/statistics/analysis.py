"""The whole analysis: percentages, subjects and outcomes in, every table and what a methods section says of it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cytotrial.statistics import arm_models, carried_forward
from cytotrial.statistics.endpoints import endpoint_values
from cytotrial.statistics.members import log_members
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.observations import usable_values
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.tables import (
    ancova,
    availability,
    between,
    categorical,
    change,
    continuous,
    families,
    gatekeeping,
    missing_values,
    mixed_model,
    paired_endpoints,
    relative_change,
    relative_difference,
    schedule_contrasts,
)

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Analysis:
    """Every table by its name, without those of what the trial does not have empty; and what was done, in words."""

    tables: Mapping[str, Rows]
    methods: tuple[Method, ...]


def analyse(
    subsets: pd.DataFrame,
    subjects: pd.DataFrame,
    outcomes: pd.DataFrame,
    plan: AnalysisPlan,
    *,
    subsets_source: str = "subsets.tsv",
    outcomes_source: str = "outcomes.tsv",
) -> Analysis:
    """Make every table of the statistics.

    Parameters
    ----------
    subsets : DataFrame
        The columns of ``subsets.tsv``.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set; also ``safety`` where the sheet has it.
    outcomes : DataFrame
        ``subject_id visit endpoint value``, value NaN where it is missing; no rows where there is no sheet.
    subsets_source, outcomes_source : str
        The files' names, for the messages.

    Raises
    ------
    CytotrialError
        A mistake in one of the tables.
    """
    observations = usable_values(subsets, subjects, plan, source=subsets_source)
    log_members(subjects, plan, observations["subject_id"])
    endpoints = endpoint_values(outcomes, subjects, plan, source=outcomes_source)
    models = arm_models.fit_models(observations, subjects, plan)
    tables: dict[str, Rows] = {
        "change_from_baseline": change.change_from_baseline(observations, subjects, plan),
        "between_arms": between.between_arms(observations, subjects, plan),
        "relative_change": relative_change.relative_change(observations, subjects, plan),
        "relative_difference": relative_difference.relative_difference(observations, subjects, plan),
        "ancova": ancova.ancova(observations, subjects, plan),
        "mixed_model": mixed_model.mixed_model(models, plan),
        "mixed_model_fit": mixed_model.mixed_model_fit(models, plan),
        "schedule_contrasts": schedule_contrasts.schedule_contrasts(observations, subjects, plan, models.fitted),
        "categorical": categorical.categorical(endpoints, subjects, plan),
        "mcnemar": paired_endpoints.paired_endpoints(endpoints, subjects, plan),
        "continuous": continuous.continuous(endpoints, subjects, plan),
        "missing_values": missing_values.missing_values(subsets, subjects, plan),
    }
    tables["families"] = families.families(tables, plan)
    tables["gatekeeping"] = gatekeeping.gatekeeping(tables["categorical"], tables["continuous"], plan)
    tables["availability"] = availability.availability(tables["missing_values"], subjects, plan)
    if plan.is_locf_asked:  # after the families: a sensitivity analysis is in none of them
        carried = carried_forward.carried_forward(observations, subjects, plan)
        tables["change_from_baseline"] += change.change_from_baseline(*carried)
        tables["between_arms"] += between.between_arms(*carried)
    return Analysis(tables, _methods(tables, plan))


def _methods(tables: Mapping[str, Rows], plan: AnalysisPlan) -> tuple[Method, ...]:
    """What was done, in the order of a paper; what the trial gave no rows for was not."""
    told = (
        ("change_from_baseline", change.METHOD),
        ("between_arms", between.METHOD),
        ("relative_change", relative_change.METHOD),
        ("relative_difference", relative_difference.METHOD),
        ("ancova", ancova.METHOD),
        ("mixed_model", mixed_model.METHOD),
        ("schedule_contrasts", schedule_contrasts.METHOD),
        ("categorical", categorical.METHOD),
        ("mcnemar", paired_endpoints.METHOD),
        ("continuous", continuous.METHOD),
        ("families", families.METHOD),
        ("gatekeeping", gatekeeping.METHOD),
        ("availability", missing_values.METHOD),
    )
    ran = tuple(method for name, method in told if tables[name])
    return (*ran, carried_forward.METHOD) if plan.is_locf_asked else ran
