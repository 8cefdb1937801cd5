"""From the outcomes sheet to what is analysed: each endpoint's kind, role, visits, analysis sets and values."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.statistics.plan import AnalysisPlan

logger = logging.getLogger(__name__)

ANY_VISIT = "ANY"  # the visit of an outcome that belongs to the whole trial, as an adverse event does
SAFETY_SET = "safety"
INTENTION_TO_TREAT = "itt"
NON_RESPONDER = "_nri"  # appended to the name of the set whose missing values count as no response


@dataclass(frozen=True)
class AnalysedEndpoint:
    """A clinical endpoint of the trial.

    Parameters
    ----------
    kind : str
        ``binary`` (values 0 and 1) or ``continuous``.
    role : str
        ``efficacy``, where a missing value may count as no response, or ``safety``, where it never does.
    visits : tuple of str
        Where it has rows or is declared: the plan's in order, then `ANY_VISIT`.
    """

    id: str
    kind: str
    role: str
    visits: tuple[str, ...]


@dataclass(frozen=True)
class EndpointSet:
    """An analysis set of an endpoint.

    Parameters
    ----------
    name : str
        As the tables write it.
    column : str
        The subjects' Boolean column that says who belongs to it.
    is_missing_no_response : bool
        Whether a missing value counts as 0 (non-responder imputation).
    """

    name: str
    column: str
    is_missing_no_response: bool = False


@dataclass(frozen=True)
class Endpoints:
    """What `endpoint_values` found.

    Parameters
    ----------
    endpoints : tuple of AnalysedEndpoint
        The declared ones first, in the plan's order.
    values : mapping
        (endpoint, visit) -> float Series by subject, sorted; NaN where the value is missing. Who is not in it is
        not in the endpoint's population.
    planned_sets : tuple of str
        The plan's analysis sets.
    has_safety_set : bool
        Whether the subjects have a column ``safety``.
    """

    endpoints: tuple[AnalysedEndpoint, ...]
    values: Mapping[tuple[str, str], pd.Series]
    planned_sets: tuple[str, ...]
    has_safety_set: bool

    def of_kind(self, kind: str) -> tuple[AnalysedEndpoint, ...]:
        """The ``binary`` or the ``continuous`` ones."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.kind == kind)

    def sets_of(self, endpoint: AnalysedEndpoint) -> tuple[EndpointSet, ...]:
        """The analysis sets of an endpoint.

        The plan's; for safety also ``safety`` where there is one; for binary efficacy also the intention-to-treat
        set (the primary one where the plan has no ``itt``) with missing values as no response, named ``itt_nri``.
        """
        sets = [EndpointSet(name, name) for name in self.planned_sets]
        if endpoint.role == "safety":
            if self.has_safety_set and SAFETY_SET not in self.planned_sets:
                sets.append(EndpointSet(SAFETY_SET, SAFETY_SET))
        elif endpoint.kind == "binary" and self.planned_sets:
            whole = INTENTION_TO_TREAT if INTENTION_TO_TREAT in self.planned_sets else self.planned_sets[0]
            if whole + NON_RESPONDER not in self.planned_sets:
                sets.append(EndpointSet(whole + NON_RESPONDER, whole, is_missing_no_response=True))
        return tuple(sets)

    def values_at(self, endpoint: AnalysedEndpoint, visit: str) -> pd.Series:
        """The values by subject, NaN where missing; empty where nobody has a row."""
        return self.values.get((endpoint.id, visit), pd.Series(dtype=float))

    def n_elsewhere(self, endpoint: AnalysedEndpoint, visits: Collection[str], subjects: Collection[str]) -> int:
        """How many of `subjects` have a row of the endpoint, and none at one at least of `visits`."""
        everywhere = {subject for visit in endpoint.visits for subject in self.values_at(endpoint, visit).index}
        here = [set(self.values_at(endpoint, visit).index) for visit in visits]
        return len((everywhere & set(subjects)) - set.intersection(*here))


