"""Quality rules at their boundaries: on the number is within."""

from __future__ import annotations

from typing import Any

import pytest

from cytotrial.quality import QualityRules, judge_file, judge_number, quality_rules

RULES = QualityRules()
MOVED = {"source": "manual", "pool": "none", "method": "valley", "reviewer": "AB", "reviewed": "2026-01-05"}
INTAKE = {"readable": "Y", "reasons": None}
Row = dict[str, Any]


def number(
    numerator: int, denominator: int = 100_000, *, name: str = "x/y", status: str = "ok"
) -> tuple[str, list[str]]:
    """A percentage's flag and reasons."""
    return judge_number(*name.split("/"), (numerator, denominator), status, RULES)


@pytest.mark.parametrize(
    ("n", "flag", "reasons"),
    [
        (0, "not_reported", ["0 x events, fewer than 20"]),
        (19, "not_reported", ["19 x events, fewer than 20"]),
        (20, "below_lloq", ["20 x events, fewer than 50"]),
        (49, "below_lloq", ["49 x events, fewer than 50"]),
        (50, "flagged", ["50 x events, fewer than 100"]),
        (99, "flagged", ["99 x events, fewer than 100"]),
        (100, "ok", []),
    ],
)
def test_numerator(n: int, flag: str, reasons: list[str]) -> None:
    assert number(n) == (flag, reasons)


@pytest.mark.parametrize("n", [0, 5])
def test_denominator_of_nothing(n: int) -> None:
    assert number(n, 0, name="treg/cd4") == ("not_reported", ["no cd4 events"])


@pytest.mark.parametrize(("name", "least"), [("x/lymphocytes", 5000), ("treg/cd4", 1000), ("cd56bright_nk/nk", 300)])
def test_denominator(name: str, least: int) -> None:
    denominator = name.split("/")[1]
    assert number(120, least, name=name) == ("ok", [])
    told = f"{least - 1} {denominator} events, fewer than {least}"
    assert number(120, least - 1, name=name) == ("flagged", [told])


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("cd4/cd3", 15, 85),
        ("cd8/cd3", 10, 75),
        ("treg/cd4", 1, 30),
        ("nk/lymphocytes", 0.5, 45),
        ("cd56bright_nk/nk", 0.5, 50),
    ],
)
def test_plausible(name: str, low: float, high: float) -> None:
    """Flagged, never left out."""
    of = 100_000
    at = {side: number(round(percent * of / 100), of, name=name) for side, percent in (("low", low), ("high", high))}
    assert at == {"low": ("ok", []), "high": ("ok", [])}
    for n in (round(low * of / 100) - 1, round(high * of / 100) + 1):
        flag, (reason,) = number(n, of, name=name)
        assert flag == "flagged"
        assert reason == f"{100 * n / of:.2f} % is outside the plausible {low:g} to {high:g} %"


def test_same_subset_of_another_denominator_has_its_own_window() -> None:
    assert number(90_000, name="cd4/lymphocytes") == ("ok", [])


def test_flagged_file() -> None:
    assert number(500, status="flagged") == ("flagged", ["file flagged, see status.tsv"])


def test_every_reason_is_kept() -> None:
    flag, reasons = number(30, 250, name="cd56bright_nk/nk", status="flagged")
    assert flag == "below_lloq"
    assert reasons == [
        "30 cd56bright_nk events, fewer than 50",
        "250 nk events, fewer than 300",
        "file flagged, see status.tsv",
    ]


# Files.


def step(kind: str, percent: float | None) -> Row:
    """A quality step that kept so many percent."""
    return {"step": f"the_{kind}", "kind": kind, "percent_kept": percent}


@pytest.mark.parametrize(
    ("kind", "kept", "status", "reason"),
    [
        ("time", 70.0, "ok", None),
        ("time", 69.9, "failed", "the_time: 30.1 % of events removed, more than 30 %"),
        ("time", 0.0, "failed", "the_time: 100.0 % of events removed, more than 30 %"),
        ("margins", 90.0, "ok", None),
        ("margins", 89.9, "flagged", "the_margins: 10.1 % of events at the range's edge, over 10 %"),
        ("doublets", 80.0, "ok", None),
        ("doublets", 79.9, "flagged", "the_doublets: 79.9 % singlets, less than 80 %"),
        ("dead", 70.0, "ok", None),
        ("dead", 69.9, "flagged", "the_dead: 69.9 % live, less than 70 %"),
        ("dead", 0.0, "flagged", "the_dead: 0.0 % live, less than 70 %"),
        ("other", 1.0, "ok", None),
        ("time", None, "ok", None),
        ("dead", None, "ok", None),
    ],
)
def test_steps(kind: str, kept: float | None, status: str, reason: str | None) -> None:
    found = judge_file(INTAKE, [step(kind, kept)], [], [], RULES)
    assert found == (status, [reason] if reason else [])


