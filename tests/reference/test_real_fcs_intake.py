"""Every real FCS file beside the checkout through both readers: usable, usable with a flag, or failed and why."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import fcsparser
import flowio
import numpy as np
import pytest

from cytotrial.cytometry.event_blocks import EventFile, open_events
from cytotrial.cytometry.fcs import FcsFile, UnreadableFcsError, read_fcs
from cytotrial.cytometry.second_reader import compare_readers

OFF_BY_ONE = "the data segment's end is off by one byte"
OFFSETS = "header and text give different data offsets, text is believed"
TICKS = "$TIMESTEP is 'xxxxxxxxx', not a number: time is in ticks"
SEVERAL = "several data sets in one file"
NO_MATRIX_THERE = "$SPILLOVER has 0 numbers for 6 detectors"
ANONYMISED = "SPILL names xxxxxxxxxxxxxxxxxxxxxxxxxxxx, which the file has not"

# file: what it is, events x channels, the version, and the spillover's keyword, None, or why it is unusable
USABLE = {
    "fcsparser-tests/FACSCaliburHTS/Sample_Well_A02.fcs": (37395, 8, "FCS2.0", None),
    "fcsparser-tests/FACS_Diva/facs_diva_test.fcs": (83411, 12, "FCS3.0", "SPILL"),
    "fcsparser-tests/Fortessa/FCS_3.0_Fortessa_PBS_Specimen_001_A1_A01.fcs": (11585, 11, "FCS3.0", "SPILL"),
    "fcsparser-tests/HTS_BD_LSR-II/HTS_BD_LSR_II_Mixed_Specimen_001_D6_D06.fcs": (14945, 11, "FCS3.0", "SPILL"),
    "fcsparser-tests/MiltenyiBiotec/FCS2.0/EY_2013-07-19_PBS_FCS_2.0_Custom_Without_Add_Well_A1.001.fcs": (
        10000,
        16,
        "FCS2.0",
        None,
    ),
    "fcsparser-tests/MiltenyiBiotec/FCS3.0/FCS3.0_Custom_Compatible.fcs": (10000, 16, "FCS3.0", None),
    "fcsparser-tests/cyflow_cube_8/cyflow_cube_8.fcs": (725, 10, "FCS3.0", None),
    "fcsparser-tests/fake_bitmask_error/fcs1_cleaned.lmd": (50000, 7, "FCS2.0", None),
    "flowatlas/390C/390C_BM_027.fcs": (36948, 19, "FCS3.0", None),
    "flowatlas/390C/390C_Ileum_028.fcs": (790, 19, "FCS3.0", None),
    "flowatlas/390C/390C_Lung_029.fcs": (19281, 19, "FCS3.0", None),
    "flowatlas/412C/412C_BM_032.fcs": (22999, 19, "FCS3.0", None),
    "flowatlas/412C/412C_Blood_025.fcs": (47167, 19, "FCS3.0", None),
    "flowatlas/412C/412C_Ileum_027.fcs": (609, 19, "FCS3.0", None),
    "flowatlas/412C/412C_mLN_026.fcs": (11791, 19, "FCS3.0", None),
    "flowio/fcs_files/100715.fcs": (65016, 16, "FCS2.0", "SPILL"),
    "flowio/fcs_files/3FITC_4PE_004.fcs": (94569, 4, "FCS2.0", None),
    "flowio/fcs_files/B01 KC-A-W---91-US.fcs": (1589, 14, "FCS3.1", "$SPILLOVER"),
    "flowio/fcs_files/G11.fcs": (5785, 12, "FCS3.1", "$SPILLOVER"),
    "flowio/fcs_files/data1.fcs": (13367, 8, "FCS2.0", None),
    "flowkit/100715.fcs": (65016, 16, "FCS2.0", "SPILL"),
    "flowkit/gate_ref/data1.fcs": (13367, 8, "FCS2.0", None),
    "flowkit/simple_diamond_example/test_data_diamond_01.fcs": (200000, 2, "FCS3.1", None),
    "flowkit/simple_line_example/data_set_simple_line_100.fcs": (100, 2, "FCS3.1", None),
    "omip021/Donor1.fcs": (5000, 22, "FCS3.0", "SPILL"),
    "omip021/Donor2.fcs": (5000, 22, "FCS3.0", "SPILL"),
    "peacoqc/111.fcs": (10000, 22, "FCS3.0", "SPILL"),
    "peacoqc/111_Comp_Trans.fcs": (9617, 22, "FCS3.0", "SPILL"),
}
MILTENYI = "fcsparser-tests/MiltenyiBiotec/FCS3.1"
FLAGGED = {
    f"{MILTENYI}/EY_2013-07-19_PBS_FCS_3.1_Custom_Add_Well_A1.001.fcs": ((OFF_BY_ONE,), NO_MATRIX_THERE),
    f"{MILTENYI}/EY_2013-07-19_PBS_FCS_3.1_Custom_Without_Add_Well_A1.001.fcs": ((OFF_BY_ONE,), NO_MATRIX_THERE),
    f"{MILTENYI}/EY_2013-07-19_PBS_FCS_3.1_Well_A1.001.fcs": ((OFF_BY_ONE,), NO_MATRIX_THERE),
    f"{MILTENYI}/SG_2014-09-26_Duplicate_Names.fcs": ((OFF_BY_ONE,), None),
    "flowkit/test_comp_example.fcs": ((OFF_BY_ONE,), "SPILL"),
    "flowio/fcs_files/data_start_offset_discrepancy_example.fcs": ((OFFSETS, TICKS), ANONYMISED),
    "flowio/fcs_files/data_stop_offset_discrepancy_example.fcs": ((OFFSETS, TICKS), ANONYMISED),
    "flowio/fcs_files/variable_int_example.fcs": ((TICKS,), ANONYMISED),
    "flowkit/noncompliant/data_start_offset_discrepancy_example.fcs": ((OFFSETS, TICKS), ANONYMISED),
    "flowkit/noncompliant/data_stop_offset_discrepancy_example.fcs": ((OFFSETS, TICKS), ANONYMISED),
}
FAILED = {
    "fcsparser-tests/Cytek_xP5/Cytek_xP5.fcs": "events in words of 24 bits, which FlowIO does not read",
    "fcsparser-tests/GuavaMuse/Guava Muse.fcs": SEVERAL,
    "fcsparser-tests/corrupted/corrupted.fcs": "not an FCS file",
    "fcsparser-tests/cytek-nl-2000/sample_header.fcs": "data section greater than file size",
    "fcsparser-tests/fake_large_fcs/fake_large_fcs.fcs": "FlowIO cannot read it: ",
    "flowio/fcs_files/coulter.lmd": SEVERAL,
    "flowkit/multi_dataset_fcs/coulter.lmd": SEVERAL,
}


def intake(path: Path) -> FcsFile:
    """The file as a run takes it in: both readers on header and text, then the events."""
    compared = compare_readers(path)
    if not compared.agree:
        raise UnreadableFcsError(compared.reason)
    return read_fcs(path, header_flags=compared.flags)


def spillover_of(file: FcsFile) -> str | None:
    """The keyword, or why the matrix is unusable."""
    return file.spillover_problem or (file.spillover.source if file.spillover else None)


@pytest.mark.parametrize("name", USABLE)
def test_usable(shared: Callable[[str], Path], name: str) -> None:
    n_events, n_channels, version, spillover = USABLE[name]
    file = intake(shared(f"data/{name}"))
    assert file.flags == ()
    assert file.events.shape == (n_events, n_channels)
    assert (file.version, spillover_of(file)) == (version, spillover)
    assert np.isfinite(file.events).all()
    assert len(file.channels) == n_channels


@pytest.mark.parametrize("name", FLAGGED)
def test_usable_with_a_flag(shared: Callable[[str], Path], name: str) -> None:
    flags, spillover = FLAGGED[name]
    file = intake(shared(f"data/{name}"))
    assert len(file.flags) == len(flags)
    assert all(found.startswith(flag) for found, flag in zip(file.flags, flags, strict=True))
    assert str(spillover_of(file)).startswith(str(spillover))


@pytest.mark.parametrize("name", FAILED)
def test_failed(shared: Callable[[str], Path], name: str) -> None:
    path = shared(f"data/{name}")
    with pytest.raises(UnreadableFcsError) as caught:
        intake(path)
    print(name, "->", caught.value)
    assert FAILED[name] in str(caught.value)


def test_the_tables_above_leave_no_file_out(shared: Callable[[str], Path]) -> None:
    root = shared("data")
    there = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.suffix.lower() in (".fcs", ".lmd")}
    assert there == {*USABLE, *FLAGGED, *FAILED}


@pytest.mark.parametrize("name", [*USABLE, *FLAGGED])
def test_both_readers_have_read_it(shared: Callable[[str], Path], name: str) -> None:
    """No file passes because the second reader gave up: what is compared is there, and a difference is seen."""
    path = shared(f"data/{name}")
    meta = fcsparser.parse(str(path), meta_data_only=True)
    file = read_fcs(path)
    assert int(meta["$TOT"]) == file.n_events
    assert tuple(str(meta[f"$P{n}N"]).strip() for n in range(1, int(meta["$PAR"]) + 1)) == file.names
    # What is written down of the instrument comes from FlowIO alone.
    assert [str(meta.get(key, "")).strip() or None for key in ("$CYT", "$DATE")] == [file.instrument, file.acquired]


@pytest.mark.parametrize("name", [*USABLE, *FLAGGED])
@pytest.mark.parametrize("rows", [None, 1000], ids=["whole", "blocks"])
def test_events_are_flowios_bit_for_bit(shared: Callable[[str], Path], name: str, rows: int | None) -> None:
    """Straight from the data segment, none of these files through FlowIO."""
    path = shared(f"data/{name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = flowio.FlowData(str(path), ignore_offset_error=True, ignore_offset_discrepancy=True)
    if TICKS in FLAGGED.get(name, ((), None))[0]:
        data.text["timestep"] = "1.0"  # FlowIO itself refuses the anonymised text
    expected = data.as_array(preprocess=True)
    events = open_events(path)
    found = events.array() if rows is None else in_blocks(events, rows)
    assert events.streams
    assert np.array_equal(found.view(np.uint64), expected.view(np.uint64))


def in_blocks(events: EventFile, rows: int) -> np.ndarray:
    """All values, block by block and column by column."""
    columns = range(events.n_channels)
    parts = [np.column_stack([events.linear(block, column) for column in columns]) for block in events.blocks(rows)]
    return np.concatenate(parts)


@pytest.mark.parametrize("name", ["data1", "B01 KC-A-W---91-US"])
def test_values_are_flowios_own_truth(shared: Callable[[str], Path], name: str) -> None:
    """Log-amplified integers (data1) and gains (B01) undone, as FlowIO's reference arrays have it."""
    truth = {"data1": "data1_preprocessed.npy", "B01 KC-A-W---91-US": "B01 KC-A-W---91-US_preprocessed_events.npy"}
    expected = np.load(shared(f"data/flowio/truth/{truth[name]}"))
    found = read_fcs(shared(f"data/flowio/fcs_files/{name}.fcs")).events
    print(f"{name}: largest difference {np.abs(found - expected.reshape(found.shape)).max():.2g}")
    assert np.allclose(found, expected.reshape(found.shape), rtol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["omip021/Donor1.fcs", "peacoqc/111.fcs", "fcsparser-tests/Fortessa/FCS_3.0_Fortessa_PBS_Specimen_001_A1_A01.fcs"],
)
def test_time_of_facsdiva_files_is_in_seconds(shared: Callable[[str], Path], name: str) -> None:
    """Against the clock: $BTIM to $ETIM."""
    file = read_fcs(shared(f"data/{name}"))
    text = file.data.text
    begin, end = (
        sum(int(part) * unit for part, unit in zip(text[key].split(":")[:3], (3600, 60, 1), strict=True))
        for key in ("btim", "etim")
    )
    seconds = float(np.ptp(file.events[:, file.names.index("Time")]))
    print(f"{name}: {seconds:.1f} s of events between {text['btim']} and {text['etim']} ({end - begin} s)")
    assert seconds <= (end - begin) % 86_400 + 1.0
    assert seconds > 0.2 * (end - begin)


def test_top_is_no_less_than_any_value(shared: Callable[[str], Path]) -> None:
    """Of log-amplified and linear integers, and of FACSDiva's floats, in every channel with a range."""
    for name in (
        "flowio/fcs_files/data1.fcs",
        "fcsparser-tests/FACSCaliburHTS/Sample_Well_A02.fcs",
        "omip021/Donor1.fcs",
    ):
        file = read_fcs(shared(f"data/{name}"))
        for channel in file.channels:
            if channel.name.startswith(("FL", "FSC", "SSC")):
                assert file.events[:, channel.index].max() <= channel.top, (name, channel)
