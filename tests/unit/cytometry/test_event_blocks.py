"""Events in blocks: the same bits as FlowIO's own array, for every way instruments store them, in little memory."""

from __future__ import annotations

import itertools
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import flowio
import numpy as np
import pytest

from cytotrial.cytometry.event_blocks import EventFile, EventsInMemory, open_events
from cytotrial.cytometry.fcs import UnreadableFcsError
from cytotrial.simulate.fcs.writer import write_fcs
from cytotrial.simulate.form import BYTE_ORDERS, DATA_TYPES, VERSIONS, FileForm

NAMES = ("FSC-A", "FITC-A", "PE-A", "APC-A", "Time")
N = 257
SCALED = {"$TIMESTEP": "0.013", "$P5G": "0.01", "$P2G": "3", "$P3E": "4,0.5", "$P3R": "1024", "$P4G": "0", "$P1G": "1"}
FORMS = [FileForm(*chosen) for chosen in itertools.product(VERSIONS, BYTE_ORDERS, DATA_TYPES)]
Make = Callable[..., Path]


def made_events(top: float = 1000.0) -> np.ndarray:
    """Fractions and, for floats, negatives; every row of its own."""
    return np.random.default_rng(5).uniform(-0.1 * top, top, size=(N, len(NAMES)))


def flowios(path: Path, **options: bool) -> np.ndarray:
    """FlowIO's own array, the oracle of every test here."""
    return flowio.FlowData(str(path), **options).as_array(preprocess=True)


def bits(values: np.ndarray) -> np.ndarray:
    """Doubles as what they are made of: NaN is like NaN, and -0 unlike 0."""
    assert values.dtype == np.float64
    return np.ascontiguousarray(values).view(np.uint64)


def in_blocks(events: EventFile, rows: int | None) -> np.ndarray:
    """All values, column by column, block by block."""
    parts = []
    for block in events.blocks(rows):
        columns = [events.linear(block, column) for column in range(events.n_channels)]
        assert all(column.flags.c_contiguous and column.flags.owndata for column in columns)
        parts.append(np.column_stack(columns))
    return np.concatenate(parts)


