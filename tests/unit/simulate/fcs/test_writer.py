"""Files in every form, as three independent readers and the package's own intake see them."""

from __future__ import annotations

import itertools
from pathlib import Path

import fcsparser
import flowio
import numpy as np
import pytest

from cytotrial.cytometry.fcs import UnreadableFcsError, read_fcs
from cytotrial.simulate.fcs import writer
from cytotrial.simulate.fcs.writer import spill_keyword_value, write_fcs
from cytotrial.simulate.form import BYTE_ORDERS, DATA_TYPES, SPILL_KEYWORDS, VERSIONS, FileForm

FORMS = [FileForm(*chosen) for chosen in itertools.product(VERSIONS, BYTE_ORDERS, DATA_TYPES)]
NAMES = ("FSC-A", "FITC-A", "PE-A", "APC-Cy7-A", "Time")
LABELS = {"FITC-A": "CD45RA", "PE-A": "PE - CD19 / CD14", "APC-Cy7-A": " CD3 "}
RANGES = (262144, 262144, 1024, 262144, 262144)
MATRIX = np.array([[1.0, 0.163, 1e-05], [0.0101, 1.0, 0.0], [0.0, 1.25, 1.0]])
DETECTORS = NAMES[1:4]
STEP = 0.01


def made_events(n: int = 257) -> np.ndarray:
    """Negative, fractional, halved, and beyond the range; nobody may write to them."""
    random = np.random.default_rng(7)
    events = (random.lognormal(5.0, 2.0, size=(n, len(NAMES))) - 60.0).astype(np.float32)
    events[:4, 1] = [-0.4, 0.5, 1.5, 262143.4]
    events[4:7, 3] = [262143.6, 1e9, -1e9]
    events[:, 4] = np.sort(random.uniform(0, 5000, n).round(1))
    events.setflags(write=False)
    return events


EVENTS = made_events()


def keywords(ranges: tuple[int | str, ...] = RANGES, **more: str) -> dict[str, str]:
    """What the caller of the writer brings."""
    found = {"$CYT": "FACSAriaII", "$TIMESTEP": str(STEP)}
    for number, (name, top) in enumerate(zip(NAMES, ranges, strict=True), start=1):
        own = f"$P{number}"
        found |= {f"{own}N": name, f"{own}B": "32", f"{own}E": "0,0", f"{own}R": str(top), f"{own}G": "1.0"}
        if name in LABELS:
            found[f"{own}S"] = LABELS[name]
    return {**found, **more}


def stored(events: np.ndarray, form: FileForm) -> np.ndarray:
    """What the file must hold, value by value: Python's own rounding, which takes a half to the even neighbour."""
    if form.data_type == "F":
        return events.astype(float)
    rows = [[min(max(round(value), 0), top - 1) for value, top in zip(row, RANGES, strict=True)] for row in events]
    return np.array(rows, dtype=float)


def shown(form: FileForm) -> str:
    """A form as a test's id."""
    return f"{form.version}-{form.byte_order}-{form.data_type}"


@pytest.fixture(params=FORMS, ids=shown)
def form(request: pytest.FixtureRequest) -> FileForm:
    """Every version, byte order and data type."""
    return request.param


@pytest.fixture
def path(tmp_path: Path, form: FileForm) -> Path:
    """`EVENTS` in that form."""
    made = tmp_path / "a.fcs"
    size = write_fcs(made, EVENTS, keywords=keywords(SPILL=spill_keyword_value(MATRIX, DETECTORS)), form=form)
    assert made.stat().st_size == size
    return made


def offsets(raw: bytes) -> list[int]:
    """First and last byte of TEXT, DATA and ANALYSIS."""
    return [int(raw[at : at + 8]) for at in range(10, 58, 8)]


# What each reader makes of it.


def test_bytes_of_header_and_data(path: Path, form: FileForm) -> None:
    raw = path.read_bytes()
    text_start, text_end, data_start, data_end, *analysis = offsets(raw)
    assert raw[:10] == f"FCS{form.version}    ".encode()
    assert (text_start, text_end + 1, data_end + 1, analysis) == (58, data_start, len(raw), [0, 0])
    assert raw[text_start] == raw[text_end] == 0x0C
    kind = (">" if form.byte_order == "big" else "<") + ("f4" if form.data_type == "F" else "u4")
    held = np.frombuffer(raw[data_start:], dtype=kind).reshape(EVENTS.shape)
    assert np.array_equal(held, stored(EVENTS, form))


