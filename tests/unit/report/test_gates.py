"""Where gates came from, and pictures of single samples."""

import base64
import math

import pytest

from cytotrial.columns import GATES, POPULATIONS, QUALITY_STEPS
from cytotrial.cytometry.axis import Axis
from cytotrial.errors import CytotrialError
from cytotrial.report.gates import gate_table, population_table, read_pictures, step_table

PANELS = {"a": "treg", "b": "treg", "c": "treg"}


def _row(table, **cells):
    return dict.fromkeys(table.columns) | cells


def _texts(view):
    return [[cell.text for cell in row] for group in view.groups for row in group.rows]


def _gate(sample: str, source: str, linear: str | None, population: str = "cd3", bound: str = "min"):
    return _row(GATES, sample_id=sample, population=population, marker="CD3", bound=bound, source=source,
                threshold_linear=linear)  # fmt: skip


def _population(sample: str, name: str, parent: str | None, n: str | None, of: str | None):
    return _row(POPULATIONS, sample_id=sample, population=name, parent=parent, n_events=n, n_parent=of)


def test_sources_are_counted_and_thresholds_summed_up() -> None:
    gates = [_gate("a", "found", "1000"), _gate("b", "found", "1400"), _gate("c", "pooled", "1100")]
    view = gate_table(gates, [], PANELS, source="tables/gates.tsv")
    assert _texts(view) == [
        [
            "cd3",
            "CD3",
            "min",
            "3",
            "2",
            "1",
            "0",
            "0",
            "0",
            "0",
            "0",
            "1\u202f100",
            "1\u202f000 to 1\u202f400",
            "NA",
        ]
    ]


def test_shapes_have_no_threshold_and_parents_stand_above_children() -> None:
    populations = [
        _population("a", "cd3", "lymphocytes", "5", "10"),
        _population("a", "lymphocytes", None, "9", "9"),
    ]
    gates = [_gate("a", "found", "1000"), _gate("a", "found", None, population="lymphocytes", bound="shape")]
    view = gate_table(gates, populations, PANELS, source="x")
    assert [row[0] for row in _texts(view)] == ["lymphocytes", "cd3"]
    assert _texts(view)[0][-3:-1] == ["NA", "NA"]


def test_how_sure_a_place_is_stands_in_linear_units_and_of_a_shape_in_percent() -> None:
    """On a linear axis the SD is the table's; on logicle, 4.5 decades wide, 1/450 is 2.3 % far from zero."""
    scale = "logicle(T=262144,W=0.5,M=4.5,A=0)"
    axis = Axis("", "", 0, 262144.0, "logicle", 0.5, 4.5, 0.0)
    place = float(axis.to_scale(100_000.0))
    gates = [_gate("a", "found", "100000") | {"threshold": str(place), "uncertainty": str(1 / 450), "scale": scale}]
    gates += [_gate("b", "found", "100000")]
    gates += [_gate("a", "found", "50", "x") | {"threshold": "50", "uncertainty": "12", "scale": "linear"}]
    gates += [_gate("a", "found", None, "y", "shape") | {"uncertainty": "0.0345"}]
    view = gate_table(gates, [], PANELS, source="x")
    cells = [row[-1] for group in view.groups for row in group.rows]
    assert [cell.text for cell in cells[1:]] == ["12", "3.5 %"]
    assert float(cells[0].text.replace("\u202f", "")) == pytest.approx(100_000 * math.log(10) / 100, rel=0.02)
    assert cells[0].title == "known in 1 of 2 files"


def test_populations_share_of_parent_by_hand() -> None:
    rows = [_population("a", "cd3", "l", "50", "100"), _population("b", "cd3", "l", "10", "50")]
    rows.append(_population("c", "cd3", "l", None, None))
    view = population_table(rows, PANELS, source="x")
    assert _texts(view) == [["cd3", "l", "2 of 3", "30", "10", "35.00"]]  # shares 50 and 20 %


def test_steps_keep_their_order_and_a_step_not_done_keeps_nothing() -> None:
    step = {"sample_id": "a", "n_in": "100"}
    rows = [
        _row(QUALITY_STEPS, **step, step="time", order="10", done="Y", percent_kept="97"),
        _row(QUALITY_STEPS, **step, step="margins", order="9", done="N"),
    ]
    assert _texts(step_table(rows, PANELS, source="x")) == [
        ["margins", "0 of 1", "NA", "NA"],
        ["time", "1 of 1", "97.0", "97.0"],
    ]


def test_pictures_are_carried_in_the_page_by_panel(tmp_path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "zz.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("not a picture", encoding="utf-8")
    pictures, left_out = read_pictures([tmp_path], PANELS)
    assert left_out == 0
    assert {panel: [one.sample_id for one in drawn] for panel, drawn in pictures.items()} == {
        "treg": ["a"],
    }
    content = pictures["treg"][0].data_uri.removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(content) == b"<svg/>"


def test_a_folder_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(CytotrialError, match="nowhere: found no folder"):
        read_pictures([tmp_path / "nowhere"], PANELS)


def test_pictures_of_doubtful_files_come_in_first_and_the_rest_is_counted(tmp_path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(b"png")
    pictures, left_out = read_pictures([tmp_path], dict.fromkeys("abc", "nk"), first={"c"}, most=2)
    assert [one.sample_id for one in pictures["nk"]] == ["c", "a"]
    assert left_out == 1