def endpoint_values(
    outcomes: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan, *, source: str = "outcomes.tsv"
) -> Endpoints:
    """Every endpoint with its values, from the outcomes sheet and what the plan declares.

    An endpoint that the plan does not declare is binary if all its values are 0 or 1, else continuous; its role is
    safety if its only visit is `ANY_VISIT`, else efficacy. Where such a guess decides what a missing value means, one
    INFO line says so.

    Parameters
    ----------
    outcomes : DataFrame
        ``subject_id visit endpoint value``, one row per subject, visit and endpoint; `value` a number, None or NaN
        where it is missing. The index counts the sheet's rows from 0, the header not among them.
    subjects : DataFrame
        ``subject_id``, ``arm`` and one Boolean column per analysis set; ``safety`` may be among them though the
        plan does not name it.
    source : str
        The sheet's name, for the messages.

    Raises
    ------
    CytotrialError
        An unknown subject or visit, a repeated row, or a declared binary endpoint with a value other than 0 and 1;
        every one of them at once.
    """
    table = outcomes.assign(value=outcomes["value"].astype(float))
    declared = {planned.id: planned.kind for planned in reversed(plan.endpoints)}
    problems = [
        *_unknown_words(table, subjects, plan, source=source),
        *_repeated_rows(table, source=source),
        *_neither_0_nor_1(table, [name for name, kind in declared.items() if kind == "binary"], source=source),
    ]
    if problems:
        raise CytotrialError(problems)
    # Without a sheet nothing was analysed; with one, a declared endpoint that it lacks is told about.
    planned = [one.id for one in plan.endpoints] if len(table) else []
    names = dict.fromkeys([*planned, *sorted(table["endpoint"].unique())])
    rows = table.sort_values("subject_id")
    values = {
        (str(endpoint), str(visit)): cell.set_index("subject_id")["value"]
        for (endpoint, visit), cell in rows.groupby(["endpoint", "visit"])
    }
    return Endpoints(
        endpoints=tuple(_endpoint(name, table[table["endpoint"] == name], plan) for name in names),
        values=values,
        planned_sets=plan.analysis_sets,
        has_safety_set=SAFETY_SET in subjects.columns,
    )


def _endpoint(name: str, rows: pd.DataFrame, plan: AnalysisPlan) -> AnalysedEndpoint:
    planned = [one for one in plan.endpoints if one.id == name]
    found = {*rows["visit"], *(one.visit for one in planned if one.visit is not None)}
    visits = tuple(visit for visit in (*plan.visits, ANY_VISIT) if visit in found)
    if planned:
        return AnalysedEndpoint(name, planned[0].kind, planned[0].role, visits)
    is_binary = rows["value"].dropna().isin((0.0, 1.0)).all()
    role = "safety" if visits == (ANY_VISIT,) else "efficacy"
    n_missing = int(rows["value"].isna().sum())
    if role == "safety" and n_missing:
        logger.info(
            "endpoint %s: not declared, and only at %s: taken as one of safety, so that its %d missing value%s not "
            "counted as no response",
            *(name, ANY_VISIT, n_missing, " is" if n_missing == 1 else "s are"),
        )
    return AnalysedEndpoint(name, "binary" if is_binary else "continuous", role, visits)


def _unknown_words(table: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan, *, source: str) -> Iterator[str]:
    allowed = {
        "subject_id": (sorted(subjects["subject_id"]), "a subject of the subjects sheet"),
        "visit": ((*plan.visits, ANY_VISIT), f"one of {', '.join((*plan.visits, ANY_VISIT))}"),
    }
    for column, (known, expected) in allowed.items():
        for word, rows in table[~table[column].isin(known)].groupby(column, dropna=False):
            yield problem(
                f"{source}, row {rows.index[0] + 2}, {column}",
                found=f"{word!r}{did_you_mean(str(word), known)} in {len(rows)} rows",
                expected=expected,
                remedy="correct it, or add it there" if column == "subject_id" else "correct it",
            )


def _repeated_rows(table: pd.DataFrame, *, source: str) -> Iterator[str]:
    keys = ["subject_id", "visit", "endpoint"]
    for row in table.index[table.duplicated(keys)]:
        yield problem(
            f"{source}, row {row + 2}",
            found=f"a second row for {' '.join(str(cell) for cell in table.loc[row, keys])}",
            expected="one row per subject, visit and endpoint",
            remedy="delete one of them",
        )


def _neither_0_nor_1(table: pd.DataFrame, binary: list[str], *, source: str) -> Iterator[str]:
    wrong = table["endpoint"].isin(binary) & table["value"].notna() & ~table["value"].isin((0.0, 1.0))
    for row in table.index[wrong]:
        yield problem(
            f"{source}, row {row + 2}, value",
            found=f"{table.loc[row, 'value']:g} of {table.loc[row, 'endpoint']}",
            expected="0 or 1, because config.yaml declares the endpoint as binary",
            remedy="correct it, or declare the endpoint as continuous",
        )
