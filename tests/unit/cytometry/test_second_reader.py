"""Header and text read twice: where both readers agree, where they do not, and where one of them fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fcsparser
import numpy as np
import pytest

from cytotrial.cytometry.second_reader import ComparedReaders, compare_readers

NAMES = ("FSC-A", "FITC-A", "PE-A", "Time")
EVENTS = np.arange(40, dtype=float).reshape(10, 4) * 10.0
SPILL = "2,FITC-A,PE-A,1,0.2,0.1,1"
AGREED = ComparedReaders(True)
Make = Callable[..., Path]


def patch_second(monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]) -> None:
    """Let the second reader answer differently; None takes a keyword away."""
    read = fcsparser.parse

    def other(*args: object, **options: object) -> dict[str, object]:
        meta = {**read(*args, **options), **changes}
        return {key: value for key, value in meta.items() if value is not None}

    monkeypatch.setattr(fcsparser, "parse", other)


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.1"])
@pytest.mark.parametrize("datatype", ["F", "D", "I"])
@pytest.mark.parametrize("little_endian", [True, False])
def test_agreed(make_fcs: Make, version: str, datatype: str, little_endian: bool) -> None:
    form = {"version": version, "datatype": datatype, "little_endian": little_endian}
    assert compare_readers(make_fcs(EVENTS, NAMES, keywords={"SPILL": SPILL, "$P2S": "CD3"}, **form)) == AGREED


@pytest.mark.parametrize("keyword", ["SPILL", "SPILLOVER", "$SPILLOVER", "$SPILL"])
def test_agreed_on_every_usual_keyword_of_the_spillover(make_fcs: Make, keyword: str) -> None:
    assert compare_readers(make_fcs(EVENTS, NAMES, keywords={keyword: SPILL})) == AGREED


def test_padded_names_are_the_same_names(make_fcs: Make) -> None:
    assert compare_readers(make_fcs(EVENTS, ("FSC-A", "FITC-A ", " PE-A", "Time"))) == AGREED


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"$TOT": 12}, "events (10 and 12)"),
        ({"$PAR": 3}, "parameters (4 and 3)"),
        ({"$P3N": "PE-H"}, "names ('PE-A' and 'PE-H')"),
        ({"$P2R": "1024"}, "ranges (FITC-A: 262144 and 1024)"),
        (
            {"SPILL": "2,FITC-A,PE-A,1,0.3,0.1,1"},
            "spillover ('2.0,FITC-A,PE-A,1.0,0.2,0.1,1.0' and '2.0,FITC-A,PE-A,1.0,0.3,0.1,1.0')",
        ),
        ({"SPILL": None}, "spillover ('2.0,FITC-A,PE-A,1.0,0.2,0.1,1.0' and '')"),
    ],
)
def test_readers_disagree(
    make_fcs: Make, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], told: str
) -> None:
    patch_second(monkeypatch, changes)
    found = compare_readers(make_fcs(EVENTS, NAMES, keywords={"SPILL": SPILL}))
    assert found == ComparedReaders(False, f"the two readers (FlowIO and fcsparser) disagree on {told}")


def test_readers_disagree_on_everything_at_once(make_fcs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    patch_second(monkeypatch, {"$TOT": 12, "$P3N": "PE-H", "SPILL": "2,FITC-A,PE-A,1,0,0,1"})
    found = compare_readers(make_fcs(EVENTS, NAMES, keywords={"SPILL": SPILL}))
    assert all(word in found.reason for word in ("events (", "names (", "spillover ("))


def test_spelling_of_the_same_spillover_is_no_difference(make_fcs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    patch_second(monkeypatch, {"SPILL": " 2 , FITC-A,PE-A, 1.000,2e-1,0.10,1.0,"})
    assert compare_readers(make_fcs(EVENTS, NAMES, keywords={"SPILL": SPILL})) == AGREED


# One of them fails.


def test_only_the_second_reader_fails(make_fcs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("nothing\nbut zeros")

    monkeypatch.setattr(fcsparser, "parse", fail)
    flag = "the second reader (fcsparser) cannot read the header: nothing but zeros"
    assert compare_readers(make_fcs(EVENTS, NAMES)) == ComparedReaders(True, flags=(flag,))


def test_second_reader_gives_less_than_is_compared(make_fcs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that it can read, without the range: a flag, no traceback."""
    patch_second(monkeypatch, {"$P2R": None})
    flag = "the second reader (fcsparser) cannot read the header: no keyword $P2R"
    assert compare_readers(make_fcs(EVENTS, NAMES)) == ComparedReaders(True, flags=(flag,))


def test_file_that_the_first_reader_cannot_open(tmp_path: Path, make_fcs: Make) -> None:
    """In the intake's own words: then nothing is left to compare."""
    assert compare_readers(tmp_path / "gone.fcs") == ComparedReaders(False, f"no such file: {tmp_path / 'gone.fcs'}")
    cut = make_fcs(EVENTS, NAMES)
    cut.write_bytes(cut.read_bytes()[:300])
    assert compare_readers(cut).reason.startswith("FlowIO cannot read it: ")
    assert not compare_readers(cut).agree


@pytest.mark.parametrize(
    "spoiled",
    [
        {"keywords": {"$TOT": "9"}},
        {"end_shift": 1},
        {"end_shift": 2},
        {"header_data_start_shift": 4},
        {"keywords": {"$TIMESTEP": "ten ms"}},
    ],
    ids=["tot", "off-by-one", "off-by-two", "offsets", "time-step"],
)
def test_what_shows_in_the_events_alone_is_left_to_their_reader(make_fcs: Make, spoiled: dict) -> None:
    assert compare_readers(make_fcs(EVENTS, NAMES, **spoiled)) == AGREED


def test_pandas_is_there_for_whoever_asks_and_is_not_imported_before(make_fcs: Make, run_python: Callable) -> None:
    """It would cost a hundred times what both readers do."""
    path = make_fcs(EVENTS, NAMES)
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from cytotrial.cytometry.second_reader import compare_readers\n"
        f"path = {str(path)!r}\n"
        "print(compare_readers(Path(path)).agree, 'fcsparser' in sys.modules, 'pandas' in sys.modules)\n"
        "import fcsparser\n"
        "table = fcsparser.parse(path)[1]\n"
        "import pandas\n"
        "print(isinstance(table, pandas.DataFrame), table.shape, type(pandas).__name__)"
    )
    done = run_python(program)
    assert done.stdout.splitlines() == ["True True False", "True (10, 4) module"], done.stderr
