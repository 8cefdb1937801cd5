"""Whom a file may learn a gate from: stained and measured alike, in its pool, nearest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cytotrial.gating.pools import WIDER, FileGate, Peers, alike, pool_name, shows_negatives

Make = Callable[..., Any]


@pytest.fixture
def file(row: Make) -> Make:
    """One file's CD3 gate at 500: ``file("A0", batch=..., ...)``; without one where `found` is False."""

    def make(sample: str, *, found: bool = True, **changes: Any) -> FileGate:
        return FileGate((row(sample, 500.0 if found else None, **changes),), {"CD3": 500.0} if found else {})

    return make


def names(files: list[FileGate]) -> list[str]:
    """Whose gates these are."""
    return [one.sample_id for one in files]


# What a file says of itself.


def test_what_all_rows_share(row: Make) -> None:
    both = (row("A0", 5.0, marker="CD4"), row("A0", 9.0, marker="CD8", bound="max", top=1024.0))
    one = FileGate(both)
    assert (one.sample_id, one.found, one.tops) == ("A0", True, {"CD4": 262144.0, "CD8": 1024.0})
    assert not FileGate((row("A0", None),)).found


@pytest.mark.parametrize(("width", "pool"), [("subject", "A"), ("batch", "day1"), ("site", None), ("trial", "trial")])
def test_which_pool(file: Make, width: str, pool: str | None) -> None:
    assert file("A0", batch="day1").of_pool(width) == pool


@pytest.mark.parametrize(
    ("width", "name"),
    [("subject", "subject A"), ("batch", "batch day1"), ("site", "site Lyon"), ("trial", "trial")],
)
def test_pool_name(file: Make, width: str, name: str) -> None:
    assert pool_name(width, file("A0", batch="day1", site="Lyon")) == name


# Alike.


@pytest.mark.parametrize(
    ("donor", "is_alike"),
    [
        ({}, True),
        ({"batch": "day2", "site": "Lyon", "subject_id": "Z"}, True),  # whose and when is the pools' business
        ({"condition": "CEF"}, False),
        ({"condition": "FMO-CD3", "is_control": True}, False),
        ({"is_control": True}, False),
        ({"top": 4194304.0}, False),
        ({"top": None}, False),
        ({"marker": "CD19"}, False),
    ],
)
def test_alike(file: Make, donor: dict[str, Any], is_alike: bool) -> None:
    assert alike(file("B0", **donor), file("A0", batch="day1")) is is_alike


def test_alike_is_of_the_same_condition(file: Make) -> None:
    assert alike(file("B0", condition="CEF"), file("A0", condition="CEF"))


def test_a_shape_is_alike_its_two_axes(row: Make) -> None:
    """Where it was found there is one row for the pair, where not there are two; another range is another range."""
    drawn = FileGate((row("B0", None, marker="FSC-A:SSC-A", outcome="found"),))
    lacks = FileGate(tuple(row("A0", None, marker=marker) for marker in ("FSC-A", "SSC-A")))
    assert alike(drawn, lacks)
    assert not alike(drawn, FileGate(tuple(row("A0", None, marker=m, top=1024.0) for m in ("FSC-A", "SSC-A"))))


# Pools.


@pytest.fixture
def trial(file: Make) -> list[FileGate]:
    """Three subjects at two sites, on two days; one file has neither day nor site."""
    lyon, graz = {"site": "Lyon"}, {"site": "Graz"}
    return [
        file("A0", batch="day1", **lyon),
        file("A2", batch="day2", **lyon),
        file("B0", batch="day1", **lyon),
        file("C0", batch="day1", **graz),
        file("C2"),
        file("D0", condition="CEF", batch="day1", **lyon),
        file("F0", condition="FMO-CD3", is_control=True, batch="day1", **lyon),
    ]


@pytest.mark.parametrize(
    ("width", "whom"),
    [
        ("subject", ["A0", "A2"]),
        ("batch", ["A0", "B0", "C0"]),
        ("site", ["A0", "A2", "B0"]),
        ("trial", ["A0", "A2", "B0", "C0", "C2"]),
    ],
)
def test_pool_holds_the_file_itself(trial: list[FileGate], width: str, whom: list[str]) -> None:
    peers = Peers(trial)
    assert names(peers.pool(width, trial[0])) == whom
    assert peers.pool(width, trial[0]) is peers.pool(width, trial[0])  # each grouping is made once


