"""Intake of one FCS file: what is read, what is forgiven with a flag, what fails and why."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import flowio
import flowkit as fk
import numpy as np
import pytest

from cytotrial.cytometry.event_blocks import EventsInMemory
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError, read_fcs
from cytotrial.simulate.fcs.writer import write_fcs

NAMES = ("FSC-A", "FITC-A", "PE-A", "Time")
EVENTS = np.arange(40, dtype=float).reshape(10, 4) * 10.0
SPILL = "2,FITC-A,PE-A,1,0.2,0.1,1"
Make = Callable[..., Path]


def reason(path: Path) -> str:
    """Why the file cannot be used."""
    with pytest.raises(UnreadableFcsError) as caught:
        read_fcs(path)
    return str(caught.value)


def test_good_file(make_fcs: Make) -> None:
    path = make_fcs(EVENTS, NAMES, keywords={"SPILL": SPILL, "$CYT": "Aria", "$DATE": "01-JAN-2020", "$P2S": "CD3"})
    file = read_fcs(path)
    assert np.array_equal(file.events, EVENTS)
    assert file.names == NAMES
    assert [c.label for c in file.channels] == ["", "CD3", "", ""]
    assert [c.top for c in file.channels] == [262144.0] * 4
    assert (file.version, file.instrument, file.acquired, file.flags) == ("FCS3.1", "Aria", "01-JAN-2020", ())
    assert file.spillover is not None
    assert file.spillover.detectors == ("FITC-A", "PE-A")
    assert np.array_equal(file.spillover.matrix, [[1, 0.2], [0.1, 1]])


def test_hash_is_of_the_whole_file(make_fcs: Make) -> None:
    import hashlib

    path = make_fcs(EVENTS, NAMES)
    assert read_fcs(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.1"])
@pytest.mark.parametrize("little_endian", [True, False])
@pytest.mark.parametrize("datatype", ["F", "D", "I"])
def test_versions_byte_orders_and_types(make_fcs: Make, version: str, little_endian: bool, datatype: str) -> None:
    path = make_fcs(EVENTS, NAMES, version=version, little_endian=little_endian, datatype=datatype)
    assert np.array_equal(read_fcs(path).events, EVENTS)


# What is no FCS file at all.


def test_missing(tmp_path: Path) -> None:
    assert reason(tmp_path / "absent.fcs").startswith("no such file: ")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.fcs").mkdir()
    assert reason(tmp_path / "folder.fcs").startswith("a folder, not a file: ")


def test_file_that_may_not_be_opened(make_fcs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = make_fcs(EVENTS, NAMES)
    monkeypatch.setattr(Path, "open", refuse)
    assert reason(path) == "it cannot be opened: Permission denied"


def test_no_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.fcs").touch()
    assert reason(tmp_path / "a.fcs") == "the file is empty (0 bytes)"


@pytest.mark.parametrize("content", [b"sample_id\tfcs\n", b"F", b"\x00\xff\xfe"])
def test_text_file_named_fcs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.fcs").write_bytes(content)
    assert reason(tmp_path / "a.fcs") == "not an FCS file: it does not begin with 'FCS'"


@pytest.mark.parametrize("length", [3, 10, 57, 58, 100, 300])
def test_cut_within_header_or_text(make_fcs: Make, length: int) -> None:
    path = make_fcs(EVENTS, NAMES)
    path.write_bytes(path.read_bytes()[:length])
    assert reason(path).startswith("FlowIO cannot read it: ")


def test_truncated_data(make_fcs: Make) -> None:
    path = make_fcs(EVENTS, NAMES)
    path.write_bytes(path.read_bytes()[:-7])
    told = "FlowIO cannot read it: FCS file indicates data section greater than file size (truncated? copy it again)"
    assert reason(path) == told


@pytest.mark.parametrize("width", range(8))
def test_no_events(make_fcs: Make, width: int) -> None:
    """Whatever the offsets of the empty segment happen to be."""
    assert reason(make_fcs(np.zeros((0, 4)), NAMES, keywords={"$COM": "x" * (width + 1)})) == "0 events"


def test_no_events_as_our_own_simulator_writes_them(tmp_path: Path) -> None:
    keywords = {f"$P1{key}": value for key, value in {"N": "FSC-A", "B": "32", "E": "0,0", "R": "262144"}.items()}
    write_fcs(tmp_path / "a.fcs", np.zeros((0, 1)), keywords=keywords)
    assert reason(tmp_path / "a.fcs") == "0 events"


@pytest.mark.parametrize("said", ["9", "11", "1000000"])
def test_tot_is_not_what_the_data_hold(make_fcs: Make, said: str) -> None:
    found = reason(make_fcs(EVENTS, NAMES, keywords={"$TOT": said}))
    assert found == f"$TOT says {said} events, the data segment holds 10"


def test_several_data_sets(make_fcs: Make) -> None:
    path = make_fcs(EVENTS, NAMES, keywords={"$NEXTDATA": "5000"})
    assert reason(path) == "several data sets in one file; export one per file"


@pytest.mark.parametrize("keyword", ["$PAR", "$TOT", "$P2R", "$P2B", "$DATATYPE", "$BYTEORD"])
def test_required_keyword_missing(make_fcs: Make, keyword: str) -> None:
    path = make_fcs(EVENTS, NAMES, keywords={keyword: None}, datatype="I")
    assert reason(path) == f"FlowIO cannot read it: no keyword {keyword}"


def test_channel_without_a_name_does_not_shift_its_neighbours(make_fcs: Make) -> None:
    """FlowIO drops it and goes on; the next channel's values would then be taken for this one's."""
    found = reason(make_fcs(EVENTS, NAMES, keywords={"$P2N": None}))
    assert found == "$PAR says 4 parameters, $PnN names numbers [1, 3, 4]"


def test_more_names_than_parameters(make_fcs: Make) -> None:
    found = reason(make_fcs(EVENTS, NAMES, keywords={"$P5N": "PE-H", "$P5R": "1024"}))
    assert found == "$PAR says 4 parameters, $PnN names numbers [1, 2, 3, 4, 5]"


def test_words_of_three_bytes(make_fcs: Make) -> None:
    bits = {f"$P{n}B": "24" for n in range(1, 5)}
    path = make_fcs(EVENTS, NAMES, keywords=bits, datatype="I")
    assert reason(path) == "events in words of 24 bits, which FlowIO does not read"


# What is forgiven, with a flag.


def test_end_off_by_one(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, end_shift=1))
    assert np.array_equal(file.events, EVENTS)
    assert file.flags == ("the data segment's end is off by one byte (common on some instruments)",)


def test_end_off_by_two_fails(make_fcs: Make) -> None:
    assert "Unable to determine the correct byte offsets" in reason(make_fcs(EVENTS, NAMES, end_shift=2))


def test_header_and_text_give_different_offsets(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, header_data_start_shift=4))
    assert np.array_equal(file.events, EVENTS)  # the text is right in this file
    (flag,) = file.flags
    assert flag.startswith("header and text give different data offsets, text is believed")


def test_off_by_one_and_different_offsets(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, header_data_start_shift=4, end_shift=1))
    assert np.array_equal(file.events, EVENTS)
    assert len(file.flags) == 2


def test_what_the_second_reader_said_stands_among_the_flags(make_fcs: Make) -> None:
    """After what FlowIO had to be forgiven, before what only the values show."""
    path = make_fcs(EVENTS, NAMES, end_shift=1, keywords={"$TIMESTEP": "ten ms"})
    assert read_fcs(path, header_flags=["second"]).flags == (
        "the data segment's end is off by one byte (common on some instruments)",
        "second",
        "$TIMESTEP is 'ten ms', not a number: time is in ticks",
    )


def test_only_flowios_own_warnings_are_flags(make_fcs: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that FlowIO left open is closed at any time, perhaps while the next one is read: not that one's flag."""
    read = flowio.FlowData

    def warn(*args: object, **options: object) -> object:
        warnings.warn("unclosed file <another one>", ResourceWarning, stacklevel=1)
        warnings.warn("unusual", UserWarning, stacklevel=1)
        return read(*args, **options)

    monkeypatch.setattr(flowio, "FlowData", warn)
    assert read_fcs(make_fcs(EVENTS, NAMES)).flags == ("FlowIO: unusual",)