def assert_flowios(path: Path, *, streams: bool = True, **options: bool) -> EventFile:
    """The same bits as FlowIO's, by every way out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = flowios(path, **options)
    events = open_events(path)
    assert events.streams is streams
    assert (events.n_events, events.n_channels) == expected.shape
    assert np.array_equal(bits(events.array()), bits(expected))
    assert np.array_equal(bits(events.columns(range(events.n_channels)).T), bits(expected))
    for rows in (None, 1, 100, N, 10_000):
        assert np.array_equal(bits(in_blocks(events, rows)), bits(expected))
    for column in range(events.n_channels):
        assert np.array_equal(bits(events.column(column)), bits(expected[:, column]))
        if events.is_identity(column):
            stored = events.block(0, events.n_events)[:, column]
            assert np.array_equal(bits(stored.astype(float)), bits(expected[:, column]))
    return events


# Every form there is.


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("scaled", [{}, SCALED], ids=["plain", "scaled"])
def test_what_our_own_simulator_writes(tmp_path: Path, form: FileForm, scaled: dict[str, str]) -> None:
    keywords = {}
    for number, name in enumerate(NAMES, start=1):
        own = f"$P{number}"
        keywords |= {f"{own}N": name, f"{own}B": "32", f"{own}E": "0,0", f"{own}R": "262144", f"{own}G": "1.0"}
    write_fcs(tmp_path / "a.fcs", made_events(), keywords=keywords | scaled, form=form)
    events = assert_flowios(tmp_path / "a.fcs")
    assert events.plain is (form.data_type == "F" and not scaled)
    assert events.dtype == (np.float32 if form.data_type == "F" else np.uint32)
    assert [events.is_identity(column) for column in range(5)] == [True, not scaled, not scaled, True, not scaled]


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.1"])
@pytest.mark.parametrize("little_endian", [True, False])
@pytest.mark.parametrize(("datatype", "dtype"), [("F", "f4"), ("D", "f8"), ("I", "u2")])
@pytest.mark.parametrize("keywords", [{}, SCALED], ids=["plain", "scaled"])
def test_other_widths(
    make_fcs: Make, version: str, little_endian: bool, datatype: str, dtype: str, keywords: dict[str, str]
) -> None:
    written = np.abs(made_events()) if datatype == "I" else made_events()
    if datatype == "I":  # FlowIO refuses ranges that 16 bits cannot hold, where another channel's are narrower
        keywords = {**{f"$P{number}R": "65536" for number in range(1, 6)}, **keywords}
    form = {"version": version, "little_endian": little_endian, "datatype": datatype}
    events = assert_flowios(make_fcs(written, NAMES, keywords=keywords, **form))
    assert events.dtype == np.dtype(dtype) and events.dtype.isnative


@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1", "1,2", "2,1"])
@pytest.mark.parametrize(
    ("widths", "ranges"),
    [
        ((8, 8, 8, 8, 8), (256, 256, 256, 256, 256)),
        ((16, 16, 16, 16, 16), (65536, 65536, 65536, 65536, 65536)),
        ((16, 16, 16, 16, 16), (1024, 1000, 1, 0, 65535)),
        ((32, 32, 32, 32, 32), (2**32, 2**32 - 1, 2**18, 100, 3)),
        ((8, 16, 32, 8, 16), (256, 65536, 2**32, 256, 65536)),
        ((8, 16, 32, 8, 16), (200, 1000, 262144, 1, 0)),
        ((32, 8, 8, 8, 8), (2**20, 4096, 256, 256, 256)),
    ],
)
def test_integers_of_any_widths_and_ranges(
    make_fcs: Make, order: str, widths: tuple[int, ...], ranges: tuple[int, ...]
) -> None:
    """Random bits: those above each range's power of two must go, as FlowIO lets them go."""
    sign = "<" if order.startswith("1") else ">"
    record = np.dtype([(f"c{number}", f"{sign}u{width // 8}") for number, width in enumerate(widths)])
    data = np.frombuffer(np.random.default_rng(3).bytes(N * record.itemsize), dtype=record)
    keywords = {"$TOT": str(N), "$BYTEORD": order, "$PAR": "5", "$DATATYPE": "I"}
    for number, (width, top) in enumerate(zip(widths, ranges, strict=True), start=1):
        own = f"$P{number}"
        keywords |= {f"{own}N": NAMES[number - 1], f"{own}B": str(width), f"{own}E": "0,0", f"{own}R": str(top)}
    # As many columns of one byte: the fixture writes bytes, the keywords say what they are.
    flat = np.frombuffer(data.tobytes(), dtype=np.uint8).astype(np.uint16).reshape(N, -1)
    path = make_fcs(flat, NAMES, datatype="I", keywords=keywords)
    path.write_bytes(_half(path.read_bytes(), data.tobytes()))
    events = assert_flowios(path)
    assert events.dtype == np.dtype(f"u{max(widths) // 8}")
    assert open_events(path).block(0, N).max() > 0


def _half(raw: bytes, data: bytes) -> bytes:
    """A file whose data segment is `data`, half as long as what is there: the end's offset moves in header and text."""
    start, end = int(raw[26:34]), int(raw[34:42])
    assert end + 1 - start == 2 * len(data)
    last = start + len(data) - 1
    text = raw[:start].replace(f"$ENDDATA|{end:012}|".encode(), f"$ENDDATA|{last:012}|".encode())
    return text[:34] + f"{last:>8}".encode() + text[42:] + data


def test_values_that_are_no_numbers_stay_what_they_are(make_fcs: Make) -> None:
    written = made_events()
    written[3, :3] = [np.nan, np.inf, -np.inf]
    written[4, 1] = -0.0
    events = assert_flowios(make_fcs(written, NAMES))
    assert np.isnan(events.column(0)[3]) and np.signbit(events.column(1)[4])


