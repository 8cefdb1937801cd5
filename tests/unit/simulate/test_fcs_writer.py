"""FCS files as three independent readers see them."""

from datetime import datetime

import fcsparser
import flowio
import flowkit
import numpy as np
import pytest

from cytotrial.simulate.defaults import tube_parameters
from cytotrial.simulate.fcs_writer import spill_keyword, write_fcs
from cytotrial.simulate.keywords import Specimen, fcs_keywords
from cytotrial.simulate.tube import simulate_tube


@pytest.fixture(params=[("treg", "demo"), ("nk", "demo"), ("treg", "he2020"), ("nk", "he2020")])
def written(request, tmp_path):
    panel, trial = request.param
    parameters = tube_parameters(panel, trial=trial)
    tube = simulate_tube(parameters, seed=3)
    specimen = Specimen(
        file="a.fcs",
        source="S001 W0",
        tube="T",
        experiment="TEST",
        begin=datetime(2020, 1, 6, 9),
        made_by="a test, seed 3",
    )
    path = tmp_path / "a.fcs"
    size = write_fcs(path, tube.events, keywords=fcs_keywords(tube, parameters, specimen=specimen))
    assert path.stat().st_size == size
    return path, tube


def test_header_offsets_are_exact(written):
    path, tube = written
    raw = path.read_bytes()
    assert raw[:10] == b"FCS3.0    "
    text_start, text_end, data_start, data_end = (int(raw[i : i + 8]) for i in (10, 18, 26, 34))
    assert data_start == text_end + 1 and data_end + 1 == len(raw)
    assert raw[text_start] == raw[text_end] == 0x0C
    events = np.frombuffer(raw[data_start : data_end + 1], dtype=">f4").reshape(tube.events.shape)
    assert (events == tube.events).all()


def test_flowio_reads_names_markers_ranges_spillover_and_events(written):
    path, tube = written
    data = flowio.FlowData(path)
    assert data.pnn_labels == list(tube.channels)
    assert data.pns_labels == [tube.markers.get(name, "") for name in tube.channels]
    assert [channel["pnr"] for channel in data.channels.values()] == [262144.0] * len(tube.channels)
    assert (data.as_array(preprocess=False) == tube.events).all()
    expected = {
        "byteord": "4,3,2,1",
        "datatype": "F",
        "mode": "L",
        "cyt": "FACSAriaII",
        "timestep": "0.01",
        "apply compensation": "TRUE",
        "threshold": "FSC,5000",
        "date": "06-JAN-2020",
        "btim": "09:00:00",
        "p1g": "1.0",
        "p1e": "0,0",
        "p1b": "32",
        f"p{len(tube.channels)}g": "0.01",
        "src": "S001 W0",
    }
    assert {key: data.text[key] for key in expected} == expected
    assert data.text["com"].startswith("SYNTHETIC DATA")


def test_flowkit_and_fcsparser_agree_with_flowio(written):
    path, tube = written
    by_flowio, sample = flowio.FlowData(path), flowkit.Sample(path)
    meta = fcsparser.parse(str(path), meta_data_only=True)
    numbers = range(1, len(tube.channels) + 1)
    assert [meta[f"$P{n}N"] for n in numbers] == by_flowio.pnn_labels == sample.pnn_labels
    assert [float(meta[f"$P{n}R"]) for n in numbers] == sample.channels["pnr"].tolist() == [262144.0] * len(numbers)
    assert meta["SPILL"] == by_flowio.text["spill"] == sample.metadata["spill"]
    assert meta["$TOT"] == by_flowio.event_count == sample.event_count == len(tube.events)
    assert (meta["__header__"]["data start"], meta["__header__"]["data end"]) == (
        int(meta["$BEGINDATA"]),
        int(meta["$ENDDATA"]),
    )


def test_flowkit_compensates_with_the_files_own_matrix(written):
    path, tube = written
    sample = flowkit.Sample(path)
    sample.apply_compensation(sample.metadata["spill"])
    columns = [tube.channels.index(name) for name in tube.detectors]
    ours = tube.events[:, columns].astype(float) @ np.linalg.inv(tube.spillover)
    assert sample.get_events(source="comp")[:, columns] == pytest.approx(ours, abs=0.01)


_TWO = {f"$P{n}{key}": value for n in (1, 2) for key, value in [("N", f"C{n}"), ("B", "32"), ("R", "262144")]}


def test_an_empty_tube_is_a_valid_file(tmp_path):
    write_fcs(tmp_path / "e.fcs", np.empty((0, 2)), keywords=_TWO)
    meta = fcsparser.parse(str(tmp_path / "e.fcs"), meta_data_only=True)
    assert meta["$TOT"] == 0 and meta["$PAR"] == 2


@pytest.mark.parametrize("keywords", [{"$COM": ""}, {"": "x"}, {"$COM": "µ"}])
def test_what_fcs_cannot_hold_is_refused(tmp_path, keywords):
    with pytest.raises(ValueError, match="empty or not ASCII"):
        write_fcs(tmp_path / "a.fcs", np.zeros((1, 1)), keywords=keywords)


def test_a_delimiter_inside_a_value_survives(tmp_path):
    path = tmp_path / "a.fcs"
    keywords = {"$P1N": "A", "$P1B": "32", "$P1E": "0,0", "$P1R": "262144", "$COM": "a\x0cb"}
    write_fcs(path, np.zeros((1, 1)), keywords=keywords)
    assert flowio.FlowData(path).text["com"] == "a\x0cb"


def test_spill_keyword_is_row_major():
    value = spill_keyword(np.array([[1.0, 0.25], [0.5, 1.0]]), ("A", "B"))
    assert value == "2,A,B,1.0,0.25,0.5,1.0"
