"""Is a file, is a number good enough to report? Small rules, each with its reason; thresholds are configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OK, FLAGGED, FAILED = "ok", "flagged", "failed"
BELOW_LLOQ, NOT_REPORTED = "below_lloq", "not_reported"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class QualityRules:
    """Every threshold of the quality rules; the configuration's `quality` section replaces any of them.

    Attributes
    ----------
    min_events, lloq, not_reported : int
        Numerator events: below `min_events` flagged (counting CV above 10 % at 100), below `lloq` under the
        limit of quantification, below `not_reported` no value at all.
    min_denominator : mapping
        Population -> fewest events as a denominator without a flag.
    plausible_percent : mapping
        ``subset/denominator`` -> lowest and highest plausible percent; outside is flagged, never left out.
    max_margin_percent, max_time_removed_percent, min_singlet_percent, min_live_percent, fail_live_percent
        Per file: flagged above 10 % margin events; failed above 30 % of events removed by time; flagged
        under 80 % singlets, under 70 % live; failed under `fail_live_percent` live.
    """

    min_events: int = 100
    lloq: int = 50
    not_reported: int = 20
    min_denominator: Mapping[str, float] = field(default_factory=lambda: {"lymphocytes": 5000, "cd4": 1000, "nk": 300})
    plausible_percent: Mapping[str, Sequence[float]] = field(
        default_factory=lambda: {
            "cd4/cd3": (15, 85),
            "cd8/cd3": (10, 75),
            "treg/cd4": (1, 30),
            "nk/lymphocytes": (0.5, 45),
            "cd56bright_nk/nk": (0.5, 50),
        }
    )
    max_margin_percent: float = 10.0
    max_time_removed_percent: float = 30.0
    min_singlet_percent: float = 80.0
    min_live_percent: float = 70.0
    fail_live_percent: float = 0.0


def quality_rules(section: Mapping[str, Any]) -> QualityRules:
    """The rules with the configuration's `quality` section in place of the defaults it names, entry by entry."""
    given = {**section, **section.get("reportable", {})}
    default = QualityRules()
    changed = {}
    for rule in dataclasses.fields(QualityRules):
        if rule.name in given:
            before, now = getattr(default, rule.name), given[rule.name]
            changed[rule.name] = {**before, **now} if isinstance(before, Mapping) else now
    return dataclasses.replace(default, **changed)


def judge_file(
    intake: Row, steps: Sequence[Row], gates: Sequence[Row], missing: Sequence[Row], rules: QualityRules
) -> tuple[str, list[str]]:
    """A file's status, and every reason for it.

    Parameters
    ----------
    intake : row of `columns.INTAKE`
    steps : rows of `columns.QUALITY_STEPS`, numbers as numbers
    gates : rows of `columns.GATES`
    missing : rows of `columns.NOT_PLACED` of populations that the file's data did not show
    """
    if intake["readable"] != "Y":
        return FAILED, [str(intake["reasons"])]
    failures = list(_step_failures(steps, rules))
    flags = [intake["reasons"]] if intake["reasons"] else []
    flags += list(_step_flags(steps, rules))
    flags += list(_borrowed(gates))
    flags += list(_doubted(gates))
    flags += list(_moved(gates))
    flags += [f"{row['population']} not gated: {row['reason']}" for row in missing if row["outcome"] == "not_found"]
    if failures:
        return FAILED, failures + flags
    return (FLAGGED, flags) if flags else (OK, [])


def _removed(steps: Sequence[Row], kind: str) -> Iterator[tuple[Row, float, float]]:
    for step in steps:
        if step["kind"] == kind and step["percent_kept"] is not None:
            yield step, step["percent_kept"], 100.0 - step["percent_kept"]


def _step_failures(steps: Sequence[Row], rules: QualityRules) -> Iterator[str]:
    for step, _, gone in _removed(steps, "time"):
        if gone > rules.max_time_removed_percent:
            yield f"{step['step']}: {gone:.1f} % of events removed, more than {rules.max_time_removed_percent:g} %"
    for step, kept, _ in _removed(steps, "dead"):
        if kept < rules.fail_live_percent:
            yield f"{step['step']}: {kept:.1f} % live, less than {rules.fail_live_percent:g} %"