# Read when asked for.


def test_events_and_flowios_object_are_read_once(make_fcs: Make) -> None:
    path = make_fcs(EVENTS, NAMES)
    file = read_fcs(path)
    assert file.n_events == 10
    assert file.events is file.events
    assert file.data is file.data
    path.unlink()
    assert np.array_equal(file.events, EVENTS)
    assert np.array_equal(file.data.as_array(), EVENTS)


def test_file_that_is_gone_when_flowio_shall_read_it_again(make_fcs: Make) -> None:
    path = make_fcs(EVENTS, NAMES)
    file = read_fcs(path)
    path.unlink()
    with pytest.raises(UnreadableFcsError, match="No such file"):
        _ = file.data


def test_events_without_a_file_have_no_object_of_flowio() -> None:
    file = FcsFile("", "FCS3.1", (), None, None, None, None, (), EventsInMemory(EVENTS))
    assert np.array_equal(file.events, EVENTS)
    with pytest.raises(UnreadableFcsError, match=r"^events without a file$"):
        _ = file.data


@pytest.mark.parametrize("index", range(4))
def test_one_channel(make_fcs: Make, index: int) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, keywords={"$TIMESTEP": "0.01", "$P2G": "4"}))
    column = file.column(index)
    assert column.flags.c_contiguous and column.dtype == np.float64
    assert np.array_equal(column, file.events[:, index])