@pytest.mark.parametrize(("kept", "status"), [(50.0, "flagged"), (49.9, "failed")])
def test_dead_cells_can_fail_a_file_where_the_trial_says_so(kept: float, status: str) -> None:
    rules = quality_rules({"fail_live_percent": 50})
    found, reasons = judge_file(INTAKE, [step("dead", kept)], [], [], rules)
    assert found == status
    assert len(reasons) == 1


def test_unreadable_file() -> None:
    intake = {"readable": "N", "reasons": "0 events"}
    assert judge_file(intake, [step("time", 1.0)], [], [], RULES) == ("failed", ["0 events"])


def test_intake_flags() -> None:
    intake = {"readable": "Y", "reasons": "the data segment's end is off by one byte"}
    assert judge_file(intake, [], [], [], RULES) == ("flagged", ["the data segment's end is off by one byte"])


def test_borrowed_gates_are_said_once_each() -> None:
    def gate(population: str, source: str, bound: str) -> Row:
        return {"population": population, "source": source, "pool": "subject A", "reason": "no valley", "bound": bound}

    gates = [gate("cd4", "pooled", "min"), gate("cd4", "pooled", "max"), gate("nk", "fallback", "min")]
    found = judge_file(INTAKE, [], [*gates, gate("cd3", "found", "min"), gate("r", "fixed", "max")], [], RULES)
    assert found == (
        "flagged",
        ["cd4 gate from its pool (subject A): no valley", "nk gate from the strategy's fallback: no valley"],
    )


def test_population_that_was_not_gated() -> None:
    missing = [
        {"population": "treg", "outcome": "not_found", "reason": "100 CD4 cells"},
        {"population": "live", "outcome": "not_done", "reason": "no viability channel"},
    ]
    assert judge_file(INTAKE, [], [], missing, RULES) == ("flagged", ["treg not gated: 100 CD4 cells"])


def test_failures_come_before_flags() -> None:
    status, reasons = judge_file(INTAKE, [step("doublets", 10.0), step("time", 10.0)], [], [], RULES)
    assert status == "failed"
    assert [reason.split(":")[0] for reason in reasons] == ["the_time", "the_doublets"]


# Configuration.


def test_no_section_is_the_defaults() -> None:
    assert quality_rules({}) == RULES


def test_section_replaces_what_it_names() -> None:
    rules = quality_rules({"max_margin_percent": 5, "reportable": {"min_events": 200, "lloq": 60}})
    assert (rules.max_margin_percent, rules.min_events, rules.lloq, rules.not_reported) == (5, 200, 60, 20)
    assert judge_number("x", "y", (150, 1000), "ok", rules) == ("flagged", ["150 x events, fewer than 200"])


def test_a_gate_moved_by_hand_is_told_with_its_reviewer() -> None:
    """Once per population and reason; the population that follows it is not told of."""
    gates = [
        {**MOVED, "population": "cd4", "reason": "cuts them"},
        {**MOVED, "population": "cd4", "reason": "cuts them"},
        {**MOVED, "population": "cd4", "reason": "and these"},
        {**MOVED, "population": "cd3_negative", "reason": "the other side of cd3", "method": "opposite"},
        {**MOVED, "population": "live", "reason": "as it was", "source": "found", "reviewer": None},
    ]
    assert judge_file(INTAKE, [], gates, [], RULES) == (
        "flagged",
        [
            "cd4 gate moved by hand by AB, 2026-01-05: cuts them",
            "cd4 gate moved by hand by AB, 2026-01-05: and these",
        ],
    )


def test_a_gate_that_could_not_be_moved_is_told() -> None:
    gate = {
        **MOVED,
        "population": "live",
        "source": "found",
        "reason": "a valley; and not moved as AB asked: no channel",
    }
    assert judge_file(INTAKE, [], [gate], [], RULES) == (
        "flagged",
        ["live gate not moved by hand: a valley, and not moved as AB asked: no channel"],
    )