def test_the_events_try_what_integers_cannot_hold() -> None:
    """Else the tests of integer files would pass without clipping or rounding."""
    as_integers = stored(EVENTS, FileForm(data_type="I"))
    assert as_integers[:7, 1].tolist()[:4] == [0, 0, 2, 262143]
    assert as_integers[4:7, 3].tolist() == [262143, 262143, 0]
    assert (EVENTS[:, 2] > 1024).any() and as_integers[:, 2].max() == 1023  # a channel of another range
    assert (EVENTS < -1).any() and (EVENTS % 1 != 0).any()


def test_flowio_reads_events_names_labels_and_ranges(path: Path, form: FileForm) -> None:
    data = flowio.FlowData(path)
    assert (data.version, data.event_count, data.data_type) == (form.version, len(EVENTS), form.data_type)
    assert data.pnn_labels == list(NAMES)
    assert data.pns_labels == [LABELS.get(name, "") for name in NAMES]
    assert data.pnr_values == list(RANGES)
    assert np.array_equal(data.as_array(preprocess=False), stored(EVENTS, form))
    expected = {
        "byteord": "4,3,2,1" if form.byte_order == "big" else "1,2,3,4",
        "datatype": form.data_type,
        "mode": "L",
        "nextdata": "0",
        "par": "5",
        "tot": "257",
        "cyt": "FACSAriaII",
    }
    assert {key: data.text[key] for key in expected} == expected


def test_fcsparser_reads_header_and_text(path: Path, form: FileForm) -> None:
    meta = fcsparser.parse(str(path), meta_data_only=True)
    header = meta["__header__"]
    numbers = range(1, len(NAMES) + 1)
    assert header["FCS format"] == f"FCS{form.version}".encode()
    assert (str(header["data start"]), str(header["data end"])) == (meta["$BEGINDATA"], meta["$ENDDATA"])
    assert (meta["$TOT"], meta["$PAR"], meta["$NEXTDATA"]) == (len(EVENTS), len(NAMES), 0)
    assert [meta[f"$P{number}N"] for number in numbers] == list(NAMES)
    assert [meta.get(f"$P{number}S", "") for number in numbers] == [LABELS.get(name, "") for name in NAMES]
    assert [int(meta[f"$P{number}R"]) for number in numbers] == list(RANGES)


@pytest.mark.parametrize("keyword", SPILL_KEYWORDS)
def test_intake_reads_it_without_a_flag_and_finds_the_spillover(tmp_path: Path, form: FileForm, keyword: str) -> None:
    path = tmp_path / "a.fcs"
    write_fcs(path, EVENTS, keywords=keywords(**{keyword: spill_keyword_value(MATRIX, DETECTORS)}), form=form)
    file = read_fcs(path)
    assert (file.version, file.flags, file.spillover_problem) == (f"FCS{form.version}", (), None)
    assert file.names == NAMES
    assert [channel.label for channel in file.channels] == ["", "CD45RA", "PE - CD19 / CD14", "CD3", ""]
    assert [channel.top for channel in file.channels] == [*RANGES[:4], RANGES[4] * STEP]
    assert file.spillover is not None
    assert file.spillover.detectors == DETECTORS
    assert np.array_equal(file.spillover.matrix, MATRIX)
    assert np.array_equal(file.events, stored(EVENTS, form) * [1, 1, 1, 1, STEP])


@pytest.mark.parametrize(
    "form",
    [FileForm("2.0", "little", "I"), FileForm("3.0", "big", "F"), FileForm("3.1", "big", "I", "$SPILLOVER")],
    ids=shown,
)
def test_flowkit_reads_events_and_compensates_with_the_files_own_matrix(tmp_path: Path, form: FileForm) -> None:
    import flowkit as fk  # slow to import

    path = tmp_path / "a.fcs"
    spill = {form.spill_keyword: spill_keyword_value(MATRIX, DETECTORS)}
    write_fcs(path, EVENTS, keywords=keywords(**spill), form=form)
    sample = fk.Sample(path)
    linear = stored(EVENTS, form) * [1, 1, 1, 1, STEP]
    assert sample.pnn_labels == list(NAMES)
    assert sample.pns_labels == [LABELS.get(name, "") for name in NAMES]
    assert np.array_equal(sample.get_events(source="raw"), linear)
    sample.apply_compensation(sample.metadata[form.spill_keyword.lower().lstrip("$")])
    compensated = sample.get_events(source="comp")[:, 1:4]
    assert compensated == pytest.approx(linear[:, 1:4] @ np.linalg.inv(MATRIX), rel=1e-9, abs=1e-3)


# Offsets at the edges.