def test_pandas_is_not_imported(make_fcs: Make, run_python: Callable) -> None:
    """It costs more than reading the file."""
    path = make_fcs(EVENTS, NAMES)
    program = (
        "import sys\nfrom pathlib import Path\nfrom cytotrial.cytometry.fcs import read_fcs\n"
        f"read_fcs(Path({str(path)!r})).events\n"
        "print(sorted({'pandas', 'scipy', 'flowkit', 'fcsparser'} & set(sys.modules)))"
    )
    assert run_python(program).stdout.splitlines()[-1] == "[]"


# Values on the linear scale.


def test_log_amplified_integers(make_fcs: Make) -> None:
    """$PnE 4,1 with range 1024: channel c is 10^(4 c / 1024), as FCS 3.1 section 3.2.20 has it."""
    raw = np.array([[0, 256], [512, 1023]])
    keywords = {"$P1R": "1024", "$P2R": "1024", "$P1E": "4,1"}
    file = read_fcs(make_fcs(raw, ("FL1-H", "FSC-H"), keywords=keywords, datatype="I"))
    assert file.events[:, 0] == pytest.approx([1.0, 100.0])
    assert file.events[:, 1] == pytest.approx([256.0, 1023.0])
    assert [c.top for c in file.channels] == [10_000.0, 1024.0]


def test_log_amplified_with_another_zero(make_fcs: Make) -> None:
    raw = np.array([[0], [512]])
    file = read_fcs(make_fcs(raw, ("FL1-H",), keywords={"$P1R": "1024", "$P1E": "3,0.1"}, datatype="I"))
    assert file.events[:, 0] == pytest.approx([0.1, 0.1 * 10**1.5])
    assert file.channels[0].top == pytest.approx(100.0)


def test_log_amplified_with_invalid_zero_counts_as_one(make_fcs: Make) -> None:
    raw = np.array([[0], [512]])
    file = read_fcs(make_fcs(raw, ("FL1-H",), keywords={"$P1R": "1024", "$P1E": "4,0"}, datatype="I"))
    assert file.events[:, 0] == pytest.approx([1.0, 100.0])
    assert file.channels[0].top == pytest.approx(10_000.0)