@pytest.mark.parametrize("name", ["Time", "TIME", "time", "Time ", "Timer"])
def test_time_step_goes_where_flowio_has_it_go(make_fcs: Make, name: str) -> None:
    path = make_fcs(made_events(), (*NAMES[:4], name), keywords={"$TIMESTEP": "0.01", "$P5G": "0.01"})
    events = assert_flowios(path)
    assert events.names == (*NAMES[:4], name.strip())


# Offsets.


def test_end_off_by_one(make_fcs: Make) -> None:
    events = assert_flowios(make_fcs(made_events(), NAMES, end_shift=1), ignore_offset_error=True)
    assert events.flags == ("the data segment's end is off by one byte (common on some instruments)",)


def test_header_and_text_differ(make_fcs: Make) -> None:
    path = make_fcs(made_events(), NAMES, header_data_start_shift=4)
    (flag,) = assert_flowios(path, ignore_offset_discrepancy=True).flags
    assert flag.startswith("header and text give different data offsets, text is believed")


@pytest.mark.parametrize("said", ["9", "256", "258", "1000000000"])
@pytest.mark.parametrize("datatype", ["F", "D", "I"])
def test_tot_is_not_what_the_data_hold(make_fcs: Make, said: str, datatype: str) -> None:
    path = make_fcs(np.abs(made_events()), NAMES, keywords={"$TOT": said}, datatype=datatype)
    with pytest.raises(UnreadableFcsError, match=rf"^\$TOT says {said} events, the data segment holds {N}$"):
        open_events(path)


def test_no_events(make_fcs: Make) -> None:
    with pytest.raises(UnreadableFcsError, match=r"^0 events$"):
        open_events(make_fcs(made_events()[:0], NAMES))


@pytest.mark.parametrize("cut", [1, 7, 3000])
def test_truncated(make_fcs: Make, cut: int) -> None:
    path = make_fcs(made_events(), NAMES)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UnreadableFcsError, match=r"^FlowIO cannot read it: "):
        open_events(path)


def test_file_that_is_cut_while_it_is_read(make_fcs: Make) -> None:
    path = make_fcs(made_events(), NAMES)
    events = open_events(path)
    first = events.block(0, 10).copy()
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size - 100)
    assert np.array_equal(events.block(0, 10), first)
    with pytest.raises(OSError, match=r"made\.fcs: ends 100 bytes before its data segment does"):
        events.array()


# What FlowIO reads whole.


@pytest.mark.parametrize(
    ("keywords", "datatype"),
    [({"$BYTEORD": "3,4,1,2"}, "F"), ({"$MODE": "U"}, "F"), ({"$MODE": "x"}, "D")],
    ids=["byte order", "mode U", "mode x"],
)
def test_unusual_files_are_flowios(make_fcs: Make, keywords: dict[str, str], datatype: str) -> None:
    path = make_fcs(made_events(), NAMES, keywords={**SCALED, **keywords}, datatype=datatype)
    events = assert_flowios(path, streams=False)
    assert (events.plain, events.dtype) == (False, np.float64)
    assert bool(events.flags) is ("$BYTEORD" in keywords)


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"$P2B": None}, "FlowIO cannot read it: no keyword $P2B"),
        ({"$BYTEORD": None}, "FlowIO cannot read it: no keyword $BYTEORD"),
        ({"$MODE": "u"}, "FlowIO cannot read it: FCS data stored as type 'u' is unsupported"),
        ({"$DATATYPE": "A"}, "FlowIO cannot read it: bad char in struct format"),
        ({"$P1R": "262144.0"}, "FlowIO cannot read it: invalid literal for int() with base 10: '262144.0'"),
        ({f"$P{n}B": "24" for n in range(1, 6)}, "events in words of 24 bits, which FlowIO does not read"),
        ({"$P1B": "64"}, "events in words of 16, 64 bits, which FlowIO does not read"),
    ],
)
def test_what_flowio_cannot_read_either(make_fcs: Make, keywords: dict[str, str | None], told: str) -> None:
    path = make_fcs(np.abs(made_events()), NAMES, keywords=keywords, datatype="I")
    with pytest.raises(UnreadableFcsError) as caught:
        open_events(path)
    assert str(caught.value) == told


