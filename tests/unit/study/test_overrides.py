"""The overrides sheet: what is read, what is refused and how, and which of several rows is in force."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cytotrial.errors import CytotrialError
from cytotrial.study.overrides import (
    Override,
    in_force,
    overrides_of,
    overrides_sheet,
    read_overrides,
    strongest,
    target_problems,
)
from cytotrial.study.samples import Sample

COLUMNS = "sample_id pool panel population marker bound threshold threshold_linear coordinates reviewer date reason"
GOOD = {
    "sample_id": "A0",
    "population": "cd3",
    "marker": "CD3",
    "bound": "min",
    "threshold": "0.4",
    "reviewer": "AB",
    "date": "2026-01-05",
    "reason": "cuts through the CD3+ cells",
}
SAMPLES = tuple(
    Sample(name, f"{name}.fcs", subject, "W0", panel, condition, batch, None, None, 2, site)
    for name, subject, panel, condition, batch, site in (
        ("A0", "S1", "treg", None, "lot 1", "BJ"),
        ("A1", "S1", "treg", "FMO-CD25", "lot 1", None),
        ("B0", "S2", "treg", None, "lot 2", "BJ"),
        ("N0", "S1", "nk", None, "lot 1", "BJ"),
    )
)


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    """``sheet({column: cell}, ...)``: a sheet with these rows, cells of `GOOD` where nothing else is said."""

    def write(*rows: dict[str, str | None]) -> Path:
        lines = [COLUMNS.split()]
        lines += [[(GOOD | row).get(column) or "" for column in COLUMNS.split()] for row in rows]
        path = tmp_path / "overrides.tsv"
        path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
        return path

    return write


def told(path: Path) -> list[str]:
    """Every mistake of a sheet's form, the path left out."""
    with pytest.raises(CytotrialError) as raised:
        read_overrides(path)
    return [line.removeprefix(f"{path}, ") for line in raised.value.problems]


def override(**changes: object) -> Override:
    """A good one."""
    cells = dict.fromkeys(COLUMNS.split()) | GOOD | {"threshold": 0.4, "row": 2}
    return Override(**(cells | changes))


def test_a_row(sheet: Callable[..., Path]) -> None:
    (one,) = read_overrides(sheet({}))
    assert one == override()
    assert (one.width, one.of, one.told) == ("sample", None, "AB, 2026-01-05")


def test_a_pools_row(sheet: Callable[..., Path]) -> None:
    pool = {"sample_id": None, "pool": "batch  lot 1", "panel": "treg", "threshold": None, "threshold_linear": "-1e2"}
    (one,) = read_overrides(sheet(pool))
    assert (one.pool, one.width, one.of, one.threshold_linear) == ("batch lot 1", "batch", "lot 1", -100.0)


def test_shapes(sheet: Callable[..., Path]) -> None:
    shape = {"bound": "shape", "threshold": None}
    rows = (
        {**shape, "marker": "FSC-A:SSC-A", "coordinates": "[[1, 2], [3, 4.5], [0, 9]]"},
        {**shape, "marker": "Time", "coordinates": "[[0, 1.5], [3, 4]]"},
    )
    polygon, intervals = read_overrides(sheet(*rows))
    assert polygon.coordinates == ((1.0, 2.0), (3.0, 4.5), (0.0, 9.0))
    assert intervals.coordinates == ((0.0, 1.5), (3.0, 4.0))


def test_the_contracts_columns_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "o.tsv"
    path.write_text("\t".join(GOOD) + "\n" + "\t".join(GOOD.values()) + "\n", encoding="utf-8")
    assert read_overrides(path) == (override(),)


def test_a_header_alone_asks_for_nothing(sheet: Callable[..., Path]) -> None:
    assert read_overrides(sheet()) == ()