def test_gain_divides_values_and_range(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, keywords={"$P2G": "4", "$P3G": "0"}))
    assert np.array_equal(file.events[:, 1], EVENTS[:, 1] / 4.0)
    assert np.array_equal(file.events[:, 2], EVENTS[:, 2])  # 0 means no gain
    assert [c.top for c in file.channels[1:3]] == [65536.0, 262144.0]


@pytest.mark.parametrize("name", ["Time", "TIME", "time"])
def test_time_is_in_seconds_though_gain_and_step_are_both_given(make_fcs: Make, name: str) -> None:
    """FACSDiva writes $PnG 0.01 beside $TIMESTEP 0.01: the ticks are scaled once, not twice and not back."""
    names = (*NAMES[:3], name)
    path = make_fcs(EVENTS, names, keywords={"$P4G": "0.01", "$TIMESTEP": "0.01"})
    file = read_fcs(path)
    ticks = EVENTS[:, 3]
    print("ticks", ticks[:3], "seconds", file.events[:3, 3])
    assert file.events[:, 3] == pytest.approx(ticks * 0.01)
    assert file.channels[3].top == pytest.approx(2621.44)  # 262144 ticks
    assert fk.Sample(str(path)).get_events(source="raw")[:, 3] == pytest.approx(ticks * 0.01)


def test_time_of_a_simulated_tube_is_its_run_in_seconds(simulated_file: Callable) -> None:
    made = simulated_file("nk")
    seconds = made.tube.linear("Time")
    assert seconds.max() == pytest.approx(made.truth.seconds, abs=0.02)
    assert seconds.max() == pytest.approx(15_000 / 3000, rel=0.3)  # 3000 events per second


@pytest.mark.parametrize("step", ["", "  ", None])
def test_no_time_step_leaves_ticks(make_fcs: Make, step: str | None) -> None:
    keywords = {"$P4G": "0.01"} | ({"$TIMESTEP": step} if step and step.strip() else {})
    file = read_fcs(make_fcs(EVENTS, NAMES, keywords=keywords))
    assert np.array_equal(file.events[:, 3], EVENTS[:, 3])
    assert file.channels[3].top == 262144.0


def test_time_step_that_is_no_number(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, keywords={"$TIMESTEP": "ten ms"}))
    assert file.flags == ("$TIMESTEP is 'ten ms', not a number: time is in ticks",)
    assert np.array_equal(file.events[:, 3], EVENTS[:, 3])


def test_padded_names_are_stripped_for_flowkit_too(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, ("FSC-A", "FITC-A ", " PE-A", "Time")))
    assert file.names == NAMES
    assert fk.Sample(file.data, sample_id="x", subsample=1).pnn_labels == list(NAMES)


def test_not_a_number_among_the_events_is_kept_for_the_tube_to_judge(make_fcs: Make) -> None:
    events = EVENTS.copy()
    events[3, 1] = np.nan
    assert np.isnan(read_fcs(make_fcs(events, NAMES)).events[3, 1])


# Spillover, as found in the file.


@pytest.mark.parametrize("keyword", ["SPILL", "SPILLOVER", "$SPILLOVER", "$SPILL"])
def test_every_usual_keyword(make_fcs: Make, keyword: str) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, keywords={keyword: SPILL}))
    assert file.flags == ()
    assert file.spillover is not None
    assert np.array_equal(file.spillover.matrix, [[1, 0.2], [0.1, 1]])


def test_unusable_spillover_is_told_but_not_yet_fatal(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES, keywords={"SPILL": "2,FITC-A,PE-A,1,1,1,1"}))
    assert file.spillover is None
    assert file.spillover_problem is not None
    assert "condition number" in file.spillover_problem


def test_no_spillover(make_fcs: Make) -> None:
    file = read_fcs(make_fcs(EVENTS, NAMES))
    assert (file.spillover, file.spillover_problem) == (None, None)
