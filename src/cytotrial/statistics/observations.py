"""From subsets.tsv to the values that are tested: one percentage per subject, visit and subset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cytotrial.columns import CONTROL_CONDITION
from cytotrial.errors import CytotrialError, did_you_mean, problem
from cytotrial.statistics.methods.logits import empirical_logit
from cytotrial.statistics.plan import AnalysisPlan, PlannedSubset

NOT_GIVEN = "NA"
KEYS = ["subject_id", "visit", "subset", "denominator"]
COLUMNS = ["sample_id", *KEYS, "condition", "percent", "numerator_n", "denominator_n", "qc_flag", "qc_reason"]
# Of each number: the largest it can be, and what a reader is told.
MOST_EVENTS = 2.0**53
EXPECTED = {
    "percent": (100.0, "a number from 0 to 100"),
    "numerator_n": (MOST_EVENTS, "a number of events"),
    "denominator_n": (MOST_EVENTS, "a number of events"),
}


def usable_values(
    subsets: pd.DataFrame, subjects: pd.DataFrame, plan: AnalysisPlan, *, source: str = "subsets.tsv"
) -> pd.DataFrame:
    """One percentage per subject, visit, subset and denominator, from the rows that count.

    Rows flagged ``not_reported`` or without a percentage are left out; ``flagged`` and ``below_lloq``
    ones are used. Control tubes (FMO, single stain, unstained) never enter. Several samples of the same
    subject, visit, subset and denominator (replicates) are averaged, percentages and logits apart; where one of them
    has no logit the average has none, so that both are of the same tubes.

    Parameters
    ----------
    subsets : DataFrame
        The columns of ``subsets.tsv``, text or numbers, missing as None or NaN; one row per sample,
        subset and denominator.
    subjects : DataFrame
        ``subject_id`` of every subject whose arm is known.
    source : str
        The file's name, for the messages.

    Returns
    -------
    DataFrame
        ``subject_id visit subset denominator percent logit``, sorted by the first four, percent in [0, 100].
        The logit is log(q / (1 - q)) with q = (x + 0.5) / (n + 1), from x of n events, so that none and all
        have one too (Haldane 1956, doi:10.1111/j.1469-1809.1955.tb01285.x); NaN where the counts are missing, n is 0
        or x is above n.

    Raises
    ------
    CytotrialError
        A subset, denominator or visit the plan does not know, a subject whose arm is not known, a
        repeated row, a percentage that is no number from 0 to 100, a count that is no number of events, or a
        subset measured under several conditions with none chosen.
    """
    table = _without_controls(subsets)
    numbers = {name: _numbers(table[name]) for name in ("percent", "numerator_n", "denominator_n")}
    problems = [
        *_unknown_words(table, plan, source=source),
        *_unknown_subjects(table, subjects, source=source),
        *_repeated_rows(table, source=source),
        *(line for name, values in numbers.items() for line in _no_numbers(table, name, values, source=source)),
    ]
    if problems:
        raise CytotrialError(problems)
    logit = empirical_logit(numbers["numerator_n"], numbers["denominator_n"])
    table = _chosen_condition(table.assign(percent=numbers["percent"], logit=logit), plan, source=source)
    return _means(table[is_usable(table)])


def counting_rows(subsets: pd.DataFrame, plan: AnalysisPlan) -> pd.DataFrame:
    """The rows of ``subsets.tsv`` that the plan asks for, usable or not: no control tubes, the chosen condition.

    Raises
    ------
    CytotrialError
        A subset measured under several conditions with none chosen, or not under the chosen one.
    """
    return _chosen_condition(_without_controls(subsets), plan, source="subsets.tsv")


def is_usable(rows: pd.DataFrame) -> pd.Series:
    """Whether each row of ``subsets.tsv`` has a percentage that is tested; True also where it is flagged."""
    return (rows["qc_flag"] != "not_reported") & rows["percent"].notna()


def _without_controls(subsets: pd.DataFrame) -> pd.DataFrame:
    """The columns that are looked at, of all rows but those of staining controls; no condition is ``NA``.

    Keys and condition become categories: 400,000 rows are then checked, sorted and grouped in one second, not five.
    """
    table = subsets[COLUMNS].assign(condition=subsets["condition"].where(subsets["condition"].notna(), NOT_GIVEN))
    table = table.astype(dict.fromkeys([*KEYS, "condition"], "category"))
    controls = [word for word in table["condition"].cat.categories if CONTROL_CONDITION.match(str(word))]
    return table[~table["condition"].isin(controls)] if controls else table


def _means(table: pd.DataFrame) -> pd.DataFrame:
    """Means of the replicates, one row per key in sorted order."""
    if table.duplicated(KEYS).any():
        # A mean of floats depends on their order, and the same values must give the same bytes.
        table = table.sort_values([*KEYS, "sample_id"])
        grouped = table.groupby(KEYS, observed=True)[["percent", "logit"]]
        table = grouped.mean().where(grouped.count().eq(grouped.size(), axis=0)).reset_index()
    else:
        table = table.sort_values(KEYS, ignore_index=True)[[*KEYS, "percent", "logit"]]
    return table.astype(dict.fromkeys(KEYS, object))


def _numbers(cells: pd.Series) -> pd.Series:
    """Text as floats, NaN where it is none."""
    # Not pandas' to_numeric, which misses the last bit of every sixth value: equal changes would no
    # longer be ties.
    values = cells.to_numpy(dtype=object)
    try:
        numbers = values.astype(float)
    except (TypeError, ValueError):
        numbers = np.array([_number(cell) for cell in values], dtype=float)
    return pd.Series(numbers, index=cells.index)


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


def _unknown_words(table: pd.DataFrame, plan: AnalysisPlan, *, source: str) -> Iterator[str]:
    yield from _unknown(table, "visit", plan.visits, source=source)
    yield from _unknown(table, "subset", [planned.id for planned in plan.subsets], source=source)
    for planned in plan.subsets:
        rows = table[table["subset"] == planned.id]
        yield from _unknown(rows, "denominator", planned.denominators, source=source)


def _unknown(table: pd.DataFrame, column: str, known: list[str] | tuple[str, ...], *, source: str) -> Iterator[str]:
    strange = table[~table[column].isin(known)]
    for word, rows in strange.groupby(column, dropna=False, observed=True):
        of_subset = f" of {rows['subset'].iloc[0]}" if column == "denominator" else ""
        yield problem(
            f"{source}, row {rows.index[0] + 2}, {column}",
            found=f"{word!r}{of_subset}{did_you_mean(str(word), known)} in {len(rows)} rows",
            expected=f"one of {', '.join(known)}",
            remedy="add it to the configuration, or make the table again with this configuration",
        )


def _unknown_subjects(table: pd.DataFrame, subjects: pd.DataFrame, *, source: str) -> Iterator[str]:
    known = sorted(subjects["subject_id"])
    for subject, rows in table[~table["subject_id"].isin(known)].groupby("subject_id", dropna=False, observed=True):
        yield problem(
            f"{source}, row {rows.index[0] + 2}, subject_id",
            found=f"{subject!r}{did_you_mean(str(subject), known)} in {len(rows)} rows",
            expected="a subject of the subjects sheet",
            remedy="add the subject to that sheet, or correct the sample sheet",
        )


def _repeated_rows(table: pd.DataFrame, *, source: str) -> Iterator[str]:
    keys = ["sample_id", "subset", "denominator"]
    for row in table.index[table.duplicated(keys)]:
        key = " ".join(str(cell) for cell in table.loc[row, keys])
        yield problem(
            f"{source}, row {row + 2}",
            found=f"a second row for {key}",
            expected="one row per sample, subset and denominator",
            remedy="delete one of them",
        )


def _no_numbers(table: pd.DataFrame, column: str, numbers: pd.Series, *, source: str) -> Iterator[str]:
    highest, wanted = EXPECTED[column]
    wrong = table[column].notna() & ~((numbers >= 0.0) & (numbers <= highest))
    for row in table.index[wrong]:
        yield problem(
            f"{source}, row {row + 2}, {column}",
            found=repr(table.loc[row, column]),
            expected=f"{wanted}, or NA",
            remedy="make the table again",
        )


def _chosen_condition(table: pd.DataFrame, plan: AnalysisPlan, *, source: str) -> pd.DataFrame:
    kept, problems = [], []
    for planned in plan.subsets:
        rows = table[table["subset"] == planned.id]
        found = sorted(rows["condition"].astype(str).unique())
        if planned.condition is not None:
            rows = rows[rows["condition"] == planned.condition]
        refused = _refused_condition(planned, found, source=source)
        problems.extend([refused] if refused else [])
        kept.append(rows)
    if problems:
        raise CytotrialError(problems)
    return pd.concat(kept) if kept else table.iloc[:0]


def _refused_condition(planned: PlannedSubset, found: list[str], *, source: str) -> str | None:
    if planned.condition is None and len(found) > 1:
        return problem(
            f"{source}, condition of {planned.id}",
            found=f"the conditions {', '.join(found)}",
            expected="one condition per readout",
            remedy=f"say which in config.yaml, readouts, {planned.id}, condition",
        )
    if planned.condition is not None and found and planned.condition not in found:
        return problem(
            f"{source}, condition of {planned.id}",
            found=f"only {', '.join(found)}{did_you_mean(planned.condition, found)}",
            expected=f"rows with {planned.condition!r}",
            remedy=f"correct config.yaml, readouts, {planned.id}, condition",
        )
    return None