def test_file_without_events(tmp_path: Path, form: FileForm) -> None:
    path = tmp_path / "a.fcs"
    size = write_fcs(path, EVENTS[:0], keywords=keywords(), form=form)
    raw = path.read_bytes()
    meta = fcsparser.parse(str(path), meta_data_only=True)
    assert (meta["$TOT"], meta["$PAR"]) == (0, 5)
    assert offsets(raw)[2:4] == [size, size - 1] == [int(meta["$BEGINDATA"]), int(meta["$ENDDATA"])]
    assert flowio.FlowData(path).as_array(preprocess=True).shape == (0, 5)
    with pytest.raises(UnreadableFcsError, match=r"^0 events$"):
        read_fcs(path)


@pytest.mark.parametrize("edge", [1_000, 10_000])
def test_offsets_hold_where_they_gain_a_digit(tmp_path: Path, edge: int) -> None:
    """The text holds the offsets, and their digits move the data."""
    path = tmp_path / "a.fcs"
    write_fcs(path, EVENTS[:1], keywords=keywords(**{"$COM": "x"}))
    shortest = offsets(path.read_bytes())[2]
    starts = []
    for length in range(edge - shortest - 6, edge - shortest + 8):
        write_fcs(path, EVENTS[:1], keywords=keywords(**{"$COM": "x" * length}))
        data = flowio.FlowData(path)  # refuses header and text that differ
        assert np.array_equal(data.as_array(preprocess=False), EVENTS[:1])
        starts.append(offsets(path.read_bytes())[2])
    print(starts)
    assert starts == sorted(starts)
    assert starts[0] < edge < starts[-1]


def test_data_beyond_what_the_header_can_say(tmp_path: Path) -> None:
    """A real one: the readers compare with 99,999,999 themselves."""
    path = tmp_path / "a.fcs"
    try:
        size = write_fcs(path, np.zeros((5_000_000, 5), dtype=np.float32), keywords=keywords())
        with path.open("rb") as stream:
            text_start, _, *rest = offsets(stream.read(58))
        assert (text_start, rest) == (58, [0, 0, 0, 0])
        text = flowio.FlowData(path, only_text=True).text
        assert int(text["enddata"]) == size - 1 > 99_999_999
        assert int(text["enddata"]) - int(text["begindata"]) + 1 == 100_000_000
        assert fcsparser.parse(str(path), meta_data_only=True)["$TOT"] == 5_000_000
    finally:
        path.unlink(missing_ok=True)