SHAPE = {"bound": "shape", "threshold": None, "marker": "FSC-A:SSC-A"}
POOL = {"sample_id": None, "pool": "trial", "panel": "treg", "threshold": None, "threshold_linear": "5"}
MISTAKES: dict[str, tuple[dict[str, str | None], str]] = {
    "no reason": ({"reason": None}, "row 2: found no reason, expected reason: why the gate was moved; add it"),
    "no reviewer": ({"reviewer": None}, "row 2: found no reviewer, expected reviewer: who moved the gate; add it"),
    "no date": ({"date": "NA"}, "row 2: found no date"),
    "another form of date": ({"date": "5.1.2026"}, "row 2, date: found '5.1.2026', expected the day it was moved, as"),
    "no day": ({"date": "2026-02-30"}, "row 2, date: found '2026-02-30', expected a day of the calendar"),
    "bound": (
        {"bound": "Min"},
        "row 2, bound: found 'Min', expected min, max or shape; correct it (did you mean 'min'",
    ),
    "comma": ({"threshold": "0,4"}, "row 2, threshold: found '0,4', expected a number with a decimal point"),
    "no number": ({"threshold": None, "threshold_linear": "high"}, "row 2, threshold_linear: found 'high'"),
    "infinite": ({"threshold": "1e999"}, "row 2, threshold: found 1e999, expected a finite number"),
    "no place": ({"threshold": None}, "row 2: found no place for the gate, expected threshold or threshold_linear"),
    "two places": ({"threshold_linear": "3"}, "row 2: found threshold and threshold_linear, expected threshold or"),
    "shape of a threshold": ({"coordinates": "[[1,2],[3,4],[5,7]]"}, "row 2: found threshold and coordinates"),
    "threshold of a shape": (
        {"bound": "shape"},
        "row 2: found threshold, expected coordinates alone for the bound sha",
    ),
    "no JSON": ({**SHAPE, "coordinates": "(1,2),(3,4)"}, "row 2, coordinates: found '(1,2),(3,4)', expected JSON"),
    "no pairs": ({**SHAPE, "coordinates": "[[1,2,3],[4,5],[6,7]]"}, "row 2, coordinates: found '[[1,2,3]"),
    "no numbers": ({**SHAPE, "coordinates": '[["a",2],[3,4],[5,6]]'}, "row 2, coordinates: found '[["),
    "truth values": ({**SHAPE, "coordinates": "[[true,2],[3,4],[5,6]]"}, "row 2, coordinates: found '[[true"),
    "NaN": ({**SHAPE, "coordinates": "[[NaN,2],[3,4],[5,6]]"}, "row 2, coordinates: found '[[NaN"),
    "two vertices": ({**SHAPE, "coordinates": "[[1,2],[3,4],[1,2]]"}, "row 2, coordinates: found 2 different vertices"),
    "interval": (
        {**SHAPE, "marker": "Time", "coordinates": "[[3,1]]"},
        "row 2, coordinates: found the interval [3.0, 1",
    ),
    "no interval": ({**SHAPE, "marker": "Time", "coordinates": "[]"}, "row 2, coordinates: found no interval"),
    "sample and pool": ({"pool": "trial"}, "row 2: found both a sample_id and a pool"),
    "neither": ({"sample_id": None}, "row 2: found neither a sample_id nor a pool"),
    "kind of pool": ({**POOL, "pool": "arm IL2"}, "row 2, pool: found 'arm IL2', expected 'subject ID'"),
    "pool of nobody": ({**POOL, "pool": "batch"}, "row 2, pool: found 'batch'"),
    "pool without panel": ({**POOL, "panel": None}, "row 2, panel: found nothing, expected the panel whose gates"),
    "pool on own scale": (
        {**POOL, "threshold": "0.4", "threshold_linear": None},
        "row 2, threshold: found a value on the gate's own scale for a whole pool, expected one place for all its "
        "files, whose scales may differ; write it as threshold_linear",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_is_one_line(sheet: Callable[..., Path], mistake: str) -> None:
    cells, said = MISTAKES[mistake]
    (line,) = told(sheet(cells))
    assert line.startswith(said), line


def test_all_mistakes_come_at_once(sheet: Callable[..., Path]) -> None:
    lines = told(sheet(*(cells for cells, _ in MISTAKES.values())))
    assert len(lines) == len(MISTAKES)
    assert {int(line.split(",")[0].split(":")[0].removeprefix("row ")) for line in lines} == set(
        range(2, 2 + len(MISTAKES))
    )


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "o.tsv"
    path.write_text("sample_id\tpopulation\tmarker\tbound\tthreshold\treviewer\tdate\tReason\n", encoding="utf-8")
    (line,) = told(path)
    assert "row 1: found no column 'reason' (is it 'Reason'?)" in line


def test_good_rows_are_kept_beside_broken_ones(sheet: Callable[..., Path]) -> None:
    path = sheet({"reason": None}, {}, {"date": "2026-02-30"})
    overrides, problems = overrides_of(overrides_sheet(path), path)
    assert [one.row for one in overrides] == [3] and len(problems) == 1


TARGETS = {
    "sample": (override(sample_id="A00"), "row 2, sample_id: found 'A00' (did you mean 'A0'?), expected a sample of"),
    "panel of a sample": (
        override(panel="nk"),
        "row 2, panel: found 'nk', expected A0's own panel, treg; correct it or",
    ),
    "panel": (override(panel="trge"), "row 2, panel: found 'trge' (did you mean 'treg'?), expected a known panel"),
    "subject": (
        override(sample_id=None, pool="subject S3", panel="treg"),
        "row 2, pool: found 'subject S3', of which there is no treg sample, expected a subject of "
        "the samples sheet: S1, S2; correct it",
    ),
    "subject of another panel": (
        override(sample_id=None, pool="subject S2", panel="nk"),
        "row 2, pool: found 'subject S2', of which there is no nk sample",
    ),
    "batch": (
        override(sample_id=None, pool="batch lot 9", panel="nk"),
        "row 2, pool: found 'batch lot 9' (did you mean 'lot 1'?)",
    ),
    "panel without samples": (
        override(sample_id=None, pool="trial", panel="cd8"),
        "row 2, panel: found 'cd8', which has no sample",
    ),
}


@pytest.mark.parametrize("mistake", TARGETS)
def test_who_is_not_there_is_told(mistake: str) -> None:
    one, said = TARGETS[mistake]
    (line,) = target_problems([one], Path("o.tsv"), samples=SAMPLES, panels=("treg", "nk", "cd8"))
    assert line.startswith(f"o.tsv, {said}"), line


def test_a_sheet_without_sites_is_told_to_have_them() -> None:
    samples = [replace(one, site=None) for one in SAMPLES]
    one = override(sample_id=None, pool="site BJ", panel="treg")
    (line,) = target_problems([one], Path("o.tsv"), samples=samples, panels=("treg", "nk"))
    assert line.endswith("expected a site of the samples sheet; fill the column site of the samples sheet")


def test_who_is_there_is_not_told_of() -> None:
    pools = [override(sample_id=None, pool=pool, panel="treg") for pool in ("trial", "site BJ", "subject S2")]
    assert list(target_problems([override(), *pools], Path("o"), samples=SAMPLES, panels=("treg", "nk"))) == []


def covered(one: Override) -> list[str]:
    return [sample.sample_id for sample in SAMPLES if one.covers(sample)]


@pytest.mark.parametrize(
    ("pool", "samples"),
    [
        ("trial", ["A0", "A1", "B0"]),
        ("subject S1", ["A0", "A1"]),
        ("batch lot 1", ["A0", "A1"]),
        ("site BJ", ["A0", "B0"]),
    ],
)
def test_a_pool_is_of_its_panel_and_takes_in_controls(pool: str, samples: list[str]) -> None:
    assert covered(override(sample_id=None, pool=pool, panel="treg")) == samples
    assert covered(override()) == ["A0"]


def test_the_narrower_then_the_later_then_the_lower_row_is_in_force() -> None:
    pool = {"sample_id": None, "panel": "treg"}
    weakest_first = [
        override(**pool, pool="trial", date="2026-09-09", row=90),
        override(**pool, pool="site BJ", date="2026-08-08"),
        override(**pool, pool="batch lot 1", date="2026-07-07"),
        override(**pool, pool="subject S1", date="2026-06-06"),
        override(date="2026-01-04", row=50),
        override(date="2026-01-05", row=3),
        override(date="2026-01-05", row=4),
    ]
    random.seed(3)
    for n in range(1, len(weakest_first) + 1):
        rows = random.sample(weakest_first[:n], n)
        assert in_force(rows, SAMPLES[0]) == [weakest_first[n - 1]]


def test_every_bound_has_its_own_override() -> None:
    rows = [override(), override(marker="CD8", bound="max"), override(population="cd4"), override(sample_id="B0")]
    assert in_force(rows, SAMPLES[0]) == rows[:3]


def test_a_shape_and_thresholds_exclude_each_other() -> None:
    """The later kind alone counts, for its population alone."""
    low, high = override(marker="CD25"), override(marker="CD127", bound="max", row=3)
    shape = override(marker="CD25:CD127", bound="shape", threshold=None, coordinates=((0, 0), (1, 1), (0, 2)))
    other = override(population="x", row=9)
    late = replace(shape, date="2026-02-01")
    assert strongest([low, high, late, other]) == [other, late]
    assert strongest([replace(shape, date="2025-01-01"), low, high, other]) == [low, high, other]
