"""Memory and time of a job: more for more, never less than what was measured, twice as much after each failure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cytotrial.job_resources import NEEDS, FileSizes, JobResources, memory_mb, runtime_minutes
from cytotrial.jobs import load_jobs

RULES = some.sampled_from(sorted(NEEDS))
SIZES = some.builds(
    FileSizes,
    largest_mb=some.floats(0, 5000),
    total_mb=some.floats(0, 50_000),
    n_files=some.integers(0, 5000),
    drawing_mb=some.floats(0, 100),
)
FOR_FILES = {"mem_mb": 'RESOURCES.memory("{}")', "runtime": 'RESOURCES.minutes("{}")'}


@given(rule=RULES, sizes=SIZES)
def test_every_attempt_asks_for_twice_as_much(rule: str, sizes: FileSizes) -> None:
    for asked in (memory_mb, runtime_minutes):
        first = asked(rule, sizes)
        assert isinstance(first, int) and first > 0
        assert [asked(rule, sizes, attempt) for attempt in (1, 2, 3)] == [first, 2 * first, 4 * first]


@given(rule=RULES, sizes=SIZES)
def test_more_is_asked_for_than_was_measured(rule: str, sizes: FileSizes) -> None:
    need = NEEDS[rule]
    assert memory_mb(rule, sizes) > need.mb + need.mb_per_mb * min(sizes.largest_mb, need.most_mb) + 300
    assert 60 * runtime_minutes(rule, sizes) > need.seconds + need.seconds_per_mb * sizes.total_mb + 30


@given(rule=RULES, sizes=SIZES, more=SIZES)
def test_more_files_never_ask_for_less(rule: str, sizes: FileSizes, more: FileSizes) -> None:
    both = FileSizes(
        max(sizes.largest_mb, more.largest_mb),
        sizes.total_mb + more.total_mb,
        sizes.n_files + more.n_files,
        max(sizes.drawing_mb, more.drawing_mb),
    )
    assert memory_mb(rule, both) >= memory_mb(rule, sizes)
    assert runtime_minutes(rule, both) >= runtime_minutes(rule, sizes)


def test_a_large_file_is_placed_in_blocks_and_checked_as_a_whole() -> None:
    """131,072 events are placed together, FlowKit holds them all."""
    large, larger = FileSizes(largest_mb=100), FileSizes(largest_mb=1000)
    assert memory_mb("place_gates", large) == memory_mb("place_gates", larger) < 1000
    assert memory_mb("apply_gates", FileSizes()) == memory_mb("apply_gates", larger)
    assert memory_mb("check_counts", larger) > 10_000


def test_a_drawn_workspace_is_held_as_a_tree() -> None:
    assert (
        memory_mb("apply_gates", FileSizes(drawing_mb=40)) - memory_mb("apply_gates", FileSizes(drawing_mb=20)) == 330
    )


def test_files_whose_gates_people_drew_are_held_whole() -> None:
    drawn = FileSizes(largest_mb=500, drawing_mb=1)
    assert memory_mb("place_gates", drawn) == memory_mb("apply_gates", drawn) > 5000
    assert memory_mb("apply_gates", FileSizes(largest_mb=500)) < 1000


def test_jobs_are_measured_by_their_own_files(
    make_trial: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = make_trial(tmp_path / "trial", subjects=("S001", "S002"))
    for number, path in enumerate(sorted(trial.path("fcs").glob("*.fcs"))):
        with path.open("r+b") as file:
            file.truncate((number + 1) * 1_000_000)  # S001_W0_nk, S001_W0_treg, S001_W10_nk, ...
    trial.path("fcs/S002_W10_treg.fcs").unlink()
    monkeypatch.chdir(trial.root)
    asked = JobResources(load_jobs(Path("config/config.yaml"), Path()))
    assert asked.sizes({"panel": "nk", "block": "S001"}) == FileSizes(3, 4, 2)
    assert asked.sizes({"panel": "treg", "block": "S002"}) == FileSizes(6, 6, 1)
    assert asked.sizes({"panel": "nk"}) == FileSizes(7, 16, 4)
    assert asked.sizes({}) == FileSizes(7, 28, 7)
    one = {"panel": "nk", "block": "S001"}
    assert asked.memory("place_gates")(one, attempt=2) == memory_mb("place_gates", FileSizes(3, 4, 2), 2)
    assert asked.minutes("check_counts")({}, attempt=1) == runtime_minutes("check_counts", FileSizes(7, 28, 7))


def test_every_rule_asks_by_its_own_name(checkout: Path) -> None:
    found = {}
    for path in sorted((checkout / "workflow" / "rules").glob("*.smk")):
        for text in re.split(r"(?m)^(?=rule )", path.read_text(encoding="utf-8"))[1:]:
            name = re.match(r"rule (\w+):", text)[1]
            found[name] = {key: f"{key}={call.format(name)}," in text for key, call in FOR_FILES.items()}
    assert set(found) == set(NEEDS)
    assert {name for name, asks in found.items() if not all(asks.values())} == set()
