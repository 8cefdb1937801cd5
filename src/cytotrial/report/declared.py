"""What the configuration declared before the data were seen: families of tests, and the hierarchy of endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cytotrial.report.cells import p_cell, value_cell
from cytotrial.report.endpoint_tables import hierarchy_table
from cytotrial.report.numbers import MISSING, Cell, show, show_count, show_interval, show_p
from cytotrial.report.result_tables import change_note
from cytotrial.report.trial import Trial
from cytotrial.report.views import Column, Group, Row, TableView, plural
from cytotrial.statistics.plan import Family
from cytotrial.statistics.tables.families import SOURCES

METHODS = {"holm": "Holm", "bh": "Benjamini-Hochberg"}
_COLUMNS = (
    Column("subset", numeric=False, wide=True),
    Column("arm", numeric=False),
    Column("visit", numeric=False),
    Column("estimate"),
    Column("95 % interval", "not adjusted"),
    Column("p", "nominal"),
    Column("adjusted p", "by the method that the configuration declares for the family"),
    Column("note", numeric=False, wide=True),
)


@dataclass(frozen=True)
class Comparison:
    """A test in words, the estimate that goes with it, and the columns of that and of its limits."""

    words: str
    estimate: str
    columns: tuple[str, str, str]
    is_ratio: bool = False


_MEAN = ("mean_change", "ci_low", "ci_high")
_SHIFT = ("hl_shift", "hl_low", "hl_high")
_EFFECT = ("estimate", "ci_low", "ci_high")
_RATIO = ("odds_ratio", "or_low", "or_high")
_POINTS = "in percentage points"
COMPARISONS = {
    "paired_t": Comparison("paired t test", f"mean change {_POINTS}", _MEAN),
    "wilcoxon": Comparison(
        "Wilcoxon's signed-rank test",
        f"Hodges-Lehmann estimate of the change {_POINTS}",
        ("hl_change", "hl_low", "hl_high"),
    ),
    "mann_whitney_level": Comparison("Mann-Whitney test of the levels", f"Hodges-Lehmann shift {_POINTS}", _SHIFT),
    "mann_whitney_change": Comparison("Mann-Whitney test of the changes", f"Hodges-Lehmann shift {_POINTS}", _SHIFT),
    "ancova_percent": Comparison("analysis of covariance", f"difference {_POINTS}", _EFFECT),
    "ancova_logit": Comparison("analysis of covariance of logits", "odds ratio", _RATIO, is_ratio=True),
    "mixed_model_percent": Comparison("mixed model", f"difference {_POINTS}", _EFFECT),
    "mixed_model_logit": Comparison("mixed model of logits", "odds ratio", _RATIO, is_ratio=True),
}


@dataclass(frozen=True)
class Declared:
    """The top of the answer: tables, and sentences on what was declared and has no result, or that nothing was."""

    families: TableView | None
    hierarchy: TableView | None
    sentences: Sequence[str]


def declared(tables: Mapping[str, Sequence[Row]], names: Mapping[str, str], trial: Trial) -> Declared:
    """What was declared, with its results in the primary analysis set.

    Parameters
    ----------
    tables : mapping
        Rows by the table's name; one that is not there has none, and a sentence says so where it was needed.
    names : mapping
        The files' names, by the table's name.
    """
    ordered = any(endpoint.order is not None for endpoint in trial.plan.endpoints)
    if not trial.plan.families and not ordered:
        said = "the configuration names no families of tests and no order of endpoints"
        return Declared(
            None, None, [f"Nothing was declared beforehand: {said}. Every p-value on this page is nominal."]
        )
    sentences = [
        f"{name}.tsv was not there when this page was made."
        for name, wanted in (("families", bool(trial.plan.families)), ("gatekeeping", ordered))
        if wanted and name not in tables
    ]
    families = family_table(tables, trial.primary_set, trial, source=names.get("families", ""))
    shown = {row["family"] for row in tables.get("families", ()) if row["analysis_set"] == trial.primary_set}
    if "families" in tables:
        lacking = [family.id for family in trial.plan.families if family.id not in shown]
        sentences += [f"The declared family {name} has no test in this analysis set." for name in lacking]
    hierarchy = hierarchy_table(tables, trial.primary_set, trial, source=names.get("gatekeeping", ""))
    if ordered and "gatekeeping" in tables and not hierarchy.n_rows:
        sentences.append("The declared order of endpoints has no test: no outcomes of two arms.")
    sentences.append(
        "Every other p-value on this page is nominal: its test was not declared beforehand, also where a correction "
        "over all subsets and visits stands beside it."
    )
    return Declared(families if families.n_rows else None, hierarchy if hierarchy.n_rows else None, sentences)


def family_table(tables: Mapping[str, Sequence[Row]], analysis_set: str, trial: Trial, *, source: str) -> TableView:
    """``families.tsv``, one analysis set: a group for each declared family, with the estimates of its tests."""
    groups = []
    for family in trial.plan.families:
        own = [
            row
            for row in tables.get("families", ())
            if row["family"] == family.id and row["analysis_set"] == analysis_set
        ]
        own.sort(key=lambda row: _place(row, trial))
        by_key = _tested(tables, family.test)
        if own:
            lines = [_line(row, by_key.get(_key(row)), trial) for row in own]
            groups.append(Group(_heading(family, own[0], trial), lines))
    return TableView(f"Declared families of tests, {analysis_set}", source, _COLUMNS, groups)


def compared(test: str, trial: Trial) -> str:
    """Which arm against which, of a test between the arms; nothing of one within them.

    "IL2 minus PBO" of a difference, "IL2 to PBO" of an odds ratio.
    """
    if SOURCES[test].is_within_arm or trial.plan.pair is None:
        return ""
    return (" to " if COMPARISONS[test].is_ratio else " minus ").join(trial.plan.pair)


def _heading(family: Family, row: Row, trial: Trial) -> str:
    test, arms = COMPARISONS[family.test], compared(family.test, trial)
    planned, tested = show_count(row["n_planned"]), show_count(row["n_tested"])
    tests = plural(int(float(row["n_tested"] or 0)), "test") + (f" of {planned} planned" if planned != tested else "")
    estimate = test.estimate + (f", {arms}" if arms else "")
    return f"{family.id}: {test.words}; {estimate}; adjusted by {METHODS[family.method]} over {tests}"


def _place(row: Row, trial: Trial) -> tuple[int, int, int]:
    """Subsets, arms and visits as the configuration has them; what it does not know comes last."""
    subsets, arms = [readout.id for readout in trial.study.readouts], [arm.id for arm in trial.study.arms]
    subset, arm = (
        known.index(str(row[name])) if row[name] in known else len(known)
        for name, known in (("subset", subsets), ("arm", arms))
    )
    return subset, arm, trial.visit_rank(row["visit"])


def _key(row: Row) -> tuple[str | None, ...]:
    return tuple(row.get(name) for name in ("analysis_set", "arm", "subset", "denominator", "visit"))


def _tested(tables: Mapping[str, Sequence[Row]], test: str) -> dict[tuple[str | None, ...], Row]:
    """The rows in which a test stands with its estimate, by the key that they share with ``families.tsv``."""
    source = SOURCES[test]
    rows = tables.get(source.table, ())
    return {_key(row): row for row in rows if all(row[name] == value for name, value in source.only.items())}


def _line(row: Row, tested: Row | None, trial: Trial) -> list[Cell]:
    test = COMPARISONS[str(row["test"])]
    note, estimate, interval = "", MISSING, MISSING
    if tested is not None:
        # The estimate of Hodges and Lehmann is not a t test's.
        note = change_note(tested) if row["test"] == "paired_t" else tested["note"] or ""
        value, low, high = (tested[name] for name in test.columns)
        estimate = show(value, signed=not test.is_ratio)
        interval = show_interval(low, high, signed=not test.is_ratio)
    why = note or "the test could not be made"
    arm = trial.arm_label(row["arm"]) if row["arm"] is not None else compared(str(row["test"]), trial)
    return [
        Cell(trial.percentage(str(row["subset"]), str(row["denominator"]))),
        Cell(arm),
        Cell(str(row["visit"])),
        value_cell(estimate, note),
        value_cell(interval, note),
        value_cell(show_p(row["p_value"]), why),
        p_cell(row["p_adjusted"], why),
        Cell(note),
    ]