@pytest.mark.parametrize(("width", "whom"), [("batch", []), ("site", []), ("subject", ["C0", "C2"])])
def test_a_file_without_batch_or_site_is_in_nobodys(trial: list[FileGate], width: str, whom: list[str]) -> None:
    assert names(Peers(trial).pool(width, trial[4])) == whom


def test_pools_of_another_condition_and_of_a_control(trial: list[FileGate]) -> None:
    peers = Peers(trial)
    assert names(peers.pool("trial", trial[5])) == ["D0"]
    assert peers.pool("trial", trial[6]) == []  # a control is not even its own peer


def test_middle(row: Make) -> None:
    values = {"A0": 1.0, "A2": 10.0, "A4": 4.0, "B0": 500.0}
    files = [FileGate((row(name, value),), {"bulk": value}) for name, value in values.items()]
    peers = Peers(files)
    assert peers.middle("subject", files[0], "bulk") == 4.0
    assert peers.middle("trial", files[0], "bulk") == 7.0
    assert peers.middle("subject", files[3], "bulk") == 500.0


# Nearest first.


@pytest.mark.parametrize(
    ("declared", "order"),
    [
        ("none", []),
        (
            "subject",
            [
                ("subject A, batch day1", ["A0"]),
                ("subject A", ["A0", "A2"]),
                ("site Lyon, batch day1", ["A0", "B0"]),
                ("site Lyon", ["A0", "A2", "B0"]),
                ("trial, batch day1", ["A0", "B0", "C0"]),
                ("trial", ["A0", "A2", "B0", "C0", "C2"]),
            ],
        ),
        (
            "batch",
            [
                ("batch day1", ["A0", "B0", "C0"]),
                ("batch day1", ["A0", "B0", "C0"]),
                ("site Lyon, batch day1", ["A0", "B0"]),
                ("site Lyon", ["A0", "A2", "B0"]),
                ("trial, batch day1", ["A0", "B0", "C0"]),
                ("trial", ["A0", "A2", "B0", "C0", "C2"]),
            ],
        ),
        ("site", [("site Lyon, batch day1", ["A0", "B0"]), ("site Lyon", ["A0", "A2", "B0"])]),
        ("trial", [("trial, batch day1", ["A0", "B0", "C0"]), ("trial", ["A0", "A2", "B0", "C0", "C2"])]),
    ],
)
def test_nearest_first(trial: list[FileGate], file: Make, declared: str, order: list[tuple[str, list[str]]]) -> None:
    borrower = file("A9", found=False, batch="day1", site="Lyon")
    found = [(name, names(files)) for name, files in Peers(trial).nearest(declared, borrower)]
    assert found[: len(order)] == order
    assert found or declared == "none"


def test_nearest_to_a_file_without_batch_and_site(trial: list[FileGate], file: Make) -> None:
    borrower = file("E0", found=False)
    assert [name for name, _ in Peers(trial).nearest("subject", borrower)] == ["trial"]
    assert [name for name, _ in Peers(trial).nearest("batch", borrower)] == ["trial"]


def test_every_pool_widens_to_the_trial() -> None:
    assert {widths[-1] for name, widths in WIDER.items() if name != "none"} == {"trial"}
    assert all(widths[0] == name for name, widths in WIDER.items() if name != "none")


# Staining controls by what the sheet calls them.


@pytest.mark.parametrize(
    ("condition", "marker", "channel", "shows"),
    [
        ("FMO-CD56", "CD56", "PE-Cy7-A", True),
        ("fmo cd56", "CD56", "PE-Cy7-A", True),
        ("FMO_CD56", "CD56", "PE-Cy7-A", True),
        ("FMO-PE-Cy7", "CD56", "PE-Cy7-A", True),
        ("FMO PE-Cy7-A", "CD56", "PE-Cy7-A", True),
        ("FMO-PE", "CD56", "PE-Cy7-A", False),  # another dye, whose name it begins with
        ("FMO-CD5", "CD56", "PE-Cy7-A", False),
        ("FMO-CD25", "CD56", "PE-Cy7-A", False),
        ("FMO", "CD56", None, False),  # without what?
        ("unstained", "CD56", "PE-Cy7-A", True),
        ("Unstained 2", "CD56", "PE-Cy7-A", True),
        ("single-stain-PE-Cy7", "CD56", "PE-Cy7-A", False),
        ("CEF", "CD56", "PE-Cy7-A", False),
        (None, "CD56", "PE-Cy7-A", False),
        ("", "CD56", None, False),
    ],
)
def test_shows_negatives(condition: str | None, marker: str, channel: str | None, shows: bool) -> None:
    assert shows_negatives(condition, marker, channel) is shows