def _step_flags(steps: Sequence[Row], rules: QualityRules) -> Iterator[str]:
    for step, _, gone in _removed(steps, "margins"):
        if gone > rules.max_margin_percent:
            yield f"{step['step']}: {gone:.1f} % of events at the range's edge, over {rules.max_margin_percent:g} %"
    for step, kept, _ in _removed(steps, "doublets"):
        if kept < rules.min_singlet_percent:
            yield f"{step['step']}: {kept:.1f} % singlets, less than {rules.min_singlet_percent:g} %"
    for step, kept, _ in _removed(steps, "dead"):
        if rules.fail_live_percent <= kept < rules.min_live_percent:
            yield f"{step['step']}: {kept:.1f} % live, less than {rules.min_live_percent:g} %"


def _borrowed(gates: Sequence[Row]) -> Iterator[str]:
    said = set()
    for row in gates:
        if row["source"] in ("pooled", "fallback") and row["population"] not in said:
            said.add(row["population"])
            origin = f"its pool ({row['pool']})" if row["source"] == "pooled" else "the strategy's fallback"
            yield f"{row['population']} gate from {origin}: {row['reason']}"


def _doubted(gates: Sequence[Row]) -> Iterator[str]:
    """Gates that the file's own events showed, and showed to cut through cells; each population once."""
    moved = {row["population"] for row in gates if row["source"] == "manual"}
    found = [row for row in gates if row.get("doubt") and row["source"] == "found" and row["population"] not in moved]
    doubts = {row["population"]: row["doubt"] for row in found}
    for population, doubt in doubts.items():
        yield f"{population} gate uncertain: {doubt}".replace(";", ",")


def _moved(gates: Sequence[Row]) -> Iterator[str]:
    """Gates that a person moved, or asked to be moved where the file did not allow it; each sentence once."""
    said = {}
    for row in gates:
        if row.get("reviewer") is None or row["method"] == "opposite":
            continue
        if row["source"] == "manual":
            text = f"gate moved by hand by {row['reviewer']}, {row['reviewed']}: {row['reason']}"
        else:
            text = f"gate not moved by hand: {row['reason']}"
        said[f"{row['population']} {text}".replace(";", ",")] = None  # semicolons part the reasons of a file
    yield from said


def judge_number(
    subset: str,
    denominator: str,
    counts: tuple[int, int],
    file_status: str,
    rules: QualityRules,
) -> tuple[str, list[str]]:
    """A percentage's flag, and every reason for it; `counts` are numerator and denominator events."""
    numerator_n, denominator_n = counts
    if denominator_n == 0:
        return NOT_REPORTED, [f"no {denominator} events"]
    if numerator_n < rules.not_reported:
        return NOT_REPORTED, [f"{numerator_n} {subset} events, fewer than {rules.not_reported}"]
    reasons = list(_number_flags(subset, denominator, counts, rules))
    if file_status == FLAGGED:
        reasons.append("file flagged, see status.tsv")
    if numerator_n < rules.lloq:
        return BELOW_LLOQ, [f"{numerator_n} {subset} events, fewer than {rules.lloq}", *reasons]
    return (FLAGGED, reasons) if reasons else (OK, [])


def _number_flags(subset: str, denominator: str, counts: tuple[int, int], rules: QualityRules) -> Iterator[str]:
    numerator_n, denominator_n = counts
    if rules.lloq <= numerator_n < rules.min_events:
        yield f"{numerator_n} {subset} events, fewer than {rules.min_events}"
    least = rules.min_denominator.get(denominator, 0)
    if denominator_n < least:
        yield f"{denominator_n} {denominator} events, fewer than {least:g}"
    low, high = rules.plausible_percent.get(f"{subset}/{denominator}", (0.0, 100.0))
    percent = 100.0 * numerator_n / denominator_n
    if not low <= percent <= high:
        yield f"{percent:.2f} % is outside the plausible {low:g} to {high:g} %"
