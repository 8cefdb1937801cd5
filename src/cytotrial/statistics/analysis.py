"""The whole analysis: percentages, subjects and outcomes in, every table and what a methods section says of it out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cytotrial.statistics import arm_models, carried_forward
from cytotrial.statistics.endpoints import NON_RESPONDER, endpoint_values
from cytotrial.statistics.members import log_members
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.observations import usable_values
from cytotrial.statistics.plan import AnalysisPlan
from cytotrial.statistics.survival.moved import MovedGates
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
    survival,
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
    moved_gates: MovedGates | None = None,
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
    moved_gates : MovedGates, optional
        What was counted with gate limits moved.
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
    tables["survival"], tables["survival_analyses"] = survival.survival(tables, subsets, subjects, plan, moved_gates)
    if plan.is_locf_asked:  # after the families: a sensitivity analysis is in none of them
        carried = carried_forward.carried_forward(observations, subjects, plan)
        tables["change_from_baseline"] += change.change_from_baseline(*carried)
        tables["between_arms"] += between.between_arms(*carried)
    return Analysis(tables, _methods(tables, plan, moved_gates))


def _methods(tables: Mapping[str, Rows], plan: AnalysisPlan, moved: MovedGates | None) -> tuple[Method, ...]:
    """What was done, in the order of a paper; what gave the trial no number was not."""
    binary = [*tables["categorical"], *tables["mcnemar"]]
    label = f"{plan.analysis_sets[0]}{carried_forward.SUFFIX}" if plan.is_locf_asked else None
    carried = [row for row in tables["change_from_baseline"] if row["analysis_set"] == label]
    declared = {family.id for family in plan.families}
    told = (
        (change.METHOD, _has(tables["change_from_baseline"], "mean_change")),
        (between.METHOD, _has(tables["between_arms"], "u")),
        (relative_change.METHOD, _has(tables["relative_change"], "mean_change")),
        (relative_difference.METHOD, _has(tables["relative_difference"], "mean_difference")),
        (ancova.METHOD, _has(tables["ancova"], "estimate")),
        (mixed_model.METHOD, _has(tables["mixed_model"], "estimate")),
        (schedule_contrasts.METHOD, _has(tables["schedule_contrasts"], "estimate")),
        (categorical.METHOD, _has(tables["categorical"], "preferred_p")),
        (
            categorical.RATES_METHOD,
            _has(tables["categorical"], "rate_active", "rate_control")
            and not _has(tables["categorical"], "preferred_p"),
        ),
        (paired_endpoints.METHOD, _has(tables["mcnemar"], "p_exact")),
        (categorical.NON_RESPONDER_METHOD, any(_is_imputed(row["analysis_set"], plan) for row in binary)),
        (continuous.METHOD, _has(tables["continuous"], "mean_difference")),
        (families.METHOD, _has(tables["families"], "p_value")),
        (families.DECLARED_METHOD, _has([r for r in tables["families"] if r["family"] in declared], "p_value")),
        (gatekeeping.METHOD, any(row["is_tested"] for row in tables["gatekeeping"])),
        (survival.METHOD, _has(tables["survival"], "share_held")),
        *((survival.moved_method(one), _is_gate_moved(tables["survival"])) for one in [moved] if one is not None),
        (missing_values.METHOD, bool(tables["availability"])),
        (carried_forward.METHOD, _has(carried, "mean_change")),
    )
    return tuple(method for method, is_done in told if is_done)


def _is_gate_moved(rows: Rows) -> bool:
    return any(row["gate"] is not None and row["n_analyses"] for row in rows)


def _has(rows: Rows, *columns: str) -> bool:
    return any(not math.isnan(row[column]) for row in rows for column in columns)


def _is_imputed(analysis_set: str, plan: AnalysisPlan) -> bool:
    return analysis_set.endswith(NON_RESPONDER) and analysis_set not in plan.analysis_sets
