"""Tests that are judged together: the families of every trial, and those that the configuration declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cytotrial.statistics.methods.multiplicity import adjusted
from cytotrial.statistics.methods_text import Method
from cytotrial.statistics.plan import AnalysisPlan, Family
from cytotrial.statistics.references import HOLM

Row = Mapping[str, Any]

METHOD = Method(
    title="Multiplicity",
    text="""p-values were adjusted within families of tests, by Holm's method, which controls the chance of any
    false finding, and by Benjamini and Hochberg's, which controls the expected share of false findings. One family
    holds one kind of test over all subsets, under their primary denominators, and all post-baseline visits, in one
    analysis set; tests within an arm were adjusted for each arm and, where there are several, for all arms together
    apart from that. A test that could not be made does not count. Nothing was adjusted across families.""",
    references=(
        HOLM,
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. J R Stat Soc B 1995;57:289-300. doi:10.1111/j.2517-6161.1995.tb02031.x",
    ),
    libraries=("statsmodels",),
)
DECLARED_METHOD = Method(
    title="Declared families of tests",
    text="""The families of tests that the trial's configuration declares were adjusted by the method that it declares
    for each, tests within an arm for all arms together. Nothing was adjusted across families.""",
    references=METHOD.references,
    libraries=METHOD.libraries,
)


@dataclass(frozen=True)
class Source:
    """Where the p-values of a test stand: a table, a column, and what its rows must say."""

    table: str
    column: str
    only: Mapping[str, str]

    @property
    def is_within_arm(self) -> bool:
        """Whether each arm has its own test."""
        return self.table == "change_from_baseline"


# Every test that a family may be made of, by its name in the configuration, in the order of the table's making.
SOURCES = {
    "paired_t": Source("change_from_baseline", "p_value", {}),
    "wilcoxon": Source("change_from_baseline", "wilcoxon_p", {}),
    "mann_whitney_level": Source("between_arms", "p_value", {"measure": "level"}),
    "mann_whitney_change": Source("between_arms", "p_value", {"measure": "change"}),
    "ancova_percent": Source("ancova", "p_value", {"scale": "percent"}),
    "ancova_logit": Source("ancova", "p_value", {"scale": "logit"}),
    "mixed_model_percent": Source("mixed_model", "p_value", {"scale": "percent"}),
    "mixed_model_logit": Source("mixed_model", "p_value", {"scale": "logit"}),
}


def families(tables: Mapping[str, list[dict[str, Any]]], plan: AnalysisPlan) -> list[dict[str, Any]]:
    """A row for every family, analysis set and test that is in it.

    Parameters
    ----------
    tables : mapping
        Name -> rows of ``change_from_baseline``, ``between_arms``, ``ancova`` and ``mixed_model``; a table that is not
        there has no tests.

    Returns
    -------
    list of dict
        The columns of `cytotrial.statistics_columns.FAMILIES`, ``arm`` None for a test between the arms.
        ``p_adjusted`` is that of the family's ``method``: Benjamini-Hochberg's in the families of every trial
        (``all_<test>`` and, where there are several arms, ``all_arms_<test>``: all arms together). ``n_planned`` is
        how many tests the family has, ``n_tested`` how many of them have a p-value: only these count.

    Notes
    -----
    A family is of one analysis set: the sets are looked at one after the other, never adjusted for each other.
    """
    rows: list[dict[str, Any]] = []
    for test in SOURCES:
        members = list(_members(tables, test, plan))
        for analysis_set in dict.fromkeys(row["analysis_set"] for row in members):
            of_set = [row for row in members if row["analysis_set"] == analysis_set]
            rows += _built_in(test, of_set)
            for family in plan.families:
                if family.test == test:
                    rows += _adjusted(family, [row for row in of_set if _is_member(row, family)])
    return rows


def _members(tables: Mapping[str, list[dict[str, Any]]], test: str, plan: AnalysisPlan) -> Iterator[dict[str, Any]]:
    """Every test of a kind that can be in a family: primary denominators, post-baseline visits."""
    source = SOURCES[test]
    for row in tables.get(source.table, ()):
        if all(row[name] == value for name, value in source.only.items()) and _is_in_scope(row, plan):
            yield {
                "analysis_set": row["analysis_set"],
                "test": test,
                "arm": row["arm"] if source.is_within_arm else None,
                **{name: row[name] for name in ("subset", "denominator", "visit")},
                "p_value": row[source.column],
            }


def _is_in_scope(row: Row, plan: AnalysisPlan) -> bool:
    return row["visit"] in plan.post_baseline and plan.is_primary(row["subset"], row["denominator"])


def _built_in(test: str, members: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    arms = list(dict.fromkeys(row["arm"] for row in members))
    for arm in arms:
        yield from _adjusted(Family(f"all_{test}", test, (), (), "bh"), [row for row in members if row["arm"] == arm])
    if len(arms) > 1:
        yield from _adjusted(Family(f"all_arms_{test}", test, (), (), "bh"), members)


def _is_member(row: Row, family: Family) -> bool:
    return (not family.subsets or row["subset"] in family.subsets) and (
        not family.visits or row["visit"] in family.visits
    )


def _adjusted(family: Family, members: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    p_values = np.array([row["p_value"] for row in members], dtype=float)
    p_holm, p_bh = adjusted(p_values)
    chosen = {"holm": p_holm, "bh": p_bh}[family.method]
    counts = {"n_planned": len(members), "n_tested": int(np.isfinite(p_values).sum())}
    for row, holm, bh, p_adjusted in zip(members, p_holm, p_bh, chosen, strict=True):
        numbers = {"p_holm": float(holm), "p_bh": float(bh), "p_adjusted": float(p_adjusted)}
        yield {"family": family.id, "method": family.method, **row, **counts, **numbers}