# Blocks.


def test_a_block_is_the_next_ones_memory(make_fcs: Make) -> None:
    """Hence no copy: whoever keeps one copies it."""
    events = open_events(make_fcs(made_events(), NAMES))
    first = events.block(0, 50)
    kept = first.copy()
    second = events.block(50, 100)
    assert np.shares_memory(first, second)
    assert not np.array_equal(first, kept)
    assert np.array_equal(events.block(0, 50), kept)
    assert events.block(7, 7).shape == (0, 5)


def test_linear_values_go_where_they_are_wanted(make_fcs: Make) -> None:
    events = open_events(make_fcs(made_events(), NAMES, keywords=SCALED))
    place = np.full(60, np.nan)
    for column in range(5):
        block = events.block(20, 80)
        before = block.copy()
        assert events.linear(block, column, out=place) is place
        assert np.array_equal(place, events.column(column)[20:80])
        assert np.array_equal(events.block(20, 80), before), "the block itself was changed"


def test_events_in_memory_are_the_same_to_whoever_reads_blocks() -> None:
    written = made_events()
    events = EventsInMemory(written)
    assert (events.n_events, events.n_channels, events.plain) == (N, 5, False)
    assert np.array_equal(np.concatenate(list(events.blocks(100))), written)
    assert np.array_equal(events.array(), written) and not np.shares_memory(events.array(), written)
    column = events.linear(events.block(3, 9), 2)
    assert np.array_equal(column, written[3:9, 2]) and not np.shares_memory(column, written)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """20 MB of events, every value looked at: a few blocks' worth of memory; whole, it would be twice the file."""
    keywords = {"$TIMESTEP": "0.01"}
    for number, name in enumerate(NAMES, start=1):
        own = f"$P{number}"
        keywords |= {f"{own}N": name, f"{own}B": "32", f"{own}E": "0,0", f"{own}R": "262144"}
    write_fcs(tmp_path / "a.fcs", np.ones((1_000_000, 5), dtype=np.float32), keywords=keywords)
    tracemalloc.start()
    try:
        events = open_events(tmp_path / "a.fcs")
        total = sum(events.linear(block, column).sum() for block in events.blocks() for column in range(5))
        _, streaming = tracemalloc.get_traced_memory()
        events.array()
        _, whole = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    print(f"streaming {streaming / 1e6:.1f} MB, whole {whole / 1e6:.1f} MB")
    assert total == pytest.approx(1_000_000 * 4.01)
    assert streaming < 2e6 < 40e6 <= whole


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_in_memory_blocks_columns_and_their_numbers(dtype: type) -> None:
    events = np.arange(30, dtype=dtype).reshape(10, 3)
    array = EventsInMemory(events)
    assert array.n_events == 10 and all(map(array.is_identity, range(3)))
    block = array.block(4, 7)
    assert np.array_equal(block, events[4:7]) and block.dtype == dtype
    column = array.linear(block, 1)
    assert column.dtype == np.float64 and column.tolist() == [13.0, 16.0, 19.0]


def test_in_memory_a_column_is_a_copy() -> None:
    events = np.ones((4, 2))
    array = EventsInMemory(events)
    array.linear(array.block(0, 4), 0)[:] = 7.0
    assert events.tolist() == np.ones((4, 2)).tolist()


def test_in_memory_beyond_the_end_there_is_nothing() -> None:
    assert len(EventsInMemory(np.ones((4, 2))).block(3, 9)) == 1