def test_so_much_data_does_not_go_into_fcs_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its offsets are in the header only."""
    monkeypatch.setattr(writer, "LARGEST_IN_HEADER", 2_000)
    with pytest.raises(ValueError, match=r"^FCS 2\.0: found data up to byte \d+, expected at most 2000$"):
        write_fcs(tmp_path / "a.fcs", EVENTS, keywords=keywords(), form=FileForm("2.0"))
    assert not (tmp_path / "a.fcs").exists()
    write_fcs(tmp_path / "a.fcs", EVENTS, keywords=keywords(), form=FileForm("3.1"))
    assert offsets((tmp_path / "a.fcs").read_bytes())[2:] == [0, 0, 0, 0]


# The same whatever the array in memory is like.


def test_same_bytes_whatever_the_arrays_order_and_type(tmp_path: Path, form: FileForm) -> None:
    wider = np.zeros((len(EVENTS), 9), dtype=np.float32)
    wider[:, ::2] = EVENTS
    alike = [EVENTS, np.asfortranarray(EVENTS), wider[:, ::2], EVENTS.astype(float), EVENTS.astype(">f4")]
    for number, events in enumerate(alike):
        write_fcs(tmp_path / "made" / f"{number}.fcs", events, keywords=keywords(), form=form)
    assert len({file.read_bytes() for file in (tmp_path / "made").iterdir()}) == 1


def test_integers_up_to_the_largest(tmp_path: Path) -> None:
    """Ranges that are the whole word, no power of two, and one value only."""
    ranges = (2**32, 1000, 1, 2**24 + 1, 262144)
    events = np.full((3, 5), 2.0**40)
    write_fcs(tmp_path / "a.fcs", events, keywords=keywords(ranges), form=FileForm(data_type="I"))
    data = flowio.FlowData(tmp_path / "a.fcs")
    assert data.as_array(preprocess=False).tolist() == [[2**32 - 1, 999, 0, 2**24, 262143]] * 3


# Keywords.


def test_delimiter_within_a_value_survives(tmp_path: Path) -> None:
    write_fcs(tmp_path / "a.fcs", EVENTS, keywords=keywords(**{"$COM": "a\x0cb\x0c\x0cc", "A\x0cB": "x"}))
    text = flowio.FlowData(tmp_path / "a.fcs").text
    meta = fcsparser.parse(str(tmp_path / "a.fcs"), meta_data_only=True)
    assert text["com"] == meta["$COM"] == "a\x0cb\x0c\x0cc"
    assert text["a\x0cb"] == meta["A\x0cB"] == "x"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("more", [{"$COM": ""}, {"": "x"}, {"$COM": "x\x0c"}, {"\x0cA": "x"}, {"µ": "x"}])
def test_what_no_version_holds_is_refused(tmp_path: Path, version: str, more: dict[str, str]) -> None:
    with pytest.raises(ValueError) as caught:
        write_fcs(tmp_path / "a.fcs", EVENTS, keywords=keywords(**more), form=FileForm(version))
    assert str(caught.value).startswith(f"FCS {version}: found {list(more)}, expected ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_old_versions_hold_ascii_only(tmp_path: Path, version: str) -> None:
    with pytest.raises(ValueError, match=r"found \['\$P2S', '\$COM'\], expected ASCII, "):
        write_fcs(tmp_path / "a.fcs", EVENTS, keywords=keywords(**{"$COM": "µ", "$P2S": "γδ"}), form=FileForm(version))


def test_new_version_keeps_other_letters(tmp_path: Path) -> None:
    """Their bytes count, not their letters: FlowIO refuses offsets that are wrong."""
    other = {"$COM": "20 µl, 淋巴细胞", "$P2S": "TCR γδ"}
    write_fcs(tmp_path / "a.fcs", EVENTS, keywords=keywords(**other), form=FileForm("3.1"))
    file, meta = read_fcs(tmp_path / "a.fcs"), fcsparser.parse(str(tmp_path / "a.fcs"), meta_data_only=True)
    assert file.data.text["com"] == meta["$COM"] == "20 µl, 淋巴细胞"
    assert file.channels[1].label == meta["$P2S"] == "TCR γδ"
    assert np.array_equal(file.data.as_array(preprocess=False), EVENTS)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"$TOT": "9"}, "keywords: found ['$TOT'], which follow from the events and the form"),
        ({"$BEGINDATA": "9"}, "keywords: found ['$BEGINDATA'], which follow from the events and the form"),
        ({"$P3R": None, "$P5N": None}, "keywords: found no $P3R, $P5N, expected them for 5 parameters"),
        ({"$P6N": "PE-H"}, "keywords: found $P6N, expected 5 parameters as in the events"),
        ({"$P2B": "16"}, "$PnB: found ['16', '32'], expected 32"),
    ],
)
def test_keywords_that_contradict_the_events(tmp_path: Path, changed: dict[str, str | None], told: str) -> None:
    brought = {key: value for key, value in {**keywords(), **changed}.items() if value is not None}
    with pytest.raises(ValueError) as caught:
        write_fcs(tmp_path / "a.fcs", EVENTS, keywords=brought)
    assert str(caught.value).startswith(told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("top", ["262144.0", "0", "-1", "4294967297", "ten"])
def test_range_that_integers_cannot_have(tmp_path: Path, top: str) -> None:
    brought = keywords((262144, 262144, top, 262144, 262144))
    with pytest.raises(ValueError) as caught:
        write_fcs(tmp_path / "a.fcs", EVENTS, keywords=brought, form=FileForm(data_type="I"))
    assert str(caught.value) == f"$P3R: found {top!r}, expected a whole number from 1 to 4294967296"


def test_not_a_number_does_not_become_an_integer(tmp_path: Path) -> None:
    events = EVENTS.copy()
    events[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"^events: found what is not a number"):
        write_fcs(tmp_path / "a.fcs", events, keywords=keywords(), form=FileForm(data_type="I"))


def test_full_disk_is_told() -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        write_fcs(full, EVENTS, keywords=keywords())


# Spillover.


def test_spillover_is_row_major() -> None:
    assert spill_keyword_value(np.array([[1.0, 0.25], [0.5, 1.0]]), ("A", "B")) == "2,A,B,1.0,0.25,0.5,1.0"


@pytest.mark.parametrize(
    ("matrix", "names", "told"),
    [
        (np.eye(3), ("A", "B"), r"spillover: found a matrix of \(3, 3\), expected one row and column per"),
        (np.ones(4), ("A", "B"), r"spillover: found a matrix of \(4,\), expected one row and column per"),
        (np.eye(2), ("A", "B,C"), "spillover: found a comma among the names"),
    ],
)
def test_spillover_that_cannot_be_written(matrix: np.ndarray, names: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        spill_keyword_value(matrix, names)
