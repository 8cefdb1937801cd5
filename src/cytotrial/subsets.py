"""Counts to percentages: every subset of every sample under every configured denominator, and by subject and visit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cytotrial.quality import FAILED, NOT_REPORTED, QualityRules, judge_number

Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A subset as it is to be read out: `population` of `panel` under `denominators`, the first the primary one.

    `condition` is the only one that is read out, where it is given.
    """

    subset: str
    panel: str
    population: str
    denominators: tuple[str, ...]
    condition: str | None = None


@dataclass(frozen=True)
class Measured:
    """A sample with its counts.

    Attributes
    ----------
    counts : mapping
        Population -> events, None where it was not measured.
    reasons : mapping
        Population -> why it was not measured.
    """

    sample_id: str
    subject_id: str
    visit: str
    week: float
    panel: str
    condition: str | None
    status: str
    status_reasons: str
    counts: Mapping[str, int | None]
    reasons: Mapping[str, str]


def subset_rows(samples: Iterable[Measured], wanted: Sequence[Wanted], rules: QualityRules) -> list[Row]:
    """Rows of `columns.SUBSETS`.

    A percent is ``100 * numerator_n / denominator_n`` with its Wilson 95 % interval (Wilson 1927,
    doi:10.1080/01621459.1927.10502953). What was not measured, or not reported, is NA with its reason.
    """
    return [
        _row(sample, one, denominator, rules)
        for sample in samples
        for one in wanted
        if one.panel == sample.panel
        for denominator in one.denominators
    ]


def _row(sample: Measured, wanted: Wanted, denominator: str, rules: QualityRules) -> Row:
    numerator_n, denominator_n = (sample.counts.get(name) for name in (wanted.population, denominator))
    flag, reasons = _judge(sample, wanted, denominator, rules)
    percent = low = high = None
    if flag != NOT_REPORTED:
        percent = 100.0 * numerator_n / denominator_n
        low, high = wilson_percent(numerator_n, denominator_n)
    return {
        "sample_id": sample.sample_id,
        "subset": wanted.subset,
        "denominator": denominator,
        "subject_id": sample.subject_id,
        "visit": sample.visit,
        "week": sample.week,
        "panel": sample.panel,
        "condition": sample.condition,
        "is_primary": denominator == wanted.denominators[0],
        "numerator_n": numerator_n,
        "denominator_n": denominator_n,
        "percent": percent,
        "ci_low": low,
        "ci_high": high,
        "qc_flag": flag,
        "qc_reason": "; ".join(reasons),
    }


def _judge(sample: Measured, wanted: Wanted, denominator: str, rules: QualityRules) -> tuple[str, list[str]]:
    if sample.status == FAILED:
        return NOT_REPORTED, [f"file failed: {sample.status_reasons}"]
    missing = [name for name in (wanted.population, denominator) if sample.counts.get(name) is None]
    if missing:
        return NOT_REPORTED, [f"{name} not measured: {sample.reasons.get(name, 'not gated')}" for name in missing]
    counts = (sample.counts[wanted.population], sample.counts[denominator])
    if counts[0] > counts[1]:
        return NOT_REPORTED, [f"{counts[0]} {wanted.subset} events of {counts[1]} {denominator}: not a part of it"]
    return judge_number(wanted.subset, denominator, counts, sample.status, rules)


def wilson_percent(numerator_n: int, denominator_n: int) -> tuple[float, float]:
    """The Wilson 95 % interval of a share, in percent.

    Examples
    --------
    >>> [round(limit, 4) for limit in wilson_percent(100, 1000)]
    [8.2909, 12.0154]
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(numerator_n, denominator_n, alpha=0.05, method="wilson")
    return 100.0 * float(low), 100.0 * float(high)


def wide_rows(rows: Iterable[Row], wanted: Sequence[Wanted]) -> list[Row]:
    """One row per subject and visit, one column per subset: the primary percent; replicates are averaged.

    A subset that declares its condition shows that one. Where none is declared and a visit has tubes of several
    conditions it is NA, because no one number is meant.
    """
    conditions = {one.subset: one.condition for one in wanted}
    cells: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        visit = cells.setdefault((row["subject_id"], row["visit"]), {})
        if row["is_primary"] and conditions[row["subset"]] in (None, row["condition"]):
            visit.setdefault(row["subset"], []).append(row)
    return [
        {"subject_id": subject, "visit": visit, **{subset: _one(found.get(subset, [])) for subset in conditions}}
        for (subject, visit), found in cells.items()
    ]


def _one(rows: Sequence[Row]) -> float | None:
    if len({row["condition"] for row in rows}) != 1:
        return None
    values = [row["percent"] for row in rows if row["percent"] is not None]
    return sum(values) / len(values) if values else None
